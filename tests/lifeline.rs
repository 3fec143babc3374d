//! What those who made a resource tell its pool about it: that it is dead, or to be replaced.

mod support;

use parking_lot::Mutex;
use slackwater::{DestroyReason, Keeper, Lifeline, Manager, Pool, VirtualClock};
use std::sync::Arc;
use std::time::Duration;
use support::{closes_balanced, passes, until};

/// A manager that keeps the lifelines it is given, in the order of its resources, which are numbers.
#[derive(Clone, Default)]
struct Watched {
    lifelines: Arc<Mutex<Vec<Lifeline>>>,
    /// What is dead.
    dead: Arc<Mutex<Vec<usize>>>,
    panics: bool,
    tells_at_once: bool,
    /// What an end takes two seconds of.
    ends_slowly: Option<VirtualClock>,
}

impl Watched {
    /// `number` dies, as its maker sees it.
    fn dies(&self, number: usize) {
        self.dead.lock().push(number);
        self.lifeline(number).ended();
    }

    fn lifeline(&self, number: usize) -> Lifeline {
        self.lifelines.lock()[number].clone()
    }

    fn made(&self) -> usize {
        self.lifelines.lock().len()
    }
}

impl Manager for Watched {
    type Resource = usize;
    type Error = std::convert::Infallible;

    fn create(&self) -> Result<usize, Self::Error> {
        Ok(usize::MAX)
    }

    fn lifeline(&self, number: &mut usize, lifeline: Lifeline) {
        assert!(!self.panics, "told to panic");
        let mut lifelines = self.lifelines.lock();
        *number = lifelines.len();
        lifelines.push(lifeline.clone());
        drop(lifelines);
        if self.tells_at_once && *number == 0 {
            lifeline.ended();
        }
    }

    fn is_broken(&self, number: &mut usize) -> bool {
        self.dead.lock().contains(number)
    }

    fn destroy(&self, _: usize) {
        if let Some(clock) = &self.ends_slowly {
            clock.advance(Duration::from_secs(2));
        }
    }
}

#[test]
fn what_dies_while_it_is_free_ends_and_is_replaced() {
    let watched = Watched::default();
    let pool = Pool::builder(watched.clone()).max_size(2).build().unwrap();
    watched.dies(0);
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 1);
    until(|| pool.stats().available == 2 && watched.made() == 3);
    assert_ne!(*pool.checkout().unwrap(), 0);
    closes_balanced(&pool);
}

/// Promise: resources that nobody has used yet may die later in life, and are replaced at once. Provoked: more than make a crash loop.
#[test]
fn what_has_lived_and_was_never_used_is_no_crash_loop() {
    let (watched, clock) = (Watched::default(), VirtualClock::new());
    let builder = Pool::builder(watched.clone()).max_size(8).min_idle(8).keeper(Keeper::Manual).clock(&clock);
    let pool = builder.build().unwrap();
    clock.advance(Duration::from_secs(2));
    (0..8).for_each(|number| watched.dies(number));
    // The dead end in one look, and their successors are made in another.
    pool.tick();
    pool.tick();
    let stats = pool.stats();
    assert_eq!((stats.destroyed.by(DestroyReason::Broken), stats.available, stats.short_lives), (8, 8, 0));
    closes_balanced(&pool);
}

/// Promise: what died free, long after its first use, did not die of that. Provoked: more than make a crash loop, one after another.
#[test]
fn what_has_its_first_use_behind_it_and_dies_free_is_no_crash_loop() {
    let (watched, clock) = (Watched::default(), VirtualClock::new());
    let builder = Pool::builder(watched.clone()).max_size(1).min_idle(1).keeper(Keeper::Manual).clock(&clock);
    let pool = builder.build().unwrap();
    for number in 0..20 {
        assert_eq!(*pool.checkout().unwrap(), number);
        clock.advance(Duration::from_millis(1_100));
        watched.dies(number);
        pool.tick();
        pool.tick();
        assert_eq!((pool.stats().available, pool.stats().short_lives), (1, 0), "{number}");
    }
    closes_balanced(&pool);
}

