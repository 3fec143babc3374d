//! The list of free slots.

use super::*;

fn listed(slots: u32, list: List) -> Setting {
    Setting { list, ..Setting::of(slots, HandOver::Never) }
}

/// Rules out: two poppers get one index, a push is lost, or a stale `next` cuts the stack (ABA).
#[test]
fn the_stack_gives_each_index_out_once() {
    explore_all("the_stack", || {
        let shelf = listed(3, List::Stack).shelf();
        let other = spawn(&shelf, |shelf| {
            let (first, second) = (shelf.take(0), shelf.take(0));
            first.into_iter().chain(second).for_each(|right| use_it(shelf, right));
        });
        let taken = shelf.take(0).expect("three are free, two are wanted elsewhere");
        use_it(&shelf, taken);
        other.join().unwrap();
        let found: Vec<_> = (0..4).map_while(|_| shelf.take(0)).collect();
        assert_eq!(found.len(), 3, "the list has lost a slot, or has one twice");
        found.into_iter().for_each(|right| give_back(&shelf, right));
        assert_eq!(at_rest(&shelf), 3);
    });
}

/// Rules out: a slot that the keeper claimed past the list, while others pop and push, and opened again, is missing from the
/// list, or stands in it twice.
#[test]
fn a_claim_from_the_middle_leaves_the_list_whole() {
    for list in [List::Stack, List::Queue] {
        explore(&format!("a claim from the middle, {list:?}"), move || {
            let shelf = listed(2, list).shelf();
            let keeper = spawn(&shelf, |shelf| {
                let Some(right) = shelf.claim_any(Phase::Ready, Phase::Checking) else { return };
                shelf.give_back(right, now);
            });
            let other = spawn(&shelf, |shelf| {
                if let Some(right) = shelf.take(0) {
                    use_it(shelf, right);
                }
            });
            if let Some(right) = shelf.take(0) {
                use_it(&shelf, right);
            }
            keeper.join().unwrap();
            other.join().unwrap();
            let found: Vec<_> = (0..3).map_while(|_| shelf.take(0)).collect();
            assert_eq!(found.len(), 2, "the list has lost a slot, or has one twice");
            found.into_iter().for_each(|right| give_back(&shelf, right));
            at_rest(&shelf);
        });
    }
}

/// Rules out: a waiter parks although a slot is READY, because its index is not in the list yet.
#[test]
fn a_slot_that_is_not_listed_yet_is_still_found() {
    for list in [List::Stack, List::Queue] {
        explore(&format!("a slot not listed yet, {list:?}"), move || {
            let shelf = listed(1, list).shelf();
            let other = spawn(&shelf, use_one);
            use_one(&shelf);
            other.join().unwrap();
            assert_eq!(at_rest(&shelf), 2);
        });
    }
}
