//! Transactions that somebody left open: rolled back at each return, where the driver is one that is known here.

use super::ManageConnection;
use crate::manager::ReturnOutcome;
#[cfg(feature = "diesel")]
use std::any::TypeId;
use std::any::{Any, type_name};

/// What resets a connection, and says what is to become of it.
pub(super) type Reset<C> = fn(&mut C) -> ReturnOutcome;

/// The drivers by their types' names, and what makes each known.
const DRIVERS: [(&str, &str); 3] = [
    ("postgres::client::Client", "feature `postgres` of slackwater, for postgres 0.19"),
    ("redis::connection::Connection", "feature `redis` of slackwater, for redis 1"),
    ("rusqlite::Connection", "feature `rusqlite` of slackwater, for rusqlite 0.37 to 0.42"),
];

/// What managers of this crate's have said of their connections, by the managers' types: those are generic, and of a generic type nothing can be
/// asked by name.
#[cfg(feature = "diesel")]
static SAID: parking_lot::Mutex<Vec<(TypeId, Box<dyn Any + Send>)>> = parking_lot::Mutex::new(Vec::new());

/// Has the connections of an `M` rolled back by this.
#[cfg(feature = "diesel")]
pub(super) fn say<M: ManageConnection>(reset: Reset<M::Connection>) {
    let mut said = SAID.lock();
    if !said.iter().any(|(manager, _)| *manager == TypeId::of::<M>()) {
        said.push((TypeId::of::<M>(), Box::new(reset)));
    }
}

/// What rolls back on a connection of an `M`, if its driver's feature is on.
pub(super) fn roll_back<M: ManageConnection>() -> Option<Reset<M::Connection>> {
    #[cfg(feature = "diesel")]
    if let Some((_, reset)) = SAID.lock().iter().find(|(manager, _)| *manager == TypeId::of::<M>()) {
        return reset.downcast_ref::<Reset<M::Connection>>().copied();
    }
    let known: &[&dyn Any] = &[
        #[cfg(feature = "postgres")]
        &(postgres as Reset<::postgres::Client>),
        #[cfg(feature = "redis")]
        &(redis as Reset<::redis::Connection>),
        #[cfg(feature = "rusqlite")]
        &(rusqlite as Reset<::rusqlite::Connection>),
    ];
    known.iter().find_map(|reset| reset.downcast_ref::<Reset<M::Connection>>().copied())
}

/// What would have a `C` rolled back, which nothing here has: its driver's feature is off, or it is of another version.
pub(super) fn missing<C>() -> Option<&'static str> {
    DRIVERS.iter().find(|(name, _)| *name == type_name::<C>()).map(|(_, feature)| *feature)
}

/// A round trip. `ROLLBACK` alone is a warning in the server's log where there is nothing to roll back, each time; and `BEGIN` is an error in a
/// transaction that has failed.
#[cfg(feature = "postgres")]
fn postgres(client: &mut ::postgres::Client) -> ReturnOutcome {
    let first = client.simple_query("BEGIN; ROLLBACK");
    outcome(first.or_else(|_| client.simple_query("ROLLBACK")).is_ok())
}

/// A round trip. Answers that are `QUEUED` were asked within a transaction. The text that has to come back is there for whoever did not read all
/// answers to his own commands, or has the server send what nobody asked for: those would be taken for these.
#[cfg(feature = "redis")]
fn redis(connection: &mut ::redis::Connection) -> ReturnOutcome {
    use ::redis::{ConnectionLike, Value};
    const TEXT: &[u8] = b"slackwater";
    // `UNWATCH`, and `PING` with the text, as the wire has them: the same each time.
    const ASKED: &[u8] = b"*1\r\n$7\r\nUNWATCH\r\n*2\r\n$4\r\nPING\r\n$10\r\nslackwater\r\n";
    let is_queued = |value: &Value| matches!(value, Value::SimpleString(said) if said == "QUEUED");
    let is_text = |value: &Value| matches!(value, Value::BulkString(text) if text == TEXT);
    let said = connection.req_packed_commands(ASKED, 0, 2);
    outcome(match said.as_deref() {
        Ok([Value::Okay, text]) => is_text(text),
        Ok([one, other]) if is_queued(one) && is_queued(other) => {
            let said = ::redis::pipe().cmd("DISCARD").cmd("PING").arg(TEXT).query::<(Value, Value)>(connection);
            said.is_ok_and(|(discarded, text)| discarded == Value::Okay && is_text(&text))
        }
        Ok([Value::ServerError(why), _] | [_, Value::ServerError(why)]) => {
            static REFUSED: std::sync::Once = std::sync::Once::new();
            REFUSED.call_once(|| {
                log::warn!(
                    "a connection ends at its return, as the server refuses to be asked whether a transaction is open: {why}; allow \
                     UNWATCH and PING, or set recycle_by, or keep_transactions"
                );
            });
            false
        }
        _ => false,
    })
}

/// Costs nothing where there is none: SQLite is asked over no wire.
#[cfg(feature = "rusqlite")]
fn rusqlite(connection: &mut ::rusqlite::Connection) -> ReturnOutcome {
    outcome(connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok())
}

#[cfg(any(feature = "postgres", feature = "redis", feature = "rusqlite", feature = "diesel"))]
pub(super) fn outcome(is_clean: bool) -> ReturnOutcome {
    if is_clean { ReturnOutcome::Healthy } else { ReturnOutcome::Broken }
}

#[cfg(all(test, feature = "postgres", feature = "redis", feature = "rusqlite"))]
mod tests {
    use super::*;

    /// The names are those that the compiler gives the drivers' types.
    #[test]
    fn a_driver_that_is_not_rolled_back_is_known_by_its_name() {
        let said = [
            missing::<::postgres::Client>().unwrap(),
            missing::<::redis::Connection>().unwrap(),
            missing::<::rusqlite::Connection>().unwrap(),
        ];
        for (said, (name, _)) in said.iter().zip(DRIVERS) {
            assert!(said.contains(name.split(':').next().unwrap()), "{said}");
        }
        assert_eq!(missing::<String>(), None);
    }
}
