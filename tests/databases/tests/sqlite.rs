//! SQLite through r2d2_sqlite: nothing to start, nothing to kill; transactions are left open all the same.

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use slackwater::r2d2::compat::{Builder, Pool, Rules};
use slackwater_databases::{closes_balanced, on_a_thread_that_panics};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// A database in a file of a test's own.
struct File(PathBuf);

impl File {
    fn new(test: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("slackwater-{}-{test}.sqlite", std::process::id())));
        file.manager().connect_once("PRAGMA journal_mode = WAL; CREATE TABLE visits (visitor INT)");
        file
    }

    fn manager(&self) -> SqliteConnectionManager {
        SqliteConnectionManager::file(&self.0).with_init(|connection| connection.busy_timeout(Duration::from_secs(10)))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(Path::new(&format!("{}{ending}", self.0.display())));
        }
    }
}

trait Once {
    fn connect_once(&self, statements: &str);
}

impl Once for SqliteConnectionManager {
    fn connect_once(&self, statements: &str) {
        r2d2::ManageConnection::connect(self).unwrap().execute_batch(statements).unwrap();
    }
}

fn visits(connection: &Connection) -> i64 {
    connection.query_row("SELECT count(*) FROM visits", [], |row| row.get(0)).unwrap()
}

fn facade() -> Builder<SqliteConnectionManager> {
    Pool::builder().max_size(4)
}

#[test]
fn many_threads_write_through_few_connections() {
    let file = File::new("many");
    let pool = facade().build(file.manager()).unwrap();
    thread::scope(|scope| {
        for visitor in 0..8 {
            let pool = &pool;
            scope.spawn(move || {
                for _ in 0..25 {
                    pool.get().unwrap().execute("INSERT INTO visits VALUES (?1)", [visitor]).unwrap();
                }
            });
        }
    });
    assert_eq!(visits(&pool.get().unwrap()), 8 * 25);
    closes_balanced(pool.as_pool());
}

/// Promise: the next user is in no transaction, by default. Provoked: 20 users who each leave one open, with its lock.
#[test]
fn a_transaction_left_open_is_never_lent_again() {
    let file = File::new("open");
    let ours = facade().max_size(1).build(file.manager()).unwrap();
    for _ in 0..20 {
        let connection = ours.get().unwrap();
        assert!(connection.is_autocommit() && visits(&connection) == 0);
        connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO visits VALUES (1)").unwrap();
    }
    assert_eq!(ours.as_pool().stats().created, 1);
    // The lock is gone too.
    file.manager().connect_once("PRAGMA busy_timeout = 0; INSERT INTO visits VALUES (2)");
    closes_balanced(ours.as_pool());
}

/// Promise: the rule is a switch.
#[test]
fn a_transaction_left_open_is_lent_again_by_r2d2_and_where_transactions_are_kept() {
    let file = File::new("kept");
    let theirs = r2d2::Pool::builder().max_size(1).build(file.manager()).unwrap();
    theirs.get().unwrap().execute_batch("BEGIN IMMEDIATE; INSERT INTO visits VALUES (1)").unwrap();
    let next = theirs.get().unwrap();
    assert!(!next.is_autocommit() && visits(&next) == 1, "r2d2 lends it in the midst");
    drop((next, theirs));
    let mut rules = Rules::ours();
    rules.keep_transactions = true;
    let kept = facade().max_size(1).rules(rules).build(file.manager()).unwrap();
    kept.get().unwrap().execute_batch("BEGIN IMMEDIATE; INSERT INTO visits VALUES (1)").unwrap();
    let next = kept.get().unwrap();
    assert!(!next.is_autocommit() && visits(&next) == 1);
    drop(next);
    closes_balanced(kept.as_pool());
}

#[test]
fn a_user_who_panics_in_a_transaction_takes_it_along_and_in_r2d2_locks_everybody_out() {
    let file = File::new("panics");
    let ours = Pool::builder().max_size(1).build(file.manager()).unwrap();
    on_a_thread_that_panics(|| {
        let connection = ours.get().unwrap();
        connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO visits VALUES (1)").unwrap();
        panic!("in the midst of it");
    });
    let next = ours.get().unwrap();
    assert!(next.is_autocommit() && visits(&next) == 0);
    drop(next);
    closes_balanced(ours.as_pool());

    let theirs = r2d2::Pool::builder().max_size(1).build(file.manager()).unwrap();
    on_a_thread_that_panics(|| {
        let connection = theirs.get().unwrap();
        connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO visits VALUES (1)").unwrap();
        panic!("in the midst of it");
    });
    let next = theirs.get().unwrap();
    assert!(!next.is_autocommit() && visits(&next) == 1);
    let other = Connection::open(&file.0).unwrap();
    other.busy_timeout(Duration::ZERO).unwrap();
    assert!(other.execute_batch("INSERT INTO visits VALUES (2)").is_err(), "the lock is held for good");
}
