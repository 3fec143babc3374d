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

mod overload;

use super::processor;
use super::shelf::Now;
#[cfg(not(slackwater_loom))]
use super::sync::around::thread_local;
use super::sync::{Arc, AtomicBool, AtomicU32, AtomicU64, Mutex, MutexGuard, Thread, UnsafeCell, current};
use super::word::Word;
use crate::error::Refusal;
use crate::resilience::shedding::Overload;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool as PlainAtomicBool, AtomicU32 as PlainAtomicU32, AtomicU64 as PlainAtomicU64};

/// Waits of a lower lane start this much later in the queue's order, per lane. A high waiter overtakes a normal one
/// that came less than this before it, so no lane starves: the bound on overtaking is twice this.
pub(crate) const LANE_HEAD_START: u64 = 100_000_000;
pub(crate) const LANES: usize = 3;

/// How many waiters at the front of a lane are candidates for a processor they ran on last, and how often in a row the
/// first of all is passed over for one. With 32 threads on 2 processors, 2 of 8 lose nothing against 8 of 16, and bound
/// the overtaking more tightly: `benches/contention`.
const CANDIDATES: usize = 8;
const PASSED_OVER: u32 = 2;

const WAITING: u64 = 0;
const WOKEN: u64 = 1;
const GRANTED: u64 = 2;
const REFUSED: u64 = 3;
const STATE_MASK: u64 = 3;

/// What a waiter finds in its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Woken,
    Granted { index: u32 },
    Refused,
}

/// One waiting thread.
pub(crate) struct Node {
    state: AtomicU64,
    thread: Thread,
    /// Where the thread last ran before it parked. A hint: no model need see it.
    processor: PlainAtomicU32,
    /// Whether one that waits for one resource takes another after a while. Written before it joins, read under the list's lock.
    takes_another: PlainAtomicBool,
    place: UnsafeCell<Place>,
}

/// Who is to have the slot, and where it asked for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    /// The thread's number.
    pub(crate) thread: u64,
    pub(crate) site: &'static Location<'static>,
}

/// What of a node belongs to the list: read and written only under the list's lock, apart from `grant` and `refusal`,
/// which the waiter reads once its state says that they are there.
struct Place {
    prev: *const Node,
    next: *const Node,
    linked: bool,
    lane: usize,
    since: u64,
    /// The how manieth to join the queue, ever.
    turn: u64,
    holder: Holder,
    grant: Word,
    refusal: Option<Refusal>,
}

// SAFETY: `place` is reached under the list's lock, or by the waiter alone once the node is off the list (see `Place`);
// the pointers in it are followed only under the lock, while the nodes they name are linked and therefore alive.
unsafe impl Send for Node {}
// SAFETY: as for `Send`.
unsafe impl Sync for Node {}

impl Node {
    fn new() -> Arc<Node> {
        Arc::new(Node {
            state: AtomicU64::new(WAITING),
            thread: current(),
            processor: PlainAtomicU32::new(0),
            takes_another: PlainAtomicBool::new(false),
            place: UnsafeCell::new(Place {
                prev: ptr::null(),
                next: ptr::null(),
                linked: false,
                lane: 0,
                since: 0,
                turn: 0,
                holder: Holder { thread: 0, site: Location::caller() },
                grant: Word::VACANT,
                refusal: None,
            }),
        })
    }

    /// This thread's node. Allocates on the thread's first wait only.
    #[cfg(not(slackwater_loom))]
    pub(crate) fn mine() -> Arc<Node> {
        thread_local!(static MINE: Arc<Node> = Node::new());
        // A thread whose locals are gone already still may wait, with a node for this once.
        let mine = MINE.try_with(|mine| (Arc::strong_count(mine) == 1).then(|| Arc::clone(mine)));
        // So may a wait inside a wait: user code is not called there, but a logger is.
        mine.ok().flatten().unwrap_or_else(Node::new)
    }

    #[cfg(slackwater_loom)]
    pub(crate) fn mine() -> Arc<Node> {
        Node::new()
    }

    pub(crate) fn state(&self) -> State {
        // Acquire: meets the Release in `List::grant` and `List::refuse`; the right, or the refusal, is ours to take.
        let state = self.state.load(Acquire);
        match state & STATE_MASK {
            WAITING => State::Waiting,
            WOKEN => State::Woken,
            GRANTED => State::Granted { index: (state >> 2) as u32 },
            _ => State::Refused,
        }
    }

    pub(crate) fn takes_another(&self) -> bool {
        self.takes_another.load(Relaxed)
    }

    pub(crate) fn set_takes_another(&self, takes: bool) {
        self.takes_another.store(takes, Relaxed);
    }

    /// WOKEN back to WAITING. False if something better, or worse, has come meanwhile.
    pub(crate) fn wait_on(&self) -> bool {
        self.processor.store(processor::current(), Relaxed);
        self.state.compare_exchange(WOKEN, WAITING, Relaxed, Relaxed).is_ok()
    }

    /// Back to where `join` begins, once what the state said has been taken.
    pub(crate) fn settle(&self) {
        self.state.store(WAITING, Relaxed);
    }

    /// The word of the granted slot.
    pub(crate) fn granted_word(&self) -> Word {
        self.place.with(|place| {
            // SAFETY: called once the state says GRANTED: the granter wrote this before its Release store, took the
            // node off the list first, and touches it no more.
            unsafe { (*place).grant }
        })
    }

    pub(crate) fn take_refusal(&self) -> Refusal {
        self.place.with_mut(|place| {
            // SAFETY: called once the state says REFUSED: the refuser wrote this before its Release store, took the
            // node off the list first, and touches it no more.
            unsafe { (*place).refusal.take() }.unwrap_or(Refusal::Closed)
        })
    }
}

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

/// The lanes, under the lock.
pub(crate) struct List {
    heads: [*const Node; LANES],
    tails: [*const Node; LANES],
    /// In each lane.
    lens: [u32; LANES],
    len: u32,
    turns: u64,
    /// How often in a row somebody was chosen before the first of all.
    passed_over: u32,
    /// Set once, at close: nobody joins any more.
    pub(crate) closed: bool,
    overload: Overload,
}

// SAFETY: the pointers name linked nodes, which are alive while linked and shared as `Node: Sync` allows.
unsafe impl Send for List {}

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
        let list = List {
            heads: [ptr::null(); LANES],
            tails: [ptr::null(); LANES],
            lens: [0; LANES],
            len: 0,
            turns: 0,
            passed_over: 0,
            closed: false,
            overload,
        };
        let overtakes = PlainAtomicU64::new(0);
        Self { count: AtomicU32::new(0), waking: AtomicBool::new(false), list: Mutex::new(list), overtakes }
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
        node.state.store(WAITING, Relaxed);
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

impl List {
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
    fn first_until<'l>(&self, lane: usize, last: u64) -> Option<&'l Node> {
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

    fn link(&mut self, node: &Node, lane: usize, since: u64, holder: Holder) {
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
                // SAFETY: as in `since`.
                turn = Some(node.place.with(|place| unsafe { (*place).turn }));
            }
        });
        turn
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

    fn is_linked(&self, node: &Node) -> bool {
        // SAFETY: as in `since`.
        node.place.with(|place| unsafe { (*place).linked })
    }

    fn is_first(&self, node: &Node) -> bool {
        self.first().is_some_and(|first| ptr::eq(first, node))
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }
}

/// The order of service: the least comes first.
fn rank(lane: usize, since: u64) -> u64 {
    since.saturating_add(lane as u64 * LANE_HEAD_START)
}
