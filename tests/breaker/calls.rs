//! What a breaker does with a closure, and what it says when it does nothing with it.

use super::*;
use slackwater::BreakerState::{self, Closed, Open};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Barrier};

fn shared<T: Send + Sync>() {}

#[test]
fn a_breaker_is_shared_by_threads() {
    shared::<Breaker>();
    shared::<slackwater::Permit<'static>>();
    shared::<BreakerError<std::io::Error>>();
}

/// The original ran every guarded call inside one process, one after another. Promise: calls run beside each other, on
/// their own threads. Provoked: none ends before all are inside, closed and half-open.
#[test]
fn calls_run_beside_each_other() {
    const CALLS: usize = 4;
    let (breaker, clock) = breaker(BreakerConfig::new().probes(CALLS as u32).success_threshold(CALLS as u32));
    for half_open in [false, true] {
        if half_open {
            breaker.trip();
            clock.advance(SECOND);
        }
        let inside = Barrier::new(CALLS);
        std::thread::scope(|s| {
            for _ in 0..CALLS {
                s.spawn(|| {
                    let me = std::thread::current().id();
                    let ran_on = breaker.call(|| {
                        inside.wait();
                        Ok::<_, Down>(std::thread::current().id())
                    });
                    assert_eq!(ran_on, Ok(me));
                });
            }
        });
        assert_eq!(breaker.state(), Closed);
    }
}

#[test]
fn a_call_within_a_call_is_a_call() {
    let (breaker, _clock) = breaker(BreakerConfig::new().failure_threshold(2));
    let outer = breaker.call(|| {
        fails(&breaker);
        Err::<(), _>(Down::from("outer"))
    });
    assert_eq!(outer.unwrap_err().failed().as_deref(), Some("outer"));
    assert_eq!(breaker.state(), Open);
}

#[test]
fn a_panic_is_a_failure_and_goes_on() {
    let (breaker, _clock) = breaker(BreakerConfig::new().failure_threshold(2));
    for failures in 1..=2 {
        let call = AssertUnwindSafe(|| breaker.call(|| -> Result<(), Down> { std::panic::panic_any(failures) }));
        let payload = catch_unwind(call).expect_err("the panic goes on");
        assert_eq!(payload.downcast_ref(), Some(&failures));
    }
    assert_eq!((breaker.state(), breaker.stats().failed), (Open, 2));
}

#[test]
fn errors_that_do_not_count_are_answers() {
    #[derive(Debug, PartialEq)]
    enum Error {
        NotFound(Box<u32>),
        Down,
    }
    let (breaker, clock) = breaker(BreakerConfig::new().failure_threshold(2));
    let call = |result: Result<(), Error>| breaker.call_if(|error| *error == Error::Down, || result);
    for number in 0..10 {
        assert_eq!(call(Err(Error::Down)), Err(BreakerError::Failed(Error::Down)));
        let error = call(Err(Error::NotFound(Box::new(number)))).expect_err("it is passed on");
        assert_eq!(error.failed(), Some(Error::NotFound(Box::new(number))));
        assert_eq!((breaker.state(), breaker.stats().failures), (Closed, 0));
    }
    breaker.trip();
    clock.advance(SECOND);
    for _ in 0..2 {
        assert!(call(Err(Error::NotFound(Box::new(0)))).is_err());
    }
    assert_eq!(breaker.state(), Closed);
    let counts = |_: &Error| -> bool { panic!("on purpose") };
    let judged = AssertUnwindSafe(|| breaker.call_if(counts, || Err::<(), _>(Error::Down)));
    assert!(catch_unwind(judged).is_err());
    assert_eq!(breaker.stats().failures, 1, "whoever cannot judge an error has not called it harmless");
}

#[test]
fn a_refusal_says_what_happened_in_numbers_and_what_to_do() {
    let (breaker, clock) = breaker(BreakerConfig::new().failure_threshold(3));
    let breaker = breaker.named("payments");
    (0..3).for_each(|_| fails(&breaker));
    clock.advance(MS * 250);
    let open = refused(&breaker);
    assert_eq!((open.name.as_deref(), open.failures, open.openings, open.probes), (Some("payments"), 3, 1, 0));
    assert_eq!(
        open.to_string(),
        "breaker \"payments\" is open after 3 failures; try again in 750.0ms, or do without, and see why the calls failed"
    );
    clock.advance(MS * 750);
    fails(&breaker);
    assert_eq!(
        refused(&breaker).to_string(),
        "breaker \"payments\" is open after 4 failures, for the 2nd time in a row; try again in 2.0s, or do without, and see why \
         the calls failed"
    );
    clock.advance(SECOND * 2);
    let _probes = [(); 2].map(|()| breaker.acquire().expect("its time has come"));
    assert_eq!(
        refused(&breaker).to_string(),
        "breaker \"payments\" is half-open, with 2 probes under way after 4 failures, for the 2nd time in a row; try again in 2.0s at \
         the latest, or do without, and see why the calls failed"
    );
}

