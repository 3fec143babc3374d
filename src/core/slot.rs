//! A place for one resource, and the right to touch it.

use super::record::Record;
use super::sync::{AtomicU64, LOOK, UnsafeCell};
use super::word::{Mark, Phase, Word};
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A place for one resource. The word is the only authority on who may touch the rest.
pub(crate) struct Slot<R> {
    word: AtomicU64,
    /// Where the owner of the shelf is: a constant, atomic because a raw pointer would not be `Sync`.
    home: AtomicPtr<()>,
    record: Record,
    resource: UnsafeCell<Option<R>>,
}

// SAFETY: the shared fields are `word` and `record`, atomics all, and `resource`, which is reached only through a
// `Right` (at most one exists per slot, see `Right`) or through `&mut Slot`. `R: Send` because a right may be won on
// another thread than the last one; `R: Sync` is not needed, there is never more than one viewer.
unsafe impl<R: Send> Sync for Slot<R> {}

impl<R> Slot<R> {
    /// An empty slot: VACANT or SHUT.
    pub(crate) fn empty(phase: Phase, home: *const ()) -> Self {
        Self {
            word: AtomicU64::new(Word::VACANT.to(phase).bits()),
            home: AtomicPtr::new(home.cast_mut()),
            record: Record::default(),
            resource: UnsafeCell::new(None),
        }
    }

    /// The word as it may be by now: a look only suggests; [`claim`](Self::claim) decides. What is noted of the slot's
    /// resource elsewhere, read after it, is as new as the word.
    #[inline(always)]
    pub(crate) fn look(&self) -> Word {
        // Meets the Release in `Right::open` and `Right::vacate`.
        Word::from_bits(self.word.load(LOOK))
    }

    /// The address of the owner of the slot's shelf; null if it has none.
    #[inline(always)]
    pub(super) fn home(&self) -> *const () {
        self.home.load(Relaxed)
    }

    #[inline]
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// From an open phase to an exclusive one. `Some` is the only permission to touch the resource.
    #[inline(always)]
    pub(crate) fn claim(&self, seen: Word, to: Phase) -> Option<Right<'_, R>> {
        let next = seen.to(to);
        // Acquire: meets the Release in `Right::open` and `Right::vacate`; we see all that the last holder wrote.
        match self.word.compare_exchange(seen.bits(), next.bits(), Acquire, Relaxed) {
            Ok(_) => Some(Right { slot: self, word: next }),
            Err(_) => None,
        }
    }

    /// READY to BUSY, for a word that is known to be READY.
    #[inline(always)]
    pub(crate) fn claim_ready(&self, ready: Word) -> Option<Right<'_, R>> {
        debug_assert_eq!(ready.phase(), Phase::Ready);
        let busy = ready.ready_to_busy();
        // Acquire: as in `claim`.
        match self.word.compare_exchange(ready.bits(), busy.bits(), Acquire, Relaxed) {
            Ok(_) => Some(Right { slot: self, word: busy }),
            Err(_) => None,
        }
    }

    /// Takes up a right that was ended with [`Right::pass_on`] or is kept in another form; `word` is its word.
    ///
    /// # Safety
    /// The caller must have received this slot's passed-on right, once, through an operation that synchronises with
    /// the thread that passed it on.
    #[inline(always)]
    pub(crate) unsafe fn take_up(&self, word: Word) -> Right<'_, R> {
        debug_assert_eq!(self.look(), word.unmarked(), "an exclusive word changed under its holder");
        Right { slot: self, word }
    }

    /// The resource's place, for [`Lease`](super::Lease), which stands for the right.
    #[inline(always)]
    pub(super) fn place(&self) -> &UnsafeCell<Option<R>> {
        &self.resource
    }

    /// The resource left in a slot that nobody can reach any more, its guard forgotten.
    pub(crate) fn take_left_over(&mut self) -> Option<R> {
        self.resource.with_mut(|resource| {
            // SAFETY: `&mut self` proves that no right borrows the slot, so this is the only reference to its resource.
            unsafe { (*resource).take() }
        })
    }
}

/// The permission to write one slot's word and touch its resource.
///
/// At most one exists for a slot: it is made by winning the compare-exchange out of an open phase, or taken up from
/// the one thread that gave its own away; every way to end it consumes it. Dropping it without ending it leaks the
/// slot, visibly: it stays in its exclusive phase, and `audit` still counts it.
#[must_use = "a right that is not ended leaks its slot"]
pub(crate) struct Right<'s, R> {
    slot: &'s Slot<R>,
    word: Word,
}

