//! Churn: resources that fail, panic, expire, wear out and are thrown away all the time, under a keeper that replaces and
//! resizes. In the end every place is there, every resource ended once, and the pool closes.

mod support;

use slackwater::{
    BreakerConfig, BreakerState, CheckoutError, Creation, DestroyReason, Keeper, Manager, OnLeak, Pool, ReturnOutcome,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use support::{WATCHDOG, closes_balanced, until};

const MS: Duration = Duration::from_millis(1);

/// Numbers that look random and are the same each time (SplitMix64).
#[derive(Default)]
struct Dice(AtomicU64);

impl Dice {
    /// True in `percent` of a hundred throws.
    fn falls(&self, percent: u64) -> bool {
        let mut throw = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, SeqCst);
        throw = (throw ^ (throw >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        throw = (throw ^ (throw >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (throw ^ (throw >> 31)) % 100 < percent
    }
}

/// A resource that knows whether somebody has it, and whether it has ended.
struct Brittle {
    held: AtomicBool,
    text: String,
    alive: Arc<AtomicUsize>,
}

impl Drop for Brittle {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
        assert!(!*self.held.get_mut(), "it ended in its holder's hands");
    }
}

/// Every callback fails or panics now and then, until told to behave.
#[derive(Default)]
struct Fragile {
    dice: Dice,
    behaves: Arc<AtomicBool>,
    alive: Arc<AtomicUsize>,
}

impl Fragile {
    fn falls(&self, percent: u64) -> bool {
        !self.behaves.load(SeqCst) && self.dice.falls(percent)
    }

    fn panics(&self, percent: u64) {
        if self.falls(percent) {
            // Past the hook, which would print.
            std::panic::resume_unwind(Box::new("it fell"));
        }
    }
}

impl Manager for Fragile {
    type Resource = Brittle;
    type Error = String;

    fn create(&self) -> Result<Brittle, String> {
        self.panics(5);
        if self.falls(15) {
            return Err("it fell".to_owned());
        }
        self.alive.fetch_add(1, SeqCst);
        Ok(Brittle { held: AtomicBool::new(false), text: "whole".to_owned(), alive: Arc::clone(&self.alive) })
    }

    fn check(&self, brittle: &mut Brittle) -> Result<(), String> {
        assert!(!*brittle.held.get_mut(), "checked in its holder's hands");
        self.panics(3);
        if self.falls(30) { Err("it fell".to_owned()) } else { Ok(()) }
    }

    fn is_broken(&self, _: &mut Brittle) -> bool {
        self.panics(1);
        self.falls(4)
    }

    fn recycle(&self, _: &mut Brittle) -> ReturnOutcome {
        self.panics(1);
        match self.falls(5) {
            true => ReturnOutcome::Suspect,
            false => ReturnOutcome::Healthy,
        }
    }

    fn destroy(&self, brittle: Brittle) {
        drop(brittle);
        self.panics(20);
    }
}

fn user(pool: &Pool<Fragile>, me: usize, rounds: usize) -> usize {
    let mut served = 0;
    for round in 0..rounds {
        match pool.checkout() {
            Ok(mut held) => {
                assert!(!held.held.swap(true, SeqCst), "two have the same");
                assert_eq!(held.text, "whole");
                if round % 7 == me % 7 {
                    thread::yield_now();
                }
                held.held.store(false, SeqCst);
                served += 1;
                match (me * 31 + round) % 50 {
                    0 => held.discard("thrown away"),
                    1 => drop(held.detach()),
                    2 => held.mark_suspect(),
                    3 => held.on_error(&"in use".to_owned()),
                    _ => {}
                }
            }
            Err(CheckoutError::Create(_)) => {}
            Err(CheckoutError::CircuitOpen(_)) => until(|| pool.stats().breaker != Some(BreakerState::Open)),
            Err(error) => panic!("{error}"),
        }
    }
    served
}

fn churn(creation: Creation, keeper: Keeper) {
    let fragile = Fragile::default();
    let (behaves, alive) = (Arc::clone(&fragile.behaves), Arc::clone(&fragile.alive));
    let builder = Pool::builder(fragile).max_size(6).max_overflow(2).ceiling(12).creation(creation).keeper(keeper);
    let builder = builder.max_lifetime(20 * MS).lifetime_jitter(0.5).idle_timeout(5 * MS).min_idle(2).max_uses(40);
    let builder = builder.check_interval(2 * MS).check_if_idle_for(3 * MS).overflow_ttl(2 * MS).surge(2);
    let builder = builder.breaker(BreakerConfig::new().open_for(MS));
    let builder = builder.max_hold(50 * MS).on_leak(OnLeak::Replace { at_most: 2 });
    // The first ones are made in peace: a pool that can make none at all is not built.
    behaves.store(true, SeqCst);
    let pool = builder.checkout_timeout(3 * WATCHDOG).build().unwrap();
    behaves.store(false, SeqCst);
    let began = Instant::now();
    let served: usize = thread::scope(|s| {
        let users: Vec<_> = (0..12)
            .map(|me| {
                s.spawn({
                    let pool = &pool;
                    move || user(pool, me, 400)
                })
            })
            .collect();
        let sizes = [2, 8, 4, 10, 1, 6];
        for turn in 0.. {
            if users.iter().all(|user| user.is_finished()) {
                break;
            }
            pool.resize(0, sizes[turn % sizes.len()]).unwrap();
            if turn % 4 == 0 {
                drop(pool.replace_all(1 + turn % 2, 1).unwrap());
            }
            (0..50).for_each(|_| thread::yield_now());
        }
        users.into_iter().map(|user| user.join().unwrap()).sum()
    });
    assert!(served > 12 * 400 / 2, "{served} served, {:?}", began.elapsed());
    behaves.store(true, SeqCst);
    pool.resize(2, 6).unwrap();
    until(|| pool.audit().is_clean() && pool.stats().total <= 6 + 2);
    // The places of what was held for too long go when the keeper comes by.
    until(|| {
        let held: Vec<_> = std::iter::from_fn(|| pool.try_checkout().ok()).take(20).collect();
        held.len() == 8
    });
    let stats = pool.stats();
    assert!(stats.callback_panics > 0 && stats.create_failures > 0 && stats.destroyed.by(DestroyReason::Broken) > 0);
    closes_balanced(&pool);
    assert_eq!(alive.load(SeqCst), 0, "{:?}", pool.stats());
}

#[test]
fn a_pool_outlives_churn_when_callers_create() {
    churn(Creation::Inline, Keeper::Dedicated);
}

#[test]
fn a_pool_outlives_churn_when_the_crew_creates() {
    churn(Creation::Background, Keeper::Dedicated);
}

#[test]
fn a_pool_of_the_shared_keeper_outlives_churn() {
    churn(Creation::Auto, Keeper::Shared);
}

/// Nothing is kept ready, everything is thrown away, and everyone comes at once.
#[test]
fn ten_thousand_are_made_thrown_away_and_made_again() {
    for creation in [Creation::Inline, Creation::Background, Creation::Auto] {
        let probe = support::Probe::new();
        let builder = Pool::builder(probe.clone()).max_size(10).min_idle(0).creation(creation);
        let pool = builder.checkout_timeout(3 * WATCHDOG).build().unwrap();
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| (0..2_500).for_each(|_| pool.checkout().unwrap().discard("thrown away")));
            }
        });
        // The last ones end on the crew.
        until(|| pool.stats().destroyed.by(DestroyReason::Discarded) == 10_000);
        assert!(probe.most_alive() <= 10, "{} alive at once", probe.most_alive());
        closes_balanced(&pool);
    }
}
