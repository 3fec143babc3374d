//! The feature `testing`: faults strike where they are told to, the same ones for the same seed, and all of it is counted.

mod support;

use slackwater::testing::{Callback, Cause, Chaos, ChaosError, ChaosHandle, ChaosManager, Fault, Injected};
use slackwater::{
    CheckoutError, Creation, DestroyReason, Keeper, Lifeline, Manager, Pool, ReturnOutcome, Severity, VirtualClock,
};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use support::{Act, Probe, Refused, closes_balanced, until};

const MS: Duration = Duration::from_millis(1);

type Made = (ChaosManager<Probe>, ChaosHandle, Probe);

fn build(chaos: Chaos) -> Made {
    let probe = Probe::new();
    let (manager, handle) = chaos.build(probe.clone()).unwrap();
    (manager, handle, probe)
}

/// One call of one callback, and whether it passed. What it needs besides is made without counting on faults.
fn call(manager: &ChaosManager<Probe>, callback: Callback) -> bool {
    let resource = || manager.create().unwrap();
    match callback {
        Callback::Create => manager.create().is_ok(),
        Callback::Warm => manager.warm(&mut resource()).is_ok(),
        Callback::Check => manager.check(&mut resource()).is_ok(),
        Callback::IsBroken => !manager.is_broken(&mut resource()),
        Callback::Recycle => manager.recycle(&mut resource()) == ReturnOutcome::Healthy,
        Callback::Destroy => {
            manager.destroy(resource());
            true
        }
        Callback::Weight => manager.weight(&resource()) == 7,
        Callback::Classify => {
            let own = ChaosError::Own(Refused { by: "create", severity: Severity::Permanent });
            manager.classify(&own) == Severity::Permanent
        }
    }
}

/// The calls of the wrapped manager's own callback.
fn own_calls(probe: &Probe, callback: Callback) -> usize {
    let step = match callback {
        Callback::Create => &probe.create,
        Callback::Warm => &probe.warm,
        Callback::Check => &probe.check,
        Callback::IsBroken => &probe.is_broken,
        Callback::Recycle => &probe.recycle,
        Callback::Destroy => &probe.destroy,
        Callback::Weight => &probe.weight,
        Callback::Classify => &probe.classify,
    };
    step.calls()
}

/// Which of the first `calls` creations fail, by number.
fn failing(manager: &ChaosManager<Probe>, calls: usize) -> Vec<u64> {
    let failed = |created| match created {
        Ok(_) => None,
        Err(ChaosError::Injected(Injected { call, .. })) => Some(call),
        Err(ChaosError::Own(own)) => panic!("nobody told the manager to fail: {own}"),
    };
    (0..calls).filter_map(|_| failed(manager.create())).collect()
}

fn panics(f: impl FnOnce()) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(f)).err()?;
    Some(*payload.downcast::<String>().unwrap())
}

#[test]
fn without_faults_the_wrapped_manager_does_it_all() {
    let (manager, chaos, probe) = build(Chaos::seeded(1));
    let pool = Pool::builder(manager).keeper(Keeper::Manual).build().unwrap();
    let mut guard = pool.checkout().unwrap();
    assert_eq!(guard.text, "thing 1");
    guard.mark_suspect();
    drop(guard);
    pool.tick();
    assert_eq!(pool.stats().weight, 7);
    closes_balanced(&pool);
    for callback in Callback::ALL {
        let expected = usize::from(callback != Callback::Classify);
        assert_eq!(own_calls(&probe, callback), expected, "{callback}");
        assert_eq!(
            (chaos.counts(callback).calls, chaos.counts(callback).injected()),
            (expected as u64, 0),
            "{callback}"
        );
    }
    assert_eq!((chaos.alive(), probe.alive()), (0, 0));
}

#[test]
fn the_same_seed_strikes_the_same_calls_and_another_one_others() {
    let run = |seed| failing(&build(Chaos::seeded(seed).fail(Callback::Create, 0.1)).0, 500);
    let first = run(42);
    assert_eq!(first, run(42));
    assert_ne!(first, run(43));
    assert_ne!(first, Vec::<u64>::new(), "a tenth of 500");
}

