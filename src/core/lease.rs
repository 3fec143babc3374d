//! A right that travels with a reference to its pool.
//!
//! [`Right`] borrows the slot. A guard that a user holds must borrow the pool, or keep it alive, and must end its right
//! when dropped: that is a [`Lease`]. What its end means is the policy `H`.

use super::shelf::{Shelf, ShelfConfig};
use super::slot::{Right, Slot};
use super::word::{Mark, Word};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{Arc, Weak};

/// Whoever keeps a [`Shelf`] in itself: the one that [`anchored`] gave it, for all its life and in the place where it was
/// made. [`Lease`] relies on that.
pub(crate) trait Slots {
    type Resource;
    fn shelf(&self) -> &Shelf<Self::Resource>;
}

/// Makes a `T` around a shelf whose slots know where `T` is. This is the only way to come by a shelf outside of tests.
///
/// # Panics
/// If `build` does not put the shelf it is given into what it makes.
pub(crate) fn anchored<T: Slots>(config: ShelfConfig, build: impl FnOnce(Shelf<T::Resource>, &Weak<T>) -> T) -> Arc<T> {
    let target = Arc::new_cyclic(|me: &Weak<T>| build(Shelf::at(config, me.as_ptr().cast()), me));
    let home = Arc::as_ptr(&target).cast();
    assert!(target.shelf().slots().all(|(_, slot)| slot.home() == home), "a pool keeps the shelf it was given");
    target
}

/// A reference whose target stays where it is while the reference lives and is never lent out mutably meanwhile.
/// Implemented here for `&T` and `Arc<T>`, and for nothing else: [`Lease`] relies on both properties.
pub(crate) trait Anchor: Deref<Target: Slots + Sized> {
    /// What a lease keeps of the reference, beside the slot, which knows where the target is.
    type Kept;

    fn keep(self) -> Self::Kept;
}

/// A lease that borrows its pool is two words long: every word of a guard is a store and a load for whoever moves it.
impl<'p, T: Slots> Anchor for &'p T {
    type Kept = PhantomData<&'p T>;

    #[inline(always)]
    fn keep(self) -> Self::Kept {
        PhantomData
    }
}

impl<T: Slots> Anchor for Arc<T> {
    type Kept = Arc<T>;

    #[inline(always)]
    fn keep(self) -> Self::Kept {
        self
    }
}

/// The resource type behind an anchor.
pub(crate) type ResourceOf<P> = <<P as Deref>::Target as Slots>::Resource;

/// What becomes of a lease's right when the lease is dropped.
pub(crate) trait Settle<T: Slots + ?Sized> {
    fn settle(pool: &T, right: Right<'_, T::Resource>);
}

/// A slot's right together with the reference `P` that keeps the slot in place.
pub(crate) struct Lease<P: Anchor, H: Settle<P::Target>> {
    slot: NonNull<Slot<ResourceOf<P>>>,
    /// The slot's word, with marks for the return. Kept here because a load right after the claim's compare-exchange
    /// would cost half as much as the exchange itself.
    word: Word,
    /// Keeps the pool where it is, and alive.
    kept: P::Kept,
    policy: PhantomData<(P, H)>,
}

// SAFETY: a lease is the resource (`R: Send` lets it move) and the reference `P` to the pool (`P: Send`). The pointer is
// a borrow of the pool in another form: it adds no sharing of its own.
unsafe impl<P: Anchor + Send, H: Settle<P::Target>> Send for Lease<P, H> where ResourceOf<P>: Send {}
// SAFETY: through `&Lease` one reaches `&R`, which needs `R: Sync`, and `&P`, which needs `P: Sync`.
unsafe impl<P: Anchor + Sync, H: Settle<P::Target>> Sync for Lease<P, H> where ResourceOf<P>: Sync {}

impl<P: Anchor, H: Settle<P::Target>> Lease<P, H> {
    /// Wins a right with `claim` and ties it to the pool behind `pool`.
    ///
    /// `claim` sees the pool for a lifetime of its own, so the right it returns can only come from that very pool.
    #[inline(always)]
    pub(crate) fn try_new<E>(
        pool: P,
        claim: impl for<'s> FnOnce(&'s P::Target) -> Result<Right<'s, ResourceOf<P>>, E>,
    ) -> Result<Self, E> {
        let right = claim(&pool)?;
        let (slot, word) = right.pass_on();
        debug_assert_eq!(slot.home(), std::ptr::from_ref::<P::Target>(&pool).cast());
        Ok(Self { slot: NonNull::from(slot), word, kept: pool.keep(), policy: PhantomData })
    }

