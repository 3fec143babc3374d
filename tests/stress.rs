//! Many of everything: resources, operations, threads that come and go, pools that come and go, waiters that give up.
//!
//! In a debug build a hundredth of what a release build does.

#[path = "stress/heap.rs"]
mod heap;

use slackwater::{CheckoutError, Creation, DestroyReason, Keeper, MAX_SPAN, Manager, Pool, Strategy};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

const STRATEGIES: [Strategy; 3] = [Strategy::Affine, Strategy::Lifo, Strategy::Fifo];

/// `many` in a release build.
fn scaled(many: u64) -> u64 {
    if cfg!(debug_assertions) { many / 100 } else { many }
}

/// A pool of numbered boxes, without threads of its own.
fn numbers(size: usize) -> slackwater::Builder<impl Manager<Resource = Box<u64>>> {
    let made = AtomicU64::new(0);
    Pool::builder(move || Ok::<_, String>(Box::new(made.fetch_add(1, Relaxed))))
        .max_size(size)
        .keeper(Keeper::Manual)
        .creation(Creation::Inline)
        .checkout_timeout(MAX_SPAN)
}

/// Sizes around those of words and cache lines: no slot is left over and none is lent twice.
#[test]
fn a_pool_of_any_size_lends_exactly_its_capacity() {
    for (size, strategy) in
        [1, 2, 63, 64, 65, 127, 128, 129, 1024].into_iter().flat_map(|size| STRATEGIES.map(|strategy| (size, strategy)))
    {
        let pool = numbers(size).strategy(strategy).build().unwrap();
        for _ in 0..3 {
            let (full, emptied) = (Barrier::new(4), Barrier::new(4));
            let mut lent: Vec<u64> = thread::scope(|s| {
                let taker = || {
                    let mut held = Vec::new();
                    loop {
                        match pool.try_checkout() {
                            Ok(guard) => held.push(guard),
                            Err(CheckoutError::Exhausted(_)) => break,
                            Err(error) => panic!("{error}"),
                        }
                    }
                    full.wait();
                    let numbers: Vec<_> = held.iter().map(|guard| ***guard).collect();
                    emptied.wait();
                    numbers
                };
                let takers: Vec<_> = (0..4).map(|_| s.spawn(taker)).collect();
                takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
            });
            lent.sort_unstable();
            assert_eq!(lent, (0..size as u64).collect::<Vec<_>>(), "{size} by {strategy:?}");
            assert_eq!(pool.stats().available, size);
        }
        pool.close(Duration::ZERO);
        assert_eq!(pool.stats().destroyed.total(), size as u64);
    }
}

/// A thread's hint names a slot; once the thread is gone the slot is like any other.
#[test]
fn what_a_thread_used_is_found_after_its_end() {
    let pool = numbers(4).build().unwrap();
    for _ in 0..scaled(10_000) {
        // Each on a slot of its own, by its hint the second time.
        thread::scope(|s| {
            s.spawn(|| (0..2).for_each(|_| drop(pool.checkout().unwrap())));
            s.spawn(|| (0..2).for_each(|_| drop(pool.checkout().unwrap())));
        });
    }
    let all: Vec<_> = (0..4).map(|_| pool.try_checkout().expect("four are free")).collect();
    drop(all);
    assert!(pool.audit().is_clean(), "{}", pool.audit());
    assert_eq!(pool.stats().created, 4);
}

/// Makes resources that say which pool they are of.
struct Mark(u64);

impl Manager for Mark {
    type Resource = Box<u64>;
    type Error = String;

    fn create(&self) -> Result<Box<u64>, String> {
        Ok(Box::new(self.0))
    }
}

/// Pools come and go, likely at the same addresses, while threads remember what they used in those that are gone.
#[test]
fn a_hint_never_fits_a_pool_that_came_later() {
    const THREADS: usize = 3;
    let next: Mutex<Option<Pool<Mark>>> = Mutex::new(None);
    let (built, used) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    let turns = scaled(20_000);
    thread::scope(|s| {
        for _ in 0..THREADS {
            s.spawn(|| {
                for turn in 0..turns {
                    built.wait();
                    let pool = next.lock().unwrap().clone().unwrap();
                    for _ in 0..3 {
                        assert_eq!(**pool.checkout().unwrap(), turn, "a resource of another pool");
                    }
                    drop(pool);
                    used.wait();
                }
            });
        }
        for turn in 0..turns {
            let pool = Pool::builder(Mark(turn))
                .max_size(2)
                .keeper(Keeper::Manual)
                .checkout_timeout(MAX_SPAN)
                .build()
                .unwrap();
            *next.lock().unwrap() = Some(pool.clone());
            built.wait();
            used.wait();
            *next.lock().unwrap() = None;
            assert_eq!(pool.stats().checkouts, 3 * THREADS as u64);
        }
    });
}

