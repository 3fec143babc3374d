//! Waiting: the queue from the side of those who stand in it, and its end.

use super::attention::{CLOSED, CONTENDED, FENCED, STARVING};
use super::*;
use crate::error::let_go;

impl<R> Shelf<R> {
    /// Queues, looks again with `look`, and parks until a slot is granted, `look` finds something, the wait is refused,
    /// or `patience` is over. `look(true)` must read every word it could be served by. `look(false)` is for a thread that
    /// joined behind others and need not look for free slots: while the queue is not empty, each return wakes its head, and
    /// each waiter that leaves passes on what it did not take. `patience` is told when the queue is to be asked whether this
    /// waiter is shed. `unwanted` gets what was granted to a waiter that had found something else, or whose `look` panicked.
    pub(crate) fn wait<'s, T, N: Now>(
        &'s self,
        request: &Request,
        mut look: impl FnMut(bool) -> Option<T>,
        mut patience: impl FnMut(u64) -> Patience,
        unwanted: impl Fn(Right<'s, R>),
        now: N,
    ) -> Outcome<'s, R, T> {
        let node = Node::mine();
        let place = (request.lane, request.since, request.holder);
        let max_waiters = match request.comes_back {
            true => u32::MAX,
            false => self.max_waiters.load(Relaxed).saturating_sub(self.waiting_for_one()),
        };
        let mut joined = match self.waiters.join(&node, place, (max_waiters, request.allowed), now) {
            Ok(joined) => joined,
            Err(NoPlace::Closed) => return Outcome::Refused(Refusal::Closed),
            Err(NoPlace::Full { waiting }) => return Outcome::Full { waiting },
            Err(NoPlace::Unservable { before, each, waiting }) => return Outcome::Unservable { before, each, waiting },
        };
        let seat = Seat { shelf: self, waiters: &self.waiters, node, unwanted, now, seated: true };
        self.announce();
        if let Some(found) = look(joined.is_first) {
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
                    if !left_out!("look_again")
                        && let Some(found) = look(true)
                    {
                        return seat.leave_with(Outcome::Found(found));
                    }
                    self.waiters.overtaken();
                    if let HandOver::After(bound) = self.hand_over.get()
                        && now().saturating_sub(request.since) >= bound
                    {
                        self.signals.attention.fetch_or(STARVING, Relaxed);
                    }
                }
                State::Waiting => match patience(joined.ask_at) {
                    Patience::Over => return seat.leave_with(Outcome::TimedOut { position: 0 }),
                    Patience::IfCalm => match self.waiters.leave_if_shed(&seat.node, now) {
                        Ok(above_for) => return seat.has_left(Outcome::Shed { above_for }),
                        Err(later) => joined.ask_at = later,
                    },
                    Patience::For(time) => park_timeout(time),
                    Patience::Forever => park(),
                },
            }
        }
    }

    /// W2 of the drawing above: after this, a look sees every return that did not see us.
    pub(super) fn announce(&self) {
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
            if self.waiting_in_all() == 0 || left_out!("look_after_lowering") {
                return;
            }
            self.raise_both();
        }
        if self.anything_to_take() {
            step!("wake_after_lowering", self.wake_next(now));
        }
        step!("serve_bound_after_lowering", self.serve_all_bound(now));
    }

    /// How many have joined the queue, ever: who joins from now on sees what the caller has done.
    pub(crate) fn turns(&self) -> u64 {
        self.waiters.turns()
    }

    /// Ends the wait of everyone who joined in turn `last` or before with `refusal`; the pool stays open.
    ///
    /// Who joined later has not waited for what is refused here, and may be about to get something better.
    pub(crate) fn refuse_waiters(&self, last: u64, refusal: &Refusal, now: impl Now) {
        let last = if left_out!("bound_refusal") { u64::MAX } else { last };
        self.refused(self.waiters.refuse_until(last, refusal), now);
    }

    /// Refuses everyone who waits or will, and makes returns look at the CLOSED flag. Slots opened before are visible
    /// to the caller afterwards; slots opened later are swept by their returner.
    pub(crate) fn close(&self, now: impl Now) {
        {
            let _fencing = self.fencing.lock();
            self.signals.attention.fetch_or(CLOSED, Relaxed);
            // With its heavy fence: a return that does not see CLOSED is seen by who sweeps after us.
            step!("close_fence", self.raise_both());
        }
        self.refused(self.waiters.close(&Refusal::Closed), now);
        step!("close_bound", self.close_bound());
    }

    /// Lets every waiter look at the clock.
    pub(crate) fn unpark_all(&self) {
        self.waiters.unpark_all();
        self.unpark_all_bound();
    }

    /// Whether every open slot is BUSY in the hands of thread `me` or of one that waits here, and `me` holds one: nobody is left
    /// to return anything. Of several threads in the queue this is so for the one that joined last. If `me` is `seated`, it asks from its
    /// place in the queue: who has that no more has been granted what it seems to hold.
    pub(crate) fn is_last_of_circle(&self, me: u64, seated: bool) -> bool {
        let list = self.waiters.lock();
        let mine = match list.turn_of(me) {
            None if seated => return false,
            turn => turn.unwrap_or(u64::MAX),
        };
        let mut holds_one = false;
        let open = self.slots.iter().filter(|slot| slot.look().phase() != Phase::Shut);
        let all_wait = open.fold(true, |all_wait, slot| {
            // Before the name: that of a slot that was seen to be taken is its taker's, or nobody's.
            let phase = slot.look().phase();
            let holder = slot.record().stamp().thread();
            holds_one |= holder == me;
            all_wait
                && phase == Phase::Busy
                && (holder == me || list.turn_of(holder).is_some_and(|theirs| theirs < mine))
        });
        all_wait && holds_one
    }

    /// Whether somebody woken has yet to look, as far as the queue knows.
    pub(crate) fn is_waking(&self) -> bool {
        self.waiters.waking()
    }

    /// Since when the one waits that is served next.
    pub(crate) fn waits_since(&self) -> Option<u64> {
        let list = self.waiters.lock();
        list.first().map(|first| list.since(first))
    }

    /// The number of threads that wait, for anything or for one resource, exactly.
    pub(crate) fn queue_len(&self) -> u32 {
        let list = self.waiters.lock();
        let queued = list.len();
        // A return locks a slot's list first and the queue then.
        if !left_out!("counting_lets_go") {
            drop(list);
        }
        queued + self.bound_len()
    }
}

