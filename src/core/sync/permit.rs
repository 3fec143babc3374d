//! Parking under loom and under shuttle: a parked thread wakes when it is woken, and not before.
//!
//! loom's own `unpark` also sets a thread free that is blocked on a mutex, and releasing a mutex takes the permit away from whoever touched
//! that mutex last: false alarms both. shuttle's `park` ends whenever the schedule likes, as the standard library's may: whoever waits for a
//! wake that was lost would look again, and never be missed.

#[cfg(slackwater_loom)]
use loom::{
    sync::{Condvar, Mutex},
    thread_local,
};
#[cfg(slackwater_shuttle)]
use shuttle::{
    sync::{Condvar, Mutex},
    thread_local,
};
use std::sync::{Arc, PoisonError};

/// A thread's permit to pass one [`park`].
#[derive(Debug, Default)]
struct Permit {
    given: Mutex<bool>,
    changed: Condvar,
}

#[derive(Clone, Debug)]
pub(crate) struct Thread(Arc<Permit>);

thread_local! {
    static ME: Thread = Thread(Arc::default());
}

pub(crate) fn current() -> Thread {
    ME.with(Thread::clone)
}

impl Thread {
    pub(crate) fn unpark(&self) {
        *self.0.given.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_one();
    }
}

pub(crate) fn park() {
    let Thread(permit) = current();
    let mut given = permit.given.lock().unwrap_or_else(PoisonError::into_inner);
    while !*given {
        given = permit.changed.wait(given).unwrap_or_else(PoisonError::into_inner);
    }
    *given = false;
}
