//! Who lends the connections of which database, and what is asked on them.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::ConnectionManager;
use postgres::NoTls;
use r2d2::ManageConnection;
use r2d2_postgres::PostgresConnectionManager;
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
    ["slackwater", "slackwater, transactions kept", "slackwater, r2d2's rules", "r2d2", "r2d2, untested"];

fn built<M: ManageConnection>(contestant: &str, manager: M, ask: Ask<M>) -> Box<dyn Lender> {
    if contestant.starts_with("slackwater") {
        let mut rules = Rules::ours();
        match contestant {
            "slackwater, transactions kept" => rules.keep_transactions = true,
            "slackwater, r2d2's rules" => rules = Rules::r2d2(),
            _ => {}
        }
        let pool = compat::Pool::builder().max_size(SIZE).connection_timeout(PATIENCE).rules(rules);
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
    built(contestant, manager, |client| client.simple_query("SELECT 1").map(drop).map_err(|error| whole(&error)))
}

fn through_diesel(contestant: &str, server: &Server) -> Box<dyn Lender> {
    fn ask(connection: &mut PgConnection) -> Result<(), String> {
        connection.batch_execute("SELECT 1").map_err(|error| whole(&error))
    }
    if contestant.starts_with("slackwater") {
        return built(contestant, compat::diesel::ConnectionManager::new(server.postgres_url()), ask);
    }
    built(contestant, ConnectionManager::new(server.postgres_url()), ask)
}

fn through_redis(contestant: &str, server: &Server) -> Box<dyn Lender> {
    let manager = redis::Client::open(server.redis_url()).expect("it is a URL");
    built(contestant, manager, |connection| redis::cmd("GET").arg("1").exec(connection).map_err(|error| whole(&error)))
}
