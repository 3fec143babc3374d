//! One keeper's thread for many pools.
//!
//! The first pool starts it, the last one ends it. It holds every pool weakly, sleeps until the first of their deadlines,
//! and ticks only the pools that rang or are due. Which pool it is at stands in its state, so that a pool that closes can
//! wait for its own tick to end, and for no other.

use super::{Clock, QUIET, TICK};
use crate::core::sync::around::thread::{self, JoinHandle, ThreadId};
use crate::core::sync::around::{Condvar, Mutex};
use crate::error::let_go;
use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// The keeper that pools join now; None while there is no such pool. Taken before a keeper's own lock.
static PRESENT: Mutex<Option<Arc<Shared>>> = Mutex::new(None);

/// How often any shared keeper woke.
static WAKES: AtomicU64 = AtomicU64::new(0);

/// The numbers of seats.
static SEATS: AtomicU64 = AtomicU64::new(0);

/// How late a deadline may be served at most, for several to be served together.
const LATEST: Duration = Duration::from_secs(1);

/// A pool, as its keeper sees it.
pub(crate) trait Kept: Send + Sync {
    /// Does what is due, all of it if somebody rang, and says when to come again, on the pool's clock.
    fn keep(&self, rung: bool) -> Option<u64>;
    /// Lets go of a pool that may have ended meanwhile: the keeper runs nothing of the user's, its destructors included.
    fn let_go(self: Arc<Self>);
}

/// A pool's place at the shared keeper.
pub(crate) struct Seat {
    keeper: Arc<Shared>,
    number: u64,
}

struct Shared {
    state: Mutex<State>,
    /// Something for the keeper to do.
    wake: Condvar,
    /// A tick has ended, or virtual time has moved for somebody who waits for that.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    pools: HashMap<u64, Pool>,
    /// The pool that is being ticked.
    at: Option<u64>,
    stopped: bool,
    thread: Option<JoinHandle<()>>,
    id: Option<ThreadId>,
}

struct Pool {
    pool: Weak<dyn Kept>,
    clock: Clock,
    rung: bool,
    window: Option<Window>,
}

/// When a deadline may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    opens: Instant,
    closes: Instant,
}

impl Window {
    /// For what is due in `span`. A published time may come early, so that pools in use fall into step; anything else may
    /// be late by an eighth, so that pools at rest do.
    fn of(now: Instant, span: Duration) -> Option<Window> {
        let due = now.checked_add(span)?;
        if span <= Duration::from_nanos(TICK) {
            return Some(Window { opens: due - span / 2, closes: due });
        }
        Some(Window { opens: due, closes: due.checked_add((span / 8).min(LATEST))? })
    }
}

/// Joins `pool` to the shared keeper, and starts its thread if it is the first.
pub(crate) fn join(pool: Weak<dyn Kept>, clock: Clock) -> io::Result<Seat> {
    let number = SEATS.fetch_add(1, Relaxed);
    let mut present = PRESENT.lock();
    let keeper = match &*present {
        Some(keeper) => Arc::clone(keeper),
        None => Arc::clone(present.insert(Shared::start()?)),
    };
    keeper.state.lock().pools.insert(number, Pool { pool, clock, rung: true, window: None });
    keeper.wake.notify_one();
    drop(present);
    Ok(Seat { keeper, number })
}

impl Seat {
    pub(crate) fn ring(&self) {
        if let Some(pool) = self.keeper.state.lock().pools.get_mut(&self.number) {
            pool.rung = true;
        }
        self.keeper.wake.notify_one();
        self.keeper.progress.notify_all();
    }

    /// Leaves the keeper, and waits until `deadline` for it to be done with this pool. The last one joins it; but if it is
    /// still at another pool that has left, then who waits for that one does.
    pub(crate) fn leave(&self, clock: &Clock, deadline: u64) {
        let Seat { keeper, number } = self;
        let mut present = PRESENT.lock();
        let mut state = keeper.state.lock();
        if state.pools.remove(number).is_some() && state.pools.is_empty() {
            // Whoever builds the next pool starts anew.
            *present = None;
            state.stopped = true;
            keeper.wake.notify_one();
        }
        drop(present);
        // A log callback may close a pool on the keeper's own thread, which ends by itself then.
        if state.id == Some(thread::current().id()) {
            return;
        }
        while state.at == Some(*number) && clock.now() < deadline {
            clock.wait(&keeper.progress, &mut state, Some(deadline));
        }
        // Stopped and at no pool, it does nothing any more that could hold up its end.
        let thread = if state.stopped && state.at.is_none() { state.thread.take() } else { None };
        drop(state);
        if let Some(thread) = thread {
            // It catches what it calls, and has nothing to report.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn start() -> io::Result<Arc<Shared>> {
        let keeper = Arc::new(Shared { state: Mutex::default(), wake: Condvar::new(), progress: Condvar::new() });
        let mut state = keeper.state.lock();
        let run = {
            let keeper = Arc::clone(&keeper);
            move || keeper.run()
        };
        let thread = thread::Builder::new().name("slackwater-keeper".to_owned()).spawn(run)?;
        state.id = Some(thread.thread().id());
        state.thread = Some(thread);
        drop(state);
        Ok(keeper)
    }

    fn run(&self) {
        while let Some(due) = self.sleep() {
            for number in due {
                self.tick(number);
            }
        }
    }

    /// Sleeps until pools ring or are due, and says which. None once it is to stop.
    fn sleep(&self) -> Option<Vec<u64>> {
        let mut state = self.state.lock();
        loop {
            if state.stopped {
                return None;
            }
            let now = Instant::now();
            let is_due = |pool: &Pool, at: fn(&Window) -> Instant| pool.window.is_some_and(|window| at(&window) <= now);
            // Only a window that closes is worth a wake; but whoever is awake serves all that are open.
            let awake = state.pools.values().any(|pool| pool.rung || is_due(pool, |window| window.closes));
            if awake {
                let due = state.pools.iter().filter(|(_, pool)| pool.rung || is_due(pool, |window| window.opens));
                return Some(due.map(|(number, _)| *number).collect());
            }
            match state.pools.values().filter_map(|pool| Some(pool.window?.closes)).min() {
                Some(until) => drop(self.wake.wait_until(&mut state, until)),
                None => self.wake.wait(&mut state),
            }
            WAKES.fetch_add(1, Relaxed);
        }
    }

    fn tick(&self, number: u64) {
        let mut state = self.state.lock();
        // It may have left since.
        let Some(entry) = state.pools.get_mut(&number) else { return };
        let rung = std::mem::take(&mut entry.rung);
        let (pool, clock) = (entry.pool.clone(), entry.clock.clone());
        state.at = Some(number);
        drop(state);
        let next = pool.upgrade().and_then(|pool| {
            // A panic here is a bug of ours; this pool and the others must still have a keeper after it.
            let kept = catch_unwind(AssertUnwindSafe(|| {
                let next = pool.keep(rung);
                pool.let_go();
                next
            }));
            kept.unwrap_or_else(|payload| {
                let_go(payload);
                Some(clock.now().saturating_add(QUIET))
            })
        });
        // In virtual time nothing comes due before the bell rings.
        let window = next.and_then(|next| clock.until(next)).and_then(|span| Window::of(Instant::now(), span));
        let mut state = self.state.lock();
        state.at = None;
        if let Some(entry) = state.pools.get_mut(&number) {
            entry.window = window;
        }
        drop(state);
        self.progress.notify_all();
    }
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests;
