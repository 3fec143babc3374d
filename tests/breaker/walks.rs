//! From state to state, to the nanosecond.

use super::*;
use slackwater::BreakerState::{Closed, HalfOpen, Open};

#[test]
fn five_failures_two_probes_and_two_successes_by_default() {
    let (breaker, clock) = breaker(BreakerConfig::default());
    (0..4).for_each(|_| fails(&breaker));
    assert_eq!((breaker.state(), breaker.stats().failures, breaker.retry_after()), (Closed, 4, None));
    fails(&breaker);
    assert_eq!((breaker.state(), breaker.retry_after()), (Open, Some(SECOND)));
    clock.advance(SECOND - NS);
    assert_eq!((breaker.state(), breaker.retry_after()), (Open, Some(NS)));
    assert_eq!(refused(&breaker).retry_after, NS);
    clock.advance(NS);
    assert_eq!((breaker.state(), breaker.retry_after()), (HalfOpen, None));

    let probes = [(); 2].map(|()| breaker.acquire().expect("its time has come"));
    assert!(probes.iter().all(|probe| probe.is_probe()));
    assert_eq!((refused(&breaker).probes, breaker.stats().probes), (2, 2));
    let [one, other] = probes;
    one.succeeded();
    assert_eq!(breaker.state(), HalfOpen, "one success is not enough");
    other.succeeded();
    assert_eq!(breaker.state(), Closed);
    let stats = breaker.stats();
    assert_eq!((stats.failures, stats.openings, stats.probes), (0, 0, 0));
    assert_eq!((stats.failed, stats.refused, stats.opened), (5, 2, 1));
}

/// Promise: openings last as long as said, and up to 1 ms longer. Provoked: it opens between two milliseconds.
#[test]
fn an_opening_between_two_milliseconds_is_never_short() {
    let (breaker, clock) = breaker(BreakerConfig::new().failure_threshold(1));
    clock.advance(MS / 2);
    fails(&breaker);
    assert_eq!(breaker.retry_after(), Some(SECOND + MS / 2));
    clock.advance(SECOND);
    refused(&breaker);
    clock.advance(MS / 2 - NS);
    refused(&breaker);
    clock.advance(NS);
    succeeds(&breaker);
}

#[test]
fn each_failed_probe_doubles_the_time_up_to_open_for() {
    let (breaker, clock) = open(BreakerConfig::default());
    for seconds in [1, 2, 4, 8, 16, 30, 30, 30] {
        assert_eq!(breaker.retry_after(), Some(SECOND * seconds));
        clock.advance(SECOND * seconds - NS);
        refused(&breaker);
        clock.advance(NS);
        fails(&breaker);
    }
    assert_eq!(breaker.stats().openings, 9);
    // Closed once, it starts over.
    clock.advance(SECOND * 30);
    succeeds(&breaker);
    succeeds(&breaker);
    breaker.trip();
    assert_eq!((breaker.retry_after(), breaker.stats().openings), (Some(SECOND), 1));
}

#[test]
fn every_opening_lasts_as_long_where_the_first_is_as_long_as_the_longest() {
    let (breaker, clock) = open(BreakerConfig::new().open_for(SECOND * 5).open_for_at_first(SECOND * 5));
    for _ in 0..3 {
        assert_eq!(breaker.retry_after(), Some(SECOND * 5));
        clock.advance(SECOND * 5);
        fails(&breaker);
    }
}

#[test]
fn the_first_opening_is_no_longer_than_the_longest() {
    let (breaker, _clock) = open(BreakerConfig::new().open_for(MS * 300));
    assert_eq!(breaker.retry_after(), Some(MS * 300));
}

#[test]
fn the_shortest_opening_reaches_the_longest() {
    let day = SECOND * 86_400;
    let (breaker, clock) = open(BreakerConfig::new().open_for(day).open_for_at_first(MS));
    for doubled in 0..40 {
        let expected = MS.checked_mul(1_u32.checked_shl(doubled).unwrap_or(u32::MAX)).unwrap_or(day).min(day);
        assert_eq!(breaker.retry_after(), Some(expected), "opening {doubled}");
        clock.advance(expected);
        fails(&breaker);
    }
    assert_eq!(breaker.stats().openings, 31, "counts no further");
}

