//! Locks and threads under shuttle, with the interface that the pool uses natively.
//!
//! Whatever would differ from one run of a schedule to the next (time, thread numbers) is made to depend on the schedule
//! alone, so that a failing one can be replayed.

use shuttle::rand::{Rng, thread_rng};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::Duration;

/// shuttle has no clock: a timed park is "the timer fired now", after letting others run.
pub(crate) fn park_timeout(_: Duration) {
    shuttle::thread::yield_now();
}

/// Now and then, gives others a hundred turns before the calling thread goes on: a random schedule hardly ever does.
pub(crate) fn held_up() {
    if thread_rng().gen_bool(1.0 / 16.0) {
        (0..100).for_each(|_| shuttle::thread::yield_now());
    }
}

/// The longest time between two looks of who would look anyway.
const SHORT: Duration = Duration::from_millis(5);

/// A number for the calling thread: from 1, the same in each run of a schedule.
pub(crate) fn thread_number() -> u64 {
    usize::from(shuttle::thread::current().id()) as u64 + 1
}

shuttle::thread_local! {
    static UNWINDING: Cell<bool> = Cell::new(false);
}

/// Whether the calling thread unwinds. All threads share one of the system's, whose own answer would be about them all:
/// tests say it here, and never switch threads while they really panic.
pub(crate) fn panicking() -> bool {
    UNWINDING.with(Cell::get)
}

/// Runs `f` as a thread would that unwinds from a panic: the pool cannot tell the difference.
pub fn as_if_unwinding<T>(f: impl FnOnce() -> T) -> T {
    let before = UNWINDING.with(|unwinding| unwinding.replace(true));
    let out = f();
    UNWINDING.with(|unwinding| unwinding.set(before));
    out
}

/// A point in time from which next to none or a long time has passed, as the schedule has it.
#[derive(Clone, Copy)]
pub(crate) struct Instant;

impl Instant {
    pub(crate) fn now() -> Self {
        Instant
    }

    pub(crate) fn elapsed(self) -> Duration {
        if thread_rng().gen_bool(0.5) { Duration::ZERO } else { Duration::from_millis(1) }
    }
}

/// shuttle's mutex with the interface of `parking_lot`.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: &self.0, held: Some(lock(&self.0)) }
    }
}

fn lock<T>(mutex: &shuttle::sync::Mutex<T>) -> shuttle::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct MutexGuard<'m, T> {
    mutex: &'m shuttle::sync::Mutex<T>,
    /// Empty only while the owner waits on a [`Condvar`].
    held: Option<shuttle::sync::MutexGuard<'m, T>>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("its owner does not wait")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("its owner does not wait")
    }
}

#[derive(Debug)]
pub(crate) struct Condvar(shuttle::sync::Condvar);

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(shuttle::sync::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.held.take().expect("its owner does not wait");
        guard.held = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
    }

    #[cfg(feature = "workers")]
    pub(crate) fn wait_while<T>(&self, guard: &mut MutexGuard<'_, T>, mut holds: impl FnMut(&mut T) -> bool) {
        while holds(&mut **guard) {
            self.wait(guard);
        }
    }

    /// The timer fires at once, after letting others run, or never, as the schedule has it. A short one always fires: who waits so looks
    /// again and again, and need not be told.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, time: Duration) -> Waited {
        if time > SHORT && thread_rng().gen_bool(0.5) {
            self.wait(guard);
            return Waited { timed_out: false };
        }
        drop(guard.held.take());
        shuttle::thread::yield_now();
        guard.held = Some(lock(guard.mutex));
        Waited { timed_out: true }
    }

    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: std::time::Instant) -> Waited {
        self.wait_for(guard, Duration::MAX)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// As [`Mutex`], for many readers.
#[cfg(feature = "workers")]
#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(shuttle::sync::RwLock<T>);

#[cfg(feature = "workers")]
impl<T> RwLock<T> {
    pub(crate) fn read(&self) -> shuttle::sync::RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> shuttle::sync::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a timed wait ended.
pub(crate) struct Waited {
    timed_out: bool,
}

impl Waited {
    pub(crate) fn timed_out(self) -> bool {
        self.timed_out
    }
}
