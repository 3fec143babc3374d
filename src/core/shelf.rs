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

use super::available::{Available, SlotArray, scan};
use super::fence;
use super::hint::{self, Hint};
use super::slot::{Right, Slot, Stamp};
use super::sync::{Arc, AtomicBool, AtomicU32, Mutex, fence as full_fence, park, park_timeout};
use super::waiters::{Holder, List, NoPlace, Node, State, Waiters};
use super::word::Phase;
use crate::error::Refusal;
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
    /// More than `max_size` resources are alive: returns note their time, or end the surplus.
    pub(crate) const OVERFLOWING: u32 = 1 << 5;
}
use attention::{CLOSED, CONTENDED, FENCED, LISTED, STARVING};

/// Tells the time, in the pool's nanoseconds, to a slow path that needs it.
pub(crate) trait Now: Fn() -> u64 + Copy {}
impl<F: Fn() -> u64 + Copy> Now for F {}

/// What a pool asks of its shelf.
pub(crate) struct ShelfConfig {
    pub(crate) slots: u32,
    pub(crate) available: Available,
    pub(crate) fairness: HandOver,
    pub(crate) max_waiters: u32,
    pub(crate) attention: u32,
    /// Whether the light side may do without a fence.
    pub(crate) asymmetric: bool,
}

/// When a return passes its slot on to the head of the queue instead of opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandOver {
    Always,
    Never,
    /// Once the head has waited this many nanoseconds.
    After(u64),
}

/// Returns of a thread between two looks at the age of a queue whose head has been woken already. A look takes the
/// queue's lock and reads the clock; at this rate it costs a return that holds nothing less than 3 ns.
const RETURNS_PER_LOOK: u32 = 16;

/// Who wants a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) lane: usize,
    /// When the request began, in the pool's nanoseconds. A request that waits again keeps its age.
    pub(crate) since: u64,
    pub(crate) holder: Holder,
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
}

/// How long a waiter may go on.
pub(crate) enum Patience {
    Over,
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
    hand_over: HandOver,
    max_waiters: u32,
    asymmetric: bool,
    /// Held while CONTENDED and FENCED change, so that one is never up for long without the other.
    fencing: Mutex<()>,
    waiters: CachePadded<Waiters>,
    /// Slots that are not VACANT. Counted up after a reservation and down before a slot is vacated, so it is never too
    /// low for longer than that; it spares full pools a search for vacancies, and decides nothing.
    occupied: CachePadded<AtomicU32>,
}

