//! Resources that are created well and fail at once.

use super::support::{Act, closes_balanced};
use super::{MIN, SEC, pass, still};
use slackwater::{DestroyReason, Keeper, Manager, Pool, PoolEvent, VirtualClock};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

#[test]
fn resources_that_fail_in_their_first_use_are_made_ever_more_seldom() {
    let (probe, clock, mut builder) = still();
    let events = builder.subscribe(64);
    let pool = builder.max_size(4).min_idle(2).build().unwrap();
    probe.is_broken.always(Act::Fail);
    let mut made = Vec::new();
    for _ in 0..10 {
        let before = pool.stats().created;
        // Somebody is always there to use what is made, and finds out.
        for _ in 0..60 {
            while let Some(held) = (pool.stats().available > 0).then(|| pool.checkout().unwrap()) {
                drop(held);
            }
            pass(&pool, &clock, SEC, SEC);
        }
        made.push(pool.stats().created - before);
    }
    assert!(made[0] < 20, "pauses of 1, 2, 4 s and so on: {made:?}");
    assert!(made[2..].iter().all(|made| *made <= 3), "about one a minute in the end: {made:?}");
    assert!(pool.stats().short_lives > 5);
    let loops = events.try_iter().filter(|event| matches!(event, PoolEvent::CrashLoop { .. }));
    assert!(loops.count() > 5);

    // What somebody wants is made all the same, and what lives ends the loop.
    probe.is_broken.always(Act::Pass);
    drop(pool.checkout().unwrap());
    pass(&pool, &clock, 3 * SEC, SEC);
    assert_eq!((pool.stats().available, pool.stats().short_lives), (2, 0));
    closes_balanced(&pool);
}

#[test]
fn a_few_short_lives_and_failures_later_in_life_are_no_loop() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(3).build().unwrap();
    let break_one = || {
        probe.is_broken.next([Act::Fail]);
        drop(pool.checkout().unwrap());
    };
    for _ in 0..20 {
        (0..4).for_each(|_| break_one());
        pass(&pool, &clock, Duration::from_millis(1), Duration::from_millis(1));
        assert_eq!(pool.stats().available, 3, "made anew at once");
        pass(&pool, &clock, 2 * SEC, SEC);
    }
    for _ in 0..20 {
        (0..3).for_each(|_| drop(pool.checkout().unwrap()));
        pass(&pool, &clock, 2 * SEC, SEC);
        break_one();
        pool.tick();
        assert_eq!(pool.stats().available, 3);
    }
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Broken), 100);
    closes_balanced(&pool);
}

/// Promise: a backend that is started anew costs what was connected to it and no pause. Provoked: it takes twelve with it that nobody
/// has used yet, which their first borrowers find out one after another.
#[test]
fn those_that_were_there_when_the_first_of_them_failed_are_no_loop() {
    let (probe, clock, mut builder) = still();
    let events = builder.subscribe(64);
    let pool = builder.max_size(12).min_idle(12).build().unwrap();
    clock.advance(MIN);
    let dead: Vec<_> = (0..12).map(|_| pool.checkout().unwrap()).collect();
    probe.is_broken.next([Act::Fail; 12]);
    drop(dead);
    pool.tick();
    let stats = pool.stats();
    assert_eq!((stats.destroyed.by(DestroyReason::Broken), stats.available, stats.short_lives), (12, 12, 1));
    assert!(!events.try_iter().any(|event| matches!(event, PoolEvent::CrashLoop { .. })));
    closes_balanced(&pool);
}

/// Promise: what was there already when a pause began does not lengthen it; what is made since does.
#[test]
fn a_wave_of_failures_is_one_pause() {
    let (probe, clock, mut builder) = still();
    let events = builder.subscribe(256);
    let pool = builder.max_size(20).min_idle(0).build().unwrap();
    let pauses = || -> Vec<_> {
        let told = |event| if let PoolEvent::CrashLoop { pause, .. } = event { Some(pause) } else { None };
        events.try_iter().filter_map(told).collect()
    };
    let wave = |many: usize| {
        let held: Vec<_> = (0..many).map(|_| pool.checkout().unwrap()).collect();
        drop(held);
    };
    probe.is_broken.always(Act::Fail);
    wave(20);
    assert_eq!((pauses(), pool.stats().short_lives), (vec![], 1));
    wave(20);
    assert_eq!((pauses(), pool.stats().short_lives), (vec![SEC], 5));
    wave(20);
    assert_eq!((pauses(), pool.stats().short_lives), (vec![2 * SEC], 6));
    clock.advance(2 * SEC);
    pool.tick();
    wave(1);
    assert_eq!((pauses(), pool.stats().short_lives), (vec![4 * SEC], 7));
    let further = (0..100).flat_map(|_| {
        wave(1);
        pauses()
    });
    assert_eq!(further.collect::<Vec<_>>()[3..], [MIN; 97], "after 8, 16 and 32 s the longest, for good");
    closes_balanced(&pool);
}

/// Makes numbers. Those from a certain one on do not survive their first use.
struct Versions {
    made: AtomicUsize,
    bad_from: AtomicUsize,
}

impl Manager for Versions {
    type Resource = Box<usize>;
    type Error = String;

    fn create(&self) -> Result<Box<usize>, String> {
        Ok(Box::new(self.made.fetch_add(1, Relaxed)))
    }

    fn is_broken(&self, number: &mut Box<usize>) -> bool {
        **number >= self.bad_from.load(Relaxed)
    }
}

#[test]
fn a_rolling_replacement_stops_at_successors_that_do_not_live() {
    let clock = VirtualClock::new();
    let versions = Versions { made: AtomicUsize::new(0), bad_from: AtomicUsize::new(20) };
    let pool = Pool::builder(versions).max_size(20).keeper(Keeper::Manual).clock(&clock).build().unwrap();
    let old = || {
        let held: Vec<_> = (0..20).filter_map(|_| pool.try_checkout().ok()).collect();
        held.iter().filter(|number| ****number < 20).count()
    };
    let rollout = pool.replace_all(1, 0).unwrap();
    for _ in 0..60 {
        clock.advance(SEC);
        pool.tick();
        old();
    }
    let left = old();
    assert!((15..20).contains(&left), "at most five before the pause, which those made on demand keep up: {left}");
    // The next ones are good.
    pool.manager().bad_from.store(usize::MAX, Relaxed);
    for _ in 0..200 {
        clock.advance(SEC);
        pool.tick();
        old();
    }
    assert_eq!((old(), rollout.remaining(), pool.stats().available), (0, 0, 20));
    closes_balanced(&pool);
}
