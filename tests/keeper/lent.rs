//! What is lent is its holder's: the keeper ends and checks what is free, however much of it is due.

use super::support::{Act, Probe, WATCHDOG, closes_balanced, until};
use super::{MIN, SEC, number, pass, still};
use slackwater::{CheckoutError, DestroyReason, OnLeak, Pool};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

#[test]
fn while_all_are_lent_the_keeper_ends_and_checks_nothing() {
    let (probe, clock, builder) = still();
    let builder = builder.max_size(3).min_idle(1).idle_timeout(MIN).check_interval(MIN).check_if_idle_for(MIN);
    let pool = builder.max_hold(10 * MIN).build().unwrap();
    let held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
    pass(&pool, &clock, 20 * MIN, 10 * SEC);
    assert_eq!((probe.check.calls(), probe.ended().len(), probe.create.calls()), (0, 0, 3));
    drop(held);
    assert_eq!(pool.stats().available, 3);
    closes_balanced(&pool);
}

#[test]
fn a_pool_that_is_empty_keeps_its_keeper_idle() {
    let (probe, clock, builder) = still();
    let builder = builder.max_size(3).min_idle(0).idle_timeout(MIN).check_interval(MIN).check_if_idle_for(MIN);
    let pool = builder.max_lifetime(MIN).max_hold(MIN).memory_budget(100).build().unwrap();
    pass(&pool, &clock, 20 * MIN, 10 * SEC);
    assert_eq!((probe.create.calls(), probe.check.calls(), probe.ended().len()), (0, 0, 0));
    drop(pool.checkout().unwrap());
    closes_balanced(&pool);
}

/// The shortest spans there are, a real keeper, and threads that hold what the keeper would like to end: whatever has ended
/// is in nobody's hands, nobody waits in vain, and nothing is ended twice.
#[test]
fn a_keeper_that_ends_all_it_can_ends_nothing_that_is_lent() {
    let probe = Probe::new();
    let builder = Pool::builder(probe.clone()).max_size(4).min_idle(1).surge(2).max_unavailable(1);
    let builder = builder.max_lifetime(MS).lifetime_jitter(0.5).idle_timeout(MS).check_interval(MS);
    let pool = builder.checkout_timeout(MIN).build().unwrap();
    thread::scope(|s| {
        for user in 0..6 {
            let (pool, probe) = (&pool, &probe);
            s.spawn(move || {
                for round in 0..150 {
                    let held = pool.checkout().unwrap();
                    let number = number(&held);
                    for _ in 0..(user + round) % 40 {
                        thread::yield_now();
                    }
                    assert!(!probe.ended().contains(&number), "{number} was ended in its holder's hands");
                    drop(held);
                    // Time to idle.
                    (0..(user * round) % 40).for_each(|_| thread::yield_now());
                }
            });
        }
    });
    assert_eq!(pool.stats().timeouts, 0);
    closes_balanced(&pool);
    let mut ended = probe.ended();
    ended.sort_unstable();
    assert_eq!(ended, (1..=ended.len()).collect::<Vec<_>>(), "each once");
}

/// Returns race with the keeper that gives their capacity to somebody else. In the end there is one place for each.
#[test]
fn a_return_at_the_moment_of_its_replacement_keeps_the_books() {
    let probe = Probe::new();
    let builder = Pool::builder(probe.clone()).max_size(3).max_hold(MS).on_leak(OnLeak::Replace { at_most: 2 });
    let pool = builder.checkout_timeout(MIN).build().unwrap();
    let rounds = AtomicUsize::new(0);
    thread::scope(|s| {
        for user in 0..5 {
            let (pool, rounds) = (&pool, &rounds);
            s.spawn(move || {
                let began = Instant::now();
                while pool.stats().long_holds < 60 {
                    assert!(began.elapsed() < 3 * WATCHDOG, "{:?}", pool.stats());
                    let round = rounds.fetch_add(1, Relaxed);
                    let held = pool.checkout().unwrap();
                    // A hold is known to 10 ms, so let some reports come in the middle.
                    let before = pool.stats().long_holds;
                    if (user + round).is_multiple_of(3) {
                        until(|| pool.stats().long_holds > before || pool.stats().waiting == 0);
                    }
                    if round % 5 == 0 {
                        held.discard("late or not");
                    }
                }
            });
        }
    });
    until(|| pool.stats().total <= 3 && pool.stats().retiring + pool.stats().creating == 0);
    assert!(probe.most_alive() <= 3 + 2, "{} alive at once", probe.most_alive());
    until(|| {
        let held: Vec<_> = std::iter::from_fn(|| pool.try_checkout().ok()).take(9).collect();
        held.len() == 3
    });
    closes_balanced(&pool);
}

