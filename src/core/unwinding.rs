//! Waits that end otherwise than they should: by a panic, or with another wait inside them.

use super::parts::reopens;
use super::*;
use crate::error::Refusal;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

const HOLDER: Taker = Taker { thread: 1, site: std::panic::Location::caller() };
const REQUEST: Request = Request { lane: 1, since: 0, holder: HOLDER, allowed: None, comes_back: false };

fn one_slot() -> Shelf<Box<u64>> {
    let shelf = Shelf::new(ShelfConfig {
        slots: 1,
        open: 1,
        available: Available::Affine,
        fairness: HandOver::Always,
        max_waiters: u32::MAX,
        attention: 0,
        asymmetric: true,
        overload: Default::default(),
    });
    let mut right = shelf.reserve().expect("the slot is vacant");
    right.put(Box::new(0), 0);
    shelf.give_back(right, || 0);
    shelf
}

#[test]
fn a_grant_to_a_waiter_that_panics_goes_back() {
    let shelf = one_slot();
    let mut held = shelf.take(0);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let look = |_| -> Option<()> {
            // The return finds us in the queue and hands over.
            shelf.give_back(held.take().expect("looks once"), || 0);
            panic!("while looking");
        };
        shelf.wait(&REQUEST, look, |_| Patience::Over, reopens(&shelf), || 0);
    }));
    assert!(ended.is_err());
    assert_eq!(shelf.queue_len(), 0);
    assert!(shelf.take(0).is_some(), "the slot granted to the panicking waiter is lost");
}

#[test]
fn a_wait_within_a_wait_has_a_place_of_its_own() {
    let (outer, inner) = (one_slot(), one_slot());
    let _both_held = (outer.take(0), inner.take(0));
    let look = |_| -> Option<()> {
        let outcome = inner.wait(&REQUEST, |_| None::<()>, |_| Patience::Over, reopens(&inner), || 0);
        assert!(matches!(outcome, Outcome::TimedOut { position: 1 }));
        assert_eq!((outer.queue_len(), inner.queue_len()), (1, 0));
        None
    };
    let outcome = outer.wait(&REQUEST, look, |_| Patience::Over, reopens(&outer), || 0);
    assert!(matches!(outcome, Outcome::TimedOut { position: 1 }));
    assert_eq!(outer.queue_len(), 0);
}

/// An error whose destructor panics, and whether it has.
#[derive(Debug, Default)]
struct Bad(Arc<AtomicBool>);

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bad")
    }
}

impl std::error::Error for Bad {}

impl Drop for Bad {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
        panic!("told to panic in a destructor");
    }
}

fn refuse_with_a_bad_error(shelf: &Shelf<Box<u64>>) -> Arc<AtomicBool> {
    let dropped = Arc::default();
    let error = Arc::new(Bad(Arc::clone(&dropped)));
    shelf.refuse_waiters(u64::MAX, &Refusal::Create { error, attempts: 1, severity: crate::Severity::Transient }, || 0);
    dropped
}

#[test]
fn what_was_found_is_not_lost_to_a_refusal_whose_error_panics_as_it_is_dropped() {
    let shelf = one_slot();
    let look = |_| {
        refuse_with_a_bad_error(&shelf);
        shelf.take(0)
    };
    let Outcome::Found(found) = shelf.wait(&REQUEST, look, |_| Patience::Over, reopens(&shelf), || 0) else {
        panic!("it was found")
    };
    shelf.give_back(found, || 0);
    assert!(shelf.take(0).is_some());
}

#[test]
fn a_refusal_of_a_waiter_that_panics_is_dropped_with_its_wait() {
    let (shelf, mut dropped) = (one_slot(), None);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let look = |_| -> Option<()> {
            dropped = Some(refuse_with_a_bad_error(&shelf));
            panic!("while looking");
        };
        shelf.wait(&REQUEST, look, |_| Patience::Over, reopens(&shelf), || 0);
    }));
    assert!(ended.is_err());
    let dropped = dropped.expect("it looked");
    assert!(dropped.load(SeqCst), "the next wait would drop it under the queue's lock");
}

#[test]
fn a_refusal_ends_the_waits_that_began_before_what_is_refused_and_no_others() {
    let shelf = one_slot();
    let _held = shelf.take(0);
    let refuse = |turns| {
        let error: crate::SharedError = Arc::from(Box::<dyn std::error::Error + Send + Sync>::from("no"));
        shelf.refuse_waiters(
            turns,
            &Refusal::Create { error, attempts: 1, severity: crate::Severity::Transient },
            || 0,
        );
        None::<()>
    };
    let before = shelf.turns();
    let outcome = shelf.wait(&REQUEST, |_| refuse(before), |_| Patience::Over, reopens(&shelf), || 0);
    assert!(matches!(outcome, Outcome::TimedOut { .. }), "the failure was over when it came");
    let outcome = shelf.wait(&REQUEST, |_| refuse(shelf.turns()), |_| Patience::Over, reopens(&shelf), || 0);
    assert!(matches!(outcome, Outcome::Refused(_)), "it waited for what failed");
}
