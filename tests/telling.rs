//! Events of the pool as a whole, each told once: overflow, queue, replacement, failed checks, and the end.

mod support;

use crossbeam_channel::Receiver;
use slackwater::{
    Builder, Checkout, CheckoutError, DestroyReason, Keeper, Pool, PoolEvent, ResourceState, Severity,
    TransitionReason, VirtualClock,
};
use std::time::Duration;
use support::{Act, Probe, TimeRunsOut, closes_balanced, until};

const SEC: Duration = Duration::from_secs(1);

fn still(
    clock: &VirtualClock,
    set: impl FnOnce(Builder<Probe>) -> Builder<Probe>,
) -> (Pool<Probe>, Receiver<PoolEvent>) {
    let mut builder = set(Pool::builder(Probe::new()).clock(clock).keeper(Keeper::Manual));
    let events = builder.subscribe(1_000);
    (builder.build().unwrap(), events)
}

/// What was told since the last time, without the steps of single resources and without errors.
fn told(events: &Receiver<PoolEvent>) -> Vec<PoolEvent> {
    let of_the_pool = |event: &PoolEvent| !matches!(event, PoolEvent::Transition(_) | PoolEvent::Refused(_));
    events.try_iter().filter(of_the_pool).collect()
}

/// Lets time go on until one resource is left, and the keeper has seen it.
fn overflow_ends(pool: &Pool<Probe>, clock: &VirtualClock) {
    until(|| {
        clock.advance(SEC);
        pool.tick();
        pool.stats().total == 1
    });
    pool.tick();
}

#[test]
fn overflow_is_told_when_it_opens_and_when_it_is_over_however_many_there_are() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.max_size(1).max_overflow(3));
    for _ in 0..2 {
        let held: Vec<_> = (0..4).map(|_| pool.checkout().unwrap()).collect();
        assert!(matches!(told(&events)[..], [PoolEvent::OverflowOpened { alive: 2, max_size: 1 }]));
        drop(held);
        overflow_ends(&pool, &clock);
        assert!(matches!(told(&events)[..], [PoolEvent::OverflowClosed]));
    }
    closes_balanced(&pool);
}

#[test]
fn a_pool_made_smaller_has_overflow_until_that_is_gone() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.max_size(3).max_overflow(3));
    let held = [(); 3].map(|()| pool.checkout().unwrap());
    pool.resize(0, 1).unwrap();
    assert_eq!(pool.stats().overflow, 2);
    let begins = told(&events);
    assert!(
        matches!(begins[..], [PoolEvent::OverflowOpened { alive: 3, max_size: 1 }, PoolEvent::Resized { .. }]),
        "{begins:?}"
    );
    drop(held);
    overflow_ends(&pool, &clock);
    assert!(matches!(told(&events)[..], [PoolEvent::OverflowClosed]));
    closes_balanced(&pool);
}

#[test]
fn overflow_ends_with_its_pool_at_the_latest() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.max_size(1).max_overflow(1));
    drop([(); 2].map(|()| pool.checkout().unwrap()));
    closes_balanced(&pool);
    let told = told(&events);
    assert!(matches!(told[..], [.., PoolEvent::OverflowClosed, PoolEvent::Closed]), "{told:?}");
}

#[test]
fn queue_alert_is_from_how_many_on_a_queue_is_told_of_once_until_it_is_empty() {
    let clock = VirtualClock::new();
    let _end = TimeRunsOut(&clock);
    let (pool, events) = still(&clock, |b| b.queue_alert(2));
    let held = pool.checkout().unwrap();
    std::thread::scope(|scope| {
        let waits = || scope.spawn(|| drop(pool.checkout().unwrap()));
        let mut waiters = Vec::new();
        for (waiting, expected) in [(1, 0), (2, 1), (3, 0)] {
            waiters.push(waits());
            until(|| pool.stats().waits == waiting && events.len() >= expected);
            let told = told(&events);
            assert_eq!(told.len(), expected, "{told:?}");
            assert!(told.iter().all(|event| matches!(event, PoolEvent::QueueGrew { waiting: 2, threshold: 2 })));
        }
        drop(held);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    assert!(matches!(told(&events)[..], [PoolEvent::QueueEmptied]));
    closes_balanced(&pool);
}

#[test]
fn who_is_refused_a_place_has_not_been_in_the_queue() {
    let clock = VirtualClock::new();
    let _end = TimeRunsOut(&clock);
    let (pool, events) = still(&clock, |b| b.queue_alert(2).max_waiters(1));
    let held = pool.checkout().unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| drop(pool.checkout().unwrap()));
        until(|| pool.stats().waiting == 1);
        assert!(matches!(pool.checkout(), Err(CheckoutError::Saturated(_))));
        drop(held);
        waiter.join().unwrap();
    });
    assert_eq!((told(&events).len(), pool.stats().waits), (0, 1));
    closes_balanced(&pool);
}

