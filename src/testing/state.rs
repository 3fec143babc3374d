//! What a chaos manager and its handles share: the plan, the counts, the switches, and where the hung stand.

use super::fault::{Callback, Cause, Fault, Injected};
use super::plan::Plan;
use super::resource::Life;
use crate::keeper::{VirtualClock, Watch, nanos};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// Whose time slow calls take.
#[derive(Clone, Debug, Default)]
pub(super) enum Pace {
    #[default]
    Sleeps,
    WaitsOn(VirtualClock),
    Advances(VirtualClock),
}

pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) pace: Pace,
    pub(super) tallies: [Tally; Callback::ALL.len()],
    pub(super) enabled: AtomicBool,
    pub(super) backend_down: AtomicBool,
    pub(super) made: AtomicU64,
    pub(super) alive: Arc<AtomicUsize>,
    pub(super) gate: Mutex<Gate>,
    pub(super) moved: Condvar,
}

/// What one callback has seen.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) calls: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) slowed: AtomicU64,
    pub(super) hung: AtomicU64,
    pub(super) panicked: AtomicU64,
}

#[derive(Default)]
pub(super) struct Gate {
    pub(super) hanging: usize,
    /// How often the hung were released.
    pub(super) releases: u64,
    /// No handle is left that could release anyone.
    pub(super) abandoned: bool,
}

impl State {
    pub(super) fn new(plan: Plan, pace: Pace) -> Self {
        Self {
            plan,
            pace,
            tallies: Default::default(),
            enabled: AtomicBool::new(true),
            backend_down: AtomicBool::new(false),
            made: AtomicU64::new(0),
            alive: Arc::default(),
            gate: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    /// Counts a call, and has it suffer what it has to.
    pub(super) fn strike(&self, callback: Callback, life: Option<&mut Life>) -> Result<(), Injected> {
        let tally = &self.tallies[callback as usize];
        let call = tally.calls.fetch_add(1, SeqCst) + 1;
        let Some((fault, cause)) = self.fault(callback, call, life) else { return Ok(()) };
        match fault {
            Fault::Fail => {
                tally.failed.fetch_add(1, SeqCst);
                return Err(Injected { callback, call, cause, seed: self.plan.seed });
            }
            Fault::Slow(time) => {
                tally.slowed.fetch_add(1, SeqCst);
                self.pass(time);
            }
            Fault::Hang => {
                tally.hung.fetch_add(1, SeqCst);
                self.hang();
            }
            Fault::Panic => {
                tally.panicked.fetch_add(1, SeqCst);
                panic!("injected: call {call} of `{callback}` panics (seed {})", self.plan.seed);
            }
        }
        Ok(())
    }

    fn fault(&self, callback: Callback, call: u64, life: Option<&mut Life>) -> Option<(Fault, Cause)> {
        let enabled = self.enabled.load(SeqCst);
        let life = life.map(|life| {
            life.live_through(callback, enabled);
            &*life
        });
        if matches!(callback, Callback::Create | Callback::Check) && self.backend_down.load(SeqCst) {
            return Some((Fault::Fail, Cause::BackendDown));
        }
        let planned = if enabled { self.plan.fault(callback, call, life) } else { None };
        let dead = matches!(callback, Callback::IsBroken | Callback::Check) && life.is_some_and(|life| life.dead);
        match planned {
            // What was scripted happens; what was drawn, to the living only.
            Some((_, Cause::Scripted)) => planned,
            _ if dead => Some((Fault::Fail, Cause::Dead)),
            _ => planned,
        }
    }

    fn pass(&self, time: Duration) {
        match &self.pace {
            Pace::Sleeps => thread::sleep(time),
            Pace::Advances(clock) => clock.advance(time),
            Pace::WaitsOn(clock) => {
                let due = nanos(clock.elapsed()).saturating_add(nanos(time));
                let mut gate = self.gate.lock();
                while nanos(clock.elapsed()) < due && !gate.abandoned {
                    self.moved.wait(&mut gate);
                }
            }
        }
    }

    fn hang(&self) {
        let mut gate = self.gate.lock();
        let releases = gate.releases;
        gate.hanging += 1;
        while gate.releases == releases && !gate.abandoned {
            self.moved.wait(&mut gate);
        }
        gate.hanging -= 1;
    }

    /// Lets go of those who wait, by what `change` does to the gate.
    pub(super) fn open(&self, change: impl FnOnce(&mut Gate)) {
        change(&mut self.gate.lock());
        self.moved.notify_all();
    }
}

impl Watch for State {
    fn time_moves(&self) {}

    fn time_moved(&self) {
        self.open(|_| {});
    }
}
