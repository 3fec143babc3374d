//! The protocols: claim, return, announce-look-park, hand over.
//!
//! # Return against wait
//! ```text
//! Waiter:   W1 join the list, count + 1   W2 fence   W3 look at every word   W4 park
//! Returner: R1 store READY                R2 fence   R3 read count           R4 wake one if non-zero
//! ```
//! Lost if W3 finds nothing and R3 reads zero. With full fences: if W2 comes first, R3 sees W1; if R2 comes first, W3
//! sees R1.
//!
//! While nobody has waited for a while, R2 is a compiler fence and R3 reads [`Attention`] alone. The first waiter raises
//! CONTENDED, then pays the heavy fence, then raises FENCED: whoever sees FENCED knows that every earlier return is
//! visible and every later one fences for itself. Whoever finds CONTENDED without FENCED pays a heavy fence too, because
//! the first one's may still be under way. The keeper lowers both after a quiet time: L1 lower, L2 heavy fence, L3 read
//! the count, and raise again if it is not zero. A waiter that still saw FENCED counted itself before (W1, W2), so L3
//! sees it.
//!
//! # One wake at a time
//! A return wakes one waiter, and none while a woken one has yet to look (`waking`).
//! ```text
//! Woken:    K1 look, found nothing   K2 waking = false   K3 fence   K4 look again   K5 park
//! Returner: R1 store READY           R2 fence            R3 read waking             R4 wake one if it is false
//! ```
//! The same pair: either R3 sees K2 or K4 sees R1. A woken waiter that is served, or gives up, passes the wake on if
//! anything is left to take.
//!
//! # Eventual fairness
//! A running thread may take a READY slot before the woken one does: throughput. A woken waiter that lost and is older
//! than the bound raises STARVING, and so does a returner that finds such a head: the next return keeps its slot BUSY
//! and passes the right on to the head of the queue. Nobody can come between.

mod bound;
mod capacity;
mod giving;
mod waiting;

use super::available::{Available, SlotArray, scan};
use super::fence;
use super::hint::{self, Hint};
use super::record::Stamp;
use super::slot::{Right, Slot};
use super::sync::{Arc, AtomicBool, AtomicU32, Mutex, MutexGuard, Thread, fence as full_fence, park, park_timeout};
use super::waiters::{Exit, Holder, List, NoPlace, Node, State, Waiters};
use super::word::Phase;
use crate::error::Refusal;
use crate::resilience::shedding::Overload;
use bound::Bound;
use capacity::Capacity;
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32 as PlainTime, AtomicU64};
use std::time::Duration;

/// What a return must look at beyond its own slot. Zero on the fast path.
pub(crate) mod attention {
    /// Somebody waited lately: returns fence for themselves and read the count of waiters.
    pub(crate) const CONTENDED: u32 = 1;
    /// The heavy fence after raising CONTENDED is done.
    pub(crate) const FENCED: u32 = 1 << 1;
    /// The head of the queue is older than the fairness bound: hand over to it.
    pub(crate) const STARVING: u32 = 1 << 2;
    /// The pool is closed: nothing goes back.
    pub(crate) const CLOSED: u32 = 1 << 3;
    /// The strategy keeps a list of free slots.
    pub(crate) const LISTED: u32 = 1 << 4;
    /// More resources are alive than are to stay: returns note their time, or end the surplus.
    pub(crate) const OVERFLOWING: u32 = 1 << 5;
    /// Some resource in use is to end at its return.
    pub(crate) const WISHES: u32 = 1 << 6;
    /// Every return is measured against a limit on uses or weight.
    pub(crate) const MEASURED: u32 = 1 << 7;
    /// Who holds what is asked where a mistake would be told as a deadlock: every return takes its holder's name off.
    pub(crate) const NAMED: u32 = 1 << 8;
}
use attention::{CONTENDED, FENCED};

/// Tells the time, in the pool's nanoseconds, to a slow path that needs it.
pub(crate) trait Now: Fn() -> u64 + Copy {}
impl<F: Fn() -> u64 + Copy> Now for F {}

