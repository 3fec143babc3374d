//! Transactions that somebody left open: rolled back at each return, where the driver is one that is known here.

use crate::manager::ReturnOutcome;
use std::any::{Any, type_name};

/// What resets a connection, and says what is to become of it.
pub(super) type Reset<C> = fn(&mut C) -> ReturnOutcome;

/// The drivers by the beginnings of their types' names, and what makes each known.
const DRIVERS: [(&str, &str); 3] = [
    ("postgres::", "feature `postgres` of slackwater, for postgres 0.19"),
    ("redis::", "feature `redis` of slackwater, for redis 1"),
    ("rusqlite::", "feature `rusqlite` of slackwater, for rusqlite 0.37 to 0.42"),
];

/// What rolls back on a `C`, if its driver's feature is on.
pub(super) fn roll_back<C: 'static>() -> Option<Reset<C>> {
    let known: &[&dyn Any] = &[
        #[cfg(feature = "postgres")]
        &(postgres as Reset<::postgres::Client>),
        #[cfg(feature = "redis")]
        &(redis as Reset<::redis::Connection>),
        #[cfg(feature = "rusqlite")]
        &(rusqlite as Reset<::rusqlite::Connection>),
    ];
    known.iter().find_map(|reset| reset.downcast_ref::<Reset<C>>().copied())
}

/// What would have a `C` rolled back, where it is of a known driver and [`roll_back`] has nothing for it: its feature is off, or it is
/// of another version.
pub(super) fn missing<C: 'static>() -> Option<&'static str> {
    let driver = || DRIVERS.iter().find(|(name, _)| type_name::<C>().starts_with(name));
    if roll_back::<C>().is_some() { None } else { driver().map(|(_, feature)| *feature) }
}

/// A round trip. `ROLLBACK` alone is a warning in the server's log where there is nothing to roll back, each time; and `BEGIN` is an error in a
/// transaction that has failed.
#[cfg(feature = "postgres")]
fn postgres(client: &mut ::postgres::Client) -> ReturnOutcome {
    let first = client.simple_query("BEGIN; ROLLBACK");
    outcome(first.or_else(|_| client.simple_query("ROLLBACK")).is_ok())
}

/// A round trip. What is answered by `QUEUED` was asked within a transaction.
#[cfg(feature = "redis")]
fn redis(connection: &mut ::redis::Connection) -> ReturnOutcome {
    let said = ::redis::cmd("UNWATCH").query::<String>(connection);
    outcome(said.is_ok_and(|said| said == "OK" || ::redis::cmd("DISCARD").exec(connection).is_ok()))
}

/// Costs nothing where there is none: SQLite is asked over no wire.
#[cfg(feature = "rusqlite")]
fn rusqlite(connection: &mut ::rusqlite::Connection) -> ReturnOutcome {
    outcome(connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok())
}

#[cfg(any(feature = "postgres", feature = "redis", feature = "rusqlite"))]
fn outcome(is_clean: bool) -> ReturnOutcome {
    if is_clean { ReturnOutcome::Healthy } else { ReturnOutcome::Broken }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_no_known_driver_are_left_alone_and_nothing_is_missed() {
        assert!(roll_back::<String>().is_none());
        assert_eq!(missing::<String>(), None);
    }

    #[cfg(all(feature = "postgres", feature = "redis", feature = "rusqlite"))]
    #[test]
    fn each_known_driver_is_rolled_back_and_misses_nothing() {
        assert!(roll_back::<::postgres::Client>().is_some() && missing::<::postgres::Client>().is_none());
        assert!(roll_back::<::redis::Connection>().is_some() && missing::<::redis::Connection>().is_none());
        assert!(roll_back::<::rusqlite::Connection>().is_some() && missing::<::rusqlite::Connection>().is_none());
    }

    /// The names are those that the compiler gives the drivers' types.
    #[cfg(all(feature = "postgres", feature = "redis", feature = "rusqlite"))]
    #[test]
    fn a_driver_of_another_version_is_known_by_its_name() {
        let names = [
            type_name::<::postgres::Client>(),
            type_name::<::redis::Connection>(),
            type_name::<::rusqlite::Connection>(),
        ];
        for (name, (driver, feature)) in names.into_iter().zip(DRIVERS) {
            assert!(name.starts_with(driver), "{name}");
            assert!(feature.contains(driver.trim_end_matches(':')), "{feature}");
        }
    }
}
