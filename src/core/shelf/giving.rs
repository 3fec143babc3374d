//! Return: who gets a slot that becomes free.

use super::attention::{CONTENDED, LISTED, STARVING};
use super::*;

impl<R> Shelf<R> {
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
        let mut queue_first = false;
        if let Some(bound) = self.bound_to(right.slot()) {
            match self.hand_to_bound(bound, right, now) {
                Ok(()) => return attention,
                Err((unwanted, is_the_queues)) => (right, queue_first) = (unwanted, is_the_queues),
            }
        }
        let eager = match self.hand_over.get() {
            _ if queue_first => true,
            HandOver::Always => self.waiters.count() > 0,
            HandOver::After(_) => attention & STARVING != 0,
            HandOver::Never => false,
        };
        if eager && !left_out!("hand_over_in_turn") {
            match self.hand_over_now(right, now) {
                Ok(()) => return attention,
                Err(unwanted) => right = unwanted,
            }
        }
        let slot = right.slot();
        if attention & LISTED != 0 {
            let index = self.number_of(slot);
            right.open(Phase::Ready);
            self.available.put(index);
        } else {
            right.open(Phase::Ready);
        }
        fence::light();
        self.opened(Some(slot), self.attention(), now)
    }

    /// Opens a slot DEGRADED, a last resort for those who wait, or STALE, to be checked before its next use.
    pub(crate) fn open_as(&self, phase: Phase, right: Right<'_, R>, now: impl Now) -> u32 {
        let slot = right.slot();
        right.open(phase);
        fence::light();
        self.opened(Some(slot), self.attention(), now)
    }

    /// R2 to R4 of the drawing above, for a returner that saw `attention` after a light fence, and who opened `slot`, if it was
    /// one. Returns the attention that counts.
    pub(crate) fn opened(&self, slot: Option<&Slot<R>>, attention: u32, now: impl Now) -> u32 {
        if attention & CONTENDED == 0 {
            return attention;
        }
        // Meets the fence in `announce`: a waiter counted before it is seen below, or sees the slot we opened. Meets the
        // one in `close` likewise, so the flags are read once more.
        step!("return_fence", full_fence(SeqCst));
        if let Some(slot) = slot {
            step!("serve_bound", self.serve_bound(slot, now));
        }
        if self.waiters.count() > 0 {
            self.wake_next(now);
        }
        self.attention()
    }

    /// Wakes somebody at the front of the queue, or serves one where the first has waited for too long.
    #[inline(never)]
    pub(super) fn wake_next(&self, now: impl Now) {
        if self.waiters.waking() && !self.looks_past_a_wake() {
            return;
        }
        loop {
            let mut list = self.waiters.lock();
            let Some(first) = list.first() else { return };
            if self.is_due(&list, first, now) {
                if let Some(right) = self.take_anywhere(0) {
                    let Some(node) = self.choose(&mut list) else { return };
                    self.grant(list, node, right, now);
                    // A grant wakes nobody who would look further, so that is on us.
                    if self.waiters.count() > 0 && self.anything_to_take() {
                        continue;
                    }
                    return;
                }
                // Somebody was faster; the next return hands over.
                if self.hand_over.get() != HandOver::Always {
                    self.signals.attention.fetch_or(STARVING, Relaxed);
                }
            }
            if !self.waiters.waking()
                && let Some(node) = self.choose(&mut list)
                && let Some(thread) = list.wake(node, || self.waiters.set_waking(true))
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
        match self.hand_over.get() {
            HandOver::Always => true,
            HandOver::Never => false,
            HandOver::After(_) => self.attention() & STARVING != 0 || hint::every(RETURNS_PER_LOOK),
        }
    }

    /// Whom to serve or wake next.
    fn choose<'l>(&self, list: &mut List) -> Option<&'l Node> {
        if self.hand_over.get() == HandOver::Always { list.first() } else { list.choose() }
    }

    pub(super) fn is_due(&self, list: &List, node: &Node, now: impl Now) -> bool {
        match self.hand_over.get() {
            HandOver::Always => true,
            HandOver::Never => false,
            HandOver::After(bound) => now().saturating_sub(list.since(node)) >= bound,
        }
    }

    /// Passes a BUSY slot on to the one to serve next; gives it back if the queue is empty.
    fn hand_over_now<'s>(&'s self, right: Right<'s, R>, now: impl Now) -> Result<(), Right<'s, R>> {
        let mut list = self.waiters.lock();
        match self.choose(&mut list) {
            Some(node) => {
                self.grant(list, node, for_the_next(right), now);
                Ok(())
            }
            None => {
                self.signals.attention.fetch_and(!STARVING, Relaxed);
                Err(right)
            }
        }
    }

    fn grant(&self, mut list: MutexGuard<'_, List>, node: &Node, right: Right<'_, R>, now: impl Now) {
        let (thread, had_wake) = self.pass_right(&mut list, node, right, now);
        self.waiters.count_from(&list);
        if let HandOver::After(_) = self.hand_over.get() {
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

    /// Passes `right` on to `node`, which is taken off `list`. Returns its thread, and whether it had a wake in hand.
    pub(super) fn pass_right(
        &self,
        list: &mut List,
        node: &Node,
        right: Right<'_, R>,
        now: impl Now,
    ) -> (Thread, bool) {
        // From here on the slot is the waiter's, whoever asks.
        let Holder { thread, site } = list.holder(node);
        right.record().handed_to(Stamp::by(thread).at(self.coarse()), site);
        list.grant(node, (self.number_of(right.slot()), right.pass_on().1), now)
    }

    /// After a refusal: the wake that a refused one had in hand goes on.
    pub(super) fn refused(&self, had_wake: bool, now: impl Now) {
        if had_wake {
            step!("refusal_passes_wake", self.pass_wake(now));
        }
    }

    /// A woken waiter no longer needs its wake: if anything is left to take, somebody else gets it.
    pub(super) fn pass_wake(&self, now: impl Now) {
        self.waiters.set_waking(false);
        // Meets the fence in `opened`: a return that saw `waking` up is seen below.
        step!("pass_fence", full_fence(SeqCst));
        if self.waiters.count() > 0 && self.anything_to_take() {
            self.wake_next(now);
        }
    }
}

/// A right on its way to its next holder: BUSY to BUSY; a slot that was being created or checked becomes BUSY for it.
pub(super) fn for_the_next<R>(right: Right<'_, R>) -> Right<'_, R> {
    match right.word().phase() {
        Phase::Busy => right.unmarked(),
        _ => right.change(Phase::Busy),
    }
}
