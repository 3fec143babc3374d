//! Leave to make a call through a breaker.

use super::Breaker;
use crate::core::sync::around::panicking;
use crate::resilience::circuit::{Period, Ticket};
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

/// Leave to make one call. Tell it how the call went.
///
/// Dropped, it has no outcome: a probe gives its place back. Dropped by a panic that began after it was acquired, it
/// has failed. Forgotten (`mem::forget`), a probe keeps its place until it is written off: see
/// [`probes`](crate::BreakerConfig::probes).
///
/// ```
/// # use slackwater::{Breaker, BreakerConfig};
/// # let breaker = Breaker::new(BreakerConfig::new())?;
/// let permit = breaker.acquire()?;
/// match std::fs::read("Cargo.toml") {
///     Ok(_) => permit.succeeded(),
///     Err(_) => permit.failed(),
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a permit that is dropped has no outcome"]
pub struct Permit<'b> {
    pub(super) breaker: &'b Breaker,
    /// The period of its ticket.
    pub(super) period: Period,
    pub(super) end: End,
}

/// What it means if a permit is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing: its outcome is told.
    Told,
    /// Nothing, except that its place is free. The thread was unwinding when it acquired the permit.
    NoOutcome,
    FailureIfUnwinding,
}

impl Permit<'_> {
    /// The call went well. Its effects come before what follows if this closes the breaker.
    #[inline]
    pub fn succeeded(mut self) {
        self.end = End::Told;
        let Breaker { circuit, clock, .. } = self.breaker;
        self.breaker.changed(circuit.succeeded(Ticket::of(self.period), || clock.now()));
    }

    /// The call failed.
    pub fn failed(mut self) {
        self.fail();
    }

    /// Whether the breaker is half-open, and this call a test of its backend.
    pub fn is_probe(&self) -> bool {
        Ticket::of(self.period).is_probe()
    }

    #[cold]
    fn fail(&mut self) {
        self.end = End::Told;
        let Breaker { circuit, clock, counts, .. } = self.breaker;
        counts.failed.fetch_add(1, Relaxed);
        self.breaker.changed(circuit.failed(Ticket::of(self.period), || clock.now()));
    }

    #[cold]
    fn given_up(&mut self) {
        if panicking() && self.end == End::FailureIfUnwinding {
            self.fail();
        } else {
            self.breaker.circuit.cancelled(Ticket::of(self.period));
        }
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.end != End::Told {
            self.given_up();
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("is_probe", &self.is_probe()).finish_non_exhaustive()
    }
}
