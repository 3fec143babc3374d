//! Where to look for a free slot once the hint failed.
//!
//! Everything here only *suggests*: a popped index may be stale, a READY slot may be missing from its list for a moment.
//! The claim on the slot's word decides, and a thread about to park looks at all words.

use super::slot::{Right, Slot};
use super::sync::{AtomicBool, AtomicU32, AtomicU64};
use super::word::Phase;
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

pub(crate) type SlotArray<R> = [CachePadded<Slot<R>>];

/// The order in which free slots are found.
pub(crate) enum Available {
    /// From the slot the thread used last, along the array.
    Affine,
    /// The one returned last first.
    Lifo(Listed<IndexStack>),
    /// The one returned longest ago first.
    Fifo(Listed<IndexQueue>),
}

impl Available {
    /// Claims a free slot, READY to BUSY. `start` is where an affine scan begins.
    pub(crate) fn take<'s, R>(&self, slots: &'s SlotArray<R>, start: u32) -> Option<Right<'s, R>> {
        match self {
            Available::Affine => scan(slots, start, Phase::Ready, Phase::Busy),
            Available::Lifo(listed) => listed.take(slots),
            Available::Fifo(listed) => listed.take(slots),
        }
    }

    /// Notes that slot `index` was opened READY just now.
    pub(crate) fn put(&self, index: u32) {
        match self {
            Available::Affine => {}
            Available::Lifo(listed) => listed.put(index),
            Available::Fifo(listed) => listed.put(index),
        }
    }
}

/// Claims the first slot in phase `from`, looking along the whole array from `start`.
pub(crate) fn scan<R>(slots: &SlotArray<R>, start: u32, from: Phase, to: Phase) -> Option<Right<'_, R>> {
    let start = (start as usize).min(slots.len());
    let (head, tail) = slots.split_at(start);
    for slot in tail.iter().chain(head) {
        let seen = slot.look();
        if seen.phase() == from
            && let Some(right) = slot.claim(seen, to)
        {
            return Some(right);
        }
    }
    None
}

/// A store of indices: last in first out, or first in first out.
pub(crate) trait Indices {
    fn push(&self, index: u32);
    fn pop(&self) -> Option<u32>;
}

/// Indices of free slots, each at most once.
///
/// `listed[i]` is true from before `i` is pushed until after it is popped:
///
/// ```text
/// Returner: R1 store READY      R2 swap listed true,  push if it was false
/// Taker:    T1 pop              T2 swap listed false                         T3 claim READY
/// ```
/// Lost if R2 finds `listed` true and pushes nothing, while T3 finds the slot not yet READY and drops the index. Both R2
/// and T2 are read-modify-writes of one flag: if R2 comes first, T2 reads from it and T3 sees R1; if T2 comes first, R2
/// finds false and pushes. That it then pushes after T1 popped needs no more: the stack's exchanges are ordered among
/// themselves, and a push before T1 would be seen by T1, hence before T2, from which R2 read.
///
/// Whoever claims a listed slot past the list (the keeper, a waiter's look) leaves the index behind; the taker that pops
/// it fails its claim and drops it, and if the slot was opened again meanwhile the index is simply true once more.
pub(crate) struct Listed<I> {
    indices: I,
    listed: Box<[AtomicBool]>,
}

impl<I: Indices> Listed<I> {
    pub(crate) fn new(slots: usize, indices: I) -> Self {
        Self { indices, listed: (0..slots).map(|_| AtomicBool::new(false)).collect() }
    }

    fn put(&self, index: u32) {
        // Release: meets the Acquire in `take`, see above. If that came first there is nothing to see: the index is off the list.
        if !self.listed[index as usize].swap(true, Release) {
            step!("list", self.indices.push(index));
        }
    }

