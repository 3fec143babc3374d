//! What single parts of the core promise each other. Protocols are the business of `models`.

mod waking;

use super::waiters::{Exit, LANE_HEAD_START, NoPlace, Node, Waiters};
use super::*;
use crate::resilience::shedding::Overload;
use std::sync::Arc;

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

/// For a wait: what was granted to who had found something else is opened again.
pub(super) fn reopens<'s>(shelf: &'s Shelf<Box<u64>>) -> impl Fn(Right<'s, Box<u64>>) {
    |right| _ = shelf.give_back(right, || 0)
}

fn request(since: u64) -> Request {
    Request { lane: 1, since, holder: HOLDER, allowed: None, comes_back: false }
}

#[test]
fn each_reason_for_attention_is_a_bit_of_its_own() {
    use attention::*;
    let all = [CONTENDED, FENCED, STARVING, CLOSED, LISTED, OVERFLOWING, WISHES, MEASURED, NAMED];
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
    let outcome = shelf.wait(&request(0), |_| None::<()>, |_| Patience::Over, reopens(&shelf), || 0);
    assert!(matches!(outcome, Outcome::Refused(_)));
    ended(&shelf, held);
}

#[test]
fn who_has_been_served_meanwhile_is_in_no_circle_and_who_has_left_in_vain_is() {
    let shelf = shelf(1);
    let held = shelf.take(0).expect("the slot is free");
    held.record().handed_to(Stamp::by(HOLDER.thread), HOLDER.site);
    let stuck = |seated| shelf.is_last_of_circle(HOLDER.thread, seated);
    assert_eq!([true, false].map(stuck), [false, true]);
    let stuck = |seated| shelf.is_in_circle(HOLDER.thread, Some(0), seated);
    assert_eq!([true, false].map(stuck), [false, true]);
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
