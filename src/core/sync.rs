//! The one seam between the standard library and the model checker.
//!
//! Everything in `core/` that takes part in a protocol comes from here. Built with `--cfg slackwater_loom`, the same
//! code runs under loom, which explores its interleavings.

#[cfg(not(slackwater_loom))]
mod native {
    pub(crate) use parking_lot::{Mutex, MutexGuard};
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};
    pub(crate) use std::thread::{Thread, current, park, park_timeout};

    /// `UnsafeCell` with the closure API of the model checker, which then sees each access.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub(crate) fn with<O>(&self, f: impl FnOnce(*const T) -> O) -> O {
            f(self.0.get())
        }

        #[inline(always)]
        pub(crate) fn with_mut<O>(&self, f: impl FnOnce(*mut T) -> O) -> O {
            f(self.0.get())
        }
    }
}

#[cfg(slackwater_loom)]
mod model {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};

    /// A thread's permit to pass one `park`.
    ///
    /// loom's own `unpark` also sets a thread free that is blocked on a mutex, and releasing a mutex takes the permit
    /// away from whoever touched that mutex last: false alarms both.
    #[derive(Debug, Default)]
    struct Permit {
        given: loom::sync::Mutex<bool>,
        changed: loom::sync::Condvar,
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Thread(std::sync::Arc<Permit>);

    loom::thread_local! {
        static ME: Thread = Thread(std::sync::Arc::default());
    }

    pub(crate) fn current() -> Thread {
        ME.with(Thread::clone)
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            *self.0.given.lock().expect("no model panics under this lock") = true;
            self.0.changed.notify_one();
        }
    }

    pub(crate) fn park() {
        let Thread(permit) = current();
        let mut given = permit.given.lock().expect("no model panics under this lock");
        while !*given {
            given = permit.changed.wait(given).expect("no model panics under this lock");
        }
        *given = false;
    }

    /// loom has no clock: a timed park is "the timer fired now", after letting others run.
    pub(crate) fn park_timeout(_: std::time::Duration) {
        loom::thread::yield_now();
    }

    /// loom's mutex with the unpoisoned interface of `parking_lot`.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no model panics under this lock")
        }
    }
}

#[cfg(slackwater_loom)]
pub(crate) use model::*;
#[cfg(not(slackwater_loom))]
pub(crate) use native::*;
