//! The keeper: one thread that keeps a pool, or several, as its settings say, without standing in anyone's way.
//!
//! It sleeps until its earliest deadline, holds the pool weakly, runs no user code, and claims slots through the same
//! compare-exchange as everyone. While anything is checked out it publishes a coarse clock; at rest it is silent.

mod alarm;
mod aside;
mod clock;
mod crew;
mod dead;
mod expiry;
mod health;
mod holds;
mod lanes;
mod memory;
#[cfg(feature = "r2d2")]
mod reaping;
mod replacement;
#[cfg(feature = "metrics")]
mod reports;
mod scaling;
mod shared;
mod supply;
mod telling;

pub use clock::{Clock, Deadline, VirtualClock};

pub(crate) use alarm::{Alarm, Turns};
pub(crate) use aside::Aside;
pub(crate) use clock::{Watch, nanos};
pub(crate) use crew::{Crew, CrewLimits, Work, is_on_crew};
pub(crate) use lanes::Task;
#[cfg(feature = "r2d2")]
pub(crate) use reaping::Reaper;
pub(crate) use replacement::{Pace, Successor};
#[cfg(feature = "metrics")]
pub(crate) use reports::Reports;
pub use scaling::Advice;

use crate::config::Keeper;
use crate::core::sync::around::thread::{self, JoinHandle};
use crate::core::{Phase, Word};
use crate::error::{BuildError, let_go};
use crate::manager::Manager;
use crate::observe::ResourceId;
use crate::pool::{Inner, Quarantined};
use holds::{Held, Overdue};
use replacement::Replacement;
use scaling::Load;
pub(crate) use shared::Kept;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

/// Set in the coarse clock while nobody publishes it: the time beside it is when it stopped.
pub(crate) const ASLEEP: u32 = 1 << 31;

/// A time in nanoseconds as the coarse clock tells it: in ticks of 10 ms, which wrap after 248 days.
pub(crate) fn ticks(now: u64) -> u32 {
    (now / TICK) as u32 & !ASLEEP
}

/// Nanoseconds from the beginning of tick `then` to `now`: right for spans of less than 124 days.
pub(crate) fn since_ticks(then: u32, now: u64) -> u64 {
    let passed = ticks(now).wrapping_sub(then) & !ASLEEP;
    // A tick noted a moment after `now` was read is no time ago.
    if passed > ASLEEP / 2 { 0 } else { u64::from(passed) * TICK + now % TICK }
}

/// How often the coarse clock is published while anything is checked out, in nanoseconds: 10 ms. A hold is known to
/// this resolution; a hundred wakes a second cost well under a thousandth of a core.
const TICK: u64 = 10_000_000;

/// The words are read every so many ticks: reading a line takes it from its writer's cache for a moment.
const TICKS_PER_LOOK: u64 = 10;

/// How long a pool must be quiet before its clock stops and its returns stop fencing, in nanoseconds: 1 s.
const QUIET: u64 = 1_000_000_000;

/// What the keeper remembers between ticks.
pub(crate) struct KeeperState<M: Manager> {
    pub(crate) quarantine: Vec<Quarantined<M>>,
    ticks: u64,
    checkouts: u64,
    waits: u64,
    /// Resources to be replaced, how fast, and how many successors exist beside their predecessors.
    replacements: Vec<Replacement>,
    pub(crate) pace: Option<Pace>,
    surging: usize,
    /// Whether some resource in use is to end at its return.
    wishes: bool,
    /// Resources whose makers told that they are beyond use.
    pub(crate) ended: Vec<ResourceId>,
    /// The check sent last: its slot, and the word while it runs.
    checking: Option<(u32, Word)>,
    held: Vec<Held>,
    overdue: Vec<Overdue>,
    load: Load,
    /// When the next duty beside the clock is due.
    duty: Option<u64>,
    /// When something was last seen in use, and when somebody was last seen waiting.
    last_use: u64,
    last_wait: u64,
    /// When the clock was stopped.
    asleep_since: u64,
    #[cfg(feature = "metrics")]
    reported: Option<reports::Reported>,
    /// When the reaper is due.
    #[cfg(feature = "r2d2")]
    reap_at: Option<u64>,
}

