//! A session whose resource ends is bound to another, and nobody waits for what will not come.

use super::support::{Act, Probe, TimeRunsOut, closes_balanced, until};
use slackwater::{Pool, ResourceId, ReturnOutcome, SessionMode, VirtualClock};
use std::thread;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn pool(probe: &Probe) -> Pool<Probe> {
    Pool::builder(probe.clone()).max_size(2).checkout_timeout(MINUTE).build().unwrap()
}

/// Ends a held resource by `end` while somebody waits for it. Returns its id and what the waiter got.
fn ended_by(pool: &Pool<Probe>, end: impl FnOnce(slackwater::Checkout<'_, Probe>)) -> (ResourceId, ResourceId) {
    let held = pool.checkout_for("a").unwrap();
    let id = held.id();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.request().session(SessionMode::Wait).checkout_for("a").unwrap().id());
        until(|| pool.stats().waiting == 1);
        end(held);
        (id, waiter.join().unwrap())
    })
}

/// A way to end a resource that is held.
type Way = fn(&Probe, slackwater::Checkout<'_, Probe>);

/// Promise: who waits for a resource that ends gets another at once, and is bound to that. Provoked: each way to end one.
#[test]
fn who_waits_for_a_resource_that_ends_gets_another() {
    let ways: [(&str, Way); 3] = [
        ("discarded", |_, held| held.discard("it is to end")),
        ("detached", |_, held| drop(held.detach())),
        ("broken", |probe, held| {
            probe.is_broken.next([Act::Fail]);
            drop(held);
        }),
    ];
    for (how, end) in ways {
        let probe = Probe::new();
        let pool = pool(&probe);
        let (ended, got) = ended_by(&pool, |held| end(&probe, held));
        assert_ne!(got, ended, "{how}");
        assert_eq!(pool.checkout_for("a").unwrap().id(), got, "{how}");
        let stats = pool.session_stats();
        assert_eq!((stats.hits, stats.misses, stats.rebinds), (1, 2, 1), "{how}");
        closes_balanced(&pool);
    }
}

/// Promise: it does not wait for the end itself. Provoked: a `destroy` that does not return.
#[test]
fn an_end_that_hangs_is_not_waited_for() {
    let probe = Probe::new();
    // Slow to destroy from the first on, so that ends go to the background.
    let pool = pool(&probe);
    probe.destroy.shut();
    let held = pool.checkout_for("a").unwrap();
    let id = held.id();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.request().session(SessionMode::Wait).checkout_for("a").unwrap().id());
        until(|| pool.stats().waiting == 1);
        let ender = scope.spawn(move || held.discard("its end hangs"));
        assert_ne!(waiter.join().unwrap(), id);
        assert!(probe.ended().len() <= 1, "at most its end has begun");
        until(|| probe.destroy.inside() == 1);
        probe.destroy.open();
        ender.join().unwrap();
    });
    closes_balanced(&pool);
}

/// Promise: a resource that is being checked after its return is waited for, and taken when it has passed, or given up when it has
/// failed. Provoked: both.
#[test]
fn a_resource_that_is_being_checked_is_waited_for() {
    for passes in [true, false] {
        let probe = Probe::new();
        let pool = Pool::builder(probe.clone()).max_size(2).remove_after(1).checkout_timeout(MINUTE).build().unwrap();
        let held = pool.checkout_for("a").unwrap();
        let id = held.id();
        probe.check.shut();
        probe.check.next([if passes { Act::Pass } else { Act::FailForGood }]);
        probe.recycle.next([Act::Say(ReturnOutcome::Suspect)]);
        drop(held);
        until(|| probe.check.inside() == 1);
        let got = thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.request().session(SessionMode::Wait).checkout_for("a").unwrap().id());
            until(|| pool.stats().waiting == 1);
            probe.check.open();
            waiter.join().unwrap()
        });
        assert_eq!(got == id, passes);
        closes_balanced(&pool);
    }
}

