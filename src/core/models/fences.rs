//! Return against announce, look, park: with the light and heavy fences, with full ones, and while the keeper lowers the
//! flags.

use super::*;

fn two_users(name: &str, setting: Setting) {
    // Handing over has many more interleavings: those keep to the bound.
    let explore = if matches!(setting.hand_over, HandOver::Never | NOT_DUE) { explore_all } else { explore };
    explore(name, move || {
        let shelf = setting.shelf();
        let other = spawn(&shelf, use_one);
        use_one(&shelf);
        other.join().unwrap();
        assert_eq!(at_rest(&shelf), 2);
    });
}

/// Rules out: the returner sees nobody waiting, the waiter sees nothing free, and parks for ever.
#[test]
fn a_return_and_a_wait_do_not_miss_each_other_with_light_fences() {
    for hand_over in [HandOver::Never, DUE, NOT_DUE, HandOver::Always] {
        two_users(&format!("light fences, {hand_over:?}"), Setting::of(1, hand_over));
    }
}

/// Rules out: the same, where membarrier is missing.
#[test]
fn a_return_and_a_wait_do_not_miss_each_other_with_full_fences() {
    for hand_over in [HandOver::Never, DUE, NOT_DUE, HandOver::Always] {
        two_users(&format!("full fences, {hand_over:?}"), Setting { light: false, ..Setting::of(1, hand_over) });
    }
}

/// Waits in vain, once.
fn put_up_flags(shelf: &Model) {
    let held = shelf.take(0).expect("the slot is free");
    assert!(matches!(wait(shelf, || Patience::Over), Got::TimedOut));
    assert!(shelf.attention() & attention::FENCED != 0);
    give_back(shelf, held);
}

/// Rules out: the flags go down while a waiter relies on them, or are left so that no return looks any more.
#[test]
fn lowering_the_flags_loses_no_return() {
    for hand_over in [HandOver::Never, DUE] {
        explore(&format!("lowering_the_flags, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            put_up_flags(&shelf);
            let users = [spawn(&shelf, use_one), spawn(&shelf, use_one)];
            shelf.lower(now);
            join(users);
            assert_eq!(at_rest(&shelf), 2);
        });
    }
}

/// Rules out: a wait whose flags were lowered under it leaves them so that the next wait is never ended.
#[test]
fn a_wait_after_the_flags_went_down_is_ended() {
    explore("a_wait_after_the_flags_went_down", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        let first = spawn(&shelf, |shelf| match wait(shelf, || Patience::Over) {
            Got::Right(right) => use_it(shelf, right),
            Got::TimedOut | Got::Refused => {}
        });
        let keeper = spawn(&shelf, |shelf| shelf.lower(now));
        first.join().unwrap();
        keeper.join().unwrap();
        let second = spawn(&shelf, use_one);
        give_back(&shelf, take_up(&shelf, held));
        second.join().unwrap();
        at_rest(&shelf);
    });
}

/// Rules out: room for a new resource is freed beside a waiter that parks because it saw none.
#[test]
fn freed_room_wakes_a_waiter_that_can_create() {
    explore_all("freed_room_wakes_a_waiter", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        shelf.set_wake_on_vacancy(true);
        let held = take_out(&shelf);
        let waiter = spawn(&shelf, |shelf| {
            let request = Request { lane: 1, since: 0, holder: HOLDER };
            let look = |_| shelf.take_anywhere(0).or_else(|| shelf.reserve());
            let Outcome::Found(mut right) = shelf.wait(&request, look, forever, now) else { panic!("only room comes") };
            right.put(Box::new(7), 0);
            shelf.give_back(right, now);
        });
        let mut right = take_up(&shelf, held).change(Phase::Retiring);
        drop(right.take());
        shelf.vacate(right, now);
        waiter.join().unwrap();
        assert_eq!(at_rest(&shelf), 7);
    });
}
