//! Returning: what becomes of a resource when its guard ends, and of the pool when a callback panics.

mod support;

use slackwater::{
    CheckoutError, CreateError, Creation, DestroyReason, Keeper, OnPanic, Panicked, Pool, ResourceId, ReturnOutcome,
    VirtualClock,
};
use std::collections::HashMap;
use std::error::Error;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use support::{Act, Probe, Step, closes_balanced, until};

const MS: Duration = Duration::from_millis(1);

/// One resource, in virtual time and without threads: nothing happens but what the test does.
fn still(probe: &Probe, clock: &VirtualClock) -> slackwater::Builder<Probe> {
    Pool::builder(probe.clone()).clock(clock).keeper(Keeper::Manual)
}

fn one_still(probe: &Probe) -> Pool<Probe> {
    still(probe, &VirtualClock::new()).build().unwrap()
}

fn destroyed(pool: &Pool<Probe>, reason: DestroyReason) -> (u64, u64) {
    let destroyed = pool.stats().destroyed;
    (destroyed.by(reason), destroyed.total())
}

#[test]
fn a_discarded_resource_is_destroyed_unasked_and_its_place_is_free() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    pool.checkout().unwrap().discard("out of tune");
    assert_eq!(destroyed(&pool, DestroyReason::Discarded), (1, 1));
    assert_eq!((probe.is_broken.calls(), probe.recycle.calls(), probe.destroy.calls()), (0, 0, 1));
    assert_eq!(pool.checkout().unwrap().number, 2);
    closes_balanced(&pool);
    assert_eq!(probe.alive(), 0);
}

#[test]
fn a_detached_resource_is_the_callers_and_no_callback_sees_it_again() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    let thing = pool.checkout().unwrap().detach();
    assert_eq!((probe.is_broken.calls(), probe.recycle.calls(), probe.destroy.calls()), (0, 0, 0));
    assert_eq!((pool.stats().detached, pool.stats().total), (1, 0));
    assert_eq!(pool.checkout().unwrap().number, 2);
    let owned = pool.checkout_owned().unwrap().detach();
    closes_balanced(&pool);
    drop(pool);
    assert_eq!((thing.text.as_str(), owned.text.as_str(), probe.alive()), ("thing 1", "thing 2", 2));
}

/// What `end` does with the guard leaves room, which serves the waiter.
fn the_end_serves_a_waiter(end: impl FnOnce(slackwater::OwnedCheckout<Probe>)) {
    let pool = Pool::builder(Probe::new()).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout().map(|thing| thing.number));
        until(|| pool.stats().waiting == 1);
        end(held);
        assert_eq!(waiter.join().unwrap().unwrap(), 2);
    });
    closes_balanced(&pool);
}

#[test]
fn discarding_serves_a_waiter_with_a_new_one() {
    the_end_serves_a_waiter(|held| held.discard("no more"));
}

#[test]
fn detaching_serves_a_waiter_with_a_new_one() {
    the_end_serves_a_waiter(|held| drop(held.detach()));
}

#[test]
fn a_suspect_that_passes_its_check_is_lent_again() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    let mut guard = pool.checkout().unwrap();
    guard.mark_suspect();
    drop(guard);
    assert_eq!((pool.stats().checking, probe.check.calls()), (1, 0));
    assert!(matches!(pool.try_checkout().map(drop), Err(CheckoutError::Exhausted(_))), "nobody gets it unchecked");
    pool.tick();
    assert_eq!((pool.stats().available, probe.check.calls()), (1, 1));
    assert_eq!(pool.checkout().unwrap().number, 1);
    assert_eq!(probe.check.calls(), 1, "it is no longer suspect");
    closes_balanced(&pool);
}

#[test]
fn a_resource_that_recycle_suspects_is_checked() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    probe.recycle.next([Act::Say(ReturnOutcome::Suspect)]);
    drop(pool.checkout().unwrap());
    assert_eq!((pool.stats().checking, pool.stats().available), (1, 0));
    pool.tick();
    assert_eq!(pool.stats().available, 1);
    closes_balanced(&pool);
}

/// Uses the pool's one resource as a suspect whose check fails.
fn fail_a_check(pool: &Pool<Probe>, probe: &Probe) {
    probe.check.next([Act::Fail]);
    let mut guard = pool.checkout().unwrap();
    assert_eq!(guard.number, 1);
    guard.mark_suspect();
    drop(guard);
    pool.tick();
}

