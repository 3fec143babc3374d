//! PostgreSQL through r2d2_postgres: ordinary use, a server that is killed, hangs and hangs up, and transactions that somebody left open.

use postgres::error::SqlState;
use postgres::{Client, Error, NoTls, SimpleQueryMessage};
use r2d2_postgres::PostgresConnectionManager;
use slackwater::r2d2::Adapter;
use slackwater::r2d2::compat::{self, NopErrorHandler, Rules};
use slackwater::{Pool, Severity};
use slackwater_databases::{Lost, Outage, Server, closes_balanced, on_a_thread_that_panics, until, whole};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

type Manager = PostgresConnectionManager<NoTls>;

/// Longer than anybody waits who is told early.
const PATIENCE: Duration = Duration::from_secs(10);
const SIZE: u32 = 4;
/// What a server that is gone, or on its way, is told of with.
const CAUSES: [&str; 3] = ["Connection refused", "the database system is", "Connection reset by peer"];

fn manager(server: &Server) -> Manager {
    Manager::new(server.postgres_url().parse().unwrap(), NoTls)
}

fn facade() -> compat::Builder<Manager> {
    compat::Pool::builder().max_size(SIZE).connection_timeout(PATIENCE).error_handler(Box::new(NopErrorHandler))
}

/// Whether a statement before this one began a transaction: its time stands still.
fn is_in_transaction(client: &mut Client) -> bool {
    let rows = client.simple_query("SELECT now() < statement_timestamp()").unwrap();
    rows.iter().any(|row| matches!(row, SimpleQueryMessage::Row(row) if row.get(0) == Some("t")))
}

fn backend(client: &mut Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0)
}

#[test]
fn many_threads_share_few_sessions() {
    let Some(server) = Server::postgres() else { return };
    let pool = facade().build(manager(&server)).unwrap();
    pool.get().unwrap().batch_execute("CREATE TABLE visits (visitor INT, page INT)").unwrap();
    let seen = Mutex::new(HashSet::new());
    thread::scope(|scope| {
        for visitor in 0..16 {
            let (pool, seen) = (&pool, &seen);
            scope.spawn(move || {
                for page in 0..25 {
                    let mut client = pool.get().unwrap();
                    client.execute("INSERT INTO visits VALUES ($1, $2)", &[&visitor, &page]).unwrap();
                    seen.lock().unwrap().insert(backend(&mut client));
                }
            });
        }
    });
    let visits: i64 = pool.get().unwrap().query_one("SELECT count(*) FROM visits", &[]).unwrap().get(0);
    assert_eq!(visits, 16 * 25);
    let backends = seen.into_inner().unwrap().len();
    assert!(backends <= SIZE as usize && server.postgres_sessions() <= i64::from(SIZE), "{backends}");
    closes_balanced(pool.as_pool());
    until("no session is left", || server.postgres_sessions() == 0);
}

#[test]
fn a_killed_server_is_told_of_truly_and_early_and_its_return_needs_nobody() {
    let Some(mut server) = Server::postgres() else { return };
    let pool = facade().test_on_check_out(false).build(manager(&server)).unwrap();
    let outage = Outage::of(&mut server, || {
        let mut client = pool.get().map_err(|error| Lost::NoConnection(whole(&error)))?;
        client.simple_query("SELECT 1").map(drop).map_err(|error| Lost::OnConnection(whole(&error)))
    });
    outage.was_true_and_early(PATIENCE, &CAUSES, SIZE as usize);
    until("capacity is whole", || pool.state().idle_connections == SIZE);
    until("the server agrees", || server.postgres_sessions() == i64::from(SIZE));
    closes_balanced(pool.as_pool());
}

/// Promise: where nobody looks at the return, each dead session costs two requests at the most. When a dying server says so, the
/// driver does not take that for the end yet.
#[test]
fn where_transactions_are_kept_each_dead_session_costs_two_requests_at_the_most() {
    let Some(mut server) = Server::postgres() else { return };
    let builder = Pool::builder(Adapter::whole(manager(&server)).keep_transactions())
        .max_size(SIZE as usize)
        .checkout_timeout(PATIENCE);
    let pool = builder.remove_after(1).build().unwrap();
    let outage = Outage::of(&mut server, || {
        let mut client = pool.checkout().map_err(|error| Lost::NoConnection(whole(&error)))?;
        client.simple_query("SELECT 1").map(drop).map_err(|error| Lost::OnConnection(whole(&error)))
    });
    outage.was_true_and_early(PATIENCE, &CAUSES, 2 * SIZE as usize);
    until("capacity is whole", || (0..SIZE).map(|_| pool.checkout()).filter(Result::is_ok).count() == SIZE as usize);
    closes_balanced(&pool);
}

