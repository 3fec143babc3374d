//! The books and the events of pools in which everything goes wrong at once.

mod support;

use slackwater::{
    Builder, CheckoutError, Creation, Fairness, Manager, Pool, PoolEvent, ResourceState, ReturnOutcome, Severity,
    Strategy,
};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;
use support::{WATCHDOG, until};

/// SplitMix64: the same numbers for the same seed, whoever asks.
struct Dice(AtomicU64);

impl Dice {
    fn below(&self, sides: u64) -> u64 {
        let mut bits = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % sides
    }

    fn or_panic(&self, sides: u64) -> u64 {
        let side = self.below(sides);
        assert!(side != 0, "by the dice");
        side
    }
}

#[derive(Debug, thiserror::Error)]
#[error("by the dice")]
struct Bad(Severity);

/// Every callback fails now and then, and panics now and then.
impl Manager for Dice {
    type Resource = Box<u64>;
    type Error = Bad;

    fn create(&self) -> Result<Box<u64>, Bad> {
        match self.or_panic(40) {
            1..5 => Err(Bad(Severity::Transient)),
            5 => Err(Bad(Severity::Permanent)),
            _ => Ok(Box::new(0)),
        }
    }

    fn warm(&self, _: &mut Box<u64>) -> Result<(), Bad> {
        if self.or_panic(40) == 1 { Err(Bad(Severity::Transient)) } else { Ok(()) }
    }

    fn check(&self, _: &mut Box<u64>) -> Result<(), Bad> {
        if self.or_panic(8) < 3 { Err(Bad(Severity::Transient)) } else { Ok(()) }
    }

    fn is_broken(&self, _: &mut Box<u64>) -> bool {
        self.or_panic(60) == 1
    }

    fn recycle(&self, _: &mut Box<u64>) -> ReturnOutcome {
        match self.or_panic(60) {
            1 => ReturnOutcome::Broken,
            2 => ReturnOutcome::Suspect,
            3 => ReturnOutcome::StillBusy,
            _ => ReturnOutcome::Healthy,
        }
    }

    fn destroy(&self, _: Box<u64>) {
        self.or_panic(30);
    }

    fn weight(&self, _: &Box<u64>) -> u64 {
        self.or_panic(60)
    }

    fn classify(&self, error: &Bad) -> Severity {
        self.or_panic(30);
        error.0
    }
}

/// What callers have seen.
#[derive(Default)]
struct Seen {
    checkouts: AtomicU64,
    discards: AtomicU64,
    detached: AtomicU64,
    timeouts: AtomicU64,
    rejected: AtomicU64,
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Relaxed);
}

fn calls(pool: &Pool<Dice>, seen: &Seen, dice: &Dice, closes: bool) {
    for _ in 0..300 {
        let asked = match dice.below(4) {
            0 => pool.try_checkout(),
            1 => pool.checkout_timeout(Duration::from_micros(dice.below(300))),
            _ => pool.checkout(),
        };
        let mut held = match asked {
            Ok(held) => held,
            Err(CheckoutError::Timeout(_)) => {
                add(&seen.timeouts);
                continue;
            }
            Err(_) => {
                add(&seen.rejected);
                continue;
            }
        };
        add(&seen.checkouts);
        match dice.below(24) {
            0 => {
                held.discard("by the dice");
                add(&seen.discards);
            }
            1 => {
                drop(held.detach());
                add(&seen.detached);
            }
            2 => held.mark_suspect(),
            3 => held.on_error(&Bad(Severity::Transient)),
            4 => drop(catch_unwind(AssertUnwindSafe(|| {
                let _held = held;
                panic!("by the dice");
            }))),
            5..9 => std::thread::yield_now(),
            _ => {}
        }
        if closes && dice.below(150) == 0 {
            pool.close(Duration::from_millis(1));
        }
    }
}

/// Whatever one looks at meanwhile goes one way, and stays in its bounds.
fn watches(pool: &Pool<Dice>, goes_on: impl Fn() -> bool) {
    let (mut stats, mut latencies) = (pool.stats(), pool.latencies());
    while goes_on() {
        let now = pool.stats();
        let counters =
            |s: &slackwater::Stats| [s.checkouts, s.returns(), s.affinity_hits(), s.affinity_misses, s.waits];
        assert!(counters(&now).iter().zip(counters(&stats)).all(|(now, then)| *now >= then), "{now:?} after {stats:?}");
        stats = now;
        let now = pool.latencies();
        for ((name, now), (_, then)) in now.all().into_iter().zip(latencies.all()) {
            assert!(now.count() >= then.count() && now.sum() >= then.sum() && now.max() >= then.max(), "{name}");
            assert!(now.percentile(100.0) <= now.max() && now.up_to(now.max()) == now.count(), "{name}: {now}");
        }
        latencies = now;
        let health = pool.health();
        let (least, most) = health.level.scores();
        assert!((least..=most).contains(&health.score), "{health}");
        assert!(!pool.dump().to_string().is_empty());
    }
}

