//! What single parts of the core promise each other. Protocols are the business of `models`.

use super::shelf::RETURNS_PER_LOOK;
use super::waiters::{Exit, LANE_HEAD_START, NoPlace, Node, Waiters};
use super::*;
use crate::error::Refusal;
use crate::resilience::shedding::Overload;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

const HOLDER: Taker = Taker { thread: 1, site: std::panic::Location::caller() };

fn config(slots: u32, open: u32) -> ShelfConfig {
    ShelfConfig {
        slots,
        open,
        available: Available::Affine,
        fairness: HandOver::Never,
        max_waiters: u32::MAX,
        attention: 0,
        asymmetric: true,
        overload: Default::default(),
    }
}

/// A shelf with nothing in it.
fn empty(slots: u32, open: u32) -> Shelf<Box<u64>> {
    Shelf::new(config(slots, open))
}

fn shelf(slots: u32) -> Shelf<Box<u64>> {
    let shelf = empty(slots, slots);
    while let Some(right) = shelf.reserve() {
        made(&shelf, right);
    }
    shelf
}

fn made(shelf: &Shelf<Box<u64>>, mut right: Right<'_, Box<u64>>) {
    right.put(Box::new(0), 0);
    shelf.give_back(right, || 0);
}

fn ended(shelf: &Shelf<Box<u64>>, right: Right<'_, Box<u64>>) {
    let mut right = right.change(Phase::Retiring);
    drop(right.take());
    shelf.vacate(right, || 0);
}

fn request(since: u64) -> Request {
    Request { lane: 1, since, holder: HOLDER, allowed: None, comes_back: false }
}

#[test]
fn each_reason_for_attention_is_a_bit_of_its_own() {
    use attention::*;
    let all = [CONTENDED, FENCED, STARVING, CLOSED, LISTED, OVERFLOWING, WISHES, MEASURED];
    assert!(all.iter().all(|flag| flag.count_ones() == 1));
    assert_eq!(all.iter().fold(0, |together, flag| together | flag).count_ones() as usize, all.len());
}

#[test]
fn no_two_shelves_share_a_number_and_none_has_that_of_no_pool() {
    let numbers = [shelf(1).number(), shelf(1).number(), shelf(1).number()];
    assert!(numbers.iter().all(|number| *number > 0));
    assert!(numbers[0] < numbers[1] && numbers[1] < numbers[2]);
}

#[test]
fn a_shelf_with_plain_fences_has_its_returns_look_for_waiters_from_the_start() {
    let raised = |asymmetric| {
        let config = ShelfConfig { asymmetric, attention: attention::LISTED, ..config(1, 1) };
        Shelf::<Box<u64>>::new(config).attention()
    };
    assert_eq!(raised(false), attention::LISTED | attention::CONTENDED | attention::FENCED);
    assert!([raised(false), attention::LISTED].contains(&raised(true)), "the system has no heavy fence, or it has");
}

#[test]
fn a_bound_of_fairness_is_never_taken_for_always_or_never() {
    let shelf = empty(1, 1);
    let kept = |hand_over| {
        shelf.set_queue(hand_over, 1);
        shelf.hand_over()
    };
    use HandOver::{After, Always, Never};
    assert_eq!([Always, Never, After(1), After(500)].map(kept), [Always, Never, After(1), After(500)]);
    assert_eq!([After(0), After(u64::MAX)].map(kept), [After(1), After(u64::MAX - 1)]);
}

#[test]
fn what_is_made_has_its_own_time_and_not_that_of_the_life_before() {
    let shelf = empty(1, 1);
    let mut right = shelf.reserve().unwrap();
    right.record().handed_to(Stamp::by(5).at(3), HOLDER.site);
    right.put(Box::new(0), 77);
    assert_eq!(right.record().stamp(), Stamp::by(0).at(77));
    ended(&shelf, right);
}

#[test]
fn of_two_hints_the_one_that_was_asked_for_is_looked_at_first() {
    let hint = |pool| Hint { pool, slot: std::ptr::null(), stamp: Stamp::by(1), ready: Word::VACANT };
    [hint(1), hint(2)].into_iter().for_each(hint::remember);
    assert_eq!((hint::last().pool, hint::of(1).pool, hint::of(2).pool), (2, 1, 2));
    hint(1).becomes_last();
    assert_eq!((hint::last().pool, hint::of(2).pool), (1, 2));
}

#[test]
fn a_look_nearby_ends_after_eight_slots() {
    let shelf = shelf(20);
    let held: Vec<_> = std::iter::from_fn(|| shelf.take(0)).collect();
    let (left, held): (Vec<_>, Vec<_>) = held.into_iter().partition(|right| shelf.index_of(right.slot()) == Some(15));
    for right in left {
        shelf.give_back(right, || 0);
    }
    // 2 to 9 and 7 to 14 do not reach it; 8 to 15 do, and so does a start beyond the end never.
    assert!([0, 2, 7, 16, 99].into_iter().all(|start| shelf.take_nearby(start).is_none()));
    let found = shelf.take_nearby(8).expect("15 is free");
    assert_eq!(shelf.index_of(found.slot()), Some(15));
    held.into_iter().chain([found]).for_each(|right| ended(&shelf, right));
    assert_eq!(shelf.occupied(), 0);
}

