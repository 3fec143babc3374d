//! How well a pool is said to be: a table of snapshots, and pools that are that way.

mod support;

use slackwater::{BreakerState, Builder, Health, HealthLevel, HealthReason, Keeper, Pool, Snapshot, VirtualClock};
use std::time::Duration;
use support::{Act, Probe, TimeRunsOut, closes_balanced, until};

const NS: Duration = Duration::from_nanos(1);
const MIN: Duration = Duration::from_secs(60);
const SEC: Duration = Duration::from_secs(1);

fn still(clock: &VirtualClock) -> Builder<Probe> {
    Pool::builder(Probe::new()).clock(clock).keeper(Keeper::Manual)
}

/// A pool of four at rest, with all that can be watched.
fn well() -> Snapshot {
    let clock = VirtualClock::new();
    let pool = still(&clock).max_size(4).max_hold(10 * SEC).memory_budget(100).build().unwrap();
    let snapshot = pool.snapshot();
    closes_balanced(&pool);
    snapshot
}

fn of(change: impl FnOnce(&mut Snapshot)) -> (HealthLevel, Vec<HealthReason>) {
    let mut snapshot = well();
    change(&mut snapshot);
    let health = Health::of(&snapshot);
    assert_eq!(health, Health::of(&snapshot), "the same snapshot, the same health");
    let (least, most) = health.level.scores();
    assert!((least..=most).contains(&health.score), "{health}");
    assert_eq!(health.is_well(), health.score >= 50, "{health}");
    (health.level, health.reasons)
}

fn level(change: impl FnOnce(&mut Snapshot)) -> HealthLevel {
    of(change).0
}

#[test]
fn a_pool_at_rest_is_healthy_and_has_all_points() {
    let health = Health::of(&well());
    assert_eq!((health.level, health.score, health.reasons.len()), (HealthLevel::Healthy, 100, 0), "{health}");
}

#[test]
fn a_pool_in_full_use_is_well_however_many_wait() {
    let saturated = |waited: Duration| {
        of(|s| {
            (s.stats.available, s.stats.in_use, s.stats.waiting) = (0, 4, 1_000);
            s.oldest_wait = Some(waited);
        })
    };
    for (waited, expected) in [(0, HealthLevel::Healthy), (2, HealthLevel::Healthy), (3, HealthLevel::Degraded)] {
        let (level, reasons) = saturated(waited * SEC);
        assert_eq!(level, expected, "{waited} s");
        assert!(matches!(reasons[..], [HealthReason::Waiting { waiting: 1_000, .. }]), "it is named all the same");
    }
    assert_eq!(saturated(3_600 * SEC).0, HealthLevel::Degraded, "and never worse");
    let brief = |s: &mut Snapshot| {
        (s.stats.waiting, s.oldest_wait, s.checkout_timeout) = (1, Some(Duration::ZERO), Duration::ZERO);
    };
    assert_eq!(level(brief), HealthLevel::Healthy, "half of no time is no time");
}

#[test]
fn each_fault_has_its_level() {
    use HealthLevel::*;
    assert_eq!(level(|s| s.closed = true), Critical);
    assert_eq!(level(|s| s.failed_creations = 1), Degraded);
    assert_eq!(level(|s| (s.failed_creations, s.stats.total) = (1, 0)), Critical);
    let failed_ago = |ago, creating| {
        level(move |s| {
            (s.failed_creations, s.last_create_failure, s.stats.total) = (1, Some(ago), 0);
            s.stats.creating = creating;
        })
    };
    assert_eq!([MIN - NS, MIN].map(|ago| failed_ago(ago, 0)), [Critical, Degraded]);
    assert_eq!(failed_ago(60 * MIN, 1), Critical, "it is being tried");
    assert_eq!(level(|s| (s.stats.short_lives, s.last_short_life) = (5, Some(MIN))), Degraded);
    assert_eq!(level(|s| s.stats.total = 0), Healthy, "nothing was asked for yet");
    let breaker = |state, alive| {
        level(move |s| {
            s.breaker.as_mut().expect("there is one by default").state = state;
            s.stats.total = alive;
        })
    };
    assert_eq!(breaker(BreakerState::Open, 4), Unhealthy);
    assert_eq!(breaker(BreakerState::Open, 0), Critical);
    assert_eq!(breaker(BreakerState::HalfOpen, 0), Degraded);
    assert_eq!([4, 5].map(|lives| level(|s| s.stats.short_lives = lives)), [Healthy, Unhealthy]);
    assert_eq!([0, 1, 2, 4].map(|few| level(|s| s.stats.degraded = few)), [Healthy, Degraded, Unhealthy, Unhealthy]);
    assert_eq!(
        [56, 57, 80, 81, 99, 100].map(|weight| level(|s| s.memory.total = weight)),
        [Healthy, Healthy, Healthy, Degraded, Degraded, Unhealthy]
    );
    assert_eq!(level(|s| s.stats.lost_events = 1), Healthy);
    assert!(of(|s| s.stats.lost_events = 7).1 == [HealthReason::LostEvents { lost: 7 }]);
}