#[test]
fn a_check_that_fails_is_told_with_its_error() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.remove_after(2));
    pool.manager().check.next([Act::Fail, Act::Fail]);
    let mut held = pool.checkout().unwrap();
    let id = held.id();
    held.mark_suspect();
    drop(held);
    pool.tick();
    drop(pool.checkout().unwrap());
    pool.tick();
    let told = told(&events);
    for (in_a_row, event) in (1..).zip(&told) {
        let PoolEvent::CheckFailed { id: its, in_a_row: told, severity, error } = event else { panic!("{event:?}") };
        assert_eq!((*its, *told, *severity), (id, in_a_row, Severity::Transient));
        assert_eq!(error.to_string(), "check was told to fail");
    }
    assert_eq!(told.len(), 2, "{told:?}");
    closes_balanced(&pool);
}

#[test]
fn what_a_checkout_finds_too_old_ends_as_what_it_was_idle() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.max_size(1).max_lifetime(SEC));
    drop(pool.checkout().unwrap());
    clock.advance(10 * SEC);
    // A thread that does not remember it from before.
    std::thread::scope(|scope| scope.spawn(|| drop(pool.checkout().unwrap())).join().unwrap());
    let ends = events.try_iter().filter_map(|event| match event {
        PoolEvent::Transition(step) if step.reason == TransitionReason::Ended(DestroyReason::Expired) => Some(step),
        _ => None,
    });
    let [first, _] = ends.collect::<Vec<_>>()[..] else { panic!("two steps") };
    assert_eq!((first.from, first.after), (ResourceState::Ready, 10 * SEC), "{first}");
    closes_balanced(&pool);
}

#[test]
fn with_record_uses_each_use_is_told_whatever_its_holder_says_at_the_end() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.max_size(1).record_uses(true).degrade_after(2));
    let report = support::Refused { by: "the test", severity: Severity::Transient };
    let ends: [fn(&mut Checkout<'_, Probe>, &support::Refused); 4] =
        [|_, _| {}, |held, _| held.mark_suspect(), |held, report| held.on_error(report), |_, _| {}];
    for end in ends {
        let mut held = pool.checkout().unwrap();
        end(&mut held, &report);
        drop(held);
        pool.tick();
    }
    let uses = events.try_iter().filter_map(|event| match event {
        PoolEvent::Transition(step) if step.reason != TransitionReason::Created => Some(step.reason),
        _ => None,
    });
    let each = [TransitionReason::CheckedOut, TransitionReason::Returned];
    assert_eq!(uses.collect::<Vec<_>>(), [each; 4].concat());
    closes_balanced(&pool);
}

#[test]
fn a_replacement_is_told_with_both_sides() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.max_size(2));
    let before: Vec<_> = pool.resources().iter().map(|resource| resource.id).collect();
    drop(pool.replace_all(1, 0).unwrap());
    until(|| {
        clock.advance(SEC);
        pool.tick();
        pool.resources().iter().all(|resource| !before.contains(&resource.id)) && pool.stats().total == 2
    });
    let mut pairs: Vec<_> = told(&events)
        .into_iter()
        .filter_map(|event| match event {
            PoolEvent::Replaced { old, new } => Some((old, new)),
            _ => None,
        })
        .collect();
    pairs.sort_unstable();
    assert_eq!(pairs.iter().map(|(old, _)| *old).collect::<Vec<_>>(), before);
    let after: Vec<_> = pool.resources().iter().map(|resource| resource.id).collect();
    assert!(pairs.iter().all(|(_, new)| after.contains(new)), "{pairs:?} {after:?}");
    closes_balanced(&pool);
}

#[test]
fn the_end_is_told_when_it_begins_and_once_nothing_is_left_and_nothing_comes_after() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.max_size(2));
    let held = pool.checkout().unwrap();
    pool.close(Duration::ZERO);
    assert!(matches!(told(&events)[..], [PoolEvent::Closing { in_use: 1, waiting: 0 }]));
    pool.close(Duration::ZERO);
    assert!(told(&events).is_empty(), "one is still out");
    drop(held);
    let last: Vec<_> = events.try_iter().collect();
    assert!(matches!(last[..], [.., PoolEvent::Transition(_), PoolEvent::Closed]), "{last:?}");
    closes_balanced(&pool);
    assert!(told(&events).is_empty());
}

#[test]
fn the_last_handle_tells_of_the_end_as_well() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.max_size(2));
    drop(pool);
    let told = told(&events);
    assert!(matches!(told[..], [PoolEvent::Closing { .. }, PoolEvent::Closed]), "{told:?}");
}

#[test]
fn a_resource_whose_guard_was_forgotten_ends_with_its_pool_and_is_told_of() {
    let clock = VirtualClock::new();
    let (pool, events) = still(&clock, |b| b.max_size(1));
    std::mem::forget(pool.checkout().unwrap());
    clock.advance(SEC);
    drop(pool);
    let last: Vec<_> = events.try_iter().collect();
    let [.., PoolEvent::Closing { in_use: 1, .. }, PoolEvent::Transition(end), PoolEvent::Closed] = &last[..] else {
        panic!("{last:?}")
    };
    assert_eq!((end.from, end.to, end.after), (ResourceState::Busy, ResourceState::Terminated, SEC));
    assert_eq!(end.reason, TransitionReason::Ended(DestroyReason::Forgotten));
}