#[test]
fn a_hundred_thousand_waiters_that_gave_up_leave_no_memory_behind() {
    const THREADS: u64 = 4;
    const EACH: u64 = if cfg!(debug_assertions) { 2_500 } else { 25_000 };
    let pool = numbers(1).build().unwrap();
    let held = pool.checkout().unwrap();
    let give_up = |times: u64| {
        for time in 0..times {
            let error = pool.checkout_timeout(Duration::from_nanos(1 + time % 8 * 500)).unwrap_err();
            assert!(matches!(error, CheckoutError::Timeout(_)), "{error}");
        }
    };
    thread::scope(|s| {
        for _ in 0..THREADS {
            s.spawn(|| {
                // The first wait of a thread makes its place in the queue.
                give_up(100);
                let before = heap::kept();
                give_up(EACH);
                // The table that `parking_lot` keeps of all threads grows with their number, those of other tests included,
                // and on whichever thread that falls. A wait that left anything would leave a word each time.
                let kept = heap::kept() - before;
                assert!(kept < 8 * EACH as isize, "{kept} bytes kept of {EACH} waits");
            });
        }
    });
    assert_eq!(pool.stats().timeouts, THREADS * (EACH + 100));
    assert_eq!(pool.stats().waiting, 0);
    drop(held);
    assert!(pool.audit().is_clean(), "{}", pool.audit());
}

/// What eight threads did, by their own count.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    checkouts: u64,
    returned: u64,
    discarded: u64,
    detached: u64,
    panicked: u64,
}

#[test]
fn after_ten_million_operations_the_books_agree_with_those_of_the_users() {
    const THREADS: u64 = 8;
    let pool = numbers(4).build().unwrap();
    let each = scaled(10_000_000) / THREADS;
    let user = |me: u64| {
        let mut tally = Tally::default();
        let mut dice = me + 1;
        for _ in 0..each {
            // Marsaglia's xorshift.
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let guard = pool.checkout().unwrap();
            tally.checkouts += 1;
            match dice % 1000 {
                0..10 => {
                    tally.discarded += 1;
                    guard.discard("in a test");
                }
                10..20 => {
                    tally.detached += 1;
                    drop(guard.detach());
                }
                20 => {
                    tally.panicked += 1;
                    let held = AssertUnwindSafe(|| {
                        let _held = guard;
                        // Past the hook, which would print.
                        resume_unwind(Box::new(()));
                    });
                    catch_unwind(held).unwrap_err();
                }
                _ => {
                    tally.returned += 1;
                    drop(guard);
                }
            }
        }
        tally
    };
    let tallies: Vec<Tally> = thread::scope(|s| {
        let users: Vec<_> = (0..THREADS).map(|me| s.spawn(move || user(me))).collect();
        users.into_iter().map(|user| user.join().unwrap()).collect()
    });
    let sum = |part: fn(&Tally) -> u64| tallies.iter().map(part).sum::<u64>();
    let all = Tally {
        checkouts: sum(|tally| tally.checkouts),
        returned: sum(|tally| tally.returned),
        discarded: sum(|tally| tally.discarded),
        detached: sum(|tally| tally.detached),
        panicked: sum(|tally| tally.panicked),
    };
    assert!(pool.audit().is_clean(), "{}", pool.audit());
    let stats = pool.stats();
    let books = Tally {
        checkouts: stats.checkouts,
        returned: stats.checkouts - stats.destroyed.total() - stats.detached,
        discarded: stats.destroyed.by(DestroyReason::Discarded),
        detached: stats.detached,
        panicked: stats.destroyed.by(DestroyReason::HolderPanicked),
    };
    assert_eq!(books, all);
    assert_eq!((stats.in_use, stats.waiting), (0, 0), "{stats:?}");
    assert_eq!(stats.created, stats.destroyed.total() + stats.detached + stats.total as u64, "{stats:?}");
    pool.close(Duration::ZERO);
    let stats = pool.stats();
    assert_eq!(stats.created, stats.destroyed.total() + stats.detached, "{stats:?}");
}
