//! The pool's numbers beside those that the test counts for itself.

mod support;

use slackwater::{
    Builder, CheckoutError, DestroyReason, Fairness, Keeper, Pool, PoolEvent, ResourceState, Strategy, VirtualClock,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;
use support::{Probe, closes_balanced, until};

/// What the test itself has seen.
#[derive(Default)]
struct Seen {
    checkouts: AtomicU64,
    returns: AtomicU64,
    discards: AtomicU64,
    detached: AtomicU64,
    timeouts: AtomicU64,
    rejected: AtomicU64,
}

impl Seen {
    fn add(count: &AtomicU64) {
        count.fetch_add(1, Relaxed);
    }

    fn refused(&self, error: &CheckoutError) {
        Self::add(if matches!(error, CheckoutError::Timeout(_)) { &self.timeouts } else { &self.rejected });
    }

    /// Holds the pool to what was seen, while `held` are out and nobody else is at work.
    #[track_caller]
    fn is_what_the_pool_says(&self, pool: &Pool<Probe>, held: usize) {
        until(|| pool.stats().settled);
        let stats = pool.stats();
        let [checkouts, returns, discards, detached, timeouts, rejected] =
            [&self.checkouts, &self.returns, &self.discards, &self.detached, &self.timeouts, &self.rejected]
                .map(|count| count.load(Relaxed));
        assert_eq!((stats.checkouts, stats.in_use), (checkouts, held), "{stats:?}");
        assert_eq!((stats.returns(), stats.discards, stats.detached), (returns, discards, detached), "{stats:?}");
        assert_eq!((stats.timeouts, stats.rejected), (timeouts, rejected), "{stats:?}");
        assert_eq!(stats.checkouts - stats.returns() - stats.discards - stats.detached, held as u64);
        assert_eq!(stats.created - stats.destroyed.total() - stats.detached, stats.total as u64, "{stats:?}");
        assert_eq!(stats.affinity_hits() + stats.affinity_misses, checkouts);
        let latencies = pool.latencies();
        assert_eq!(latencies.wait.count(), checkouts + timeouts + rejected);
        assert_eq!(latencies.destroy.count(), stats.destroyed.total() - stats.destroyed.by(DestroyReason::WarmFailed));
    }
}

/// xorshift64*: the same run for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % sides
    }
}

fn random_run(seed: u64, set: impl FnOnce(Builder<Probe>) -> Builder<Probe>) {
    let pool = set(Pool::builder(Probe::new()).max_size(4).max_overflow(2).keeper(Keeper::Manual)).build().unwrap();
    let (mut dice, mut held, seen) = (Dice(seed), Vec::new(), Seen::default());
    for _ in 0..2_000 {
        match dice.below(10) {
            0..5 => match pool.try_checkout() {
                Ok(guard) => {
                    Seen::add(&seen.checkouts);
                    held.push(guard);
                }
                Err(error) => seen.refused(&error),
            },
            5 => match pool.checkout_timeout(Duration::ZERO) {
                Ok(guard) => {
                    Seen::add(&seen.checkouts);
                    held.push(guard);
                }
                Err(error) => seen.refused(&error),
            },
            end if !held.is_empty() => {
                let guard = held.swap_remove(dice.below(held.len() as u64) as usize);
                match end {
                    6 => {
                        guard.discard("by the dice");
                        Seen::add(&seen.discards);
                    }
                    7 => {
                        drop(guard.detach());
                        Seen::add(&seen.detached);
                    }
                    _ => {
                        drop(guard);
                        Seen::add(&seen.returns);
                    }
                }
            }
            _ => pool.tick(),
        }
        seen.is_what_the_pool_says(&pool, held.len());
    }
    seen.returns.fetch_add(held.len() as u64, Relaxed);
    held.clear();
    seen.is_what_the_pool_says(&pool, 0);
    closes_balanced(&pool);
}

#[test]
fn every_number_is_the_tests_own_after_each_step_of_a_seeded_random_run() {
    for (seed, strategy) in [(1, Strategy::Affine), (2, Strategy::Lifo), (3, Strategy::Fifo)] {
        random_run(seed, |b| b.strategy(strategy));
        random_run(seed + 3, |b| b.strategy(strategy).record_uses(true));
    }
}

fn hammered(set: impl FnOnce(Builder<Probe>) -> Builder<Probe>) {
    let mut builder = set(Pool::builder(Probe::new()).max_size(3).min_idle(1).max_overflow(1).max_waiters(3));
    let events = builder.subscribe(1 << 20);
    let pool = builder.build().unwrap();
    let seen = Seen::default();
    std::thread::scope(|scope| {
        for seed in 1..=6 {
            let (pool, seen) = (&pool, &seen);
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..400 {
                    let asked = match dice.below(4) {
                        0 => pool.try_checkout(),
                        1 => pool.checkout_timeout(Duration::from_micros(dice.below(200))),
                        _ => pool.checkout(),
                    };
                    let guard = match asked {
                        Ok(guard) => guard,
                        Err(error) => {
                            seen.refused(&error);
                            continue;
                        }
                    };
                    Seen::add(&seen.checkouts);
                    match dice.below(16) {
                        0 => {
                            guard.discard("by the dice");
                            Seen::add(&seen.discards);
                        }
                        1 => {
                            drop(guard.detach());
                            Seen::add(&seen.detached);
                        }
                        2 => std::thread::yield_now(),
                        _ => {}
                    }
                }
            });
        }
    });
    let ended = seen.discards.load(Relaxed) + seen.detached.load(Relaxed);
    seen.returns.store(seen.checkouts.load(Relaxed) - ended, Relaxed);
    // What was asked for last may still be in the making, and overflow may be on its way out.
    until(|| {
        let stats = pool.stats();
        stats.creating + stats.retiring == 0 && stats.settled
    });
    closes_balanced(&pool);
    seen.is_what_the_pool_says(&pool, 0);
    one_terminal_event_each(&events, &pool);
}

