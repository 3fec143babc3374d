//! Who lends the connections of which database, and what is asked on them.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::ConnectionManager;
use postgres::NoTls;
use r2d2::ManageConnection;
use r2d2_postgres::PostgresConnectionManager;
use slackwater::ReturnOutcome;
use slackwater::r2d2::compat::{self, NopErrorHandler, Rules};
use slackwater_databases::{Lost, Server, whole};
use std::time::Duration;

pub const SIZE: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(2);

/// A pool, from the side of its callers.
pub trait Lender: Sync {
    fn ask(&self) -> Result<(), Lost>;

    /// Connections that are free.
    fn idle(&self) -> u32;
}

type Ask<M> = fn(&mut <M as ManageConnection>::Connection) -> Result<(), String>;
/// Rolls back what a user left open, and tells whether that went well.
type RollBack<M> = fn(&mut <M as ManageConnection>::Connection) -> bool;

struct Ours<M: ManageConnection>(compat::Pool<M>, Ask<M>);

struct Theirs<M: ManageConnection>(r2d2::Pool<M>, Ask<M>);

impl<M: ManageConnection> Lender for Ours<M> {
    fn ask(&self) -> Result<(), Lost> {
        let mut connection = self.0.get().map_err(|error| Lost::NoConnection(whole(&error)))?;
        (self.1)(&mut connection).map_err(Lost::OnConnection)
    }

    fn idle(&self) -> u32 {
        self.0.state().idle_connections
    }
}

impl<M: ManageConnection> Lender for Theirs<M> {
    fn ask(&self) -> Result<(), Lost> {
        let mut connection = self.0.get().map_err(|error| Lost::NoConnection(whole(&error)))?;
        (self.1)(&mut connection).map_err(Lost::OnConnection)
    }

    fn idle(&self) -> u32 {
        self.0.state().idle_connections
    }
}

pub const CONTESTANTS: [&str; 5] =
    ["slackwater", "slackwater, recycle_by", "slackwater, r2d2's rules", "r2d2", "r2d2, untested"];

fn built<M: ManageConnection>(contestant: &str, manager: M, ask: Ask<M>, roll_back: RollBack<M>) -> Box<dyn Lender> {
    if contestant.starts_with("slackwater") {
        let pool = compat::Pool::builder().max_size(SIZE).connection_timeout(PATIENCE);
        let pool = match contestant {
            "slackwater, recycle_by" => pool.recycle_by(move |connection| match roll_back(connection) {
                true => ReturnOutcome::Healthy,
                false => ReturnOutcome::Broken,
            }),
            "slackwater, r2d2's rules" => pool.rules(Rules::r2d2()),
            _ => pool,
        };
        return Box::new(Ours(pool.error_handler(Box::new(NopErrorHandler)).build(manager).expect("it is up"), ask));
    }
    let pool = r2d2::Pool::builder().max_size(SIZE).connection_timeout(PATIENCE);
    let pool = pool.test_on_check_out(contestant == "r2d2").error_handler(Box::new(NopErrorHandler));
    Box::new(Theirs(pool.build(manager).expect("it is up"), ask))
}

/// A database, a way to it, and a question.
pub struct Database {
    pub name: &'static str,
    pub start: fn() -> Option<Server>,
    pub pool: fn(&str, &Server) -> Box<dyn Lender>,
}

pub const DATABASES: [Database; 3] = [
    Database { name: "postgres", start: Server::postgres, pool: through_postgres },
    Database { name: "diesel", start: Server::postgres, pool: through_diesel },
    Database { name: "redis", start: Server::redis, pool: through_redis },
];

fn through_postgres(contestant: &str, server: &Server) -> Box<dyn Lender> {
    let manager = PostgresConnectionManager::new(server.postgres_url().parse().expect("it is a URL"), NoTls);
    let ask: Ask<PostgresConnectionManager<NoTls>> =
        |client| client.simple_query("SELECT 1").map(drop).map_err(|error| whole(&error));
    built(contestant, manager, ask, |client| {
        client.simple_query("BEGIN; ROLLBACK").or_else(|_| client.simple_query("ROLLBACK")).is_ok()
    })
}

fn through_diesel(contestant: &str, server: &Server) -> Box<dyn Lender> {
    let manager = ConnectionManager::<PgConnection>::new(server.postgres_url());
    let ask: Ask<ConnectionManager<PgConnection>> =
        |connection| connection.batch_execute("SELECT 1").map_err(|error| whole(&error));
    built(contestant, manager, ask, |connection| {
        connection.batch_execute("BEGIN; ROLLBACK").or_else(|_| connection.batch_execute("ROLLBACK")).is_ok()
    })
}

fn through_redis(contestant: &str, server: &Server) -> Box<dyn Lender> {
    let manager = redis::Client::open(server.redis_url()).expect("it is a URL");
    let ask: Ask<redis::Client> =
        |connection| redis::cmd("GET").arg("1").exec(connection).map_err(|error| whole(&error));
    built(contestant, manager, ask, |connection| {
        // What is queued was asked within a transaction.
        let said = redis::cmd("UNWATCH").query::<String>(connection);
        said.is_ok_and(|said| said == "OK" || redis::cmd("DISCARD").exec(connection).is_ok())
    })
}
