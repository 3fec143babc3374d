//! Half-open: how many are let through, and what becomes of those that are not heard of.

use super::*;
use parking_lot::Mutex;
use slackwater::BreakerState::{Closed, HalfOpen, Open};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};

/// The original let everyone through when the time had passed. Promise: as many as `probes` says, whoever comes. Provoked:
/// threads that come at once, each holding what it got until all have tried.
#[test]
fn of_all_who_come_when_the_time_does_only_the_probes_get_through() {
    const THREADS: usize = 8;
    for probes in [1, 2, 5] {
        for _ in 0..50 {
            let (breaker, clock) = open(BreakerConfig::new().probes(probes));
            clock.advance(SECOND);
            let (start, end) = (Barrier::new(THREADS), Barrier::new(THREADS));
            let through = AtomicU32::new(0);
            std::thread::scope(|s| {
                for _ in 0..THREADS {
                    s.spawn(|| {
                        start.wait();
                        let permit = breaker.acquire();
                        through.fetch_add(permit.is_ok().into(), SeqCst);
                        end.wait();
                    });
                }
            });
            assert_eq!(through.load(SeqCst), probes);
            assert_eq!(breaker.stats().probes, 0, "those that were dropped gave their places back");
        }
    }
}

/// A thread that is in a call, or about to be.
struct Calls<'c>(&'c AtomicUsize);

impl Drop for Calls<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Promise: never more than `probes` at once while it is half-open. Provoked: threads that call without a pause, with
/// probes that succeed, are dropped, and fail, and one thread that moves the time to when it is half-open again.
#[test]
fn a_crowd_never_exceeds_the_probes() {
    const PROBES: u32 = 3;
    let config = BreakerConfig::new().probes(PROBES).success_threshold(40).open_for(MS * 10);
    let (breaker, clock) = open(config);
    let (inside, most, let_through) = (AtomicU32::new(0), AtomicU32::new(0), AtomicUsize::new(0));
    let (calling, moving) = (AtomicUsize::new(0), Mutex::new(()));
    // Whoever finds it open lets the time come once nobody is in a call: that would be one of an earlier period.
    let await_the_time = || {
        while breaker.state() == Open {
            let _one_at_a_time = moving.lock();
            if breaker.state() == Open && calling.load(SeqCst) == 0 {
                clock.advance(MS * 10);
            }
            std::thread::yield_now();
        }
    };
    std::thread::scope(|s| {
        for seed in 1..=4_usize {
            let (breaker, inside, most, let_through) = (&breaker, &inside, &most, &let_through);
            let (calling, await_the_time) = (&calling, &await_the_time);
            s.spawn(move || {
                for turn in 0..20_000 {
                    await_the_time();
                    calling.fetch_add(1, SeqCst);
                    let _calls = Calls(calling);
                    let Ok(permit) = breaker.acquire() else { continue };
                    if !permit.is_probe() {
                        drop(permit);
                        breaker.trip();
                        continue;
                    }
                    let now = inside.fetch_add(1, SeqCst) + 1;
                    most.fetch_max(now, SeqCst);
                    let_through.fetch_add(1, SeqCst);
                    inside.fetch_sub(1, SeqCst);
                    match (turn * 7 + seed * 13) % 11 {
                        0..8 => permit.succeeded(),
                        8 | 9 => drop(permit),
                        _ if turn % 500 == 0 => permit.failed(),
                        _ => drop(permit),
                    }
                }
            });
        }
    });
    assert!(let_through.load(SeqCst) > 100, "the crowd got nowhere");
    assert!(most.load(SeqCst) <= PROBES, "{} at once", most.load(SeqCst));
}

#[test]
fn a_probe_that_fails_opens_it_whatever_the_others_do() {
    let (breaker, clock) = open(BreakerConfig::new().probes(3).success_threshold(3));
    clock.advance(SECOND);
    let [one, two, three] = [(); 3].map(|()| breaker.acquire().expect("there is a place"));
    one.succeeded();
    two.failed();
    assert_eq!((breaker.state(), breaker.retry_after()), (Open, Some(SECOND * 2)));
    three.succeeded();
    assert_eq!(breaker.state(), Open, "too late");
    clock.advance(SECOND * 2);
    succeeds(&breaker);
    succeeds(&breaker);
    assert_eq!(breaker.state(), HalfOpen, "the first success was of the period before");
    succeeds(&breaker);
    assert_eq!(breaker.state(), Closed);
}

#[test]
fn probes_may_come_one_after_another() {
    let (breaker, clock) = open(BreakerConfig::new().probes(1).success_threshold(63));
    clock.advance(SECOND);
    for _ in 0..62 {
        succeeds(&breaker);
        assert_eq!(breaker.state(), HalfOpen);
    }
    succeeds(&breaker);
    assert_eq!(breaker.state(), Closed);
}

#[test]
fn a_permit_that_is_dropped_has_no_outcome_and_leaves_its_place() {
    let (breaker, clock) = breaker(BreakerConfig::new().failure_threshold(1).probes(1));
    drop(breaker.acquire().expect("it is closed"));
    assert_eq!((breaker.state(), breaker.stats().failed), (Closed, 0));
    breaker.trip();
    clock.advance(SECOND);
    for _ in 0..10 {
        drop(breaker.acquire().expect("the place is free"));
        assert_eq!((breaker.state(), breaker.stats().probes), (HalfOpen, 0));
    }
}

