//! Demand: no more is made than is needed, however many ask and wherever it is made, and nothing once nobody asks any more.

mod support;

use slackwater::{Creation, Pool};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use support::{Act, Probe, closes_balanced, until};

const SEC: Duration = Duration::from_secs(1);
const CREATIONS: [Creation; 3] = [Creation::Inline, Creation::Background, Creation::Auto];

/// Makes nothing before it is asked to.
fn lazy(probe: &Probe, max_size: usize, creation: Creation) -> Pool<Probe> {
    let builder = Pool::builder(probe.clone()).max_size(max_size).min_idle(0).creation(creation);
    builder.checkout_timeout(60 * SEC).build().unwrap()
}

/// A waiter that is woken for a new resource stands in the queue until its thread runs. For all that time it looks like
/// somebody for whom another has to be made.
#[test]
fn one_thread_makes_as_many_as_it_holds() {
    for creation in CREATIONS {
        for _ in 0..30 {
            let probe = Probe::new();
            let pool = lazy(&probe, 20, creation);
            let held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
            until(|| pool.stats().creating == 0 && probe.create.inside() == 0);
            (0..100).for_each(|_| thread::yield_now());
            assert_eq!(probe.create.calls(), 3, "{creation:?}");
            drop(held);
            closes_balanced(&pool);
        }
    }
}

/// On the caller's own thread it is exact: who makes one has none and found none. In the background a waiter may be served
/// at the very moment at which its resource is begun, or be stopped between its find and its leaving the queue, so it is
/// about as many, on average.
#[test]
fn fifty_threads_make_about_fifty_of_a_hundred() {
    const ROUNDS: usize = 8;
    for (creation, most, most_on_average) in
        [(Creation::Inline, 50, 50), (Creation::Background, 100, 55), (Creation::Auto, 100, 55)]
    {
        let made = [(); ROUNDS].map(|()| {
            let probe = Probe::new();
            let pool = lazy(&probe, 100, creation);
            thread::scope(|s| {
                for _ in 0..50 {
                    s.spawn(|| (0..5).for_each(|_| pool.with(|_| thread::yield_now()).unwrap()));
                }
            });
            let made = probe.create.calls();
            closes_balanced(&pool);
            made
        });
        assert!(made.iter().all(|made| *made <= most), "{made:?}, {creation:?}");
        assert!(made.iter().sum::<usize>() <= most_on_average * ROUNDS, "{made:?}, {creation:?}");
    }
}

#[test]
fn twenty_threads_on_a_pool_of_four_make_four() {
    for creation in CREATIONS {
        let probe = Probe::new();
        let pool = lazy(&probe, 4, creation);
        let served = AtomicUsize::new(0);
        thread::scope(|s| {
            for _ in 0..20 {
                s.spawn(|| {
                    for _ in 0..50 {
                        pool.with(|_| (0..served.fetch_add(1, SeqCst) % 8).for_each(|_| thread::yield_now())).unwrap();
                    }
                });
            }
        });
        assert_eq!((served.load(SeqCst), probe.create.calls(), probe.most_alive()), (1_000, 4, 4), "{creation:?}");
        closes_balanced(&pool);
    }
}

/// Thirty wait while creating takes its time; the first two that are made serve them all. What has begun by then is
/// finished, and nothing more is begun.
#[test]
fn once_work_has_stopped_nothing_more_is_made() {
    let probe = Probe::new();
    probe.create.shut();
    let builder = Pool::builder(probe.clone()).max_size(50).min_idle(0).creation(Creation::Background);
    let pool = builder.create_parallelism(4).checkout_timeout(60 * SEC).build().unwrap();
    thread::scope(|s| {
        let waiters: Vec<_> = (0..30).map(|_| s.spawn(|| drop(pool.checkout().unwrap()))).collect();
        until(|| pool.stats().waiting == 30 && probe.create.inside() == 4);
        probe.create.let_through(2);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    // One may have served them all before the other was there.
    until(|| pool.stats().created == 2);
    // Those that stood at the gate, and as many that were begun in place of the two.
    until(|| pool.stats().creating == probe.create.inside());
    let begun = probe.create.calls();
    assert!(begun <= 2 + 4, "{begun} begun");
    let keep = || {
        for _ in 0..100 {
            pool.tick();
            thread::yield_now();
        }
    };
    keep();
    probe.create.open();
    until(|| pool.stats().creating == 0);
    keep();
    assert_eq!(probe.create.calls(), begun);
    closes_balanced(&pool);
}

/// A wait that is over never asks for anything: neither a creation nor, with `with`, the work itself.
#[test]
fn what_timed_out_is_neither_done_nor_made_later() {
    let probe = Probe::new();
    let pool = lazy(&probe, 1, Creation::Background);
    let held = pool.checkout().unwrap();
    let runs = AtomicUsize::new(0);
    thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                let builder = pool.request().timeout(Duration::from_micros(100));
                let outcome = builder.checkout().map(|_| runs.fetch_add(1, SeqCst));
                assert!(outcome.is_err());
            });
        }
    });
    drop(held);
    (0..100).for_each(|_| pool.tick());
    assert_eq!((runs.load(SeqCst), probe.create.calls(), pool.stats().available), (0, 1, 1));
    closes_balanced(&pool);
}

/// Demand outlives a failure: as many as wait are made in the end, though every second creation fails.
#[test]
fn everyone_is_served_though_every_second_creation_fails() {
    let probe = Probe::new();
    probe.create.next([Act::Fail, Act::Pass].into_iter().cycle().take(16));
    let builder = Pool::builder(probe.clone()).max_size(8).min_idle(0).creation(Creation::Background);
    let pool = builder.create_parallelism(1).checkout_timeout(60 * SEC).build().unwrap();
    thread::scope(|s| {
        let waiters: Vec<_> = (0..8).map(|_| s.spawn(|| pool.checkout_owned().unwrap())).collect();
        let held: Vec<_> = waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect();
        assert_eq!((held.len(), pool.stats().in_use), (8, 8));
    });
    assert_eq!((probe.create.calls(), pool.stats().create_failures), (16, 8));
    closes_balanced(&pool);
}
