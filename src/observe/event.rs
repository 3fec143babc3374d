//! What happens in a pool, told to those who asked.

use super::journal::{Journal, listens};
use super::{DestroyReason, Holder, ResourceId, ResourceState};
use crate::config::Changes;
use crate::core::Right;
use crate::error::{BuildError, CheckoutError, SharedError};
use crate::keeper::since_ticks;
use crate::manager::{Manager, Severity};
use crate::pool::Inner;
use crate::resilience::BreakerState;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::RwLock;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Something that happened in a pool. See [`Pool::subscribe`](crate::Pool::subscribe).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PoolEvent {
    /// A resource went from one state to another.
    Transition(Transition),
    /// A checkout got this error: each that a caller sees is told once.
    Refused(CheckoutError),
    /// The pool could not be built. For those who subscribed to the builder.
    NotBuilt(BuildError),
    /// A caller got a resource of its own making instead of this error. See [`Request::or_else`](crate::Request::or_else).
    FellBack {
        /// The error, which was told as `Refused` before.
        cause: CheckoutError,
    },
    /// A resource has been held for longer than `max_hold`.
    LeakSuspected(Holder),
    /// Such a resource came back.
    LeakReturned(Holder),
    /// `max_size` changed.
    Resized {
        /// What it was.
        from: usize,
        /// What it is.
        to: usize,
    },
    /// Settings changed: see [`Pool::reconfigure`](crate::Pool::reconfigure).
    Reconfigured {
        /// Which, from what to what.
        changes: Changes,
    },
    /// Resources keep failing right after their creation. See [`Stats::short_lives`](crate::Stats::short_lives).
    CrashLoop {
        /// How many did, in a row.
        in_a_row: u32,
        /// How long the keeper waits before it makes the next one.
        pause: Duration,
    },
    /// The pool's breaker went from one state to another.
    Breaker {
        /// The state it was in.
        from: BreakerState,
        /// The one it is in now.
        to: BreakerState,
        /// Failures since creation last worked.
        failures: u32,
        /// How long until the next creation is tried.
        retry_after: Duration,
    },
    /// A fatal error closes the pool: see [`Severity::Fatal`](crate::Severity::Fatal).
    Stopped(SharedError),
    /// A check failed. What becomes of the resource for it is a transition of its own.
    CheckFailed {
        /// The resource.
        id: ResourceId,
        /// Failures in a row, this one included.
        in_a_row: u64,
        /// How the manager classed the error.
        severity: Severity,
        /// The error.
        error: SharedError,
    },
    /// A resource was made in place of another, which ends now, or has ended.
    Replaced {
        /// The one that goes.
        old: ResourceId,
        /// Its successor.
        new: ResourceId,
    },
    /// There are more resources than `max_size`: overflow. Told once, until it has closed.
    OverflowOpened {
        /// Resources alive or in the making.
        alive: usize,
        /// How many there are to be.
        max_size: usize,
    },
    /// There is no overflow any more.
    OverflowClosed,
    /// As many threads wait as [`queue_alert`](crate::Builder::queue_alert) allows. Told once, until nobody waits.
    QueueGrew {
        /// How many wait.
        waiting: usize,
        /// How many were allowed.
        threshold: usize,
    },
    /// Nobody waits any more, after a `QueueGrew`.
    QueueEmptied,
    /// The pool closes: nobody gets a resource from here on.
    Closing {
        /// Resources that were out.
        in_use: usize,
        /// Threads that waited, and are refused.
        waiting: usize,
    },
    /// Nothing is left in a pool that closed: the last event of its resources has been told.
    Closed,
    /// Idle resources were destroyed for their weight.
    MemoryPressure {
        /// What all weighed together.
        used: u64,
        /// Above how much they are destroyed.
        threshold: u64,
        /// How many were.
        evicted: u64,
    },
}

/// A resource's step from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The resource.
    pub id: ResourceId,
    /// The state it left.
    pub from: ResourceState,
    /// The state it is in now.
    pub to: ResourceState,
    /// Why.
    pub reason: TransitionReason,
    /// How long it was in the state it left. Uses are steps only with
    /// [`record_uses`](crate::Builder::record_uses); without, a time in `Ready` counts from the last step there was.
    pub after: Duration,
    /// When, since the pool's clock began.
    pub at: Duration,
}

/// Why a resource went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransitionReason {
    /// It was created and warmed.
    Created,
    /// It could not be created, or not be warmed.
    CreateFailed,
    /// Somebody checked it out.
    CheckedOut,
    /// Its holder gave it back.
    Returned,
    /// A check failed, or its holder reported an error.
    Failed,
    /// A check passed after failures.
    Healed,
    /// Its holder took it out of the pool.
    Detached,
    /// It ends, or has ended, for this reason.
    Ended(DestroyReason),
}

impl TransitionReason {
    const PLAIN: [TransitionReason; 7] = [
        TransitionReason::Created,
        TransitionReason::CreateFailed,
        TransitionReason::CheckedOut,
        TransitionReason::Returned,
        TransitionReason::Failed,
        TransitionReason::Healed,
        TransitionReason::Detached,
    ];