impl<R> Shelf<R> {
    pub(crate) fn new(config: ShelfConfig) -> Self {
        let asymmetric = config.asymmetric && fence::available();
        let raised = if asymmetric { 0 } else { CONTENDED | FENCED };
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            number: NEXT.fetch_add(1, Relaxed),
            slots: (0..config.slots).map(|_| CachePadded::new(Slot::vacant())).collect(),
            signals: CachePadded::new(Signals {
                attention: AtomicU32::new(config.attention | raised),
                wake_on_vacancy: AtomicBool::new(false),
                coarse: PlainTime::new(0),
            }),
            available: config.available,
            hand_over: config.fairness,
            max_waiters: config.max_waiters,
            asymmetric,
            fencing: Mutex::new(()),
            waiters: CachePadded::new(Waiters::new()),
            occupied: CachePadded::new(AtomicU32::new(0)),
        }
    }

    /// The shelf's number: from 1, never used twice in a process, so that a thread's hint for a pool that is gone never fits
    /// another.
    #[inline(always)]
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The slot that this thread had last, and what it noted then.
    #[inline(always)]
    pub(crate) fn hinted(&self) -> Option<(&Slot<R>, Hint)> {
        let hint = hint::hint(self.number);
        if hint.pool != self.number {
            return None;
        }
        // SAFETY: `remember` made this hint: only it writes hints with our number, from a slot of ours. Slots stay where
        // they are for the life of the shelf, which `&self` extends over the result.
        let slot = unsafe { &*hint.slot.cast::<Slot<R>>() };
        Some((slot, hint))
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

    pub(crate) fn set_overflowing(&self, overflowing: bool) {
        if overflowing {
            self.signals.attention.fetch_or(attention::OVERFLOWING, Relaxed);
        } else {
            self.signals.attention.fetch_and(!attention::OVERFLOWING, Relaxed);
        }
    }

    pub(crate) fn waiting(&self) -> u32 {
        self.waiters.count()
    }

    /// Says whether creation happens on the caller, so that freed capacity is worth waking a waiter for.
    pub(crate) fn set_wake_on_vacancy(&self, wake: bool) {
        self.signals.wake_on_vacancy.store(wake, Relaxed);
    }

    // ---- taking -----------------------------------------------------------------------------------------------

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

    /// Reserves a vacant slot for a new resource: the first one, so that overflow slots come last.
    pub(crate) fn reserve(&self) -> Option<Right<'_, R>> {
        if self.occupied() >= self.len() {
            return None;
        }
        let right = scan(&self.slots, 0, Phase::Vacant, Phase::Creating)?;
        self.occupied.fetch_add(1, Relaxed);
        Some(right)
    }

    /// Slots that hold a resource or are reserved for one.
    pub(crate) fn occupied(&self) -> u32 {
        self.occupied.load(Relaxed)
    }

    fn anything_to_take(&self) -> bool {
        let vacancies = self.signals.wake_on_vacancy.load(Relaxed);
        self.slots.iter().any(|slot| match slot.look().phase() {
            Phase::Ready | Phase::Degraded => true,
            Phase::Vacant => vacancies,
            _ => false,
        })
    }

    // ---- giving back ------------------------------------------------------------------------------------------

    /// Opens a BUSY slot for a returner that found nothing to look at before. Returns the attention seen afterwards: zero
    /// on the fast path, else the caller owes a call of [`opened`](Self::opened).
    #[inline(always)]
    pub(crate) fn open(&self, right: Right<'_, R>) -> u32 {
        right.busy_to_ready();
        fence::light();
        self.attention()
    }

    /// Opens a slot READY, or hands it over: the return of a pool whose attention is up. Returns the attention seen
    /// afterwards.
    #[inline(never)]
    pub(crate) fn give_back<'s>(&'s self, mut right: Right<'s, R>, now: impl Now) -> u32 {
        let attention = self.attention();
        let eager = match self.hand_over {
            HandOver::Always => self.waiters.count() > 0,
            HandOver::After(_) => attention & STARVING != 0,
            HandOver::Never => false,
        };
        if eager {
            match self.hand_over_now(right, now) {
                Ok(()) => return attention,
                Err(unwanted) => right = unwanted,
            }
        }
        if attention & LISTED != 0 {
            let index = self.number_of(right.slot());
            right.open(Phase::Ready);
            self.available.put(index);
        } else {
            right.open(Phase::Ready);
        }
        fence::light();
        self.opened(self.attention(), now)
    }

    /// Opens a slot in `phase`, DEGRADED: a last resort for those who wait.
    pub(crate) fn open_degraded(&self, right: Right<'_, R>, now: impl Now) -> u32 {
        right.open(Phase::Degraded);
        fence::light();
        self.opened(self.attention(), now)
    }

    /// Frees a slot's place and lets a waiter know that there is capacity. Returns the attention seen.
    pub(crate) fn vacate(&self, right: Right<'_, R>, now: impl Now) -> u32 {
        self.occupied.fetch_sub(1, Relaxed);
        if right.word().phase() == Phase::Creating {
            right.withdraw();
        } else {
            right.vacate();
        }
        // Meets the fence in `announce`: our caller counts waiters too, to create for them.
        step!("vacate_fence", full_fence(SeqCst));
        let attention = self.attention();
        if self.signals.wake_on_vacancy.load(Relaxed) && self.waiters.count() > 0 {
            self.wake_next(now);
        }
        attention
    }

    /// R2 to R4 of the drawing above, for a returner that saw `attention` after a light fence. Returns the attention that
    /// counts.
    pub(crate) fn opened(&self, attention: u32, now: impl Now) -> u32 {
        if attention & CONTENDED == 0 {
            return attention;
        }
        // Meets the fence in `announce`: a waiter counted before it is seen below, or sees the slot we opened. Meets the
        // one in `close` likewise, so the flags are read once more.
        step!("return_fence", full_fence(SeqCst));
        if self.waiters.count() > 0 {
            self.wake_next(now);
        }
        self.attention()
    }

    /// Wakes the head of the queue, or serves it where it has waited for too long.
    #[inline(never)]
    fn wake_next(&self, now: impl Now) {
        if self.waiters.waking() && !self.looks_past_a_wake() {
            return;
        }
        loop {
            let list = self.waiters.lock();
            let Some(node) = list.first() else { return };
            if self.is_due(&list, node, now) {
                if let Some(right) = self.take_anywhere(0) {
                    self.grant(list, node, right, now);
                    // A grant wakes nobody who would look further, so that is on us.
                    if self.waiters.count() > 0 && self.anything_to_take() {
                        continue;
                    }
                    return;
                }
                // Somebody was faster; the next return hands over.
                if self.hand_over != HandOver::Always {
                    self.signals.attention.fetch_or(STARVING, Relaxed);
                }
            }
            if !self.waiters.waking()
                && let Some(thread) = list.wake(node, || step!("raise_waking", self.waiters.set_waking(true)))
            {
                drop(list);
                thread.unpark();
            }
            return;
        }
    }

    /// Whether a return looks at the head of the queue although a woken waiter has yet to look. That one may wait for a
    /// processor which the very threads that overtake it occupy, so now and then somebody has to see how old it is.
    fn looks_past_a_wake(&self) -> bool {
        match self.hand_over {
            HandOver::Always => true,
            HandOver::Never => false,
            HandOver::After(_) => self.attention() & STARVING != 0 || hint::every(RETURNS_PER_LOOK),
        }
    }

    fn is_due(&self, list: &List, node: &Node, now: impl Now) -> bool {
        match self.hand_over {
            HandOver::Always => true,
            HandOver::Never => false,
            HandOver::After(bound) => now().saturating_sub(list.since(node)) >= bound,
        }
    }

    /// Passes a BUSY slot on to the head of the queue; gives it back if the queue is empty.
    fn hand_over_now<'s>(&'s self, right: Right<'s, R>, now: impl Now) -> Result<(), Right<'s, R>> {
        let list = self.waiters.lock();
        match list.first() {
            Some(node) => {
                // BUSY to BUSY; a slot that was being created or checked becomes BUSY for its new holder.
                let right = if right.word().phase() == Phase::Busy { right } else { right.change(Phase::Busy) };
                self.grant(list, node, right, now);
                Ok(())
            }
            None => {
                self.signals.attention.fetch_and(!STARVING, Relaxed);
                Err(right)
            }
        }
    }

    fn grant(&self, mut list: super::sync::MutexGuard<'_, List>, node: &Node, right: Right<'_, R>, now: impl Now) {
        // From here on the slot is the waiter's, whoever asks.
        let Holder { thread, site } = list.holder(node);
        right.record().handed_to(Stamp::by(thread).at(self.coarse()), site);
        let (thread, had_wake) = list.grant(node, (self.number_of(right.slot()), right.pass_on().1));
        self.waiters.count_from(&list);
        if let HandOver::After(_) = self.hand_over {
            let next_is_due = list.first().is_some_and(|next| self.is_due(&list, next, now));
            if next_is_due {
                self.signals.attention.fetch_or(STARVING, Relaxed);
            } else {
                self.signals.attention.fetch_and(!STARVING, Relaxed);
            }
        }
        drop(list);
        thread.unpark();
        if had_wake {
            step!("grant_passes_wake", self.pass_wake(now));
        }
    }

    /// Ends the waits of all who wait now; of those who come meanwhile too, if the pool closes.
    fn refuse_all(&self, close: bool, refusal: &Refusal, now: impl Now) {
        if self.waiters.refuse_all(close, refusal) {
            step!("refusal_passes_wake", self.pass_wake(now));
        }
    }

    /// A woken waiter no longer needs its wake: if anything is left to take, somebody else gets it.
    fn pass_wake(&self, now: impl Now) {
        self.waiters.set_waking(false);
        // Meets the fence in `opened`: a return that saw `waking` up is seen below.
        step!("pass_fence", full_fence(SeqCst));
        if self.waiters.count() > 0 && self.anything_to_take() {
            self.wake_next(now);
        }
    }

    // ---- waiting ----------------------------------------------------------------------------------------------

    /// Queues, looks again with `look`, and parks until a slot is granted, `look` finds something, the wait is refused,
    /// or `patience` is over. `look(true)` must read every word it could be served by. `look(false)` is for a thread that
    /// joined behind others and need not look for free slots: while the queue is not empty, each return wakes its head, and
    /// each waiter that leaves passes on what it did not take.
    pub(crate) fn wait<'s, T, N: Now>(
        &'s self,
        request: &Request,
        mut look: impl FnMut(bool) -> Option<T>,
        mut patience: impl FnMut() -> Patience,
        now: N,
    ) -> Outcome<'s, R, T> {
        let node = Node::mine();
        let place = (request.lane, request.since, request.holder);
        let is_first = match self.waiters.join(&node, place, self.max_waiters) {
            Ok(is_first) => is_first,
            Err(NoPlace::Closed) => return Outcome::Refused(Refusal::Closed),
            Err(NoPlace::Full { waiting }) => return Outcome::Full { waiting },
        };
        let seat = Seat { shelf: self, node, now, seated: true };
        self.announce();
        if let Some(found) = look(is_first) {
            return seat.leave_with(Outcome::Found(found));
        }
        loop {
            match seat.node.state() {
                State::Granted { .. } | State::Refused => return seat.served(),
                State::Woken => {
                    // `waking` stays up during this look, so that returns meanwhile wake nobody else.
                    if let Some(found) = look(true) {
                        return seat.leave_with(Outcome::Found(found));
                    }
                    if !seat.node.wait_on() {
                        continue;
                    }
                    step!("lower_waking", self.waiters.set_waking(false));
                    // K3, meets the fence in `opened`.
                    step!("woken_fence", full_fence(SeqCst));
                    if !cfg!(slackwater_mutation = "look_again")
                        && let Some(found) = look(true)
                    {
                        return seat.leave_with(Outcome::Found(found));
                    }
                    if let HandOver::After(bound) = self.hand_over
                        && now().saturating_sub(request.since) >= bound
                    {
                        self.signals.attention.fetch_or(STARVING, Relaxed);
                    }
                }
                State::Waiting => match patience() {
                    Patience::Over => return seat.leave_with(Outcome::TimedOut { position: 0 }),
                    Patience::For(time) => park_timeout(time),
                    Patience::Forever => park(),
                },
            }
        }
    }

    /// W2 of the drawing above: after this, a look sees every return that did not see us.
    fn announce(&self) {
        // Orders our count before the load below, against the keeper's lowering.
        step!("announce_fence", full_fence(SeqCst));
        // Acquire: meets the Release below, on another waiter: its heavy fence is behind us too.
        if self.signals.attention.load(Acquire) & FENCED == 0 {
            step!("raise", self.raise());
        }
    }

    fn raise(&self) {
        let _fencing = self.fencing.lock();
        if self.attention() & FENCED == 0 {
            self.raise_both();
        }
    }

    /// Under the `fencing` lock.
    fn raise_both(&self) {
        self.signals.attention.fetch_or(CONTENDED, Relaxed);
        fence::heavy();
        self.signals.attention.fetch_or(FENCED, Release);
    }

    /// Lowers CONTENDED after a quiet time, and looks once more for waiters that relied on it.
    pub(crate) fn lower(&self, now: impl Now) {
        if !self.asymmetric || self.attention() & (CONTENDED | CLOSED) != CONTENDED {
            return;
        }
        {
            let _fencing = self.fencing.lock();
            self.signals.attention.fetch_and(!(CONTENDED | FENCED | STARVING), Relaxed);
            step!("lower_fence", fence::heavy());
            if self.waiters.count() == 0 || cfg!(slackwater_mutation = "look_after_lowering") {
                return;
            }
            self.raise_both();
        }
        if self.anything_to_take() {
            step!("wake_after_lowering", self.wake_next(now));
        }
    }

    /// Ends every wait with `refusal`; the pool stays open.
    pub(crate) fn refuse_waiters(&self, refusal: &Refusal, now: impl Now) {
        self.refuse_all(false, refusal, now);
    }

    /// Refuses everyone who waits or will, and makes returns look at the CLOSED flag. Slots opened before are visible
    /// to the caller afterwards; slots opened later are swept by their returner.
    pub(crate) fn close(&self, now: impl Now) {
        {
            let _fencing = self.fencing.lock();
            self.signals.attention.fetch_or(CLOSED, Relaxed);
            step!("close_fence", self.raise_both());
        }
        full_fence(SeqCst);
        self.refuse_all(true, &Refusal::Closed, now);
    }

    /// Lets every waiter look at the clock.
    pub(crate) fn unpark_all(&self) {
        self.waiters.unpark_all();
    }

    /// Whether every slot is BUSY in the hands of thread `me` or of one that waits here, and `me` holds one: nobody is left
    /// to return anything. Of several threads in the queue this is so for the one that joined last.
    pub(crate) fn is_last_of_circle(&self, me: u64) -> bool {
        let list = self.waiters.lock();
        let mine = list.turn_of(me).unwrap_or(u64::MAX);
        let mut holds_one = false;
        let all_wait = self.slots.iter().all(|slot| {
            let holder = slot.record().stamp().thread();
            holds_one |= holder == me;
            slot.look().phase() == Phase::Busy
                && (holder == me || list.turn_of(holder).is_some_and(|theirs| theirs < mine))
        });
        all_wait && holds_one
    }

    /// Whether the queue believes that somebody woken has yet to look.
    #[cfg(all(test, slackwater_loom))]
    pub(super) fn is_waking(&self) -> bool {
        self.waiters.waking()
    }

    /// The number of threads in the queue, exactly.
    pub(crate) fn queue_len(&self) -> u32 {
        self.waiters.lock().len()
    }
}