#[test]
fn what_is_kept_ready_is_there_again_after_a_restart_that_nobody_noticed() {
    let Some(mut server) = Server::postgres() else { return };
    let builder = Pool::builder(Adapter::new(manager(&server))).max_size(SIZE as usize).min_idle(3).remove_after(1);
    let pool = builder.check_interval(Duration::from_millis(50)).build().unwrap();
    let before = pool.stats().created;
    server.restart();
    until("three sessions are there", || server.postgres_sessions() == 3);
    until("the pool knows", || pool.stats().available == 3);
    let stats = pool.stats();
    assert!(stats.created >= before + 3 && stats.checkouts == 0, "{stats:?}");
    closes_balanced(&pool);
}

fn leaves_open(client: &mut Client) -> i32 {
    client.batch_execute("BEGIN").unwrap();
    backend(client)
}

/// Promise: the next user has the same session and no transaction, by default, in the facade and in a pool of this crate's. Provoked: 20
/// users who each leave one open, the half of them one that failed.
#[test]
fn a_transaction_left_open_is_never_lent_again() {
    let Some(server) = Server::postgres() else { return };
    let misuse = |client: &mut Client, round: i32| {
        assert!(!is_in_transaction(client));
        leaves_open(client);
        if round % 2 == 0 {
            client.batch_execute("SELECT 1 / 0").unwrap_err();
        }
    };
    let facade = facade().max_size(1).build(manager(&server)).unwrap();
    (0..20).for_each(|round| misuse(&mut facade.get().unwrap(), round));
    assert_eq!(facade.as_pool().stats().created, 1);
    closes_balanced(facade.as_pool());
    let pool = Pool::builder(Adapter::whole(manager(&server))).remove_after(1).build().unwrap();
    (0..20).for_each(|round| misuse(&mut pool.checkout().unwrap(), round));
    assert_eq!(pool.stats().created, 1);
    closes_balanced(&pool);
}

/// Promise: the rule is a switch.
#[test]
fn a_transaction_left_open_is_lent_again_by_r2d2_and_where_transactions_are_kept() {
    let Some(server) = Server::postgres() else { return };
    let theirs = r2d2::Pool::builder().max_size(1).build(manager(&server)).unwrap();
    let left = leaves_open(&mut theirs.get().unwrap());
    let mut next = theirs.get().unwrap();
    assert!(backend(&mut next) == left && is_in_transaction(&mut next));
    drop((next, theirs));
    let mut rules = Rules::ours();
    rules.keep_transactions = true;
    let kept = facade().max_size(1).rules(rules).build(manager(&server)).unwrap();
    let left = leaves_open(&mut kept.get().unwrap());
    let mut next = kept.get().unwrap();
    assert!(backend(&mut next) == left && is_in_transaction(&mut next));
    drop(next);
    closes_balanced(kept.as_pool());
}

/// Promise: looking for a transaction that is not there fills no log. Provoked: the server's notices go to the client too.
#[test]
fn a_return_that_rolls_back_nothing_is_no_warning_to_the_server() {
    let Some(server) = Server::postgres() else { return };
    let mut config: postgres::Config = server.postgres_url().parse().unwrap();
    let counted = Arc::<AtomicUsize>::default();
    let told = Arc::clone(&counted);
    config.notice_callback(move |_| {
        told.fetch_add(1, SeqCst);
    });
    let pool = facade().max_size(1).build(Manager::new(config, NoTls)).unwrap();
    for _ in 0..20 {
        assert!(!is_in_transaction(&mut pool.get().unwrap()));
    }
    assert_eq!(counted.load(SeqCst), 0);
    // There is something to be heard.
    pool.get().unwrap().batch_execute("ROLLBACK").unwrap();
    until("it is told", || counted.load(SeqCst) == 1);
    closes_balanced(pool.as_pool());
}

#[test]
fn a_user_who_panics_in_a_transaction_takes_the_session_along_and_in_r2d2_leaves_it_to_the_next() {
    let Some(server) = Server::postgres() else { return };
    let ours = facade().max_size(1).build(manager(&server)).unwrap();
    let theirs = r2d2::Pool::builder().max_size(1).build(manager(&server)).unwrap();
    let (our_first, their_first) = (backend(&mut ours.get().unwrap()), backend(&mut theirs.get().unwrap()));
    on_a_thread_that_panics(|| {
        let mut client = ours.get().unwrap();
        client.batch_execute("BEGIN").unwrap();
        panic!("in the midst of it");
    });
    on_a_thread_that_panics(|| {
        let mut client = theirs.get().unwrap();
        client.batch_execute("BEGIN").unwrap();
        panic!("in the midst of it");
    });
    let (mut our_next, mut their_next) = (ours.get().unwrap(), theirs.get().unwrap());
    assert!(backend(&mut our_next) != our_first && !is_in_transaction(&mut our_next));
    assert!(backend(&mut their_next) == their_first && is_in_transaction(&mut their_next));
    drop(our_next);
    closes_balanced(ours.as_pool());
}

