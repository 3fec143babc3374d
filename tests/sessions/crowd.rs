//! Many threads with many keys.

use super::support::{self, Act, Probe, closes_balanced, until};
use slackwater::{CheckoutError, Fairness, Pool, SessionMode, Strategy};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const MODES: [SessionMode; 4] = [
    SessionMode::Hint { wait: Duration::ZERO },
    SessionMode::Hint { wait: Duration::from_micros(50) },
    SessionMode::Wait,
    SessionMode::Fail,
];

/// A stream of numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (self.0 >> 33) % most
    }
}

/// Promise: while sessions fit the pool, more than 95 of 100 checkouts get their own, whatever the strategy. Provoked: sixteen threads
/// with four keys each on 64 resources, all beginning at once with keys that nobody knows.
#[test]
fn sessions_that_fit_the_pool_nearly_always_find_their_own() {
    for strategy in [Strategy::Affine, Strategy::Lifo, Strategy::Fifo] {
        let pool = Pool::builder(Probe::new()).max_size(64).strategy(strategy).build().unwrap();
        let together = Barrier::new(16);
        thread::scope(|scope| {
            for thread in 0..16_u64 {
                let (pool, together) = (&pool, &together);
                scope.spawn(move || {
                    together.wait();
                    let mut dice = Dice(thread);
                    for _ in 0..500 {
                        drop(pool.checkout_for(&(thread, dice.below(4))).unwrap());
                    }
                });
            }
        });
        let stats = pool.session_stats();
        assert_eq!(stats.hits + stats.misses, 16 * 500);
        assert!(stats.hit_rate().unwrap() > 0.95, "{strategy:?}: {stats:?}");
        closes_balanced(&pool);
    }
}

/// Promise: sessions that wait for their own get it each time, whoever shares it with them. Provoked: twice as many keys as resources, on
/// twice as many threads.
#[test]
fn sessions_that_wait_always_get_their_own() {
    let pool = Pool::builder(Probe::new()).max_size(4).checkout_timeout(Duration::from_secs(60)).build().unwrap();
    thread::scope(|scope| {
        for key in 0..8 {
            let pool = &pool;
            scope.spawn(move || {
                let own = pool.request().session(SessionMode::Wait).checkout_for(&key).unwrap().id();
                for _ in 0..500 {
                    let guard = pool.request().session(SessionMode::Wait).checkout_for(&key).unwrap();
                    assert_eq!(guard.id(), own);
                    if key % 2 == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    let stats = pool.session_stats();
    assert_eq!((stats.hits, stats.misses), (8 * 500, 8));
    closes_balanced(&pool);
}

/// Promise: whatever keys collide, whatever modes meet, and whatever ends meanwhile, a resource has one holder, every call ends, and nothing
/// is lost. Provoked: a table of four places, ten keys, three resources, eight threads, some of them without keys, resources that
/// break.
#[test]
fn keys_that_collide_never_share_a_resource() {
    for fairness in [Fairness::default(), Fairness::Fifo, Fairness::Barging] {
        let probe = Probe::new();
        let pool = Pool::builder(probe.clone()).max_size(3).session_places(4).fairness(fairness);
        let pool = pool.checkout_timeout(Duration::from_secs(60)).build().unwrap();
        let (holds, served) = (std::array::from_fn::<_, 8, _>(|_| AtomicBool::new(false)), AtomicU64::new(0));
        thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (pool, holds, served, probe) = (&pool, &holds, &served, &probe);
                scope.spawn(move || {
                    let mut dice = Dice(thread);
                    for _ in 0..400 {
                        let request = pool.request().session(MODES[dice.below(4) as usize]);
                        let got = match dice.below(5) {
                            0 => request.checkout(),
                            _ => request.checkout_for(&dice.below(10)),
                        };
                        let guard = match got {
                            Ok(guard) => guard,
                            Err(CheckoutError::SessionBusy(_)) => continue,
                            Err(error) => panic!("{error}"),
                        };
                        let held = &holds[guard.id().slot()];
                        assert!(!held.swap(true, SeqCst), "two have {}", guard.id());
                        if dice.below(4) == 0 {
                            thread::yield_now();
                        }
                        served.fetch_add(1, SeqCst);
                        held.store(false, SeqCst);
                        match dice.below(40) {
                            0 => guard.discard("it is to end"),
                            1 => {
                                probe.is_broken.next([Act::Fail]);
                                drop(guard);
                            }
                            _ => drop(guard),
                        }
                    }
                });
            }
        });
        assert!(served.load(SeqCst) > 0);
        assert!(pool.session_stats().evictions > 0, "{:?}", pool.session_stats());
        assert_eq!(pool.stats().waiting, 0);
        closes_balanced(&pool);
        assert_eq!(probe.alive(), 0);
    }
}

/// Promise: sessions that keep a resource busy do not starve the queue, nor the queue a session. Provoked: six threads that hand the only
/// resource to each other as fast as they can, of the one kind, and one of the other that wants it fifty times.
#[test]
fn neither_sessions_nor_the_queue_starve_the_other() {
    for (fairness, sessions_crowd) in
        [Fairness::default(), Fairness::Fifo].into_iter().flat_map(|fairness| [(fairness, true), (fairness, false)])
    {
        let pool = Pool::builder(Probe::new()).fairness(fairness).checkout_timeout(support::WATCHDOG).build().unwrap();
        let come = |with_key: bool| {
            let request = pool.request().session(SessionMode::Wait);
            let guard = if with_key { request.checkout_for("a") } else { request.checkout() };
            thread::yield_now();
            drop(guard.unwrap());
        };
        come(true);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    while !is_over.load(SeqCst) {
                        come(sessions_crowd);
                    }
                });
            }
            let wanted = scope.spawn(|| (0..50).for_each(|_| come(!sessions_crowd)));
            let went_well = wanted.join();
            is_over.store(true, SeqCst);
            went_well.unwrap();
        });
        closes_balanced(&pool);
    }
}

/// Promise: a close in the midst of it ends every wait. Provoked: as many who wait for one resource as there are threads.
#[test]
fn a_close_ends_a_crowd_that_waits_for_one_resource() {
    let pool = Pool::builder(Probe::new()).max_size(2).checkout_timeout(Duration::from_secs(60)).build().unwrap();
    let held = pool.checkout_for("a").unwrap();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let refused = pool.request().session(SessionMode::Wait).checkout_for("a").map(drop);
                assert!(matches!(refused, Err(CheckoutError::Closed(_))), "{refused:?}");
            });
        }
        until(|| pool.stats().waiting == 16);
        assert_eq!(pool.close(Duration::ZERO).waiters_woken, 16);
    });
    drop(held);
    closes_balanced(&pool);
}
