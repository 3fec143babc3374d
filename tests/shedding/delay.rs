//! The queue's delay: when an overload begins, whom it costs, and when it ends.

use super::*;
use slackwater::ShedReason;
use std::convert::identity;
use std::error::Error;

fn delay(shed: &Shed) -> (Duration, Duration) {
    match shed.reason {
        ShedReason::QueueDelay { waited, target, above_for } if target == 5 * MS => (waited, above_for),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_overload_begins_after_an_interval_and_the_first_in_the_queue_stays() {
    scene(codel, |s, pool, clock| {
        let held = pool.checkout_owned().unwrap();
        let first = waits(s, pool);
        let others = [waits(s, pool), waits(s, pool)];
        clock.advance(100 * MS - NS);
        stay(pool, 3);
        clock.advance(NS);
        for other in others {
            assert_eq!(delay(&shed(other.join().unwrap().unwrap_err())), (100 * MS, 100 * MS));
        }
        clock.advance(10 * SEC);
        stay(pool, 1);
        drop(held);
        drop(first.join().unwrap().unwrap());
        let stats = pool.stats();
        assert_eq!((stats.shed.queue_delay, stats.shed.unservable, stats.shed.total()), (2, 0, 2));
        assert_eq!((stats.rejected, stats.timeouts), (2, 0));
    });
}

#[test]
fn whoever_has_not_waited_for_the_target_yet_has_that_time_left() {
    scene(codel, |s, pool, clock| {
        let held = pool.checkout_owned().unwrap();
        let first = waits(s, pool);
        clock.advance(95 * MS);
        let old = waits(s, pool);
        clock.advance(NS);
        let young = waits(s, pool);
        clock.advance(5 * MS - NS);
        assert_eq!(delay(&shed(old.join().unwrap().unwrap_err())), (5 * MS, 100 * MS));
        stay(pool, 2);
        clock.advance(NS);
        assert_eq!(delay(&shed(young.join().unwrap().unwrap_err())), (5 * MS, 100 * MS + NS));
        drop(held);
        drop(first.join().unwrap().unwrap());
    });
}

#[test]
fn target_and_interval_are_those_that_were_asked_for() {
    let own = |builder: Builder<Probe>| builder.codel(CoDel { target: 20 * MS, interval: 300 * MS });
    scene(own, |s, pool, clock| {
        let held = pool.checkout_owned().unwrap();
        let first = waits(s, pool);
        clock.advance(285 * MS);
        let old = waits(s, pool);
        clock.advance(20 * MS - NS);
        stay(pool, 2);
        clock.advance(NS);
        match shed(old.join().unwrap().unwrap_err()).reason {
            ShedReason::QueueDelay { waited, target, above_for } => {
                assert_eq!([waited, target, above_for], [20 * MS, 20 * MS, 305 * MS]);
            }
            other => panic!("{other:?}"),
        }
        drop(held);
        drop(first.join().unwrap().unwrap());
    });
}

/// Under overload a newcomer is served if its turn comes within the target, so the overload costs no throughput.
#[test]
fn whoever_is_served_under_overload_is_fresh() {
    scene(codel, |s, pool, clock| {
        let (mut held, mut next) = overload(s, pool, clock);
        for _ in 0..20 {
            clock.advance(MS);
            let newcomer = waits(s, pool);
            clock.advance(3 * MS);
            drop(held);
            held = next.join().unwrap().expect("4 ms are less than the target");
            next = newcomer;
        }
        drop(held);
        drop(next.join().unwrap().unwrap());
        assert_eq!(pool.stats().shed.total(), 1);
    });
}

#[test]
fn one_that_leaves_nobody_behind_who_has_waited_for_the_target_begins_the_interval_anew() {
    for (came_before, sheds_at_100) in [(5 * MS - NS, false), (5 * MS, true)] {
        scene(codel, |s, pool, clock| {
            let held = pool.checkout_owned().unwrap();
            let first = waits(s, pool);
            clock.advance(50 * MS - came_before);
            let second = waits(s, pool);
            clock.advance(came_before);
            drop(held);
            let held = first.join().unwrap().unwrap();
            let third = waits(s, pool);
            clock.advance(50 * MS);
            if !sheds_at_100 {
                stay(pool, 2);
                clock.advance(50 * MS);
            }
            let (waited, above_for) = delay(&shed(third.join().unwrap().unwrap_err()));
            assert_eq!((waited, above_for), if sheds_at_100 { (50 * MS, 100 * MS) } else { (100 * MS, 100 * MS) });
            drop(held);
            drop(second.join().unwrap().unwrap());
        });
    }
}

#[test]
fn an_overload_ends_an_interval_after_the_last_one_shed() {
    scene(codel, |s, pool, clock| {
        let (held, first) = overload(s, pool, clock);
        drop(held);
        let held = first.join().unwrap().unwrap();
        // Although nobody waits for a while, whoever waits for the target now is shed.
        clock.advance(94 * MS);
        let (first, second) = (waits(s, pool), waits(s, pool));
        clock.advance(5 * MS);
        assert_eq!(delay(&shed(second.join().unwrap().unwrap_err())), (5 * MS, 199 * MS));
        drop(held);
        let held = first.join().unwrap().unwrap();
        clock.advance(95 * MS);
        let (first, second) = (waits(s, pool), waits(s, pool));
        clock.advance(5 * MS);
        stay(pool, 2);
        clock.advance(94 * MS);
        stay(pool, 2);
        drop(held);
        drop(first.join().unwrap().unwrap());
        drop(second.join().unwrap().unwrap());
        assert_eq!(pool.stats().shed.total(), 2);
    });
}

/// Each wait is ten times the target, and a tenth of all time nobody waits.
#[test]
fn long_holds_without_overload_are_not_shed() {
    scene(codel, |s, pool, clock| {
        for _ in 0..10 {
            let held = pool.checkout_owned().unwrap();
            let (first, second) = (waits(s, pool), waits(s, pool));
            clock.advance(50 * MS);
            drop(held);
            let held = first.join().unwrap().unwrap();
            clock.advance(49 * MS);
            drop(held);
            drop(second.join().unwrap().unwrap());
            clock.advance(10 * MS);
        }
        assert_eq!(pool.stats().shed.total(), 0);
    });
}

/// The high one is next from its coming on, so it is the low one that the overload costs.
#[test]
fn priorities_decide_who_is_first() {
    scene(codel, |s, pool, clock| {
        let held = pool.checkout_owned().unwrap();
        let low = queues(s, pool, Priority::Low, SEC);
        clock.advance(50 * MS);
        let high = queues(s, pool, Priority::High, SEC);
        clock.advance(50 * MS);
        assert_eq!(delay(&shed(low.join().unwrap().unwrap_err())), (100 * MS, 100 * MS));
        stay(pool, 1);
        drop(held);
        drop(high.join().unwrap().unwrap());
    });
}

/// High ones are served fast all the time: that is no sign that the others' queue does not stand.
#[test]
fn those_who_overtake_do_not_hide_an_overload() {
    scene(codel, |s, pool, clock| {
        let mut held = pool.checkout_owned().unwrap();
        let low = [(); 2].map(|()| queues(s, pool, Priority::Low, SEC));
        for _ in 0..34 {
            let high = queues(s, pool, Priority::High, SEC);
            clock.advance(3 * MS);
            drop(held);
            held = high.join().unwrap().unwrap();
        }
        stay(pool, 2);
        let high = queues(s, pool, Priority::High, SEC);
        clock.advance(MS);
        for low in low {
            // The first high one left them behind with 3 ms.
            assert_eq!(delay(&shed(low.join().unwrap().unwrap_err())), (103 * MS, 100 * MS));
        }
        drop(held);
        drop(high.join().unwrap().unwrap());
    });
}

#[test]
fn a_deadline_that_comes_first_is_a_timeout() {
    scene(codel, |s, pool, clock| {
        let held = pool.checkout_owned().unwrap();
        let first = waits(s, pool);
        let second = queues(s, pool, Priority::Normal, 100 * MS);
        let third = queues(s, pool, Priority::Normal, 99 * MS);
        clock.advance(99 * MS);
        assert!(matches!(third.join().unwrap().map(drop), Err(CheckoutError::Timeout(_))));
        clock.advance(MS);
        assert!(matches!(second.join().unwrap().map(drop), Err(CheckoutError::Timeout(_))));
        drop(held);
        drop(first.join().unwrap().unwrap());
    });
}

/// Without the setting the same queue stands for as long as its patience lasts.
#[test]
fn nobody_is_shed_by_default() {
    scene(identity, |s, pool, clock| {
        let held = pool.checkout_owned().unwrap();
        let waiters = [(); 3].map(|()| waits(s, pool));
        clock.advance(999 * SEC);
        stay(pool, 3);
        drop(held);
        waiters.into_iter().for_each(|waiter| drop(waiter.join().unwrap().unwrap()));
    });
}

#[test]
fn the_error_says_what_was_too_long_and_what_to_do() {
    scene(codel, |s, pool, clock| {
        let held = pool.checkout_owned().unwrap();
        let _first = waits(s, pool);
        clock.advance(80 * MS);
        let second = waits(s, pool);
        clock.advance(20 * MS);
        let error = second.join().unwrap().unwrap_err();
        let says = "pool \"css\": overloaded, so nobody waits for longer than 5.0ms: waits were longer than that for \
                    100.0ms, this one was 20.0ms; 1 of 1 in use, 1 waiting; ask again later, raise max_size, or hold \
                    resources for less time";
        assert_eq!(error.to_string(), says);
        assert!(error.is_retryable() && error.source().is_none());
        let shed = shed(error);
        assert_eq!((shed.pool.as_deref(), shed.waiting, shed.in_use, shed.capacity), (Some("css"), 1, 1, 1));
        drop(held);
    });
}