#[test]
fn a_late_discard_or_detach_is_as_good_as_a_late_return() {
    for detach in [false, true] {
        let (probe, clock, builder) = still();
        let pool = builder.max_hold(MIN).on_leak(OnLeak::Replace { at_most: 1 }).build().unwrap();
        let late = pool.checkout().unwrap();
        pass(&pool, &clock, 61 * SEC, SEC);
        let other = pool.checkout().unwrap();
        if detach {
            assert_eq!(late.detach().text, "thing 1");
        } else {
            late.discard("late");
        }
        assert_eq!(number(&other), 2, "the other one's holder notices nothing");
        // The place goes when the keeper comes by.
        pool.tick();
        assert!(matches!(pool.try_checkout(), Err(CheckoutError::Exhausted(_))), "one place for one");
        drop(other);
        pass(&pool, &clock, 2 * SEC, SEC);
        assert_eq!((pool.stats().total, pool.stats().destroyed.by(DestroyReason::HeldTooLong)), (1, 0));
        let one = pool.try_checkout().unwrap();
        assert!(pool.try_checkout().is_err());
        drop(one);
        closes_balanced(&pool);
        assert_eq!(probe.alive(), 0);
    }
}

/// Two that wait, and one that never gives back: the replacement of what it holds serves them both.
#[test]
fn the_replacement_of_a_lost_resource_serves_those_who_wait() {
    use slackwater::{Creation, VirtualClock};
    for creation in [Creation::Inline, Creation::Background] {
        let (probe, clock) = (Probe::new(), VirtualClock::new());
        let builder = Pool::builder(probe.clone()).clock(&clock).max_hold(MIN).on_leak(OnLeak::Replace { at_most: 1 });
        let pool = builder.creation(creation).checkout_timeout(60 * MIN).build().unwrap();
        let lost = pool.checkout().unwrap();
        let served = AtomicBool::new(false);
        thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    let held = pool.checkout();
                    served.store(true, Relaxed);
                    assert_eq!(number(&held.unwrap()), 2);
                });
            }
            until(|| pool.stats().waiting == 2);
            clock.advance(2 * MIN);
            until(|| served.load(Relaxed));
        });
        drop(lost);
        until(|| pool.stats().total == 1);
        closes_balanced(&pool);
    }
}

#[test]
fn neither_a_close_nor_a_resize_is_a_leak() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(3).max_hold(MIN).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    pool.resize(1, 1).unwrap();
    pool.resize(3, 3).unwrap();
    pass(&pool, &clock, 30 * SEC, SEC);
    assert_eq!(pool.close(Duration::ZERO).still_out.len(), 1);
    pool.tick();
    assert_eq!(pool.stats().long_holds, 0);
    drop(held);
    closes_balanced(&pool);
    assert_eq!(pool.stats().long_holds, 0);
}

#[test]
fn without_max_hold_no_hold_is_too_long() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(2).build().unwrap();
    let events = pool.subscribe(100);
    let held = pool.checkout().unwrap();
    pass(&pool, &clock, 24 * 60 * MIN, 60 * MIN);
    pool.resize(1, 1).unwrap();
    drop(held);
    pool.tick();
    assert_eq!((pool.stats().long_holds, pool.stats().total), (0, 1));
    let leaks = |event| matches!(event, slackwater::PoolEvent::LeakSuspected(_));
    assert!(!events.try_iter().any(leaks));
    closes_balanced(&pool);
}

/// A regular check is nobody's request, so nobody is told of its panic: the resource goes, and another comes.
#[test]
fn a_regular_check_that_panics_costs_that_resource_alone() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(3).check_interval(10 * SEC).build().unwrap();
    probe.check.next([Act::Panic]);
    pass(&pool, &clock, 15 * SEC, SEC);
    assert_eq!((probe.check.calls(), pool.stats().callback_panics), (3, 1), "the other two had their checks");
    assert_eq!(pool.stats().destroyed.by(DestroyReason::CallbackPanicked), 1);
    assert_eq!((pool.stats().available, pool.stats().total), (3, 3));
    closes_balanced(&pool);
}
