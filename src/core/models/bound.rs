//! Waiting for one resource: nobody is left parked beside it, nor for it once it has ended.

use super::*;
use crate::error::Refusal;

const ALL: [HandOver; 4] = [HandOver::Never, NOT_DUE, DUE, HandOver::Always];

/// How a wait for the first resource in slot 0 went.
enum Bound<'s> {
    Right(Right<'s, Box<u64>>),
    Ended,
    TimedOut,
    Refused,
}

/// As the pool waits for a session's own resource: `look_at_own` and `wait_for_own`.
fn wait_bound(shelf: &Model, mut patience: impl FnMut(u64) -> Patience) -> Bound<'_> {
    let slot = shelf.slot(0).expect("there is one");
    let look = || {
        let seen = slot.look();
        match seen.phase() {
            _ if seen.generation() != 0 => Some(None),
            Phase::Ready => slot.claim(seen, Phase::Busy).map(Some),
            Phase::Busy | Phase::Checking => None,
            _ => Some(None),
        }
    };
    loop {
        let request = Request { lane: 1, since: 0, holder: HOLDER, allowed: None, comes_back: false };
        match shelf.wait_bound((0, false), &request, look, || patience(0), |right| give_back(shelf, right), now) {
            Outcome::Granted(right) | Outcome::Found(Some(right)) => return Bound::Right(right),
            Outcome::Found(None) => return Bound::Ended,
            Outcome::Refused(Refusal::LookAgain) => {}
            Outcome::TimedOut { .. } => return Bound::TimedOut,
            _ => return Bound::Refused,
        }
    }
}

fn use_bound(shelf: &Model) {
    match wait_bound(shelf, forever) {
        Bound::Right(right) => use_it(shelf, right),
        _ => panic!("it neither ends nor closes"),
    }
}

fn at_rest_bound(shelf: &Model) -> u64 {
    assert_eq!(shelf.waiting_in_all(), 0);
    at_rest(shelf)
}

/// Rules out: a thread parks for a slot whose return did not see it, or that a passer-by took from under the return that did.
#[test]
fn who_waits_for_one_slot_gets_it_when_it_comes_back() {
    for hand_over in ALL {
        explore(&format!("bound against a return and a passer-by, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            let held = take_out(&shelf);
            let bound = spawn(&shelf, use_bound);
            let passer_by = spawn(&shelf, |shelf| {
                if let Some(right) = shelf.take(0) {
                    use_it(shelf, right);
                }
            });
            use_it(&shelf, take_up(&shelf, held));
            join([bound, passer_by]);
            assert!((2..=3).contains(&at_rest_bound(&shelf)));
        });
    }
}

/// Rules out: of two who wait for the same slot the second is forgotten.
#[test]
fn two_who_wait_for_one_slot_are_both_served() {
    explore("two bound to one slot", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        let others = [spawn(&shelf, use_bound), spawn(&shelf, use_bound)];
        use_it(&shelf, take_up(&shelf, held));
        join(others);
        assert_eq!(at_rest_bound(&shelf), 3);
    });
}

/// Rules out: one who waits for a slot and one in the queue strand each other.
#[test]
fn the_queue_and_one_who_waits_for_the_slot_are_both_served() {
    for hand_over in ALL {
        explore(&format!("bound beside the queue, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            let held = take_out(&shelf);
            let others = [spawn(&shelf, use_bound), spawn(&shelf, use_one)];
            use_it(&shelf, take_up(&shelf, held));
            join(others);
            assert_eq!(at_rest_bound(&shelf), 3);
        });
    }
}

/// Rules out: who counts all that wait, for a look or an audit, takes the locks in the reverse order of a return.
#[test]
fn counting_those_who_wait_blocks_no_return() {
    explore_all("bound: a count beside a return", || {
        let shelf = Setting::of(1, DUE).shelf();
        let held = take_out(&shelf);
        let request = Request { lane: 1, since: 0, holder: HOLDER, allowed: None, comes_back: false };
        // One of each kind waits while this thread returns what they wait for.
        let in_queue = |_| {
            let counter = spawn(&shelf, |shelf| _ = shelf.queue_len());
            use_it(&shelf, take_up(&shelf, held));
            join([counter]);
            Some(())
        };
        let on_list = || match shelf.wait(&request, in_queue, forever, |right| give_back(&shelf, right), now) {
            Outcome::Found(()) => Some(()),
            _ => None,
        };
        let outcome = shelf.wait_bound(
            (0, false),
            &request,
            on_list,
            || Patience::Forever,
            |right| give_back(&shelf, right),
            now,
        );
        assert!(matches!(outcome, Outcome::Found(())));
        assert_eq!(at_rest_bound(&shelf), 1);
    });
}

