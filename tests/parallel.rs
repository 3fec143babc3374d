//! `Pool::par_map`: no deadlock whatever rayon steals, order, one checkout a split, and how it ends when something ends it.

mod support;

use rayon::ThreadPool;
use rayon::prelude::*;
use slackwater::{CheckoutError, DestroyReason, Pool};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;
use support::{WATCHDOG, closes_balanced, until};

/// Resources that own memory, numbered as they were made.
fn pool(size: usize) -> Pool<impl slackwater::Manager<Resource = Box<usize>>> {
    let made = AtomicUsize::new(0);
    Pool::builder(move || Ok::<_, String>(Box::new(made.fetch_add(1, SeqCst))))
        .name("parallel")
        .max_size(size)
        .checkout_timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}

fn threads(n: usize) -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap()
}

/// Runs `f` on a thread of its own, and fails if that does not end.
#[track_caller]
fn ends<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = channel();
    let thread = thread::spawn(move || done.send(f()));
    match wait.recv_timeout(3 * WATCHDOG) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("a deadlock"),
        Err(RecvTimeoutError::Disconnected) => panic!("it panicked: {:?}", thread.join().err()),
    }
}

/// Parallel work in two layers, so that whoever waits for it has something to steal.
fn nested(item: usize) -> usize {
    let sum = |range: std::ops::Range<usize>| range.into_par_iter().with_max_len(4).map(|n| n ^ item).sum::<usize>();
    let (low, high) = rayon::join(|| sum(0..32), || sum(32..64));
    low + high
}

#[test]
fn parallel_work_inside_the_closure_never_deadlocks() {
    for size in [1, 2, 3, 8, 16] {
        ends(move || {
            let (pool, rayon) = (pool(size), threads(8));
            for _ in 0..20 {
                let sums = rayon.install(|| {
                    pool.par_map(0..100, |resource, item| {
                        **resource += 1;
                        nested(item)
                    })
                });
                assert_eq!(sums.unwrap(), (0..100).map(nested).collect::<Vec<_>>());
            }
            closes_balanced(&pool);
        });
    }
}

#[test]
fn two_calls_at_once_on_one_resource_both_end() {
    ends(|| {
        let (pool, rayon) = (pool(1), threads(2));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        // Called from outside rayon, so the wait for the first resource is in nobody's way.
                        let items = pool.par_map(0..20, |_, item| item).unwrap();
                        assert_eq!(items, (0..20).collect::<Vec<_>>());
                        rayon.install(|| ());
                    }
                });
            }
        });
        closes_balanced(&pool);
    });
}

/// Whoever waits does other work, which waits too: on the same stack, as deep as there is work, if nothing kept it from that.
#[test]
fn calls_that_wait_on_top_of_each_other_are_few() {
    ends(|| {
        const CALLS: usize = 2_000;
        let (pool, rayon) = (pool(1), threads(1));
        let (inside, deepest, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let held = pool.checkout().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                rayon.scope(|scope| {
                    for _ in 0..CALLS {
                        scope.spawn(|_| {
                            deepest.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                            done.fetch_add(pool.par_map(0..2_usize, |_, item| item).unwrap().len(), SeqCst);
                            inside.fetch_sub(1, SeqCst);
                        });
                    }
                });
            });
            until(|| inside.load(SeqCst) > 16);
            drop(held);
        });
        assert_eq!((done.load(SeqCst), deepest.load(SeqCst)), (2 * CALLS, 17));
        closes_balanced(&pool);
    });
}

/// Items that cannot be divided without parallel work.
struct Costly;

impl Clone for Costly {
    fn clone(&self) -> Self {
        assert_ne!(nested(1), 1);
        Self
    }
}

#[test]
fn parallel_work_inside_a_division_of_the_items_never_deadlocks() {
    for size in [1, 2, 8] {
        ends(move || {
            let (pool, rayon) = (pool(size), threads(4));
            for _ in 0..20 {
                let items = (0..64_usize).into_par_iter().map_with(Costly, |_, item| item);
                assert_eq!(rayon.install(|| pool.par_map(items, |_, item| item)).unwrap().len(), 64);
            }
            closes_balanced(&pool);
        });
    }
}