#[test]
fn nobody_waits_in_a_closed_shelf() {
    let shelf = shelf(1);
    let held = shelf.take(0).expect("the slot is free");
    shelf.close(|| 0);
    let outcome = shelf.wait(&request(0), |_| None::<()>, |_| Patience::Over, || 0);
    assert!(matches!(outcome, Outcome::Refused(_)));
    ended(&shelf, held);
}

/// The queue of those who came at `(lane, since)`, in this order.
fn queue(waits: &[(usize, u64)]) -> (Waiters, Vec<Arc<Node>>) {
    let waiters = Waiters::new(Default::default());
    let nodes: Vec<_> = waits.iter().map(|_| Node::mine()).collect();
    for (node, (lane, since)) in nodes.iter().zip(waits) {
        assert!(waiters.join(node, (*lane, *since, HOLDER), (u32::MAX, None), || 0).is_ok());
    }
    (waiters, nodes)
}

/// Who is served when, as places in the order of coming; checks the places they are told meanwhile.
fn served(waits: &[(usize, u64)]) -> Vec<usize> {
    let (waiters, nodes) = queue(waits);
    let mut list = waiters.lock();
    let mut order = Vec::new();
    while let Some(first) = list.first() {
        assert_eq!(list.position(first), 1);
        order.extend(nodes.iter().position(|node| std::ptr::eq(&**node, first)));
        assert!(list.unlink(first));
    }
    order
}

#[test]
fn a_lane_serves_the_oldest_first_and_of_the_same_age_the_one_that_came_first() {
    assert_eq!(served(&[(1, 5), (1, 5), (1, 3), (1, 9), (1, 5)]), [2, 0, 1, 4, 3]);
}

#[test]
fn a_lane_is_a_head_start_and_no_more() {
    // Of the same rank the higher lane is first.
    assert_eq!(served(&[(1, 0), (0, LANE_HEAD_START)]), [1, 0]);
    let late = LANE_HEAD_START / 2;
    assert_eq!(served(&[(2, 0), (1, late), (0, LANE_HEAD_START)]), [2, 1, 0]);
    let (waiters, nodes) = queue(&[(2, 0), (1, late), (1, LANE_HEAD_START + late)]);
    let mut list = waiters.lock();
    assert_eq!(nodes.iter().map(|node| list.position(node)).collect::<Vec<_>>(), [2, 1, 3]);
    nodes.iter().for_each(|node| assert!(list.unlink(node)));
}

#[test]
fn who_leaves_served_tells_how_fast_the_queue_is_and_who_gives_up_does_not() {
    for (exit, is_known) in [(Exit::Served, true), (Exit::TimedOut, false), (Exit::Failed, false)] {
        let waiters = Waiters::new(Overload::of(None, true));
        let [first, second, third] = [(); 3].map(|()| Node::mine());
        for node in [&first, &second] {
            assert!(waiters.join(node, (1, 0, HOLDER), (u32::MAX, None), || 0).is_ok());
        }
        assert!(waiters.leave(&first, exit, || 1_000).is_some());
        // One is served in 1,000 now, if anybody knows: in 999 nobody is.
        let joined = waiters.join(&third, (1, 1_000, HOLDER), (u32::MAX, Some(999)), || 1_000);
        let told = joined.is_err_and(|why| matches!(why, NoPlace::Unservable { before: 1, each: 1_000, .. }));
        assert_eq!(told, is_known);
        [&second, &third].into_iter().for_each(|node| _ = waiters.leave(node, Exit::Failed, || 1_000));
    }
}

/// With what a lane's order does to who joins: back in front of younger ones after a wait before, or with the lane's head start.
#[test]
fn who_is_told_its_place_before_it_joins_gets_that_place() {
    let mut random = 7_u64;
    for _ in 0..200 {
        let waiters = Waiters::new(Default::default());
        let mut nodes = Vec::new();
        for _ in 0..12 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (lane, since) = ((random >> 33) as usize % 3, (random >> 40) % 7 * LANE_HEAD_START / 2);
            let before = waiters.lock().before(lane, since, u32::MAX);
            assert!(waiters.lock().before(lane, since, 2) >= before.min(2));
            let node = Node::mine();
            assert!(waiters.join(&node, (lane, since, HOLDER), (u32::MAX, None), || 0).is_ok());
            assert_eq!(waiters.lock().position(&node), before + 1);
            nodes.push(node);
        }
        nodes.iter().for_each(|node| assert!(waiters.lock().unlink(node)));
    }
}

#[test]
fn one_return_in_so_many_looks_past_a_wake() {
    let looks = (0..64).filter(|_| hint::every(16)).count();
    assert_eq!(looks, 4);
}

