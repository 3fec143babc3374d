//! Rounds that end in silence: what a lost wake-up cannot survive.
//!
//! Under load the next return heals a lost wake-up, and no throughput shows it. Here the threads of a pool meet, each makes
//! one checkout and one return, a few spins apart from the others, and then nothing happens until all have met again:
//! whoever was forgotten is never woken, and the watchdog says so. Runs on the real processor, with its real store buffers
//! and the system's real `membarrier`, neither of which a model checker has.
//!
//! `SLACKWATER_STRESS_SECONDS` is how long each test takes; by default a moment. Build for release: `.ci/run stress`.
//!
//! Nothing else wakes anybody in these pools: they have no keeper, and nobody's patience ends unless the test is about that.

#[path = "silence/rounds.rs"]
mod rounds;

use rounds::{Rounds, play};
use slackwater::{CheckoutError, Creation, Fairness, Fences, Keeper, MAX_SPAN, Manager, Pool, Severity, VirtualClock};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const ANY_WAITER: Fairness = Fairness::Eventual { bound: Duration::from_micros(500) };
const OLD_WAITER: Fairness = Fairness::Eventual { bound: Duration::from_nanos(1) };

/// Makes boxes; every third time it fails for good if it is told to.
struct Boxes {
    made: AtomicU64,
    fails: bool,
}

impl Manager for Boxes {
    type Resource = Box<u64>;
    type Error = String;

    fn create(&self) -> Result<Box<u64>, String> {
        let made = self.made.fetch_add(1, Relaxed);
        if self.fails && made % 3 == 2 { Err("told to fail".to_owned()) } else { Ok(Box::new(made)) }
    }

    fn classify(&self, _: &String) -> Severity {
        Severity::Permanent
    }
}

fn pool_that(fails: bool) -> slackwater::Builder<Boxes> {
    let manager = Boxes { made: AtomicU64::new(0), fails };
    Pool::builder(manager).keeper(Keeper::Manual).creation(Creation::Inline).checkout_timeout(MAX_SPAN)
}

fn one() -> slackwater::Builder<Boxes> {
    pool_that(false)
}

fn use_once(pool: &Pool<Boxes>) {
    **pool.checkout().expect("nobody fails and nobody gives up") += 1;
}

/// Return and wait: full fences on both sides.
fn returns(threads: usize, fairness: Fairness, fences: Fences) {
    let pool = one().fairness(fairness).fences(fences).build().unwrap();
    play(Rounds::of(threads, pool, |pool, _, _| use_once(pool)));
}

/// Return and wait, from the quiet state: the first waiter has to raise the flags, and its heavy fence is all that stands
/// between it and a return without one.
fn returns_from_quiet(threads: usize, fairness: Fairness) {
    let clock = VirtualClock::new();
    let pool = one().clock(&clock).fairness(fairness).build().unwrap();
    let rounds = Rounds::of(threads, pool, |pool, _, _| use_once(pool));
    play(rounds.between(move |pool| {
        // Notes that somebody waited; then a quiet second, and the flags come down.
        pool.tick();
        clock.advance(Duration::from_secs(2));
        pool.tick();
    }));
}

#[test]
fn a_return_wakes_the_waiter() {
    returns(2, ANY_WAITER, Fences::Auto);
}

#[test]
fn a_return_with_portable_fences_wakes_the_waiter() {
    returns(2, ANY_WAITER, Fences::Portable);
}

#[test]
fn a_return_wakes_the_first_waiter_after_a_quiet_time() {
    returns_from_quiet(2, ANY_WAITER);
}

#[test]
fn one_return_after_another_wakes_all_waiters() {
    returns(3, ANY_WAITER, Fences::Auto);
}

#[test]
fn returns_wake_all_first_waiters_after_a_quiet_time() {
    returns_from_quiet(3, ANY_WAITER);
}

#[test]
fn a_barging_pool_wakes_all_waiters() {
    returns(3, Fairness::Barging, Fences::Auto);
}

#[test]
fn a_barging_pool_with_portable_fences_wakes_the_waiter() {
    returns(2, Fairness::Barging, Fences::Portable);
}

#[test]
fn a_strict_pool_hands_over_to_all_waiters() {
    returns(3, Fairness::Fifo, Fences::Auto);
}

#[test]
fn a_strict_pool_with_portable_fences_hands_over() {
    returns(2, Fairness::Fifo, Fences::Portable);
}

#[test]
fn a_strict_pool_hands_over_after_a_quiet_time() {
    returns_from_quiet(2, Fairness::Fifo);
}