/// What a pool asks of its shelf.
pub(crate) struct ShelfConfig {
    pub(crate) slots: u32,
    /// How many of them are open from the start; the others are SHUT.
    pub(crate) open: u32,
    pub(crate) available: Available,
    pub(crate) fairness: HandOver,
    pub(crate) max_waiters: u32,
    pub(crate) attention: u32,
    /// Whether the light side may do without a fence.
    pub(crate) asymmetric: bool,
    pub(crate) overload: Overload,
}

/// When a return passes its slot on to the head of the queue instead of opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandOver {
    Always,
    Never,
    /// Once the head has waited this many nanoseconds.
    After(u64),
}

/// The same as one word: a bound is neither zero nor as long as a word can say.
struct PlainHandOver(AtomicU64);

impl PlainHandOver {
    fn of(hand_over: HandOver) -> Self {
        Self(AtomicU64::new(Self::word(hand_over)))
    }

    fn word(hand_over: HandOver) -> u64 {
        match hand_over {
            HandOver::Always => 0,
            HandOver::Never => u64::MAX,
            HandOver::After(bound) => bound.clamp(1, u64::MAX - 1),
        }
    }

    fn get(&self) -> HandOver {
        match self.0.load(Relaxed) {
            0 => HandOver::Always,
            u64::MAX => HandOver::Never,
            bound => HandOver::After(bound),
        }
    }
}

/// Returns of a thread between two looks at the age of a queue whose head has been woken already. A look takes the
/// queue's lock and reads the clock; at this rate it costs a return that holds nothing less than 3 ns.
pub(in crate::core) const RETURNS_PER_LOOK: u32 = 16;

/// Who wants a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) lane: usize,
    /// When the request began, in the pool's nanoseconds. A request that waits again keeps its age.
    pub(crate) since: u64,
    pub(crate) holder: Holder,
    /// The wait that is worth beginning, if a longer one is to be refused.
    pub(crate) allowed: Option<u64>,
    /// Whether it left the queue of its own accord and comes back to its place: a full queue takes it too.
    pub(crate) comes_back: bool,
}

/// How a wait ended.
pub(crate) enum Outcome<'s, R, T> {
    /// A slot was handed over.
    Granted(Right<'s, R>),
    /// The waiter's own look found something.
    Found(T),
    Refused(Refusal),
    /// The queue was full.
    Full {
        waiting: u32,
    },
    TimedOut {
        position: u32,
    },
    /// The queue's delay has been too long for so many nanoseconds.
    Shed {
        above_for: u64,
    },
    /// It would not have been served in time.
    Unservable {
        before: u32,
        each: u64,
        waiting: u32,
    },
}

/// How long a waiter may go on.
pub(crate) enum Patience {
    Over,
    /// No longer if the pool is overloaded.
    IfCalm,
    For(Duration),
    Forever,
}

/// Read by every checkout and return, written rarely.
struct Signals {
    attention: AtomicU32,
    /// Whether a freed slot without a resource is worth a waiter's look: creation happens on the caller.
    wake_on_vacancy: AtomicBool,
    /// The pool's coarse time; not part of any protocol.
    coarse: PlainTime,
}

/// The slots and the protocols on them.
pub(crate) struct Shelf<R> {
    number: u64,
    slots: Box<SlotArray<R>>,
    signals: CachePadded<Signals>,
    available: Available,
    /// These two may change, and are read once for each decision; not part of any protocol.
    hand_over: PlainHandOver,
    max_waiters: PlainTime,
    asymmetric: bool,
    /// Held while CONTENDED and FENCED change, so that one is never up for long without the other.
    fencing: Mutex<()>,
    waiters: CachePadded<Waiters>,
    /// Slots that are neither VACANT nor SHUT. Counted up after a reservation and down before a slot is vacated, so it is never too
    /// low for longer than that; it spares full pools a search for vacancies, and decides nothing.
    occupied: CachePadded<AtomicU32>,
    capacity: Capacity,
    bound: Bound,
}

impl<R> Shelf<R> {
    /// A shelf that is nowhere in particular, and of which no lease can be made.
    #[cfg(test)]
    pub(crate) fn new(config: ShelfConfig) -> Self {
        Self::at(config, std::ptr::null())
    }

