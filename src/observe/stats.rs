//! How many of everything.

use crate::error::ShedReason;
use crate::resilience::BreakerState;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why a resource was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DestroyReason {
    /// Its holder discarded it.
    Discarded,
    /// Its holder panicked.
    HolderPanicked,
    /// `is_broken` or `recycle` found it beyond use, or its maker said so ([`Lifeline::ended`](crate::Lifeline::ended)).
    Broken,
    /// A check failed three times in a row, or the first time on a resource that was still busy.
    CheckFailed,
    /// One of the manager's callbacks panicked on it.
    CallbackPanicked,
    /// `warm` failed.
    WarmFailed,
    /// It was more than `max_size` allows for longer than `overflow_ttl`.
    Overflow,
    /// The pool closed.
    Closed,
    /// Its guard was forgotten, and the pool is gone.
    Forgotten,
    /// It was older than `max_lifetime` allows.
    Expired,
    /// It idled for longer than `idle_timeout`.
    Idle,
    /// It was used `max_uses` times, or its maker had it replaced ([`Lifeline::replace`](crate::Lifeline::replace)).
    Worn,
    /// [`Pool::replace_all`](crate::Pool::replace_all) or
    /// [`Pool::retire_older_than`](crate::Pool::retire_older_than) asked for it.
    Replaced,
    /// The pool was made smaller.
    Resized,
    /// All resources together weighed too much.
    MemoryPressure,
    /// It kept getting heavier: see `max_growth`.
    Grown,
    /// It was held for longer than `max_hold`, and another took its place.
    HeldTooLong,
    /// Nothing was to be kept of it: see [`Mode::Unpooled`](crate::Mode::Unpooled).
    Unpooled,
}

impl DestroyReason {
    /// Every reason.
    pub const ALL: [DestroyReason; 18] = [
        DestroyReason::Discarded,
        DestroyReason::HolderPanicked,
        DestroyReason::Broken,
        DestroyReason::CheckFailed,
        DestroyReason::CallbackPanicked,
        DestroyReason::WarmFailed,
        DestroyReason::Overflow,
        DestroyReason::Closed,
        DestroyReason::Forgotten,
        DestroyReason::Expired,
        DestroyReason::Idle,
        DestroyReason::Worn,
        DestroyReason::Replaced,
        DestroyReason::Resized,
        DestroyReason::MemoryPressure,
        DestroyReason::Grown,
        DestroyReason::HeldTooLong,
        DestroyReason::Unpooled,
    ];
}

impl fmt::Display for DestroyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DestroyReason::Discarded => "discarded",
            DestroyReason::HolderPanicked => "holder panicked",
            DestroyReason::Broken => "broken",
            DestroyReason::CheckFailed => "check failed",
            DestroyReason::CallbackPanicked => "callback panicked",
            DestroyReason::WarmFailed => "warm-up failed",
            DestroyReason::Overflow => "overflow",
            DestroyReason::Closed => "closed",
            DestroyReason::Forgotten => "forgotten",
            DestroyReason::Expired => "expired",
            DestroyReason::Idle => "idle",
            DestroyReason::Worn => "worn",
            DestroyReason::Replaced => "replaced",
            DestroyReason::Resized => "resized",
            DestroyReason::MemoryPressure => "memory pressure",
            DestroyReason::Grown => "grown",
            DestroyReason::HeldTooLong => "held too long",
            DestroyReason::Unpooled => "unpooled",
        })
    }
}

/// Destroyed resources by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Destroyed([u64; DestroyReason::ALL.len()]);

impl Destroyed {
    /// How many were destroyed for `reason`.
    pub fn by(&self, reason: DestroyReason) -> u64 {
        self.0[reason as usize]
    }

    /// How many were destroyed in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Callers that were shed, by reason: see [`ShedReason`](crate::ShedReason).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sheds {
    /// For [`ShedReason::QueueDelay`](crate::ShedReason::QueueDelay).
    pub queue_delay: u64,
    /// For [`ShedReason::Unservable`](crate::ShedReason::Unservable).
    pub unservable: u64,
}

impl Sheds {
    /// How many were shed in all.
    pub fn total(&self) -> u64 {
        self.queue_delay + self.unservable
    }
}

