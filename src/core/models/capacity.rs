//! Capacity that changes while slots come and go.

use super::*;

/// Rules out: a slot is vacated beside a shrinking pool and stays open, so that the pool keeps more room than it has.
#[test]
fn a_slot_vacated_while_the_pool_shrinks_is_shut() {
    explore("shrinking against vacating", || {
        let shelf = Setting::of(2, HandOver::Never).shelf();
        let ended = spawn(&shelf, |shelf| {
            let mut right = shelf.claim_any(Phase::Ready, Phase::Retiring).expect("both are free");
            drop(right.take());
            shelf.vacate(right, now);
        });
        shelf.set_target(1, now);
        ended.join().unwrap();
        let shut = shelf.slots().filter(|(_, slot)| slot.look().phase() == Phase::Shut).count();
        assert_eq!((shelf.open_slots(), shut), (1, 1));
        assert_eq!(at_rest_with(&shelf, 1), 0);
    });
}

/// Rules out: a slot is vacated beside a growing pool and stays shut, so that the pool has less room than it should.
#[test]
fn a_slot_vacated_while_the_pool_grows_is_open() {
    explore("growing against vacating", || {
        let shelf = Setting::of(2, HandOver::Never).shelf();
        let mut right = shelf.claim_any(Phase::Ready, Phase::Retiring).expect("both are free");
        drop(right.take());
        let (slot, word) = right.pass_on();
        let ended = (shelf.index_of(slot).expect("ours"), word);
        shelf.set_target(1, now);
        let grower = spawn(&shelf, |shelf| shelf.set_target(2, now));
        shelf.vacate(take_up(&shelf, ended), now);
        grower.join().unwrap();
        let vacant = shelf.slots().filter(|(_, slot)| slot.look().phase() == Phase::Vacant).count();
        assert_eq!((shelf.open_slots(), shelf.target(), vacant), (2, 2, 1));
    });
}

/// Rules out: a waiter that could create sleeps on beside the room that a growing pool opened.
#[test]
fn room_that_opens_wakes_a_waiter_that_can_create() {
    explore("growing against waiting", || {
        let shelf = Setting { extra: 1, ..Setting::of(1, HandOver::Never) }.shelf();
        shelf.set_wake_on_vacancy(true);
        let held = take_out(&shelf);
        let waiter = spawn(&shelf, |shelf| {
            let request = Request { lane: 1, since: 0, holder: HOLDER, allowed: None, comes_back: false };
            match shelf.wait(&request, |_| shelf.reserve(), forever, |right| give_back(shelf, right), now) {
                Outcome::Found(mut right) => {
                    right.put(Box::new(0), 0);
                    shelf.give_back(right, now);
                }
                _ => panic!("only room can end this wait"),
            }
        });
        shelf.set_target(2, now);
        waiter.join().unwrap();
        give_back(&shelf, take_up(&shelf, held));
        assert_eq!(at_rest(&shelf), 0);
    });
}

/// Rules out: two that make room for a successor at once, or one beside an end, lose count of the open slots.
#[test]
fn a_successor_takes_a_place_and_its_predecessor_gives_one_back() {
    explore("successors", || {
        let shelf = Setting { extra: 1, ..Setting::of(1, HandOver::Never) }.shelf();
        let replace = |shelf: &Model| {
            let Some(mut right) = shelf.reserve_extra() else { return };
            right.put(Box::new(0), 0);
            shelf.give_back(right, now);
            let mut old = shelf.claim_any(Phase::Ready, Phase::Retiring).expect("one of the two is free");
            drop(old.take());
            shelf.vacate(old, now);
        };
        let other = spawn(&shelf, replace);
        replace(&shelf);
        other.join().unwrap();
        assert_eq!(shelf.open_slots(), 1);
        assert_eq!(at_rest_with(&shelf, 1), 0);
    });
}

/// Rules out: a shrinking takes a vacant slot and puts it back, because another was shut meanwhile, and a waiter that looked
/// in between sleeps on beside it.
#[test]
fn a_shrinking_that_puts_a_slot_back_hides_no_room() {
    explore("shrink, vacate and wait", || {
        let shelf = Setting::of(2, HandOver::Never).shelf();
        shelf.set_wake_on_vacancy(true);
        let [ended, ending] = [0, 1].map(|_| {
            let mut right = shelf.claim_any(Phase::Ready, Phase::Retiring).expect("both are free");
            drop(right.take());
            let (slot, word) = right.pass_on();
            (shelf.index_of(slot).expect("ours"), word)
        });
        shelf.vacate(take_up(&shelf, ended), now);
        let waiter = spawn(&shelf, |shelf| {
            let request = Request { lane: 1, since: 0, holder: HOLDER, allowed: None, comes_back: false };
            match shelf.wait(&request, |_| shelf.reserve(), forever, |right| give_back(shelf, right), now) {
                Outcome::Found(right) => drop(right.pass_on()),
                _ => panic!("only room can end this wait"),
            }
        });
        let resizer = spawn(&shelf, |shelf| shelf.set_target(1, now));
        shelf.vacate(take_up(&shelf, ending), now);
        join([waiter, resizer]);
        let shut = shelf.slots().filter(|(_, slot)| slot.look().phase() == Phase::Shut).count();
        assert_eq!(shut, 1);
        assert_eq!((shelf.open_slots(), shelf.occupied()), (1, 1));
    });
}

/// Rules out: two that make a growing pool fit open a place each where one is missing, and who finds the second makes a resource
/// too many in it.
#[test]
fn two_that_grow_a_pool_open_no_place_too_many() {
    explore("growing twice", || {
        let shelf = Setting { extra: 2, ..Setting::of(1, HandOver::Never) }.shelf();
        let grower = spawn(&shelf, |shelf| shelf.set_target(2, now));
        let creator = spawn(&shelf, |shelf| {
            for _ in 0..2 {
                shelf.reserve().map(Right::pass_on);
            }
        });
        shelf.set_target(2, now);
        join([grower, creator]);
        assert_eq!((shelf.open_slots(), shelf.target()), (2, 2));
        assert!(shelf.occupied() <= 2, "one too many");
    });
}
