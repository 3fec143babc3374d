//! One slot, one holder.

use super::*;

/// Rules out: two threads win the same READY slot, or the second sees the first's resource half written.
#[test]
fn one_slot_has_one_holder() {
    explore_all("one_slot_has_one_holder", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let try_once = |shelf: &Model| {
            if let Some(right) = shelf.take_anywhere(0) {
                use_it(shelf, right);
            }
        };
        let other = spawn(&shelf, try_once);
        try_once(&shelf);
        other.join().unwrap();
        assert!((1..=2).contains(&at_rest(&shelf)));
    });
}

/// Rules out: a word remembered from a resource that is gone wins the one that came after it.
#[test]
fn a_word_of_an_earlier_life_wins_nothing() {
    explore_all("a_word_of_an_earlier_life_wins_nothing", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let old = shelf.slots().next().unwrap().1.look();
        let other = spawn(&shelf, |shelf| {
            let Some(mut right) = shelf.claim_any(Phase::Ready, Phase::Retiring) else { return };
            drop(right.take());
            shelf.vacate(right, now);
            let mut right = shelf.reserve().expect("the only slot is vacant");
            right.put(Box::new(100), 0);
            shelf.give_back(right, now);
        });
        let (_, slot) = shelf.slots().next().unwrap();
        if let Some(mut right) = slot.claim_ready(old) {
            assert_eq!(**right.resource_mut(), 0, "the word names the first resource");
            use_it(&shelf, right);
        }
        other.join().unwrap();
        assert!([1, 100].contains(&at_rest(&shelf)) || old.generation() == 0);
    });
}

/// Rules out: a thread that finds the word as it left it, though others used the slot meanwhile, sees the resource as it was
/// before them.
#[test]
fn a_remembered_word_wins_what_the_last_holder_left() {
    explore_all("a_remembered_word_wins_what_the_last_holder_left", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let remembered = shelf.slots().next().unwrap().1.look();
        let other = spawn(&shelf, |shelf| {
            if let Some(right) = shelf.take_anywhere(0) {
                use_it(shelf, right);
            }
        });
        let (_, slot) = shelf.slots().next().unwrap();
        if let Some(right) = slot.claim_ready(remembered) {
            use_it(&shelf, right);
        }
        other.join().unwrap();
        assert!((1..=2).contains(&at_rest(&shelf)));
    });
}

/// Rules out: two threads reserve one vacancy, or a vacancy is lost when a creation fails.
#[test]
fn one_vacancy_is_reserved_once() {
    explore_all("one_vacancy_is_reserved_once", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        sweep(&shelf);
        let create = |fails: bool| {
            move |shelf: &Model| match shelf.reserve() {
                Some(right) if fails => drop(shelf.vacate(right, now)),
                Some(mut right) => {
                    right.put(Box::new(1), 0);
                    shelf.give_back(right, now);
                }
                None => {}
            }
        };
        let other = spawn(&shelf, create(true));
        create(false)(&shelf);
        other.join().unwrap();
        // Whoever was second may have found no room. Nothing is lost for good.
        create(false)(&shelf);
        assert_eq!(shelf.occupied(), 1);
        assert_eq!(at_rest(&shelf), 1);
        assert_eq!(shelf.occupied(), 0);
    });
}

/// Rules out: whoever creates after a failed creation finds the place as it was before the last resource had left it.
#[test]
fn a_failed_creation_between_leaves_the_place_empty() {
    explore("a_failed_creation_between", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let fails = spawn(&shelf, |shelf| {
            if let Some(right) = shelf.reserve() {
                shelf.vacate(right, now);
            }
        });
        let creates = spawn(&shelf, |shelf| {
            if let Some(mut right) = shelf.reserve() {
                right.put(Box::new(1), 0);
                shelf.give_back(right, now);
            }
        });
        if let Some(mut right) = shelf.claim_any(Phase::Ready, Phase::Retiring) {
            drop(right.take());
            shelf.vacate(right, now);
        }
        join([fails, creates]);
        sweep(&shelf);
        assert_eq!(shelf.occupied(), 0);
    });
}
