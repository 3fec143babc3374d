//! How long things take, by the pool's clock: what is counted, how often, and with what weight.

mod support;

use slackwater::{Builder, Keeper, Latencies, Pool, VirtualClock};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use support::{Act, Probe, TimeRunsOut, closes_balanced, until};

const MS: Duration = Duration::from_millis(1);

fn pool(set: impl FnOnce(Builder<Probe>) -> Builder<Probe>) -> (Pool<Probe>, Probe, VirtualClock) {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = set(Pool::builder(probe.clone()).clock(&clock).keeper(Keeper::Manual).time_one_in(1)).build().unwrap();
    (pool, probe, clock)
}

fn counts(latencies: &Latencies) -> [u64; 6] {
    latencies.all().map(|(_, distribution)| distribution.count())
}

#[test]
fn a_wait_is_as_long_as_the_clock_says_and_so_is_the_hold_before_it() {
    let (pool, _, clock) = pool(|b| b);
    let _end = TimeRunsOut(&clock);
    let held = pool.checkout().unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| drop(pool.checkout().unwrap()));
        until(|| pool.stats().waiting == 1);
        clock.advance(300 * MS);
        drop(held);
        waiter.join().unwrap();
    });
    let latencies = pool.latencies();
    assert_eq!((latencies.wait.count(), latencies.wait.sum(), latencies.wait.max()), (2, 300 * MS, 300 * MS));
    assert_eq!((latencies.hold.count(), latencies.hold.sum(), latencies.hold.max()), (2, 300 * MS, 300 * MS));
    closes_balanced(&pool);
}

#[test]
fn every_call_is_one_wait_whether_it_got_something_or_not() {
    let (pool, _, clock) = pool(|b| b.max_waiters(1));
    let _end = TimeRunsOut(&clock);
    (0..100).for_each(|_| drop(pool.checkout().unwrap()));
    let held = pool.checkout().unwrap();
    assert!(pool.try_checkout().is_err());
    assert!(pool.checkout_timeout(Duration::ZERO).is_err());
    std::thread::scope(|scope| {
        let late = scope.spawn(|| pool.checkout_timeout(40 * MS).is_err());
        until(|| pool.stats().waiting == 1);
        assert!(pool.checkout().is_err(), "the queue is full");
        clock.advance(40 * MS);
        assert!(late.join().unwrap());
    });
    drop(held);
    let (wait, stats) = (pool.latencies().wait, pool.stats());
    assert_eq!((stats.checkouts, stats.timeouts, stats.rejected), (101, 2, 2));
    assert_eq!(wait.count(), stats.checkouts + stats.timeouts + stats.rejected);
    // Whoever waited in vain is not left out, and whoever did not wait counts as no time at all.
    assert_eq!((wait.sum(), wait.max()), (40 * MS, 40 * MS));
    assert_eq!([99.0, 100.0].map(|percent| wait.percentile(percent)), [Duration::ZERO, 40 * MS]);
    closes_balanced(&pool);
}

