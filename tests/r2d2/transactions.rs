//! Transactions that somebody left open, on connections to SQLite in memory.

use crate::support::closes_balanced;
use r2d2::ManageConnection;
use rusqlite::Connection;
#[cfg(feature = "rusqlite")]
use {
    slackwater::ReturnOutcome,
    slackwater::r2d2::compat::{Builder, Pool, Rules},
};

struct Memory;

impl ManageConnection for Memory {
    type Connection = Connection;
    type Error = rusqlite::Error;

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        Connection::open_in_memory()
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), rusqlite::Error> {
        connection.execute_batch("")
    }

    fn has_broken(&self, _: &mut Connection) -> bool {
        false
    }
}

/// Whether the next user is in the transaction that a user left open.
#[cfg(feature = "rusqlite")]
fn is_lent_again(builder: Builder<Memory>) -> bool {
    let pool = builder.max_size(1).build(Memory).unwrap();
    pool.get().unwrap().execute_batch("BEGIN").unwrap();
    let is_lent_again = !pool.get().unwrap().is_autocommit();
    assert_eq!(pool.as_pool().stats().created, 1);
    closes_balanced(pool.as_pool());
    is_lent_again
}

#[cfg(feature = "rusqlite")]
#[test]
fn keep_transactions_is_whether_a_transaction_outlives_its_user() {
    for keeps in [false, true] {
        let mut rules = Rules::ours();
        rules.keep_transactions = keeps;
        assert_eq!(is_lent_again(Pool::builder().rules(rules)), keeps);
    }
    assert!(is_lent_again(Pool::builder().rules(Rules::r2d2())), "r2d2's");
}

#[cfg(feature = "rusqlite")]
#[test]
fn what_recycle_by_says_holds_under_either_rule() {
    assert!(is_lent_again(Pool::builder().recycle_by(|_| ReturnOutcome::Healthy)));
    let rolls_back = |connection: &mut Connection| match connection.is_autocommit() {
        true => ReturnOutcome::Healthy,
        false => connection.execute_batch("ROLLBACK").map_or(ReturnOutcome::Broken, |()| ReturnOutcome::Healthy),
    };
    let pool = Pool::builder().rules(Rules::r2d2()).recycle_by(rolls_back);
    assert!(!is_lent_again(pool));
}

/// Promise: who could be spared it is told, once for each manager, and nobody who wants it so. Provoked: a driver whose feature is off, or on.
#[test]
fn a_driver_that_nobody_rolls_back_on_is_told_of_once() {
    use crate::logger;
    use slackwater::Pool;
    use slackwater::r2d2::Adapter;

    let told =
        || logger::said(|line| line.starts_with("a `rusqlite::Connection` is lent again as its last user")).len();
    logger::listen();
    let by = Adapter::new(Memory).recycle_by(|_| slackwater::ReturnOutcome::Healthy);
    for adapter in [Adapter::new(Memory).keep_transactions(), by] {
        let pool = Pool::builder(adapter).max_size(1).build().unwrap();
        drop(pool.checkout().unwrap());
        closes_balanced(&pool);
        assert_eq!(told(), 0);
    }
    let pool = Pool::builder(Adapter::new(Memory)).max_size(2).build().unwrap();
    drop((pool.checkout().unwrap(), pool.checkout().unwrap()));
    closes_balanced(&pool);
    assert_eq!(told(), if cfg!(feature = "rusqlite") { 0 } else { 1 });
}
