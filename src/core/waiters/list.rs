//! The lanes of parked threads, under the lock.

use super::super::processor;
use super::super::sync::Thread;
use super::super::word::Word;
use super::node::{GRANTED, Holder, Node, Place, REFUSED, WAITING, WOKEN};
use super::{LANE_HEAD_START, LANES, Now};
use crate::error::Refusal;
use crate::resilience::shedding::Overload;
use std::ptr;
use std::sync::atomic::Ordering::{Relaxed, Release};

/// How many waiters at the front of a lane are candidates for a processor they ran on last, and how often in a row the
/// first of all is passed over for one. With 32 threads on 2 processors, 2 of 8 lose nothing against 8 of 16, and bound
/// the overtaking more tightly: `benches/contention`.
const CANDIDATES: usize = 8;
const PASSED_OVER: u32 = 2;

/// The lanes, under the lock.
pub(crate) struct List {
    pub(super) heads: [*const Node; LANES],
    pub(super) tails: [*const Node; LANES],
    /// In each lane.
    pub(super) lens: [u32; LANES],
    pub(super) len: u32,
    turns: u64,
    /// How often in a row somebody was chosen before the first of all.
    passed_over: u32,
    /// Set once, at close: nobody joins any more.
    pub(crate) closed: bool,
    pub(super) overload: Overload,
}

// SAFETY: the pointers name linked nodes, which are alive while linked and shared as `Node: Sync` allows.
unsafe impl Send for List {}

impl List {
    pub(super) fn new(overload: Overload) -> Self {
        Self {
            heads: [ptr::null(); LANES],
            tails: [ptr::null(); LANES],
            lens: [0; LANES],
            len: 0,
            turns: 0,
            passed_over: 0,
            closed: false,
            overload,
        }
    }

