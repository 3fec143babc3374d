//! The recovery table: each kind of failure leads to what the table says, by default and on demand.

use super::support::{Act, closes_balanced};
use super::*;
use slackwater::{DestroyReason, FailureKind, PoolEvent, Recovery, RecoveryTable, ReturnOutcome, Severity};

const SEVERITIES: [(Severity, Act); 3] =
    [(Severity::Transient, Act::Fail), (Severity::Permanent, Act::FailForGood), (Severity::Fatal, Act::FailFatally)];

/// What became of the pool, and of a resource that failed once.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    InService,
    Degraded,
    Removed,
    /// Degraded, with a successor on its way.
    Replaced,
    Stopped,
}

fn fate(pool: &Pool<Probe>, probe: &Probe) -> Fate {
    let stats = pool.stats();
    if pool.is_closed() {
        return Fate::Stopped;
    }
    if stats.destroyed.by(DestroyReason::CheckFailed) == 1 {
        return Fate::Removed;
    }
    if stats.degraded == 1 {
        (0..3).for_each(|_| pool.tick());
        let replaced = pool.stats().destroyed.by(DestroyReason::CheckFailed) == 1;
        assert_eq!(replaced, probe.create.calls() == 2, "by a successor made first");
        return if replaced { Fate::Replaced } else { Fate::Degraded };
    }
    assert_eq!(stats.available, 1);
    Fate::InService
}

fn after_check(builder: Builder<Probe>, probe: &Probe, act: Act) -> Fate {
    let pool = builder.max_size(1).build().unwrap();
    probe.check.next([act]);
    pool.checkout().unwrap().mark_suspect();
    pool.tick();
    let fate = fate(&pool, probe);
    closes_balanced(&pool);
    fate
}

fn after_use(builder: Builder<Probe>, probe: &Probe, severity: Severity) -> Fate {
    let pool = builder.max_size(1).build().unwrap();
    let mut held = pool.checkout().unwrap();
    held.on_error(&Refused { by: "use", severity });
    drop(held);
    let fate = fate(&pool, probe);
    closes_balanced(&pool);
    fate
}

#[test]
fn by_default_what_passes_degrades_what_stays_removes_and_what_is_fatal_stops() {
    for ((severity, act), expected) in SEVERITIES.into_iter().zip([Fate::Degraded, Fate::Removed, Fate::Stopped]) {
        let (probe, _, builder) = still(Creation::Inline);
        assert_eq!(after_check(builder, &probe, act), expected, "{severity} check");
        let (probe, _, builder) = still(Creation::Inline);
        assert_eq!(after_use(builder, &probe, severity), expected, "{severity} use");
    }
}

#[test]
fn each_recovery_of_the_table_is_followed() {
    let recoveries = [
        (Recovery::Retry, Fate::InService),
        (Recovery::Degrade, Fate::Degraded),
        (Recovery::Remove, Fate::Removed),
        (Recovery::Replace, Fate::Replaced),
        (Recovery::Stop, Fate::Stopped),
    ];
    for (recovery, expected) in recoveries {
        for (severity, act) in SEVERITIES {
            let (probe, _, builder) = still(Creation::Inline);
            let builder = builder.recovery(FailureKind::Check(severity), recovery);
            assert_eq!(after_check(builder, &probe, act), expected, "{severity} check: {recovery:?}");
            let (probe, _, builder) = still(Creation::Inline);
            let builder = builder.recovery(FailureKind::Use(severity), recovery);
            assert_eq!(after_use(builder, &probe, severity), expected, "{severity} use: {recovery:?}");
        }
    }
}

#[test]
fn of_several_errors_in_a_use_the_hardest_counts() {
    let (_, _, builder) = still(Creation::Inline);
    let pool = builder.build().unwrap();
    let mut held = pool.checkout().unwrap();
    held.on_error(&Refused { by: "use", severity: Severity::Permanent });
    held.on_error(&Refused { by: "use", severity: Severity::Transient });
    drop(held);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::CheckFailed), 1);
    // And no longer than that use.
    let mut held = pool.checkout().unwrap();
    held.on_error(&Refused { by: "use", severity: Severity::Transient });
    drop(held);
    assert_eq!((pool.stats().destroyed.total(), pool.stats().degraded), (1, 1));
    closes_balanced(&pool);
}