#[test]
fn a_thread_has_a_name_until_it_ends() {
    let number = std::thread::Builder::new().name("ends soon".into()).spawn(|| {
        let number = thread_number();
        assert_eq!(thread_name(number).as_deref(), Some("ends soon"));
        number
    });
    let number = number.unwrap().join().unwrap();
    assert_eq!(thread_name(number), None);
}

/// Slots that are open, that are to be, that are SHUT, and whether one more may be made.
fn capacity(shelf: &Shelf<Box<u64>>) -> (u32, u32, usize, bool) {
    let shut = shelf.slots().filter(|(_, slot)| slot.look().phase() == Phase::Shut).count();
    (shelf.open_slots(), shelf.target(), shut, shelf.has_room())
}

#[test]
fn there_is_room_for_as_many_as_are_open() {
    let shelf = empty(5, 3);
    for _ in 0..3 {
        assert_eq!(capacity(&shelf), (3, 3, 2, true));
        made(&shelf, shelf.reserve().expect("there is room"));
    }
    assert_eq!(capacity(&shelf), (3, 3, 2, false));
    assert!(shelf.reserve().is_none());
}

#[test]
fn a_pool_that_shrinks_shuts_what_is_vacant_at_once_and_the_rest_as_it_ends() {
    let shelf = shelf(5);
    ended(&shelf, shelf.take(0).expect("all are free"));
    shelf.set_target(2, || 0);
    assert_eq!(capacity(&shelf), (4, 2, 1, false));
    for (open, shut, room) in [(3, 2, false), (2, 3, false), (2, 3, true), (2, 3, true)] {
        ended(&shelf, shelf.take(0).expect("some are free"));
        assert_eq!(capacity(&shelf), (open, 2, shut, room));
    }
    let vacant = shelf.slots().filter(|(_, slot)| slot.look().phase() == Phase::Vacant).map(|(index, _)| index);
    assert_eq!(vacant.collect::<Vec<_>>(), [3, 4], "the first three were too many, the last two never shut");
    shelf.set_target(4, || 0);
    assert_eq!((capacity(&shelf), shelf.occupied()), ((4, 4, 1, true), 0));
    // Beyond what there are places for.
    shelf.set_target(9, || 0);
    assert_eq!(capacity(&shelf), (5, 9, 0, true));
}

#[test]
fn an_extra_place_is_open_until_something_ends() {
    let shelf = empty(2, 1);
    made(&shelf, shelf.reserve().expect("there is room"));
    made(&shelf, shelf.reserve_extra().expect("one place is shut"));
    assert_eq!((capacity(&shelf), shelf.occupied()), ((2, 1, 0, false), 2));
    assert!(shelf.reserve_extra().is_none());
    ended(&shelf, shelf.take(0).expect("both are free"));
    assert_eq!((capacity(&shelf), shelf.occupied()), ((1, 1, 1, false), 1));
}

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
        assert!(matches!(shelf.wait(&request(0), |_| None::<()>, patience, || 0), Outcome::TimedOut { .. }));
        assert_eq!((woken, shelf.is_waking()), (Some(they_create), false));
    }
}

/// Waits for what is handed over, looks past all that is free, and keeps what it gets. None if it is refused.
fn waits_to_be_served(shelf: &Shelf<Box<u64>>, since: u64) -> Option<u32> {
    match shelf.wait(&request(since), |_| None::<()>, |_| Patience::Forever, || since) {
        Outcome::Granted(right) => shelf.index_of(right.pass_on().0),
        _ => None,
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
        let told = std::sync::Barrier::new(2);
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
                assert!(matches!(shelf.wait(&request(0), look, |_| Patience::Forever, || 10), Outcome::Found(())));
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
            let queue = || shelf.wait(&request(queued), |_| None, |_| Patience::Forever, || 10);
            scope.spawn(move || gets("queued", queue()));
            let one = || shelf.wait_bound((0, false), &request(bound), || None, || Patience::Forever, || 10);
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
    let goes_on = std::sync::Barrier::new(2);
    let rounds = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut looks = 0;
            let look = |_| {
                looks += 1;
                if looks == 2 {
                    (0..2).for_each(|_| _ = goes_on.wait());
                }
                None::<()>
            };
            match shelf.wait(&request(0), look, |_| Patience::Forever, || 10) {
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
        assert!(matches!(shelf.wait(&request(0), look, patience, || 10), Outcome::TimedOut { .. }));
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
    assert!(matches!(shelf.wait(&request(7), |_| None::<()>, patience, || 9), Outcome::TimedOut { .. }));
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
    match shelf.wait(&request, look, |_| Patience::Forever, || 0) {
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
            assert!(matches!(shelf.wait(&first, |_| None::<()>, patience, || 0), Outcome::TimedOut { .. }));
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
    let (goes_on, has_looked) = (std::sync::Barrier::new(2), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            let mut looks = 0;
            let look = |_| {
                looks += 1;
                if looks == 2 {
                    (0..2).for_each(|_| _ = goes_on.wait());
                }
                None::<()>
            };
            let first = Request { lane: 0, ..request(0) };
            matches!(shelf.wait(&first, look, |_| Patience::Forever, || 0), Outcome::Refused(_))
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
