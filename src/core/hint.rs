//! What a thread remembers: its number, and the slot it used last in each of a few pools.
//!
//! A hint is a pool's number, the address of a slot of it, and the exact word that slot should have. A stale hint costs one failed compare-exchange, never a wrong
//! checkout: the generation in the word tells an earlier life of the slot from the present one.

use super::record::Stamp;
use super::sync::around::{self, thread_local};
use super::word::Word;
use parking_lot::Mutex;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Pools a thread keeps hints for at once; a pool whose number collides with another's takes the other's place.
/// 32 bytes each; more would help only a thread that alternates between more pools than this.
const HINTS: usize = 8;

/// Where this thread found a pool's resource last.
#[derive(Clone, Copy)]
pub(crate) struct Hint {
    /// Number of the pool; 0 is no pool.
    pub(crate) pool: u64,
    /// Address of a slot in the shelf that has this number. Only [`Shelf::hinted`](super::Shelf::hinted) follows it.
    pub(crate) slot: *const (),
    /// This thread's number, here so that the fast path reads one place.
    pub(crate) stamp: Stamp,
    /// The word the slot has if nobody used it since.
    pub(crate) ready: Word,
}

/// One thread's number and hints.
struct Mine {
    number: Cell<u64>,
    #[cfg(not(slackwater_loom))]
    turns: Cell<u32>,
    /// A copy of one of `hints`: the address of this one needs no computing, and between two exchanges every
    /// instruction counts.
    last: Cell<Hint>,
    hints: [Cell<Hint>; HINTS],
}

const NONE: Hint = Hint { pool: 0, slot: std::ptr::null(), stamp: Stamp::by(0), ready: Word::VACANT };

thread_local! {
    // No destructor and a constant start value: access is one segment-relative address.
    static MINE: Mine = const {
        Mine {
            number: Cell::new(0),
            #[cfg(not(slackwater_loom))]
            turns: Cell::new(0),
            last: Cell::new(NONE),
            hints: [const { Cell::new(NONE) }; HINTS],
        }
    };
    static NAMED: Named = Named::register();
}

impl Mine {
    fn named_number(&self) -> u64 {
        if self.number.get() == 0 {
            self.number.set(around::thread_number());
            // A thread in its last breath has no destructors left to run: it stays unnamed.
            let _ = NAMED.try_with(|_| ());
        }
        self.number.get()
    }
}

/// What this thread remembers of the pool it remembered last, or nearly so.
#[inline(always)]
pub(crate) fn last() -> Hint {
    MINE.with(|mine| mine.last.get())
}

/// What this thread remembers of `pool`, or of another one in its place.
#[inline(always)]
pub(crate) fn of(pool: u64) -> Hint {
    MINE.with(|mine| mine.hints[pool as usize % HINTS].get())
}

pub(crate) fn remember(hint: Hint) {
    MINE.with(|mine| {
        mine.hints[hint.pool as usize % HINTS].set(hint);
        mine.last.set(hint);
    });
}

impl Hint {
    /// Has the thread look at this one first.
    #[inline]
    pub(crate) fn becomes_last(self) {
        MINE.with(|mine| mine.last.set(self));
    }
}

/// This thread's number: from 1, never used twice in a process.
pub(crate) fn thread_number() -> u64 {
    MINE.with(Mine::named_number)
}

static NAMES: LazyLock<Mutex<HashMap<u64, Arc<str>>>> = LazyLock::new(Mutex::default);

/// A thread's entry in the table of names, which ends with the thread.
struct Named(u64);

impl Named {
    fn register() -> Self {
        let number = MINE.with(|mine| mine.number.get());
        if let Some(name) = std::thread::current().name() {
            NAMES.lock().insert(number, Arc::from(name));
        }
        Named(number)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        NAMES.lock().remove(&self.0);
    }
}

/// True for one of `many` calls by this thread.
#[cfg(not(slackwater_loom))]
pub(crate) fn every(many: u32) -> bool {
    MINE.with(|mine| {
        mine.turns.set(mine.turns.get().wrapping_add(1));
        mine.turns.get() % many == 0
    })
}

#[cfg(slackwater_loom)]
thread_local! {
    /// What [`every`] says in the model that runs now: a run must not depend on the runs before it.
    pub(crate) static EVERY: Cell<bool> = const { Cell::new(false) };
}

/// What the running model wants: its threads all share this one, and so would share a count.
#[cfg(slackwater_loom)]
pub(crate) fn every(_: u32) -> bool {
    EVERY.get()
}

/// The name of a thread that is still running and has one.
pub(crate) fn thread_name(number: u64) -> Option<Arc<str>> {
    NAMES.lock().get(&number).cloned()
}