#[test]
fn a_creation_on_the_callers_thread_is_a_wait_even_if_it_fails() {
    let (clock, works) = (VirtualClock::new(), AtomicBool::new(true));
    let theirs = clock.clone();
    let slow = move || {
        theirs.advance(300 * MS);
        if works.swap(false, Relaxed) { Ok(Box::new(0)) } else { Err("down") }
    };
    let pool = Pool::builder(slow).clock(&clock).keeper(Keeper::Manual).max_size(2).min_idle(0).build().unwrap();
    let held = pool.try_checkout().unwrap();
    assert!(pool.try_checkout().is_err());
    assert_eq!((pool.latencies().wait.count(), pool.latencies().wait.sum()), (2, 600 * MS));
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn time_one_in_is_how_many_uses_a_timed_one_stands_for() {
    let uses = 256_000_u64;
    for one_in in [1_u32, 7, 64] {
        let (pool, _, clock) = pool(|b| b.time_one_in(one_in));
        // One use in three is long.
        for each in 0..uses {
            let held = pool.checkout().unwrap();
            clock.advance(if each % 3 == 0 { 4 * MS } else { MS });
            drop(held);
        }
        let Latencies { wait, hold, recycle, .. } = pool.latencies();
        assert_eq!((wait.count(), wait.sum()), (uses, Duration::ZERO), "nobody waited, and that is known of each");
        assert_eq!(recycle.count(), hold.count());
        let off = |told: f64, exact: f64| (told - exact).abs() / exact;
        // Five standard deviations of a draw of one in so many.
        let share = 5.0 * (f64::from(one_in) / uses as f64).sqrt();
        assert!(off(hold.count() as f64, uses as f64) < share, "1 in {one_in}: {hold}");
        assert!(off(hold.mean().as_secs_f64(), 0.002) < share, "1 in {one_in}: {hold}");
        assert_eq!((hold.percentile(50.0) / 1_000_000, hold.max()), (Duration::from_nanos(1), 4 * MS), "{hold}");
        if one_in == 1 {
            // 85,334 of them are 3 ms longer than the others.
            assert_eq!((hold.count(), hold.sum()), (uses, (256_000 + 3 * 85_334) * MS));
        }
        closes_balanced(&pool);
    }
}

#[test]
fn of_none_no_use_is_timed_and_waits_are_all_the_same() {
    let (pool, _, _) = pool(|b| b.time_one_in(0));
    (0..1_000).for_each(|_| drop(pool.checkout().unwrap()));
    pool.checkout().unwrap().discard("to have another made");
    drop(pool.checkout().unwrap());
    assert_eq!(counts(&pool.latencies()), [1_002, 0, 2, 0, 0, 1]);
    closes_balanced(&pool);
}

#[test]
fn a_use_ends_with_a_return_a_discard_or_a_detach_and_the_guard_may_have_moved() {
    let (pool, _, clock) = pool(|b| b.max_size(3));
    let [back, gone, kept] = [(); 3].map(|()| pool.checkout_owned().unwrap());
    clock.advance(5 * MS);
    let thread = std::thread::spawn(move || drop(back));
    thread.join().unwrap();
    gone.discard("no more");
    drop(kept.detach());
    let hold = pool.latencies().hold;
    assert_eq!((hold.count(), hold.sum()), (3, 15 * MS));
    closes_balanced(&pool);
}

#[test]
fn each_call_of_the_managers_is_timed_those_that_fail_too() {
    let (pool, probe, clock) = pool(|b| b.min_idle(0));
    probe.create.next([Act::Fail]);
    assert!(pool.try_checkout().is_err());
    clock.advance(Duration::from_secs(10));
    let mut held = pool.checkout().unwrap();
    held.mark_suspect();
    drop(held);
    pool.tick();
    until(|| pool.stats().available == 1);
    probe.check.next([Act::Fail]);
    pool.checkout().unwrap().mark_suspect();
    pool.tick();
    assert_eq!(pool.stats().degraded, 1);
    closes_balanced(&pool);
    assert_eq!((probe.create.calls(), probe.check.calls(), probe.destroy.calls()), (2, 2, 1));
    assert_eq!(counts(&pool.latencies()), [3, 2, 2, 2, 2, 1]);
}

#[test]
fn an_interval_is_what_lies_between_two_looks() {
    let (pool, _, clock) = pool(|b| b);
    let used_for = |span: Duration| {
        let held = pool.checkout().unwrap();
        clock.advance(span);
        drop(held);
    };
    used_for(900 * MS);
    let earlier = pool.latencies();
    used_for(2 * MS);
    used_for(4 * MS);
    let lately = pool.latencies().since(&earlier);
    assert_eq!((lately.hold.count(), lately.hold.mean(), lately.wait.count()), (2, 3 * MS, 2));
    assert!(lately.hold.max() < 5 * MS, "{}", lately.hold);
    assert_eq!(counts(&pool.latencies().since(&pool.latencies())), [0; 6]);
    closes_balanced(&pool);
}

/// What watches a counter takes one that falls for a new beginning.
#[test]
fn counts_never_fall_while_the_pool_is_at_work() {
    let pool = Pool::builder(Probe::new()).max_size(1).build().unwrap();
    let stop = AtomicBool::new(false);
    let fell = std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    let held = pool.checkout().unwrap();
                    std::thread::yield_now();
                    drop(held);
                }
            });
        }
        let seen = || {
            let (stats, latencies) = (pool.stats(), pool.latencies());
            let derived = [stats.returns(), stats.affinity_hits(), latencies.wait.up_to(Duration::ZERO)];
            (counts(&latencies), [stats.checkouts, stats.affinity_misses, stats.waits], derived)
        };
        let mut last = seen();
        let mut fell = Vec::new();
        for _ in 0..10_000 {
            let now = seen();
            let all = |each: ([u64; 6], [u64; 3], [u64; 3])| each.0.into_iter().chain(each.1).chain(each.2);
            if all(now).zip(all(last)).any(|(now, last)| now < last) {
                fell.push((last, now));
            }
            last = now;
        }
        stop.store(true, Relaxed);
        fell
    });
    assert!(fell.is_empty(), "{} times, first {:?}", fell.len(), fell.first());
    let stats = pool.stats();
    assert_eq!(pool.latencies().wait.count(), stats.checkouts, "nobody was refused");
    assert_eq!((stats.returns(), stats.affinity_hits()), (stats.checkouts, stats.checkouts - stats.affinity_misses));
    closes_balanced(&pool);
}
