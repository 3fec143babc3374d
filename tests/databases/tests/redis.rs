//! Redis through the manager that its crate has for r2d2.

use redis::{Client, Connection, RedisResult};
use slackwater::r2d2::compat::{Builder, NopErrorHandler, Pool, Rules};
use slackwater_databases::{Lost, Outage, Server, closes_balanced, on_a_thread_that_panics, until, whole};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anybody waits who is told early.
const PATIENCE: Duration = Duration::from_secs(10);
const SIZE: u32 = 4;

fn facade() -> Builder<Client> {
    Pool::builder().max_size(SIZE).connection_timeout(PATIENCE).error_handler(Box::new(NopErrorHandler))
}

fn client(server: &Server) -> Client {
    Client::open(server.redis_url()).unwrap()
}

fn id(connection: &mut Connection) -> i64 {
    redis::cmd("CLIENT").arg("ID").query(connection).unwrap()
}

/// What a counter says, or what stands in its place.
fn count(connection: &mut Connection) -> RedisResult<redis::Value> {
    redis::cmd("INCR").arg("visits").query(connection)
}

#[test]
fn many_threads_share_few_connections() {
    let Some(server) = Server::redis() else { return };
    let pool = facade().build(client(&server)).unwrap();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| (0..50).for_each(|_| drop(count(&mut pool.get().unwrap()).unwrap())));
        }
    });
    assert_eq!(count(&mut pool.get().unwrap()).unwrap(), redis::Value::Int(16 * 50 + 1));
    assert_eq!(pool.as_pool().stats().created, u64::from(SIZE));
    closes_balanced(pool.as_pool());
}

#[test]
fn a_killed_server_is_told_of_truly_and_early_and_its_return_needs_nobody() {
    let Some(mut server) = Server::redis() else { return };
    let pool = facade().test_on_check_out(false).build(client(&server)).unwrap();
    let outage = Outage::of(&mut server, || {
        let mut connection = pool.get().map_err(|error| Lost::NoConnection(whole(&error)))?;
        count(&mut connection).map(drop).map_err(|error| Lost::OnConnection(whole(&error)))
    });
    outage.was_true_and_early(PATIENCE, &["Connection refused", "Connection reset"], SIZE as usize);
    until("capacity is whole", || pool.state().idle_connections == SIZE);
    closes_balanced(pool.as_pool());
}

fn begins(connection: &mut Connection) {
    redis::cmd("MULTI").exec(connection).unwrap();
}

fn queued() -> redis::Value {
    redis::Value::SimpleString("QUEUED".to_owned())
}

/// Promise: the next user's commands are run, by default. Provoked: 20 users who each leave a MULTI open, with something queued.
#[test]
fn a_multi_left_open_is_never_lent_again() {
    let Some(server) = Server::redis() else { return };
    let ours = facade().max_size(1).build(client(&server)).unwrap();
    for visit in 1..=20 {
        let mut connection = ours.get().unwrap();
        assert_eq!(count(&mut connection).unwrap(), redis::Value::Int(visit));
        begins(&mut connection);
        assert_eq!(count(&mut connection).unwrap(), queued());
    }
    assert_eq!(ours.as_pool().stats().created, 1);
    closes_balanced(ours.as_pool());
}

/// Promise: what a user watched is not watched for the next. Provoked: a key that somebody else writes in between.
#[test]
fn what_a_user_watched_fails_no_transaction_of_the_next() {
    let Some(server) = Server::redis() else { return };
    let ours = facade().max_size(1).build(client(&server)).unwrap();
    redis::cmd("WATCH").arg("visits").exec(&mut ours.get().unwrap()).unwrap();
    count(&mut client(&server).get_connection().unwrap()).unwrap();
    let mut next = ours.get().unwrap();
    begins(&mut next);
    count(&mut next).unwrap();
    let ran = redis::cmd("EXEC").query::<redis::Value>(&mut next).unwrap();
    assert_eq!(ran, redis::Value::Array(vec![redis::Value::Int(2)]));
    drop(next);
    assert_eq!(ours.as_pool().stats().created, 1);
    closes_balanced(ours.as_pool());
}

