//! What comes before what: whoever is let through, or refused, sees what was done before the outcome that made it so.
//!
//! Those who read are the threads spawned, which the checker runs last at first: it does not try a load later that
//! others' loads followed.

use super::*;
use loom::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// What calls leave behind. A relaxed read may miss a write that does not come before it, and the checker has it do so.
struct Traces([AtomicU32; 2]);

impl Traces {
    fn new() -> Arc<Self> {
        Arc::new(Self([AtomicU32::new(0), AtomicU32::new(0)]))
    }

    fn leave(&self, at: usize) {
        self.0[at].store(1, Relaxed);
    }

    fn are_seen(&self, count: usize) {
        for trace in &self.0[..count] {
            assert_eq!(trace.load(Relaxed), 1);
        }
    }
}

/// Rules out: a call that is let through because the circuit closed does not see what the probes did that closed it.
#[test]
fn what_probes_did_comes_before_calls_let_through_by_their_success() {
    explore("what_probes_did_comes_before_calls_let_through", || {
        let (circuit, probes) = half_open::<2>(config().probes(3).success_threshold(2));
        let traces = Traces::new();
        let threads: Vec<_> = (probes.into_iter().enumerate())
            .map(|(at, probe)| {
                let traces = Arc::clone(&traces);
                spawn(&circuit, move |circuit| {
                    traces.leave(at);
                    tell(circuit, probe, SPAN, false);
                })
            })
            .collect();
        // Comes by the word before and after, and while its own exchange is under way.
        let ticket = acquire(&circuit, SPAN).expect("the third place is free");
        if !ticket.is_probe() {
            traces.are_seen(2);
        }
        joined(threads);
    });
}

/// Rules out: whoever looks sees it open, and not why.
#[test]
fn whoever_sees_it_open_sees_the_failures_that_opened_it() {
    explore_all("whoever_sees_it_open_sees_the_failures", || {
        let circuit = closed(config());
        let ticket = acquire(&circuit, 0).expect("it is closed");
        let other = spawn(&circuit, |circuit| {
            let look = circuit.look(0);
            assert_eq!(look.failures, u32::from(look.state == Open));
        });
        tell(&circuit, ticket, 0, true);
        other.join().unwrap();
    });
}

/// `act` brings about a step from the state that `begin` begins in. What came before it is seen by a call whose outcome is
/// one that only the step `explains`.
fn what_came_before_is_seen(
    name: &'static str,
    begin: fn(BreakerConfig) -> Arc<Circuit>,
    act: fn(&Circuit),
    explains: fn(Result<Ticket, Refused>) -> bool,
) {
    explore_all(name, move || {
        let circuit = begin(config());
        let traces = Traces::new();
        let seen = Arc::clone(&traces);
        let other = spawn(&circuit, move |circuit| {
            if explains(acquire(circuit, 0)) {
                seen.are_seen(1);
            }
        });
        traces.leave(0);
        act(&circuit);
        other.join().unwrap();
    });
}

/// Rules out the same for a refusal, and for what its text says.
#[test]
fn what_a_failed_call_did_comes_before_refusals_by_its_failure() {
    let fail = |circuit: &Circuit| {
        let ticket = acquire(circuit, 0).expect("it is closed");
        assert_eq!(tell(circuit, ticket, 0, true), Some(step(Closed, Open)));
    };
    what_came_before_is_seen("what_a_failed_call_did_comes_before_refusals", closed, fail, |outcome| {
        outcome.is_err_and(|refused| {
            assert_eq!(refused.look.failures, 1);
            true
        })
    });
}

/// Rules out the same for steps made by hand.
#[test]
fn what_came_before_a_trip_comes_before_refusals_by_it() {
    let trip = |circuit: &Circuit| assert_eq!(circuit.trip(0), Some(step(Closed, Open)));
    what_came_before_is_seen("what_came_before_a_trip", closed, trip, |outcome| outcome.is_err());
}

/// Rules out the same for the calls that a reset lets through.
#[test]
fn what_came_before_a_reset_comes_before_calls_let_through_by_it() {
    let reset = |circuit: &Circuit| assert_eq!(circuit.reset(0), Some(step(Open, Closed)));
    what_came_before_is_seen("what_came_before_a_reset", open, reset, |outcome| outcome.is_ok());
}

/// Rules out the same for the probes that a suspicion lets through.
#[test]
fn what_came_before_a_suspicion_comes_before_the_probes_it_asks_for() {
    let suspect = |circuit: &Circuit| assert_eq!(circuit.suspect(0), Some(step(Closed, HalfOpen)));
    let is_probe = |outcome: Result<Ticket, Refused>| outcome.is_ok_and(|ticket| ticket.is_probe());
    what_came_before_is_seen("what_came_before_a_suspicion", closed, suspect, is_probe);
}
