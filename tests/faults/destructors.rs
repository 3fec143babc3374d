//! Destructors of the user's that the pool runs: of resources, of errors, of a panic's payload, of the manager.

use super::faulty::{LONG, each};
use super::support::{TimeRunsOut, closes_balanced, passes, until};
use parking_lot::Mutex;
use slackwater::{Builder, CheckoutError, Creation, Keeper, Manager, Pool, VirtualClock};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

type Hook = Arc<dyn Fn() + Send + Sync>;

/// What the destructors of one kind of thing do.
#[derive(Default)]
struct Fuse {
    /// How many more of them panic.
    lit: AtomicUsize,
    gone_off: AtomicUsize,
    alive: AtomicUsize,
    hook: Mutex<Option<Hook>>,
}

impl Fuse {
    fn light(&self, times: usize) {
        self.lit.store(times, SeqCst);
    }

    fn gone_off(&self) -> usize {
        self.gone_off.load(SeqCst)
    }

    fn alive(&self) -> usize {
        self.alive.load(SeqCst)
    }
}

/// A thing with such a destructor, and with heap memory.
struct Bomb(Arc<Fuse>, #[expect(dead_code, reason = "it is there to be freed")] String);

impl Bomb {
    fn new(fuse: &Arc<Fuse>) -> Self {
        fuse.alive.fetch_add(1, SeqCst);
        Bomb(Arc::clone(fuse), "freed once".to_owned())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, SeqCst);
        let hook = self.0.hook.lock().clone();
        if let Some(hook) = hook {
            hook();
        }
        if self.0.lit.fetch_update(SeqCst, SeqCst, |lit| lit.checked_sub(1)).is_ok() {
            self.0.gone_off.fetch_add(1, SeqCst);
            panic!("told to panic in a destructor");
        }
    }
}

impl fmt::Debug for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bomb")
    }
}

impl fmt::Display for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("told to fail")
    }
}

impl std::error::Error for Bomb {}

/// Makes and fails with bombs. Clones share everything.
#[derive(Clone, Default)]
struct Touchy(Arc<State>);

#[derive(Default)]
struct State {
    resources: Arc<Fuse>,
    errors: Arc<Fuse>,
    payloads: Arc<Fuse>,
    create_errors: AtomicUsize,
    create_panics: AtomicUsize,
    check_errors: AtomicUsize,
}

fn is_due(times: &AtomicUsize) -> bool {
    times.fetch_update(SeqCst, SeqCst, |times| times.checked_sub(1)).is_ok()
}

impl Manager for Touchy {
    type Resource = Bomb;
    type Error = Bomb;

    fn create(&self) -> Result<Bomb, Bomb> {
        if is_due(&self.0.create_panics) {
            panic_any(Bomb::new(&self.0.payloads));
        }
        if is_due(&self.0.create_errors) { Err(Bomb::new(&self.0.errors)) } else { Ok(Bomb::new(&self.0.resources)) }
    }

    fn check(&self, _: &mut Bomb) -> Result<(), Bomb> {
        if is_due(&self.0.check_errors) { Err(Bomb::new(&self.0.errors)) } else { Ok(()) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    creation: Creation,
    keeper: Keeper,
}

const CASES: [Case; 4] = [
    Case { creation: Creation::Inline, keeper: Keeper::Dedicated },
    Case { creation: Creation::Background, keeper: Keeper::Dedicated },
    Case { creation: Creation::Background, keeper: Keeper::Shared },
    Case { creation: Creation::Inline, keeper: Keeper::Manual },
];

fn builder(touchy: &Touchy, clock: &VirtualClock, case: Case) -> Builder<Touchy> {
    let builder = Pool::builder(touchy.clone()).max_size(2).min_idle(0);
    builder.creation(case.creation).keeper(case.keeper).clock(clock).checkout_timeout(60 * LONG)
}

/// Both resources can be out at once, while time goes on.
#[track_caller]
fn has_both(pool: &Pool<Touchy>, clock: &VirtualClock) {
    let (first, second) = (take(pool, clock), take(pool, clock));
    drop((first, second));
}

/// Checks out while time goes on: a refused creation is tried again after a pause.
#[track_caller]
fn take<'p>(pool: &'p Pool<Touchy>, clock: &VirtualClock) -> slackwater::Checkout<'p, Touchy> {
    let _on_failure = TimeRunsOut(clock);
    thread::scope(|s| {
        let taken = s.spawn(|| pool.checkout());
        passes(clock, || taken.is_finished());
        taken.join().expect("no panic of a destructor comes out of a checkout").expect("room for it")
    })
}

