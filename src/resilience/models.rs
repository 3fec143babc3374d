//! The breaker under the model checker: see `src/core/models.rs` for how it is run, and for what it explores.
//!
//! Time is what each thread says it is. Openings last 10 ms, unless a model says otherwise.

mod orderings;
mod window;

use super::breaker::BreakerConfig;
use super::circuit::{BreakerState, Change, Circuit, MS, Refused, Ticket};
use crate::core::models::{explore, explore_all};
use BreakerState::{Closed, HalfOpen, Open};
use std::sync::Arc;
use std::time::Duration;

const SPAN: u64 = 10;

/// Opens at the first failure; one success closes it.
fn config() -> BreakerConfig {
    BreakerConfig::new().failure_threshold(1).probes(1).success_threshold(1).open_for(Duration::from_millis(SPAN))
}

fn closed(config: BreakerConfig) -> Arc<Circuit> {
    config.validate().expect("a setting that a user may choose");
    Arc::new(Circuit::new(&config))
}

/// Opened at time zero.
fn open(config: BreakerConfig) -> Arc<Circuit> {
    let circuit = closed(config);
    assert_eq!(circuit.trip(0), Some(step(Closed, Open)));
    circuit
}

/// Half-open, with so many probes under way since `SPAN`.
fn half_open<const PROBES: usize>(config: BreakerConfig) -> (Arc<Circuit>, [Ticket; PROBES]) {
    let circuit = open(config);
    let tickets = std::array::from_fn(|_| acquire(&circuit, SPAN).expect("there is a place"));
    (circuit, tickets)
}

fn step(from: BreakerState, to: BreakerState) -> Change {
    Change { from, to }
}

/// All of these take milliseconds.
fn acquire(circuit: &Circuit, now: u64) -> Result<Ticket, Refused> {
    circuit.acquire(|| now * MS)
}

fn tell(circuit: &Circuit, ticket: Ticket, now: u64, failed: bool) -> Option<Change> {
    if failed { circuit.failed(ticket, || now * MS) } else { circuit.succeeded(ticket, || now * MS) }
}

fn state(circuit: &Circuit, now: u64) -> BreakerState {
    circuit.state(now * MS)
}

fn spawn<T: 'static>(
    circuit: &Arc<Circuit>,
    body: impl FnOnce(&Circuit) -> T + 'static,
) -> loom::thread::JoinHandle<T> {
    let circuit = Arc::clone(circuit);
    loom::thread::spawn(move || body(&circuit))
}

fn joined<T>(threads: impl IntoIterator<Item = loom::thread::JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().expect("no model panics in a thread")).collect()
}

/// Rules out: more calls than places get through when the time comes, or fewer, or two of them are told that they made
/// it half-open.
#[test]
fn of_three_calls_as_many_get_through_as_there_are_places() {
    for probes in [1, 2] {
        explore("of_three_calls_as_many_get_through_as_there_are_places", move || {
            let circuit = open(config().probes(probes).success_threshold(2));
            let others = [SPAN, SPAN + 1].map(|now| spawn(&circuit, move |circuit| acquire(circuit, now)));
            let mine = acquire(&circuit, SPAN);
            let mut all = joined(others);
            all.push(mine);
            let through: Vec<_> = all.iter().filter_map(|outcome| outcome.ok()).collect();
            assert_eq!(through.len(), probes as usize);
            assert!(through.iter().all(Ticket::is_probe));
            let told: Vec<_> = through.iter().filter_map(|ticket| ticket.change).collect();
            assert_eq!(told, [step(Open, HalfOpen)]);
            assert_eq!(circuit.look(SPAN * MS).probes, probes);
        });
    }
}

/// Rules out: of two probes that end at once, one well and one badly, both have their way, or the state is one that
/// nobody was told.
#[test]
fn a_success_and_a_failure_at_once_end_in_one_state() {
    explore_all("a_success_and_a_failure_at_once_end_in_one_state", || {
        let (circuit, [well, badly]) = half_open(config().probes(2));
        let other = spawn(&circuit, move |circuit| tell(circuit, badly, SPAN, true));
        let closed = tell(&circuit, well, SPAN, false);
        let opened = other.join().unwrap();
        match state(&circuit, SPAN) {
            Closed => assert_eq!((closed, opened), (Some(step(HalfOpen, Closed)), None)),
            Open => assert_eq!((closed, opened), (None, Some(step(HalfOpen, Open)))),
            HalfOpen => panic!("two outcomes, and none has counted"),
        }
    });
}

/// Rules out: one of two successes is lost, both are told that they closed it, or it closes after one.
#[test]
fn two_successes_at_once_close_it_once() {
    explore_all("two_successes_at_once_close_it_once", || {
        let (circuit, [one, other]) = half_open(config().probes(2).success_threshold(2));
        let thread = spawn(&circuit, move |circuit| tell(circuit, other, SPAN, false));
        let mut told = vec![tell(&circuit, one, SPAN, false)];
        told.extend(joined([thread]));
        told.sort_by_key(Option::is_some);
        assert_eq!(told, [None, Some(step(HalfOpen, Closed))]);
        assert_eq!(state(&circuit, SPAN), Closed);
    });
}

