//! What holds in every mode.

use super::support::{Act, Probe, WATCHDOG, closes_balanced, until};
use slackwater::{Builder, CheckoutError, DestroyReason, Keeper, Mode, Pool, PoolEvent, ResourceState, VirtualClock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// A pool in some mode, which may become another in the middle of a test.
#[derive(Clone, Copy)]
struct Kind {
    max_size: usize,
    mode: Mode,
    then: Option<Mode>,
}

fn size_in(mode: Mode, max_size: usize) -> usize {
    if mode == Mode::Single { 1 } else { max_size }
}

impl Kind {
    fn builder(self, probe: &Probe) -> Builder<Probe> {
        Pool::builder(probe.clone()).mode(self.mode).max_size(self.max_size).min_idle(0)
    }

    /// No threads, and time that stands still.
    fn still(self, probe: &Probe) -> Pool<Probe> {
        self.builder(probe).keeper(Keeper::Manual).clock(&VirtualClock::new()).build().unwrap()
    }

    fn size(self) -> usize {
        size_in(self.mode, self.max_size)
    }

    /// From the middle on.
    fn size_then(self) -> usize {
        size_in(self.then.unwrap_or(self.mode), self.max_size)
    }

    fn middle(self, pool: &Pool<Probe>) {
        if let Some(then) = self.then {
            let changes = pool.set_mode(then).unwrap();
            assert_eq!(changes.len(), 1, "{changes}");
        }
        assert_eq!(pool.stats().max_size, self.size_then());
        // Its own threads may be at work on what has changed.
        until(|| pool.audit().is_clean());
    }
}

fn no_more_are_out_than_there_may_be(kind: Kind) {
    let probe = Probe::new();
    let pool = kind.still(&probe);
    let held: Vec<_> = (0..kind.size()).map(|_| pool.try_checkout().unwrap()).collect();
    assert!(matches!(pool.try_checkout(), Err(CheckoutError::Exhausted(_))));
    assert!(matches!(pool.checkout_timeout(Duration::ZERO), Err(CheckoutError::Timeout(_))));
    assert_eq!((pool.stats().in_use, probe.alive()), (kind.size(), kind.size()));
    kind.middle(&pool);
    drop(held);
    let held: Vec<_> = (0..kind.size_then()).map(|_| pool.try_checkout().unwrap()).collect();
    let mut numbers: Vec<_> = held.iter().map(|thing| thing.number).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), kind.size_then());
    assert!(matches!(pool.try_checkout(), Err(CheckoutError::Exhausted(_))));
    assert!(probe.most_alive() <= kind.size().max(kind.size_then()), "{}", probe.most_alive());
    drop(held);
    closes_balanced(&pool);
}

fn a_return_serves_who_waits(kind: Kind) {
    let probe = Probe::new();
    let pool = kind.builder(&probe).build().unwrap();
    let mut held: Vec<_> = (0..kind.size()).map(|_| pool.checkout().unwrap()).collect();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.checkout_timeout(WATCHDOG).map(drop));
        until(|| pool.stats().waiting == 1);
        kind.middle(&pool);
        // One of them makes no room where there are fewer than before.
        held.truncate(kind.size_then() - 1);
        assert!(waiter.join().unwrap().is_ok());
    });
    drop(held);
    closes_balanced(&pool);
}

fn health_is_seen_to(kind: Kind) {
    let probe = Probe::new();
    let pool = kind.still(&probe);
    for half in [1, 2] {
        probe.is_broken.next([Act::Fail]);
        drop(pool.checkout().unwrap());
        assert_eq!(pool.stats().destroyed.by(DestroyReason::Broken), half);
        pool.checkout().unwrap().discard("no good");
        assert_eq!(pool.stats().destroyed.by(DestroyReason::Discarded), half);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _held = pool.checkout().unwrap();
            panic!("while holding");
        }));
        assert!(panicked.is_err());
        assert_eq!(pool.stats().destroyed.by(DestroyReason::HolderPanicked), half);
        drop(pool.checkout().unwrap().detach());
        assert_eq!((pool.stats().detached, pool.stats().total), (half, 0));
        if half == 1 {
            kind.middle(&pool);
        }
    }
    assert_eq!(probe.alive(), 0);
    closes_balanced(&pool);
}

