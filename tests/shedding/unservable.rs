//! Waits that cannot be served in time: refused by an estimate, which must never refuse for ever.

use super::*;
use slackwater::{Creation, ShedReason};
use std::error::Error;

fn estimates(builder: Builder<Probe>) -> Builder<Probe> {
    builder.name("css").refuse_unservable(true)
}

/// A pool whose queue is served every `pace`, with one waiter in it.
fn at_a_pace_of<'s>(
    s: &'s Scope<'s, '_>,
    pool: &'s Pool<Probe>,
    clock: &VirtualClock,
    pace: Duration,
) -> (OwnedCheckout<Probe>, Waiter<'s>) {
    let held = pool.checkout_owned().unwrap();
    let (first, second) = (waits(s, pool), waits(s, pool));
    clock.advance(pace);
    drop(held);
    (first.join().unwrap().unwrap(), second)
}

#[track_caller]
fn unservable(pool: &Pool<Probe>, priority: Priority, patience: Duration) -> (Duration, Duration, usize) {
    let refused = pool.request().priority(priority).timeout(patience).checkout().map(drop);
    match shed(refused.unwrap_err()).reason {
        ShedReason::Unservable { expected, allowed, position } => (expected, allowed, position),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wait_that_just_fits_is_begun_and_one_that_just_does_not_is_refused_at_once() {
    scene(estimates, |s, pool, clock| {
        let (held, second) = at_a_pace_of(s, pool, clock, 10 * MS);
        let refused = unservable(pool, Priority::Normal, 20 * MS - NS);
        assert_eq!(refused, (20 * MS, 20 * MS - NS, 2));
        let third = queues(s, pool, Priority::Normal, 20 * MS);
        let refused = unservable(pool, Priority::Normal, 30 * MS - NS);
        assert_eq!(refused, (30 * MS, 30 * MS - NS, 3));
        assert_eq!((pool.stats().shed.unservable, pool.stats().shed.total(), pool.stats().rejected), (2, 2, 2));
        clock.advance(10 * MS);
        drop(held);
        let held = second.join().unwrap().unwrap();
        clock.advance(10 * MS - NS);
        drop(held);
        drop(third.join().unwrap().expect("it was told it would be served"));
    });
}

#[test]
fn whoever_does_not_wait_at_all_gets_its_timeout_as_ever() {
    scene(estimates, |s, pool, clock| {
        let (held, second) = at_a_pace_of(s, pool, clock, SEC);
        assert!(matches!(pool.checkout_timeout(Duration::ZERO).map(drop), Err(CheckoutError::Timeout(_))));
        assert!(matches!(pool.try_checkout().map(drop), Err(CheckoutError::Exhausted(_))));
        drop(held);
        drop(second.join().unwrap().unwrap());
    });
}

/// However bad the estimate, it takes somebody who waits to mend it.
#[test]
fn an_empty_queue_admits_always() {
    scene(estimates, |s, pool, clock| {
        let (held, second) = at_a_pace_of(s, pool, clock, 100 * SEC);
        assert_eq!(unservable(pool, Priority::Normal, 199 * SEC).2, 2);
        drop(held);
        let held = second.join().unwrap().unwrap();
        let admitted = queues(s, pool, Priority::Normal, MS);
        clock.advance(MS);
        assert!(matches!(admitted.join().unwrap().map(drop), Err(CheckoutError::Timeout(_))));
        drop(held);
    });
}

/// The one that is admitted measures: a pool that is fast again is seen to be after a few of them.
#[test]
fn an_estimate_is_renewed_by_those_who_wait_alone() {
    scene(estimates, |s, pool, clock| {
        let (held, second) = at_a_pace_of(s, pool, clock, 100 * SEC);
        drop(held);
        let mut held = second.join().unwrap().unwrap();
        let mut rounds = 0;
        loop {
            let first = waits(s, pool);
            let second = s.spawn(|| pool.checkout_timeout(100 * MS).map(drop));
            until(|| second.is_finished() || pool.stats().waiting == 2);
            clock.advance(MS);
            drop(held);
            held = first.join().unwrap().unwrap();
            let refused = pool.stats().shed.unservable == rounds + 1;
            if !refused {
                drop(held);
                second.join().unwrap().unwrap();
                break;
            }
            rounds += 1;
            shed(second.join().unwrap().unwrap_err());
        }
        assert!((50..=70).contains(&rounds), "100 s to 50 ms by eighths, with 1 ms each time: {rounds}");
    });
}

#[test]
fn an_estimate_is_forgotten_while_nobody_waits() {
    scene(estimates, |s, pool, clock| {
        for (idle, fits) in [(Duration::ZERO, false), (9 * SEC, false), (10 * SEC, true)] {
            let (held, second) = at_a_pace_of(s, pool, clock, 1_024 * MS);
            drop(held);
            let held = second.join().unwrap().unwrap();
            clock.advance(idle);
            let first = waits(s, pool);
            let second = s.spawn(|| pool.checkout_timeout(2 * MS).map(drop));
            until(|| second.is_finished() || pool.stats().waiting == 2);
            assert_eq!(second.is_finished(), !fits, "{idle:?}");
            drop(held);
            drop(first.join().unwrap().unwrap());
            assert_eq!(second.join().unwrap().is_ok(), fits);
            clock.advance(100 * SEC);
        }
    });
}

/// Nobody was served for a long time, so nobody has measured how slow it has become.
#[test]
fn a_pool_that_stands_still_is_seen_to() {
    scene(estimates, |s, pool, clock| {
        let (held, second) = at_a_pace_of(s, pool, clock, MS);
        clock.advance(8 * SEC + MS);
        let (expected, allowed, position) = unservable(pool, Priority::Normal, SEC);
        assert!(expected > 2 * SEC && expected < 2 * SEC + 10 * MS, "{expected:?}");
        assert_eq!((allowed, position), (SEC, 2));
        drop(held);
        drop(second.join().unwrap().unwrap());
    });
}

/// Who comes with a priority has the place of that priority.
#[test]
fn the_place_is_the_one_in_the_order_of_service() {
    scene(estimates, |s, pool, clock| {
        let (held, normal) = at_a_pace_of(s, pool, clock, 10 * MS);
        let low = [(); 3].map(|()| queues(s, pool, Priority::Low, 1_000 * SEC));
        assert_eq!(unservable(pool, Priority::Low, 50 * MS - NS), (50 * MS, 50 * MS - NS, 5));
        assert_eq!(unservable(pool, Priority::Normal, 20 * MS - NS).2, 2);
        assert_eq!(unservable(pool, Priority::High, 10 * MS - NS).2, 1);
        let high = queues(s, pool, Priority::High, 10 * MS);
        drop(held);
        for waiter in [high, normal].into_iter().chain(low) {
            drop(waiter.join().unwrap().unwrap());
        }
    });
}

/// There are two ways to be served then, and only one was measured.
#[test]
fn nobody_is_refused_while_the_pool_has_room() {
    let has_room = |builder| estimates(builder).max_size(2).min_idle(1).creation(Creation::Background);
    scene(has_room, |s, pool, clock| {
        let (held, second) = at_a_pace_of(s, pool, clock, 100 * SEC);
        let third = queues(s, pool, Priority::Normal, SEC);
        drop(held);
        drop(second.join().unwrap().unwrap());
        drop(third.join().unwrap().unwrap());
        pool.tick();
    });
}

#[test]
fn the_error_says_what_was_expected_and_what_to_do() {
    scene(estimates, |s, pool, clock| {
        let (held, second) = at_a_pace_of(s, pool, clock, 400 * MS);
        let error = pool.checkout_timeout(500 * MS).unwrap_err();
        let says = "pool \"css\": no resource is likely within 500.0ms: as number 2 in the queue this caller would wait \
                    for about 800.0ms; 1 of 1 in use, 1 waiting; ask again later, raise max_size, or hold resources for \
                    less time";
        assert_eq!(error.to_string(), says);
        assert!(error.is_retryable() && error.source().is_none());
        drop(held);
        drop(second.join().unwrap().unwrap());
    });
}