/// Rules out: one of two failures is lost, or both are told that they opened it.
#[test]
fn two_failures_at_once_open_it_once() {
    let in_a_row = config().failure_threshold(2);
    let at_a_rate = config().failure_rate(1.0, Duration::from_secs(1), 2);
    for config in [in_a_row, at_a_rate] {
        explore_all("two_failures_at_once_open_it_once", move || {
            let circuit = closed(config.clone());
            let fail = |circuit: &Circuit| tell(circuit, acquire(circuit, 0).expect("it is closed"), 0, true);
            let other = spawn(&circuit, fail);
            let ticket = acquire(&circuit, 0);
            let mut told = vec![ticket.ok().and_then(|ticket| tell(&circuit, ticket, 0, true))];
            told.extend(joined([other]));
            told.sort_by_key(Option::is_some);
            assert_eq!(told, [None, Some(step(Closed, Open))]);
            assert_eq!(circuit.look(0).failures, 2);
        });
    }
}

/// Rules out: a success between two failures does not start the count over, or starts it over although it came before both.
#[test]
fn a_success_beside_failures_leaves_a_count_that_some_order_explains() {
    explore_all("a_success_beside_failures", || {
        let circuit = closed(config().failure_threshold(3));
        let [a, b, c] = [0; 3].map(|now| acquire(&circuit, now).expect("it is closed"));
        let other = spawn(&circuit, move |circuit| tell(circuit, c, 0, false));
        let mine = [a, b].map(|ticket| tell(&circuit, ticket, 0, true));
        assert_eq!((mine, other.join().unwrap()), ([None; 2], None));
        assert!(circuit.look(0).failures <= 2);
        let d = acquire(&circuit, 0).expect("it is closed");
        assert_eq!(tell(&circuit, d, 0, false), None);
        assert_eq!(circuit.look(0).failures, 0);
    });
}

/// Rules out: what a call of the closed period has to say counts in half-open, or in the next closed period.
#[test]
fn an_outcome_of_an_earlier_period_changes_nothing() {
    for failed in [true, false] {
        explore_all("an_outcome_of_an_earlier_period_changes_nothing", move || {
            let circuit = closed(config());
            let early = acquire(&circuit, 0).expect("it is closed");
            let other = spawn(&circuit, move |circuit| tell(circuit, early, 0, failed));
            let tripped = circuit.trip(0);
            let probe = acquire(&circuit, SPAN).expect("its time has come");
            assert_eq!(state(&circuit, SPAN), HalfOpen);
            assert_eq!(tell(&circuit, probe, SPAN, false), Some(step(HalfOpen, Closed)));
            // Either it was early enough to open the circuit itself, or it is no news.
            let mut opened = joined([other]);
            opened.push(tripped);
            opened.sort_by_key(Option::is_some);
            assert_eq!(opened, [None, Some(step(Closed, Open))]);
            assert_eq!(state(&circuit, SPAN), Closed);
        });
    }
}

/// Rules out: a circuit that is closed, opened and closed within one millisecond takes calls of before for calls of after.
#[test]
fn a_reset_ends_what_was_under_way_in_the_same_millisecond() {
    explore_all("a_reset_ends_what_was_under_way", || {
        let circuit = closed(config());
        assert_eq!(circuit.reset(0), None);
        let early = acquire(&circuit, 0).expect("it is closed");
        let other = spawn(&circuit, move |circuit| tell(circuit, early, 0, true));
        let reset = circuit.reset(0);
        assert_eq!(other.join().unwrap().is_some(), reset.is_some(), "opened before, or not at all");
        assert_eq!((state(&circuit, 0), circuit.look(0).failures), (Closed, 0));
    });
}

/// Rules out: a call gets through before the time, or by a time that a trip has put off.
#[test]
fn nobody_gets_through_early_while_the_time_is_moved() {
    explore("nobody_gets_through_early_while_the_time_is_moved", || {
        let circuit = open(config());
        let early = spawn(&circuit, |circuit| acquire(circuit, SPAN - 1).is_ok());
        let in_time = spawn(&circuit, |circuit| acquire(circuit, SPAN).is_ok());
        let tripped = circuit.trip_for(5 * MS, 2 * SPAN * MS);
        let [early, in_time] = joined([early, in_time])[..] else { unreachable!() };
        assert!(!early);
        // Who came in time was let through before the trip, or not at all; the trip stands either way.
        assert_eq!(tripped, in_time.then_some(step(HalfOpen, Open)));
        let until = 5 + 2 * SPAN;
        assert!(acquire(&circuit, until - 1).is_err());
        assert!(acquire(&circuit, until).is_ok());
    });
}

