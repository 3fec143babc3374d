//! A manager in which one chosen call goes wrong in one chosen way, and all others go well.

use parking_lot::{Condvar, Mutex};
use slackwater::{Builder, Manager, Pool, ReturnOutcome, Severity, Stats, VirtualClock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::support::{TimeRunsOut, WATCHDOG, closes_balanced};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    Create,
    Warm,
    Check,
    IsBroken,
    Recycle,
    Destroy,
    Weight,
    Classify,
}

impl Callback {
    pub const ALL: [Callback; 8] = [
        Callback::Create,
        Callback::Warm,
        Callback::Check,
        Callback::IsBroken,
        Callback::Recycle,
        Callback::Destroy,
        Callback::Weight,
        Callback::Classify,
    ];

    /// Whether the manager can say no here; elsewhere only a panic or a hang can go wrong.
    pub fn can_fail(self) -> bool {
        !matches!(self, Callback::Destroy | Callback::Weight | Callback::Classify)
    }

    /// Whether it stands between a demand and a new resource.
    pub fn makes(self) -> bool {
        matches!(self, Callback::Create | Callback::Warm | Callback::Weight | Callback::Classify)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Panic,
    /// An error; for `is_broken` a yes, for `recycle` a `Broken`.
    Error,
    /// Until `release`.
    Hang,
}

type Hook = Arc<dyn Fn(Callback) + Send + Sync>;

/// Clones share everything, so that a test keeps one and gives one to its pool.
#[derive(Clone, Default)]
pub struct Faulty(Arc<State>);

#[derive(Default)]
struct State {
    calls: [AtomicUsize; Callback::ALL.len()],
    /// Which call goes wrong, and how.
    plan: Mutex<Option<(Callback, usize, Fault)>>,
    hook: Mutex<Option<Hook>>,
    hanging: Mutex<bool>,
    released: Condvar,
    /// Creations to fail before `classify` is asked.
    refusals: AtomicUsize,
    made: AtomicUsize,
    alive: Arc<AtomicUsize>,
}

/// Owns heap memory, and is counted for as long as it lives.
pub struct Item {
    pub number: Box<usize>,
    alive: Arc<AtomicUsize>,
}

impl Drop for Item {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
    }
}

impl Faulty {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn calls(&self, callback: Callback) -> usize {
        self.0.calls[callback as usize].load(SeqCst)
    }

    /// Has the `call`-th call from now on, counted from 1, go wrong.
    pub fn plan(&self, callback: Callback, call: usize, fault: Fault) {
        // Locked before the calls are read: a call that comes meanwhile is not missed.
        let mut plan = self.0.plan.lock();
        *plan = Some((callback, self.calls(callback) + call, fault));
    }

    /// Whether the planned call has come.
    pub fn has_happened(&self) -> bool {
        self.0.plan.lock().is_none_or(|(callback, call, _)| self.calls(callback) >= call)
    }

    /// Runs `hook` at the beginning of every callback.
    pub fn hook(&self, hook: impl Fn(Callback) + Send + Sync + 'static) {
        *self.0.hook.lock() = Some(Arc::new(hook));
    }

    pub fn unhook(&self) {
        // The hook is dropped after the lock is: it may own the last handle of a pool.
        let hook = self.0.hook.lock().take();
        drop(hook);
    }

    /// Has the next `creations` fail, so that `classify` is asked.
    pub fn refuse(&self, creations: usize) {
        self.0.refusals.store(creations, SeqCst);
    }

    pub fn is_hanging(&self) -> bool {
        *self.0.hanging.lock()
    }

    /// Ends the hang, or keeps it from beginning.
    pub fn release(&self) {
        self.0.plan.lock().take_if(|(_, _, fault)| *fault == Fault::Hang);
        *self.0.hanging.lock() = false;
        self.0.released.notify_all();
    }

    pub fn alive(&self) -> usize {
        self.0.alive.load(SeqCst)
    }

    /// Notes the call; true if it is to fail.
    fn called(&self, callback: Callback) -> bool {
        let call = self.0.calls[callback as usize].fetch_add(1, SeqCst) + 1;
        let hook = self.0.hook.lock().clone();
        if let Some(hook) = hook {
            hook(callback);
        }
        let planned = *self.0.plan.lock();
        let Some((_, _, fault)) = planned.filter(|(at, nth, _)| (*at, *nth) == (callback, call)) else { return false };
        match fault {
            Fault::Panic => panic!("told to panic in {callback:?}, call {call}"),
            Fault::Error => return true,
            Fault::Hang => {}
        }
        let (mut hanging, began) = (self.0.hanging.lock(), Instant::now());
        *hanging = self.0.plan.lock().is_some();
        // A test that failed must still end.
        while *hanging && began.elapsed() < 3 * WATCHDOG {
            self.0.released.wait_for(&mut hanging, WATCHDOG);
        }
        false
    }

