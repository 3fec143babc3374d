//! One life after another: each begins from nothing, and lasts as long as its own draw says.

use super::support::{Act, closes_balanced};
use super::{MIN, SEC, number, pass, still};
use slackwater::{DestroyReason, PoolEvent, ResourceState, TransitionReason};
use std::collections::HashMap;
use std::time::Duration;

/// Whatever is known of a resource ends with it: its successor in the same slot is new in every respect.
#[test]
fn a_resource_in_a_used_slot_begins_from_nothing() {
    let (probe, clock, builder) = still();
    let pool = builder.degrade_after(5).remove_after(5).max_hold(MIN).memory_budget(1_000_000).build().unwrap();
    let error = super::support::Refused { by: "use", severity: slackwater::Severity::Transient };
    for _ in 0..3 {
        let mut held = pool.checkout().unwrap();
        held.on_error(&error);
        held.weight = 1_000;
        pass(&pool, &clock, 2 * MIN, MIN);
    }
    pass(&pool, &clock, 10 * SEC, SEC);
    let old = pool.resources().remove(0);
    assert_eq!((old.uses, old.errors, old.failures, old.weight), (3, 3, 3, 1_000));
    assert!(old.age >= 6 * MIN && old.idle >= 9 * SEC && old.last_check >= 6 * MIN);

    pool.checkout().unwrap().discard("for its successor");
    pool.tick();
    let new = pool.resources().remove(0);
    assert_eq!((new.id.slot(), new.id.generation()), (old.id.slot(), old.id.generation() + 1));
    assert_eq!((new.uses, new.errors, new.failures, new.state), (0, 0, 0, ResourceState::Ready));
    assert_eq!((new.age, new.idle, new.last_check), (Duration::ZERO, Duration::ZERO, Duration::ZERO));
    assert_eq!((new.weight, new.holder.is_none()), (7, true));
    // The row of failures is its own too: it takes five of them to end a resource.
    for failures in 1..=4 {
        pool.checkout().unwrap().on_error(&error);
        assert_eq!((pool.resources()[0].id, pool.resources()[0].failures), (new.id, failures));
    }
    assert_eq!(probe.ended(), [1]);
    closes_balanced(&pool);
}

/// The life of one that never was (its creation failed) leaves nothing behind either.
#[test]
fn a_resource_after_a_failed_creation_begins_from_nothing() {
    let (probe, clock, builder) = still();
    let pool = builder.max_uses(2).max_lifetime(MIN).lifetime_jitter(0.0).min_idle(0).build().unwrap();
    drop(pool.checkout().unwrap());
    pool.checkout().unwrap().discard("for one that fails");
    probe.create.next([Act::Fail]);
    clock.advance(50 * SEC);
    assert!(pool.try_checkout().is_err());
    // The pause after a failure.
    clock.advance(SEC / 100);
    let uses: Vec<_> = (0..2).map(|_| pool.with(|thing| number(thing)).unwrap()).collect();
    assert_eq!(uses, [2, 2], "two uses of its own");
    drop(pool.checkout().unwrap());
    clock.advance(59 * SEC);
    pool.tick();
    assert_eq!((pool.stats().available, pool.stats().destroyed.by(DestroyReason::Expired)), (1, 0));
    clock.advance(SEC);
    (0..5).for_each(|_| pool.tick());
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Expired), 1, "a minute of its own");
    closes_balanced(&pool);
}

/// How long each resource lived that ended of its age, in shares of the jitter: 0 is the longest life, 1 the shortest.
fn shares(lifetime: Duration, jitter: f64, step: Duration, span: Duration) -> Vec<f64> {
    let (_, clock, mut builder) = still();
    let events = builder.subscribe(100_000);
    let pool = builder.max_size(200).max_lifetime(lifetime).lifetime_jitter(jitter).surge(200).build().unwrap();
    pass(&pool, &clock, span, step);
    closes_balanced(&pool);
    let mut born = HashMap::new();
    let mut shares = Vec::new();
    // All of those that were born a whole life before the end, and no others: else the short ones would be too many.
    let last = span - lifetime;
    for event in events.try_iter() {
        let PoolEvent::Transition(moved) = event else { continue };
        match moved.reason {
            TransitionReason::Created => drop(born.insert(moved.id, moved.at)),
            TransitionReason::Ended(DestroyReason::Expired)
                if moved.to == ResourceState::Terminating && born[&moved.id] < last =>
            {
                let lived = (moved.at - born[&moved.id]).as_secs_f64() / lifetime.as_secs_f64();
                shares.push((1.0 - lived) / jitter);
            }
            _ => {}
        }
    }
    shares
}

/// The largest distance between the shares that lie below a value and that value, as in the Kolmogorov-Smirnov test.
fn distance_from_uniform(mut shares: Vec<f64>) -> f64 {
    shares.sort_by(f64::total_cmp);
    let count = shares.len() as f64;
    let distances = shares.iter().enumerate().map(|(at, share)| {
        let (before, after) = (at as f64 / count, (at + 1) as f64 / count);
        (share - before).abs().max((share - after).abs())
    });
    distances.fold(0.0, f64::max)
}

/// A draw at each look would end lives early, and the more so the more looks there are: each life is looked at a hundred
/// times here. Of 2,000 uniform draws, one set in 10^12 is further off than 0.085; the steps of the clock add 0.02.
#[test]
fn lives_are_shortened_by_one_uniform_draw_each_however_often_they_are_looked_at() {
    let all = shares(100 * SEC, 0.5, SEC, 1_000 * SEC);
    assert!(all.len() >= 2_000, "{} lives", all.len());
    assert!(all.iter().all(|share| (-0.03..=1.0).contains(share)), "a life outside its bounds");
    let distance = distance_from_uniform(all);
    assert!(distance < 0.085 + 0.02, "{distance} away from uniform");
}
