//! Connections to SQLite, as a pool is told of them.

use rusqlite::{Connection, Error};
use slackwater::{Manager, ReturnOutcome};
use std::path::PathBuf;
use std::time::Duration;

/// How long a writer waits for another: less than a request has.
const BUSY: Duration = Duration::from_millis(200);

/// Opens the database at a path.
pub struct Database(pub PathBuf);

impl Manager for Database {
    type Resource = Connection;
    type Error = Error;

    fn create(&self) -> Result<Connection, Error> {
        let connection = Connection::open(&self.0)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
        )?;
        Ok(connection)
    }

    fn check(&self, connection: &mut Connection) -> Result<(), Error> {
        connection.query_row("SELECT 1", [], |_| Ok(()))
    }

    /// Nobody gets a connection in the midst of somebody else's transaction. SQLite knows without being asked over any wire.
    fn recycle(&self, connection: &mut Connection) -> ReturnOutcome {
        if connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() {
            ReturnOutcome::Healthy
        } else {
            ReturnOutcome::Broken
        }
    }
}
