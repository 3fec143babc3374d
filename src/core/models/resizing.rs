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

/// Rules out: a shrinking that takes a slot and puts it back, because another was shut meanwhile, hides it from a waiter.
#[test]
fn growing_and_shrinking_hide_no_room_from_a_waiter() {
    explore("resize against wait", || {
        let shelf = Setting::of(2, HandOver::Never).shelf();
        shelf.set_wake_on_vacancy(true);
        shelf.set_target(1, now);
        end_one(&shelf);
        let held = take_out(&shelf);
        let waiter = spawn(&shelf, |shelf| {
            let request = Request { lane: 1, since: 0, holder: HOLDER };
            let look = |_| shelf.take_anywhere(0).or_else(|| shelf.reserve());
            let Outcome::Found(mut right) = shelf.wait(&request, look, forever, now) else { panic!("only room comes") };
            right.put(Box::new(7), 0);
            shelf.give_back(right, now);
        });
        shelf.set_target(2, now);
        waiter.join().unwrap();
        give_back(&shelf, take_up(&shelf, held));
        assert_eq!(at_rest(&shelf), 7);
    });
}
