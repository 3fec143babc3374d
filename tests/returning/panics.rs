//! Panics of holders and of the manager's callbacks: each costs one resource, and no capacity.

use super::support::{Act, Probe, Step, closes_balanced, until};
use super::{destroyed, one_still, still, the_end_serves_a_waiter};
use slackwater::{
    CheckoutError, CreateError, Creation, DestroyReason, OnPanic, Panicked, Pool, ReturnOutcome, VirtualClock,
};
use std::error::Error;
use std::thread;

/// Panics while holding the pool's one resource.
fn panic_with_it(pool: &Pool<Probe>) {
    let panics = || {
        let _held = pool.checkout().unwrap();
        panic!("the holder panics");
    };
    thread::scope(|s| s.spawn(panics).join().unwrap_err());
}

#[test]
fn a_holder_that_panicked_costs_the_resource() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    panic_with_it(&pool);
    assert_eq!(destroyed(&pool, DestroyReason::HolderPanicked), (1, 1));
    assert_eq!(probe.recycle.calls(), 0);
    assert_eq!(pool.checkout().unwrap().number, 2);
    closes_balanced(&pool);
}

#[test]
fn a_holder_that_panicked_makes_it_suspect_where_that_is_chosen() {
    for (verdict, number) in [(Act::Pass, 1), (Act::Panic, 2)] {
        let probe = Probe::new();
        let pool = still(&probe, &VirtualClock::new()).on_panic(OnPanic::Check).build().unwrap();
        probe.check.next([verdict]);
        panic_with_it(&pool);
        assert_eq!(pool.stats().checking, 1);
        pool.tick();
        assert_eq!((probe.check.calls(), pool.checkout().unwrap().number), (1, number));
        closes_balanced(&pool);
    }
}

#[test]
fn a_holder_that_panicked_is_no_matter_where_that_is_chosen() {
    let probe = Probe::new();
    let pool = still(&probe, &VirtualClock::new()).on_panic(OnPanic::Return).build().unwrap();
    panic_with_it(&pool);
    assert_eq!((probe.is_broken.calls(), probe.recycle.calls(), probe.check.calls()), (1, 1, 0));
    assert_eq!(pool.checkout().unwrap().number, 1);
    // A callback that panics during the unwinding is caught like any other.
    probe.recycle.next([Act::Panic]);
    panic_with_it(&pool);
    assert_eq!((pool.stats().callback_panics, pool.checkout().unwrap().number), (1, 2));
    closes_balanced(&pool);
}

#[test]
fn a_holder_that_panicked_serves_a_waiter_with_a_new_one() {
    the_end_serves_a_waiter(|held| {
        let panics = move || {
            let _held = held;
            panic!("the holder panics");
        };
        thread::spawn(panics).join().unwrap_err();
    });
}

/// Runs its closure when dropped.
struct Finally<F: FnMut()>(F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// A destructor that uses the pool while its thread unwinds from something else has done nothing wrong.
#[test]
fn a_checkout_made_while_unwinding_is_not_punished() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    thread::scope(|s| {
        let panics = || {
            let _finally = Finally(|| {
                for _ in 0..3 {
                    drop(pool.checkout().unwrap());
                    pool.with(|thing| thing.text.push('x')).unwrap();
                }
            });
            panic!("for a reason of its own");
        };
        s.spawn(panics).join().unwrap_err();
    });
    assert_eq!((pool.stats().destroyed.total(), pool.stats().checkouts), (0, 6));
    assert_eq!((pool.checkout().unwrap().text.as_str(), probe.check.calls()), ("thing 1xxx", 0));
    closes_balanced(&pool);
}

/// The callbacks that run when a resource comes back, one after the other: a panic costs this resource and no capacity.
fn a_panic_costs_one_resource(step: impl Fn(&Probe) -> &Step, prepare: impl Fn(&Probe)) -> DestroyReason {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    step(&probe).next([Act::Panic]);
    prepare(&probe);
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout().map(|thing| thing.number));
        until(|| pool.stats().waiting == 1);
        drop(held);
        assert_eq!(waiter.join().unwrap().unwrap(), 2, "the waiter has a new one");
    });
    let stats = pool.stats();
    assert_eq!((stats.callback_panics, stats.destroyed.total(), stats.created), (1, 1, 2));
    let reason = DestroyReason::ALL.into_iter().find(|reason| stats.destroyed.by(*reason) == 1);
    closes_balanced(&pool);
    assert_eq!(probe.alive(), 0);
    reason.unwrap()
}

