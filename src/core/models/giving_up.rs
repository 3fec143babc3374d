//! Timeouts against grants and wakes.

use super::*;
use crate::core::processor::PLACED;

fn use_if_any(shelf: &Model, got: Got<'_>) {
    // The lifetimes of `got` and `shelf` are one in every caller.
    if let Got::Right(mut right) = got {
        **right.resource_mut() += 1;
        let (slot, word) = right.pass_on();
        let index = shelf.index_of(slot).expect("ours");
        give_back(shelf, take_up(shelf, (index, word)));
    }
}

/// Rules out: a slot is granted to a waiter that has given up and left: held by nobody, for ever.
#[test]
fn a_grant_and_a_timeout_leave_the_slot_with_exactly_one() {
    for hand_over in [HandOver::Always, DUE, HandOver::Never] {
        explore_all(&format!("grant against timeout, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            let held = take_out(&shelf);
            let waiter = spawn(&shelf, |shelf| use_if_any(shelf, wait(shelf, one_park())));
            use_it(&shelf, take_up(&shelf, held));
            waiter.join().unwrap();
            assert!((1..=2).contains(&at_rest(&shelf)));
        });
    }
}

/// Rules out: a waiter gives up with a wake in hand, and the next in the queue sleeps beside a free resource.
#[test]
fn a_waiter_that_gives_up_passes_its_wake_on() {
    for hand_over in [HandOver::Never, NOT_DUE, DUE, HandOver::Always] {
        explore(&format!("giving up with a wake, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            let held = take_out(&shelf);
            let impatient = spawn(&shelf, |shelf| use_if_any(shelf, wait(shelf, one_park())));
            let patient = spawn(&shelf, use_one);
            use_it(&shelf, take_up(&shelf, held));
            impatient.join().unwrap();
            patient.join().unwrap();
            assert!((2..=3).contains(&at_rest(&shelf)));
        });
    }
}

/// Rules out: a waiter is shed with a wake in hand, and the one before it in the queue sleeps beside a free resource; a slot is
/// granted to one that was shed.
#[test]
fn a_waiter_that_is_shed_passes_its_wake_on() {
    for hand_over in [HandOver::Never, NOT_DUE, DUE, HandOver::Always] {
        explore(&format!("shed with a wake, {hand_over:?}"), move || {
            let shelf = Setting { overloaded: true, ..Setting::of(1, hand_over) }.shelf();
            let held = take_out(&shelf);
            let patient = spawn(&shelf, |shelf| {
                PLACED.with(|placed| placed.set(1));
                use_one(shelf);
            });
            // On the returner's processor: it is chosen for the wake, or for the slot, if it stands behind the other.
            let shed = spawn(&shelf, |shelf| use_if_any(shelf, wait(shelf, one_question())));
            use_it(&shelf, take_up(&shelf, held));
            patient.join().unwrap();
            shed.join().unwrap();
            assert!((2..=3).contains(&at_rest(&shelf)));
        });
    }
}

/// Asks once whether it is shed; who is not waits for as long as it takes.
fn one_question() -> impl FnMut(u64) -> Patience {
    let mut asked = false;
    move |_| if std::mem::replace(&mut asked, true) { Patience::Forever } else { Patience::IfCalm }
}

/// Rules out: a waiter that found something itself keeps, or loses, the slot it was granted meanwhile.
#[test]
fn a_find_and_a_grant_at_once_give_the_grant_back() {
    explore("find and grant at once", || {
        let shelf = Setting::of(2, HandOver::Always).shelf();
        let held = [take_out(&shelf), take_out(&shelf)];
        let waiter = spawn(&shelf, use_one);
        let other = spawn(&shelf, move |shelf| use_it(shelf, take_up(shelf, held[1])));
        use_it(&shelf, take_up(&shelf, held[0]));
        waiter.join().unwrap();
        other.join().unwrap();
        assert_eq!(at_rest(&shelf), 3);
    });
}
