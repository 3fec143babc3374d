//! States, transitions, events.

use super::support::{Act, closes_balanced};
use super::{MIN, SEC, pass, still};
use slackwater::ResourceState::*;
use slackwater::{DestroyReason, PoolEvent, ResourceState, Transition, TransitionReason};
use std::time::Duration;

fn steps(transitions: &[Transition]) -> Vec<(ResourceState, ResourceState, TransitionReason)> {
    transitions.iter().map(|step| (step.from, step.to, step.reason)).collect()
}

#[test]
fn a_life_is_a_chain_of_transitions_with_reasons() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(2).min_idle(1).check_interval(10 * SEC).build().unwrap();
    let held = pool.checkout().unwrap();
    let _second = pool.checkout().unwrap();
    let id = held.id();
    drop(held);
    probe.check.next([Act::Fail, Act::Pass]);
    pass(&pool, &clock, MIN, SEC / 2);
    let mut held = pool.checkout().unwrap();
    assert_eq!(held.id(), id);
    held.mark_suspect();
    drop(held);
    pool.tick();
    pass(&pool, &clock, 5 * SEC, SEC);
    pool.checkout().unwrap().discard("enough");
    let life: Vec<_> = pool.transitions().into_iter().filter(|step| step.id == id).collect();
    let ended = TransitionReason::Ended(DestroyReason::Discarded);
    assert_eq!(
        steps(&life),
        [
            (Initializing, Ready, TransitionReason::Created),
            (Ready, Degraded, TransitionReason::Failed),
            (Degraded, Ready, TransitionReason::Healed),
            (Busy, Terminating, ended),
            (Terminating, Terminated, ended),
        ]
    );
    drop(_second);
    closes_balanced(&pool);
}

#[test]
fn with_uses_recorded_every_step_is_an_event_and_times_add_up_to_the_life() {
    let (_, clock, builder) = still();
    let mut builder = builder.record_uses(true);
    let events = builder.subscribe(1_000);
    let pool = builder.build().unwrap();
    let began = clock.elapsed();
    for round in 1..=10_u32 {
        let held = pool.checkout().unwrap();
        clock.advance(SEC * round);
        drop(held);
        clock.advance(3 * SEC);
    }
    pool.checkout().unwrap().discard("enough");
    let lived = clock.elapsed() - began;
    let steps: Vec<Transition> = events
        .try_iter()
        .filter_map(|event| match event {
            PoolEvent::Transition(step) if step.id.generation() == 0 => Some(step),
            _ => None,
        })
        .collect();
    assert_eq!(steps.iter().filter(|step| step.reason == TransitionReason::CheckedOut).count(), 11);
    assert_eq!(steps.iter().filter(|step| step.reason == TransitionReason::Returned).count(), 10);
    assert_eq!(steps.iter().map(|step| step.after).sum::<Duration>(), lived);
    let chained = steps.windows(2).all(|pair| pair[0].to == pair[1].from);
    assert!(chained, "{steps:#?}");
    assert_eq!(pool.transitions().len(), steps.len());
    closes_balanced(&pool);
}

#[test]
fn a_subscriber_given_to_the_builder_sees_the_first_creation() {
    let (_, _, mut builder) = still();
    let events = builder.subscribe(8);
    let pool = builder.build().unwrap();
    let Ok(PoolEvent::Transition(first)) = events.try_recv() else { panic!("the first resource was created") };
    assert_eq!((first.from, first.to, first.reason), (Initializing, Ready, TransitionReason::Created));
    closes_balanced(&pool);
}

#[test]
fn a_creation_that_fails_is_a_transition_too() {
    let (probe, _, builder) = still();
    let pool = builder.min_idle(0).build().unwrap();
    probe.create.next([Act::FailForGood]);
    assert!(pool.checkout().is_err());
    assert_eq!(steps(&pool.transitions()), [(Initializing, Terminated, TransitionReason::CreateFailed)]);
    closes_balanced(&pool);
}

#[test]
fn a_slow_subscriber_loses_events_and_delays_nobody() {
    let (_, _, builder) = still();
    let pool = builder.min_idle(0).build().unwrap();
    let (slow, gone) = (pool.subscribe(3), pool.subscribe(3));
    drop(gone);
    for _ in 0..10 {
        pool.checkout().unwrap().discard("one more");
    }
    assert_eq!(slow.len(), 3);
    // Created, terminating, terminated: thirty events, of which three fitted.
    assert_eq!(pool.stats().lost_events, 27);
    closes_balanced(&pool);
}

#[test]
fn resizes_and_long_holds_are_events() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(2).max_hold(MIN).build().unwrap();
    let events = pool.subscribe(100);
    pool.resize(0, 1).unwrap();
    let held = pool.checkout().unwrap();
    pass(&pool, &clock, 2 * MIN, SEC);
    let id = held.id();
    drop(held);
    pool.tick();
    let events: Vec<_> = events.try_iter().collect();
    let some = |what: &dyn Fn(&PoolEvent) -> bool| events.iter().filter(|event| what(event)).count();
    assert_eq!(some(&|event| matches!(event, PoolEvent::Resized { from: 2, to: 1 })), 1);
    assert_eq!(some(&|event| matches!(event, PoolEvent::LeakSuspected(holder) if holder.id == id)), 1);
    assert_eq!(some(&|event| matches!(event, PoolEvent::LeakReturned(holder) if holder.id == id)), 1);
    closes_balanced(&pool);
}

#[test]
fn the_listing_says_what_each_resource_does() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(3).build().unwrap();
    let held = pool.checkout().unwrap();
    pass(&pool, &clock, 5 * SEC, SEC);
    let listed = pool.resources();
    assert_eq!(listed.len(), 3);
    let busy = listed.iter().find(|resource| resource.id == held.id()).unwrap();
    assert_eq!((busy.state, busy.uses, busy.idle, busy.weight), (Busy, 1, Duration::ZERO, 7));
    assert_eq!(busy.holder.as_ref().unwrap().held_for, 5 * SEC);
    assert_eq!(busy.age, 5 * SEC);
    let free = listed.iter().find(|resource| resource.state == Ready).unwrap();
    assert_eq!((free.uses, free.idle, free.holder.is_none()), (0, 5 * SEC, true));
    drop(held);
    closes_balanced(&pool);
}
