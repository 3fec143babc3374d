//! What the manager's callbacks say of a resource that comes back: suspect, degraded, broken, still busy.

use super::support::{Act, Probe, closes_balanced, until};
use super::{destroyed, one_still, still};
use slackwater::{CheckoutError, Creation, DestroyReason, Pool, ReturnOutcome, VirtualClock};
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

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