impl<M: Manager> Default for KeeperState<M> {
    fn default() -> Self {
        Self {
            quarantine: Vec::new(),
            ticks: 0,
            checkouts: 0,
            waits: 0,
            replacements: Vec::new(),
            pace: None,
            surging: 0,
            wishes: false,
            ended: Vec::new(),
            checking: None,
            held: Vec::new(),
            overdue: Vec::new(),
            load: Load::default(),
            duty: None,
            last_use: 0,
            last_wait: 0,
            asleep_since: 0,
            #[cfg(feature = "metrics")]
            reported: None,
            #[cfg(feature = "r2d2")]
            reap_at: None,
        }
    }
}

/// Has a keeper's thread keep the pool: its own, the shared one, or none.
pub(crate) fn start<M: Manager>(inner: &Arc<Inner<M>>) -> Result<(), BuildError> {
    let started = match inner.config().keeper {
        Keeper::Dedicated => start_dedicated(inner).map(|thread| *inner.keeper_thread.lock() = Some(thread)),
        Keeper::Shared => {
            let pool: Weak<dyn Kept> = inner.me.clone();
            shared::join(pool, inner.clock.clone()).map(|seat| drop(inner.alarm.seat.set(seat)))
        }
        Keeper::Manual => Ok(()),
    };
    started.map_err(|error| BuildError::Thread { pool: inner.name().cloned(), error: Arc::new(error) })
}

/// Has the keeper let go of the pool, and waits for that until `deadline`, unless this is the keeper's own thread.
pub(crate) fn end<M: Manager>(inner: &Inner<M>, deadline: u64) {
    if let Some(seat) = inner.alarm.seat.get() {
        return seat.leave(&inner.clock, deadline);
    }
    inner.alarm.stop();
    let thread = inner.keeper_thread.lock().take();
    if let Some(thread) = thread
        && thread.thread().id() != thread::current().id()
        && inner.alarm.wait_for_end(&inner.clock, deadline)
    {
        // The keeper's duties catch what they call; a panic there is logged where it happens.
        let _ = thread.join();
    }
}

fn start_dedicated<M: Manager>(inner: &Arc<Inner<M>>) -> io::Result<JoinHandle<()>> {
    let (pool, alarm, clock) = (Arc::downgrade(inner), Arc::clone(&inner.alarm), inner.config().clock.clone());
    let label = inner.name().map_or("pool", |name| name);
    let keep = move || {
        let mut next = None;
        while let Some(rung) = alarm.sleep(&clock, next) {
            let Some(inner) = pool.upgrade() else { break };
            // A panic here is a bug of ours; the pool must still have a keeper after it.
            next = match catch_unwind(AssertUnwindSafe(|| inner.keep(rung))) {
                Ok(next) => next,
                Err(payload) => {
                    let_go(payload);
                    Some(clock.now().saturating_add(QUIET))
                }
            };
        }
        alarm.end();
    };
    thread::Builder::new().name(format!("{label}-keeper")).spawn(keep)
}

impl<M: Manager> Kept for Inner<M> {
    fn keep(&self, rung: bool) -> Option<u64> {
        // Taken by this thread it is never: what the duties call, calls no `keep`.
        let _my_turn = self.turns.take();
        self.tick(rung)
    }

    fn let_go(self: Arc<Self>) {
        if let Some(inner) = Arc::into_inner(self).map(Box::new) {
            // Should there be no thread for it, it ends here after all.
            let _ = thread::Builder::new().name("pool-end".to_owned()).spawn(move || drop(inner));
        }
    }
}

impl<M: Manager> Inner<M> {
    /// The keeper's duties, once, by whoever has the turn. Returns when they are next due, or None until somebody rings.
    pub(crate) fn tick(&self, rung: bool) -> Option<u64> {
        let now = self.now();
        let (clock, looked) = self.keep_clock(now);
        // Between two looks the clock alone is kept, unless somebody rang or a duty is due.
        let next = if looked || rung || self.is_due(now) {
            if !looked {
                // What idles, by a look that may be a tenth of a second old, may have been used since.
                self.look_around(now);
            }
            let duties = [
                self.end_dead(now),
                self.expire(now),
                self.replace(now),
                self.end_idle(now),
                self.end_left_over(),
                #[cfg(feature = "r2d2")]
                self.reap(now),
                self.set_stale_aside(now),
                self.check_idle(now),
                self.attend(now),
                self.watch_holds(now),
                self.relieve_memory(),
                self.scale(now),
                self.end_idle_overflow(now),
                self.retry_still_busy(now),
                self.refill(now),
                self.look_after_crew(now),
                self.tell_aside(),
                #[cfg(feature = "metrics")]
                self.report_metrics(now),
            ];
            duties.into_iter().flatten().min()
        } else {
            self.keeper.lock().duty
        };
        self.keeper.lock().duty = next;
        clock.into_iter().chain(next).min()
    }

