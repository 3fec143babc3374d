//! A place for one resource, and the right to touch it.

use super::sync::{AtomicU64, UnsafeCell};
use super::word::{Phase, Word};
use std::panic::Location;
// The record is bookkeeping that takes part in no protocol, so the model checker need not see it.
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU64 as Plain};

/// A place for one resource. The word is the only authority on who may touch the rest.
pub(crate) struct Slot<R> {
    word: AtomicU64,
    record: Record,
    resource: UnsafeCell<Option<R>>,
}

// SAFETY: the shared fields are `word` and `record`, atomics all, and `resource`, which is reached only through a
// `Right` (at most one exists per slot, see `Right`) or through `&mut Slot`. `R: Send` because a right may be won on
// another thread than the last one; `R: Sync` is not needed, there is never more than one viewer.
unsafe impl<R: Send> Sync for Slot<R> {}

/// What is known of a slot's user, written by the holder with plain stores beside the word it owns.
///
/// Each field is a single atomic, so a reader never sees a torn value; two fields read together may stem from two
/// holders, which readers accept or guard against by reading the word before and after.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Coarse time of the last checkout or return.
    since: Plain,
    /// Number of the thread that checked out last.
    thread: Plain,
    /// Where it did: a `&'static Location`, or null.
    site: AtomicPtr<Location<'static>>,
    /// Checkouts of this slot, over all its lives.
    checkouts: Plain,
    /// Failed checks in a row.
    failures: Plain,
    /// What the return must know of this use; zero almost always, and zero again before the slot is opened.
    marks: Plain,
    /// What the manager says the present resource costs.
    weight: Plain,
}

/// The holder was unwinding from a panic when it checked out: its unwinding at return proves nothing.
pub(crate) const MARK_UNWINDING: u64 = 1;
/// The holder asked for a check before anyone else gets the resource.
pub(crate) const MARK_SUSPECT: u64 = 2;

impl Record {
    /// Notes a checkout. False if the time differs from the last one noted, which the caller then has to note.
    ///
    /// Compares before it stores: every store of a return has to drain before the next compare-exchange, while loads
    /// of a line that the holder owns anyway are free. A thread that uses one slot from one place stores the count alone.
    #[inline(always)]
    #[must_use]
    pub(crate) fn checked_out(&self, now: u64, thread: u64, site: &'static Location<'static>) -> bool {
        self.checkouts.store(self.checkouts.load(Relaxed) + 1, Relaxed);
        let site = std::ptr::from_ref(site).cast_mut();
        if self.thread.load(Relaxed) != thread || self.site.load(Relaxed) != site {
            self.thread.store(thread, Relaxed);
            self.site.store(site, Relaxed);
        }
        self.since.load(Relaxed) == now
    }

    #[inline(always)]
    pub(crate) fn stamp(&self, now: u64) {
        self.since.store(now, Relaxed);
    }

    fn born(&self, now: u64, weight: u64) {
        self.stamp(now);
        self.weight.store(weight, Relaxed);
        self.failures.store(0, Relaxed);
        self.marks.store(0, Relaxed);
    }

    #[inline]
    pub(crate) fn weight(&self) -> u64 {
        self.weight.load(Relaxed)
    }

    /// Adds `mark`. Called by the slot's right-holder alone.
    #[inline]
    pub(crate) fn mark(&self, mark: u64) {
        self.marks.store(self.marks() | mark, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn marks(&self) -> u64 {
        self.marks.load(Relaxed)
    }

    /// Reads the marks and clears them. Called by the slot's right-holder alone.
    pub(crate) fn take_marks(&self) -> u64 {
        let marks = self.marks();
        self.marks.store(0, Relaxed);
        marks
    }

    #[inline]
    pub(crate) fn since(&self) -> u64 {
        self.since.load(Relaxed)
    }

    #[inline]
    pub(crate) fn thread(&self) -> u64 {
        self.thread.load(Relaxed)
    }

    #[inline]
    pub(crate) fn site(&self) -> Option<&'static Location<'static>> {
        let site = self.site.load(Relaxed);
        // SAFETY: the only stores are null (at birth of the slot) and pointers made from `&'static Location<'static>`
        // in `checked_out`, so a non-null value points to an immutable `Location` that lives for ever.
        unsafe { site.as_ref() }
    }

    #[inline]
    pub(crate) fn checkouts(&self) -> u64 {
        self.checkouts.load(Relaxed)
    }

    /// Notes a check's result and says how many have failed in a row. Called by the slot's right-holder alone.
    pub(crate) fn checked(&self, passed: bool) -> u64 {
        let failures = if passed { 0 } else { self.failures.load(Relaxed) + 1 };
        self.failures.store(failures, Relaxed);
        failures
    }
}

impl<R> Slot<R> {
    pub(crate) fn vacant() -> Self {
        Self { word: AtomicU64::new(Word::VACANT.bits()), record: Record::default(), resource: UnsafeCell::new(None) }
    }

    /// The word as it may be by now. Relaxed: a look only suggests; [`claim`](Self::claim) decides.
    #[inline(always)]
    pub(crate) fn look(&self) -> Word {
        Word::from_bits(self.word.load(Relaxed))
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

    /// Takes up a right that was ended with [`Right::pass_on`] or is kept in another form.
    ///
    /// # Safety
    /// The caller must have received this slot's passed-on right, once, through an operation that synchronises with
    /// the thread that passed it on.
    #[inline(always)]
    pub(crate) unsafe fn take_up(&self) -> Right<'_, R> {
        Right { slot: self, word: self.look() }
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
    pub(crate) fn put(&mut self, resource: R, now: u64, weight: u64) {
        debug_assert_eq!(self.word.phase(), Phase::Creating);
        self.slot.record.born(now, weight);
        // SAFETY: we hold the slot's right, so nobody else reads or writes the resource; the borrow ends here.
        let old = self.slot.resource.with_mut(|place| unsafe { (*place).replace(resource) });
        debug_assert!(old.is_none(), "a slot in CREATING is empty");
    }

    /// Takes the resource out of the slot.
    pub(crate) fn take(&mut self) -> Option<R> {
        // SAFETY: as in `put`.
        self.slot.resource.with_mut(|place| unsafe { (*place).take() })
    }

    /// The resource, for its one user.
    #[inline(always)]
    pub(crate) fn resource_mut(&mut self) -> Option<&mut R> {
        // SAFETY: as in `put`; the reference borrows `self` mutably, so it is the only one while it lives.
        self.slot.resource.with_mut(|place| unsafe { (*place).as_mut() })
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

    /// To VACANT, with the next generation: the resource is gone, its place is free.
    pub(crate) fn vacate(self) {
        // Release: meets the Acquire in `Slot::claim`, so the next creator sees the place empty.
        self.slot.word.store(self.word.next_life().bits(), Release);
    }

    /// CREATING back to VACANT: nothing was made, the generation stays.
    pub(crate) fn withdraw(self) {
        debug_assert_eq!(self.word.phase(), Phase::Creating);
        self.slot.word.store(self.word.to(Phase::Vacant).bits(), Release);
    }

    /// Ends the right here so that exactly one other thread may take it up with [`Slot::take_up`].
    pub(crate) fn pass_on(self) -> &'s Slot<R> {
        self.slot
    }
}