trait Reasons {
    fn lines(&self) -> usize;
}

impl Reasons for Health {
    fn lines(&self) -> usize {
        self.to_string().lines().count()
    }
}

#[test]
fn of_several_faults_the_worst_comes_first_and_each_costs_points() {
    let mut snapshot = well();
    let mut last = 100;
    let changes: [fn(&mut Snapshot); 3] =
        [|s| s.stats.degraded = 1, |s| s.failed_creations = 1, |s| s.stats.short_lives = 9];
    for change in changes {
        change(&mut snapshot);
        let health = Health::of(&snapshot);
        assert!(health.score < last, "{health}");
        assert_eq!(health.lines(), 1 + health.reasons.len());
        last = health.score;
    }
    assert_eq!(Health::of(&snapshot).reasons[0], HealthReason::CrashLoop { in_a_row: 9, ago: Duration::ZERO });
}

#[test]
fn a_pool_whose_backend_is_down_is_critical_once_nothing_is_alive() {
    let clock = VirtualClock::new();
    let pool = still(&clock).max_size(2).build().unwrap();
    assert_eq!(pool.health().score, 100);
    pool.manager().create.always(Act::Fail);
    pool.checkout().unwrap().discard("the backend is gone");
    for _ in 0..8 {
        clock.advance(SEC);
        pool.tick();
    }
    let health = pool.health();
    assert!(health.level == HealthLevel::Unhealthy, "one serves on: {health}");
    pool.checkout().unwrap().discard("the other one too");
    pool.tick();
    let health = pool.health();
    assert_eq!(health.level, HealthLevel::Critical, "{health}");
    pool.manager().create.always(Act::Pass);
    let recovers = || {
        clock.advance(SEC);
        pool.tick();
        pool.health().level == HealthLevel::Healthy
    };
    until(recovers);
    closes_balanced(&pool);
    assert_eq!(pool.health().reasons, [HealthReason::Closed { stopped: false }]);
}

