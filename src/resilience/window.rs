//! Calls and failures of the last while, in a ring of buckets.
//!
//! A bucket is one word: when it began, and how many calls and failures were told since. A period of a circuit counts
//! from its own beginning: its buckets begin every eighth of the window from there on, and none of them when a bucket
//! of an earlier period did, because a circuit closes at a time later than anything told. So nothing has to be cleared
//! when a circuit closes, and no clearing can meet a count that is late. (A reset may keep what is told between its look
//! at the clock and its exchange.)
//!
//! What it leaves out, and why that does no harm:
//!
//! - *It slides by eighths*: what is older than the window never counts, what is younger than seven eighths of it
//!   always does.
//! - *Two threads turn a bucket at once*: one of them wins the exchange, the other finds the bucket turned and counts
//!   in it. Neither call is lost. A thread that was held up until its bucket has turned to a later time drops its call,
//!   which is older than the window.
//! - *The sum is not taken at one instant*: it lacks what others tell meanwhile, or has a part of it. Two failures told
//!   at once, in two buckets, may each miss the other, and open the circuit one failure late.
//! - *A bucket that is full is halved*, successes and failures alike: it weighs less, its share stays. Rounding
//!   forgives up to one failure in five hundred calls.

use super::circuit::MS;
use crate::core::sync::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const BUCKETS: u64 = 8;

const COUNT_BITS: u32 = 10;
/// The most calls a bucket holds.
const FULL: u64 = (1 << COUNT_BITS) - 1;

/// The most calls a verdict may have to wait for: as many as one bucket always holds, halved or not.
pub(super) const MOST_AT_LEAST: u32 = (FULL / 2) as u32;

/// One word, high to low: when it began in milliseconds of the clock, calls, failures.
#[derive(Clone, Copy)]
struct Bucket {
    began: u64,
    calls: u64,
    failures: u64,
}

impl Bucket {
    fn from_bits(bits: u64) -> Bucket {
        Bucket { began: bits >> (2 * COUNT_BITS), calls: bits >> COUNT_BITS & FULL, failures: bits & FULL }
    }

    fn bits(self) -> u64 {
        (self.began << COUNT_BITS | self.calls) << COUNT_BITS | self.failures
    }

    fn and(self, failed: bool) -> Bucket {
        let Bucket { began, mut calls, mut failures } = self;
        if calls == FULL {
            // What is rounded is rounded for the callers: it never opens a circuit.
            (calls, failures) = ((calls - failures).div_ceil(2) + failures / 2, failures / 2);
        }
        Bucket { began, calls: calls + 1, failures: failures + u64::from(failed) }
    }
}

/// What was told within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) calls: u32,
    pub(super) failures: u32,
}

pub(super) struct Window {
    ratio: f64,
    at_least: u32,
    /// What a bucket lasts, in milliseconds.
    tick: u64,
    // All accesses are Relaxed: a bucket carries all it says in its one word, and nothing else is read by what it says.
    buckets: [AtomicU64; BUCKETS as usize],
}

impl Window {
    pub(super) fn new(ratio: f64, window: Duration, at_least: u32) -> Self {
        let tick = (window.as_millis() as u64 / BUCKETS).max(1);
        Self { ratio, at_least, tick, buckets: [(); BUCKETS as usize].map(|()| AtomicU64::new(0)) }
    }

    /// Which bucket of the period that began at `since` is filled at `now`, and when that bucket began.
    fn place(&self, since: u64, now: u64) -> (&AtomicU64, u64) {
        let tick = (now / MS).saturating_sub(since) / self.tick;
        (&self.buckets[(tick % BUCKETS) as usize], since + tick * self.tick)
    }

    /// Counts a call told at `now`, in nanoseconds, in the period that began at `since`.
    pub(super) fn tell(&self, since: u64, now: u64, failed: bool) {
        let (place, began) = self.place(since, now);
        let mut seen = place.load(Relaxed);
        loop {
            let found = Bucket::from_bits(seen);
            let turned = if found.began == began {
                found
            } else if found.began > began && !left_out!("window_late") {
                return;
            } else {
                Bucket { began, calls: 0, failures: 0 }
            };
            let next = turned.and(failed).bits();
            if left_out!("window_exchange") {
                return place.store(next, Relaxed);
            }
            match place.compare_exchange_weak(seen, next, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(now_there) => seen = now_there,
            }
        }
    }

    /// What was told in the window before `now`, and in the period that began at `since`.
    pub(super) fn told(&self, since: u64, now: u64) -> Told {
        let (_, current) = self.place(since, now);
        let mut told = Told { calls: 0, failures: 0 };
        for bucket in &self.buckets {
            let Bucket { began, calls, failures } = Bucket::from_bits(bucket.load(Relaxed));
            // A clock that was read earlier may be behind the bucket.
            if began >= since && began + (BUCKETS - 1) * self.tick >= current {
                told.calls += calls as u32;
                told.failures += failures as u32;
            }
        }
        told
    }

    /// Whether that many failures open the circuit.
    pub(super) fn is_too_much(&self, told: Told) -> bool {
        // Two whole numbers divided give the number nearest to the quotient, as a ratio in decimals does: 7 of 100 are
        // 0.07.
        told.calls >= self.at_least.max(1) && f64::from(told.failures) / f64::from(told.calls) >= self.ratio
    }
}