    /// The waiter to serve next: of the lanes' heads the one longest in the queue, counting the lanes' head starts.
    pub(crate) fn first<'l>(&self) -> Option<&'l Node> {
        let mut best: Option<(&'l Node, u64)> = None;
        for (lane, &head) in self.heads.iter().enumerate() {
            // SAFETY: a non-null head is linked, so its thread is inside `Shelf::wait` and holds the node; it cannot
            // leave without the lock, which our caller holds.
            if let Some(node) = unsafe { head.as_ref() } {
                let rank = rank(lane, self.since(node));
                if best.is_none_or(|(_, least)| rank < least) {
                    best = Some((node, rank));
                }
            }
        }
        best.map(|(node, _)| node)
    }

    /// The first in `lane` that joined in turn `last` or before.
    pub(super) fn first_until<'l>(&self, lane: usize, last: u64) -> Option<&'l Node> {
        let mut at = self.heads[lane];
        // SAFETY: as in `first`.
        while let Some(node) = unsafe { at.as_ref() } {
            // SAFETY: as in `since`.
            let (turn, next) = node.place.with(|place| unsafe { ((*place).turn, (*place).next) });
            if turn <= last {
                return Some(node);
            }
            at = next;
        }
        None
    }

    /// The waiter to serve or wake from this thread's processor: of the few at the front the first that ran there last,
    /// else the first of all. That one is passed over a few times in a row at most.
    pub(crate) fn choose<'l>(&mut self) -> Option<&'l Node> {
        let first = self.first()?;
        let here = processor::current();
        let mut candidate = Some(first).filter(|_| self.passed_over < PASSED_OVER || left_out!("bound_passing_over"));
        for passed in 0..CANDIDATES {
            let Some(node) = candidate else { break };
            if node.processor.load(Relaxed) == here {
                self.passed_over = if passed == 0 { 0 } else { self.passed_over + 1 };
                return Some(node);
            }
            // SAFETY: as in `since` and `first`: the next node of the lane is linked, or null.
            candidate = node.place.with(|place| unsafe { (*place).next.as_ref() });
        }
        self.passed_over = 0;
        Some(first)
    }

    pub(crate) fn holder(&self, node: &Node) -> Holder {
        // SAFETY: as in `since`.
        node.place.with(|place| unsafe { (*place).holder })
    }

    pub(crate) fn since(&self, node: &Node) -> u64 {
        // SAFETY: `&self` is borrowed from the lock's guard, and `Place` is read and written under that lock.
        node.place.with(|place| unsafe { (*place).since })
    }

    /// Where it stands in the order of service, which lanes shift: the least comes first.
    pub(crate) fn rank(&self, node: &Node) -> u64 {
        // SAFETY: as in `since`.
        let lane = node.place.with(|place| unsafe { (*place).lane });
        rank(lane, self.since(node))
    }

    /// Gives the waiting `node` a wake, noted by `note`. None if it has one already.
    pub(crate) fn wake(&self, node: &Node, note: impl FnOnce()) -> Option<Thread> {
        // Only lock holders leave WAITING, and we hold the lock, so a load and a store do.
        (node.state.load(Relaxed) == WAITING).then(|| {
            note();
            // Release: meets the Acquire in `Node::state`. A waiter that is not parked may act on this at once, and what
            // it then writes over the note must come after the note.
            node.state.store(WOKEN, Release);
            node.thread.clone()
        })
    }

    /// Takes `node` off the list and passes slot `index` on to it. The second value says whether the node had a wake in
    /// hand, which must go to somebody else.
    pub(crate) fn grant(&mut self, node: &Node, (index, word): (u32, Word), now: impl Now) -> (Thread, bool) {
        let granted = self.finish(node, (u64::from(index) << 2) | GRANTED, |place| place.grant = word);
        self.note_left(true, now);
        granted
    }

    /// Takes `node` off the list and ends its wait with `refusal`.
    pub(crate) fn refuse(&mut self, node: &Node, refusal: Refusal) -> (Thread, bool) {
        self.finish(node, REFUSED, |place| place.refusal = Some(refusal))
    }

    fn finish(&mut self, node: &Node, state: u64, write: impl FnOnce(&mut Place)) -> (Thread, bool) {
        let thread = node.thread.clone();
        self.unlink(node);
        // SAFETY: under the lock, as in `since`; the waiter reads `Place` only after the store below.
        node.place.with_mut(|place| write(unsafe { &mut *place }));
        // A swap: the waiter may be going from WOKEN back to WAITING, and only one of us may dispose of its wake.
        // Release: meets the Acquire in `Node::state`. The last touch: from here on the node may be gone.
        let was_woken = node.state.swap(state, Release) == WOKEN;
        (thread, was_woken)
    }

    pub(super) fn link(&mut self, node: &Node, lane: usize, since: u64, holder: Holder) {
        self.turns += 1;
        let mut after = self.tails[lane];
        // A waiter that comes back after a lost wake is older than others: it goes in front of them.
        // SAFETY: nodes on the list are alive while we hold the lock, as in `first`.
        while let Some(other) = unsafe { after.as_ref() }
            && self.since(other) > since
        {
            after = other.place.with(|place| {
                // SAFETY: as in `since`.
                unsafe { (*place).prev }
            });
        }
        let next = match self.place_of(after) {
            Some(place) => std::mem::replace(&mut place.next, node),
            None => std::mem::replace(&mut self.heads[lane], node),
        };
        match self.place_of(next) {
            Some(place) => place.prev = node,
            None => self.tails[lane] = node,
        }
        node.place.with_mut(|place| {
            // SAFETY: as in `since`.
            let place = unsafe { &mut *place };
            debug_assert!(!place.linked, "one thread waits in one place");
            place.turn = self.turns;
            (place.prev, place.next, place.linked) = (after, next, true);
            (place.lane, place.since, place.holder, place.refusal) = (lane, since, holder, None);
        });
        self.lens[lane] += 1;
        self.len += 1;
    }

    pub(crate) fn unlink(&mut self, node: &Node) -> bool {
        let (prev, next, lane) = {
            let Some(place) = self.place_of(node) else { return false };
            if !std::mem::replace(&mut place.linked, false) {
                return false;
            }
            (place.prev, place.next, place.lane)
        };
        match self.place_of(prev) {
            Some(place) => place.next = next,
            None => self.heads[lane] = next,
        }
        match self.place_of(next) {
            Some(place) => place.prev = prev,
            None => self.tails[lane] = prev,
        }
        self.lens[lane] -= 1;
        self.len -= 1;
        true
    }

    /// The list's part of a node that is linked, or about to be; None for null.
    fn place_of<'l>(&mut self, node: *const Node) -> Option<&'l mut Place> {
        // SAFETY: non-null pointers here name the caller's own node or linked ones, alive as in `first`. `&mut self`
        // comes from the lock's guard, and no caller holds two of these references at once.
        unsafe { node.as_ref().map(|node| node.place.with_mut(|place| &mut *place)) }
    }

    /// Calls `f` with each waiting node and its thread's number, lane by lane.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&Node, u64)) {
        for mut at in self.heads {
            // SAFETY: as in `first`.
            while let Some(node) = unsafe { at.as_ref() } {
                // SAFETY: as in `since`.
                let (next, number) = node.place.with(|place| unsafe { ((*place).next, (*place).holder.thread) });
                f(node, number);
                at = next;
            }
        }
    }

    /// When thread `number` joined, in turns; None if it does not wait here.
    pub(crate) fn turn_of(&self, number: u64) -> Option<u64> {
        let mut turn = None;
        self.for_each(|node, waiting| {
            if waiting == number {
                turn = Some(self.turn(node));
            }
        });
        turn
    }

    /// When it joined, in turns: no two of a list are the same.
    pub(crate) fn turn(&self, node: &Node) -> u64 {
        // SAFETY: as in `since`.
        node.place.with(|place| unsafe { (*place).turn })
    }

    /// The place of `node` in the order of service, from 1.
    pub(crate) fn position(&self, node: &Node) -> u32 {
        let own = self.rank(node);
        let (mut before, mut passed) = (0, false);
        // Of equal rank, those are served first that come first here, as in `first`.
        self.for_each(|other, _| {
            passed |= ptr::eq(other, node);
            before += u32::from(self.rank(other) < own || self.rank(other) == own && !passed);
        });
        before + 1
    }

    pub(crate) fn turns(&self) -> u64 {
        self.turns
    }

    pub(super) fn is_linked(&self, node: &Node) -> bool {
        // SAFETY: as in `since`.
        node.place.with(|place| unsafe { (*place).linked })
    }

    pub(super) fn is_first(&self, node: &Node) -> bool {
        self.first().is_some_and(|first| ptr::eq(first, node))
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }
}

/// The order of service: the least comes first.
pub(super) fn rank(lane: usize, since: u64) -> u64 {
    since.saturating_add(lane as u64 * LANE_HEAD_START)
}