#[test]
fn a_refusal_of_a_nameless_breaker_tripped_by_hand_says_that() {
    let (breaker, clock) = open(BreakerConfig::new().probes(1));
    assert!(refused(&breaker).to_string().starts_with("the breaker is open after it was tripped; try again in 1.0s"));
    clock.advance(SECOND);
    let _probe = breaker.acquire();
    assert!(refused(&breaker).to_string().starts_with("the breaker is half-open, with 1 probe under way after it was"));
}

#[test]
fn ordinals_are_english() {
    let (breaker, clock) = open(BreakerConfig::new().open_for(MS));
    let mut said = Vec::new();
    for _ in 0..23 {
        clock.advance(MS * 2);
        fails(&breaker);
        let text = refused(&breaker).to_string();
        said.extend(
            text.split(' ')
                .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.len() > 2)
                .map(str::to_owned),
        );
    }
    for ordinal in ["2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "24th"] {
        assert!(said.iter().any(|word| word == ordinal), "{ordinal} in {said:?}");
    }
}

#[test]
fn an_error_of_the_call_is_passed_on_whole() {
    #[derive(Debug)]
    struct Outer(std::fmt::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("outer")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let (breaker, _clock) = breaker(BreakerConfig::new().failure_threshold(1));
    let error = breaker.call(|| Err::<(), _>(Outer(std::fmt::Error))).unwrap_err();
    assert_eq!(error.to_string(), "outer");
    assert!(error.source().is_some_and(|source| source.is::<std::fmt::Error>()));
    let error = breaker.call(|| Err::<(), _>(Outer(std::fmt::Error))).unwrap_err();
    assert!(error.to_string().starts_with("the breaker is open after 1 failure; try again"));
    assert!(error.source().is_none());
}

/// Promise: everyone learns of an opening, and it opens once. Provoked: threads that fail at once.
#[test]
fn failures_at_once_open_it_once() {
    const THREADS: u32 = 4;
    for round in 0..100 {
        let (breaker, _clock) = breaker(BreakerConfig::new().failure_threshold(THREADS));
        let (start, refused) = (Barrier::new(THREADS as usize), AtomicU32::new(0));
        std::thread::scope(|s| {
            for _ in 0..THREADS {
                s.spawn(|| {
                    start.wait();
                    fails(&breaker);
                    refused.fetch_add(breaker.acquire().is_err().into(), SeqCst);
                });
            }
        });
        let stats = breaker.stats();
        assert_eq!((stats.state, stats.opened, stats.failures), (Open, 1, THREADS), "round {round}");
        assert_eq!(stats.refused, u64::from(refused.load(SeqCst)));
    }
}

/// Promise: what a probe did is seen by those who are let through because of it, though the breaker takes no lock.
#[test]
fn a_word_of_a_probe_reaches_those_it_lets_through() {
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;
    for _ in 0..200 {
        let (breaker, clock) = open(BreakerConfig::new().success_threshold(1).probes(1));
        clock.advance(SECOND);
        let done = AtomicU64::new(0);
        let probe = breaker.acquire().expect("its time has come");
        std::thread::scope(|s| {
            s.spawn(|| {
                done.store(1, Relaxed);
                probe.succeeded();
            });
            super::support::until(|| breaker.acquire().is_ok());
            assert_eq!(done.load(Relaxed), 1);
        });
    }
}

#[test]
fn it_says_in_debug_and_display_what_it_does() {
    let (breaker, _clock) = open(BreakerConfig::new());
    let breaker = Arc::new(breaker.named("css"));
    assert_eq!(breaker.name(), Some("css"));
    let debug = format!("{breaker:?}");
    assert!(debug.contains("css") && debug.contains("Open"), "{debug}");
    let shown = [Closed, Open, BreakerState::HalfOpen].map(|state| state.to_string());
    assert_eq!(shown, ["closed", "open", "half-open"]);
}
