//! A share of the calls in a window of time.

use super::*;
use slackwater::BreakerState::{Closed, HalfOpen, Open};

/// Half of at least ten calls within 8 s: eighths of a second each.
fn half_of_ten() -> BreakerConfig {
    BreakerConfig::new().failure_rate(0.5, SECOND * 8, 10)
}

#[test]
fn the_share_opens_it_when_it_is_reached() {
    let (breaker, _clock) = breaker(half_of_ten());
    for _ in 0..5 {
        succeeds(&breaker);
    }
    for failures in 1..=4 {
        fails(&breaker);
        assert_eq!((breaker.state(), breaker.stats().failures), (Closed, failures));
    }
    fails(&breaker);
    assert_eq!(breaker.state(), Open);
    assert_eq!(refused(&breaker).failures, 5);
}

#[test]
fn too_few_calls_open_nothing_whatever_their_share() {
    let (breaker, _clock) = breaker(half_of_ten());
    (0..9).for_each(|_| fails(&breaker));
    assert_eq!(breaker.state(), Closed);
    // The tenth call is a success: only a failure opens it.
    succeeds(&breaker);
    assert_eq!(breaker.state(), Closed);
    fails(&breaker);
    assert_eq!(breaker.state(), Open);
}

#[test]
fn a_share_below_the_ratio_never_opens_it() {
    let (breaker, clock) = breaker(BreakerConfig::new().failure_rate(0.501, SECOND * 8, 1));
    for _ in 0..10_000 {
        succeeds(&breaker);
        fails(&breaker);
        clock.advance(MS);
    }
    assert_eq!(breaker.state(), Closed);
}

#[test]
fn a_ratio_in_decimals_is_met_by_the_same_share_of_calls() {
    for percent in 1..=100_u32 {
        let (breaker, _clock) = breaker(BreakerConfig::new().failure_rate(f64::from(percent) / 100.0, SECOND, 100));
        (0..100 - percent).for_each(|_| succeeds(&breaker));
        (0..percent - 1).for_each(|_| fails(&breaker));
        assert_eq!(breaker.state(), Closed, "{percent} %");
        fails(&breaker);
        assert_eq!(breaker.state(), Open, "{percent} %");
    }
}

/// Promise: what is older than the window never counts, what is younger than seven eighths of it always does.
#[test]
fn the_window_slides_by_eighths() {
    let (breaker, clock) = breaker(half_of_ten());
    (0..4).for_each(|_| fails(&breaker));
    clock.advance(SECOND * 8 - NS);
    assert_eq!(breaker.stats().failures, 4, "in the last eighth of the window");
    clock.advance(NS);
    assert_eq!(breaker.stats().failures, 0, "past it");
    clock.advance(SECOND - NS);
    (0..4).for_each(|_| fails(&breaker));
    clock.advance(SECOND * 7);
    assert_eq!(breaker.stats().failures, 4);
    clock.advance(NS);
    assert_eq!(breaker.stats().failures, 0, "told at the end of their eighth, they leave with it");
    (0..9).for_each(|_| fails(&breaker));
    assert_eq!(breaker.state(), Closed, "nine calls within the window, of seventeen");
}

#[test]
fn an_old_bucket_is_no_new_one_after_any_number_of_windows() {
    let (breaker, clock) = breaker(half_of_ten());
    for windows in [1, 2, 3, 100, 1_000_000] {
        (0..9).for_each(|_| fails(&breaker));
        clock.advance(SECOND * 8 * windows);
        assert_eq!(breaker.stats().failures, 0);
    }
    assert_eq!(breaker.state(), Closed);
}

/// Promise: closing forgets. Provoked: it closes within the window, and within the very eighth, of the failures that
/// opened it.
#[test]
fn closing_forgets_what_was_in_the_window() {
    let (breaker, clock) = breaker(BreakerConfig::new().failure_rate(0.5, SECOND * 800, 10));
    (0..10).for_each(|_| fails(&breaker));
    clock.advance(SECOND);
    assert_eq!(breaker.state(), HalfOpen);
    succeeds(&breaker);
    succeeds(&breaker);
    assert_eq!((breaker.state(), breaker.stats().failures), (Closed, 0));
    (0..9).for_each(|_| fails(&breaker));
    assert_eq!((breaker.state(), breaker.stats().failures), (Closed, 9));
    breaker.reset();
    assert_eq!(breaker.stats().failures, 0);
    (0..9).for_each(|_| fails(&breaker));
    assert_eq!(breaker.state(), Closed);
}

/// Promise: a bucket that is full keeps the share. Provoked: a hundred times as many calls as fit, all in one bucket.
#[test]
fn more_calls_than_a_bucket_holds_keep_their_share() {
    for (ratio, opens) in [(0.22, false), (0.18, true)] {
        let (breaker, _clock) = breaker(BreakerConfig::new().failure_rate(ratio, SECOND, 511));
        for call in 0..100_000 {
            match call % 5 {
                0 if breaker.acquire().is_ok() => fails(&breaker),
                _ if breaker.acquire().is_ok() => succeeds(&breaker),
                _ => {}
            }
        }
        assert_eq!(breaker.state() == Open, opens, "{ratio} against a fifth");
    }
}

/// Promise: nobody's call is lost. Provoked: threads that tell at once; the last failure must find them all.
#[test]
fn calls_told_at_once_all_count() {
    let (breaker, _clock) = breaker(BreakerConfig::new().failure_rate(1.0, SECOND, 401));
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| (0..100).for_each(|_| fails(&breaker)));
        }
    });
    assert_eq!((breaker.state(), breaker.stats().failures), (Closed, 400));
    fails(&breaker);
    assert_eq!(breaker.state(), Open);
}