/// Rules out: a slot is granted to one that has given up and left.
#[test]
fn a_grant_and_a_timeout_of_one_who_waits_for_the_slot_leave_it_with_one() {
    explore_all("bound: grant against timeout", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        let bound = spawn(&shelf, |shelf| match wait_bound(shelf, one_park()) {
            Bound::Right(right) => use_it(shelf, right),
            Bound::TimedOut => {}
            Bound::Ended | Bound::Refused => panic!("it neither ends nor closes"),
        });
        use_it(&shelf, take_up(&shelf, held));
        join([bound]);
        assert!((1..=2).contains(&at_rest_bound(&shelf)));
    });
}

fn expects_the_end(shelf: &Model) {
    assert!(matches!(wait_bound(shelf, forever), Bound::Ended), "what it waits for has ended");
}

/// Rules out: a thread waits on for a resource whose end has begun, and may hang.
#[test]
fn who_waits_for_a_resource_is_told_that_it_ends() {
    explore_all("bound against an end that hangs", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        let bound = spawn(&shelf, expects_the_end);
        let mut ending = take_up(&shelf, held).change(Phase::Retiring);
        shelf.ends(ending.slot(), now);
        // Not before the waiter is gone.
        join([bound]);
        drop(ending.take());
        shelf.vacate(ending, now);
    });
}

/// Rules out: a thread waits on for a resource that was taken out of the pool.
#[test]
fn who_waits_for_a_resource_is_told_that_it_was_detached() {
    explore_all("bound against a detachment", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        let bound = spawn(&shelf, expects_the_end);
        let mut detached = take_up(&shelf, held);
        drop(detached.take());
        shelf.vacate(detached, now);
        join([bound]);
    });
}

/// Rules out: a resource that is opened to be checked, or as a last resort, is not looked at by who waits for it.
#[test]
fn who_waits_for_a_resource_looks_at_it_when_it_is_degraded() {
    explore_all("bound against a degraded return", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        // Here it is as good as ended.
        let bound = spawn(&shelf, expects_the_end);
        let seen = shelf.open_as(Phase::Degraded, take_up(&shelf, held), now);
        assert_eq!(seen & attention::CLOSED, 0);
        join([bound]);
    });
}

/// Rules out: a thread waits on in a pool that is closed while the resource stays out, or joins lists that nobody closes any more.
#[test]
fn closing_ends_the_wait_for_one_resource() {
    explore_all("bound against close", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        let bound = spawn(&shelf, |shelf| {
            assert!(matches!(wait_bound(shelf, forever), Bound::Refused));
        });
        shelf.close(now);
        join([bound]);
        give_back(&shelf, take_up(&shelf, held));
    });
}

/// Rules out: the clock is moved and all are told, but for one who joined just then and has looked at it already.
#[test]
fn who_waits_for_one_slot_sees_that_the_clock_moved() {
    explore_all("bound against a clock", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        let time = Arc::new(loom::sync::atomic::AtomicU32::new(0));
        let seen = Arc::clone(&time);
        let bound = spawn(&shelf, move |shelf| {
            let until_it_moves = |_| if seen.load(Relaxed) > 0 { Patience::Over } else { Patience::Forever };
            assert!(matches!(wait_bound(shelf, until_it_moves), Bound::TimedOut));
        });
        time.store(1, Relaxed);
        shelf.unpark_all();
        join([bound]);
        give_back(&shelf, take_up(&shelf, held));
        assert_eq!(at_rest_bound(&shelf), 0);
    });
}

/// Rules out: one who left the list to look again finds that others have filled the pool meanwhile, and is refused in the midst of its wait.
#[test]
fn who_comes_back_has_its_place_in_a_full_pool() {
    explore_all("bound: back in a full pool", || {
        let shelf = Setting { max_waiters: 0, ..Setting::of(1, HandOver::Never) }.shelf();
        for comes_back in [false, true] {
            let request = Request { lane: 1, since: 0, holder: HOLDER, allowed: None, comes_back };
            let outcome = shelf.wait_bound(
                (0, false),
                &request,
                || Some(()),
                || Patience::Over,
                |right| give_back(&shelf, right),
                now,
            );
            assert_eq!(matches!(outcome, Outcome::Full { .. }), !comes_back);
        }
    });
}

/// Rules out: the flags are lowered under a thread that waits for one slot and relied on them, and the return does not see it.
#[test]
fn lowering_the_flags_does_not_lose_who_waits_for_one_slot() {
    explore("bound against lowering", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        // Raised by somebody who has gone.
        assert!(matches!(wait(&shelf, |_| Patience::Over), Got::TimedOut));
        let bound = spawn(&shelf, use_bound);
        let keeper = spawn(&shelf, |shelf| shelf.lower(now));
        use_it(&shelf, take_up(&shelf, held));
        join([bound, keeper]);
        assert_eq!(at_rest_bound(&shelf), 2);
    });
}
