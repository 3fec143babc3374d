//! PostgreSQL and SQLite through diesel's names.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use slackwater::ReturnOutcome;
use slackwater::r2d2::compat::diesel::{
    Builder, ConnectionManager, NopErrorHandler, Pool, PooledConnection, Rules, TestCustomizer,
};
use slackwater_databases::{Lost, Outage, Server, closes_balanced, on_a_thread_that_panics, until, whole};
use std::thread;
use std::time::Duration;

type Manager = ConnectionManager<PgConnection>;

/// Longer than anybody waits who is told early.
const PATIENCE: Duration = Duration::from_secs(10);
const SIZE: u32 = 4;
const CAUSES: [&str; 4] =
    ["Connection refused", "the database system is", "Connection reset by peer", "server closed the connection"];

diesel::table! {
    visits (visitor) {
        visitor -> Integer,
    }
}

#[derive(QueryableByName)]
struct Asked {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    backend: i32,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    is_in_transaction: bool,
}

/// Which session it is, and whether a statement before this one began a transaction.
fn asked(conn: &mut impl diesel::connection::LoadConnection<Backend = diesel::pg::Pg>) -> Asked {
    let asks = "SELECT pg_backend_pid() AS backend, (SELECT count(*) > 0 FROM pg_locks WHERE pid = pg_backend_pid() \
                AND relation = 'visits'::regclass) AS is_in_transaction";
    diesel::sql_query(asks).get_result(conn).unwrap()
}

/// Begins a transaction that diesel knows nothing of, and does something in it.
fn leaves_open(conn: &mut impl SimpleConnection) {
    conn.batch_execute("BEGIN; INSERT INTO visits VALUES (1)").unwrap();
}

fn manager(server: &Server) -> Manager {
    let setup = "CREATE TABLE IF NOT EXISTS visits (visitor INT)";
    PgConnection::establish(&server.postgres_url()).unwrap().batch_execute(setup).unwrap();
    Manager::new(server.postgres_url())
}

fn facade() -> Builder<Manager> {
    Pool::builder().max_size(SIZE).connection_timeout(PATIENCE).error_handler(Box::new(NopErrorHandler))
}

fn count(conn: &mut PooledConnection<Manager>) -> i64 {
    visits::table.count().get_result(conn).unwrap()
}

#[test]
fn many_threads_share_few_sessions() {
    let Some(server) = Server::postgres() else { return };
    let pool = facade().build(manager(&server)).unwrap();
    thread::scope(|scope| {
        for visitor in 0..16 {
            let pool = &pool;
            scope.spawn(move || {
                for _ in 0..25 {
                    let conn = &mut pool.get().unwrap();
                    diesel::insert_into(visits::table).values(visits::visitor.eq(visitor)).execute(conn).unwrap();
                }
            });
        }
    });
    assert_eq!(count(&mut pool.get().unwrap()), 16 * 25);
    assert!(server.postgres_sessions() <= i64::from(SIZE));
    closes_balanced(pool.as_pool());
    until("no session is left", || server.postgres_sessions() == 0);
}

#[test]
fn a_killed_server_is_told_of_truly_and_early_and_its_return_needs_nobody() {
    let Some(mut server) = Server::postgres() else { return };
    let pool = facade().test_on_check_out(false).build(manager(&server)).unwrap();
    let outage = Outage::of(&mut server, || {
        let mut conn = pool.get().map_err(|error| Lost::NoConnection(whole(&error)))?;
        let one = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1"));
        one.get_result::<i32>(&mut conn).map(drop).map_err(|error| Lost::OnConnection(whole(&error)))
    });
    outage.was_true_and_early(PATIENCE, &CAUSES, SIZE as usize);
    until("capacity is whole", || pool.state().idle_connections == SIZE);
    closes_balanced(pool.as_pool());
}

#[test]
fn what_diesel_began_is_never_lent_again() {
    let Some(server) = Server::postgres() else { return };
    use diesel::connection::{AnsiTransactionManager, TransactionManager};
    let pool = facade().max_size(1).build(manager(&server)).unwrap();
    let mut conn = pool.get().unwrap();
    let first = asked(&mut conn).backend;
    // Neither ended: diesel's manager sees it at the return.
    AnsiTransactionManager::begin_transaction(&mut *conn).unwrap();
    diesel::insert_into(visits::table).values(visits::visitor.eq(1)).execute(&mut conn).unwrap();
    drop(conn);
    let mut next = pool.get().unwrap();
    let Asked { backend, is_in_transaction } = asked(&mut next);
    assert!(backend != first && !is_in_transaction);
    drop(next);
    // Panicked within: rolled back, or given up.
    on_a_thread_that_panics(|| {
        let mut conn = pool.get().unwrap();
        let _ = conn.transaction(|conn| {
            diesel::insert_into(visits::table).values(visits::visitor.eq(1)).execute(conn)?;
            if count(conn) == 1 { panic!("in the midst of it") } else { Ok::<_, diesel::result::Error>(()) }
        });
    });
    let mut next = pool.get().unwrap();
    assert!(!asked(&mut next).is_in_transaction && count(&mut next) == 0);
    drop(next);
    closes_balanced(pool.as_pool());
}

