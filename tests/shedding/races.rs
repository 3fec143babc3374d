//! What comes at the same time as the shedding: grants, wakes, the end of the pool, a guard that never comes back.

use super::*;
use std::sync::{Arc, Barrier};

const FAIRNESSES: [Fairness; 3] =
    [Fairness::Fifo, Fairness::Barging, Fairness::Eventual { bound: Duration::from_micros(500) }];

#[test]
fn a_grant_that_came_first_wins() {
    let two = |builder| codel(builder).max_size(2);
    scene(two, |s, pool, clock| {
        for _ in 0..50 {
            let held = [(); 2].map(|()| pool.checkout_owned().unwrap());
            let waiters = [waits(s, pool), waits(s, pool)];
            // Granted before the time comes, whether their threads have seen it or not.
            drop(held);
            clock.advance(100 * MS);
            waiters.into_iter().for_each(|waiter| drop(waiter.join().unwrap().unwrap()));
        }
        assert_eq!(pool.stats().shed.total(), 0);
    });
}

/// Returns beside the moment in which all but one are shed: whatever was handed to a waiter is used or goes on, and a wake
/// that a shed one had in hand reaches whoever is left.
#[test]
fn a_return_at_the_same_time_is_not_lost() {
    for fairness in FAIRNESSES {
        let two = |builder| codel(builder).max_size(2).fairness(fairness);
        scene(two, |s, pool, clock| {
            let (mut served, mut shed) = (0, 0);
            let start = Arc::new(Barrier::new(2));
            for round in 0..300 {
                let held = [(); 2].map(|()| pool.checkout_owned().unwrap());
                // They give back on their own threads, whoever of them is asked about first.
                let waiters = [(); 4].map(|()| s.spawn(|| pool.checkout_timeout(1_000 * SEC).map(drop)));
                until(|| pool.stats().waiting == 4);
                let returns = s.spawn({
                    let start = Arc::clone(&start);
                    move || {
                        start.wait();
                        drop(held);
                    }
                });
                start.wait();
                (0..round % 50).for_each(|_| std::hint::spin_loop());
                clock.advance(100 * MS);
                for waiter in waiters {
                    match waiter.join().unwrap() {
                        Ok(()) => served += 1,
                        Err(CheckoutError::Shed(_)) => shed += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
                returns.join().unwrap();
                assert_eq!((pool.stats().waiting, pool.stats().available), (0, 2), "{fairness:?}");
                assert!(pool.audit().is_clean(), "{}", pool.audit());
                // No overload goes on into the next round.
                clock.advance(SEC);
            }
            assert_eq!(served + shed, 1_200);
            assert_eq!(pool.stats().shed.total(), shed);
            assert!(served >= 300, "the first of each round is never shed");
        });
    }
}

#[test]
fn close_ends_an_overload_for_all() {
    scene(codel, |s, pool, clock| {
        let (held, first) = overload(s, pool, clock);
        let young = waits(s, pool);
        pool.close(Duration::ZERO);
        for waiter in [first, young] {
            assert!(matches!(waiter.join().unwrap().map(drop), Err(CheckoutError::Closed(_))));
        }
        drop(held);
    });
}

#[test]
fn close_beside_the_shedding_leaves_nobody_behind() {
    for _ in 0..200 {
        scene(codel, |s, pool, clock| {
            let held = pool.checkout_owned().unwrap();
            let waiters = [(); 3].map(|()| waits(s, pool));
            let closer = s.spawn(|| pool.close(Duration::ZERO));
            clock.advance(100 * MS);
            for waiter in waiters {
                let ended = waiter.join().unwrap().map(drop);
                assert!(matches!(ended, Err(CheckoutError::Closed(_) | CheckoutError::Shed(_))), "{ended:?}");
            }
            closer.join().unwrap();
            drop(held);
        });
    }
}

/// Nothing ever comes back: the first has its patience, all others their target, and each tells which it was. Nor does the pool
/// close balanced, so this is no `scene`.
#[test]
fn a_forgotten_guard_sheds_all_but_the_first() {
    let clock = VirtualClock::new();
    let pool = still(&clock).codel(CoDel::default()).build().unwrap();
    std::mem::forget(pool.checkout().unwrap());
    thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        let mut first = queues(s, &pool, Priority::Normal, SEC);
        clock.advance(100 * MS);
        for _ in 0..3 {
            let next = queues(s, &pool, Priority::Normal, SEC);
            clock.advance(5 * MS);
            shed(next.join().unwrap().unwrap_err());
            let next = queues(s, &pool, Priority::Normal, SEC);
            clock.advance(MS);
            stay(&pool, 2);
            clock.advance(4 * MS);
            shed(next.join().unwrap().unwrap_err());
            clock.advance(SEC);
            assert!(matches!(first.join().unwrap().map(drop), Err(CheckoutError::Timeout(_))));
            first = queues(s, &pool, Priority::Normal, SEC);
            clock.advance(100 * MS);
        }
        clock.advance(SEC);
        assert!(matches!(first.join().unwrap().map(drop), Err(CheckoutError::Timeout(_))));
    });
    assert!(pool.audit().is_clean(), "{}", pool.audit());
}