fn settles(pool: &Pool<Touchy>) {
    until(|| {
        pool.tick();
        let stats = pool.stats();
        stats.creating + stats.checking + stats.retiring == 0
    });
    until(|| pool.audit().is_clean());
}

#[test]
fn a_resource_whose_destructor_panics_costs_no_slot() {
    each(CASES, |case| {
        let (touchy, clock) = (Touchy::default(), VirtualClock::new());
        let pool = builder(&touchy, &clock, case).build().unwrap();
        touchy.0.resources.light(usize::MAX);
        for round in 1..=10 {
            let (bad, other) = (take(&pool, &clock), take(&pool, &clock));
            bad.discard("bad");
            drop(other);
            settles(&pool);
            // The slot may be back before.
            until(|| touchy.0.resources.gone_off() == round && pool.stats().callback_panics == round as u64);
        }
        has_both(&pool, &clock);
        closes_balanced(&pool);
        until(|| (touchy.0.resources.alive(), pool.stats().callback_panics) == (0, pool.stats().created));
    });
}

/// The pool keeps the last creation's error, for those who time out, until a creation goes well.
#[test]
fn a_creation_error_whose_destructor_panics_costs_no_slot() {
    each(CASES, |case| {
        let (touchy, clock) = (Touchy::default(), VirtualClock::new());
        let pool = builder(&touchy, &clock, case).build().unwrap();
        for round in 1..=5 {
            touchy.0.create_errors.store(1, SeqCst);
            touchy.0.errors.light(1);
            until(|| {
                // One that is free is no reason to create another.
                take(&pool, &clock).discard("next");
                settles(&pool);
                touchy.0.errors.gone_off() == round && pool.stats().callback_panics == round as u64
            });
        }
        has_both(&pool, &clock);
        closes_balanced(&pool);
        until(|| (touchy.0.resources.alive(), touchy.0.errors.alive()) == (0, 0));
    });
}

#[test]
fn a_check_error_whose_destructor_panics_costs_neither_slot_nor_caller() {
    each(CASES, |case| {
        let (touchy, clock) = (Touchy::default(), VirtualClock::new());
        let pool = builder(&touchy, &clock, case).check_interval(None).build().unwrap();
        for round in 1..=5 {
            touchy.0.check_errors.store(1, SeqCst);
            touchy.0.errors.light(1);
            take(&pool, &clock).mark_suspect();
            settles(&pool);
            until(|| touchy.0.errors.gone_off() == round);
        }
        has_both(&pool, &clock);
        settles(&pool);
        closes_balanced(&pool);
        until(|| (touchy.0.resources.alive(), touchy.0.errors.alive()) == (0, 0));
    });
}

#[test]
fn a_panic_whose_payload_panics_as_it_is_dropped_costs_no_slot() {
    each(CASES, |case| {
        let (touchy, clock) = (Touchy::default(), VirtualClock::new());
        let pool = builder(&touchy, &clock, case).build().unwrap();
        touchy.0.create_panics.store(1, SeqCst);
        touchy.0.payloads.light(1);
        has_both(&pool, &clock);
        until(|| (touchy.0.payloads.gone_off(), pool.stats().callback_panics) == (1, 1));
        closes_balanced(&pool);
        assert_eq!(touchy.0.resources.alive(), 0);
    });
}

/// Dropped by the pool, an error may call it; no lock is held.
#[test]
fn the_destructor_of_an_error_may_call_its_pool() {
    each(CASES, |case| {
        let (touchy, clock) = (Touchy::default(), VirtualClock::new());
        let pool = builder(&touchy, &clock, case).build().unwrap();
        let (theirs, called) = (pool.clone(), Arc::new(AtomicUsize::new(0)));
        let calls = Arc::clone(&called);
        *touchy.0.errors.hook.lock() = Some(Arc::new(move || {
            drop(theirs.try_checkout());
            assert!(theirs.audit().stats().total <= 3 && theirs.holders().len() <= 3);
            theirs.resize(0, 2).unwrap();
            theirs.tick();
            calls.fetch_add(1, SeqCst);
        }));
        touchy.0.create_errors.store(1, SeqCst);
        touchy.0.check_errors.store(1, SeqCst);
        take(&pool, &clock).mark_suspect();
        settles(&pool);
        until(|| called.load(SeqCst) >= 2);
        // Its handle would keep the pool open.
        *touchy.0.errors.hook.lock() = None;
        has_both(&pool, &clock);
        settles(&pool);
        closes_balanced(&pool);
        until(|| (touchy.0.resources.alive(), touchy.0.errors.alive()) == (0, 0));
    });
}

