//! Resize against what becomes vacant, and against who waits.

use super::*;

fn end_one(shelf: &Model) {
    if let Some(mut right) = shelf.claim_any(Phase::Ready, Phase::Retiring) {
        drop(right.take());
        shelf.vacate(right, now);
    }
}

fn how_many(shelf: &Model, phase: Phase) -> u32 {
    shelf.slots().filter(|(_, slot)| slot.look().phase() == phase).count() as u32
}

/// Rules out: a slot that becomes vacant beside a shrinking pool stays open, or two are shut for one too many.
#[test]
fn a_slot_vacated_beside_a_shrinking_is_shut() {
    explore_all("shrink against vacate", || {
        let shelf = Setting::of(2, HandOver::Never).shelf();
        let other = spawn(&shelf, end_one);
        shelf.set_target(1, now);
        other.join().unwrap();
        assert_eq!((how_many(&shelf, Phase::Shut), how_many(&shelf, Phase::Ready)), (1, 1));
        assert_eq!((shelf.open_slots(), shelf.occupied()), (1, 1));
    });
}

/// Waits for room, and keeps it.
fn occupy(shelf: &Model) {
    let request = Request { lane: 1, since: 0, holder: HOLDER };
    let Outcome::Found(right) = shelf.wait(&request, |_| shelf.reserve(), forever, now) else {
        panic!("only room comes")
    };
    right.pass_on();
}

/// Rules out: room that a growing opens appears beside a waiter that parks because it saw none.
#[test]
fn growing_wakes_a_waiter_that_can_create() {
    explore_all("growing against wait", || {
        let shelf = Setting::of(2, HandOver::Never).shelf();
        shelf.set_wake_on_vacancy(true);
        shelf.set_target(1, now);
        end_one(&shelf);
        take_out(&shelf);
        let waiter = spawn(&shelf, occupy);
        shelf.set_target(2, now);
        waiter.join().unwrap();
        assert_eq!((shelf.open_slots(), shelf.occupied()), (2, 2));
    });
}

/// Rules out: a shrinking takes a vacant slot and puts it back, because another was shut meanwhile, and a waiter that looked
/// in between sleeps on beside it.
#[test]
fn a_shrinking_that_puts_a_slot_back_hides_no_room() {
    explore("shrink, vacate and wait", || {
        let shelf = Setting::of(2, HandOver::Never).shelf();
        shelf.set_wake_on_vacancy(true);
        end_one(&shelf);
        let mut right = shelf.claim_any(Phase::Ready, Phase::Retiring).expect("one is left");
        drop(right.take());
        let (slot, word) = right.pass_on();
        let ending = (shelf.index_of(slot).expect("ours"), word);
        let waiter = spawn(&shelf, occupy);
        let resizer = spawn(&shelf, |shelf| shelf.set_target(1, now));
        shelf.vacate(take_up(&shelf, ending), now);
        join([waiter, resizer]);
        assert_eq!((how_many(&shelf, Phase::Shut), how_many(&shelf, Phase::Creating)), (1, 1));
        assert_eq!((shelf.open_slots(), shelf.occupied()), (1, 1));
    });
}
