//! Resources beyond `max_size`: never more than there is room for, and each ends at its time.

use super::support::{Act, Probe, closes_balanced, until};
use super::{MS, SEC, pool_of};
use slackwater::{Creation, Keeper, Pool, Strategy, VirtualClock};
use std::thread;
use std::time::Duration;

/// A pool of one and three more, all out, in still time.
fn surplus(probe: &Probe, clock: &VirtualClock) -> (Pool<Probe>, Vec<slackwater::OwnedCheckout<Probe>>) {
    let pool = pool_of(probe, 1).max_overflow(3).overflow_ttl(SEC).strategy(Strategy::Fifo);
    let pool = pool.clock(clock).keeper(Keeper::Manual).build().unwrap();
    let held = (0..4).map(|_| pool.checkout_owned().unwrap()).collect();
    assert_eq!(pool.stats().overflow, 3);
    (pool, held)
}

#[test]
fn each_surplus_resource_ends_at_its_own_time() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let (pool, mut held) = surplus(&probe, &clock);
    for _ in 0..3 {
        clock.advance(400 * MS);
        held.pop();
    }
    // Numbers 4, 3 and 2 came back at 400, 800 and 1200 ms.
    for (now, ended) in [(1390, 0), (1420, 1), (1790, 1), (1820, 2), (2190, 2), (2220, 3), (9000, 3)] {
        clock.advance(now * MS - clock.elapsed());
        pool.tick();
        assert_eq!(probe.ended(), [4, 3, 2][..ended], "at {now} ms");
    }
    drop(held);
    clock.advance(60 * SEC);
    pool.tick();
    assert_eq!(pool.stats().available, 1, "the core stays");
    closes_balanced(&pool);
}

#[test]
fn a_surplus_resource_that_is_used_again_outlives_one_that_is_not() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let (pool, mut held) = surplus(&probe, &clock);
    held.pop();
    clock.advance(500 * MS);
    held.pop();
    clock.advance(400 * MS);
    assert_eq!(pool.checkout().unwrap().number, 4, "first in, first out");
    clock.advance(200 * MS);
    pool.tick();
    assert_eq!(probe.ended(), [] as [usize; 0], "number 4 has idled for 200 ms, number 3 for 600");
    clock.advance(420 * MS);
    pool.tick();
    assert_eq!(probe.ended(), [3], "the coldest goes first");
    clock.advance(400 * MS);
    pool.tick();
    assert_eq!(probe.ended(), [3, 4]);
    drop(held);
    closes_balanced(&pool);
}

/// A real keeper, and nothing but the clock to move it.
#[test]
fn the_keeper_ends_surplus_without_traffic() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = pool_of(&probe, 1).max_overflow(2).clock(&clock).build().unwrap();
    let held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
    drop(held);
    assert_eq!(pool.stats().available, 3, "the default is to keep them for a second");
    clock.advance(SEC + 20 * MS);
    until(|| pool.stats().total == 1);
    closes_balanced(&pool);
}

#[test]
fn never_more_are_alive_than_allowed_though_destroying_takes_its_time() {
    for creation in [Creation::Inline, Creation::Background, Creation::Auto] {
        let probe = Probe::new();
        probe.destroy.always(Act::Dawdle);
        let pool = pool_of(&probe, 2).max_overflow(1).overflow_ttl(Duration::ZERO).creation(creation);
        let pool = pool.checkout_timeout(60 * SEC).build().unwrap();
        thread::scope(|s| {
            for thread in 0..6_usize {
                let pool = &pool;
                s.spawn(move || {
                    for round in 0..100 {
                        let guard = pool.checkout().unwrap();
                        if (thread + round) % 3 == 0 {
                            guard.discard("next");
                        }
                    }
                });
            }
        });
        assert!(probe.most_alive() <= 3, "{} alive at once, {creation:?}", probe.most_alive());
        closes_balanced(&pool);
        assert_eq!(probe.alive(), 0);
    }
}