    /// A shelf in the [`Slots`](super::Slots) that will be at `home`. Only [`anchored`](super::anchored) sees to that.
    pub(super) fn at(config: ShelfConfig, home: *const ()) -> Self {
        let asymmetric = config.asymmetric && fence::available();
        let raised = if asymmetric { 0 } else { CONTENDED | FENCED };
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let phase_at = |index| if index < config.open { Phase::Vacant } else { Phase::Shut };
        Self {
            number: NEXT.fetch_add(1, Relaxed),
            slots: (0..config.slots).map(phase_at).map(|phase| CachePadded::new(Slot::empty(phase, home))).collect(),
            signals: CachePadded::new(Signals {
                attention: AtomicU32::new(config.attention | raised),
                wake_on_vacancy: AtomicBool::new(false),
                coarse: PlainTime::new(0),
            }),
            available: config.available,
            hand_over: PlainHandOver::of(config.fairness),
            max_waiters: PlainTime::new(config.max_waiters),
            asymmetric,
            fencing: Mutex::new(()),
            waiters: CachePadded::new(Waiters::new(config.overload)),
            occupied: CachePadded::new(AtomicU32::new(0)),
            capacity: Capacity::of(config.open),
            bound: Bound::default(),
        }
    }

    /// The shelf's number: from 1, never used twice in a process, so that a thread's hint for a pool that is gone never fits
    /// another.
    #[inline(always)]
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What `take` makes of the slot that this thread had last, and of what it noted then, if it had none of another shelf
    /// since. Not an option of the two: whether the compiler sees through that changes with the code around it, and a checkout
    /// pays for each instruction.
    #[inline(always)]
    pub(crate) fn hinted_last<'s, T>(&'s self, take: impl FnOnce(&'s Slot<R>, Hint) -> Option<T>) -> Option<T> {
        self.follow(hint::last(), take)
    }

    /// The slot that this thread had last, and what it noted then.
    #[inline(always)]
    pub(crate) fn hinted(&self) -> Option<(&Slot<R>, Hint)> {
        self.follow(hint::of(self.number), |slot, hint| Some((slot, hint)))
    }

    #[inline(always)]
    fn follow<'s, T>(&'s self, hint: Hint, take: impl FnOnce(&'s Slot<R>, Hint) -> Option<T>) -> Option<T> {
        if hint.pool != self.number {
            return None;
        }
        // SAFETY: `remember` made this hint: only it writes hints with our number, from a slot of ours. Slots stay where
        // they are for the life of the shelf, which `&self` extends over the result.
        let slot = unsafe { &*hint.slot.cast::<Slot<R>>() };
        take(slot, hint)
    }

    /// Has this thread, whose stamp is `stamp`, try the slot of `right` first next time.
    pub(crate) fn remember(&self, right: &Right<'_, R>, stamp: Stamp) {
        debug_assert!(self.index_of(right.slot()).is_some());
        let slot = std::ptr::from_ref(right.slot()).cast();
        hint::remember(Hint { pool: self.number, slot, stamp, ready: right.word().to(Phase::Ready) });
    }

    /// The place of `slot` in this shelf, or None if it is not of this shelf.
    pub(crate) fn index_of(&self, slot: &Slot<R>) -> Option<u32> {
        let offset = std::ptr::from_ref(slot).addr().checked_sub(self.slots.as_ptr().addr())?;
        let index = offset / size_of::<CachePadded<Slot<R>>>();
        (index < self.slots.len()).then_some(index as u32)
    }