#[test]
fn three_failed_checks_in_a_row_end_a_resource_and_not_one_or_two() {
    let probe = Probe::new();
    let pool = still(&probe, &VirtualClock::new()).build().unwrap();
    for _ in 0..2 {
        fail_a_check(&pool, &probe);
        assert_eq!((pool.stats().degraded, pool.stats().available), (1, 0));
    }
    fail_a_check(&pool, &probe);
    assert_eq!(destroyed(&pool, DestroyReason::CheckFailed), (1, 1));
    pool.tick();
    assert_eq!((pool.stats().available, pool.checkout().unwrap().number), (1, 2));
    closes_balanced(&pool);
}

#[test]
fn a_degraded_resource_is_lent_as_a_last_resort_and_checked_again() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    fail_a_check(&pool, &probe);
    assert_eq!(pool.stats().degraded, 1);
    drop(pool.checkout().unwrap());
    assert_eq!((pool.stats().checking, probe.check.calls()), (1, 1), "one good use proves nothing");
    pool.tick();
    assert_eq!((pool.stats().available, pool.stats().degraded), (1, 0));
    // A check that passes clears its record: two more failures do not end it.
    fail_a_check(&pool, &probe);
    fail_a_check(&pool, &probe);
    assert_eq!((pool.stats().degraded, pool.stats().destroyed.total()), (1, 0));
    closes_balanced(&pool);
}

#[test]
fn a_degraded_resource_comes_after_every_healthy_one() {
    let probe = Probe::new();
    let pool = still(&probe, &VirtualClock::new()).max_size(2).build().unwrap();
    let (first, second) = (pool.checkout().unwrap(), pool.checkout().unwrap());
    let (mut bad, good) = if first.number == 1 { (first, second) } else { (second, first) };
    bad.mark_suspect();
    probe.check.next([Act::Fail]);
    drop((bad, good));
    pool.tick();
    assert_eq!((pool.stats().degraded, pool.stats().available), (1, 1));
    let (first, last) = (pool.checkout().unwrap(), pool.checkout().unwrap());
    assert_eq!((first.number, last.number), (2, 1));
    drop((first, last));
    pool.tick();
    closes_balanced(&pool);
}

#[test]
fn a_degraded_resource_serves_a_waiter() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).build().unwrap();
    let mut held = pool.checkout_owned().unwrap();
    held.mark_suspect();
    probe.check.next([Act::Fail]);
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout().map(|thing| thing.number));
        until(|| pool.stats().waiting == 1);
        drop(held);
        assert_eq!(waiter.join().unwrap().unwrap(), 1);
    });
    closes_balanced(&pool);
}

/// A last resort is one when there is room but nothing to fill it with, as much as when there is no room.
#[test]
fn a_degraded_resource_is_lent_when_no_other_can_be_created() {
    for creation in [Creation::Inline, Creation::Background] {
        let probe = Probe::new();
        let pool = Pool::builder(probe.clone()).max_size(2).min_idle(1).creation(creation).build().unwrap();
        let mut guard = pool.checkout().unwrap();
        guard.mark_suspect();
        probe.check.next([Act::Fail]);
        probe.create.always(Act::Fail);
        drop(guard);
        until(|| pool.stats().degraded == 1);
        let lent = pool.checkout_timeout(Duration::from_secs(1)).map(|thing| thing.number);
        assert!(matches!(lent, Ok(1)), "{creation:?}: {lent:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn a_broken_resource_is_destroyed_by_whichever_callback_says_so() {
    let says: [fn(&Probe); 3] = [
        |probe| probe.is_broken.next([Act::Fail]),
        |probe| probe.recycle.next([Act::Say(ReturnOutcome::Broken)]),
        |probe| {
            probe.recycle.next([Act::Say(ReturnOutcome::Suspect)]);
            probe.check.next([Act::Panic]);
        },
    ];
    for (at, say) in says.into_iter().enumerate() {
        let probe = Probe::new();
        let pool = one_still(&probe);
        say(&probe);
        drop(pool.checkout().unwrap());
        pool.tick();
        pool.tick();
        let reason = if at == 2 { DestroyReason::CallbackPanicked } else { DestroyReason::Broken };
        assert_eq!(destroyed(&pool, reason), (1, 1));
        assert_eq!(pool.checkout().unwrap().number, 2);
        closes_balanced(&pool);
    }
}

#[test]
fn what_is_still_busy_is_checked_after_growing_pauses_until_it_passes() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = still(&probe, &clock).build().unwrap();
    probe.recycle.next([Act::Say(ReturnOutcome::StillBusy)]);
    probe.check.next([Act::Fail, Act::Fail, Act::Pass]);
    drop(pool.checkout().unwrap());
    for (check, pause) in [10, 20, 40].into_iter().enumerate() {
        clock.advance((pause - 1) * MS);
        pool.tick();
        assert_eq!((probe.check.calls(), pool.stats().checking), (check, 1), "not before its time");
        clock.advance(MS);
        pool.tick();
        assert_eq!(probe.check.calls(), check + 1);
    }
    assert_eq!((pool.stats().available, pool.checkout().unwrap().number), (1, 1));
    closes_balanced(&pool);
}

#[test]
fn what_is_busy_for_ever_is_destroyed_after_eight_checks() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = still(&probe, &clock).build().unwrap();
    probe.recycle.next([Act::Say(ReturnOutcome::StillBusy)]);
    probe.check.always(Act::Fail);
    drop(pool.checkout().unwrap());
    while pool.stats().destroyed.total() == 0 && clock.elapsed() < Duration::from_secs(10) {
        clock.advance(10 * MS);
        pool.tick();
    }
    assert_eq!((probe.check.calls(), clock.elapsed()), (8, 2550 * MS));
    assert_eq!(destroyed(&pool, DestroyReason::CheckFailed), (1, 1));
    pool.tick();
    assert_eq!(pool.checkout().unwrap().number, 2);
    closes_balanced(&pool);
}

