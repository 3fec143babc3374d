//! Who holds what.

use crate::core::{Phase, Slot, Word, thread_name};
use crate::keeper::since_ticks;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{Ordering::Acquire, fence};
use std::time::Duration;

/// One resource in the life of a pool: its slot, and which of the resources that lived there it is. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId {
    slot: u32,
    generation: u64,
}

impl ResourceId {
    pub(crate) fn new(slot: u32, word: Word) -> Self {
        Self { slot, generation: word.generation() }
    }

    pub(super) fn of(slot: u32, generation: u64) -> Self {
        Self { slot, generation }
    }

    /// The slot's place in the pool, from 0.
    pub fn slot(self) -> usize {
        self.slot as usize
    }

    /// How many resources lived in the slot before this one.
    pub fn generation(self) -> u64 {
        self.generation
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.slot, self.generation)
    }
}

/// Who has a resource checked out, since when, and where in the code.
///
/// A checkout takes its resource first and notes who it is a moment later. A look in between names the holder before, with
/// the time of that hold; [`max_hold`](crate::Builder::max_hold) looks twice.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Holder {
    /// The resource.
    pub id: ResourceId,
    /// The number of the thread that checked it out: from 1, in the order in which threads first used a pool.
    pub thread: u64,
    /// That thread's name, if it has one and still runs.
    pub thread_name: Option<Arc<str>>,
    /// Where it was checked out.
    pub site: &'static Location<'static>,
    /// How long ago, to the resolution of the pool's coarse clock (10 ms) and right up to 124 days. With [`Keeper::Manual`](crate::Keeper::Manual)
    /// that clock is set by each tick, and this counts from the tick before the checkout.
    pub held_for: Duration,
}

impl Holder {
    /// The holder of `slot`, if it is checked out, and the slot's checkouts up to this one. Reads the word before and after,
    /// so that the parts belong together; they may be those of the use before, as [`Holder`] says.
    pub(crate) fn of<R>(index: u32, slot: &Slot<R>, now: u64) -> Option<(Holder, u64)> {
        let word = slot.look();
        if word.phase() != Phase::Busy {
            return None;
        }
        let record = slot.record();
        let checkouts = record.checkouts();
        let (stamp, site) = (record.stamp(), record.site()?);
        let (thread, held_for) = (stamp.thread(), Duration::from_nanos(since_ticks(stamp.time(), now)));
        // The second look comes after what was read between the two.
        fence(Acquire);
        if slot.look() != word || record.checkouts() != checkouts {
            return None;
        }
        let id = ResourceId::new(index, word);
        Some((Holder { id, thread, thread_name: None, site, held_for }, checkouts))
    }

    /// Whom it names for the moment, without its number of checkouts.
    pub(crate) fn now_of<R>(index: u32, slot: &Slot<R>, now: u64) -> Option<Holder> {
        Holder::of(index, slot, now).map(|(holder, _)| holder)
    }

    /// With the thread's name looked up, which takes a lock.
    pub(crate) fn named(self) -> Holder {
        Holder { thread_name: thread_name(self.thread), ..self }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.thread_name {
            Some(name) => write!(f, "thread \"{name}\"")?,
            None => write!(f, "thread {}", self.thread)?,
        }
        write!(f, " at {}:{}", self.site.file(), self.site.line())?;
        write!(f, " for {:.1?} (resource {})", self.held_for, self.id)
    }
}
