//! Errors of the manager's whose drop panics: the pool drops them in many places, and loses nothing there.

mod support;

use slackwater::{Creation, Keeper, Manager, Pool, ReturnOutcome, VirtualClock};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{closes_balanced, until};

const SEC: Duration = Duration::from_secs(1);

/// Panics when it is dropped, and counts that.
#[derive(Debug)]
struct Grudge(Arc<AtomicUsize>);

impl fmt::Display for Grudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a grudge")
    }
}

impl Error for Grudge {}

impl Drop for Grudge {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
        panic!("told to panic in drop");
    }
}

/// Fails the first `creations` and the first `checks`.
struct Grudging {
    creations: AtomicUsize,
    checks: AtomicUsize,
    dropped: Arc<AtomicUsize>,
}

impl Grudging {
    fn new(creations: usize, checks: usize) -> (Self, Arc<AtomicUsize>) {
        let dropped = Arc::<AtomicUsize>::default();
        let (creations, checks) = (AtomicUsize::new(creations), AtomicUsize::new(checks));
        (Self { creations, checks, dropped: Arc::clone(&dropped) }, dropped)
    }

    fn fail(&self, left: &AtomicUsize) -> Result<(), Grudge> {
        let fails = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        if fails { Err(Grudge(Arc::clone(&self.dropped))) } else { Ok(()) }
    }
}

impl Manager for Grudging {
    type Resource = Box<u64>;
    type Error = Grudge;

    fn create(&self) -> Result<Box<u64>, Grudge> {
        self.fail(&self.creations).map(|()| Box::new(0))
    }

    fn check(&self, _: &mut Box<u64>) -> Result<(), Grudge> {
        self.fail(&self.checks)
    }

    fn recycle(&self, resource: &mut Box<u64>) -> ReturnOutcome {
        if **resource == 7 { ReturnOutcome::StillBusy } else { ReturnOutcome::Healthy }
    }
}

#[test]
fn a_creation_that_failed_before_costs_the_next_one_nothing() {
    for creation in [Creation::Inline, Creation::Background] {
        let (manager, dropped) = Grudging::new(2, 0);
        let pool = Pool::builder(manager).min_idle(0).creation(creation).build().unwrap();
        drop(pool.checkout().unwrap());
        assert_eq!((pool.stats().creating, pool.stats().available), (0, 1), "{creation:?}");
        until(|| dropped.load(SeqCst) == 2);
        until(|| pool.stats().callback_panics == 2);
        closes_balanced(&pool);
    }
}

#[test]
fn of_a_warm_up_that_failed_the_rest_joins_and_the_first_cause_is_kept() {
    let (manager, dropped) = Grudging::new(3, 0);
    let pool = Pool::builder(manager).max_size(4).build().unwrap();
    assert_eq!((pool.warm_up().ready, pool.warm_up().failed), (1, 3));
    assert!(pool.warm_up().first_failure.as_ref().is_some_and(|first| first.is::<Grudge>()));
    until(|| pool.stats().available == 4);
    until(|| dropped.load(SeqCst) == 2);
    closes_balanced(&pool);
    drop(pool);
    until(|| dropped.load(SeqCst) == 3);
}

#[test]
fn a_check_that_failed_leaves_tick_and_the_resource_whole() {
    let clock = VirtualClock::new();
    let (manager, dropped) = Grudging::new(0, 3);
    let pool = Pool::builder(manager).clock(&clock).keeper(Keeper::Manual).build().unwrap();
    let mut guard = pool.checkout().unwrap();
    guard.mark_suspect();
    drop(guard);
    pool.tick();
    assert_eq!((dropped.load(SeqCst), pool.stats().degraded), (1, 1));
    clock.advance(SEC);
    pool.tick();
    assert_eq!((dropped.load(SeqCst), pool.stats().degraded), (2, 1));
    assert_eq!(pool.stats().callback_panics, 2);
    closes_balanced(&pool);
}

#[test]
fn what_is_still_busy_is_checked_again() {
    let clock = VirtualClock::new();
    let (manager, dropped) = Grudging::new(0, 2);
    let pool = Pool::builder(manager).clock(&clock).keeper(Keeper::Manual).build().unwrap();
    **pool.checkout().unwrap() = 7;
    for _ in 0..3 {
        clock.advance(SEC);
        pool.tick();
    }
    assert_eq!((dropped.load(SeqCst), pool.stats().available), (2, 1));
    closes_balanced(&pool);
}

#[test]
fn the_last_error_ends_with_its_pool() {
    let (manager, dropped) = Grudging::new(1, 0);
    let pool = Pool::builder(manager).min_idle(0).creation(Creation::Inline).keeper(Keeper::Manual).build().unwrap();
    // The caller's own copy is the caller's business, and it is not the last.
    drop(pool.try_checkout().map(drop).unwrap_err());
    assert_eq!(dropped.load(SeqCst), 0);
    closes_balanced(&pool);
    drop(pool);
    assert_eq!(dropped.load(SeqCst), 1);
}
