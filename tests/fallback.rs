//! Fallback: what stands in for a resource, when, and that it is nobody else's business.

mod support;

use slackwater::{
    BreakerConfig, CheckoutError, CoDel, Creation, Keeper, Lent, Manager, OnDeadlock, OwnedCheckout, Pool, PoolEvent,
    Request, Severity, ShedReason, VirtualClock,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use support::{Act, Probe, TimeRunsOut, closes_balanced, until};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn boxed() -> Result<Box<u32>, String> {
    Ok(Box::new(0))
}

type Boxes = fn() -> Result<Box<u32>, String>;

/// A pool whose only resource is out.
fn bare() -> (Pool<Boxes>, OwnedCheckout<Boxes>) {
    let pool = Pool::builder(boxed as Boxes).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    (pool, held)
}

/// A resource that is counted for as long as it lives, made by a closure that fails while told to.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, SeqCst);
        Self(Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn what_the_pool_has_is_lent_and_the_closure_does_not_run() {
    let pool = Pool::builder(boxed).build().unwrap();
    let mut lent = pool.request().or_else(|cause| panic!("{cause}")).unwrap();
    assert!(!lent.is_fallback() && matches!(lent, Lent::Pooled(_)));
    **lent += 7;
    assert_eq!(pool.stats().in_use, 1);
    drop(lent);
    assert_eq!((pool.stats().fallbacks, **pool.checkout().unwrap()), (0, 7));
    closes_balanced(&pool);
}

#[test]
fn a_fallback_is_never_pooled_nor_counted_nor_destroyed_by_the_manager() {
    let (probe, alive) = (Probe::new(), Arc::new(AtomicUsize::new(0)));
    let of_its_own = Arc::clone(&alive);
    let pool = Pool::builder(move || Ok::<_, String>(Counted::new(&of_its_own))).build().unwrap();
    let held = pool.checkout().unwrap();
    let lent = pool.request().no_wait().or_else(|_| Counted::new(&alive)).unwrap();
    assert!(lent.is_fallback());
    let stats = pool.stats();
    assert_eq!((stats.created, stats.total, stats.in_use, stats.fallbacks, alive.load(SeqCst)), (1, 1, 1, 1, 2));
    drop(lent);
    assert_eq!((alive.load(SeqCst), pool.stats().destroyed.total(), pool.stats().available), (1, 0, 0));
    drop(held);
    assert_eq!(pool.stats().available, 1);
    closes_balanced(&pool);
    assert_eq!(alive.load(SeqCst), 0);

    // A manager of its own type sees none of it.
    let pool = Pool::builder(probe.clone()).build().unwrap();
    let thing = pool.checkout().unwrap().detach();
    let held = pool.checkout().unwrap();
    let calls = (probe.recycle.calls(), probe.is_broken.calls());
    drop(pool.request().no_wait().or_else(|_| thing).unwrap());
    assert_eq!((probe.recycle.calls(), probe.is_broken.calls()), calls);
    assert_eq!(probe.ended(), Vec::<usize>::new());
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn a_fallback_can_be_kept_by_who_takes_it_out() {
    let (pool, held) = bare();
    match pool.request().no_wait().or_else(|_| Box::new(9)).unwrap() {
        Lent::Fallback(mine) => assert_eq!(*mine, 9),
        Lent::Pooled(_) => panic!("the only one is out"),
    }
    drop(held);
    closes_balanced(&pool);
}

#[track_caller]
fn falls_back<M: Manager>(request: Request<'_, M>, resource: M::Resource, is_cause: fn(&CheckoutError) -> bool) {
    let lent = request.or_else(|cause| {
        assert!(is_cause(cause), "{cause:?}");
        resource
    });
    assert!(lent.unwrap().is_fallback());
}

#[test]
fn nothing_free_at_once_a_timeout_and_a_full_queue_fall_back() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(boxed).max_waiters(1).clock(&clock).keeper(Keeper::Manual).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    falls_back(pool.request().no_wait(), Box::new(1), |cause| matches!(cause, CheckoutError::Exhausted(_)));
    falls_back(pool.request().timeout(Duration::ZERO), Box::new(1), |cause| matches!(cause, CheckoutError::Timeout(_)));
    thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        let waiter = s.spawn(|| drop(pool.checkout()));
        until(|| pool.stats().waiting == 1);
        falls_back(pool.request(), Box::new(1), |cause| matches!(cause, CheckoutError::Saturated(_)));
        drop(held);
        waiter.join().unwrap();
    });
    let stats = pool.stats();
    assert_eq!((stats.fallbacks, stats.timeouts, stats.rejected), (3, 1, 2));
    closes_balanced(&pool);
}