/// A waiter's membership in the queue. However the wait ends, a panic included, the node leaves the list.
struct Seat<'w, R, N: Now> {
    shelf: &'w Shelf<R>,
    node: Arc<Node>,
    now: N,
    seated: bool,
}

impl<'w, R, N: Now> Seat<'w, R, N> {
    /// Takes what was granted, or why not.
    fn served<T>(mut self) -> Outcome<'w, R, T> {
        self.seated = false;
        match self.node.state() {
            State::Granted { index } => Outcome::Granted(self.granted(index)),
            _ => Outcome::Refused(self.node.take_refusal()),
        }
    }

    fn granted(&self, index: u32) -> Right<'w, R> {
        let slot = &self.shelf.slots[index as usize];
        // SAFETY: the granter ended its right with `pass_on` and stored GRANTED with Release, read with Acquire by
        // `state`; a node is granted once, because it was taken off the list, and each seat reads its grant once:
        // `served` consumes the seat, and `Drop` then finds the node idle.
        let right = unsafe { slot.take_up(self.node.granted_word()) };
        self.node.settle();
        right
    }

    /// Leaves with `outcome`, unless a grant came first: then a timeout becomes the grant, and a find gives it back.
    fn leave_with<T>(mut self, outcome: Outcome<'w, R, T>) -> Outcome<'w, R, T> {
        self.seated = false;
        let timed_out = matches!(outcome, Outcome::TimedOut { .. });
        if let Some(position) = self.shelf.waiters.leave(&self.node, timed_out) {
            self.pass_wake_in_hand();
            return if timed_out { Outcome::TimedOut { position } } else { outcome };
        }
        match (self.node.state(), outcome) {
            (State::Granted { index }, Outcome::Found(found)) => {
                let extra = self.granted(index);
                step!("give_extra_back", self.shelf.give_back(extra, self.now));
                Outcome::Found(found)
            }
            (State::Refused, Outcome::Found(found)) => {
                drop(self.node.take_refusal());
                Outcome::Found(found)
            }
            _ => self.served(),
        }
    }

    fn pass_wake_in_hand(&self) {
        if self.node.state() == State::Woken {
            self.node.settle();
            step!("pass_wake", self.shelf.pass_wake(self.now));
        } else if self.shelf.waiters.count() > 0 && self.shelf.anything_to_take() {
            // Chain: what we did not take may be another waiter's.
            step!("chain", self.shelf.wake_next(self.now));
        }
    }
}

impl<R, N: Now> Drop for Seat<'_, R, N> {
    fn drop(&mut self) {
        // A failing model unwinds through here; touching its atomics again would abort instead of reporting.
        #[cfg(slackwater_loom)]
        if std::thread::panicking() {
            return;
        }
        // Only a panic in `look` or `patience` comes here seated: the node must not outlive the wait, nor a grant be lost.
        if !self.seated {
            return;
        }
        if self.shelf.waiters.leave(&self.node, false).is_some() {
            self.pass_wake_in_hand();
        } else if let State::Granted { index } = self.node.state() {
            self.shelf.give_back(self.granted(index), self.now);
        }
    }
}