/// A waiter's membership in the queue. However the wait ends, a panic included, the node leaves the list.
pub(super) struct Seat<'w, R, U: Fn(Right<'w, R>), N: Now> {
    pub(super) shelf: &'w Shelf<R>,
    /// The list that the node is on: the queue, or that of one slot.
    pub(super) waiters: &'w Waiters,
    pub(super) node: Arc<Node>,
    /// Opens what was granted in vain: whose duties a return has, the shelf does not know.
    pub(super) unwanted: U,
    pub(super) now: N,
    pub(super) seated: bool,
}

impl<'w, R, U: Fn(Right<'w, R>), N: Now> Seat<'w, R, U, N> {
    /// Takes what was granted, or why not.
    pub(super) fn served<T>(mut self) -> Outcome<'w, R, T> {
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
    pub(super) fn leave_with<T>(mut self, outcome: Outcome<'w, R, T>) -> Outcome<'w, R, T> {
        self.seated = false;
        let timed_out = matches!(outcome, Outcome::TimedOut { .. });
        // A look may also have found that waiting is of no use: the pace of service then seems better than it is.
        let exit = if timed_out { Exit::TimedOut } else { Exit::Served };
        if let Some(position) = self.waiters.leave(&self.node, exit, self.now) {
            return self.has_left(if timed_out { Outcome::TimedOut { position } } else { outcome });
        }
        match (self.node.state(), outcome) {
            (State::Granted { index }, Outcome::Found(found)) => {
                step!("give_extra_back", (self.unwanted)(self.granted(index)));
                Outcome::Found(found)
            }
            (State::Refused, Outcome::Found(found)) => {
                // It came too late, and what was found must not be lost to the drop of its error.
                let_go(self.node.take_refusal());
                Outcome::Found(found)
            }
            (_, outcome) if left_out!("timeout_takes_grant") => outcome,
            _ => self.served(),
        }
    }

    /// Off the list, with a wake that nobody else gets if it has one.
    fn has_left<T>(mut self, outcome: Outcome<'w, R, T>) -> Outcome<'w, R, T> {
        self.seated = false;
        self.pass_wake_in_hand();
        outcome
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

impl<'w, R, U: Fn(Right<'w, R>), N: Now> Drop for Seat<'w, R, U, N> {
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
        if self.waiters.leave(&self.node, Exit::Failed, self.now).is_some() {
            self.pass_wake_in_hand();
        } else {
            match self.node.state() {
                State::Granted { index } => (self.unwanted)(self.granted(index)),
                // Not left for the thread's next wait to drop: that would be under the lock.
                _ => let_go(self.node.take_refusal()),
            }
        }
    }
}