#[test]
fn a_creation_is_tried_again_refused_or_the_end() {
    let fates = [
        (Severity::Transient, Act::Fail, Recovery::Retry),
        (Severity::Permanent, Act::FailForGood, Recovery::Refuse),
        (Severity::Fatal, Act::FailFatally, Recovery::Stop),
    ];
    for (severity, act, recovery) in fates {
        assert_eq!(RecoveryTable::default().of(FailureKind::Create(severity)), recovery);
        for recovery in [Recovery::Retry, Recovery::Refuse, Recovery::Stop] {
            let (probe, clock, builder) = still(Creation::Inline);
            let builder = builder.recovery(FailureKind::Create(severity), recovery);
            let pool = builder.checkout_timeout(MS / 2).build().unwrap();
            probe.create.always(act);
            let error = pool.checkout().unwrap_err();
            let CheckoutError::Create(create) = &error else { panic!("{error:?}") };
            assert_eq!((create.severity, create.retryable), (severity, severity == Severity::Transient));
            assert_eq!(pool.is_closed(), recovery == Recovery::Stop, "{severity}: {recovery:?}");
            clock.advance(MS);
            closes_balanced(&pool);
        }
    }
}

#[test]
fn a_pool_that_stopped_says_why_to_everyone_from_then_on() {
    let (probe, _, builder) = still(Creation::Inline);
    let pool = builder.max_size(2).build().unwrap();
    let events = pool.subscribe(100);
    let held = pool.checkout().unwrap();
    probe.create.always(Act::FailFatally);
    assert!(matches!(pool.checkout(), Err(CheckoutError::Create(_))));
    for _ in 0..2 {
        let error = pool.checkout().unwrap_err();
        let CheckoutError::Closed(closed) = &error else { panic!("{error:?}") };
        assert_eq!(cause(closed).map(|refused| refused.severity), Some(Severity::Fatal));
        assert_eq!(
            error.to_string(),
            "the pool is closed because of a fatal error: create was told to fail; mend that, and build a new one"
        );
    }
    drop(held);
    let stops = events.try_iter().filter(|event| matches!(event, PoolEvent::Stopped(_))).count();
    assert_eq!(stops, 1);
    closes_balanced(&pool);
}

#[test]
fn a_recovery_that_makes_no_sense_is_refused() {
    let refused = |kind, recovery| {
        let (_, _, builder) = still(Creation::Inline);
        builder.recovery(kind, recovery).build().unwrap_err().to_string()
    };
    let transient = Severity::Transient;
    for recovery in [Recovery::Degrade, Recovery::Remove, Recovery::Replace] {
        let error = refused(FailureKind::Create(transient), recovery);
        assert!(
            error.starts_with("recovery.create.transient = ") && error.contains("allowed are Retry, Refuse and Stop"),
            "{error}"
        );
    }
    for kind in [FailureKind::Check(transient), FailureKind::Use(transient)] {
        let error = refused(kind, Recovery::Refuse);
        assert!(error.contains("allowed are Retry, Degrade, Remove, Replace and Stop"), "{error}");
    }
}

#[test]
fn a_fatal_check_stops_the_pool_also_of_what_was_still_busy() {
    let (probe, clock, builder) = still(Creation::Inline);
    let pool = builder.max_size(2).build().unwrap();
    probe.recycle.next([Act::Say(ReturnOutcome::StillBusy)]);
    drop(pool.checkout().unwrap());
    probe.check.next([Act::FailFatally]);
    clock.advance(SEC);
    pool.tick();
    assert_eq!(probe.check.calls(), 1);
    assert!(pool.is_closed(), "{:?}", pool.stats());
    closes_balanced(&pool);
}

#[test]
fn a_fatal_failure_in_the_warm_up_stops_the_pool_too() {
    let (probe, _, builder) = still(Creation::Inline);
    probe.create.next([Act::Pass, Act::FailFatally]);
    let pool = builder.max_size(2).min_idle(2).build().unwrap();
    assert!(pool.is_closed(), "{:?}", pool.stats());
    closes_balanced(&pool);
}

#[test]
fn a_holder_that_has_it_replaced_and_checked_has_it_replaced() {
    let (probe, _, builder) = still(Creation::Inline);
    let pool = builder.max_size(2).recovery(FailureKind::Use(Severity::Transient), Recovery::Replace).build().unwrap();
    let mut held = pool.checkout().unwrap();
    held.on_error(&Refused { by: "use", severity: Severity::Transient });
    held.mark_suspect();
    drop(held);
    (0..6).for_each(|_| pool.tick());
    assert_eq!((probe.check.calls(), probe.ended()), (1, vec![1]));
    closes_balanced(&pool);
}
