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
    assert!(matches!(wait(shelf, |_| Patience::Over), Got::TimedOut));
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
        let first = spawn(&shelf, |shelf| match wait(shelf, |_| Patience::Over) {
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

/// Rules out: a waiter trusts FENCED, raised by one that joined behind it and did not look, without having that one's heavy
/// fence behind it: it overlooks a return from before that fence, and the return overlooked it.
#[test]
fn who_finds_the_flags_up_has_the_fence_behind_it() {
    explore("who finds the flags up", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        let waiters = [spawn(&shelf, wait_and_use), spawn(&shelf, wait_and_use)];
        use_it(&shelf, take_up(&shelf, held));
        join(waiters);
        assert_eq!(at_rest(&shelf), 3);
    });
}

/// Queues without a look beforehand.
fn wait_and_use(shelf: &Model) {
    match wait(shelf, forever) {
        Got::Right(right) => use_it(shelf, right),
        Got::TimedOut | Got::Refused => panic!("nobody ends this wait"),
    }
}

/// Waits for a resource, or for room to create one that counts as `fresh` uses.
fn use_or_create(shelf: &Model, fresh: u64) {
    let request = Request { lane: 1, since: 0, holder: HOLDER, allowed: None, comes_back: false };
    let look = |_| shelf.take_anywhere(0).or_else(|| shelf.reserve());
    match shelf.wait(&request, look, forever, |right| give_back(shelf, right), now) {
        Outcome::Found(mut right) if right.word().phase() == Phase::Creating => {
            right.put(Box::new(fresh), 0);
            shelf.give_back(right, now);
        }
        Outcome::Found(right) | Outcome::Granted(right) => use_it(shelf, right),
        _ => panic!("nobody ends this wait"),
    }
}

/// Rules out: room for a new resource, left by one that ended or by one that could not be made, is freed beside a waiter that
/// parks because it saw none.
#[test]
fn freed_room_wakes_a_waiter_that_can_create() {
    for failed in [false, true] {
        explore_all(&format!("freed room, by a failed creation: {failed}"), move || {
            let shelf = Setting::of(1, HandOver::Never).shelf();
            shelf.set_wake_on_vacancy(true);
            let mut right = shelf.claim_any(Phase::Ready, Phase::Retiring).expect("all are free");
            drop(right.take());
            if failed {
                shelf.vacate(right, now);
                right = shelf.reserve().expect("the slot is vacant");
            }
            let (_, word) = right.pass_on();
            let waiter = spawn(&shelf, |shelf| use_or_create(shelf, 7));
            shelf.vacate(take_up(&shelf, (0, word)), now);
            waiter.join().unwrap();
            assert_eq!(at_rest(&shelf), 7);
        });
    }
}

/// Rules out: of two that wait for room one sleeps on beside the second place freed, because one wake was sent for both and
/// whoever had it did not look whether there is room left.
#[test]
fn room_for_two_serves_two_that_can_create() {
    explore("room for two", || {
        let shelf = Setting::of(2, HandOver::Never).shelf();
        shelf.set_wake_on_vacancy(true);
        let ending = [0, 1].map(|_| {
            let mut right = shelf.claim_any(Phase::Ready, Phase::Retiring).expect("all are free");
            drop(right.take());
            let (slot, word) = right.pass_on();
            (shelf.index_of(slot).expect("ours"), word)
        });
        // What they make stays in their hands: nothing but the freed room can serve them.
        let create = |shelf: &Model| {
            let request = Request { lane: 1, since: 0, holder: HOLDER, allowed: None, comes_back: false };
            let look = |_| shelf.reserve();
            let Outcome::Found(right) = shelf.wait(&request, look, forever, |right| give_back(shelf, right), now)
            else {
                panic!("only room comes")
            };
            right.pass_on();
        };
        let waiters = [spawn(&shelf, create), spawn(&shelf, create)];
        for right in ending {
            shelf.vacate(take_up(&shelf, right), now);
        }
        join(waiters);
        assert!(shelf.slots().all(|(_, slot)| slot.look().phase() == Phase::Creating), "one each");
        assert!(!shelf.is_waking());
    });
}

/// Rules out: the keeper ends a surplus resource at the moment of its return, and the waiter for whom it was returned sleeps on
/// beside the room it left.
#[test]
fn a_resource_that_expires_at_its_return_strands_no_waiter() {
    explore("expiry against return", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        shelf.set_wake_on_vacancy(true);
        let held = take_out(&shelf);
        let waiter = spawn(&shelf, |shelf| use_or_create(shelf, 100));
        let keeper = spawn(&shelf, sweep_once);
        give_back(&shelf, take_up(&shelf, held));
        join([waiter, keeper]);
        sweep(&shelf);
        assert_eq!((shelf.occupied(), shelf.waiting()), (0, 0));
        assert!(!shelf.is_waking());
    });
}

/// Ends one idle resource, as the keeper does.
fn sweep_once(shelf: &Model) {
    let Some((_, slot)) = shelf.slots().next() else { return };
    let seen = slot.look();
    if seen.phase() == Phase::Ready
        && let Some(mut right) = slot.claim(seen, Phase::Retiring)
    {
        drop(right.take());
        shelf.vacate(right, now);
    }
}

/// Rules out: the keeper takes the overflow flag down beside a creation that has just put it up, and the surplus stays for good,
/// because no return notes its time any more.
#[test]
fn the_overflow_flag_is_up_while_there_is_overflow() {
    const MAX: u32 = 1;
    explore_all("the overflow flag", || {
        let shelf = Setting::of(2, HandOver::Never).shelf();
        let mut right = shelf.claim_any(Phase::Ready, Phase::Retiring).expect("all are free");
        drop(right.take());
        shelf.vacate(right, now);
        shelf.set_attention(attention::OVERFLOWING, true);
        // As a creation does.
        let creator = spawn(&shelf, |shelf| {
            let mut right = shelf.reserve().expect("one is vacant");
            right.put(Box::new(1), 0);
            if shelf.occupied() > MAX {
                shelf.set_attention(attention::OVERFLOWING, true);
            }
            shelf.give_back(right, now);
        });
        // As the keeper does.
        if shelf.occupied() <= MAX {
            shelf.set_attention(attention::OVERFLOWING, false);
            if shelf.occupied() > MAX {
                shelf.set_attention(attention::OVERFLOWING, true);
            }
        }
        creator.join().unwrap();
        assert!(shelf.attention() & attention::OVERFLOWING != 0, "nobody looks after the surplus");
        at_rest(&shelf);
    });
}

/// Rules out: a resource that is only good as a last resort is opened beside a waiter that parks because it saw nothing.
#[test]
fn a_last_resort_is_seen_by_who_waits() {
    explore_all("a last resort", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let (_, word) = shelf.claim_any(Phase::Ready, Phase::Checking).expect("all are free").pass_on();
        let waiter = spawn(&shelf, |shelf| {
            let request = Request { lane: 1, since: 0, holder: HOLDER, allowed: None, comes_back: false };
            let look = |_| shelf.take_anywhere(0).or_else(|| shelf.claim_any(Phase::Degraded, Phase::Busy));
            let Outcome::Found(right) = shelf.wait(&request, look, forever, |right| give_back(shelf, right), now)
            else {
                panic!("it is found, or nothing is")
            };
            use_it(shelf, right);
        });
        shelf.open_as(Phase::Degraded, take_up(&shelf, (0, word)), now);
        waiter.join().unwrap();
        assert_eq!(at_rest(&shelf), 1);
    });
}