fn what_cannot_be_made_is_told(kind: Kind) {
    let probe = Probe::new();
    let pool = kind.still(&probe);
    for half in [1, 2] {
        probe.create.next([Act::FailForGood]);
        let error = pool.checkout_timeout(Duration::ZERO).unwrap_err();
        assert!(matches!(&error, CheckoutError::Create(_)), "{error}");
        assert_eq!((pool.stats().create_failures, pool.stats().total), (half, 0));
        // The pause after a failure.
        pool.reset_breaker();
        pool.checkout().unwrap().discard("of the first half");
        if half == 1 {
            kind.middle(&pool);
        }
    }
    closes_balanced(&pool);
}

fn a_closed_pool_refuses_and_ends_what_comes_back(kind: Kind) {
    let probe = Probe::new();
    let pool = kind.still(&probe);
    let held = pool.checkout().unwrap();
    kind.middle(&pool);
    assert!(!pool.close(Duration::ZERO).is_complete());
    assert!(matches!(pool.try_checkout(), Err(CheckoutError::Closed(_))));
    assert!(pool.set_mode(Mode::Mixed { pooled: 1 }).is_err());
    drop(held);
    assert_eq!((probe.alive(), pool.stats().destroyed.by(DestroyReason::Closed)), (0, 1));
    closes_balanced(&pool);
}

fn every_life_is_told_from_its_beginning_to_its_end(kind: Kind) {
    let probe = Probe::new();
    let pool = kind.still(&probe);
    let events = pool.subscribe(10_000);
    for half in 0..2 {
        for _ in 0..7 {
            let held: Vec<_> = (0..kind.size().min(kind.size_then())).map(|_| pool.checkout().unwrap()).collect();
            drop(held);
        }
        if half == 0 {
            kind.middle(&pool);
        }
    }
    closes_balanced(&pool);
    let (mut begun, mut ended) = (0, 0);
    for event in events.try_iter() {
        if let PoolEvent::Transition(step) = event {
            begun += u64::from(step.to == ResourceState::Ready && step.from == ResourceState::Initializing);
            ended += u64::from(step.to == ResourceState::Terminated);
        }
    }
    let stats = pool.stats();
    assert_eq!((begun, ended, stats.lost_events), (stats.created, stats.destroyed.total(), 0));
    assert_eq!((stats.in_use, stats.discards + stats.detached), (0, 0));
}

/// Of what comes back to one place: whether all of it is kept, or none. Neither, if some is.
fn keeps(mode: Mode) -> Option<bool> {
    match mode {
        Mode::Unpooled | Mode::Mixed { pooled: 0 } => Some(false),
        Mode::Mixed { pooled } if pooled < 100 => None,
        _ => Some(true),
    }
}

fn it_makes_as_many_as_its_mode_needs(kind: Kind) {
    const USES: u64 = 20;
    let probe = Probe::new();
    let pool = kind.still(&probe);
    // One after the other: one is alive at the most, and whatever was not kept was made once more.
    let is_even = || {
        let stats = pool.stats();
        assert_eq!(probe.alive() as u64, stats.created - stats.destroyed.by(DestroyReason::Unpooled));
        assert!(probe.alive() <= 1);
    };
    let (mut made, mut alive) = (0, false);
    for mode in [Some(kind.mode), kind.then].into_iter().flatten() {
        if made > 0 {
            kind.middle(&pool);
            alive = probe.alive() == 1;
        }
        (0..USES).for_each(|_| drop(pool.checkout().unwrap()));
        is_even();
        let new = pool.stats().created - made;
        match keeps(mode) {
            Some(true) => assert_eq!((new, probe.alive()), (u64::from(!alive), 1)),
            Some(false) => assert_eq!((new, probe.alive()), (USES - u64::from(alive), 0)),
            None => assert!((1..USES).contains(&new), "{new} of {USES}"),
        }
        made = pool.stats().created;
    }
    closes_balanced(&pool);
}

