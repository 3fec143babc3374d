//! What a breaker says to a call that it does not let through.

use crate::resilience::circuit::{BreakerState, Refused};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How a call through a [`Breaker`](crate::Breaker) went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakerError<E> {
    /// The call was not made.
    Open(BreakerOpen),
    /// The call was made, and this is its error.
    Failed(E),
}

impl<E> BreakerError<E> {
    /// The call's own error, if it was made.
    pub fn failed(self) -> Option<E> {
        match self {
            BreakerError::Open(_) => None,
            BreakerError::Failed(error) => Some(error),
        }
    }
}

impl<E: fmt::Display> fmt::Display for BreakerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BreakerError::Open(open) => open.fmt(f),
            BreakerError::Failed(error) => error.fmt(f),
        }
    }
}

/// Transparent: the text and the source are those of the error within.
impl<E: Error + 'static> Error for BreakerError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BreakerError::Open(open) => open.source(),
            BreakerError::Failed(error) => error.source(),
        }
    }
}

impl<E> From<BreakerOpen> for BreakerError<E> {
    fn from(open: BreakerOpen) -> Self {
        BreakerError::Open(open)
    }
}

/// A call that a breaker did not let through, so that nobody waits for a backend that is down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerOpen {
    /// The breaker's name.
    pub name: Option<Arc<str>>,
    /// When it lets the next probe through: more than zero. A half-open breaker may do so earlier, when a probe ends.
    pub retry_after: Duration,
    /// Failures since it was closed last: those that opened it, and one for each time a probe failed. For
    /// [`Trip::Rate`](crate::Trip::Rate), those that were in the window.
    pub failures: u32,
    /// How often in a row it has opened, or written its probes off, since it was closed last. Counts to 31.
    pub openings: u32,
    /// Probes that are under way: none while it is open, and all it lets through at once while it is half-open.
    pub probes: u32,
}

impl BreakerOpen {
    #[cold]
    pub(super) fn new(name: Option<Arc<str>>, refused: Refused) -> Self {
        let Refused { retry_after, look } = refused;
        debug_assert!(look.state != BreakerState::Closed);
        Self {
            name,
            retry_after: Duration::from_nanos(retry_after),
            failures: look.failures,
            openings: look.openings,
            probes: look.probes,
        }
    }
}

impl fmt::Display for BreakerOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BreakerOpen { name, retry_after, failures, openings, probes } = self;
        match name {
            Some(name) => write!(f, "breaker \"{name}\"")?,
            None => f.write_str("the breaker")?,
        }
        let of = |count: u32, one: &'static str, many: &'static str| if count == 1 { one } else { many };
        match probes {
            0 => f.write_str(" is open")?,
            _ => write!(f, " is half-open, with {probes} {} under way", of(*probes, "probe", "probes"))?,
        }
        match failures {
            0 => f.write_str(" after it was tripped")?,
            _ => write!(f, " after {failures} {}", of(*failures, "failure", "failures"))?,
        }
        if *openings > 1 {
            write!(f, ", for the {openings}{} time in a row", ordinal(*openings))?;
        }
        let at_most = if *probes == 0 { "" } else { " at the latest" };
        write!(f, "; try again in {retry_after:.1?}{at_most}, or do without, and see why the calls failed")
    }
}

fn ordinal(number: u32) -> &'static str {
    match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

impl Error for BreakerOpen {}