#[test]
fn those_who_are_shed_fall_back() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(boxed).codel(CoDel::default()).clock(&clock).keeper(Keeper::Manual).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        let first = s.spawn(|| drop(pool.checkout_timeout(1_000 * SEC).unwrap()));
        until(|| pool.stats().waiting == 1);
        let second = s.spawn(|| {
            let shed = |cause: &CheckoutError| {
                matches!(cause, CheckoutError::Shed(shed) if matches!(shed.reason, ShedReason::QueueDelay { .. }))
            };
            falls_back(pool.request(), Box::new(1), shed);
        });
        until(|| pool.stats().waiting == 2);
        clock.advance(100 * MS);
        second.join().unwrap();
        drop(held);
        first.join().unwrap();
    });
    closes_balanced(&pool);
}

#[test]
fn a_creation_that_fails_and_an_open_circuit_fall_back() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let builder = Pool::builder(probe.clone()).min_idle(0).creation(Creation::Inline).keeper(Keeper::Manual);
    let pool = builder.clock(&clock).breaker(BreakerConfig::new().failure_threshold(1)).build().unwrap();
    let stand_in = || {
        let spare = Pool::builder(Probe::new()).keeper(Keeper::Manual).build().unwrap();
        spare.checkout().unwrap().detach()
    };
    probe.create.always(Act::FailForGood);
    falls_back(
        pool.request(),
        stand_in(),
        |cause| matches!(cause, CheckoutError::Create(create) if create.severity == Severity::Permanent),
    );
    falls_back(pool.request(), stand_in(), |cause| matches!(cause, CheckoutError::CircuitOpen(_)));
    falls_back(pool.request().no_wait(), stand_in(), |cause| matches!(cause, CheckoutError::CircuitOpen(_)));
    assert_eq!((pool.stats().fallbacks, pool.stats().created), (3, 0));
    closes_balanced(&pool);
}

#[test]
fn a_closed_pool_stays_an_error() {
    let pool = Pool::builder(boxed).build().unwrap();
    pool.close(SEC);
    let lent = pool.request().or_else(|cause| panic!("{cause}"));
    assert!(matches!(lent, Err(CheckoutError::Closed(_))));
    assert_eq!(pool.stats().fallbacks, 0);
    closes_balanced(&pool);
}

#[test]
fn a_deadlock_stays_an_error() {
    let pool = Pool::builder(boxed).on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let held = pool.checkout().unwrap();
    let lent = pool.request().or_else(|cause| panic!("{cause}"));
    assert!(matches!(lent, Err(CheckoutError::WouldDeadlock(_))));
    drop(lent);
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn the_cause_is_told_twice_as_what_it_is_and_as_what_became_of_it() {
    let (pool, held) = bare();
    let events = pool.subscribe(8);
    drop(pool.request().no_wait().or_else(|_| Box::new(1)).unwrap());
    let told: Vec<_> = events.try_iter().collect();
    let [PoolEvent::Refused(refused), PoolEvent::FellBack { cause }] = &told[..] else { panic!("{told:?}") };
    assert!(
        matches!((refused, cause), (CheckoutError::Exhausted(first), CheckoutError::Exhausted(second)) if first == second)
    );
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn a_closure_that_panics_takes_nothing_with_it() {
    let (pool, held) = bare();
    let events = pool.subscribe(8);
    let panicked =
        catch_unwind(AssertUnwindSafe(|| pool.request().no_wait().or_else(|_| panic!("none either")).map(drop)));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"none either"));
    assert!(matches!(events.try_iter().collect::<Vec<_>>()[..], [PoolEvent::Refused(_)]));
    drop(held);
    assert_eq!((pool.stats().fallbacks, pool.stats().available), (0, 1));
    assert!(!pool.request().or_else(|cause| panic!("{cause}")).unwrap().is_fallback());
    closes_balanced(&pool);
}

/// The error of a manager whose drop panics: neither what stands in for the resource nor the closure's own panic is lost.
#[test]
fn a_cause_whose_drop_panics_costs_nothing() {
    #[derive(Debug)]
    struct Vicious;
    impl std::fmt::Display for Vicious {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("vicious")
        }
    }
    impl std::error::Error for Vicious {}
    impl Drop for Vicious {
        fn drop(&mut self) {
            panic!("dropped")
        }
    }
    let make = || -> Result<Box<u32>, Vicious> { Err(Vicious) };
    let pool = Pool::builder(make).min_idle(0).creation(Creation::Inline).keeper(Keeper::Manual).build().unwrap();
    for _ in 0..3 {
        assert_eq!(**pool.request().no_wait().or_else(|_| Box::new(3)).unwrap(), 3);
    }
    let panicked = catch_unwind(AssertUnwindSafe(|| pool.request().no_wait().or_else(|_| panic!("mine")).map(drop)));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"mine"));
    closes_balanced(&pool);
}

#[test]
fn both_kinds_are_told_apart_when_printed() {
    let pool = Pool::builder(boxed).build().unwrap();
    let first = pool.request().or_else(|_| Box::new(5)).unwrap();
    let second = pool.request().no_wait().or_else(|_| Box::new(5)).unwrap();
    assert!(format!("{first:?}").starts_with("Pooled(Checkout("), "{first:?}");
    assert_eq!(format!("{second:?}"), "Fallback(5)");
    drop((first, second));
    closes_balanced(&pool);
}