#[test]
fn a_pool_inside_a_pool_ends() {
    ends(|| {
        // Room for three calls of eight threads each: no call inside has to wait for its first resource.
        let (outer, inner, rayon) = (pool(3), pool(24), threads(8));
        let sums = rayon
            .install(|| outer.par_map(0..60_usize, |_, item| inner.par_map(0..item, |_, n| nested(n)).unwrap().len()));
        assert_eq!(sums.unwrap(), (0..60).collect::<Vec<_>>());
        closes_balanced(&inner);
        closes_balanced(&outer);
    });
}

#[test]
fn a_call_inside_itself_is_refused_at_once_if_this_stack_holds_all() {
    ends(|| {
        let (pool, rayon) = (pool(1), threads(4));
        let outcomes = rayon.install(|| pool.par_map([1, 2, 3], |_, _| pool.par_map([4], |_, item| item))).unwrap();
        for outcome in outcomes {
            let Err(CheckoutError::WouldDeadlock(refused)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(refused.holders.len(), 1);
        }
        let stats = pool.stats();
        assert_eq!(stats.rejected, 3);
        assert_eq!(pool.latencies().wait.count(), stats.checkouts + stats.rejected, "each is a wait of its own");
        closes_balanced(&pool);
    });
}

#[test]
fn a_call_inside_itself_works_while_there_are_resources() {
    ends(|| {
        let (pool, rayon) = (pool(20), threads(4));
        let sums =
            rayon.install(|| pool.par_map(0..40_usize, |_, item| pool.par_map(0..item, |_, n| n).unwrap().len()));
        assert_eq!(sums.unwrap(), (0..40).collect::<Vec<_>>());
        closes_balanced(&pool);
    });
}

#[test]
fn results_are_in_the_order_of_the_items() {
    let (pool, rayon) = (pool(3), threads(8));
    for len in [0, 1, 2, 7, 64, 1000, 10_000] {
        let items: Vec<String> = (0..len).map(|n: usize| n.to_string()).collect();
        let borrowed = rayon.install(|| pool.par_map(&items, |_, item| item.as_str())).unwrap();
        assert_eq!(borrowed, items);
        let numbered = items.clone().into_par_iter().enumerate();
        let owned = rayon.install(|| pool.par_map(numbered, |_, (n, item)| (n, item))).unwrap();
        assert_eq!(owned, items.into_iter().enumerate().collect::<Vec<_>>());
    }
    closes_balanced(&pool);
}

#[test]
fn a_resource_is_checked_out_once_a_split() {
    let (pool, rayon) = (pool(4), threads(4));
    rayon.install(|| pool.par_map(0..10_000, |_, item| item)).unwrap();
    assert!((1..200).contains(&pool.stats().checkouts), "{:?}", pool.stats());

    let before = pool.stats().checkouts;
    rayon.install(|| pool.par_map((0..100).into_par_iter().with_min_len(100), |resource, _| **resource)).unwrap();
    assert_eq!(pool.stats().checkouts, before + 1);
    closes_balanced(&pool);
}

#[test]
fn each_thread_at_work_has_a_resource_of_its_own() {
    for (size, workers) in [(2, 8), (8, 2), (4, 4)] {
        let (pool, rayon) = (pool(size), threads(workers));
        let (at_work, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        // All who can be at work meet once.
        let wanted = size.min(workers);
        let ids = rayon.install(|| {
            pool.par_map((0..500).into_par_iter().with_max_len(5), |resource, _| {
                most.fetch_max(at_work.fetch_add(1, SeqCst) + 1, SeqCst);
                until(|| most.load(SeqCst) >= wanted);
                at_work.fetch_sub(1, SeqCst);
                **resource
            })
        });
        assert_eq!(most.load(SeqCst), wanted);
        let different: HashSet<_> = ids.unwrap().into_iter().collect();
        assert!((wanted..=size).contains(&different.len()), "{different:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn a_panic_costs_its_own_resource_and_goes_to_the_caller() {
    let (pool, rayon) = (pool(4), threads(4));
    let begun = AtomicUsize::new(0);
    let run = || {
        rayon.install(|| {
            pool.par_for_each(0..100_000, |_, item| {
                begun.fetch_add(1, SeqCst);
                assert!(item != 7, "the seventh");
                thread::yield_now();
            })
        })
    };
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the seventh"));
    assert!(begun.into_inner() < 100_000, "no item is begun after it");
    until(|| pool.stats().destroyed.by(DestroyReason::HolderPanicked) == 1 && pool.stats().in_use == 0);
    assert_eq!(pool.par_map(0..10, |_, item| item).unwrap().len(), 10);
    closes_balanced(&pool);
}

#[test]
fn a_call_that_has_begun_ends_although_the_pool_is_closed() {
    let (pool, rayon) = (pool(2), threads(4));
    let begun = AtomicUsize::new(0);
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            rayon.install(|| {
                pool.par_map(0..200, |_, item| {
                    begun.fetch_add(1, SeqCst);
                    until(|| pool.is_closed());
                    item
                })
            })
        });
        until(|| begun.load(SeqCst) > 0);
        // Everything comes back: the call goes on with what it has, and then ends.
        closes_balanced(&pool);
        assert_eq!(call.join().unwrap().unwrap(), (0..200).collect::<Vec<_>>());
    });
}