#[test]
fn what_other_callbacks_do_changes_no_fault() {
    let chaos =
        || Chaos::seeded(42).fail(Callback::Create, 0.1).fail(Callback::IsBroken, 0.5).panic(Callback::Weight, 0.1);
    let alone = failing(&build(chaos()).0, 200);
    let (manager, ..) = build(chaos());
    let mut among_others = Vec::new();
    let mut number = 0;
    while number < 200 {
        number += 1;
        match manager.create() {
            Ok(mut resource) => {
                manager.is_broken(&mut resource);
                let _ = panics(|| assert_eq!(manager.weight(&resource), 7));
            }
            Err(_) => among_others.push(number),
        }
    }
    assert_eq!(alone, among_others);
}

#[test]
fn threads_decide_who_is_struck_and_not_which_call() {
    let alone = failing(&build(Chaos::seeded(42).fail(Callback::Create, 0.2)).0, 400);
    let (manager, chaos, _) = build(Chaos::seeded(42).fail(Callback::Create, 0.2));
    let mut together: Vec<u64> = thread::scope(|s| {
        let threads: Vec<_> = (0..4).map(|_| s.spawn(|| failing(&manager, 100))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    together.sort_unstable();
    assert_eq!(alone, together);
    let counts = chaos.counts(Callback::Create);
    assert_eq!((counts.calls, counts.failed, counts.injected()), (400, alone.len() as u64, alone.len() as u64));
}

#[test]
fn each_fault_of_a_callback_has_its_own_share_of_the_calls() {
    let chaos = Chaos::seeded(5).fail(Callback::Check, 0.3).panic(Callback::Check, 0.1).slow(
        Callback::Check,
        0.2,
        Duration::ZERO,
    );
    let (manager, chaos, _) = build(chaos);
    let mut resource = manager.create().unwrap();
    for _ in 0..10_000 {
        let _ = panics(|| drop(manager.check(&mut resource)));
    }
    let counts = chaos.counts(Callback::Check);
    // Five standard deviations of a draw of 10,000 are 250 at most; the seed is fixed, so this holds always or never.
    for (counted, share) in [(counts.failed, 3_000), (counts.panicked, 1_000), (counts.slowed, 2_000), (counts.hung, 0)]
    {
        assert!(counted.abs_diff(share) < 250, "{counts:?}");
    }
}

#[test]
fn every_callback_that_can_fail_fails_in_the_call_it_is_told_to() {
    let fail = [Callback::Create, Callback::Warm, Callback::Check, Callback::IsBroken, Callback::Recycle];
    for callback in fail {
        // Every other one has to create a resource first.
        let (manager, chaos, probe) = build(Chaos::seeded(0).on(callback, 2, Fault::Fail));
        assert_eq!([1, 2, 3].map(|_| call(&manager, callback)), [true, false, true], "{callback}");
        assert_eq!((chaos.counts(callback).calls, chaos.counts(callback).failed), (3, 1), "{callback}");
        assert_eq!(own_calls(&probe, callback), 2, "{callback} of the manager is not called in the failing call");
        assert_eq!((chaos.alive(), probe.alive()), (0, 0));
    }
}

#[test]
fn every_callback_panics_in_the_call_it_is_told_to_and_names_it() {
    for callback in Callback::ALL {
        let (manager, chaos, probe) = build(Chaos::seeded(77).on(callback, 1, Fault::Panic));
        let text = panics(|| assert!(!call(&manager, callback), "it returned")).unwrap();
        assert_eq!(text, format!("injected: call 1 of `{callback}` panics (seed 77)"));
        assert!(call(&manager, callback), "{callback}");
        assert_eq!((chaos.counts(callback).calls, chaos.counts(callback).panicked), (2, 1), "{callback}");
        assert_eq!((chaos.alive(), probe.alive()), (0, 0), "{callback}");
    }
}

#[test]
fn every_callback_hangs_until_it_is_released_and_then_goes_on() {
    for callback in Callback::ALL {
        let (manager, chaos, probe) = build(Chaos::seeded(0).on(callback, 1, Fault::Hang));
        thread::scope(|s| {
            let hung = s.spawn(|| call(&manager, callback));
            until(|| chaos.hanging() == 1);
            assert_eq!((own_calls(&probe, callback), hung.is_finished()), (0, false), "{callback}");
            chaos.release_hung();
            assert!(hung.join().unwrap(), "{callback}");
        });
        assert_eq!(
            (own_calls(&probe, callback), chaos.hanging(), chaos.counts(callback).hung),
            (1, 0, 1),
            "{callback}"
        );
    }
}

#[test]
fn every_callback_takes_its_time_and_then_goes_on() {
    for callback in Callback::ALL {
        let clock = VirtualClock::new();
        let chaos = Chaos::seeded(0).slow(callback, 1.0, 300 * MS).advances(&clock);
        let (manager, chaos, probe) = build(chaos);
        assert!(call(&manager, callback), "{callback}");
        assert_eq!(clock.elapsed(), 300 * MS, "{callback}");
        assert_eq!((own_calls(&probe, callback), chaos.counts(callback).slowed), (1, 1), "{callback}");
    }
}

#[test]
fn a_slow_call_waits_for_the_clock_to_be_moved_far_enough() {
    let clock = VirtualClock::new();
    let (manager, chaos, _) = build(Chaos::seeded(0).on(Callback::Check, 1, Fault::Slow(300 * MS)).waits_on(&clock));
    thread::scope(|s| {
        let slow = s.spawn(|| call(&manager, Callback::Check));
        until(|| chaos.counts(Callback::Check).slowed == 1);
        // It may not have looked at the clock yet; what it saw when it began is no later than this.
        clock.advance(299 * MS);
        assert!(!slow.is_finished());
        until(|| {
            clock.advance(MS);
            slow.is_finished()
        });
    });
    assert!(clock.elapsed() >= 300 * MS);
}

#[test]
fn the_last_handle_releases_what_hangs_and_nothing_hangs_after_it() {
    let (manager, chaos, _) = build(Chaos::seeded(0).hang(Callback::Check, 1.0));
    let other = chaos.clone();
    thread::scope(|s| {
        let hung = s.spawn(|| call(&manager, Callback::Check));
        until(|| chaos.hanging() == 1);
        drop(chaos);
        assert_eq!(other.hanging(), 1, "a handle is left");
        drop(other);
        assert!(hung.join().unwrap());
    });
    assert!(call(&manager, Callback::Check));
}

#[test]
fn a_release_is_for_those_that_hang_now() {
    let (manager, chaos, _) = build(Chaos::seeded(0).hang(Callback::Check, 1.0));
    chaos.release_hung();
    thread::scope(|s| {
        let hung = s.spawn(|| call(&manager, Callback::Check));
        until(|| chaos.hanging() == 1);
        assert!(!hung.is_finished());
        chaos.release_hung();
        assert!(hung.join().unwrap());
    });
}

#[test]
fn a_hung_creation_costs_the_pool_no_deadline() {
    let chaos = Chaos::seeded(0).on(Callback::Create, 1, Fault::Hang);
    let (manager, chaos, probe) = build(chaos);
    let pool = Pool::builder(manager).min_idle(0).creation(Creation::Background).build().unwrap();
    until(|| {
        // One that gives up before a helper thread has begun takes its demand along: then the next one asks.
        assert!(matches!(pool.checkout_timeout(MS), Err(CheckoutError::Timeout(_))));
        chaos.hanging() == 1
    });
    chaos.release_hung();
    drop(pool.checkout().unwrap());
    closes_balanced(&pool);
    assert_eq!((chaos.alive(), probe.alive()), (0, 0));
}

#[test]
fn switched_off_nothing_is_injected_and_every_call_keeps_its_number() {
    let (manager, chaos, _) =
        build(Chaos::seeded(0).on(Callback::Create, 2, Fault::Fail).on(Callback::Create, 4, Fault::Fail));
    chaos.set_enabled(false);
    assert_eq!(failing(&manager, 3), Vec::<u64>::new());
    chaos.set_enabled(true);
    assert_eq!(failing(&manager, 3), [4]);
}

#[test]
fn while_the_backend_is_down_creates_and_checks_fail() {
    let (manager, chaos, probe) = build(Chaos::seeded(0));
    let mut resource = manager.create().unwrap();
    chaos.backend_down(true);
    // It is no fault of the plan's, so switching those off does not bring it up.
    chaos.set_enabled(false);
    let cause = |error| match error {
        ChaosError::Injected(Injected { cause, .. }) => cause,
        ChaosError::Own(own) => panic!("nobody told the manager to fail: {own}"),
    };
    assert_eq!(cause(manager.create().unwrap_err()), Cause::BackendDown);
    assert_eq!(cause(manager.check(&mut resource).unwrap_err()), Cause::BackendDown);
    assert!(!manager.is_broken(&mut resource) && manager.warm(&mut resource).is_ok());
    chaos.backend_down(false);
    assert!(manager.check(&mut resource).is_ok() && manager.create().is_ok());
    assert_eq!((probe.create.calls(), probe.check.calls()), (2, 1));
}

#[test]
fn a_resource_dies_after_its_uses_and_says_so_from_then_on() {
    let (manager, chaos, _) = build(Chaos::seeded(0).die(1.0, 3..=3));
    let mut resource = manager.create().unwrap();
    assert_eq!([1, 2, 3, 4].map(|_| manager.is_broken(&mut resource)), [false, false, true, true]);
    let Err(ChaosError::Injected(injected)) = manager.check(&mut resource) else { panic!("the dead do not pass") };
    assert_eq!((injected.cause, resource.uses(), resource.is_dead()), (Cause::Dead, 4, true));
    // Death is a state, and no fault that could be switched off. Dying is.
    chaos.set_enabled(false);
    assert!(manager.is_broken(&mut resource));
    let mut other = manager.create().unwrap();
    assert_eq!([1, 2, 3, 4].map(|_| manager.is_broken(&mut other)), [false; 4]);
    chaos.set_enabled(true);
    assert!(manager.is_broken(&mut other), "its uses were counted all the same");
}

#[test]
fn what_dies_is_replaced() {
    let (manager, chaos, probe) = build(Chaos::seeded(9).die(0.5, 2..=6));
    let pool = Pool::builder(manager).keeper(Keeper::Manual).build().unwrap();
    for _ in 0..100 {
        pool.with(|thing| thing.text.push('x')).unwrap();
        pool.tick();
    }
    let mut guard = pool.checkout().unwrap();
    let number = guard.number();
    guard.kill();
    drop(guard);
    assert_ne!(pool.checkout().unwrap().number(), number);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Broken), chaos.counts(Callback::IsBroken).failed);
    closes_balanced(&pool);
    assert_eq!((chaos.alive(), probe.alive()), (0, 0));
}

#[test]
fn uses_before_death_are_drawn_from_the_whole_range() {
    let (manager, ..) = build(Chaos::seeded(3).die(1.0, 1..=4));
    let lived = |_| {
        let mut resource = manager.create().unwrap();
        (1_u64..).find(|_| manager.is_broken(&mut resource)).unwrap()
    };
    let mut seen: Vec<u64> = (0..100).map(lived).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [1, 2, 3, 4]);
}

