//! Tickets: creations that the crew was asked for, and how many of them still count for new demand.
//!
//! ```text
//! Who asks:  A1 something is missing   A2 fence   A3 read `running`   A4 take a ticket, unless as many are out as are missing and run
//! A ticket:  T1 running + 1   T2 fence   T3 look what is missing, and make it   T4 out - 1   T5 running - 1
//! ```
//! Only a ticket that has yet to look serves a demand that is new. If A3 misses T1, then T2 meets A2, and T3 sees A1. If A3 sees
//! T1, the ticket is one more that may be out. If A3 sees T5, A4 sees T4, and it is out no more.
//!
//! Two runs that lose: the ticket looks, finds nothing missing, and counts as running afterwards; or it takes T5 before T4. In
//! between, who asks takes a ticket that has looked for one that will, and leaves.

use super::sync::{AtomicU32, fence as full_fence};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

#[derive(Default)]
pub(crate) struct Tickets {
    /// Creations that wait for a thread, or run.
    out: AtomicU32,
    running: AtomicU32,
    /// Tickets whose waiter gave up: they may hang, and must not keep others from asking.
    orphans: AtomicU32,
}

impl Tickets {
    /// Creations that run. Who wants what is missing made, wants as many more tickets out.
    pub(crate) fn running(&self) -> u32 {
        // Acquire: meets the Release of a ticket that ends.
        self.running.load(Acquire)
    }

    /// Takes one more, if fewer are out than are `wanted`, and fewer wait than places are `vacant`.
    pub(crate) fn take(&self, wanted: u32, vacant: u32) -> bool {
        // Not `fetch_update`: the model checker's never reads an old value, as this may.
        let mut out = self.out.load(Relaxed);
        loop {
            let unserved = out.saturating_sub(self.orphans.load(Relaxed)) < wanted;
            let room = out.saturating_sub(self.running.load(Relaxed)) < vacant;
            if !(unserved && room) {
                return false;
            }
            match self.out.compare_exchange(out, out + 1, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => out = now,
            }
        }
    }

    /// Gives one back that nobody will run.
    pub(crate) fn give_back(&self) {
        self.out.fetch_sub(1, Relaxed);
    }

    /// One that is out counts for nobody who asks any more.
    pub(crate) fn orphan(&self) {
        let most = self.out.load(Relaxed);
        let _ = self.orphans.fetch_update(Relaxed, Relaxed, |orphans| (orphans < most).then_some(orphans + 1));
    }

    /// Begins to run one. What it is to make is looked up after this, and it ends with what this returns.
    pub(crate) fn run(&self) -> Running<'_> {
        let before = self.running.fetch_add(1, Relaxed);
        // Meets the fence of who asks: behind a vacated place, or a place in the queue.
        step!("ticket_fence", full_fence(SeqCst));
        Running { tickets: self, beside: before.saturating_sub(self.orphans.load(Relaxed)) }
    }
}

/// A ticket while it runs. However it ends, it is counted off.
pub(crate) struct Running<'t> {
    tickets: &'t Tickets,
    beside: u32,
}

impl Running<'_> {
    /// Others that ran when this one began, and serve as much of the demand.
    pub(crate) fn beside(&self) -> u32 {
        self.beside
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Tickets { out, running, orphans } = self.tickets;
        let left = out.fetch_sub(1, Relaxed) - 1;
        // Release: who sees that this runs no more, sees that it is not out.
        running.fetch_sub(1, Release);
        // A waiter that gives up beside this may leave one too many, until the next ticket ends: one creation more is asked for.
        let _ = orphans.fetch_update(Relaxed, Relaxed, |orphans| (orphans > left).then_some(left));
    }
}