    fn take<'s, R>(&self, slots: &'s SlotArray<R>) -> Option<Right<'s, R>> {
        while let Some(index) = self.indices.pop() {
            // Acquire: meets the Release in `put`, see above.
            step!("unlist", self.listed[index as usize].swap(false, Acquire));
            let slot = &slots[index as usize];
            let seen = slot.look();
            if seen.phase() == Phase::Ready
                && let Some(right) = slot.claim(seen, Phase::Busy)
            {
                return Some(right);
            }
        }
        None
    }
}

/// A stack of indices (Treiber 1986) with a tag against ABA: two poppers that both read head `a -> b` cannot both
/// succeed, because every push and pop changes the tag.
pub(crate) struct IndexStack {
    /// Tag in the high half, index + 1 in the low half; 0 is the end.
    head: CachePadded<AtomicU64>,
    next: Box<[AtomicU32]>,
}

impl IndexStack {
    pub(crate) fn new(slots: usize) -> Self {
        Self { head: CachePadded::new(AtomicU64::new(0)), next: (0..slots).map(|_| AtomicU32::new(0)).collect() }
    }
}

/// The head after `seen`: a new tag, and `top` (index + 1) on top.
fn retag(seen: u64, top: u32) -> u64 {
    let step = if left_out!("tag") { 0 } else { 1 };
    (((seen >> 32) as u32).wrapping_add(step) as u64) << 32 | u64::from(top)
}

impl Indices for IndexStack {
    fn push(&self, index: u32) {
        let mut seen = self.head.load(Relaxed);
        loop {
            // Relaxed: published by the Release of the exchange below.
            self.next[index as usize].store(seen as u32, Relaxed);
            // Release: meets the Acquire in `pop`, which then reads the `next` stored above.
            match self.head.compare_exchange_weak(seen, retag(seen, index + 1), Release, Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    fn pop(&self) -> Option<u32> {
        let mut seen = self.head.load(Acquire);
        loop {
            let top = seen as u32;
            let index = top.checked_sub(1)?;
            // May be overwritten by a later push of the same index; then the tag has changed and the exchange fails.
            let next = self.next[index as usize].load(Relaxed);
            // Relaxed on success: the load that brought `seen` was an Acquire. Acquire on failure: the next round reads the
            // `next` that the new head's push stored.
            match self.head.compare_exchange_weak(seen, retag(seen, next), Relaxed, Acquire) {
                Ok(_) => return Some(index),
                Err(now) => seen = now,
            }
        }
    }
}

/// A bounded queue of indices.
#[cfg(not(slackwater_loom))]
pub(crate) struct IndexQueue(crossbeam_queue::ArrayQueue<u32>);

#[cfg(not(slackwater_loom))]
impl IndexQueue {
    pub(crate) fn new(slots: usize) -> Self {
        Self(crossbeam_queue::ArrayQueue::new(slots))
    }
}

#[cfg(not(slackwater_loom))]
impl Indices for IndexQueue {
    fn push(&self, index: u32) {
        // Each index stands in the queue at most once and the queue has room for all, but `ArrayQueue` may answer
        // "full" while a pop is still under way on another thread. Dropping the index then would only cost order: the
        // look before parking reads the words themselves.
        while self.0.push(index).is_err() {
            std::hint::spin_loop();
        }
    }

    fn pop(&self) -> Option<u32> {
        self.0.pop()
    }
}

/// The model checker does not see into `ArrayQueue`; any queue serves, because indices only suggest.
#[cfg(slackwater_loom)]
pub(crate) struct IndexQueue(super::sync::Mutex<std::collections::VecDeque<u32>>);

#[cfg(slackwater_loom)]
impl IndexQueue {
    pub(crate) fn new(_: usize) -> Self {
        Self(super::sync::Mutex::new(std::collections::VecDeque::new()))
    }
}

#[cfg(slackwater_loom)]
impl Indices for IndexQueue {
    fn push(&self, index: u32) {
        self.0.lock().push_back(index);
    }

    fn pop(&self) -> Option<u32> {
        self.0.lock().pop_front()
    }
}