    fn number_of(&self, slot: &Slot<R>) -> u32 {
        self.index_of(slot).expect("rights given back here were won here")
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = (u32, &Slot<R>)> {
        (0..).zip(self.slots.iter().map(|slot| &**slot))
    }

    /// The slot at a place, if there is that place.
    pub(crate) fn slot(&self, index: usize) -> Option<&Slot<R>> {
        self.slots.get(index).map(|slot| &**slot)
    }

    pub(crate) fn slots_mut(&mut self) -> impl Iterator<Item = &mut Slot<R>> {
        self.slots.iter_mut().map(|slot| &mut **slot)
    }

    pub(crate) fn len(&self) -> u32 {
        self.slots.len() as u32
    }

    #[inline(always)]
    pub(crate) fn attention(&self) -> u32 {
        self.signals.attention.load(Relaxed)
    }

    #[inline(always)]
    pub(crate) fn coarse(&self) -> u32 {
        self.signals.coarse.load(Relaxed)
    }

    pub(crate) fn set_coarse(&self, now: u32) {
        self.signals.coarse.store(now, Relaxed);
    }

    /// Raises or lowers a flag. Whoever lowers it looks afterwards whether it must be up, and raises it again.
    pub(crate) fn set_attention(&self, flag: u32, up: bool) {
        if up {
            // Release: meets the Acquire below. Who lowers the flag after this sees why it was raised.
            self.signals.attention.fetch_or(flag, Release);
        } else {
            self.signals.attention.fetch_and(!flag, Acquire);
        }
    }

    /// Whom returns serve.
    pub(crate) fn hand_over(&self) -> HandOver {
        self.hand_over.get()
    }

    /// Sets whom returns serve, and how many may wait, from the next decision on.
    pub(crate) fn set_queue(&self, hand_over: HandOver, max_waiters: u32) {
        self.hand_over.0.store(PlainHandOver::word(hand_over), Relaxed);
        self.max_waiters.store(max_waiters, Relaxed);
    }

    /// Sets what watches for overload. It knows nothing of what was before.
    pub(crate) fn set_overload(&self, overload: Overload, now: impl Now) {
        self.waiters.lock().set_overload(overload, now());
    }

    /// How often a waiter was woken and found nothing.
    pub(crate) fn overtakes(&self) -> u64 {
        self.waiters.overtakes()
    }

    /// Threads in the queue. Those that wait for one resource are not in it.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiters.count()
    }

    /// Says whether creation happens on the caller, so that freed capacity is worth waking a waiter for.
    pub(crate) fn set_wake_on_vacancy(&self, wake: bool) -> bool {
        self.signals.wake_on_vacancy.swap(wake, Relaxed) != wake
    }

    pub(crate) fn wakes_on_vacancy(&self) -> bool {
        self.signals.wake_on_vacancy.load(Relaxed)
    }

    /// Claims a free slot by the pool's strategy.
    pub(crate) fn take(&self, start: u32) -> Option<Right<'_, R>> {
        self.available.take(&self.slots, start)
    }

    /// Claims a free slot wherever it is: the look that decides about parking.
    pub(crate) fn take_anywhere(&self, start: u32) -> Option<Right<'_, R>> {
        self.take(start).or_else(|| match self.available {
            Available::Affine => None,
            _ => scan(&self.slots, start, Phase::Ready, Phase::Busy),
        })
    }

    /// Claims a free slot among the few from `start` on, by affinity; by the strategy's list otherwise.
    pub(crate) fn take_nearby(&self, start: u32) -> Option<Right<'_, R>> {
        const NEARBY: usize = 8;
        match self.available {
            Available::Affine => {
                let start = (start as usize).min(self.slots.len());
                let end = (start + NEARBY).min(self.slots.len());
                scan(&self.slots[start..end], 0, Phase::Ready, Phase::Busy)
            }
            _ => self.take(start),
        }
    }

    /// Claims the first slot in phase `from`.
    pub(crate) fn claim_any(&self, from: Phase, to: Phase) -> Option<Right<'_, R>> {
        scan(&self.slots, 0, from, to)
    }

    /// Slots that hold a resource or are reserved for one.
    pub(crate) fn occupied(&self) -> u32 {
        self.occupied.load(Relaxed)
    }

    fn anything_to_take(&self) -> bool {
        let vacancies = self.signals.wake_on_vacancy.load(Relaxed);
        self.slots.iter().any(|slot| match slot.look().phase() {
            Phase::Ready | Phase::Stale | Phase::Degraded => true,
            Phase::Vacant => vacancies,
            _ => false,
        })
    }
}