#[test]
fn a_closed_pool_is_an_error_before_the_first_item() {
    let pool = pool(2);
    closes_balanced(&pool);
    for rayon in [None, Some(threads(2))] {
        let call = || pool.par_map(0..10, |_, _| panic!("it must not run"));
        let outcome = rayon.map_or_else(call, |rayon| rayon.install(call));
        assert!(matches!(outcome, Err(CheckoutError::Closed(_))), "{outcome:?}");
    }
    assert!(pool.par_map(Vec::<u8>::new(), |_, item| item).unwrap().is_empty(), "no items, no resource");
}

#[test]
fn who_waits_for_a_first_resource_does_other_work() {
    ends(|| {
        let (pool, rayon) = (pool(1), threads(1));
        let guard = pool.checkout_owned().unwrap();
        let items = rayon.install(|| {
            // Only this one thread can run the job that gives the resource back.
            rayon::spawn(move || drop(guard));
            pool.par_map(0..10, |_, item| item)
        });
        assert_eq!(items.unwrap(), (0..10).collect::<Vec<_>>());
        closes_balanced(&pool);
    });
}

#[test]
fn a_wait_for_the_first_resource_ends_with_it_or_in_time() {
    let pool =
        Pool::builder(|| Ok::<_, String>(Box::new(0))).checkout_timeout(Duration::from_millis(5)).build().unwrap();
    let rayon = threads(2);
    let guard = pool.checkout().unwrap();
    let outcome = rayon.install(|| pool.par_map([1], |_, item| item));
    let Err(CheckoutError::Timeout(timeout)) = outcome else { panic!("{outcome:?}") };
    assert!(timeout.waited >= Duration::from_millis(5), "{timeout}");
    assert_eq!((pool.stats().timeouts, pool.stats().rejected), (1, 0), "one call, one refusal");
    drop(guard);
    assert_eq!(rayon.install(|| pool.par_map([1], |_, item| item)).unwrap(), [1]);
    closes_balanced(&pool);
}

#[test]
fn a_wait_that_looks_for_other_work_is_one_wait_and_comes_back_to_a_full_queue() {
    ends(|| {
        let long = Duration::from_secs(60);
        let made = || Ok::<_, String>(Box::new(0));
        let pool = Pool::builder(made).max_size(1).checkout_timeout(long).max_waiters(1).build().unwrap();
        let rayon = threads(1);
        let guard = pool.checkout().unwrap();
        thread::scope(|scope| {
            let call = scope.spawn(|| rayon.install(|| pool.par_map(0..3, |_, item| item)));
            until(|| pool.stats().waiting == 1);
            // Whoever comes in while it is away has the queue's only place.
            until(|| pool.checkout_timeout(Duration::from_millis(1)).is_err() && pool.stats().timeouts == 5);
            drop(guard);
            assert_eq!(call.join().unwrap().unwrap(), [0, 1, 2]);
            assert_eq!(pool.stats().waits, 1 + 5);
        });
        closes_balanced(&pool);
    });
}

#[test]
fn threads_that_find_nothing_free_are_no_refusals() {
    let (pool, rayon) = (pool(2), threads(8));
    let guard = pool.checkout().unwrap();
    let items = rayon.install(|| pool.par_map(0..1000, |_, item| nested(item))).unwrap();
    assert_eq!(items.len(), 1000);
    assert_eq!((pool.stats().timeouts, pool.stats().rejected), (0, 0));
    drop(guard);
    closes_balanced(&pool);
}

#[test]
fn there_may_be_many_more_threads_than_processors() {
    let (pool, rayon) = (pool(64), threads(64));
    let sums = rayon.install(|| pool.par_map(0..2000, |_, item| nested(item))).unwrap();
    assert_eq!(sums, (0..2000).map(nested).collect::<Vec<_>>());
    closes_balanced(&pool);
}