fn goes_wild(seed: u64, closes: bool, set: impl FnOnce(Builder<Dice>) -> Builder<Dice>) {
    let builder = Pool::builder(Dice(AtomicU64::new(seed))).max_size(3).min_idle(0).max_overflow(2).queue_alert(2);
    let builder = builder.checkout_timeout(Duration::from_millis(20)).overflow_ttl(Duration::from_millis(1));
    let mut builder = set(builder.time_one_in(3));
    let events = builder.subscribe(1 << 20);
    let pool = builder.build().unwrap();
    let (seen, at_work) = (Seen::default(), AtomicU64::new(6));
    std::thread::scope(|scope| {
        for thread in 1..=6 {
            let (pool, seen, at_work) = (&pool, &seen, &at_work);
            scope.spawn(move || {
                calls(pool, seen, &Dice(AtomicU64::new(seed << 8 | thread)), closes && thread == 1);
                at_work.fetch_sub(1, SeqCst);
            });
        }
        scope.spawn(|| watches(&pool, || at_work.load(SeqCst) > 0));
    });
    let report = pool.close(WATCHDOG);
    assert!(report.is_complete(), "{report}");
    until(|| pool.stats().settled);
    let stats = pool.stats();
    let [checkouts, discards, detached, timeouts, rejected] =
        [&seen.checkouts, &seen.discards, &seen.detached, &seen.timeouts, &seen.rejected]
            .map(|seen| seen.load(Relaxed));
    assert_eq!((stats.checkouts, stats.discards, stats.detached), (checkouts, discards, detached), "{stats:?}");
    assert_eq!((stats.timeouts, stats.rejected), (timeouts, rejected), "{stats:?}");
    assert_eq!(stats.returns(), checkouts - discards - detached);
    assert_eq!(stats.created, stats.destroyed.total() + stats.detached, "{stats:?}");
    assert_eq!(pool.latencies().wait.count(), checkouts + timeouts + rejected);
    assert!(pool.audit().is_clean(), "{}", pool.audit());
    let told = Told::by(events.try_iter());
    assert_eq!(told.births, told.ends, "what begins ends once");
    assert!(told.ends.values().all(|times| *times == 1), "{:?}", told.ends);
    assert_eq!((told.stillborn, told.refusals), (stats.create_failures, timeouts + rejected));
    assert_eq!((told.overflow, told.queue, told.closed, stats.lost_events), (0, 0, 1, 0));
}

#[derive(Default)]
struct Told {
    births: HashMap<slackwater::ResourceId, u32>,
    ends: HashMap<slackwater::ResourceId, u32>,
    stillborn: u64,
    refusals: u64,
    overflow: i32,
    queue: i32,
    closed: u32,
}

impl Told {
    fn by(events: impl Iterator<Item = PoolEvent>) -> Told {
        let mut told = Told::default();
        for event in events {
            match event {
                PoolEvent::Transition(step) => {
                    assert_eq!(told.closed, 0, "{step} after the end");
                    match (step.from, step.to) {
                        (ResourceState::Initializing, ResourceState::Terminated) => told.stillborn += 1,
                        (ResourceState::Initializing, _) => *told.births.entry(step.id).or_default() += 1,
                        (_, ResourceState::Terminated) => *told.ends.entry(step.id).or_default() += 1,
                        _ => {}
                    }
                }
                PoolEvent::Refused(_) => told.refusals += 1,
                PoolEvent::OverflowOpened { .. } => told.overflow += 1,
                PoolEvent::OverflowClosed => told.overflow -= 1,
                PoolEvent::QueueGrew { .. } => told.queue += 1,
                PoolEvent::QueueEmptied => told.queue -= 1,
                PoolEvent::Closed => told.closed += 1,
                _ => {}
            }
            assert!((0..=1).contains(&told.overflow) && (0..=1).contains(&told.queue), "a beginning, then an end");
        }
        told
    }
}

#[test]
fn the_books_balance_and_each_beginning_has_its_end_whatever_callbacks_and_holders_do() {
    goes_wild(1, false, |b| b.breaker(None));
    goes_wild(2, false, |b| b.fairness(Fairness::Fifo).record_uses(true).breaker(None));
    goes_wild(3, false, |b| b.strategy(Strategy::Lifo).creation(Creation::Background));
}

#[test]
fn and_so_they_do_in_a_pool_that_closes_meanwhile() {
    goes_wild(4, true, |b| b.fairness(Fairness::Barging).breaker(None));
    goes_wild(5, true, |b| b.record_uses(true));
    goes_wild(6, true, |b| b.fairness(Fairness::Fifo).creation(Creation::Background).breaker(None));
}