#[test]
fn a_permit_dropped_by_a_panic_has_failed() {
    let (breaker, clock) = open(BreakerConfig::new());
    clock.advance(SECOND);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _permit = breaker.acquire().expect("its time has come");
        panic!("on purpose");
    }));
    assert!(outcome.is_err());
    assert_eq!((breaker.state(), breaker.stats().failed), (Open, 1));
}

/// Promise: only a panic that began after a permit was acquired is its failure. Provoked: a destructor, run by a panic,
/// that makes calls.
#[test]
fn a_permit_acquired_while_unwinding_is_not_failed_by_that() {
    struct Caller<'b>(&'b Breaker);
    impl Drop for Caller<'_> {
        fn drop(&mut self) {
            drop(self.0.acquire().expect("it is closed"));
            succeeds(self.0);
            // A panic of the call's own counts, even so.
            let call = AssertUnwindSafe(|| self.0.call(|| -> Result<(), Down> { panic!("within a panic") }));
            assert!(catch_unwind(call).is_err());
        }
    }
    let (breaker, _clock) = breaker(BreakerConfig::new());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _caller = Caller(&breaker);
        panic!("on purpose");
    }));
    assert!(outcome.is_err());
    assert_eq!((breaker.stats().failed, breaker.stats().failures), (1, 1));
}

/// Promise: a probe that hangs does not keep it half-open for ever: after as long as it was open, its place is given
/// anew. Each time that happens the span doubles, as with openings.
#[test]
fn a_probe_that_hangs_loses_its_place_and_spans_double() {
    let (breaker, clock) = open(BreakerConfig::new().probes(1).open_for(SECOND * 4));
    clock.advance(SECOND);
    let mut hung = vec![breaker.acquire().expect("its time has come")];
    for (seconds, openings) in [(1, 2), (2, 3), (4, 4), (4, 5), (4, 6)] {
        let wait = SECOND * seconds;
        assert_eq!((breaker.retry_after(), refused(&breaker).retry_after), (Some(wait), wait));
        clock.advance(wait - NS);
        refused(&breaker);
        clock.advance(NS);
        hung.push(breaker.acquire().expect("the one before is written off"));
        assert_eq!((breaker.stats().probes, breaker.stats().openings), (1, openings));
    }
    // What it has to say in the end counts: it is news of this half-open period.
    for permit in hung.drain(..2) {
        permit.succeeded();
    }
    assert_eq!(breaker.state(), Closed);
    hung.into_iter().for_each(|permit| permit.failed());
    assert_eq!((breaker.state(), breaker.stats().failures), (Closed, 0));
}

/// Promise: a backend whose calls take longer than it was open can close it. Provoked: callers without end, each call
/// three times as long as an opening; were probes ignored that are written off, it would never close.
#[test]
fn a_backend_slower_than_an_opening_closes_it() {
    let (breaker, clock) = open(BreakerConfig::new().open_for(SECOND));
    clock.advance(SECOND);
    let mut under_way = std::collections::VecDeque::new();
    let mut took = 0;
    while breaker.state() != Closed {
        while let Ok(permit) = breaker.acquire() {
            under_way.push_back((took + 30, permit));
        }
        took += 1;
        assert!(took < 100, "ten seconds of probes, and not closed");
        clock.advance(SECOND / 10);
        while under_way.front().is_some_and(|(ends, _)| *ends <= took) {
            under_way.pop_front().expect("there is one").1.succeeded();
        }
    }
    assert_eq!(took, 30, "the first two calls close it");
}

/// Promise: only silence writes probes off. Provoked: one place of two hangs, the other is used all the time, for many
/// spans.
#[test]
fn while_some_are_heard_of_no_others_are_let_through() {
    let (breaker, clock) = open(BreakerConfig::new().success_threshold(60).open_for(SECOND));
    clock.advance(SECOND);
    let _hung = breaker.acquire().expect("its time has come");
    for _ in 0..50 {
        let probe = breaker.acquire().expect("there is another place");
        refused(&breaker);
        clock.advance(SECOND / 2);
        refused(&breaker);
        probe.succeeded();
    }
    assert_eq!((breaker.state(), breaker.stats().openings), (HalfOpen, 1));
}

/// Promise: hours without a call write nothing off that is not there. Provoked: a crowd after a long night in half-open.
#[test]
fn a_crowd_after_a_long_silence_gets_no_more_places() {
    let (breaker, clock) = open(BreakerConfig::new());
    clock.advance(SECOND);
    succeeds(&breaker);
    clock.advance(SECOND * 8 * 3600);
    let permits: Vec<_> = (0..100).filter_map(|_| breaker.acquire().ok()).collect();
    assert_eq!(permits.len(), 2);
}

#[test]
fn a_forgotten_permit_costs_its_place_for_one_span() {
    let (breaker, clock) = open(BreakerConfig::new().probes(1).success_threshold(1));
    clock.advance(SECOND);
    std::mem::forget(breaker.acquire().expect("its time has come"));
    clock.advance(SECOND - NS);
    refused(&breaker);
    clock.advance(NS);
    succeeds(&breaker);
    assert_eq!(breaker.state(), Closed);
}

/// Promise: whoever asks rarely is let through too. Provoked: a probe that hangs, and one call in any number of spans.
#[test]
fn who_asks_once_in_many_spans_finds_the_place_of_a_probe_that_hangs() {
    for spans in 1..=60 {
        let (breaker, clock) = open(BreakerConfig::new().probes(1).open_for(SECOND));
        clock.advance(SECOND);
        std::mem::forget(breaker.acquire().expect("its time has come"));
        for _ in 0..4 {
            clock.advance(SECOND * spans);
            std::mem::forget(breaker.acquire().expect("nobody was heard of"));
            refused(&breaker);
        }
    }
}
