//! What stands behind a pool whose resources take work by themselves: [`Workers`](crate::Workers) and their queue.
//!
//! The pool treats those who wait there as it treats those who wait for a checkout: it makes resources for them, tells them when none
//! can be had, and when it closes.

use super::Inner;
use crate::core::sync::around::fence;
use crate::core::{Phase, Right, Word};
use crate::error::{Refusal, SharedError};
use crate::manager::Manager;
use crate::observe::ResourceId;
use std::sync::atomic::Ordering::SeqCst;

/// See [`Manager::attendant`].
pub trait Attendant: Send + Sync {
    /// How many wait there.
    fn waiting(&self) -> u32;
    /// How many of them nobody is about to serve.
    fn unserved(&self) -> u32;
    /// Whether the calling thread is one of its resources'.
    fn is_its_thread(&self) -> bool;
    /// The resource in this slot is there for whoever wants it. Called after every opening but those by the resource itself.
    fn opened(&self, slot: usize);
    /// Nothing will come for the first `most` of those who wait.
    #[allow(private_interfaces)]
    fn refuse(&self, most: u32, refusal: &Refusal);
    /// The pool is closed; because of a fatal error, if that was no decision of the program's.
    fn closed(&self, cause: Option<&SharedError>);
    /// Looks at what is under way: returns the resources whose uses are too long, and when to look again.
    fn attend(&self, now: u64) -> Attended;
}

/// What an attendant found.
#[derive(Debug, Default)]
pub struct Attended {
    /// Resources in use, each with the number of that use, that are to be replaced: their uses may never end.
    pub(crate) overdue: Vec<(ResourceId, u64)>,
    pub(crate) next: Option<u64>,
    /// There are more now who wait for whoever comes.
    pub(crate) more_wait: bool,
}

impl<M: Manager> Inner<M> {
    #[inline(always)]
    pub(crate) fn attendant(&self) -> Option<&dyn Attendant> {
        self.manager.attendant()
    }

    /// Those who wait for a resource, wherever.
    pub(crate) fn waiting(&self) -> u32 {
        self.shelf.waiting().saturating_add(self.attendant_waiting())
    }

    /// Those of them who wait with the attendant.
    pub(super) fn attendant_waiting(&self) -> u32 {
        self.manager.attendant().map_or(0, |attendant| attendant.waiting())
    }

    /// Tells as many of those that nothing will come.
    pub(super) fn refuse_there(&self, most: u32, refusal: &Refusal) {
        if let Some(attendant) = self.manager.attendant() {
            attendant.refuse(most, refusal);
        }
    }

    /// The slot of a right that is about to be opened, if somebody is to be told.
    #[inline]
    pub(super) fn attended_slot(&self, right: &Right<'_, M::Resource>) -> Option<u32> {
        self.manager.attendant().and_then(|_| self.shelf.index_of(right.slot()))
    }

    /// A slot was opened, and not by its own resource.
    pub(super) fn tell_opened(&self, slot: Option<u32>) {
        if let Some((attendant, slot)) = self.manager.attendant().zip(slot) {
            // Meets the fence of a resource that looks at its slot once more before it waits for this.
            fence(SeqCst);
            attendant.opened(slot as usize);
        }
    }

    pub(super) fn tell_closed(&self) {
        if let Some(attendant) = self.manager.attendant() {
            attendant.closed(self.stopped_by.get());
        }
    }

    /// Whether a resource in this state takes work by itself.
    #[inline]
    pub(super) fn serves(&self, slot: usize, seen: Word) -> bool {
        match seen.phase() {
            Phase::Ready => self.lives[slot].expires() > self.must_outlast(),
            // The last resort, and checked again at its return: not while another is free.
            Phase::Degraded => !self.is_any_fit(),
            _ => false,
        }
    }

    /// Whether any resource is free, and none of the last resort.
    fn is_any_fit(&self) -> bool {
        let must_outlast = self.must_outlast();
        let mut ready =
            self.shelf.slots().zip(&self.lives).filter(|((_, slot), _)| slot.look().phase() == Phase::Ready);
        ready.any(|(_, life)| life.expires() > must_outlast)
    }

    /// Tells those that are free, and can serve, that it is their turn: what is degraded leaves it to others as long as there are any,
    /// and what is too old to what is made in its place. Not those who cannot: they would tell others in turn.
    #[cold]
    pub(crate) fn tell_those_who_serve(&self) {
        if self.attendant().is_none() {
            return;
        }
        for (index, slot) in self.shelf.slots() {
            if self.serves(index as usize, slot.look()) {
                self.tell_opened(Some(index));
            }
        }
    }
}
