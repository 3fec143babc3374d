//! What is told to those who are refused because others wait already.

use super::Named;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// See [`CheckoutError::Shed`](crate::CheckoutError::Shed).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shed {
    /// The pool's name.
    pub pool: Option<Arc<str>>,
    /// Why, with the numbers that decided.
    pub reason: ShedReason,
    /// Threads in the queue, this caller not counted.
    pub waiting: usize,
    /// Resources checked out.
    pub in_use: usize,
    /// Resources the pool may have at most, overflow included.
    pub capacity: usize,
}

/// Why a caller was shed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShedReason {
    /// The pool was overloaded, by [`Builder::codel`](crate::Builder::codel), and the caller had waited for as long as is left
    /// then.
    QueueDelay {
        /// How long the caller had waited.
        waited: Duration,
        /// How long it might.
        target: Duration,
        /// For how long somebody had always waited for more than `target`.
        above_for: Duration,
    },
    /// The caller would not have been served in time, by the pace at which others were: see
    /// [`Builder::refuse_unservable`](crate::Builder::refuse_unservable). It has not waited at all.
    Unservable {
        /// How long it would have waited.
        expected: Duration,
        /// How long it would have waited at most.
        allowed: Duration,
        /// Its place in the queue, from 1; among low priorities as far as was counted.
        position: usize,
    },
}

impl fmt::Display for Shed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shed { reason, waiting, in_use, capacity, .. } = self;
        write!(f, "{}: ", Named(&self.pool))?;
        match reason {
            ShedReason::QueueDelay { waited, target, above_for } => {
                write!(
                    f,
                    "overloaded, so nobody waits for longer than {target:.1?}: waits were longer than that for "
                )?;
                write!(f, "{above_for:.1?}, this one was {waited:.1?}; ")?;
            }
            ShedReason::Unservable { expected, allowed, position } => {
                write!(
                    f,
                    "no resource is likely within {allowed:.1?}: as number {position} in the queue this caller "
                )?;
                write!(f, "would wait for about {expected:.1?}; ")?;
            }
        }
        write!(f, "{in_use} of {capacity} in use, {waiting} waiting; ")?;
        f.write_str("ask again later, raise max_size, or hold resources for less time")
    }
}

impl Error for Shed {}
