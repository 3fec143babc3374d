//! A manager whose callbacks do as they are told, and the means to wait for a state instead of for time.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use parking_lot::{Condvar, Mutex};
use slackwater::{Manager, Pool, ReturnOutcome, Severity, VirtualClock};
use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// Longer than any state takes to come on a busy machine; a test that runs into it has failed.
pub const WATCHDOG: Duration = Duration::from_secs(10);

/// Waits until `holds`, which another thread brings about.
#[track_caller]
pub fn until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WATCHDOG, "waited {WATCHDOG:?} for a state that did not come");
        std::thread::yield_now();
    }
}

/// Lets time go on, a millisecond at a step, until `holds`: what waits for its time has it, and what was missed is found at the
/// keeper's next look.
#[track_caller]
pub fn passes(clock: &VirtualClock, holds: impl Fn() -> bool) {
    until(|| {
        clock.advance(Duration::from_millis(1));
        holds()
    });
}

/// The folders of this process's threads whose names begin with `prefix`, of which the system keeps 15 bytes. A thread gives
/// itself its name when it first runs, and is listed for a moment after it was joined.
#[cfg(target_os = "linux")]
pub fn threads_named(prefix: &str) -> Vec<std::path::PathBuf> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // One that ends while we look has no name any more.
    let is_one = |folder: &std::path::PathBuf| {
        std::fs::read_to_string(folder.join("comm")).is_ok_and(|name| name.starts_with(prefix))
    };
    tasks.filter_map(|task| Some(task.ok()?.path())).filter(is_one).collect()
}

/// Lets time run out when a test fails, so that no thread of it waits for ever.
pub struct TimeRunsOut<'c>(pub &'c VirtualClock);

impl Drop for TimeRunsOut<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.advance(Duration::from_secs(24 * 60 * 60));
        }
    }
}

/// Closes `pool` and holds it to the promise every test ends with: what was created is destroyed or was taken out.
#[track_caller]
pub fn closes_balanced<M: Manager>(pool: &Pool<M>) {
    let report = pool.close(WATCHDOG);
    assert!(report.is_complete(), "{report}");
    let stats = pool.stats();
    assert_eq!(stats.created, stats.destroyed.total() + stats.detached, "{stats:?}");
    assert!(pool.audit().is_clean(), "{}", pool.audit());
}

/// What a callback does when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Pass,
    /// An error; for `is_broken` a yes, for `recycle` a `Broken`.
    Fail,
    /// An error that `classify` calls permanent, or fatal.
    FailForGood,
    FailFatally,
    Panic,
    /// A pass that takes its time.
    Dawdle,
    /// What `recycle` says; a pass anywhere else.
    Say(ReturnOutcome),
}

/// One callback: what it was told to do, a gate to stand at, and what has happened to it.
pub struct Step {
    name: &'static str,
    state: Mutex<StepState>,
    opened: Condvar,
}

struct StepState {
    script: VecDeque<Act>,
    otherwise: Act,
    /// Calls that may pass the gate; None is no gate.
    passes: Option<usize>,
    inside: usize,
    threads: Vec<ThreadId>,
}

impl Step {
    fn new(name: &'static str) -> Self {
        let state =
            StepState { script: VecDeque::new(), otherwise: Act::Pass, passes: None, inside: 0, threads: vec![] };
        Self { name, state: Mutex::new(state), opened: Condvar::new() }
    }

    /// What the next calls do, in order.
    pub fn next(&self, acts: impl IntoIterator<Item = Act>) {
        self.state.lock().script.extend(acts);
    }

    /// What calls do that have no `next`.
    pub fn always(&self, act: Act) {
        self.state.lock().otherwise = act;
    }

    /// Holds every call at the gate from now on.
    pub fn shut(&self) {
        self.state.lock().passes = Some(0);
    }

    /// Lets all calls through from now on.
    pub fn open(&self) {
        self.state.lock().passes = None;
        self.opened.notify_all();
    }

    /// Lets `calls` more through a shut gate.
    pub fn let_through(&self, calls: usize) {
        *self.state.lock().passes.get_or_insert(0) += calls;
        self.opened.notify_all();
    }

    /// Calls so far, those at the gate included.
    pub fn calls(&self) -> usize {
        self.state.lock().threads.len()
    }

    /// Calls that stand at the gate.
    pub fn inside(&self) -> usize {
        self.state.lock().inside
    }

    /// The thread of each call.
    pub fn threads(&self) -> Vec<ThreadId> {
        self.state.lock().threads.clone()
    }