/// An error's destructor that panics while many wait for the same refusal: each is told, and none keeps a slot.
#[test]
fn refused_waiters_drop_their_share_of_a_bad_error_and_the_pool_goes_on() {
    let (touchy, clock) = (Touchy::default(), VirtualClock::new());
    let case = Case { creation: Creation::Background, keeper: Keeper::Dedicated };
    let pool = builder(&touchy, &clock, case).build().unwrap();
    touchy.0.create_errors.store(3, SeqCst);
    thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        let waiters: Vec<_> = (0..4).map(|_| s.spawn(|| pool.checkout().map(drop))).collect();
        passes(&clock, || waiters.iter().all(|waiter| waiter.is_finished()));
        for waiter in waiters {
            let outcome = waiter.join().unwrap();
            assert!(matches!(outcome, Ok(()) | Err(CheckoutError::Create(_))), "{outcome:?}");
        }
    });
    touchy.0.errors.light(usize::MAX);
    has_both(&pool, &clock);
    closes_balanced(&pool);
    // With it goes what it kept of them.
    drop(pool);
    until(|| touchy.0.errors.alive() == 0);
}

/// What a guard's last words are made of is the caller's own: its panic is the caller's, but the slot is free before.
#[test]
fn a_reason_for_discarding_whose_destructor_panics_costs_no_slot() {
    each(CASES, |case| {
        let (touchy, clock) = (Touchy::default(), VirtualClock::new());
        let pool = builder(&touchy, &clock, case).build().unwrap();
        let reasons = Arc::new(Fuse::default());
        reasons.light(1);
        let taken = take(&pool, &clock);
        assert!(catch_unwind(AssertUnwindSafe(|| taken.discard(Bomb::new(&reasons)))).is_err());
        settles(&pool);
        has_both(&pool, &clock);
        closes_balanced(&pool);
    });
}

/// A pool that keeps the error of its last creation, or of its warm-up, drops it in the end.
#[test]
fn errors_that_a_pool_kept_go_quietly_with_it_also_while_a_panic_unwinds() {
    each(CASES.into_iter().flat_map(|case| [(case, false), (case, true)]), |(case, unwinds)| {
        let (touchy, clock) = (Touchy::default(), VirtualClock::new());
        touchy.0.create_errors.store(1, SeqCst);
        let pool = builder(&touchy, &clock, case).min_idle(2).build().unwrap();
        drop(take(&pool, &clock));
        settles(&pool);
        touchy.0.create_errors.store(1, SeqCst);
        let _ = pool.resize(0, 2);
        pool.gc();
        settles(&pool);
        drop(pool.try_checkout());
        settles(&pool);
        touchy.0.errors.light(usize::MAX);
        let ended = catch_unwind(AssertUnwindSafe(move || {
            let _last = pool;
            assert!(!unwinds, "told to panic with a pool in hand");
        }));
        assert_eq!(ended.is_err(), unwinds);
        until(|| touchy.0.errors.alive() == 0);
    });
}

/// What is free ends in the hands of who drops the last handle, also when that happens while a panic unwinds.
#[test]
fn the_last_handle_may_go_while_a_panic_unwinds_although_every_destructor_panics() {
    each(CASES, |case| {
        let (touchy, clock) = (Touchy::default(), VirtualClock::new());
        let pool = builder(&touchy, &clock, case).build().unwrap();
        has_both(&pool, &clock);
        touchy.0.resources.light(usize::MAX);
        let unwound = catch_unwind(AssertUnwindSafe(move || {
            let _held = pool.checkout_owned();
            let _last = pool;
            panic!("told to panic with a pool in hand");
        }));
        assert!(unwound.is_err());
        until(|| touchy.0.resources.alive() == 0);
    });
}
