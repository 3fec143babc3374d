//! What is a mode's own: turns, shares, switches.

use super::support::{Probe, WATCHDOG, closes_balanced, until};
use slackwater::{CheckoutError, DestroyReason, Keeper, Mode, Pool, PoolEvent, Spent, VirtualClock};
use std::error::Error;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;

fn still(probe: &Probe, mode: Mode, max_size: usize) -> Pool<Probe> {
    let builder = Pool::builder(probe.clone()).mode(mode).max_size(max_size);
    builder.keeper(Keeper::Manual).clock(&VirtualClock::new()).build().unwrap()
}

#[test]
fn borrowers_of_a_single_one_take_turns_in_the_order_they_came() {
    let pool = Pool::single(Probe::new()).build().unwrap();
    let (order, held) = (Mutex::new(Vec::new()), pool.checkout().unwrap());
    thread::scope(|scope| {
        for number in 0..4 {
            let (pool, order) = (&pool, &order);
            scope.spawn(move || {
                let held = pool.checkout_timeout(WATCHDOG).unwrap();
                order.lock().unwrap().push(number);
                drop(held);
            });
            until(|| pool.stats().waiting == number + 1);
        }
        // Who comes now, though its thread runs, comes after them.
        drop(held);
        drop(pool.checkout_timeout(WATCHDOG).unwrap());
        assert_eq!(order.lock().unwrap().len(), 4);
    });
    assert_eq!(order.into_inner().unwrap(), [0, 1, 2, 3]);
    assert_eq!(pool.stats().created, 1);
    closes_balanced(&pool);
}

#[test]
fn what_an_unpooled_one_lends_is_made_and_ended_on_its_borrowers_thread() {
    let probe = Probe::new();
    let pool = Pool::unpooled(probe.clone()).max_size(2).build().unwrap();
    assert_eq!(probe.create.calls(), 0, "nothing is made before it is asked for");
    for used in 1..=10 {
        assert_eq!(pool.checkout().unwrap().number, used);
        assert_eq!(probe.ended().len(), used);
    }
    let me = thread::current().id();
    assert!(probe.create.threads().iter().chain(&probe.destroy.threads()).all(|thread| *thread == me));
    closes_balanced(&pool);
}

#[test]
fn of_a_hundred_uses_of_a_place_exactly_the_share_is_kept() {
    for pooled in [0, 1, 30, 50, 99, 100] {
        let pool = still(&Probe::new(), Mode::Mixed { pooled }, 1);
        for hundreds in 1..=3 {
            (0..100).for_each(|_| drop(pool.checkout().unwrap()));
            let ended = pool.stats().destroyed.by(DestroyReason::Unpooled);
            assert_eq!(ended, hundreds * (100 - u64::from(pooled)), "{pooled}");
        }
        closes_balanced(&pool);
    }
}

#[test]
fn the_share_is_right_from_the_first_uses_of_many_places_on() {
    let pool = still(&Probe::new(), Mode::Mixed { pooled: 50 }, 100);
    let held: Vec<_> = (0..100).map(|_| pool.checkout().unwrap()).collect();
    drop(held);
    let ended = pool.stats().destroyed.by(DestroyReason::Unpooled);
    assert!((40..=60).contains(&ended), "{ended} of 100");
    closes_balanced(&pool);
}

#[test]
fn a_roll_out_goes_from_none_to_all_without_a_failure() {
    let probe = Probe::new();
    let pool = still(&probe, Mode::Unpooled, 2);
    let mut made = 0;
    for (percent, more) in [(0, 100), (10, 90), (50, 50), (100, 1)] {
        pool.set_mode(Mode::Mixed { pooled: percent }).unwrap();
        (0..100).for_each(|_| drop(pool.checkout().unwrap()));
        let now = pool.stats().created - made;
        // One may be left of the share before.
        assert!(now.abs_diff(more) <= 2, "{now} made at {percent} %");
        made += now;
    }
    closes_balanced(&pool);
}

