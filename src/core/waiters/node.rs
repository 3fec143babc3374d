//! One waiting thread: its word, and what the list knows of it.

use super::super::processor;
#[cfg(not(slackwater_loom))]
use super::super::sync::around::thread_local;
use super::super::sync::{Arc, AtomicU64, Thread, UnsafeCell, current};
use super::super::word::Word;
use crate::error::Refusal;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::sync::atomic::{AtomicBool as PlainAtomicBool, AtomicU32 as PlainAtomicU32};

pub(super) const WAITING: u64 = 0;
pub(super) const WOKEN: u64 = 1;
pub(super) const GRANTED: u64 = 2;
pub(super) const REFUSED: u64 = 3;
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
    pub(super) state: AtomicU64,
    pub(super) thread: Thread,
    /// Where the thread last ran before it parked. A hint: no model need see it.
    pub(super) processor: PlainAtomicU32,
    /// Whether one that waits for one resource takes another after a while. Written before it joins, read under the list's lock.
    takes_another: PlainAtomicBool,
    pub(super) place: UnsafeCell<Place>,
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
pub(super) struct Place {
    pub(super) prev: *const Node,
    pub(super) next: *const Node,
    pub(super) linked: bool,
    pub(super) lane: usize,
    pub(super) since: u64,
    /// The how manieth to join the queue, ever.
    pub(super) turn: u64,
    pub(super) holder: Holder,
    pub(super) grant: Word,
    pub(super) refusal: Option<Refusal>,
}

// SAFETY: `place` is reached under the list's lock, or by the waiter alone once the node is off the list (see `Place`);
// the pointers in it are followed only under the lock, while the nodes they name are linked and therefore alive.
unsafe impl Send for Node {}
// SAFETY: as for `Send`.
unsafe impl Sync for Node {}

impl Node {
    pub(super) fn new() -> Arc<Node> {
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
