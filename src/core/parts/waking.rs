//! Who is woken, served or passed over, one step at a time.

use super::*;
use crate::core::shelf::RETURNS_PER_LOOK;
use crate::error::Refusal;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

#[test]
fn room_wakes_a_waiter_where_those_who_wait_create_and_nobody_elsewhere() {
    for they_create in [false, true] {
        let shelf = shelf(1);
        shelf.set_wake_on_vacancy(they_create);
        let (mut held, mut woken) = (shelf.take(0), None);
        let patience = |_| {
            ended(&shelf, held.take().expect("asked once, before it would sleep"));
            woken = Some(shelf.is_waking());
            Patience::Over
        };
        assert!(matches!(
            shelf.wait(&request(0), |_| None::<()>, patience, reopens(&shelf), || 0),
            Outcome::TimedOut { .. }
        ));
        assert_eq!((woken, shelf.is_waking()), (Some(they_create), false));
    }
}

/// Waits for what is handed over, looks past all that is free, and keeps what it gets. None if it is refused.
fn waits_to_be_served(shelf: &Shelf<Box<u64>>, since: u64) -> Option<u32> {
    match shelf.wait(&request(since), |_| None::<()>, |_| Patience::Forever, reopens(shelf), || since) {
        Outcome::Granted(right) => shelf.index_of(right.pass_on().0),
        _ => None,
    }
}

/// A look that finds nothing, and of one that was woken: it says so, and comes back when it may.
fn stands_still_when_woken(goes_on: &Barrier) -> impl FnMut(bool) -> Option<()> {
    let mut looks = 0;
    move |_| {
        looks += 1;
        if looks == 2 {
            (0..2).for_each(|_| _ = goes_on.wait());
        }
        None
    }
}

fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}

/// The one returner that is seen to look stands for all that were not: what they left is nobody else's to find.
#[test]
fn one_look_serves_as_many_as_it_can_and_wakes_nobody_in_vain() {
    for hand_over in [HandOver::Always, HandOver::After(5)] {
        let shelf = &shelf(2);
        shelf.set_queue(hand_over, u32::MAX);
        let held: Vec<_> = std::iter::from_fn(|| shelf.take(0)).collect();
        std::thread::scope(|scope| {
            let waiters = [0; 3].map(|since| scope.spawn(move || waits_to_be_served(shelf, since)));
            until(|| shelf.waiting() == 3 && shelf.attention() & attention::FENCED != 0);
            held.into_iter().for_each(|right| right.open(Phase::Ready));
            let _ = shelf.opened(None, shelf.attention(), || 10);
            let seen = (shelf.waiting(), shelf.is_waking(), shelf.overtakes());
            shelf.close(|| 10);
            let served = waiters.into_iter().filter_map(|waiter| waiter.join().unwrap()).count();
            assert_eq!((seen, served), ((1, false, 0), 2), "{hand_over:?}");
        });
    }
}

#[test]
fn who_finds_nothing_for_one_that_is_due_has_the_next_return_hand_over() {
    for (hand_over, raised) in [(HandOver::After(5), true), (HandOver::After(50), false), (HandOver::Never, false)] {
        let shelf = shelf(1);
        shelf.set_queue(hand_over, u32::MAX);
        let held = shelf.take(0).expect("the slot is free");
        let told = Barrier::new(2);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let mut woken = 0;
                // The first look is that of one who joins; woken, it looks once before it may raise the flag itself.
                let look = |_| {
                    woken += 1;
                    if woken > 1 {
                        told.wait();
                    }
                    (woken > 1).then_some(())
                };
                assert!(matches!(
                    shelf.wait(&request(0), look, |_| Patience::Forever, reopens(&shelf), || 10),
                    Outcome::Found(())
                ));
            });
            until(|| shelf.waiting() == 1 && shelf.attention() & attention::FENCED != 0);
            let seen = shelf.opened(None, shelf.attention(), || 10);
            told.wait();
            waiter.join().unwrap();
            assert_eq!(seen & attention::STARVING != 0, raised, "{hand_over:?}");
        });
        ended(&shelf, held);
    }
}