/// A pool's numbers at one moment: gauges of its slots, and counters since it was built.
///
/// Gauges are read slot by slot while the pool works on, so under load they can be off by what happened during the read;
/// each slot is counted exactly once. [`settled`](Self::settled) says whether anything happened. Counters never go back.
///
/// The fast path counts checkouts, in their slots, and nothing else. What follows from them is derived when it is asked for:
/// [`returns`](Self::returns) and [`affinity_hits`](Self::affinity_hits). Both are off by the uses that are about to begin or to end,
/// and exact while there are none; they never go back either.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Most resources outside overload.
    pub max_size: usize,
    /// Most resources beyond `max_size`.
    pub max_overflow: usize,
    /// Resources alive: available, in use, degraded, or being checked or destroyed.
    pub total: usize,
    /// Resources checked out.
    pub in_use: usize,
    /// Resources free for checkout.
    pub available: usize,
    /// Resources free as a last resort: a check failed.
    pub degraded: usize,
    /// Resources being created.
    pub creating: usize,
    /// Resources being checked.
    pub checking: usize,
    /// Resources being destroyed.
    pub retiring: usize,
    /// Resources beyond `max_size`.
    pub overflow: usize,
    /// Threads that wait, for anything or for a session's own resource.
    pub waiting: usize,
    /// Resources created.
    pub created: u64,
    /// Creations that failed, `warm` included.
    pub create_failures: u64,
    /// Resources in a row, up to now, that failed within a second of their creation or in their first use; of those that were there
    /// when the first of them failed, that one alone. From 5 on the keeper makes one at a time, with pauses, until one lives; what
    /// somebody waits for is made at once all the same.
    pub short_lives: u32,
    /// Resources destroyed, by reason.
    pub destroyed: Destroyed,
    /// Resources taken out of the pool for good.
    pub detached: u64,
    /// Checkouts that gave a resource.
    pub checkouts: u64,
    /// Guards whose holders discarded them.
    pub discards: u64,
    /// Checkouts that had to look for a resource, because the one that their thread had last was not free, or there was none; with
    /// [`Strategy::Lifo`](crate::Strategy::Lifo) and [`Fifo`](crate::Strategy::Fifo) all.
    pub affinity_misses: u64,
    /// Checkouts that joined the queue. One that leaves it and comes back, after a creation that failed for instance, counts once.
    pub waits: u64,
    /// Times a waiter was woken and found nothing, because a running thread had been faster: see
    /// [`Fairness::Eventual`](crate::Fairness::Eventual).
    pub overtakes: u64,
    /// Checkouts that timed out.
    pub timeouts: u64,
    /// Checkouts that ended with any other error.
    pub rejected: u64,
    /// Of these, callers that were shed, by reason.
    pub shed: Sheds,
    /// Errors in whose place callers got a resource of their own making: see [`Request::or_else`](crate::Request::or_else).
    pub fallbacks: u64,
    /// The state of the pool's breaker, if it has one.
    pub breaker: Option<BreakerState>,
    /// Panics caught in the manager's callbacks, and in the drop of its errors.
    pub callback_panics: u64,
    /// Events that a subscriber's full channel did not take.
    pub lost_events: u64,
    /// Holds longer than `max_hold`, ever.
    pub long_holds: u64,
    /// Background jobs that have run for longer than their timeout and still do. [`Pool::hung_jobs`](crate::Pool::hung_jobs)
    /// names them.
    pub hung_jobs: usize,
    /// Background jobs that ever ran for longer than their timeout.
    pub hung_jobs_total: u64,
    /// Sum of [`Manager::weight`](crate::Manager::weight) over living resources.
    pub weight: u64,
    /// Whether nothing moved while the numbers were read, so that they are those of one moment and add up.
    pub settled: bool,
    /// What follows from the others, and is no less than in any look before.
    pub(crate) returned: u64,
    pub(crate) hits: u64,
}

impl Stats {
    /// The share of `max_size` that is checked out: above 1 with overflow; 0 in a pool of size 0.
    pub fn utilisation(&self) -> f64 {
        if self.max_size == 0 { 0.0 } else { self.in_use as f64 / self.max_size as f64 }
    }

    /// Guards that were dropped: checkouts that are neither in use, nor were discarded or detached.
    pub fn returns(&self) -> u64 {
        self.returned
    }

    /// Checkouts that took the resource that their thread had last, without looking for one.
    pub fn affinity_hits(&self) -> u64 {
        self.hits
    }
}

/// Counters of the slow paths. The fast path counts in the slots.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) created: Count,
    pub(crate) create_failures: Count,
    pub(crate) detached: Count,
    pub(crate) discards: Count,
    pub(crate) waits: Count,
    pub(crate) timeouts: Count,
    pub(crate) rejected: Count,
    pub(crate) fallbacks: Count,
    /// The most that any look has found.
    pub(crate) returned: Count,
    pub(crate) hits: Count,
    shed_for_delay: Count,
    unservable: Count,
    pub(crate) callback_panics: Count,
    pub(crate) long_holds: Count,
    destroyed: [Count; DestroyReason::ALL.len()],
}

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// For a number that is found out at each look: the highest so far.
    pub(crate) fn at_least(&self, found: u64) -> u64 {
        found.max(self.0.fetch_max(found, Relaxed))
    }
}

impl Counts {
    pub(crate) fn destroyed_one(&self, reason: DestroyReason) {
        self.destroyed[reason as usize].add_one();
    }

    pub(crate) fn shed_one(&self, reason: ShedReason) {
        match reason {
            ShedReason::QueueDelay { .. } => self.shed_for_delay.add_one(),
            ShedReason::Unservable { .. } => self.unservable.add_one(),
        }
    }

    pub(crate) fn shed(&self) -> Sheds {
        Sheds { queue_delay: self.shed_for_delay.get(), unservable: self.unservable.get() }
    }

    pub(crate) fn destroyed(&self) -> Destroyed {
        Destroyed(std::array::from_fn(|reason| self.destroyed[reason].get()))
    }
}