/// The original compared a count with a percentage: between the 9th and the 19th success one failure opened it.
#[test]
fn one_failure_after_nineteen_successes_is_no_five() {
    for successes in 9..=19 {
        let (breaker, _clock) = breaker(BreakerConfig::default());
        (0..successes).for_each(|_| succeeds(&breaker));
        fails(&breaker);
        assert_eq!(breaker.state(), Closed, "after {successes} successes");
    }
}

/// For the same reason it took 52,632 failures in a row after a million successes, which were never forgotten.
#[test]
fn five_failures_after_a_million_successes_are_five() {
    let (breaker, _clock) = breaker(BreakerConfig::default());
    (0..1_000_000).for_each(|_| succeeds(&breaker));
    (0..4).for_each(|_| fails(&breaker));
    assert_eq!(breaker.state(), Closed);
    fails(&breaker);
    assert_eq!(breaker.state(), Open);
}

#[test]
fn a_success_between_failures_starts_the_count_over() {
    let (breaker, _clock) = breaker(BreakerConfig::default());
    for _ in 0..100 {
        (0..4).for_each(|_| fails(&breaker));
        succeeds(&breaker);
        assert_eq!(breaker.stats().failures, 0);
    }
    assert_eq!(breaker.state(), Closed);
}

#[test]
fn trip_and_reset_work_from_every_state() {
    let (breaker, clock) = breaker(BreakerConfig::default());
    fails(&breaker);
    breaker.reset();
    assert_eq!((breaker.state(), breaker.stats().failures), (Closed, 0));
    breaker.trip();
    clock.advance(SECOND / 2);
    breaker.trip();
    assert_eq!(breaker.retry_after(), Some(SECOND), "from now on");
    assert_eq!((breaker.stats().opened, breaker.stats().openings), (1, 1));
    clock.advance(SECOND);
    let probe = breaker.acquire().expect("its time has come");
    breaker.trip();
    assert_eq!(breaker.retry_after(), Some(SECOND * 2), "like a probe that failed");
    probe.succeeded();
    assert_eq!(breaker.state(), Open, "that probe was of the period before");
    breaker.reset();
    assert_eq!((breaker.state(), breaker.retry_after()), (Closed, None));
    clock.advance(SECOND);
    succeeds(&breaker);
}

#[test]
fn trip_for_opens_for_that_long_and_cuts_nothing_short() {
    let (breaker, clock) = breaker(BreakerConfig::default());
    breaker.trip_for(SECOND * 600);
    assert_eq!(breaker.retry_after(), Some(SECOND * 600));
    breaker.trip_for(SECOND);
    breaker.trip();
    assert_eq!(breaker.retry_after(), Some(SECOND * 600));
    clock.advance(SECOND * 600 - NS);
    refused(&breaker);
    clock.advance(NS);
    fails(&breaker);
    assert_eq!(breaker.retry_after(), Some(SECOND * 2), "the second opening in a row");
    breaker.trip_for(Duration::MAX);
    clock.advance(Duration::MAX);
    refused(&breaker);
    breaker.reset();
    succeeds(&breaker);
}

/// Promise: what is told late changes nothing. Provoked: a call spans an opening, and the closing after it.
#[test]
fn an_outcome_of_before_an_opening_counts_nowhere_after_it() {
    let (breaker, clock) = breaker(BreakerConfig::new().failure_threshold(2));
    let calls = [(); 4].map(|()| breaker.acquire().expect("it is closed"));
    let [succeeds_half_open, fails_half_open, fails_closed, fails_closed_too] = calls;
    breaker.trip();
    clock.advance(SECOND);
    let probe = breaker.acquire().expect("its time has come");
    fails_half_open.failed();
    succeeds_half_open.succeeded();
    assert_eq!((breaker.state(), breaker.stats().probes), (HalfOpen, 1));
    probe.succeeded();
    assert_eq!(breaker.state(), HalfOpen, "the early success was not counted");
    succeeds(&breaker);
    fails_closed.failed();
    fails_closed_too.failed();
    assert_eq!((breaker.state(), breaker.stats().failures, breaker.stats().failed), (Closed, 0, 3));
}

/// The same where everything happens in one millisecond.
#[test]
fn an_outcome_of_before_a_reset_counts_nowhere_after_it() {
    let (breaker, _clock) = breaker(BreakerConfig::new().failure_threshold(1));
    let call = breaker.acquire().expect("it is closed");
    (0..3).for_each(|_| {
        breaker.trip();
        breaker.reset();
    });
    call.failed();
    assert_eq!(breaker.state(), Closed);
}