fn many_threads_leave_the_books_in_order(kind: Kind) {
    const USES: usize = 300;
    let probe = Probe::new();
    let pool = kind.builder(&probe).build().unwrap();
    let (done, inside) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let most = kind.size().max(kind.size_then());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..USES {
                    let held = pool.checkout_timeout(WATCHDOG).unwrap();
                    assert!(inside.fetch_add(1, SeqCst) < most);
                    inside.fetch_sub(1, SeqCst);
                    drop(held);
                    done.fetch_add(1, SeqCst);
                }
            });
        }
        // To and fro, as long as they work: what counts is that no switch loses or doubles anything.
        let there_and_back = [kind.then.unwrap_or(kind.mode), kind.mode];
        for mode in there_and_back.into_iter().cycle() {
            pool.set_mode(mode).unwrap();
            let seen = done.load(SeqCst);
            if seen == 4 * USES {
                break;
            }
            until(|| done.load(SeqCst) > seen);
        }
    });
    let stats = pool.stats();
    assert_eq!(stats.checkouts, 4 * USES as u64);
    assert!(probe.most_alive() <= kind.max_size, "{}", probe.most_alive());
    closes_balanced(&pool);
}

macro_rules! suite {
    ($($kind:ident: $max_size:literal, $mode:expr, $then:expr;)*) => {
        $(mod $kind {
            use super::*;

            const KIND: Kind = Kind { max_size: $max_size, mode: $mode, then: $then };

            suite!(@each KIND: no_more_are_out_than_there_may_be, a_return_serves_who_waits, health_is_seen_to,
                what_cannot_be_made_is_told, a_closed_pool_refuses_and_ends_what_comes_back,
                every_life_is_told_from_its_beginning_to_its_end, it_makes_as_many_as_its_mode_needs,
                many_threads_leave_the_books_in_order);
        })*
    };
    (@each $kind:ident: $($test:ident),*) => {
        $(#[test]
        fn $test() {
            super::$test($kind);
        })*
    };
}

suite! {
    pooled_one: 1, Mode::Pooled, None;
    pooled_four: 4, Mode::Pooled, None;
    single: 4, Mode::Single, None;
    unpooled_one: 1, Mode::Unpooled, None;
    unpooled_four: 4, Mode::Unpooled, None;
    mixed_none: 4, Mode::Mixed { pooled: 0 }, None;
    mixed_half_one: 1, Mode::Mixed { pooled: 50 }, None;
    mixed_half: 4, Mode::Mixed { pooled: 50 }, None;
    mixed_all: 4, Mode::Mixed { pooled: 100 }, None;
    pooled_then_mixed: 4, Mode::Pooled, Some(Mode::Mixed { pooled: 50 });
    mixed_then_pooled: 4, Mode::Mixed { pooled: 50 }, Some(Mode::Pooled);
    mixed_then_single: 4, Mode::Mixed { pooled: 50 }, Some(Mode::Single);
    unpooled_then_mixed: 4, Mode::Unpooled, Some(Mode::Mixed { pooled: 50 });
    pooled_then_unpooled: 4, Mode::Pooled, Some(Mode::Unpooled);
    pooled_then_unpooled_one: 1, Mode::Pooled, Some(Mode::Unpooled);
    unpooled_then_pooled: 4, Mode::Unpooled, Some(Mode::Pooled);
    pooled_then_single: 4, Mode::Pooled, Some(Mode::Single);
    single_then_pooled: 4, Mode::Single, Some(Mode::Pooled);
    single_then_unpooled: 4, Mode::Single, Some(Mode::Unpooled);
    unpooled_then_single: 4, Mode::Unpooled, Some(Mode::Single);
}