    fn is_due(&self, now: u64) -> bool {
        self.keeper.lock().duty.is_some_and(|due| due <= now)
    }

    /// Publishes the coarse time while the pool is in use; stops the clock, and the returns' fences, after a quiet second.
    fn keep_clock(&self, now: u64) -> (Option<u64>, bool) {
        let ticks = {
            let mut state = self.keeper.lock();
            state.ticks += 1;
            state.ticks
        };
        let look = ticks % TICKS_PER_LOOK == 1 || self.shelf.coarse() & ASLEEP != 0 || self.is_manual();
        if look {
            self.look_around(now);
        }
        (self.publish_time(now), look)
    }

    /// Looks at every slot: what is in use, and what has idled since when.
    pub(crate) fn look_around(&self, now: u64) {
        let (mut checkouts, mut in_use) = (0, 0);
        for ((_, slot), life) in self.shelf.slots().zip(&self.lives) {
            let (phase, uses) = (slot.look().phase(), slot.record().checkouts());
            checkouts += uses;
            in_use += usize::from(phase == Phase::Busy);
            if phase.is_live() {
                // A check is no use, and a resource just made is in no phase of rest yet.
                life.seen(phase != Phase::Busy, uses, now);
            }
        }
        let mut state = self.keeper.lock();
        state.load.look(now, in_use, checkouts);
        if in_use > 0 || checkouts != state.checkouts {
            (state.checkouts, state.last_use) = (checkouts, now);
        }
        let waits = self.counts.waits.get();
        if waits != state.waits || self.shelf.waiting_in_all() > 0 {
            (state.waits, state.last_wait) = (waits, now);
        }
    }

    fn publish_time(&self, now: u64) -> Option<u64> {
        let mut state = self.keeper.lock();
        if now.saturating_sub(state.last_wait) >= QUIET {
            self.shelf.lower(move || self.now());
        }
        if self.is_manual() || self.clock.is_virtual() || now.saturating_sub(state.last_use) < QUIET {
            self.shelf.set_coarse(ticks(now));
            return (!self.is_manual() && !self.clock.is_virtual()).then_some(now + TICK);
        }
        let was_asleep = self.shelf.coarse() & ASLEEP != 0;
        self.shelf.set_coarse(ticks(now) | ASLEEP);
        // A checkout at this very moment may have read the time before it stopped: then the clock goes on.
        let in_use = self.shelf.slots().any(|(_, slot)| slot.look().phase() == Phase::Busy);
        if in_use {
            state.last_use = now;
            self.shelf.set_coarse(ticks(now));
            return Some(now + TICK);
        }
        // Or it read the time, and stands before its exchange: one more look, before nobody looks any more.
        if !was_asleep {
            state.asleep_since = now;
        }
        let last_look = state.asleep_since.saturating_add(QUIET);
        (last_look > now).then_some(last_look)
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;
    use crate::Pool;

    #[test]
    fn a_checkout_that_read_the_time_before_it_stopped_is_found() {
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0))).build().unwrap();
        let inner = &pool.inner;
        // In the place of the keeper's own thread.
        let my_turn = inner.turns.take();
        let rest = inner.now() + 2 * QUIET;
        let (next, _) = inner.keep_clock(rest);
        assert_eq!((inner.shelf.coarse(), next), (ticks(rest) | ASLEEP, Some(rest + QUIET)));
        let right = inner.shelf.claim_any(Phase::Ready, Phase::Busy).expect("one is free");
        let (next, _) = inner.keep_clock(rest + QUIET);
        assert_eq!((inner.shelf.coarse(), next), (ticks(rest + QUIET), Some(rest + QUIET + TICK)));
        inner.give_back(right);
        // The look after a quiet time is the last, whatever else the keeper wakes for.
        let rest = rest + 4 * QUIET;
        let rests = [0, QUIET / 2, QUIET, 9 * QUIET].map(|passed| inner.keep_clock(rest + passed).0);
        assert_eq!(rests, [Some(rest + QUIET), Some(rest + QUIET), None, None]);
        drop(my_turn);
        assert_eq!(pool.close(std::time::Duration::from_secs(10)).destroyed, 1);
    }
}