    /// As a small number, for the recorder.
    pub(super) fn code(self) -> u64 {
        match self {
            TransitionReason::Ended(reason) => (Self::PLAIN.len() + reason as usize) as u64,
            plain => Self::PLAIN.iter().position(|each| *each == plain).unwrap_or(0) as u64,
        }
    }

    pub(super) fn of_code(code: u64) -> Option<TransitionReason> {
        let code = code as usize;
        let ended =
            |code: usize| DestroyReason::ALL.get(code - Self::PLAIN.len()).copied().map(TransitionReason::Ended);
        Self::PLAIN.get(code).copied().or_else(|| ended(code))
    }
}

impl fmt::Display for TransitionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TransitionReason::Created => "created",
            TransitionReason::CreateFailed => "could not be created",
            TransitionReason::CheckedOut => "checked out",
            TransitionReason::Returned => "returned",
            TransitionReason::Failed => "failed",
            TransitionReason::Healed => "healed",
            TransitionReason::Detached => "detached",
            TransitionReason::Ended(reason) => return reason.fmt(f),
        })
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Transition { id, from, to, reason, after, at } = self;
        write!(f, "{at:.3?}: resource {id} {from} -> {to} after {after:.1?} ({reason})")
    }
}

/// Those who asked to be told.
#[derive(Default)]
pub(crate) struct Subscribers {
    senders: RwLock<Vec<Sender<PoolEvent>>>,
    count: AtomicUsize,
    lost: AtomicU64,
    /// For the log.
    pub(crate) journal: Arc<Journal>,
}

impl Subscribers {
    pub(crate) fn subscribe(&self, capacity: usize) -> Receiver<PoolEvent> {
        let (sender, receiver) = bounded(capacity);
        self.add(sender);
        receiver
    }

    pub(crate) fn add(&self, sender: Sender<PoolEvent>) {
        let mut senders = self.senders.write();
        senders.push(sender);
        self.count.store(senders.len(), Relaxed);
    }

    /// Events that found a subscriber's channel full.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Tells everybody, the log included, and waits for nobody.
    pub(crate) fn tell(&self, event: impl FnOnce() -> PoolEvent) {
        if listens(log::Level::Warn) {
            let event = event();
            self.journal.note_event(&event);
            self.tell_subscribers(|| event);
        } else {
            self.tell_subscribers(event);
        }
    }

    /// As `tell`, of what the log is told by others.
    pub(crate) fn tell_subscribers(&self, event: impl FnOnce() -> PoolEvent) {
        if self.count.load(Relaxed) == 0 {
            return;
        }
        let event = event();
        let tell = |sender: &&Sender<PoolEvent>| match sender.try_send(event.clone()) {
            Ok(()) => false,
            Err(TrySendError::Full(_)) => {
                self.lost.fetch_add(1, Relaxed);
                false
            }
            Err(TrySendError::Disconnected(_)) => true,
        };
        let gone: Vec<_> = self.senders.read().iter().filter(tell).cloned().collect();
        if !gone.is_empty() {
            let mut senders = self.senders.write();
            senders.retain(|sender| !gone.iter().any(|gone| gone.same_channel(sender)));
            self.count.store(senders.len(), Relaxed);
        }
    }
}

impl<M: Manager> Inner<M> {
    /// Notes that the resource of `right` goes on to `to`. True if it was not there already.
    pub(crate) fn moved(&self, right: &Right<'_, M::Resource>, to: ResourceState, reason: TransitionReason) -> bool {
        let (life, now) = (self.life(right), self.now());
        let in_use = right.word().phase() == crate::core::Phase::Busy;
        let (noted, since) = life.moved(to, now);
        // A use that was not noted began with its checkout.
        let (from, after) = match in_use && noted != ResourceState::Busy && to != ResourceState::Busy {
            true => (ResourceState::Busy, since_ticks(right.record().stamp().time(), now)),
            false => (noted, now.saturating_sub(since)),
        };
        if from == to {
            return false;
        }
        let index = self.shelf.index_of(right.slot()).unwrap_or(u32::MAX);
        self.stepped(ResourceId::new(index, right.word()), (from, to), reason, (after, now));
        true
    }

    /// The resource of a guard that was forgotten when its use began, at tick `taken`, has ended with its pool.
    pub(crate) fn was_forgotten(&self, id: ResourceId, taken: u32) {
        let (now, reason) = (self.now(), TransitionReason::Ended(DestroyReason::Forgotten));
        let states = (ResourceState::Busy, ResourceState::Terminated);
        self.stepped(id, states, reason, (since_ticks(taken, now), now));
    }

    fn stepped(
        &self,
        id: ResourceId,
        (from, to): (ResourceState, ResourceState),
        reason: TransitionReason,
        (after, now): (u64, u64),
    ) {
        let (after, at) = (Duration::from_nanos(after), Duration::from_nanos(now));
        let transition = Transition { id, from, to, reason, after, at };
        self.recorder.record(transition);
        self.subscribers.tell(|| PoolEvent::Transition(transition));
    }
}