/// With a real keeper: nothing but the clock moves it.
#[test]
fn the_keeper_looks_after_what_is_still_busy() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = Pool::builder(probe.clone()).clock(&clock).build().unwrap();
    probe.recycle.next([Act::Say(ReturnOutcome::StillBusy)]);
    drop(pool.checkout().unwrap());
    assert_eq!(pool.stats().checking, 1);
    clock.advance(10 * MS);
    until(|| pool.stats().available == 1);
    closes_balanced(&pool);
}

#[test]
fn closing_ends_what_is_in_quarantine() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    probe.recycle.next([Act::Say(ReturnOutcome::StillBusy)]);
    drop(pool.checkout().unwrap());
    closes_balanced(&pool);
    assert_eq!(probe.alive(), 0);
}

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

#[test]
fn a_check_that_hangs_costs_its_own_place_and_nobody_elses() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(2).build().unwrap();
    probe.check.shut();
    let mut guard = pool.checkout().unwrap();
    guard.mark_suspect();
    drop(guard);
    until(|| probe.check.inside() == 1);
    for _ in 0..100 {
        drop(pool.checkout().unwrap());
    }
    assert_eq!((pool.stats().checking, pool.stats().available), (1, 1));
    probe.check.open();
    until(|| pool.stats().available == 2);
    closes_balanced(&pool);
}

#[test]
fn a_forgotten_guard_is_one_visible_leak_until_the_pool_is_gone() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(2).name("leaky").build().unwrap();
    let line = line!() + 1;
    std::mem::forget(pool.checkout().unwrap());
    let holders = pool.holders();
    assert_eq!((pool.stats().in_use, pool.stats().available, holders.len()), (1, 1, 1));
    assert_eq!((holders[0].site.file(), holders[0].site.line()), (file!(), line));
    drop(pool.checkout().unwrap());
    let report = pool.close(Duration::ZERO);
    until(|| pool.stats().destroyed.total() == 1);
    assert!(!report.is_complete() && report.still_out.len() == 1, "{report}");
    assert!(report.to_string().contains(&format!("{}:{line}", file!())), "{report}");
    assert!(pool.audit().is_clean(), "{}", pool.audit());
    drop(pool);
    until(|| probe.alive() == 0);
    assert_eq!(probe.destroy.calls(), 2, "the pool's own end destroys what was forgotten");
}

#[test]
fn no_two_resources_ever_have_the_same_id() {
    let pool = Pool::builder(Probe::new()).max_size(3).build().unwrap();
    let seen: Mutex<HashMap<ResourceId, usize>> = Mutex::default();
    thread::scope(|s| {
        for thread in 0..4 {
            let (pool, seen) = (&pool, &seen);
            s.spawn(move || {
                for round in 0..500 {
                    let guard = pool.checkout().unwrap();
                    let (id, number) = (guard.id(), guard.number);
                    match (thread + round) % 4 {
                        0 => guard.discard("next"),
                        1 => drop(guard.detach()),
                        _ => drop(guard),
                    }
                    let named = *seen.lock().unwrap().entry(id).or_insert(number);
                    assert_eq!(named, number, "{id} names two resources");
                }
            });
        }
    });
    closes_balanced(&pool);
    let seen = seen.into_inner().unwrap();
    let numbers: std::collections::HashSet<_> = seen.values().collect();
    assert_eq!(numbers.len(), seen.len(), "one resource has two ids");
}