/// Rules out: a probe that is given up keeps its place, or one that ends beside it loses its success.
#[test]
fn a_probe_that_is_given_up_leaves_its_place() {
    explore_all("a_probe_that_is_given_up_leaves_its_place", || {
        let (circuit, [given_up, well]) = half_open(config().probes(2).success_threshold(2));
        let other = spawn(&circuit, move |circuit| circuit.cancelled(given_up));
        assert_eq!(tell(&circuit, well, SPAN, false), None);
        other.join().unwrap();
        assert_eq!(circuit.look(SPAN * MS).probes, 0);
        let last = acquire(&circuit, SPAN).expect("both places are free");
        assert_eq!(tell(&circuit, last, SPAN, false), Some(step(HalfOpen, Closed)));
    });
}

/// Rules out: a probe given up late frees a place of another period.
#[test]
fn a_probe_given_up_after_its_period_frees_no_place_of_the_next() {
    explore_all("a_probe_given_up_after_its_period", || {
        let (circuit, [given_up]) = half_open(config());
        let other = spawn(&circuit, move |circuit| circuit.cancelled(given_up));
        assert_eq!(circuit.trip(SPAN * MS), Some(step(HalfOpen, Open)));
        let next = acquire(&circuit, 3 * SPAN).expect("its time has come");
        assert_eq!(next.change, Some(step(Open, HalfOpen)));
        other.join().unwrap();
        assert!(acquire(&circuit, 3 * SPAN).is_err());
    });
}

/// Rules out: a probe that hangs is written off by two calls for one place each, and what it says in the end is ignored.
#[test]
fn a_probe_that_hangs_is_written_off_once_and_still_counts() {
    explore("a_probe_that_hangs_is_written_off_once_and_still_counts", || {
        let (circuit, [hung]) = half_open(config());
        let late = 3 * SPAN;
        let other = spawn(&circuit, move |circuit| acquire(circuit, late));
        let ends = spawn(&circuit, move |circuit| tell(circuit, hung, late, false));
        let mine = acquire(&circuit, late);
        let probes = joined([other]).into_iter().chain([mine]).filter(|got| got.is_ok_and(|ticket| ticket.is_probe()));
        assert!(probes.count() <= 1);
        assert_eq!(ends.join().unwrap(), Some(step(HalfOpen, Closed)));
    });
}

/// Rules out: whoever finds the last place taken does not know by whom, takes that probe for one that hangs too, and
/// takes its place.
#[test]
fn a_probe_let_through_just_now_is_not_written_off() {
    explore_all("a_probe_let_through_just_now_is_not_written_off", || {
        let (circuit, [_hung]) = half_open(config().probes(2));
        let late = 3 * SPAN;
        let other = spawn(&circuit, move |circuit| acquire(circuit, late).is_ok());
        let mine = acquire(&circuit, late).is_ok();
        assert!(mine != other.join().unwrap(), "there was one place");
    });
}

/// Rules out the same for one that was heard of just now: its place is taken, and the others' are not.
#[test]
fn beside_a_probe_that_is_heard_of_no_other_is_written_off() {
    explore("beside_a_probe_that_is_heard_of_no_other_is_written_off", || {
        let (circuit, [heard, _other]) = half_open(config().probes(2).success_threshold(9));
        let late = 2 * SPAN - 1;
        let ends = spawn(&circuit, move |circuit| tell(circuit, heard, late, false));
        let in_time = acquire(&circuit, 2 * SPAN - 1);
        ends.join().unwrap();
        let after = acquire(&circuit, 2 * SPAN);
        assert_eq!(in_time.is_ok(), after.is_err(), "one place is given back, and no more");
    });
}

/// Rules out: a suspicion beside a failure is told of in vain, or both are told of one step.
#[test]
fn a_suspicion_beside_a_failure_is_one_step_each() {
    explore_all("a_suspicion_beside_a_failure", || {
        let circuit = closed(config());
        let early = acquire(&circuit, 0).expect("it is closed");
        let other = spawn(&circuit, move |circuit| tell(circuit, early, 0, true));
        let suspected = circuit.suspect(0);
        match (suspected, other.join().unwrap()) {
            (Some(change), None) => {
                assert_eq!((change, state(&circuit, 0)), (step(Closed, HalfOpen), HalfOpen));
                let probe = acquire(&circuit, 0).expect("there is a place");
                assert_eq!(tell(&circuit, probe, 0, true), Some(step(HalfOpen, Open)));
                // The early one has failed too, in a period that was over.
                assert!((1..=2).contains(&circuit.look(0).failures));
            }
            (None, Some(change)) => assert_eq!((change, state(&circuit, 0)), (step(Closed, Open), Open)),
            both => panic!("{both:?}"),
        }
    });
}