/// No flag is up that says so: the one in the queue is due, and older than who waits for this very resource.
#[test]
fn a_return_goes_to_the_queue_if_that_has_waited_longer_than_who_wants_this_resource() {
    for (queued, bound, first) in [(0, 3, "queued"), (3, 0, "bound")] {
        let shelf = shelf(1);
        shelf.set_queue(HandOver::After(5), u32::MAX);
        let held = shelf.take(0).expect("the slot is free");
        let order = std::sync::Mutex::new(Vec::new());
        let gets = |who, outcome: Outcome<'_, Box<u64>, ()>| match outcome {
            Outcome::Granted(right) => {
                order.lock().unwrap().push(who);
                shelf.give_back(right, || 10);
            }
            _ => panic!("{who} waits for as long as it takes"),
        };
        std::thread::scope(|scope| {
            let queue = || shelf.wait(&request(queued), |_| None, |_| Patience::Forever, reopens(&shelf), || 10);
            scope.spawn(move || gets("queued", queue()));
            let one =
                || shelf.wait_bound((0, false), &request(bound), || None, || Patience::Forever, reopens(&shelf), || 10);
            scope.spawn(move || gets("bound", one()));
            until(|| shelf.waiting_in_all() == 2 && shelf.attention() & attention::FENCED != 0);
            shelf.give_back(held, || 10);
        });
        assert_eq!(order.lock().unwrap()[0], first);
        ended(&shelf, shelf.take(0).expect("both gave it back"));
    }
}

/// It may wait for a processor that those occupy who overtake it.
#[test]
fn one_return_in_sixteen_sees_that_a_woken_waiter_has_waited_for_too_long() {
    let shelf = shelf(1);
    shelf.set_queue(HandOver::After(5), u32::MAX);
    let held = shelf.take(0).expect("the slot is free");
    let gives_back = |right: Right<'_, Box<u64>>, now| {
        let slot = right.slot();
        right.open(Phase::Ready);
        shelf.opened(Some(slot), shelf.attention(), || now);
    };
    let goes_on = Barrier::new(2);
    let rounds = std::thread::scope(|scope| {
        scope.spawn(|| {
            let look = stands_still_when_woken(&goes_on);
            match shelf.wait(&request(0), look, |_| Patience::Forever, reopens(&shelf), || 10) {
                Outcome::Granted(right) => ended(&shelf, right),
                Outcome::Refused(_) => {}
                _ => panic!("only a grant can end this wait, and the end of the test"),
            }
        });
        until(|| shelf.waiting() == 1 && shelf.attention() & attention::FENCED != 0);
        gives_back(held, 1);
        goes_on.wait();
        assert!(shelf.is_waking());
        while !hint::every(RETURNS_PER_LOOK) {}
        let overtaking = std::iter::from_fn(|| shelf.take(0).map(|right| gives_back(right, 10)));
        let rounds = overtaking.take(100).count();
        shelf.close(|| 10);
        goes_on.wait();
        rounds
    });
    assert_eq!(rounds, RETURNS_PER_LOOK as usize);
}

#[test]
fn a_woken_waiter_that_finds_nothing_lets_others_be_woken_and_if_it_is_due_be_served() {
    for (bound, raised) in [(5, true), (10, true), (11, false)] {
        let shelf = shelf(1);
        shelf.set_queue(HandOver::After(bound), u32::MAX);
        let held = shelf.take(0).expect("the slot is free");
        let (mut looks, mut seen) = (0, Vec::new());
        let patience = |_| {
            let starving = shelf.attention() & attention::STARVING != 0;
            seen.push((shelf.is_waking(), starving, shelf.overtakes()));
            if seen.len() > 1 {
                return Patience::Over;
            }
            // For whoever sends this wake it is not due.
            let _ = shelf.opened(None, shelf.attention(), || 1);
            Patience::For(std::time::Duration::ZERO)
        };
        let look = |_| {
            looks += 1;
            None::<()>
        };
        assert!(matches!(shelf.wait(&request(0), look, patience, reopens(&shelf), || 10), Outcome::TimedOut { .. }));
        assert_eq!((&seen[..], looks), (&[(false, false, 0), (false, raised, 1)][..], 3), "{bound}");
        ended(&shelf, held);
    }
}

