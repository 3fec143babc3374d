//! The weight of all resources, and what it does.

use super::support::{Probe, closes_balanced};
use super::{SEC, number, pass, still};
use slackwater::{CheckoutError, DestroyReason, Keeper, Manager, MemoryLimitExceeded, Pool};
use std::error::Error;

#[test]
fn above_the_threshold_the_coldest_idle_go() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(5).memory_budget(100).build().unwrap();
    assert_eq!(pool.memory().total, 35);
    pass(&pool, &clock, SEC, SEC);
    let warm = pool.with(|thing| {
        thing.weight = 70;
        number(thing)
    });
    assert_eq!(pool.memory().total, 98);
    pool.tick();
    assert!(pool.memory().total <= 80, "{}", pool.memory());
    assert_eq!(probe.ended().len(), 3, "no more than it takes");
    assert!(!probe.ended().contains(&warm.unwrap()), "the one used last stays");
    pass(&pool, &clock, 10 * SEC, SEC);
    assert_eq!(probe.ended().len(), 3, "nor are they made anew to be destroyed again");
    let memory = pool.memory();
    assert_eq!((memory.peak, memory.evicted, memory.budget), (98, 3, Some(100)));
    closes_balanced(&pool);
    assert_eq!(pool.memory().total, 0);
}

#[test]
fn above_the_budget_nothing_is_made_and_the_error_says_why() {
    let (_, _, builder) = still();
    let pool = builder.max_size(3).min_idle(1).memory_budget(10).memory_pressure(1.0).build().unwrap();
    let mut held = pool.checkout().unwrap();
    held.weight = 11;
    drop(held);
    let held = pool.checkout().unwrap();
    let Err(CheckoutError::Create(error)) = pool.try_checkout().map(drop) else { panic!("nothing is free") };
    let limit = error.source().unwrap().downcast_ref::<MemoryLimitExceeded>().unwrap();
    assert_eq!((limit.used, limit.limit), (11, 10));
    let Err(CheckoutError::Timeout(error)) = pool.checkout_timeout(std::time::Duration::ZERO).map(drop) else {
        panic!("nothing is free")
    };
    assert!(error.to_string().contains("11 of 10"), "{error}");
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn gc_destroys_what_is_free() {
    let (probe, _, builder) = still();
    let pool = builder.max_size(4).min_idle(0).build().unwrap();
    let held = pool.checkout().unwrap();
    drop([pool.checkout().unwrap(), pool.checkout().unwrap()]);
    let gc = pool.gc();
    pool.tick();
    assert_eq!((gc.evicted, gc.freed, probe.alive()), (2, 14, 1));
    assert_eq!(pool.stats().destroyed.by(DestroyReason::MemoryPressure), 2);
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn gc_destroys_what_came_back_this_moment_although_the_keeper_saw_it_in_use() {
    let (_, _, builder) = still();
    let pool = builder.max_size(2).min_idle(0).build().unwrap();
    let held = pool.checkout().unwrap();
    pool.tick();
    drop(held);
    assert_eq!(pool.gc().evicted, 1);
    closes_balanced(&pool);
}

#[test]
fn weights_have_a_sum_however_heavy_they_are() {
    let (_, _, builder) = still();
    let pool = builder.max_size(3).memory_budget(1 << 48).memory_pressure(1.0).build().unwrap();
    let mut held = [(); 3].map(|()| pool.checkout_owned().unwrap());
    held.each_mut().into_iter().for_each(|held| held.weight = u64::MAX);
    drop(held);
    assert_eq!((pool.stats().weight, pool.memory().total), (3 << 46, 3 << 46));
    closes_balanced(&pool);
    assert_eq!(pool.memory().total, 0);
}

/// Uses the pool's one resource `uses` times; `weigh` says what it weighs after each.
fn uses(pool: &Pool<Probe>, uses: u64, weigh: impl Fn(u64) -> u64) {
    for used in 0..uses {
        pool.with(|thing| thing.weight = weigh(used)).unwrap();
    }
}

#[test]
fn a_resource_that_leaks_is_replaced_and_a_bursty_one_is_not() {
    let (_, _, builder) = still();
    let pool = builder.max_growth(2.0).build().unwrap();
    uses(&pool, 1_000, |used| if used % 5 == 0 { 1_000 } else { 100 });
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Grown), 0, "bursts come back to where they were");
    closes_balanced(&pool);

    let (_, _, builder) = still();
    let pool = builder.max_growth(2.0).build().unwrap();
    uses(&pool, 250, |used| 100 + used);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Grown), 1, "after it weighed twice as much");
    closes_balanced(&pool);
}

/// Promise: growth that is limited late is reckoned from what a resource weighs then. Provoked: one that has had many uses, and goes on to
/// rise, but to much less than the limit.
#[test]
fn growth_that_is_limited_late_is_reckoned_from_then() {
    let (_, _, builder) = still();
    let pool = builder.memory_budget(1_000_000).build().unwrap();
    uses(&pool, 40, |used| 100 + used);
    pool.reconfigure(|config| config.max_growth = Some(2.0)).unwrap();
    uses(&pool, 130, |used| 140 + used);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Grown), 0, "it is not twice as heavy as it was");
    uses(&pool, 200, |used| 270 + used);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Grown), 1);
    closes_balanced(&pool);
}

#[test]
fn the_books_of_weight_are_exact_whatever_happens() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(4).memory_budget(1_000_000).max_uses(7).build().unwrap();
    let mut seed = 7_u64;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for _ in 0..2_000 {
        let weight = draw(1_000);
        match (draw(8), pool.try_checkout()) {
            (_, Err(_)) => pool.tick(),
            (0, Ok(held)) => held.discard("one of eight"),
            (1, Ok(held)) => drop(held.detach()),
            (_, Ok(mut held)) => held.weight = weight,
        }
        if draw(50) == 0 {
            pass(&pool, &clock, SEC, SEC);
        }
        let sum: u64 = pool.resources().iter().map(|resource| resource.weight).sum();
        assert_eq!(pool.memory().total, sum);
    }
    closes_balanced(&pool);
    assert_eq!(pool.memory().total, 0);
}

/// A resource that its check makes lighter.
struct Shrinking;

impl Manager for Shrinking {
    type Resource = Box<u64>;
    type Error = String;

    fn create(&self) -> Result<Box<u64>, String> {
        Ok(Box::new(10))
    }

    fn check(&self, resource: &mut Box<u64>) -> Result<(), String> {
        **resource = 10;
        Ok(())
    }

    fn weight(&self, resource: &Box<u64>) -> u64 {
        **resource
    }
}

#[test]
fn what_a_check_makes_lighter_is_weighed_anew() {
    let pool = Pool::builder(Shrinking).max_size(2).memory_budget(100).keeper(Keeper::Manual).build().unwrap();
    let mut heavy = pool.checkout().unwrap();
    **heavy = 70;
    heavy.mark_suspect();
    drop(heavy);
    assert_eq!(pool.memory().total, 80);
    pool.tick();
    assert_eq!((pool.memory().total, pool.stats().weight), (20, 20));
    closes_balanced(&pool);
    assert_eq!(pool.memory().total, 0);
}