#[test]
fn a_leak_is_weight_that_grows_with_each_use() {
    let (manager, ..) = build(Chaos::seeded(0).leak(1.0, 100));
    let mut resource = manager.create().unwrap();
    let weights = [0, 1, 2].map(|_| {
        let weight = manager.weight(&resource);
        manager.is_broken(&mut resource);
        weight
    });
    assert_eq!(weights, [7, 107, 207]);
}

#[test]
fn a_pattern_tells_the_checks_of_one_resource_what_to_do() {
    let (manager, chaos, _) =
        build(Chaos::seeded(0).checks_of(1, "FFSFF").checks_of_each("S").fail(Callback::Check, 1.0));
    let pool = Pool::builder(manager).max_size(1).keeper(Keeper::Manual).build().unwrap();
    let check = || {
        let mut guard = pool.checkout().unwrap();
        guard.mark_suspect();
        drop(guard);
        pool.tick();
        (pool.stats().available, pool.stats().degraded)
    };
    // A success in between begins the count of failures anew: it takes a third one in a row, by chance now, to end it.
    assert_eq!([1, 2, 3, 4, 5].map(|_| check()), [(0, 1), (0, 1), (1, 0), (0, 1), (0, 1)]);
    assert_eq!(pool.stats().destroyed.total(), 0);
    check();
    assert_eq!(pool.stats().destroyed.by(DestroyReason::CheckFailed), 1);
    pool.tick();
    assert_eq!(pool.checkout().unwrap().number(), 2);
    assert_eq!(check(), (1, 0), "what is told to each is told to those without a pattern of their own");
    closes_balanced(&pool);
    assert_eq!(chaos.counts(Callback::Check).failed, 5);
}

