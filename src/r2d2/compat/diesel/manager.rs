//! diesel's manager, which looks for what was begun past diesel too.

use super::{Error, ManageConnection, R2D2Connection};
use crate::manager::ReturnOutcome;
use crate::r2d2::transactions;
use ::diesel::connection::{Connection, TransactionManager, TransactionManagerStatus};
use std::any::type_name;
use std::fmt;
use std::sync::Once;

/// Makes connections as [`diesel::r2d2::ConnectionManager`](::diesel::r2d2::ConnectionManager) does, and lends none again in a
/// transaction that its last user left open.
///
/// What diesel began it knows, and the connection ends, as with diesel's own. What a statement began past it, `sql_query("BEGIN")` or
/// `batch_execute`, is rolled back at the return, unless [`recycle_by`](crate::r2d2::Adapter::recycle_by) or
/// [`keep_transactions`](crate::r2d2::Adapter::keep_transactions) say otherwise. That is a round trip to PostgreSQL (`BEGIN; ROLLBACK`, and
/// `ROLLBACK` if that fails), three to MySQL (`ROLLBACK`, which diesel has two settings around), and next to nothing with SQLite; a connection's `Instrumentation` sees
/// it. Other backends are left to diesel, and so are those of `#[derive(MultiConnection)]`, which the log says once. A
/// [`TestCustomizer`](super::TestCustomizer)'s transaction stays.
#[derive(Clone)]
pub struct ConnectionManager<T>(::diesel::r2d2::ConnectionManager<T>);

impl<T: R2D2Connection + Send + 'static> ConnectionManager<T> {
    /// Of connections to the database at this URL.
    pub fn new(database_url: impl Into<String>) -> Self {
        transactions::say::<Self>(rolled_back);
        Self(::diesel::r2d2::ConnectionManager::new(database_url))
    }
}

impl<T> ConnectionManager<T> {
    /// Has connections made from now on go to another URL.
    pub fn update_database_url(&mut self, database_url: impl Into<String>) {
        self.0.update_database_url(database_url);
    }
}

impl<T: R2D2Connection + Send + 'static> ManageConnection for ConnectionManager<T> {
    type Connection = T;
    type Error = Error;

    fn connect(&self) -> Result<T, Error> {
        self.0.connect()
    }

    fn is_valid(&self, conn: &mut T) -> Result<(), Error> {
        self.0.is_valid(conn)
    }

    fn has_broken(&self, conn: &mut T) -> bool {
        self.0.has_broken(conn)
    }
}

/// Rolls back what was begun past diesel: what diesel began, but for a test's, has ended the connection before.
fn rolled_back<T: Connection>(conn: &mut T) -> ReturnOutcome {
    let is_a_tests = match T::TransactionManager::transaction_manager_status_mut(conn) {
        TransactionManagerStatus::Valid(status) => status.transaction_depth().is_some(),
        TransactionManagerStatus::InError => false,
    };
    transactions::outcome(is_a_tests || roll_back(conn))
}

/// Whether no transaction is open any more, as far as can be told.
fn roll_back<T: Connection>(conn: &mut T) -> bool {
    static REMINDED: Once = Once::new();
    let backend = type_name::<T::Backend>();
    // `BEGIN` would commit what is open.
    if backend.starts_with("diesel::mysql::") {
        return conn.batch_execute("ROLLBACK").is_ok();
    }
    if !backend.starts_with("diesel::pg::") && !backend.starts_with("diesel::sqlite::") {
        REMINDED.call_once(|| {
            log::warn!("how a `{backend}` rolls back is not known: what was begun past diesel stays open, unless recycle_by looks");
        });
        return true;
    }
    // `ROLLBACK` alone is a warning in the server's log where none is open, or an error; `BEGIN` is an error within one, or in one that failed.
    conn.batch_execute("BEGIN; ROLLBACK").is_ok() || conn.batch_execute("ROLLBACK").is_ok()
}

impl<T> fmt::Debug for ConnectionManager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
