//! diesel's manager, which looks for what was begun past diesel too.

use super::{Error, ManageConnection, R2D2Connection};
use ::diesel::connection::{Connection, TransactionManager, TransactionManagerStatus};
use std::any::type_name;
use std::fmt;

/// Makes connections as [`diesel::r2d2::ConnectionManager`](::diesel::r2d2::ConnectionManager) does, and lends none again in a
/// transaction that its last user left open.
///
/// What diesel began it knows, and the connection ends, as with diesel's own. What a statement began past it, `sql_query("BEGIN")` or
/// `batch_execute`, is rolled back at the return. That is a round trip to PostgreSQL (`BEGIN; ROLLBACK`, and `ROLLBACK` if that fails) and to
/// MySQL (`ROLLBACK`), and costs next to nothing with SQLite; other backends are left to diesel. Programs that want to be spared it take diesel's
/// own manager, which these pools know as well. A [`TestCustomizer`](super::TestCustomizer)'s transaction stays.
#[derive(Clone)]
pub struct ConnectionManager<T>(::diesel::r2d2::ConnectionManager<T>);

impl<T> ConnectionManager<T> {
    /// Of connections to the database at this URL.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self(::diesel::r2d2::ConnectionManager::new(database_url))
    }

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
        self.0.has_broken(conn) || !(is_in_transaction(conn) || roll_back(conn))
    }
}

/// Whether diesel has a transaction open: a test's, where that is no reason to end.
fn is_in_transaction<T: Connection>(conn: &mut T) -> bool {
    match T::TransactionManager::transaction_manager_status_mut(conn) {
        TransactionManagerStatus::Valid(status) => status.transaction_depth().is_some(),
        TransactionManagerStatus::InError => false,
    }
}

/// Whether no transaction is open any more.
fn roll_back<T: Connection>(conn: &mut T) -> bool {
    let backend = type_name::<T::Backend>();
    // `BEGIN` would commit what is open.
    if backend.starts_with("diesel::mysql::") {
        return conn.batch_execute("ROLLBACK").is_ok();
    }
    if !backend.starts_with("diesel::pg::") && !backend.starts_with("diesel::sqlite::") {
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
