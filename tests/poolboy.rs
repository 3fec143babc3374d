//! The twenty promises that poolboy's users rely on, kept by this pool: one test each, in their order.
//!
//! The words differ. A pool with overflow that ends at once is `overflow_ttl` zero; a worker that dies is a resource that
//! is discarded, or found broken at its return; an owner that dies is a thread that panics with a guard; a transaction is
//! `with`; a monitor is an entry in `holders`. Overflow is made on the caller here, as poolboy does.

mod support;

use slackwater::{CheckoutError, Creation, OwnedCheckout, Pool, Strategy};
use std::thread;
use std::time::Duration;
use support::{Probe, closes_balanced, until};

type Guards = Vec<OwnedCheckout<Probe>>;

/// A pool of `size` resources and `overflow` more that end at their return.
fn pool(size: usize, overflow: usize) -> Pool<Probe> {
    pool_with(size, overflow, Strategy::default())
}

fn pool_with(size: usize, overflow: usize, strategy: Strategy) -> Pool<Probe> {
    let builder = Pool::builder(Probe::new()).max_size(size).creation(Creation::Inline).strategy(strategy);
    let builder = if overflow > 0 { builder.max_overflow(overflow).overflow_ttl(Duration::ZERO) } else { builder };
    builder.build().expect("the settings are good and nothing fails")
}

fn take(pool: &Pool<Probe>, count: usize) -> Guards {
    (0..count).map(|_| pool.checkout_owned().expect("there is room")).collect()
}

/// Free, alive, held.
fn shape(pool: &Pool<Probe>) -> (usize, usize, usize) {
    let stats = pool.stats();
    (stats.available, stats.total, pool.holders().len())
}

/// Waits for a shape: the ends and replacements behind it happen on the crew.
#[track_caller]
fn becomes(pool: &Pool<Probe>, free: usize, alive: usize, held: usize) {
    until(|| shape(pool) == (free, alive, held));
    assert!(pool.audit().is_clean(), "{}", pool.audit());
}

/// 1.
#[test]
fn two_checkouts_and_a_return_are_counted() {
    let pool = pool(10, 5);
    assert_eq!(shape(&pool), (10, 10, 0));
    let mut held = take(&pool, 2);
    assert_eq!(shape(&pool), (8, 10, 2));
    held.pop();
    assert_eq!(shape(&pool), (9, 10, 1));
    drop(held);
    closes_balanced(&pool);
}

/// 2.
#[test]
fn overflow_ends_at_its_return_and_the_core_stays() {
    let pool = pool(5, 5);
    let mut held = take(&pool, 7);
    assert_eq!(shape(&pool), (0, 7, 7));
    held.truncate(5);
    becomes(&pool, 0, 5, 5);
    for free in 1..=5 {
        held.pop();
        becomes(&pool, free, 5, 5 - free);
    }
    closes_balanced(&pool);
}

/// A caller that comes when all are out waits until one comes back, and gets it.
fn a_late_caller_waits_and_is_served(size: usize, overflow: usize) {
    let pool = pool(size, overflow);
    let mut held = take(&pool, size + overflow);
    thread::scope(|s| {
        let late = s.spawn(|| pool.checkout().map(|thing| thing.number));
        until(|| pool.stats().waiting == 1);
        assert_eq!(shape(&pool), (0, size + overflow, size + overflow));
        held.pop();
        assert!(late.join().unwrap().is_ok());
    });
    held.clear();
    becomes(&pool, size, size, 0);
    closes_balanced(&pool);
}

/// 3.
#[test]
fn a_caller_beyond_the_overflow_waits_for_a_return() {
    a_late_caller_waits_and_is_served(5, 2);
}

/// 4.
#[test]
fn a_caller_waits_for_a_return_where_there_is_no_overflow() {
    a_late_caller_waits_and_is_served(5, 0);
}

/// 5.
#[test]
fn a_lost_resource_is_replaced_within_the_core_and_not_beyond_it() {
    let pool = pool(5, 2);
    take(&pool, 1).remove(0).discard("it died");
    becomes(&pool, 5, 5, 0);
    let mut held = take(&pool, 7);
    assert_eq!(shape(&pool), (0, 7, 7));
    held.remove(0).discard("it died");
    becomes(&pool, 0, 6, 6);
    held.remove(0).discard("it died");
    held.remove(0).discard("it died");
    becomes(&pool, 1, 5, 4);
    drop(held);
    becomes(&pool, 5, 5, 0);
    closes_balanced(&pool);
}