    /// Ties a right already won to `pool`.
    ///
    /// # Panics
    /// If the right is another pool's.
    pub(crate) fn carry(pool: P, right: Right<'_, ResourceOf<P>>) -> Self {
        assert!(pool.shelf().index_of(right.slot()).is_some(), "a right travels with its own pool");
        let (slot, word) = right.pass_on();
        Self { slot: NonNull::from(slot), word, kept: pool.keep(), policy: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn pool(&self) -> &P::Target {
        // SAFETY: the slot lies in the shelf of a `P::Target`, which `try_new` and `carry` have seen to, and `anchored` made
        // that one at the slot's home. `kept` keeps it there and alive as long as `self`, and the reference is shared.
        unsafe { &*self.slot().home().cast() }
    }

    /// The slot's place in the pool, and its word.
    pub(crate) fn place(&self) -> (u32, Word) {
        (self.pool().shelf().index_of(self.slot()).unwrap_or(u32::MAX), self.word)
    }

    /// Has the end of the lease know something.
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.word = self.word.marked(mark);
    }

    #[inline(always)]
    fn slot(&self) -> &Slot<ResourceOf<P>> {
        // SAFETY: the slot lies in the shelf of the pool, borrowed when the lease was made; an anchor's target neither
        // moves nor dies while the anchor, or what is kept of it, lives, and the shelf never replaces its slots.
        unsafe { self.slot.as_ref() }
    }

    /// The right in the form the pool works with.
    ///
    /// # Safety
    /// At most once in the life of this lease, and no reference to the resource may be used afterwards.
    #[inline(always)]
    unsafe fn right(&self) -> Right<'_, ResourceOf<P>> {
        // SAFETY: the lease stands for the slot's one right, and the caller takes it out once.
        unsafe { self.slot().take_up(self.word) }
    }

    /// Ends the lease with `end` in place of its policy.
    pub(crate) fn end<O>(self, end: impl FnOnce(&P::Target, Right<'_, ResourceOf<P>>) -> O) -> O {
        let lease = ManuallyDrop::new(self);
        // SAFETY: the lease is never dropped, so neither its policy nor anyone else takes the right a second time;
        // `self` was taken by value, so no reference to the resource is left. `kept` is read out once, and dropped after
        // the right that borrows from the pool has been ended.
        let _kept = unsafe { std::ptr::read(&lease.kept) };
        // SAFETY: as above.
        let right = unsafe { lease.right() };
        end(lease.pool(), right)
    }

    #[inline(always)]
    pub(crate) fn resource(&self) -> &ResourceOf<P> {
        // SAFETY: the lease stands for the slot's one right, and `&self` keeps
        // anyone from changing the resource through it meanwhile. A lease's slot holds a resource: rights are leased
        // only in BUSY, CHECKING and RETIRING, before `take`.
        unsafe { self.slot().place().with(|place| (*place).as_ref().unwrap_unchecked()) }
    }

    #[inline(always)]
    pub(crate) fn resource_mut(&mut self) -> &mut ResourceOf<P> {
        // SAFETY: as in `resource`, and `&mut self` makes this the only reference.
        unsafe { self.slot().place().with_mut(|place| (*place).as_mut().unwrap_unchecked()) }
    }
}

impl<P: Anchor, H: Settle<P::Target>> Drop for Lease<P, H> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: drop runs once, `end` never lets it run, and `&mut self` proves that no reference is left.
        let right = unsafe { self.right() };
        H::settle(self.pool(), right);
    }
}