#[test]
fn a_statement_that_takes_too_long_costs_the_statement_and_not_the_session() {
    let Some(server) = Server::postgres() else { return };
    let mut config: postgres::Config = server.postgres_url().parse().unwrap();
    config.options("-c statement_timeout=50ms");
    let pool = facade().max_size(1).build(Manager::new(config, NoTls)).unwrap();
    let mut client = pool.get().unwrap();
    let first = backend(&mut client);
    let error = client.batch_execute("SELECT pg_sleep(30)").unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
    drop(client);
    assert_eq!(backend(&mut pool.get().unwrap()), first);
    assert_eq!(pool.as_pool().stats().created, 1);
    closes_balanced(pool.as_pool());
}

#[test]
fn sessions_that_the_server_ended_reach_nobody_where_checkouts_test() {
    let Some(server) = Server::postgres() else { return };
    let pool = facade().test_on_check_out(true).build(manager(&server)).unwrap();
    let mut other = Client::connect(&server.postgres_url(), NoTls).unwrap();
    let ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    for _ in 0..3 {
        other.batch_execute(ends).unwrap();
        let mut all: Vec<_> = (0..SIZE).map(|_| pool.get().unwrap()).collect();
        for client in &mut all {
            client.simple_query("SELECT 1").unwrap();
        }
    }
    drop(other);
    closes_balanced(pool.as_pool());
}

#[test]
fn a_server_that_hangs_costs_who_waits_his_patience_and_says_who_holds() {
    let Some(server) = Server::postgres() else { return };
    let pool = facade().test_on_check_out(false).build(manager(&server)).unwrap();
    server.freeze();
    thread::scope(|scope| {
        let ask = || pool.get().unwrap().simple_query("SELECT 1").map(drop);
        let asking: Vec<_> = (0..SIZE).map(|_| scope.spawn(ask)).collect();
        until("all are in use", || pool.state().idle_connections == 0);
        let asked = Instant::now();
        let text = pool.get_timeout(Duration::from_millis(100)).err().unwrap().to_string();
        let took = asked.elapsed();
        server.thaw();
        assert!(took >= Duration::from_millis(100) && took < PATIENCE / 2, "{took:?}");
        assert!(text.contains("postgres.rs"), "who holds them is not in: {text}");
        // They were answered all the same, late.
        assert!(asking.into_iter().all(|thread| thread.join().unwrap().is_ok()));
    });
    assert_eq!(pool.state().idle_connections, SIZE);
    assert_eq!(pool.as_pool().stats().created, u64::from(SIZE));
    closes_balanced(pool.as_pool());
}

#[test]
fn what_trying_again_cannot_mend_is_told_at_once() {
    let Some(server) = Server::postgres() else { return };
    let mut config: postgres::Config = server.postgres_url().parse().unwrap();
    config.dbname("nowhere");
    let is_hopeless = |error: &Error| match error.code() {
        Some(&SqlState::INVALID_CATALOG_NAME | &SqlState::INVALID_PASSWORD) => Severity::Permanent,
        _ => Severity::Transient,
    };
    let pool = facade().min_idle(Some(0)).classify_by(is_hopeless).build(Manager::new(config, NoTls)).unwrap();
    let asked = Instant::now();
    let error = pool.get().err().unwrap();
    assert!(whole(&error).contains("\"nowhere\" does not exist"), "{}", whole(&error));
    assert!(asked.elapsed() < PATIENCE / 2);
    closes_balanced(pool.as_pool());
}

#[test]
fn close_names_who_still_holds_a_session_and_ends_it_at_its_return() {
    let Some(server) = Server::postgres() else { return };
    let pool = facade().build(manager(&server)).unwrap();
    let mut held = pool.get().unwrap();
    let report = pool.as_pool().close(Duration::from_millis(20));
    assert!(!report.is_complete() && report.to_string().contains("postgres.rs"), "{report}");
    until("all but that one have ended", || server.postgres_sessions() == 1);
    assert!(pool.get().is_err());
    held.simple_query("SELECT 1").unwrap();
    drop(held);
    until("it has ended", || server.postgres_sessions() == 0);
    closes_balanced(pool.as_pool());
}