#[test]
fn holds_beyond_max_hold_are_named_with_their_time() {
    let clock = VirtualClock::new();
    let _end = TimeRunsOut(&clock);
    let pool = still(&clock).max_size(2).max_hold(10 * SEC).build().unwrap();
    let held = [(); 2].map(|()| pool.checkout().unwrap());
    clock.advance(9 * SEC);
    assert_eq!(pool.health().level, HealthLevel::Healthy);
    clock.advance(9 * SEC);
    let health = pool.health();
    let [HealthReason::LongHolds { held: 2, longest, max_size: 2 }] = health.reasons[..] else { panic!("{health}") };
    assert_eq!((health.level, longest), (HealthLevel::Unhealthy, 18 * SEC));
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn health_waits_for_no_callback_and_no_holder() {
    let pool = Pool::builder(Probe::new()).max_size(3).min_idle(1).build().unwrap();
    let held = pool.checkout().unwrap();
    pool.manager().create.shut();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| drop(pool.checkout().unwrap()));
        until(|| pool.manager().create.inside() > 0 || pool.stats().waiting > 0);
        let health = pool.health();
        assert!(health.is_well(), "{health}");
        assert!(pool.dump().to_string().contains("1 in use"));
        assert!(!waiter.is_finished(), "what it waits for was over before the report was there");
        pool.manager().create.open();
        waiter.join().unwrap();
    });
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn a_dump_says_who_holds_what_and_why_creating_fails() {
    let clock = VirtualClock::new();
    let pool = still(&clock).name("css").max_size(3).build().unwrap();
    let held = pool.checkout().unwrap();
    clock.advance(3 * SEC);
    pool.manager().create.next([Act::Fail]);
    pool.checkout().unwrap().discard("to have another made");
    pool.tick();
    let text = pool.dump().to_string();
    for part in
        ["pool \"css\"", "health.rs", "create was told to fail", "discarded", "wait ", "p99", "busy -> terminating"]
    {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(text.lines().all(|line| line.len() <= 160), "{text}");
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn what_others_wrote_is_no_line_of_a_dump() {
    let clock = VirtualClock::new();
    let refuse = || Err::<Box<u8>, _>("no\n\u{1b}[2Jpool at 0.0s: healthy, 100 of 100");
    let pool = Pool::builder(refuse).clock(&clock).keeper(Keeper::Manual).min_idle(0).build().unwrap();
    assert!(pool.try_checkout().is_err());
    let text = pool.dump().to_string();
    assert!(text.contains(r"no\n\u{1b}[2Jpool"), "{text}");
    assert!(text.chars().all(|each| each == '\n' || !each.is_control()), "{text}");
    closes_balanced(&pool);
}

#[test]
fn a_timeout_and_a_close_that_left_something_out_end_with_what_happened_last() {
    let clock = VirtualClock::new();
    let pool = still(&clock).max_size(6).build().unwrap();
    let held: Vec<_> = (0..6).map(|_| pool.checkout().unwrap()).collect();
    let slackwater::CheckoutError::Timeout(timeout) = pool.checkout_timeout(Duration::ZERO).unwrap_err() else {
        panic!("not a timeout")
    };
    assert_eq!(timeout.lately, pool.transitions()[3..]);
    let text = timeout.to_string();
    assert!(text.contains("; lately: ") && text.lines().count() == 1, "{text}");
    assert_eq!(text.matches("initializing -> ready").count(), 3, "{text}");
    let report = pool.close(Duration::ZERO);
    assert_eq!(report.lately, pool.transitions()[3..]);
    assert!(report.to_string().contains("; lately: "), "{report}");
    drop(held);
    let report = pool.close(SEC);
    assert!(report.is_complete() && report.lately.is_empty() && !report.to_string().contains("lately"), "{report}");
    closes_balanced(&pool);
}

#[test]
fn a_background_job_that_hangs_is_named_and_is_worse_the_fewer_places_there_are() {
    for (max_size, expected) in [(3, HealthLevel::Degraded), (2, HealthLevel::Unhealthy)] {
        let clock = VirtualClock::new();
        let _end = TimeRunsOut(&clock);
        let pool = Pool::builder(Probe::new()).clock(&clock).max_size(max_size).min_idle(0).create_timeout(SEC);
        let pool = pool.breaker(None).creation(slackwater::Creation::Background).build().unwrap();
        pool.manager().create.shut();
        assert!(pool.try_checkout().is_err());
        until(|| pool.manager().create.inside() == 1);
        support::passes(&clock, || pool.stats().hung_jobs == 1);
        let health = pool.health();
        assert!(
            matches!(health.reasons[..], [HealthReason::HungJobs { hung: 1, longest, .. }] if longest >= SEC),
            "{health}"
        );
        assert_eq!(health.level, expected);
        pool.manager().create.open();
        until(|| pool.health().score == 100);
        closes_balanced(&pool);
    }
}

/// To whom `Critical` means that it gets no more requests, a pool that makes nothing before it is asked for never tries again.
#[test]
fn a_creation_that_failed_long_ago_is_not_critical_for_ever() {
    let clock = VirtualClock::new();
    let pool = still(&clock).max_size(2).min_idle(0).build().unwrap();
    pool.manager().create.next([Act::Fail]);
    assert!(pool.try_checkout().is_err());
    for _ in 0..24 {
        clock.advance(3_600 * SEC);
        pool.tick();
    }
    assert!(pool.health().is_well(), "{}", pool.health());
    closes_balanced(&pool);
}

#[test]
fn a_crash_loop_of_long_ago_is_not_one_for_ever() {
    let clock = VirtualClock::new();
    let pool = still(&clock).max_size(2).min_idle(0).build().unwrap();
    pool.manager().recycle.next([Act::Fail; 5]);
    (0..5).for_each(|_| drop(pool.checkout().unwrap()));
    assert_eq!(pool.health().level, HealthLevel::Unhealthy);
    for _ in 0..24 {
        clock.advance(3_600 * SEC);
        pool.tick();
    }
    assert!(pool.health().is_well(), "{}", pool.health());
    closes_balanced(&pool);
}