#[test]
fn from_the_switch_on_nothing_is_kept_and_back_again_all_is() {
    let probe = Probe::new();
    let pool = still(&probe, Mode::Pooled, 3);
    let events = pool.subscribe(1_000);
    let held = pool.checkout().unwrap();
    let changes = pool.set_mode(Mode::Unpooled).unwrap();
    assert_eq!(changes.to_string(), "mode Pooled -> Unpooled");
    assert_eq!(
        (pool.stats().total, pool.stats().destroyed.by(DestroyReason::Unpooled)),
        (1, 2),
        "those that were free"
    );
    drop(held);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Unpooled), 3);
    (0..5).for_each(|_| pool.tick());
    assert_eq!(pool.stats().total, 0, "nothing is kept ready");
    pool.set_mode(Mode::Pooled).unwrap();
    (0..5).for_each(|_| pool.tick());
    assert_eq!((pool.stats().available, pool.stats().created), (3, 6));
    let told = events.try_iter().filter(|event| matches!(event, PoolEvent::Reconfigured { .. })).count();
    assert_eq!(told, 2);
    closes_balanced(&pool);
}

#[test]
fn the_sizes_that_were_set_are_back_after_a_time_of_one() {
    let pool = still(&Probe::new(), Mode::Pooled, 3);
    pool.set_mode(Mode::Single).unwrap();
    assert_eq!((pool.stats().max_size, pool.stats().total, pool.config().max_size), (1, 1, 3));
    // Said meanwhile, it counts afterwards.
    pool.resize(1, 2).unwrap();
    assert_eq!(pool.stats().max_size, 1);
    pool.set_mode(Mode::Pooled).unwrap();
    assert_eq!((pool.stats().max_size, pool.config().max_size), (2, 2));
    closes_balanced(&pool);
}

/// Promise: a share of all does not cost the share of none a thing. Provoked: the threads of the fast path, while others switch.
#[test]
fn a_return_beside_the_switch_leaves_nothing_for_long() {
    let pool = Pool::builder(Probe::new()).max_size(2).min_idle(0).build().unwrap();
    let (stop, stopped) = channel::<()>();
    thread::scope(|scope| {
        let pool = &pool;
        scope.spawn(move || {
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                drop(pool.checkout_timeout(WATCHDOG).unwrap());
            }
        });
        for _ in 0..50 {
            pool.set_mode(Mode::Unpooled).unwrap();
            pool.set_mode(Mode::Pooled).unwrap();
        }
        pool.set_mode(Mode::Unpooled).unwrap();
        drop(stop);
    });
    pool.tick();
    until(|| pool.stats().total == 0);
    closes_balanced(&pool);
}

#[test]
fn the_only_resource_is_lent_until_it_is_gone() {
    let pool = Pool::only(vec![1]).build().unwrap();
    pool.checkout().unwrap().push(2);
    assert_eq!(pool.checkout().unwrap().detach(), [1, 2]);
    // Not try_checkout: where creating has not measured cheap, that does not wait for it.
    let refused = pool.checkout().unwrap_err();
    assert!(matches!(refused, CheckoutError::Create(_)), "{refused}");
    let cause = refused.source().and_then(|cause| cause.downcast_ref::<Spent>());
    assert_eq!(cause, Some(&Spent), "{refused}");
    closes_balanced(&pool);
}

#[cfg(feature = "workers")]
#[test]
fn workers_have_no_mode_but_their_own() {
    let workers = slackwater::Workers::builder(|| Ok::<_, String>(0)).build().unwrap();
    let refused = workers.pool().set_mode(Mode::Unpooled).unwrap_err();
    assert!(refused.to_string().contains("mode = Unpooled is refused"), "{refused}");
    let refused = workers.pool().reconfigure(|config| config.checkout_timeout *= 2).unwrap_err();
    assert!(refused.to_string().contains("the workers are built on it"), "{refused}");
    // What a file says that knows nothing of workers.
    let clock = workers.pool().config().clock.clone();
    let changes = workers.pool().reconfigure(|config| {
        *config = slackwater::PoolConfig::default();
        (config.max_waiters, config.clock) = (Some(9), clock.clone());
    });
    assert_eq!(changes.unwrap().to_string(), "max_waiters unset -> 9");
    let refused = slackwater::Workers::builder(|| Ok::<_, String>(0)).pool(|pool| pool.mode(Mode::Single)).build();
    assert!(refused.err().unwrap().to_string().contains("mode = Single is refused"));
    assert!(workers.close(WATCHDOG).is_complete());
}
