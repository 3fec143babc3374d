//! The one seam between the standard library and what explores interleavings.
//!
//! Everything in `core/` that takes part in a protocol comes from here. Built with `--cfg slackwater_loom`, the core runs
//! under loom, which knows weak memory and tries every interleaving of a few threads; with `--cfg slackwater_shuttle` the
//! whole pool runs under shuttle, which knows no weak memory and tries random interleavings of many threads.

#[cfg(any(slackwater_loom, slackwater_shuttle))]
mod permit;
#[cfg(slackwater_shuttle)]
mod scheduled;
#[cfg(slackwater_shuttle)]
pub use scheduled::as_if_unwinding;
#[cfg(slackwater_shuttle)]
pub(crate) use scheduled::held_up;

#[cfg(not(slackwater_loom))]
mod native {
    #[cfg(slackwater_shuttle)]
    pub(crate) use super::permit::{Thread, current, park};
    #[cfg(slackwater_shuttle)]
    pub(crate) use super::scheduled::{Mutex, MutexGuard, park_timeout};
    #[cfg(not(slackwater_shuttle))]
    pub(crate) use parking_lot::{Mutex, MutexGuard};
    #[cfg(slackwater_shuttle)]
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};
    pub(crate) use std::sync::{Arc, OnceLock};
    #[cfg(not(slackwater_shuttle))]
    pub(crate) use std::{
        sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence},
        thread::{Thread, current, park, park_timeout},
    };

    /// A look at a slot's word acquires what is noted of its resource elsewhere.
    pub(crate) const LOOK: std::sync::atomic::Ordering = std::sync::atomic::Ordering::Acquire;

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
    pub(crate) use super::permit::{Thread, current, park};
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};

    /// No protocol relies on what a look acquires, as the models show, which do without.
    pub(crate) const LOOK: std::sync::atomic::Ordering = std::sync::atomic::Ordering::Relaxed;

    /// loom has no clock: a timed park is "the timer fired now", after letting others run.
    pub(crate) fn park_timeout(_: std::time::Duration) {
        loom::thread::yield_now();
    }

    /// loom's mutex with the unpoisoned interface of `parking_lot`.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    /// The standard library's, with what orders the making before the use told to the checker.
    #[derive(Debug)]
    pub(crate) struct OnceLock<T> {
        value: std::sync::OnceLock<T>,
        is_made: AtomicBool,
        making: loom::sync::Mutex<()>,
    }

    impl<T> Default for OnceLock<T> {
        fn default() -> Self {
            let (value, is_made, making) = Default::default();
            Self { value, is_made, making }
        }
    }

    impl<T> OnceLock<T> {
        pub(crate) fn get(&self) -> Option<&T> {
            if self.is_made.load(std::sync::atomic::Ordering::Acquire) { self.value.get() } else { None }
        }

        pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
            let _making = self.making.lock().expect("no model panics under this lock");
            let value = self.value.get_or_init(make);
            self.is_made.store(true, std::sync::atomic::Ordering::Release);
            value
        }
    }

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

/// For the pool around the core, which loom never runs, and for what belongs to a thread.
pub(crate) mod around {
    #[cfg(slackwater_shuttle)]
    pub(crate) use super::scheduled::{Condvar, Instant, Mutex, MutexGuard, panicking, thread_number};
    #[cfg(slackwater_shuttle)]
    pub(crate) use shuttle::{
        sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, fence},
        thread, thread_local,
    };
    #[cfg(not(slackwater_shuttle))]
    pub(crate) use {
        parking_lot::{Condvar, Mutex, MutexGuard},
        std::{
            sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, fence},
            thread::{self, panicking},
            thread_local,
            time::Instant,
        },
    };

    #[cfg(all(slackwater_shuttle, feature = "workers"))]
    pub(crate) use {super::scheduled::RwLock, shuttle::sync::mpsc};
    #[cfg(all(not(slackwater_shuttle), feature = "workers"))]
    pub(crate) use {parking_lot::RwLock, std::sync::mpsc};

    /// A number for the calling thread: from 1, never used twice in a process.
    #[cfg(not(slackwater_shuttle))]
    pub(crate) fn thread_number() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }
}
