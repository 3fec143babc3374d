//! Shedding: what a queue knows of overload, and of how fast it is served.
//!
//! Plain numbers, kept under the queue's lock by those who join and leave it, which take that lock anyway: nobody else ever
//! writes them, and a pool that has neither setting does not even read the time for them. `docs/design.md` argues both laws.

use crate::config::CoDel;
use crate::keeper::nanos;

/// Both, as far as the pool is to have them.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    delay: Option<Delay>,
    pace: Option<Pace>,
}

impl Overload {
    pub(crate) fn of(codel: Option<CoDel>, refuses_unservable: bool) -> Self {
        Self { delay: codel.map(Delay::of), pace: refuses_unservable.then(Pace::default) }
    }

    /// Whether anything is to be told of joins and leaves.
    pub(crate) fn is_watched(&self) -> bool {
        self.delay.is_some() || self.pace.is_some()
    }

    /// Somebody has joined an empty queue.
    pub(crate) fn stands(&mut self, now: u64) {
        if let Some(delay) = &mut self.delay {
            delay.calm_at(now);
        }
        if let Some(pace) = &mut self.pace {
            pace.stands(now);
        }
    }

    /// Somebody has left. Of those left behind the oldest has waited since `oldest`.
    pub(crate) fn left(&mut self, served: bool, oldest: Option<u64>, now: u64) {
        if let Some(delay) = &mut self.delay {
            delay.left(oldest, now);
        }
        if let Some(pace) = &mut self.pace {
            pace.left(served, oldest.is_none(), now);
        }
    }

    /// The earliest time at which a waiter may be shed, as far as is known now.
    pub(crate) fn sheds_from(&self, now: u64) -> u64 {
        self.delay.as_ref().map_or(u64::MAX, |delay| delay.sheds_from(now))
    }

    /// For somebody who has waited for the target. Shed: for how long the pool has been overloaded. Otherwise: when to ask
    /// again.
    pub(crate) fn ask(&mut self, is_first: bool, now: u64) -> Result<u64, u64> {
        self.delay.as_mut().map_or(Err(u64::MAX), |delay| delay.ask(is_first, now))
    }

    /// How many of a queue that is not empty can be served within `allowed`, and the time that each takes. None: not known.
    pub(crate) fn servable(&self, allowed: u64, now: u64) -> Option<(u64, u64)> {
        let each = self.pace.as_ref()?.estimate(now)?.get();
        Some((allowed / each, each))
    }
}

/// Overloaded from when the delay has been above target for a whole interval, until nobody was shed for a whole interval.
#[derive(Debug)]
struct Delay {
    target: u64,
    interval: u64,
    /// When the queue was last known to stand well: it was empty, or somebody left and nobody left behind had waited for
    /// the target.
    calm: u64,
    /// When the delay began to be above target, before somebody was shed last.
    above_since: u64,
    shed_until: u64,
}

impl Delay {
    fn of(codel: CoDel) -> Self {
        Self { target: nanos(codel.target), interval: nanos(codel.interval), calm: 0, above_since: 0, shed_until: 0 }
    }

    fn sheds_from(&self, now: u64) -> u64 {
        if now < self.shed_until { now } else { self.calm.saturating_add(self.interval) }
    }

    fn ask(&mut self, is_first: bool, now: u64) -> Result<u64, u64> {
        let from = self.sheds_from(now);
        if from > now {
            return Err(from);
        }
        let later = now.saturating_add(self.interval);
        // The first is next, and without it the next return would find nobody.
        if is_first {
            return Err(later);
        }
        if now >= self.shed_until {
            self.above_since = self.calm;
        }
        self.shed_until = later;
        Ok(now.saturating_sub(self.above_since))
    }

    /// Times come from threads that read them before they had the lock: not in order.
    fn calm_at(&mut self, now: u64) {
        self.calm = self.calm.max(now);
    }

    fn left(&mut self, oldest: Option<u64>, now: u64) {
        if oldest.is_none_or(|since| now.saturating_sub(since) < self.target) {
            self.calm_at(now);
        }
    }
}

/// A sample counts for one in so many, so an estimate is made of about as many services.
const SMOOTHING: u64 = 8;

/// An estimate halves with each of these in which nobody waits.
const HALF_LIFE: u64 = 1_000_000_000;

/// The mean time between two services of a queue that is not empty.
#[derive(Debug, Default)]
struct Pace {
    /// Zero is not known.
    mean: u64,
    /// When the last one was served, or the first one joined.
    last: u64,
    emptied: u64,
}

impl Pace {
    fn stands(&mut self, now: u64) {
        let idle = now.saturating_sub(self.emptied) / HALF_LIFE;
        self.mean = u32::try_from(idle).ok().and_then(|times| self.mean.checked_shr(times)).unwrap_or(0);
        self.last = now;
    }

    fn left(&mut self, served: bool, empty: bool, now: u64) {
        if served {
            let sample = now.saturating_sub(self.last).max(1);
            self.mean = if self.mean == 0 { sample } else { moved(self.mean, sample) };
            self.last = self.last.max(now);
        }
        if empty {
            self.emptied = now;
        }
    }

    /// A service that is overdue counts as if it came now: a pool that stands still is seen to, before anybody is served.
    fn estimate(&self, now: u64) -> Option<std::num::NonZeroU64> {
        let overdue = now.saturating_sub(self.last);
        let mean = if self.mean != 0 && overdue > self.mean { moved(self.mean, overdue) } else { self.mean };
        std::num::NonZeroU64::new(mean)
    }
}

/// `mean`, a step towards `sample`. Never zero: that would be unknown.
fn moved(mean: u64, sample: u64) -> u64 {
    (mean - mean / SMOOTHING).saturating_add(sample / SMOOTHING).max(1)
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests;
