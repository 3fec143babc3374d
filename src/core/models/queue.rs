//! One wake in flight, and nobody left parked.

use super::*;
use crate::core::processor::PLACED;
use crate::core::waiters::{Node, Waiters};

const ALL: [HandOver; 4] = [HandOver::Never, NOT_DUE, DUE, HandOver::Always];

/// Rules out: strictly in turn, a passer-by takes the slot between its return and the one who waits for it.
#[test]
fn what_is_returned_strictly_in_turn_is_for_nobody_to_find() {
    explore("strictly in turn", || {
        let shelf = Setting::of(1, HandOver::Always).shelf();
        let held = take_out(&shelf);
        let waiter = spawn(&shelf, |shelf| match wait(shelf, forever) {
            Got::Right(right) => drop(right.pass_on()),
            Got::TimedOut | Got::Refused => panic!("nobody ends this wait"),
        });
        let (found, passer_by) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&shelf));
        let finds = Arc::clone(&found);
        let passer_by = loom::thread::spawn(move || {
            if let Some(right) = passer_by.take(0) {
                finds.fetch_add(1, Relaxed);
                give_back(&passer_by, right);
            }
        });
        // The lock of the queue: the count that the return reads is the one that was written under it.
        let is_in_turn = shelf.queue_len() == 1 && shelf.attention() & attention::FENCED != 0;
        give_back(&shelf, take_up(&shelf, held));
        join([waiter, passer_by]);
        assert!(!is_in_turn || found.load(Relaxed) == 0, "overtaken");
    });
}

/// Rules out: of three threads on one slot one parks for good, because a wake went to somebody who was served
/// otherwise, because a woken one lost to a running one and nobody looked again, or because `waking` stayed up.
#[test]
fn three_threads_share_one_slot_and_all_are_served() {
    for hand_over in ALL {
        explore(&format!("three on one slot, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            let others = [spawn(&shelf, use_one), spawn(&shelf, use_one)];
            use_one(&shelf);
            join(others);
            assert_eq!(at_rest(&shelf), 3);
        });
    }
}

/// Rules out: two returns wake one waiter between them, and the other sleeps beside a free resource.
#[test]
fn two_returns_serve_two_waiters_with_one_wake_in_flight() {
    for hand_over in ALL {
        explore(&format!("two returns, two waiters, {hand_over:?}"), move || {
            let shelf = Setting::of(2, hand_over).shelf();
            let held = [take_out(&shelf), take_out(&shelf)];
            // Neither gives back before both have: no return but the two can serve them.
            let wait_only = |shelf: &Model| match wait(shelf, forever) {
                Got::Right(mut right) => {
                    **right.resource_mut() += 1;
                    right.pass_on();
                }
                Got::TimedOut | Got::Refused => panic!("nobody ends this wait"),
            };
            let waiters = [spawn(&shelf, wait_only), spawn(&shelf, wait_only)];
            for held in held {
                give_back(&shelf, take_up(&shelf, held));
            }
            join(waiters);
            assert!(shelf.slots().all(|(_, slot)| slot.look().phase() == Phase::Busy), "one each");
            assert!(!shelf.is_waking());
        });
    }
}

/// Rules out: a passer-by takes the slot from under a woken waiter, whose wake is then lost.
#[test]
fn a_woken_waiter_that_lost_is_woken_again() {
    for hand_over in [HandOver::Never, NOT_DUE, DUE] {
        explore(&format!("a woken waiter that lost, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            let held = take_out(&shelf);
            let waiter = spawn(&shelf, use_one);
            let passer_by = spawn(&shelf, |shelf| {
                if let Some(right) = shelf.take(0) {
                    use_it(shelf, right);
                }
            });
            use_it(&shelf, take_up(&shelf, held));
            waiter.join().unwrap();
            passer_by.join().unwrap();
            assert!((2..=3).contains(&at_rest(&shelf)));
        });
    }
}

/// Rules out: a return that looks past a wake in flight, to see how old the head of the queue is, breaks it.
#[test]
fn looking_past_a_wake_leaves_it_whole() {
    for hand_over in [NOT_DUE, DUE] {
        explore(&format!("looking past a wake, {hand_over:?}"), move || {
            EVERY.set(true);
            let shelf = Setting::of(1, hand_over).shelf();
            let others = [spawn(&shelf, use_one), spawn(&shelf, use_one)];
            use_one(&shelf);
            join(others);
            assert_eq!(at_rest(&shelf), 3);
        });
        EVERY.set(false);
    }
}

/// Rules out: a waiter of a higher lane that joins in front of a woken one strands either of them.
#[test]
fn a_waiter_that_joins_in_front_strands_nobody() {
    for hand_over in [HandOver::Never, DUE] {
        explore(&format!("joining in front, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            let held = take_out(&shelf);
            let in_lane = |lane| {
                move |shelf: &Model| match wait_in(shelf, lane, forever) {
                    Got::Right(right) => use_it(shelf, right),
                    Got::TimedOut | Got::Refused => panic!("nobody ends this wait"),
                }
            };
            let waiters = [spawn(&shelf, in_lane(2)), spawn(&shelf, in_lane(0))];
            give_back(&shelf, take_up(&shelf, held));
            join(waiters);
            assert_eq!(at_rest(&shelf), 2);
        });
    }
}

/// Rules out: a waiter chosen for its processor goes off with the wake, or the right, that the one in front of it needed.
#[test]
fn a_waiter_passed_over_for_one_of_the_same_processor_is_not_stranded() {
    for hand_over in [HandOver::Never, NOT_DUE, DUE] {
        explore(&format!("passed over, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            let held = take_out(&shelf);
            let on_processor = |processor| {
                move |shelf: &Model| {
                    PLACED.with(|placed| placed.set(processor));
                    use_one(shelf);
                }
            };
            let waiters = [spawn(&shelf, on_processor(1)), spawn(&shelf, on_processor(0))];
            give_back(&shelf, take_up(&shelf, held));
            join(waiters);
            assert_eq!(at_rest(&shelf), 2);
        });
    }
}

/// Rules out: whoever ran on the right processors overtakes the first in the queue for ever.
#[test]
fn the_first_in_the_queue_is_passed_over_twice_in_a_row_at_most() {
    explore("passed over twice", || {
        let waiters = Waiters::new(Default::default());
        let nodes: Vec<_> = (0..5).map(|_| Node::mine()).collect();
        for (since, node) in nodes.iter().enumerate() {
            PLACED.with(|placed| placed.set(u32::from(since > 0)));
            assert!(waiters.join(node, (1, since as u64, HOLDER), (u32::MAX, None), || 0).is_ok());
        }
        let mut served = Vec::new();
        let mut list = waiters.lock();
        while let Some(node) = list.choose() {
            served.push(list.since(node));
            list.unlink(node);
        }
        assert_eq!(served, [1, 2, 0, 3, 4]);
    });
}
