//! Waiting for one resource and no other, by the same means as in the queue.
//!
//! ```text
//! Waiter:   B1 join the slot's list, its count + 1   B2 announce   B3 look at the slot's word   B4 park
//! Returner: R1 change the word                       R2 fence      R3 read the list's count     R4 serve if non-zero
//! ```
//! The pair of fences is that of the queue (`announce` and `opened`), so it needs no flag of its own, and a pool in which
//! nobody waits for one resource pays nothing for it: CONTENDED sends returns here, and R3 is a look behind that.
//!
//! The runs that would lose somebody, and what speaks against them:
//! - *B3 finds BUSY, R3 reads zero*: ruled out by B2 and R2, as in the queue.
//! - *A passer-by takes the slot between R1 and R4*: R4 finds it BUSY and leaves the waiter where it is; the passer-by has a return
//!   of its own before it, which begins at R1. It cannot go on for ever: a return that sees CONTENDED at its start hands the
//!   slot over without opening it.
//! - *The resource ends*: R1 is then the store of RETIRING, for the end may take long, or hang. All who wait are told to look; who
//!   joins later looks first (B3). A detached resource never is RETIRING, so `vacate` tells too.
//! - *A waiter of the next life is told of the end of the last*: it looks, and joins again with its age.
//! - *The grant is of another life than the waiter joined for*: it got a resource, and compares generations.
//! - *A timeout against a grant*: one list, one lock; the waiter takes the grant, as in the queue.
//! - *STALE, or DEGRADED*: nobody may be handed that; the waiters look, and know what to do about it.
//! - *The flags are lowered between B1 and B2*: the lowering counts those who wait here too, and serves them.
//! - *Close*: lists are closed under their locks; who makes the lists later sees CLOSED behind B2.
//!
//! Nobody is woken in vain here, so there is no wake to pass on: a waiter is granted its slot, refused, or out of time. The locks of
//! two lists are held at once in one order: a slot's, then the queue's.

use super::attention::CLOSED;
use super::giving::for_the_next;
use super::waiting::Seat;
use super::*;
use crate::core::sync::OnceLock;
use std::cell::LazyCell;
use std::collections::BTreeMap;

/// Those who wait for one resource, by its slot.
#[derive(Default)]
pub(super) struct Bound {
    /// Made when the first one waits: most pools never need it.
    lists: OnceLock<Box<[Waiters]>>,
    /// On all lists, or about to be: up before a thread joins, so that there is a bound, and down after it has left.
    waiting: CachePadded<AtomicU32>,
}

/// How a thread waits: for which slot, if only for that, and since which turn of its list.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Waits {
    wanted: Option<u32>,
    /// Which list that is: a slot's, or the queue.
    list: Option<u32>,
    turn: u64,
}