#[test]
fn an_error_comes_back_whole_whether_injected_or_the_managers_own() {
    let chaos = Chaos::seeded(11).on(Callback::Create, 1, Fault::Fail).severity(Severity::Permanent);
    let (manager, _chaos, probe) = build(chaos);
    let pool = Pool::builder(manager).min_idle(0).keeper(Keeper::Manual).build().unwrap();
    let error = pool.checkout().unwrap_err();
    let injected = error.source().and_then(|source| source.downcast_ref::<Injected>()).unwrap();
    assert_eq!((injected.callback, injected.call, injected.seed), (Callback::Create, 1, 11));
    assert_eq!((injected.cause, error.is_retryable()), (Cause::Scripted, false));
    assert_eq!(injected.to_string(), "injected: call 1 of `create` failed (as scripted)");
    probe.create.next([Act::FailForGood]);
    let error = pool.checkout().unwrap_err();
    assert!(error.source().unwrap().is::<Refused>(), "{error}");
    drop(pool.checkout().unwrap());
    closes_balanced(&pool);
}

#[test]
fn a_resource_is_alive_until_it_is_gone_wherever_it_went() {
    let (manager, chaos, _) = build(Chaos::seeded(0));
    let pool = Pool::builder(manager).max_size(3).keeper(Keeper::Manual).build().unwrap();
    let detached = pool.checkout().unwrap().detach();
    std::mem::forget(pool.checkout().unwrap());
    assert_eq!(chaos.alive(), 3);
    pool.close(Duration::ZERO);
    assert_eq!(chaos.alive(), 2, "the free one is gone");
    drop(pool);
    assert_eq!(chaos.alive(), 1, "the forgotten one went with its pool");
    drop(detached.into_inner());
    assert_eq!(chaos.alive(), 0);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let (create, destroy) = (Callback::Create, Callback::Destroy);
    let fail = Fault::Fail;
    let long = Duration::MAX;
    let seeded = || Chaos::seeded(0);
    let refused: Vec<(&str, Chaos)> = vec![
        ("fail", seeded().fail(create, 1.01)),
        ("fail", seeded().fail(create, f64::NAN)),
        ("fail", seeded().fail(destroy, 0.5)),
        ("fail", seeded().fail(create, 0.6).panic(create, 0.6)),
        ("hang", seeded().hang(create, -0.1)),
        ("hang", seeded().hang(create, 0.6).slow(create, 0.6, MS)),
        ("panic", seeded().panic(create, f64::INFINITY)),
        ("slow", seeded().slow(create, 2.0, MS)),
        ("slow", seeded().slow(create, 0.5, long)),
        ("die", seeded().die(1.5, 1..=2)),
        ("die", seeded().die(1.0, 0..=2)),
        #[expect(clippy::reversed_empty_ranges, reason = "that it is refused is the point")]
        ("die", seeded().die(1.0, 3..=2)),
        ("leak", seeded().leak(-1.0, 8)),
        ("on", seeded().on(create, 0, fail)),
        ("on", seeded().on(destroy, 1, fail)),
        ("on", seeded().on(create, 1, Fault::Slow(long))),
        ("on", seeded().on(create, 1, fail).on(create, 1, Fault::Panic)),
        ("checks_of", seeded().checks_of(0, "F")),
        ("checks_of", seeded().checks_of(1, "")),
        ("checks_of", seeded().checks_of(1, "FFX")),
        ("checks_of", seeded().checks_of(1, "F").checks_of(1, "S")),
        ("checks_of_each", seeded().checks_of_each("f")),
        ("checks_of_each", seeded().checks_of_each("F").checks_of_each("F")),
    ];
    for (field, chaos) in refused {
        let what = format!("{chaos:?}");
        let error = chaos.build(Probe::new()).expect_err(&what);
        assert_eq!(error.field, field, "{error}: {what}");
    }
    let thirds = seeded().fail(create, 0.7).panic(create, 0.2).hang(create, 0.1);
    assert!(thirds.build(Probe::new()).is_ok(), "a sum of 1, but for rounding, is a sum of 1");
}

/// A manager whose resources can say that they are dead, and take their time to end.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<Vec<Lifeline>>>);

impl Manager for Watched {
    type Resource = ();
    type Error = std::convert::Infallible;
    const ENDS_SLOWLY: bool = true;

    fn create(&self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn lifeline(&self, (): &mut (), lifeline: Lifeline) {
        self.0.lock().unwrap().push(lifeline);
    }
}

#[test]
fn what_the_wrapped_manager_knows_of_a_resource_the_pool_is_told() {
    const { assert!(ChaosManager::<Watched>::ENDS_SLOWLY && !ChaosManager::<Probe>::ENDS_SLOWLY) };
    let watched = Watched::default();
    let (manager, _) = Chaos::seeded(1).build(watched.clone()).unwrap();
    let pool = Pool::builder(manager).build().unwrap();
    let first = watched.0.lock().unwrap()[0].clone();
    first.ended();
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 1);
    closes_balanced(&pool);
}