/// Promise: a session gets its own though it is degraded, if it takes no other, and another if it may. Provoked: a check that failed.
#[test]
fn a_degraded_resource_is_lent_to_who_takes_no_other() {
    let probe = Probe::new();
    let clock = VirtualClock::new();
    let pool = Pool::builder(probe.clone()).max_size(2).remove_after(100).clock(&clock).build().unwrap();
    let _runs_out = TimeRunsOut(&clock);
    let mut held = pool.checkout_for("a").unwrap();
    let id = held.id();
    probe.check.always(Act::Fail);
    held.mark_suspect();
    drop(held);
    until(|| pool.stats().degraded == 1);
    assert_eq!(pool.request().session(SessionMode::Fail).checkout_for("a").unwrap().id(), id);
    until(|| pool.stats().degraded == 1);
    assert_ne!(pool.checkout_for("a").unwrap().id(), id);
    closes_balanced(&pool);
}

/// Promise: who waits for a resource that comes back degraded takes it then. Provoked: a check after the return fails.
#[test]
fn who_waits_takes_what_comes_back_degraded() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(2).remove_after(100).checkout_timeout(MINUTE).build().unwrap();
    probe.check.always(Act::Fail);
    let (had, got) = ended_by(&pool, |mut held| held.mark_suspect());
    assert_eq!(got, had);
    closes_balanced(&pool);
}

/// Promise: a resource that has idled for too long is checked first for who has time, and is no other's. Provoked: a rest, by hand.
#[test]
fn what_has_idled_is_checked_for_the_session_that_waits() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = Pool::builder(probe.clone()).max_size(2).keeper(slackwater::Keeper::Manual).clock(&clock);
    let pool = pool.check_if_idle_for(MINUTE).check_interval(slackwater::MAX_SPAN).build().unwrap();
    let id = pool.checkout_for("a").unwrap().id();
    let before = probe.check.calls();
    clock.advance(2 * MINUTE);
    pool.tick();
    clock.advance(MINUTE);
    pool.tick();
    assert_eq!(probe.check.calls(), before);
    assert_eq!(pool.request().session(SessionMode::Wait).checkout_for("a").unwrap().id(), id);
    assert_eq!(probe.check.calls(), before + 1);
    closes_balanced(&pool);
}

/// Promise: a resource whose time has come is no session's any more. Provoked: a lifetime that is over before the keeper looks.
#[test]
fn a_session_outlives_its_resource() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(2).keeper(slackwater::Keeper::Manual).clock(&clock);
    let pool = pool.max_lifetime(MINUTE).lifetime_jitter(0.0).build().unwrap();
    let id = pool.checkout_for("a").unwrap().id();
    clock.advance(MINUTE);
    let successor = pool.request().session(SessionMode::Wait).checkout_for("a").unwrap().id();
    assert_ne!(successor, id);
    let stats = pool.session_stats();
    assert_eq!((stats.misses, stats.rebinds, stats.in_use), (2, 1, 0));
    closes_balanced(&pool);
}

/// Promise: a miss because the own resource's time had come is not counted as one in use. Provoked: one that is free and over, and a younger one
/// that is taken in its place.
#[test]
fn a_resource_whose_time_has_come_is_not_counted_as_in_use() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(2).keeper(slackwater::Keeper::Manual).clock(&clock);
    let pool = pool.max_lifetime(MINUTE).lifetime_jitter(0.0).build().unwrap();
    // Where the key looks first is one that is younger than its own.
    let there = pool.checkout_for("a").unwrap();
    let own = pool.checkout_for("a").unwrap();
    there.discard("for a younger one");
    clock.advance(MINUTE / 2);
    drop((pool.checkout().unwrap(), own));
    assert_eq!(pool.session_stats().in_use, 1);
    clock.advance(MINUTE / 2);
    drop(pool.checkout_for("a").unwrap());
    let stats = pool.session_stats();
    assert_eq!((stats.misses, stats.rebinds, stats.in_use), (3, 1, 1));
    closes_balanced(&pool);
}