impl<'s, R> Right<'s, R> {
    #[inline(always)]
    pub(crate) fn word(&self) -> Word {
        self.word
    }

    #[inline]
    pub(crate) fn record(&self) -> &'s Record {
        &self.slot.record
    }

    #[inline(always)]
    pub(crate) fn slot(&self) -> &'s Slot<R> {
        self.slot
    }

    /// Puts a new resource into the slot, and begins its record.
    pub(crate) fn put(&mut self, resource: R, time: u32) {
        debug_assert_eq!(self.word.phase(), Phase::Creating);
        self.slot.record.free_since(time);
        // SAFETY: we hold the slot's right, so nobody else reads or writes the resource; the borrow ends here.
        let old = self.slot.resource.with_mut(|place| unsafe { (*place).replace(resource) });
        debug_assert!(old.is_none(), "a slot in CREATING is empty");
    }

    /// Takes the resource out of the slot.
    pub(crate) fn take(&mut self) -> Option<R> {
        // SAFETY: as in `put`.
        self.slot.resource.with_mut(|place| unsafe { (*place).take() })
    }

    /// The resource of a slot that is BUSY or CHECKING, for its one user.
    #[inline(always)]
    pub(crate) fn resource_mut(&mut self) -> &mut R {
        debug_assert!(matches!(self.word.phase(), Phase::Busy | Phase::Checking));
        // SAFETY: as in `put`; the reference borrows `self` mutably, so it is the only one while it lives. The slot holds
        // a resource: it came through CREATING, where `put` precedes every way out but `vacate`, and whoever takes
        // the resource out ends the right in RETIRING or VACANT.
        self.slot.resource.with_mut(|place| unsafe { (*place).as_mut().unwrap_unchecked() })
    }

    /// From one exclusive phase to another, still ours: BUSY to RETIRING, CREATING to BUSY.
    pub(crate) fn change(mut self, to: Phase) -> Self {
        debug_assert!(self.word.phase().may_become(to) && !to.is_open(), "{:?} -> {to:?}", self.word);
        self.word = self.word.to(to);
        // Relaxed: nobody acts on an exclusive phase but its holder; the Release of `open` or `vacate` follows.
        self.slot.word.store(self.word.bits(), Relaxed);
        self
    }

    /// To READY or DEGRADED: anyone may claim it from here on.
    #[inline(always)]
    pub(crate) fn open(self, to: Phase) {
        debug_assert!(self.word.phase().may_become(to) && to.is_open(), "{:?} -> {to:?}", self.word);
        // Release: meets the Acquire in `Slot::claim`. A plain store is enough: nobody else writes this word now.
        self.slot.word.store(self.word.to(to).bits(), Release);
    }

    /// BUSY, without marks, to READY.
    #[inline(always)]
    pub(crate) fn busy_to_ready(self) {
        debug_assert!(self.word.phase() == Phase::Busy && !self.word.is_marked());
        // Release: as in `open`.
        self.slot.word.store(self.word.busy_to_ready().bits(), Release);
    }

    /// To VACANT or SHUT, with the next generation: the resource is gone. From CREATING nothing was made, and the
    /// generation stays.
    pub(crate) fn vacate(self, to: Phase) {
        debug_assert!(self.word.phase().may_become(to) && !to.is_live(), "{:?} -> {to:?}", self.word);
        let same_life = self.word.phase() == Phase::Creating || left_out!("generation");
        let empty = if same_life { self.word.to(to) } else { self.word.next_life(to) };
        // Release: meets the Acquire in `Slot::claim`, so the next creator sees the place empty.
        self.slot.word.store(empty.bits(), Release);
    }

    /// Ends the right here so that exactly one other thread may take it up with [`Slot::take_up`].
    #[inline(always)]
    pub(crate) fn pass_on(self) -> (&'s Slot<R>, Word) {
        (self.slot, self.word)
    }

    /// The same right for its next user: what the last one's end had to know is none of its business.
    pub(crate) fn unmarked(mut self) -> Self {
        self.word = self.word.unmarked();
        self
    }

    /// The same right, with something for its end to know.
    pub(crate) fn marked(mut self, mark: Mark) -> Self {
        self.word = self.word.marked(mark);
        self
    }
}