#[test]
fn waiters_that_are_due_are_all_handed_to() {
    returns(3, OLD_WAITER, Fences::Auto);
}

#[test]
fn waiters_that_are_due_are_handed_to_with_portable_fences() {
    returns(3, OLD_WAITER, Fences::Portable);
}

/// One of three gives up about when it is its turn: what it was given must reach the other.
fn gives_up(fairness: Fairness) {
    let pool = one().fairness(fairness).build().unwrap();
    play(Rounds::of(3, pool, |pool, me, round| {
        if me == 2 {
            match pool.checkout_timeout(Duration::from_nanos(round * 97 % 20_000)) {
                Ok(mut guard) => **guard += 1,
                Err(CheckoutError::Timeout(_)) => {}
                Err(error) => panic!("{error}"),
            }
        } else {
            use_once(pool);
        }
    }));
}

#[test]
fn a_waiter_that_times_out_passes_its_wake_on() {
    gives_up(ANY_WAITER);
}

#[test]
fn a_waiter_that_times_out_passes_its_wake_on_when_barging() {
    gives_up(Fairness::Barging);
}

#[test]
fn a_waiter_that_times_out_passes_its_grant_on() {
    gives_up(Fairness::Fifo);
}

#[test]
fn a_waiter_that_times_out_when_due_passes_its_grant_on() {
    gives_up(OLD_WAITER);
}

/// What is left to wait for is room: each holder gives its resource up for good, and whoever waits makes the next.
fn ends(fails: bool, fairness: Fairness, fences: Fences) {
    let pool = pool_that(fails).min_idle(0).fairness(fairness).fences(fences).build().unwrap();
    play(Rounds::of(3, pool, |pool, me, round| match pool.checkout() {
        Ok(guard) if (round + me as u64).is_multiple_of(2) => guard.discard("its time is over"),
        Ok(guard) => drop(guard.detach()),
        Err(CheckoutError::Create(_)) => {}
        Err(error) => panic!("{error}"),
    }));
}

#[test]
fn a_resource_that_leaves_makes_room_for_a_waiter() {
    ends(false, ANY_WAITER, Fences::Auto);
}

#[test]
fn a_resource_that_leaves_makes_room_for_a_waiter_with_portable_fences() {
    ends(false, ANY_WAITER, Fences::Portable);
}

#[test]
fn a_resource_that_leaves_makes_room_in_a_strict_pool() {
    ends(false, Fairness::Fifo, Fences::Auto);
}

#[test]
fn a_creation_that_fails_makes_room_for_a_waiter() {
    ends(true, ANY_WAITER, Fences::Auto);
}

#[test]
fn a_creation_that_fails_makes_room_when_barging() {
    ends(true, Fairness::Barging, Fences::Portable);
}

/// One resource and one of overflow, which ends at its return unless somebody waits.
fn overflows(fairness: Fairness) {
    let pool = one().max_overflow(1).overflow_ttl(Duration::ZERO).fairness(fairness).build().unwrap();
    play(Rounds::of(4, pool, |pool, _, _| use_once(pool)));
}

#[test]
fn overflow_that_ends_makes_room_for_a_waiter() {
    overflows(ANY_WAITER);
}

#[test]
fn overflow_that_ends_makes_room_in_a_strict_pool() {
    overflows(Fairness::Fifo);
}

/// Each round has a pool of its own, closed by one thread while the others are at it.
fn closes(fairness: Fairness, fences: Fences) {
    let build = move || one().fairness(fairness).fences(fences).build().unwrap();
    let closed = |pool: &Pool<Boxes>| match pool.checkout() {
        Ok(mut guard) => **guard += 1,
        Err(CheckoutError::Closed(_)) => {}
        Err(error) => panic!("{error}"),
    };
    let rounds = Rounds::of(3, build(), move |pool, me, _| {
        if me == 2 {
            let report = pool.close(MAX_SPAN);
            assert!(report.is_complete(), "{report}");
            let stats = pool.stats();
            assert_eq!(stats.created, stats.destroyed.total(), "{stats:?}");
        } else {
            closed(pool);
        }
    });
    play(rounds.renewed(build));
}

#[test]
fn close_reaches_every_waiter_and_every_return() {
    closes(ANY_WAITER, Fences::Auto);
}

#[test]
fn close_reaches_every_waiter_and_every_return_with_portable_fences() {
    closes(ANY_WAITER, Fences::Portable);
}

#[test]
fn close_reaches_every_waiter_of_a_strict_pool() {
    closes(Fairness::Fifo, Fences::Auto);
}