    fn called_or_fail(&self, callback: Callback) -> Result<(), String> {
        if self.called(callback) { Err(format!("told to fail in {callback:?}")) } else { Ok(()) }
    }
}

impl Manager for Faulty {
    type Resource = Item;
    type Error = String;

    fn create(&self) -> Result<Item, String> {
        self.called_or_fail(Callback::Create)?;
        if self.0.refusals.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err("refused".to_owned());
        }
        self.0.alive.fetch_add(1, SeqCst);
        let number = Box::new(self.0.made.fetch_add(1, SeqCst) + 1);
        Ok(Item { number, alive: Arc::clone(&self.0.alive) })
    }

    fn warm(&self, _: &mut Item) -> Result<(), String> {
        self.called_or_fail(Callback::Warm)
    }

    fn check(&self, _: &mut Item) -> Result<(), String> {
        self.called_or_fail(Callback::Check)
    }

    fn is_broken(&self, _: &mut Item) -> bool {
        self.called(Callback::IsBroken)
    }

    fn recycle(&self, _: &mut Item) -> ReturnOutcome {
        if self.called(Callback::Recycle) { ReturnOutcome::Broken } else { ReturnOutcome::Healthy }
    }

    fn destroy(&self, item: Item) {
        self.called(Callback::Destroy);
        drop(item);
    }

    fn weight(&self, _: &Item) -> u64 {
        self.called(Callback::Weight);
        1
    }

    fn classify(&self, _: &String) -> Severity {
        self.called(Callback::Classify);
        Severity::Transient
    }
}

/// When a job counts as hung. A refused creation's pauses are shorter, a waiter's patience is longer.
pub const HUNG: Duration = Duration::from_millis(100);

/// A pool in virtual time, with a keeper of its own and jobs that soon count as hung.
pub fn builder(faulty: &Faulty, clock: &VirtualClock) -> Builder<Faulty> {
    let builder = Pool::builder(faulty.clone()).clock(clock).checkout_timeout(60 * LONG).check_interval(None);
    builder.create_timeout(HUNG).check_timeout(HUNG).destroy_timeout(HUNG)
}

/// Lets the callback go when a test fails, so that no thread of it waits for ever.
pub struct Released<'f>(pub &'f Faulty);

impl Drop for Released<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Slots in which a callback runs off the callers' threads.
pub fn in_callbacks(stats: &Stats) -> usize {
    stats.creating + stats.checking + stats.retiring
}

/// Everything the pool may have can be out at once, each once.
#[track_caller]
pub fn has_its_capacity(pool: &Pool<Faulty>, capacity: usize) {
    let all: Vec<_> = (0..capacity).map(|_| pool.request().timeout(LONG).checkout().expect("room for all")).collect();
    let mut numbers: Vec<_> = all.iter().map(|item| *item.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), capacity, "each is a resource of its own");
}

/// Longer than any wait a test wants to see, in the pool's own time.
pub const LONG: Duration = Duration::from_secs(60);

/// Runs each case, and names those that failed.
#[track_caller]
pub fn each<C: std::fmt::Debug + Copy>(cases: impl IntoIterator<Item = C>, run: impl Fn(C)) {
    let mut failed = Vec::new();
    for case in cases {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| run(case))) {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("(no message)");
            failed.push(format!("{case:?}: {text}"));
        }
    }
    assert!(failed.is_empty(), "{} case(s) failed:\n{}", failed.len(), failed.join("\n"));
}

/// Plays each case with a pool of [`builder`]'s, `set` as the case wants: if it fails, no thread of it
/// waits for ever; it ends with nothing left.
#[track_caller]
pub fn scenes<C: std::fmt::Debug + Copy>(
    cases: impl IntoIterator<Item = C>,
    set: impl Fn(C, Builder<Faulty>) -> Builder<Faulty>,
    play: impl Fn(C, &Pool<Faulty>, &Faulty, &VirtualClock),
) {
    each(cases, |case| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = set(case, builder(&faulty, &clock)).build().unwrap();
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        play(case, &pool, &faulty, &clock);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}