/// One of those counted in [`Bound::waiting`].
struct Counted<'b>(&'b Bound);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl<R> Shelf<R> {
    /// Waits for the slot at `index`, for as long as `patience` says, which is never asked about shedding. `look` says whether there is
    /// nothing to wait for. Whoever `takes_another` in the end waits for nobody for ever. Ends with `Refusal::LookAgain` whenever that may have changed: who comes back keeps its age.
    pub(crate) fn wait_bound<'s, T, N: Now>(
        &'s self,
        (index, takes_another): (u32, bool),
        request: &Request,
        look: impl FnOnce() -> Option<T>,
        mut patience: impl FnMut() -> Patience,
        unwanted: impl Fn(Right<'s, R>),
        now: N,
    ) -> Outcome<'s, R, T> {
        let lists =
            self.bound.lists.get_or_init(|| self.slots.iter().map(|_| Waiters::new(Overload::default())).collect());
        let waiting = self.bound.waiting.fetch_add(1, Relaxed) + self.waiters.count();
        let _counted = Counted(&self.bound);
        if waiting >= self.max_waiters.load(Relaxed) && !request.comes_back {
            return Outcome::Full { waiting };
        }
        let (waiters, node) = (&lists[index as usize], Node::mine());
        node.set_takes_another(takes_another);
        let place = (request.lane, request.since, request.holder);
        if waiters.join(&node, place, (u32::MAX, None), now).is_err() {
            return Outcome::Refused(Refusal::Closed);
        }
        let seat = Seat { shelf: self, waiters, node, unwanted, now, seated: true };
        self.announce();
        if self.attention() & CLOSED != 0 && !left_out!("bound_sees_closed") {
            return seat.leave_with(Outcome::Refused(Refusal::Closed));
        }
        if let Some(found) = look() {
            return seat.leave_with(Outcome::Found(found));
        }
        loop {
            match seat.node.state() {
                State::Granted { .. } | State::Refused => return seat.served(),
                State::Waiting | State::Woken => match patience() {
                    Patience::Over => return seat.leave_with(Outcome::TimedOut { position: 0 }),
                    Patience::For(time) => park_timeout(time),
                    Patience::Forever | Patience::IfCalm => park(),
                },
            }
        }
    }

    /// Those who wait for this slot, if anybody does.
    #[inline]
    pub(super) fn bound_to(&self, slot: &Slot<R>) -> Option<&Waiters> {
        let lists = self.bound.lists.get()?;
        Some(&lists[self.number_of(slot) as usize]).filter(|waiters| waiters.count() > 0)
    }

    /// Passes a slot that is about to be opened on to the first of those who wait for it. Gives it back if there is none, or if
    /// somebody in the queue is due and has waited for longer, which the second value says: neither kind starves the other.
    pub(super) fn hand_to_bound<'s>(
        &self,
        waiters: &Waiters,
        right: Right<'s, R>,
        now: impl Now,
    ) -> Result<(), (Right<'s, R>, bool)> {
        let list = waiters.lock();
        let Some(first) = list.first() else { return Err((right, false)) };
        if self.queue_goes_before(list.rank(first), now) {
            return Err((right, true));
        }
        self.grant_bound(waiters, list, first, for_the_next(right), now);
        Ok(())
    }

    fn queue_goes_before(&self, rank: u64, now: impl Now) -> bool {
        if self.hand_over.get() == HandOver::Never || self.waiters.count() == 0 {
            return false;
        }
        let list = self.waiters.lock();
        list.first().is_some_and(|first| self.is_due(&list, first, now) && list.rank(first) < rank)
    }

    /// R3 and R4, behind a full fence. A slot that is open stays with nobody but who takes it next, so it is not left to the queue
    /// here, however old that is: the queue may be served with another one.
    pub(super) fn serve_bound(&self, slot: &Slot<R>, now: impl Now) {
        let Some(waiters) = self.bound_to(slot) else { return };
        let list = waiters.lock();
        let Some(first) = list.first() else { return };
        let seen = slot.look();
        match seen.phase() {
            // Whoever has it comes by here.
            Phase::Busy | Phase::Checking => {}
            Phase::Ready => {
                if let Some(right) = slot.claim(seen, Phase::Busy) {
                    self.grant_bound(waiters, list, first, right, now);
                }
            }
            _ => {
                let last = list.turns();
                drop(list);
                waiters.refuse_until(last, &Refusal::LookAgain);
            }
        }
    }

    fn grant_bound(
        &self,
        waiters: &Waiters,
        mut list: MutexGuard<'_, List>,
        node: &Node,
        right: Right<'_, R>,
        now: impl Now,
    ) {
        let (thread, _) = self.pass_right(&mut list, node, right, now);
        waiters.count_from(&list);
        drop(list);
        thread.unpark();
    }

    /// Tells those who wait for a slot's resource that it ends: the slot is RETIRING.
    pub(crate) fn ends(&self, slot: &Slot<R>, now: impl Now) {
        // Meets the fence in `announce`.
        step!("ending_fence", full_fence(SeqCst));
        step!("ending_tells_bound", self.serve_bound(slot, now));
    }

    pub(super) fn serve_all_bound(&self, now: impl Now) {
        if self.bound.lists.get().is_some() {
            self.slots().for_each(|(_, slot)| self.serve_bound(slot, now));
        }
    }

    fn lists(&self) -> impl Iterator<Item = (u32, &Waiters)> {
        (0..).zip(self.bound.lists.get().into_iter().flatten())
    }

    pub(super) fn close_bound(&self) {
        self.lists().for_each(|(_, waiters)| _ = waiters.close(&Refusal::Closed));
    }

    pub(super) fn unpark_all_bound(&self) {
        // Meets the fence in `announce`: a waiter that this passes over looks at the clock behind it.
        step!("unpark_bound_fence", full_fence(SeqCst));
        self.lists().filter(|(_, waiters)| waiters.count() > 0).for_each(|(_, waiters)| waiters.unpark_all());
    }

    pub(super) fn bound_len(&self) -> u32 {
        self.lists().map(|(_, waiters)| waiters.lock().len()).sum()
    }

    pub(super) fn waiting_for_one(&self) -> u32 {
        self.bound.waiting.load(Relaxed)
    }

    /// Threads that wait, for anything or for one resource: those that are on a list.
    pub(crate) fn waiting_in_all(&self) -> u32 {
        let nobody = self.waiting_for_one() == 0;
        let bound = if nobody { 0 } else { self.lists().map(|(_, waiters)| waiters.count()).sum() };
        self.waiters.count() + bound
    }

    /// Whether thread `me`, which waits for slot `wanted`, or for any, waits for what is held by threads that wait here, and so on
    /// round: nobody of them is left to return anything. False where nobody waits for one resource: see `is_last_of_circle`. Of several
    /// that close a circle at the same moment each may see it. If `me` is `seated`, it asks from its place on a list.
    pub(crate) fn is_in_circle(&self, me: u64, wanted: Option<u32>, seated: bool) -> bool {
        let holder_of = |slot: &Slot<R>| match slot.look().phase() {
            Phase::Busy => Some(slot.record().stamp().thread()),
            _ => None,
        };
        let may_be = match wanted {
            None => self.waiting_for_one() > 0,
            Some(wanted) => holder_of(&self.slots[wanted as usize]).is_some(),
        };
        if !may_be {
            return false;
        }
        let before = self.all_who_wait();
        let mut waiting = before.clone();
        match waiting.get_mut(&me) {
            // For that alone, should it take another if this is a circle.
            Some(mine) => mine.wanted = wanted,
            None if seated => return false,
            // It has left its list already, out of time.
            None => _ = waiting.insert(me, Waits { wanted, list: wanted, turn: u64::MAX }),
        }
        loop {
            let stands = |slot: &Slot<R>| holder_of(slot).is_some_and(|holder| waiting.contains_key(&holder));
            // Asked at most once a round: all who are in the queue wait for the same.
            let in_queue = LazyCell::new(|| {
                let mut open = self.slots.iter().filter(|slot| slot.look().phase() != Phase::Shut);
                open.all(|slot| stands(slot))
            });
            let waits_on = |waits: &Waits| match waits.wanted {
                Some(index) => stands(&self.slots[index as usize]),
                None => *in_queue,
            };
            let left: BTreeMap<_, _> =
                waiting.iter().filter(|(_, waits)| waits_on(waits)).map(|(k, v)| (*k, *v)).collect();
            if !left.contains_key(&me) {
                return false;
            }
            if left.len() < waiting.len() {
                waiting = left;
                continue;
            }
            // Who has waited all the while was granted nothing: what it seemed to hold, it held. Who has not may only have waited for those in
            // the circle.
            let after = self.all_who_wait();
            waiting.retain(|thread, _| before.get(thread) == after.get(thread));
            if waiting.len() == left.len() {
                return true;
            }
        }
    }

    /// Who waits, by thread.
    fn all_who_wait(&self) -> BTreeMap<u64, Waits> {
        let mut waiting = BTreeMap::new();
        for (index, waiters) in self.lists().filter(|(_, waiters)| waiters.count() > 0) {
            let list = waiters.lock();
            let wanted = |node: &Node| (!node.takes_another()).then_some(index);
            list.for_each(|node, thread| {
                waiting.insert(thread, Waits { wanted: wanted(node), list: Some(index), turn: list.turn(node) });
            });
        }
        let list = self.waiters.lock();
        list.for_each(|node, thread| {
            waiting.insert(thread, Waits { wanted: None, list: None, turn: list.turn(node) });
        });
        waiting
    }
}