/// Promise: the next user is in no transaction, by default. Provoked: 20 users who each leave one open that diesel knows nothing of, the half of
/// them one that failed.
#[test]
fn what_was_begun_past_diesel_is_never_lent_again() {
    let Some(server) = Server::postgres() else { return };
    let ours = facade().max_size(1).build(manager(&server)).unwrap();
    for round in 0..20 {
        let mut conn = ours.get().unwrap();
        assert!(!asked(&mut conn).is_in_transaction && count(&mut conn) == 0);
        leaves_open(&mut conn);
        if round % 2 == 0 {
            conn.batch_execute("SELECT 1 / 0").unwrap_err();
        }
    }
    closes_balanced(ours.as_pool());
}

/// Promise: the same with SQLite, where it costs no connection.
#[test]
fn what_was_begun_past_diesel_in_sqlite_is_never_lent_again() {
    let pool = Pool::builder().max_size(1).build(ConnectionManager::<SqliteConnection>::new(":memory:")).unwrap();
    pool.get().unwrap().batch_execute("CREATE TABLE visits (visitor INT)").unwrap();
    for _ in 0..20 {
        let mut conn = pool.get().unwrap();
        assert_eq!(visits::table.count().get_result::<i64>(&mut conn).unwrap(), 0);
        leaves_open(&mut conn);
    }
    assert_eq!(pool.as_pool().stats().created, 1);
    closes_balanced(pool.as_pool());
}

/// Promise: the rule is a switch for diesel's too, and what somebody says of returns holds in its place.
#[test]
fn what_was_begun_past_diesel_is_lent_again_where_transactions_are_kept() {
    let manager = || ConnectionManager::<SqliteConnection>::new(":memory:");
    let is_lent_again = |builder: Builder<ConnectionManager<SqliteConnection>>| {
        let pool = builder.max_size(1).build(manager()).unwrap();
        pool.get().unwrap().batch_execute("BEGIN").unwrap();
        let is_open = pool.get().unwrap().batch_execute("ROLLBACK").is_ok();
        closes_balanced(pool.as_pool());
        is_open
    };
    assert!(!is_lent_again(Pool::builder()));
    assert!(is_lent_again(Pool::builder().rules(Rules::r2d2())));
    assert!(is_lent_again(Pool::builder().recycle_by(|_| ReturnOutcome::Healthy)));
}

/// Promise: a test's transaction stays, from one user to the next.
#[test]
fn a_test_transaction_stays_open() {
    let manager = ConnectionManager::<SqliteConnection>::new(":memory:");
    let pool = Pool::builder().max_size(1).connection_customizer(Box::new(TestCustomizer)).build(manager).unwrap();
    pool.get().unwrap().batch_execute("CREATE TABLE visits (visitor INT)").unwrap();
    for visits in 0..3 {
        let mut conn = pool.get().unwrap();
        assert_eq!(visits::table.count().get_result::<i64>(&mut conn).unwrap(), visits);
        diesel::insert_into(visits::table).values(visits::visitor.eq(1)).execute(&mut conn).unwrap();
    }
    pool.get().unwrap().batch_execute("ROLLBACK").unwrap();
    closes_balanced(pool.as_pool());
}

/// Promise: diesel's own manager works as it does in r2d2: what was begun past it stays.
#[test]
fn what_was_begun_past_diesel_is_lent_again_by_its_own_manager() {
    let Some(server) = Server::postgres() else { return };
    drop(manager(&server));
    let theirs = || diesel::r2d2::ConnectionManager::<PgConnection>::new(server.postgres_url());
    let in_r2d2 = diesel::r2d2::Pool::builder().max_size(1).build(theirs()).unwrap();
    leaves_open(&mut in_r2d2.get().unwrap());
    assert!(asked(&mut in_r2d2.get().unwrap()).is_in_transaction);
    drop(in_r2d2);
    let ours = Pool::builder().max_size(1).build(theirs()).unwrap();
    leaves_open(&mut ours.get().unwrap());
    assert!(asked(&mut ours.get().unwrap()).is_in_transaction);
    closes_balanced(ours.as_pool());
}