#[test]
fn a_panic_in_is_broken_costs_that_resource_alone() {
    assert_eq!(a_panic_costs_one_resource(|probe| &probe.is_broken, |_| {}), DestroyReason::CallbackPanicked);
}

#[test]
fn a_panic_in_recycle_costs_that_resource_alone() {
    assert_eq!(a_panic_costs_one_resource(|probe| &probe.recycle, |_| {}), DestroyReason::CallbackPanicked);
}

#[test]
fn a_panic_in_check_costs_that_resource_alone() {
    let suspect = |probe: &Probe| probe.recycle.next([Act::Say(ReturnOutcome::Suspect)]);
    assert_eq!(a_panic_costs_one_resource(|probe| &probe.check, suspect), DestroyReason::CallbackPanicked);
}

#[test]
fn a_panic_in_destroy_still_frees_the_place() {
    let broken = |probe: &Probe| probe.is_broken.next([Act::Fail]);
    assert_eq!(a_panic_costs_one_resource(|probe| &probe.destroy, broken), DestroyReason::Broken);
}

/// The callbacks on the way of a new resource: the next attempt serves the waiter, and what was half made is counted.
fn a_panic_delays_a_new_resource(
    step: impl Fn(&Probe) -> &Step,
    prepare: impl Fn(&Probe),
) -> (u64, Option<DestroyReason>) {
    for creation in [Creation::Inline, Creation::Background] {
        let probe = Probe::new();
        let pool = Pool::builder(probe.clone()).min_idle(0).creation(creation).build().unwrap();
        step(&probe).next([Act::Panic]);
        prepare(&probe);
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| drop(pool.checkout().unwrap()));
            }
        });
        let stats = pool.stats();
        assert_eq!((stats.callback_panics, stats.create_failures, stats.total), (1, 1, 1), "{creation:?}");
        let reason = DestroyReason::ALL.into_iter().find(|reason| stats.destroyed.by(*reason) == 1);
        closes_balanced(&pool);
        assert_eq!(probe.alive(), 0);
        if creation == Creation::Background {
            return (stats.destroyed.total(), reason);
        }
    }
    unreachable!("the last round returns");
}

#[test]
fn a_panic_in_create_costs_an_attempt() {
    assert_eq!(a_panic_delays_a_new_resource(|probe| &probe.create, |_| {}), (0, None));
}

#[test]
fn a_panic_in_warm_costs_the_new_resource() {
    let (lost, _) = a_panic_delays_a_new_resource(|probe| &probe.warm, |_| {});
    assert_eq!(lost, 1);
}

#[test]
fn a_panic_in_weight_costs_the_new_resource() {
    let lost = a_panic_delays_a_new_resource(|probe| &probe.weight, |_| {});
    assert_eq!(lost, (1, Some(DestroyReason::CallbackPanicked)));
}

#[test]
fn a_panic_in_classify_makes_the_error_a_passing_one() {
    let fails = |probe: &Probe| probe.create.next([Act::FailForGood]);
    assert_eq!(a_panic_delays_a_new_resource(|probe| &probe.classify, fails), (0, None));
}

#[test]
fn a_creation_that_always_panics_is_an_error_that_says_so() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).min_idle(0).build().unwrap();
    probe.create.always(Act::Panic);
    let error = pool.checkout().map(drop).unwrap_err();
    let panicked = error.source().and_then(|source| source.downcast_ref::<Panicked>());
    assert!(
        panicked.is_some_and(|panicked| panicked.callback == "create" && panicked.message.contains("told to panic"))
    );
    let create: &CreateError = match &error {
        CheckoutError::Create(create) => create,
        other => panic!("{other:?}"),
    };
    assert_eq!((create.attempts, create.retryable), (3, true));
    closes_balanced(&pool);
}