/// Of all events: one creation and one end for each resource, and one refusal for each error.
fn one_terminal_event_each(events: &crossbeam_channel::Receiver<PoolEvent>, pool: &Pool<Probe>) {
    let (mut births, mut ends, mut refusals) = (HashMap::new(), HashMap::new(), 0);
    for event in events.try_iter() {
        match event {
            PoolEvent::Transition(step) if step.from == ResourceState::Initializing => {
                *births.entry(step.id).or_insert(0) += 1;
            }
            PoolEvent::Transition(step) if step.to == ResourceState::Terminated => {
                *ends.entry(step.id).or_insert(0) += 1;
            }
            PoolEvent::Refused(_) => refusals += 1,
            _ => {}
        }
    }
    let stats = pool.stats();
    assert_eq!((stats.lost_events, births.len() as u64), (0, stats.created));
    assert_eq!(births, ends, "what begins ends once");
    assert!(ends.values().all(|times| *times == 1), "{ends:?}");
    assert_eq!(refusals, stats.timeouts + stats.rejected);
}

#[test]
fn every_number_is_the_tests_own_after_hammering_and_each_resource_ends_once() {
    for fairness in [Fairness::default(), Fairness::Fifo, Fairness::Barging] {
        hammered(|b| b.fairness(fairness));
        hammered(|b| b.fairness(fairness).strategy(Strategy::Lifo));
    }
}

#[test]
fn a_checkout_that_takes_what_its_thread_had_last_is_a_hit() {
    let pool = Pool::builder(Probe::new()).max_size(2).keeper(Keeper::Manual).build().unwrap();
    drop(pool.checkout().unwrap());
    (0..10).for_each(|_| drop(pool.checkout().unwrap()));
    let mine = pool.checkout().unwrap();
    let other = pool.checkout().unwrap();
    let stats = pool.stats();
    assert_eq!((stats.affinity_hits(), stats.affinity_misses), (11, 2), "the first one, and the one beside");
    drop((mine, other));
    closes_balanced(&pool);
}

#[test]
fn numbers_of_a_pool_at_work_say_that_they_are_not_settled() {
    let pool = Pool::builder(Probe::new()).max_size(64).build().unwrap();
    let stop = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while stop.load(Relaxed) == 0 {
                drop(pool.checkout().unwrap());
            }
        });
        until(|| !pool.stats().settled);
        stop.store(1, Relaxed);
    });
    assert!(pool.stats().settled);
    closes_balanced(&pool);
}

#[test]
fn utilisation_is_the_share_in_use_and_more_than_all_with_overflow() {
    let pool = Pool::builder(Probe::new()).max_size(2).max_overflow(1).keeper(Keeper::Manual).build().unwrap();
    let mut held = Vec::new();
    for expected in [0.0, 0.5, 1.0, 1.5] {
        assert_eq!(pool.stats().utilisation(), expected);
        held.extend(pool.try_checkout());
    }
    drop(held);
    closes_balanced(&pool);
}

/// An error whose drop takes its time.
#[derive(Debug, thiserror::Error)]
#[error("down")]
struct Clings(Arc<[AtomicBool; 2]>);

impl Drop for Clings {
    fn drop(&mut self) {
        self.0[0].store(true, SeqCst);
        until(|| self.0[1].load(SeqCst));
    }
}

#[test]
fn numbers_add_up_while_the_error_of_an_earlier_creation_is_dropped() {
    let (clock, gate, fails) =
        (VirtualClock::new(), Arc::new([false, false].map(AtomicBool::new)), AtomicBool::new(true));
    let theirs = Arc::clone(&gate);
    let make = move || if fails.swap(false, SeqCst) { Err(Clings(Arc::clone(&theirs))) } else { Ok(Box::new(0)) };
    let pool = Pool::builder(make).clock(&clock).keeper(Keeper::Manual).max_size(1).min_idle(0).build().unwrap();
    drop(pool.try_checkout());
    clock.advance(Duration::from_secs(60));
    std::thread::scope(|scope| {
        let maker = scope.spawn(|| drop(pool.try_checkout().unwrap()));
        until(|| gate[0].load(SeqCst));
        let stats = pool.stats();
        gate[1].store(true, SeqCst);
        maker.join().unwrap();
        assert!(stats.settled);
        assert_eq!(stats.created - stats.destroyed.total() - stats.detached, stats.total as u64, "{stats:?}");
    });
    closes_balanced(&pool);
}
