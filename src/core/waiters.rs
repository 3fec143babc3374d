//! The queue of parked threads.
//!
//! One node per waiting thread, kept by the thread and reused. Nodes stand in three priority lanes behind one mutex: this
//! is the slow path, and no user code ever runs under it. A node's state is one word:
//!
//! ```text
//! WAITING -> WOKEN      look again; you may find nothing                 (by a returner, under the lock)
//! WOKEN   -> WAITING    looked, found nothing                            (by the waiter)
//! WAITING | WOKEN -> GRANTED   this slot is yours: the right was passed on   (by a returner, under the lock)
//! WAITING | WOKEN -> REFUSED   no resource will come, and why             (under the lock)
//! ```
//! GRANTED and REFUSED are written under the lock and only to a node taken off the list in the same critical section; a
//! waiter that gives up takes itself off the list under the lock. So exactly one of the two happens first, and the other
//! sees it: the race of a timeout against a grant does not exist.
mod list;
mod node;
mod overload;

pub(crate) use self::list::List;
pub(crate) use self::node::{Holder, Node, State};
use super::processor;
use super::shelf::Now;
use super::sync::{AtomicBool, AtomicU32, Mutex, MutexGuard, Thread};
use crate::error::Refusal;
use crate::resilience::shedding::Overload;
use std::sync::atomic::AtomicU64 as PlainAtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Waits of a lower lane start this much later in the queue's order, per lane. A high waiter overtakes a normal one
/// that came less than this before it, so no lane starves: the bound on overtaking is twice this.
pub(crate) const LANE_HEAD_START: u64 = 100_000_000;
pub(crate) const LANES: usize = 3;

/// The queue, and what the lock-free side reads of it.
pub(crate) struct Waiters {
    /// Nodes on the list. Written under the lock, read by every return once the pool is contended.
    count: AtomicU32,
    /// Whether a woken waiter has yet to look. While it is up, returns wake nobody: no herd.
    waking: AtomicBool,
    list: Mutex<List>,
    /// How often one was woken and found nothing. A count, which no model need see.
    overtakes: PlainAtomicU64,
}

/// Why a thread could not join the queue.
pub(crate) enum NoPlace {
    Full {
        waiting: u32,
    },
    /// It would not be served in time: so many are before it, as far as was counted, and each takes so long.
    Unservable {
        before: u32,
        each: u64,
        waiting: u32,
    },
    Closed,
}

/// What a thread that joins is told.
pub(crate) struct Joined {
    /// Whether it is first of all.
    pub(crate) is_first: bool,
    /// When to ask at the earliest whether it is shed.
    pub(crate) ask_at: u64,
}

/// How a waiter comes to leave of its own accord.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Served,
    /// It asks for its place.
    TimedOut,
    Failed,
}

impl Waiters {
    pub(crate) fn new(overload: Overload) -> Self {
        let overtakes = PlainAtomicU64::new(0);
        Self {
            count: AtomicU32::new(0),
            waking: AtomicBool::new(false),
            list: Mutex::new(List::new(overload)),
            overtakes,
        }
    }

    #[inline(always)]
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }

    pub(crate) fn overtakes(&self) -> u64 {
        self.overtakes.load(Relaxed)
    }

    pub(crate) fn overtaken(&self) {
        self.overtakes.fetch_add(1, Relaxed);
    }

    pub(crate) fn waking(&self) -> bool {
        self.waking.load(Relaxed)
    }

    pub(crate) fn set_waking(&self, waking: bool) {
        self.waking.store(waking, Relaxed);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock()
    }

    /// Puts `node` into its lane, in the order of `since`, and announces it. With `allowed` only if it is likely to be served
    /// within that many nanoseconds.
    pub(crate) fn join(
        &self,
        node: &Node,
        (lane, since, holder): (usize, u64, Holder),
        (max_waiters, allowed): (u32, Option<u64>),
        now: impl Now,
    ) -> Result<Joined, NoPlace> {
        let mut list = self.lock();
        if list.closed {
            return Err(NoPlace::Closed);
        }
        if list.len >= max_waiters {
            return Err(NoPlace::Full { waiting: list.len });
        }
        if let Some(allowed) = allowed
            && let Some((before, each)) = list.too_many_before(lane, since, allowed, now)
        {
            return Err(NoPlace::Unservable { before, each, waiting: list.len });
        }
        node.settle();
        node.processor.store(processor::current(), Relaxed);
        list.link(node, lane, since, holder);
        self.count.store(list.len, Relaxed);
        let ask_at = if list.overload.is_watched() { list.note_joined(now()) } else { u64::MAX };
        Ok(Joined { is_first: list.is_first(node), ask_at })
    }

    /// Takes `node` off the list and gives its place in the order of service, from 1. None if a grant or refusal took it
    /// off already.
    pub(crate) fn leave(&self, node: &Node, exit: Exit, now: impl Now) -> Option<u32> {
        let mut list = self.lock();
        let place = if exit == Exit::TimedOut { list.position(node) } else { 1 };
        let was_linked = list.unlink(node);
        self.count.store(list.len, Relaxed);
        if was_linked {
            list.note_left(exit == Exit::Served, now);
        }
        was_linked.then_some(place)
    }

    /// Takes `node` off the list if it is to be shed, and says for how long the queue's delay has been too long. Otherwise:
    /// when to ask again.
    pub(crate) fn leave_if_shed(&self, node: &Node, now: impl Now) -> Result<u64, u64> {
        let mut list = self.lock();
        if !list.is_linked(node) {
            // Granted or refused meanwhile: its state says so, and nobody asks again.
            return Err(u64::MAX);
        }
        let is_first = list.is_first(node);
        let above_for = list.overload.ask(is_first, now())?;
        list.unlink(node);
        self.count.store(list.len, Relaxed);
        list.note_left(false, now);
        Ok(above_for)
    }

    /// How many have joined the queue, ever.
    pub(crate) fn turns(&self) -> u64 {
        self.lock().turns()
    }

    /// Ends the wait of everyone who joined in turn `last` or before with `refusal`. True if one of them had a wake in hand,
    /// which must go to somebody else.
    pub(crate) fn refuse_until(&self, last: u64, refusal: &Refusal) -> bool {
        let mut had_wake = false;
        for lane in 0..LANES {
            // One at a time: nobody who joins or leaves waits for more than that.
            while let Some((thread, woken)) = self.refuse_one(lane, last, refusal) {
                had_wake |= woken;
                thread.unpark();
            }
        }
        had_wake
    }

    fn refuse_one(&self, lane: usize, last: u64, refusal: &Refusal) -> Option<(Thread, bool)> {
        let mut list = self.lock();
        let node = list.first_until(lane, last)?;
        let refused = list.refuse(node, refusal.clone());
        self.count.store(list.len, Relaxed);
        Some(refused)
    }

    /// Ends the wait of everyone, those to come included, with `refusal`. Answers as `refuse_until` does.
    pub(crate) fn close(&self, refusal: &Refusal) -> bool {
        self.lock().closed = true;
        self.refuse_until(u64::MAX, refusal)
    }

    /// Wakes every waiter to look at the clock again; nobody is granted anything.
    pub(crate) fn unpark_all(&self) {
        self.lock().for_each(|node, _| node.thread.unpark());
    }

    pub(crate) fn count_from(&self, list: &List) {
        self.count.store(list.len, Relaxed);
    }
}