    fn run(&self) -> Act {
        let mut state = self.state.lock();
        let otherwise = state.otherwise;
        let act = state.script.pop_front().unwrap_or(otherwise);
        state.threads.push(std::thread::current().id());
        state.inside += 1;
        let began = Instant::now();
        // A test that failed with its gate shut must still end.
        while state.passes == Some(0) && began.elapsed() < 3 * WATCHDOG {
            self.opened.wait_for(&mut state, WATCHDOG);
        }
        state.passes = state.passes.map(|passes| passes.saturating_sub(1));
        state.inside -= 1;
        drop(state);
        if act == Act::Dawdle {
            (0..100).for_each(|_| std::thread::yield_now());
        }
        assert!(act != Act::Panic, "told to panic in {}", self.name);
        act
    }

    fn run_or_fail(&self) -> Result<(), Refused> {
        match self.run() {
            Act::Fail => Err(Refused { by: self.name, severity: Severity::Transient }),
            Act::FailForGood => Err(Refused { by: self.name, severity: Severity::Permanent }),
            Act::FailFatally => Err(Refused { by: self.name, severity: Severity::Fatal }),
            _ => Ok(()),
        }
    }
}

/// The error of a callback that was told to fail.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{by} was told to fail")]
pub struct Refused {
    pub by: &'static str,
    pub severity: Severity,
}

/// A resource that owns heap memory and is counted for as long as it lives.
#[derive(Debug)]
pub struct Thing {
    /// Its place in the order of creation, from 1.
    pub number: usize,
    pub text: String,
    /// What `weight` says of it.
    pub weight: u64,
    census: Census,
}

/// One living resource, from the beginning of its creation to the end of its destruction.
#[derive(Debug)]
struct Census(Arc<(AtomicUsize, AtomicUsize)>);

impl Census {
    fn enter(counts: &Arc<(AtomicUsize, AtomicUsize)>) -> Self {
        let alive = counts.0.fetch_add(1, SeqCst) + 1;
        counts.1.fetch_max(alive, SeqCst);
        Self(Arc::clone(counts))
    }
}

impl Drop for Census {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}

/// The manager. Clones share everything, so that a test keeps one and gives one to its pool.
#[derive(Clone)]
pub struct Probe(Arc<Steps>);

pub struct Steps {
    pub create: Step,
    pub warm: Step,
    pub check: Step,
    pub is_broken: Step,
    pub recycle: Step,
    pub destroy: Step,
    pub weight: Step,
    pub classify: Step,
    made: AtomicUsize,
    ended: Mutex<Vec<usize>>,
    census: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Probe {
    pub fn new() -> Self {
        Self(Arc::new(Steps {
            create: Step::new("create"),
            warm: Step::new("warm"),
            check: Step::new("check"),
            is_broken: Step::new("is_broken"),
            recycle: Step::new("recycle"),
            destroy: Step::new("destroy"),
            weight: Step::new("weight"),
            classify: Step::new("classify"),
            made: AtomicUsize::new(0),
            ended: Mutex::default(),
            census: Arc::default(),
        }))
    }

    /// The numbers of those that `destroy` has seen, in its order.
    pub fn ended(&self) -> Vec<usize> {
        self.0.ended.lock().clone()
    }

    /// Managers that share this state: one for the test, one for each pool that still exists.
    pub fn sharers(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// Resources alive now, by the manager's own count.
    pub fn alive(&self) -> usize {
        self.census.0.load(SeqCst)
    }

    /// The most that were ever alive at once.
    pub fn most_alive(&self) -> usize {
        self.census.1.load(SeqCst)
    }
}

impl Deref for Probe {
    type Target = Steps;

    fn deref(&self) -> &Steps {
        &self.0
    }
}

impl Manager for Probe {
    type Resource = Thing;
    type Error = Refused;

    fn create(&self) -> Result<Thing, Refused> {
        let census = Census::enter(&self.census);
        self.create.run_or_fail()?;
        let number = self.made.fetch_add(1, SeqCst) + 1;
        Ok(Thing { number, text: format!("thing {number}"), weight: 7, census })
    }

    fn warm(&self, _: &mut Thing) -> Result<(), Refused> {
        self.warm.run_or_fail()
    }

    fn check(&self, _: &mut Thing) -> Result<(), Refused> {
        self.check.run_or_fail()
    }

    fn is_broken(&self, _: &mut Thing) -> bool {
        self.is_broken.run() == Act::Fail
    }

    fn recycle(&self, _: &mut Thing) -> ReturnOutcome {
        match self.recycle.run() {
            Act::Say(outcome) => outcome,
            Act::Fail | Act::FailForGood => ReturnOutcome::Broken,
            _ => ReturnOutcome::Healthy,
        }
    }

    fn destroy(&self, thing: Thing) {
        self.ended.lock().push(thing.number);
        self.destroy.run();
        drop(thing);
    }

    fn weight(&self, thing: &Thing) -> u64 {
        self.weight.run();
        thing.weight
    }

    fn classify(&self, error: &Refused) -> Severity {
        self.classify.run();
        error.severity
    }
}