/// Promise: an answer that its user did not read is not taken for the one that nothing is open. Provoked: a MULTI whose `OK` is still to come.
#[test]
fn a_multi_whose_answer_nobody_read_is_not_lent_again() {
    let Some(server) = Server::redis() else { return };
    let ours = facade().max_size(1).build(client(&server)).unwrap();
    let first = id(&mut ours.get().unwrap());
    ours.get().unwrap().send_packed_command(&redis::cmd("MULTI").get_packed_command()).unwrap();
    let mut next = ours.get().unwrap();
    assert_ne!(id(&mut next), first);
    assert_eq!(count(&mut next).unwrap(), redis::Value::Int(1));
    drop(next);
    closes_balanced(ours.as_pool());
}

/// Promise: the rule is a switch.
#[test]
fn a_multi_left_open_is_lent_again_by_r2d2_untested_and_where_transactions_are_kept() {
    let Some(server) = Server::redis() else { return };
    // r2d2, unless it asks each connection before: the next user's command is not run.
    let theirs = r2d2::Pool::builder().max_size(1).test_on_check_out(false).build(client(&server)).unwrap();
    begins(&mut theirs.get().unwrap());
    assert_eq!(count(&mut theirs.get().unwrap()).unwrap(), queued());
    drop(theirs);
    let mut rules = Rules::ours();
    rules.keep_transactions = true;
    // A connection that has just been used is not asked here, as r2d2 by itself asks each.
    let kept = facade().max_size(1).rules(rules).build(client(&server)).unwrap();
    begins(&mut kept.get().unwrap());
    assert_eq!(count(&mut kept.get().unwrap()).unwrap(), queued());
    closes_balanced(kept.as_pool());
    let asks = facade().max_size(1).rules(rules).test_on_check_out(true).build(client(&server)).unwrap();
    begins(&mut asks.get().unwrap());
    assert!(matches!(count(&mut asks.get().unwrap()).unwrap(), redis::Value::Int(_)));
    assert_eq!(asks.as_pool().stats().created, 2);
    closes_balanced(asks.as_pool());
}

#[test]
fn a_user_who_panics_within_multi_takes_the_connection_along() {
    let Some(server) = Server::redis() else { return };
    let pool = facade().max_size(1).build(client(&server)).unwrap();
    let first = id(&mut pool.get().unwrap());
    on_a_thread_that_panics(|| {
        let mut connection = pool.get().unwrap();
        redis::cmd("MULTI").exec(&mut connection).unwrap();
        panic!("in the midst of it");
    });
    let mut connection = pool.get().unwrap();
    assert_ne!(id(&mut connection), first);
    assert_eq!(count(&mut connection).unwrap(), redis::Value::Int(1));
    drop(connection);
    closes_balanced(pool.as_pool());
}

#[test]
fn an_answer_that_comes_too_late_is_not_the_next_users() {
    let Some(server) = Server::redis() else { return };
    let pool = facade().max_size(1).test_on_check_out(false).build(client(&server)).unwrap();
    let mut connection = pool.get().unwrap();
    connection.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    server.freeze();
    let asked = Instant::now();
    let error = redis::cmd("ECHO").arg("late").query::<String>(&mut connection).unwrap_err();
    server.thaw();
    assert!(error.is_timeout() && asked.elapsed() < PATIENCE, "{error}");
    drop(connection);
    let mut next = pool.get().unwrap();
    assert_eq!(redis::cmd("ECHO").arg("mine").query::<String>(&mut next).unwrap(), "mine");
    drop(next);
    closes_balanced(pool.as_pool());
}

#[test]
fn connections_that_the_server_ended_reach_nobody_where_checkouts_test() {
    let Some(server) = Server::redis() else { return };
    let pool = facade().test_on_check_out(true).build(client(&server)).unwrap();
    let mut other = client(&server).get_connection().unwrap();
    for _ in 0..3 {
        redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec(&mut other).unwrap();
        let mut all: Vec<_> = (0..SIZE).map(|_| pool.get().unwrap()).collect();
        all.iter_mut().for_each(|connection| drop(count(connection).unwrap()));
    }
    closes_balanced(pool.as_pool());
}