#[test]
fn the_flags_of_a_quiet_shelf_go_down_and_those_that_are_needed_stay() {
    use attention::*;
    let contended = CONTENDED | FENCED;
    let lowered = |asymmetric, raised| {
        let config = ShelfConfig { asymmetric, attention: LISTED | raised, ..config(1, 1) };
        let shelf = Shelf::<Box<u64>>::new(config);
        shelf.set_attention(contended, true);
        shelf.lower(|| 0);
        shelf.attention()
    };
    assert_eq!(lowered(false, STARVING), LISTED | contended | STARVING);
    if Shelf::<Box<u64>>::new(config(1, 1)).attention() == 0 {
        assert_eq!(lowered(true, 0), LISTED);
        assert_eq!(lowered(true, STARVING), LISTED);
        assert_eq!(lowered(true, CLOSED), LISTED | contended | CLOSED);
    }
    // Somebody waits.
    let shelf = shelf(1);
    let held = shelf.take(0).expect("the slot is free");
    let mut seen = None;
    let patience = |_| {
        shelf.lower(|| 0);
        seen = Some((shelf.attention(), shelf.waits_since()));
        Patience::Over
    };
    assert_eq!(shelf.waits_since(), None);
    assert!(matches!(
        shelf.wait(&request(7), |_| None::<()>, patience, reopens(&shelf), || 9),
        Outcome::TimedOut { .. }
    ));
    assert_eq!((seen, shelf.waits_since()), (Some((contended, Some(7))), None));
    ended(&shelf, held);
}

#[test]
fn a_return_for_which_nobody_waits_takes_down_its_own_flag_and_no_other() {
    use attention::*;
    let shelf = shelf(1);
    shelf.set_queue(HandOver::After(5), u32::MAX);
    let raised = shelf.attention() | OVERFLOWING;
    shelf.set_attention(OVERFLOWING | STARVING, true);
    let held = shelf.take(0).expect("the slot is free");
    assert_eq!(shelf.give_back(held, || 0), raised);
    ended(&shelf, shelf.take(0).expect("it was given back"));
}

/// Somebody who waits in the low lane and takes what it finds. Says when it has looked for the first time.
fn takes_what_it_finds(shelf: &Shelf<Box<u64>>, has_looked: &AtomicBool) -> bool {
    let request = Request { lane: 2, ..request(0) };
    let look = |_| {
        let found = shelf.take_anywhere(0);
        has_looked.store(true, SeqCst);
        found
    };
    match shelf.wait(&request, look, |_| Patience::Forever, reopens(shelf), || 0) {
        Outcome::Found(right) => {
            ended(shelf, right);
            true
        }
        _ => false,
    }
}

#[test]
fn who_gives_up_leaves_what_is_free_to_the_next_and_wakes_nobody_in_vain() {
    for opens in [true, false] {
        let shelf = shelf(1);
        let (mut held, has_looked) = (shelf.take(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let next = scope.spawn(|| takes_what_it_finds(&shelf, &has_looked));
            until(|| has_looked.load(SeqCst));
            // A return of which nobody has been told.
            let patience = |_| {
                held.take_if(|_| opens).into_iter().for_each(|right| right.open(Phase::Ready));
                Patience::Over
            };
            let first = Request { lane: 0, ..request(0) };
            assert!(matches!(
                shelf.wait(&first, |_| None::<()>, patience, reopens(&shelf), || 0),
                Outcome::TimedOut { .. }
            ));
            let woken = shelf.is_waking() || shelf.overtakes() > 0 || shelf.waiting() == 0;
            if !opens || !woken {
                shelf.close(|| 0);
            }
            assert_eq!((woken, next.join().unwrap()), (opens, opens));
        });
        held.into_iter().for_each(|right| ended(&shelf, right));
    }
}

#[test]
fn the_wake_of_one_that_is_refused_goes_to_the_next() {
    let shelf = shelf(1);
    let held = shelf.take(0).expect("the slot is free");
    let (goes_on, has_looked) = (Barrier::new(2), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            let look = stands_still_when_woken(&goes_on);
            let first = Request { lane: 0, ..request(0) };
            matches!(shelf.wait(&first, look, |_| Patience::Forever, reopens(&shelf), || 0), Outcome::Refused(_))
        });
        until(|| shelf.waiting() == 1);
        let last = shelf.turns();
        let next = scope.spawn(|| takes_what_it_finds(&shelf, &has_looked));
        until(|| has_looked.load(SeqCst));
        shelf.give_back(held, || 0);
        goes_on.wait();
        shelf.refuse_waiters(last, &Refusal::LookAgain, || 0);
        assert!(next.join().unwrap());
        goes_on.wait();
        assert!(first.join().unwrap());
    });
    assert_eq!((shelf.is_waking(), shelf.occupied()), (false, 0));
}