/// 6.
#[test]
fn a_full_pool_replaces_a_lost_resource_for_a_waiter_and_for_nobody_else() {
    let pool = pool(5, 2);
    let mut held = take(&pool, 7);
    let newest = held.iter().map(|thing| thing.number).max();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout_owned().unwrap());
        until(|| pool.stats().waiting == 1);
        held.remove(0).discard("it died");
        let given = waiter.join().unwrap();
        assert!(Some(given.number) > newest, "a new one was made and handed to the waiter");
        held.push(given);
    });
    becomes(&pool, 0, 7, 7);
    held.remove(0).discard("it died");
    becomes(&pool, 0, 6, 6);
    drop(held);
    becomes(&pool, 5, 5, 0);
    closes_balanced(&pool);
}

/// 7.
#[test]
fn without_overflow_a_lost_resource_is_always_replaced() {
    let pool = pool(5, 0);
    let mut held = take(&pool, 5);
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout_owned().unwrap());
        until(|| pool.stats().waiting == 1);
        held.remove(0).discard("it died");
        held.push(waiter.join().unwrap());
    });
    becomes(&pool, 0, 5, 5);
    for free in 1..=2 {
        held.remove(0).discard("it died");
        becomes(&pool, free, 5, 5 - free);
    }
    drop(held);
    closes_balanced(&pool);
}

fn refused(pool: &Pool<Probe>) -> bool {
    matches!(pool.try_checkout(), Err(CheckoutError::Exhausted(_)))
}

/// 8.
#[test]
fn who_does_not_wait_is_refused_by_a_full_pool_and_then_gets_the_one_that_came_back() {
    let pool = pool(5, 0);
    let mut held = take(&pool, 5);
    assert!(refused(&pool) && refused(&pool));
    let back = held.pop().unwrap();
    let number = back.number;
    drop(back);
    let again = pool.try_checkout().unwrap();
    assert_eq!(again.number, number);
    assert!(refused(&pool));
    drop((again, held));
    closes_balanced(&pool);
}

/// 9.
#[test]
fn who_does_not_wait_gets_new_overflow_because_the_old_ended() {
    let pool = pool(5, 5);
    let mut held = take(&pool, 10);
    assert!(refused(&pool) && refused(&pool));
    let back = held.pop().unwrap();
    let number = back.number;
    drop(back);
    becomes(&pool, 0, 9, 9);
    let again = pool.try_checkout().unwrap();
    assert!(again.number > number, "a new one");
    assert!(refused(&pool));
    drop((again, held));
    becomes(&pool, 5, 5, 0);
    closes_balanced(&pool);
}

/// 10. Ours replaces the dead owner's resource, because nobody knows in what state the panic left it.
#[test]
fn the_place_of_an_owner_that_died_is_filled_again() {
    let pool = pool(5, 5);
    thread::scope(|s| {
        let owner = s.spawn(|| {
            let _held = pool.checkout().unwrap();
            panic!("the owner dies");
        });
        owner.join().unwrap_err();
    });
    becomes(&pool, 5, 5, 0);
    closes_balanced(&pool);
}

/// 11.
#[test]
fn a_panic_in_with_gives_the_place_back() {
    let pool = pool(2, 0);
    thread::scope(|s| {
        s.spawn(|| pool.with(|_| panic!("it fails"))).join().unwrap_err();
    });
    becomes(&pool, 2, 2, 0);
    assert_eq!(pool.with(|thing| thing.text.len()).unwrap(), "thing 1".len());
    becomes(&pool, 2, 2, 0);
    closes_balanced(&pool);
}

/// 12. Poolboy's words ready, overflow and full are a place free, room beyond the core, and neither.
#[test]
fn the_numbers_tell_ready_from_overflow_from_full() {
    for (size, overflow) in [(2, 0), (1, 1), (0, 2)] {
        let pool = pool(size, overflow);
        assert_eq!((pool.stats().available, pool.stats().overflow), (size, 0));
        let mut held = Guards::new();
        for taken in 1..=2_usize {
            held.extend(take(&pool, 1));
            let stats = pool.stats();
            let expected = (size.saturating_sub(taken), taken.saturating_sub(size), taken);
            assert_eq!((stats.available, stats.overflow, stats.in_use), expected, "{size} + {overflow}");
        }
        assert!(refused(&pool));
        held.clear();
        becomes(&pool, size, size, 0);
        closes_balanced(&pool);
    }
}

