//! Who wakes the keeper, and whose turn it is to do its duties.

use super::Clock;
use super::shared::Seat;
use crate::core::sync::around::{AtomicU64, Condvar, Mutex, MutexGuard};
use crate::core::thread_number;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;

/// Wakes the keeper, and knows when it has ended.
#[derive(Default)]
pub(crate) struct Alarm {
    state: Mutex<Bell>,
    condvar: Condvar,
    /// Where the shared keeper is woken instead.
    pub(super) seat: OnceLock<Seat>,
}

#[derive(Default)]
struct Bell {
    rung: bool,
    stopped: bool,
    ended: bool,
}

impl Alarm {
    pub(crate) fn ring(&self) {
        if let Some(seat) = self.seat.get() {
            return seat.ring();
        }
        self.state.lock().rung = true;
        self.condvar.notify_one();
    }

    pub(super) fn stop(&self) {
        self.state.lock().stopped = true;
        self.condvar.notify_all();
    }

    /// Waits until the keeper has ended, at most until `deadline`. False if it has not.
    pub(super) fn wait_for_end(&self, clock: &Clock, deadline: u64) -> bool {
        let mut bell = self.state.lock();
        while !bell.ended && clock.now() < deadline {
            clock.wait(&self.condvar, &mut bell, Some(deadline));
        }
        bell.ended
    }

    pub(super) fn end(&self) {
        self.state.lock().ended = true;
        self.condvar.notify_all();
    }

    /// Sleeps until the bell rings or `deadline` comes, and says whether it rang. None once it is to stop.
    pub(super) fn sleep(&self, clock: &Clock, deadline: Option<u64>) -> Option<bool> {
        let mut bell = self.state.lock();
        while !bell.rung && !bell.stopped && deadline.is_none_or(|deadline| clock.now() < deadline) {
            clock.wait(&self.condvar, &mut bell, deadline);
        }
        let rung = std::mem::take(&mut bell.rung);
        (!bell.stopped).then_some(rung)
    }
}

/// Who does the keeper's duties now. One thread at a time: each duty remembers what it did, not that it is at it.
#[derive(Default)]
pub(crate) struct Turns {
    lock: Mutex<()>,
    /// The thread that has the turn, or 0.
    taken_by: AtomicU64,
}

pub(crate) struct Turn<'t> {
    turns: &'t Turns,
    _held: MutexGuard<'t, ()>,
}

impl Turns {
    /// Waits for the turn. None if this very thread has it, further up: the program's logger may tick.
    pub(crate) fn take(&self) -> Option<Turn<'_>> {
        let me = thread_number();
        // Relaxed: only this thread ever writes its own number.
        if self.taken_by.load(Relaxed) == me {
            return None;
        }
        let held = self.lock.lock();
        self.taken_by.store(me, Relaxed);
        Some(Turn { turns: self, _held: held })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.taken_by.store(0, Relaxed);
    }
}