/// Promise: a life is as long as until its death was seen. Provoked: ends that take longer than a short life.
#[test]
fn what_dies_young_is_a_crash_loop_however_long_its_end_takes() {
    let clock = VirtualClock::new();
    let watched = Watched { ends_slowly: Some(clock.clone()), ..Watched::default() };
    let builder = Pool::builder(watched.clone()).max_size(1).min_idle(1).keeper(Keeper::Manual).clock(&clock);
    let pool = builder.build().unwrap();
    for number in 0..5 {
        clock.advance(Duration::from_millis(100));
        watched.dies(number);
        pool.tick();
        pool.tick();
        assert_eq!(pool.stats().short_lives, 1 + number as u32);
    }
    closes_balanced(&pool);
}

#[test]
fn what_dies_in_use_ends_at_its_return() {
    let watched = Watched::default();
    let pool = Pool::builder(watched.clone()).build().unwrap();
    let held = pool.checkout().unwrap();
    watched.dies(*held);
    assert_eq!(pool.stats().destroyed.total(), 0);
    drop(held);
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 1);
    closes_balanced(&pool);
}

/// Promise: a death that `is_broken` has just missed is found all the same. Provoked: it is told while the resource is in use, and
/// `is_broken` never says so.
#[test]
fn what_a_return_has_missed_ends_once_it_is_free() {
    let watched = Watched::default();
    let pool = Pool::builder(watched.clone()).build().unwrap();
    let held = pool.checkout().unwrap();
    watched.lifeline(*held).ended();
    drop(held);
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 1);
    closes_balanced(&pool);
}

#[test]
fn what_is_dead_before_its_first_use_is_not_kept() {
    let watched = Watched { tells_at_once: true, ..Watched::default() };
    let pool = Pool::builder(watched.clone()).build().unwrap();
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 1);
    until(|| pool.stats().available == 1);
    assert_eq!(*pool.checkout().unwrap(), 1);
    closes_balanced(&pool);
}

#[test]
fn a_word_that_comes_late_concerns_no_successor_and_no_other_pool() {
    let watched = Watched::default();
    let pool = Pool::builder(watched.clone()).build().unwrap();
    let first = watched.lifeline(0);
    watched.dies(0);
    until(|| pool.stats().destroyed.total() == 1 && pool.stats().available == 1);
    first.ended();
    first.replace();
    pool.tick();
    assert_eq!((pool.stats().destroyed.total(), *pool.checkout().unwrap()), (1, 1));
    closes_balanced(&pool);
    drop(pool);
    first.ended();
    first.replace();
}

#[test]
fn what_is_to_be_replaced_serves_until_its_successor_is_there() {
    let watched = Watched::default();
    let clock = VirtualClock::new();
    let pool = Pool::builder(watched.clone()).clock(&clock).build().unwrap();
    let held = pool.checkout().unwrap();
    let lifeline = watched.lifeline(*held);
    lifeline.replace();
    lifeline.replace();
    passes(&clock, || watched.made() == 2);
    assert_eq!(pool.stats().destroyed.total(), 0, "it is in use");
    drop(held);
    passes(&clock, || pool.stats().destroyed.by(DestroyReason::Worn) == 1);
    assert_eq!((*pool.checkout().unwrap(), watched.made()), (1, 2));
    closes_balanced(&pool);
}

#[test]
fn without_a_thread_the_next_tick_does_it() {
    let watched = Watched::default();
    let pool = Pool::builder(watched.clone()).keeper(Keeper::Manual).build().unwrap();
    watched.dies(0);
    assert_eq!(pool.stats().destroyed.total(), 0);
    pool.tick();
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Broken), 1);
    closes_balanced(&pool);
}

#[test]
fn a_manager_that_panics_at_it_costs_nothing() {
    let watched = Watched { panics: true, ..Watched::default() };
    let pool = Pool::builder(watched).build().unwrap();
    assert_eq!(*pool.checkout().unwrap(), usize::MAX);
    assert_eq!(pool.stats().callback_panics, 1);
    closes_balanced(&pool);
}

#[test]
fn many_words_at_once_end_each_resource_once() {
    let watched = Watched::default();
    let pool = Pool::builder(watched.clone()).max_size(8).build().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (watched, pool) = (watched.clone(), &pool);
            scope.spawn(move || {
                for _ in 0..3 {
                    watched.dies(number);
                    drop(pool.checkout_timeout(Duration::from_secs(5)).unwrap());
                }
            });
        }
    });
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 8);
    until(|| pool.stats().available == 8);
    closes_balanced(&pool);
}