/// 12, the last case. Poolboy's pool of none is full at birth; ours is refused, because nobody can want it.
#[test]
fn a_pool_of_none_is_refused() {
    let refused = Pool::builder(Probe::new()).max_size(0).build().unwrap_err();
    assert!(refused.to_string().contains("max_size = 0"), "{refused}");
}

/// 13.
#[test]
fn a_waiter_that_was_served_and_gave_back_holds_nothing() {
    let pool = pool(1, 0);
    let held = take(&pool, 1);
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout_owned().unwrap());
        until(|| pool.stats().waiting == 1);
        drop(held);
        let served = waiter.join().unwrap();
        assert_eq!(shape(&pool), (0, 1, 1));
        drop(served);
    });
    assert_eq!(shape(&pool), (1, 1, 0));
    closes_balanced(&pool);
}

/// 14.
#[test]
fn a_waiter_that_gave_up_holds_nothing_and_waits_no_more() {
    let pool = pool(1, 0);
    let held = take(&pool, 1);
    let late = pool.checkout_timeout(Duration::from_micros(200));
    assert!(matches!(late, Err(CheckoutError::Timeout(_))));
    assert_eq!((pool.stats().waiting, shape(&pool)), (0, (0, 1, 1)));
    drop(held);
    assert_eq!(shape(&pool), (1, 1, 0));
    closes_balanced(&pool);
}

/// Takes one of two, gives it back, and takes again.
fn second_is_first(strategy: Strategy) -> bool {
    let pool = pool_with(2, 0, strategy);
    let first = pool.with(|thing| thing.number).unwrap();
    let second = pool.with(|thing| thing.number).unwrap();
    closes_balanced(&pool);
    first == second
}

/// 15. Our default keeps a thread with its resource, which for one thread is the same.
#[test]
fn by_default_the_same_one_comes_back() {
    assert!(second_is_first(Strategy::default()));
}

/// 16.
#[test]
fn last_in_first_out_brings_the_same_one_back() {
    assert!(second_is_first(Strategy::Lifo));
}

/// 17.
#[test]
fn first_in_first_out_brings_the_other_one() {
    assert!(!second_is_first(Strategy::Fifo));
}

/// 18.
#[test]
fn a_waiter_served_with_a_replacement_is_its_one_holder() {
    let pool = pool(1, 0);
    let held = take(&pool, 1).remove(0);
    thread::scope(|s| {
        let waiter = thread::Builder::new().name("heir".to_owned()).spawn_scoped(s, || {
            let served = pool.checkout_owned().unwrap();
            let holders = pool.holders();
            assert_eq!(holders.len(), 1);
            assert_eq!(holders[0].thread_name.as_deref(), Some("heir"));
            drop(served);
        });
        until(|| pool.stats().waiting == 1);
        held.discard("it died");
        waiter.unwrap().join().unwrap();
    });
    becomes(&pool, 1, 1, 0);
    closes_balanced(&pool);
}

/// 19.
#[test]
fn a_wait_of_no_time_leaves_the_resource_where_it_was() {
    let pool = pool(1, 0);
    let held = take(&pool, 1);
    let number = held[0].number;
    assert!(matches!(pool.checkout_timeout(Duration::ZERO).map(drop), Err(CheckoutError::Timeout(_))));
    drop(held);
    assert_eq!(pool.checkout_timeout(Duration::ZERO).unwrap().number, number);
    assert_eq!(shape(&pool), (1, 1, 0));
    closes_balanced(&pool);
}

/// 20.
#[test]
fn a_caller_that_dies_of_its_timeout_leaves_the_resource_where_it_was() {
    let pool = pool(1, 0);
    let held = take(&pool, 1);
    let number = held[0].number;
    thread::scope(|s| {
        let caller = s.spawn(|| drop(pool.checkout_timeout(Duration::ZERO).unwrap()));
        caller.join().unwrap_err();
    });
    drop(held);
    assert_eq!(shape(&pool), (1, 1, 0));
    assert_eq!(pool.with(|thing| thing.number).unwrap(), number);
    closes_balanced(&pool);
}
