//! One test for each setting of what the keeper does over a resource's life, each failing if the setting is ignored.

use super::Built;
use super::support::{Probe, Refused, closes_balanced};
use slackwater::{
    Builder, CheckoutError, DestroyReason, Keeper, OnLeak, Pool, PoolEvent, ResourceState, Scaling, VirtualClock,
};
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

/// A pool with settings as `set` has them, on its own virtual time, which passes second by second with a tick after each.
struct Kept {
    pool: Pool<Probe>,
    probe: Probe,
    clock: VirtualClock,
}

impl Kept {
    fn with(set: impl FnOnce(Builder<Probe>) -> Builder<Probe>) -> Self {
        let (probe, clock) = (Probe::new(), VirtualClock::new());
        let quiet = Pool::builder(probe.clone()).keeper(Keeper::Manual).clock(&clock).check_interval(None);
        Self { pool: set(quiet).built(), probe, clock }
    }

    fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            self.clock.advance(SEC);
            self.pool.tick();
        }
    }

    fn destroyed(&self, reason: DestroyReason) -> u64 {
        self.pool.stats().destroyed.by(reason)
    }

    fn state(&self) -> ResourceState {
        self.pool.resources()[0].state
    }

    /// A use that fails, by its holder's word.
    fn fail(&self) {
        self.pool.checkout().unwrap().on_error(&Refused { by: "use", severity: slackwater::Severity::Transient });
    }

    /// Ends the pool, and returns what was asked before.
    fn end<T>(self, answer: T) -> T {
        closes_balanced(&self.pool);
        answer
    }
}

#[test]
fn check_interval_is_how_often_what_is_free_is_checked() {
    let checks = |interval: Option<Duration>| {
        let kept = Kept::with(|b| b.max_size(2).check_interval(interval));
        kept.pass(61);
        let calls = kept.probe.check.calls();
        kept.end(calls)
    };
    assert_eq!((checks(None), checks(Some(61 * SEC)), checks(Some(30 * SEC))), (0, 1, 4));
}

#[test]
fn check_if_idle_for_is_the_idle_time_after_which_a_check_comes_first() {
    let checks = |seconds| {
        let kept = Kept::with(|b| b.check_if_idle_for(seconds * SEC));
        kept.pass(10);
        drop(kept.pool.try_checkout().unwrap());
        let calls = kept.probe.check.calls();
        kept.end(calls)
    };
    assert_eq!((checks(9), checks(12)), (1, 0));
}

#[test]
fn degrade_after_is_the_failure_that_degrades() {
    for after in [1, 2] {
        let kept = Kept::with(|b| b.degrade_after(after));
        for failures in 1..=2 {
            kept.fail();
            let state = if failures >= after { ResourceState::Degraded } else { ResourceState::Ready };
            assert_eq!(kept.state(), state, "{failures} of {after}");
        }
        kept.end(());
    }
}

#[test]
fn remove_after_is_the_failure_that_ends() {
    for after in [1, 2] {
        let kept = Kept::with(|b| b.remove_after(after));
        for failures in 1..=after {
            kept.fail();
            assert_eq!(
                kept.destroyed(DestroyReason::CheckFailed),
                u64::from(failures == after),
                "{failures} of {after}"
            );
        }
        kept.end(());
    }
}

#[test]
fn max_lifetime_is_how_old_a_resource_becomes() {
    for seconds in [10, 20] {
        let kept = Kept::with(|b| b.max_lifetime(seconds * SEC).lifetime_jitter(0.0));
        kept.pass(seconds - 1);
        assert_eq!(kept.pool.stats().created, 1);
        kept.pass(2);
        assert_eq!(kept.destroyed(DestroyReason::Expired), 1);
        kept.end(());
    }
}

#[test]
fn lifetime_jitter_is_the_share_by_which_lives_are_shortened() {
    let first_end = |share| {
        let kept = Kept::with(|b| b.max_size(50).surge(50).max_lifetime(100 * SEC).lifetime_jitter(share));
        let seconds = (1..200).find(|_| {
            kept.pass(1);
            kept.pool.stats().destroyed.total() > 0
        });
        kept.end(seconds.unwrap())
    };
    assert!((100..=101).contains(&first_end(0.0)));
    assert!((50..75).contains(&first_end(0.5)), "the shortest of 50 lives, drawn from 50 to 100 s");
}

#[test]
fn idle_timeout_is_how_long_a_spare_resource_idles() {
    for seconds in [5, 15] {
        let kept = Kept::with(|b| b.max_size(2).min_idle(1).idle_timeout(seconds * SEC));
        drop([kept.pool.checkout().unwrap(), kept.pool.checkout().unwrap()]);
        kept.pass(seconds - 1);
        assert_eq!(kept.pool.stats().available, 2);
        kept.pass(2);
        assert_eq!(kept.pool.stats().available, 1);
        kept.end(());
    }
}

#[test]
fn max_uses_is_the_use_that_is_the_last() {
    for uses in [1, 4] {
        let kept = Kept::with(|b| b.max_uses(uses));
        (0..12).for_each(|_| drop(kept.pool.checkout().unwrap()));
        assert_eq!(kept.destroyed(DestroyReason::Worn), 12 / uses);
        kept.end(());
    }
}

/// Most and fewest resources there were while all four were replaced.
fn replacing(set: impl FnOnce(Builder<Probe>) -> Builder<Probe>) -> (usize, usize) {
    let kept = Kept::with(|b| set(b.max_size(4)));
    let rollout = kept.pool.retire_older_than(kept.pool.epoch());
    let mut fewest = usize::MAX;
    for _ in 0..40 {
        fewest = fewest.min(kept.pool.stats().available);
        kept.pass(1);
    }
    assert_eq!(kept.destroyed(DestroyReason::Replaced), 4);
    drop(rollout);
    let most = kept.probe.most_alive();
    kept.end((most, fewest))
}

#[test]
fn surge_is_how_many_successors_are_made_at_once() {
    assert_eq!(replacing(|b| b.surge(1)), (5, 4));
    assert_eq!(replacing(|b| b.surge(3)), (7, 4));
}

#[test]
fn max_unavailable_is_how_many_end_before_their_successors_are_made() {
    let (most, fewest) = replacing(|b| b.surge(0).max_unavailable(1));
    assert_eq!((most, fewest >= 3), (4, true), "{fewest}");
}

#[test]
fn ceiling_is_how_far_resize_may_go() {
    let kept = Kept::with(|b| b.max_size(2).ceiling(5));
    let error = kept.pool.resize(0, 6).unwrap_err();
    assert!(error.to_string().contains('5'), "{error}");
    kept.pool.resize(0, 5).unwrap();
    let held: Vec<_> = (0..5).map(|_| kept.pool.checkout().unwrap()).collect();
    assert!(kept.pool.try_checkout().is_err());
    drop(held);
    kept.end(());
}

#[test]
fn max_hold_is_the_time_after_which_a_hold_is_reported() {
    let reported = |set: fn(Builder<Probe>) -> Builder<Probe>| {
        let mut events = None;
        let kept = Kept::with(|mut b| {
            events = Some(b.subscribe(64));
            set(b)
        });
        let held = kept.pool.checkout().unwrap();
        kept.pass(10);
        drop(held);
        kept.pass(1);
        let leaks = events.unwrap().try_iter().filter(|event| matches!(event, PoolEvent::LeakSuspected(_))).count();
        kept.end(leaks)
    };
    assert_eq!((reported(|b| b.max_hold(5 * SEC)), reported(|b| b.max_hold(12 * SEC)), reported(|b| b)), (1, 0, 0));
}

#[test]
fn on_leak_is_whether_another_takes_the_place_and_for_how_many() {
    let served = |on_leak| {
        let kept = Kept::with(|b| b.max_size(2).max_hold(5 * SEC).on_leak(on_leak));
        let held = [kept.pool.checkout().unwrap(), kept.pool.checkout().unwrap()];
        kept.pass(10);
        let others: Vec<_> = std::iter::from_fn(|| kept.pool.try_checkout().ok()).collect();
        let served = others.len();
        drop((held, others));
        kept.end(served)
    };
    let replace = |at_most| OnLeak::Replace { at_most };
    assert_eq!((served(OnLeak::Report), served(replace(1)), served(replace(2))), (0, 1, 2));
}

#[test]
fn memory_budget_is_the_weight_at_which_no_more_is_made() {
    let made = |budget| {
        let kept = Kept::with(|b| b.max_size(5).min_idle(0).memory_budget(budget).memory_pressure(1.0));
        // Each weighs 7.
        let held: Vec<_> = std::iter::from_fn(|| kept.pool.try_checkout().ok()).collect();
        assert!(held.len() == 5 || matches!(kept.pool.try_checkout(), Err(CheckoutError::Create(_))));
        let made = held.len();
        drop(held);
        kept.end(made)
    };
    assert_eq!((made(1_000), made(21), made(20)), (5, 3, 3));
}

#[test]
fn memory_pressure_is_the_share_above_which_what_is_free_goes() {
    let left = |share| {
        let kept = Kept::with(|b| b.max_size(5).memory_budget(100).memory_pressure(share));
        // The heavy one must be the one used last, wherever this thread begins to look.
        kept.pass(1);
        kept.pool.with(|thing| thing.weight = 50).unwrap();
        kept.pass(1);
        let total = kept.pool.memory().total;
        kept.end(total)
    };
    // 78 in all, of which 50 are one resource's.
    assert_eq!((left(0.8), left(0.7), left(0.6)), (78, 64, 57));
}

#[test]
fn max_growth_is_how_many_times_its_weight_a_leak_may_reach() {
    let ends_at = |times| {
        let kept = Kept::with(|b| b.max_growth(times));
        let uses = (0..2_000_u64).find(|used| {
            kept.pool.with(|thing| thing.weight = 100 + used).unwrap();
            kept.destroyed(DestroyReason::Grown) > 0
        });
        kept.end(uses.expect("it grows for ever"))
    };
    let (twice, fourfold) = (ends_at(2.0), ends_at(4.0));
    assert!((100..250).contains(&twice) && (300..450).contains(&fourfold), "{twice}, {fourfold}");
}

#[test]
fn scaling_is_how_far_and_when_the_size_follows_the_load() {
    let size = |set: fn(Builder<Probe>) -> Builder<Probe>| {
        let kept = Kept::with(|b| set(b.max_size(2)));
        let held = [kept.pool.checkout().unwrap(), kept.pool.checkout().unwrap()];
        kept.pass(120);
        let size = kept.pool.stats().max_size;
        drop(held);
        kept.end(size)
    };
    assert_eq!(size(|b| b), 2);
    assert_eq!(size(|b| b.scaling(Scaling::between(2, 9))), 3, "two in use are two thirds of three");
    assert_eq!(size(|b| b.scaling(Scaling::between(2, 9).band(0.2, 0.3))), 8);
    assert_eq!(size(|b| b.scaling(Scaling::between(1, 2))), 2);
    assert_eq!(size(|b| b.scaling(Scaling::between(2, 9).interval(200 * SEC))), 2, "not yet");
}

#[test]
fn record_uses_is_whether_a_use_is_a_transition() {
    let noted = |record| {
        let kept = Kept::with(|b| b.record_uses(record));
        let before = kept.pool.transitions().len();
        drop(kept.pool.checkout().unwrap());
        let noted = kept.pool.transitions().len() - before;
        kept.end(noted)
    };
    assert_eq!((noted(false), noted(true)), (0, 2));
}

/// Counts who asks it for a gauge.
#[cfg(feature = "metrics")]
#[derive(Default)]
struct Asked(std::sync::atomic::AtomicU64);

#[cfg(feature = "metrics")]
impl metrics::Recorder for Asked {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn register_counter(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        metrics::Counter::noop()
    }

    fn register_gauge(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        if key.name() == "slackwater_pool_max_size" {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        metrics::Gauge::noop()
    }

    fn register_histogram(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
        metrics::Histogram::noop()
    }
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_interval_is_how_often_a_pool_in_use_is_reported() {
    let reports = |set: fn(Builder<Probe>) -> Builder<Probe>| {
        let (kept, asked) = (Kept::with(set), Asked::default());
        let held = kept.pool.checkout().unwrap();
        metrics::with_local_recorder(&asked, || kept.pass(60));
        drop(held);
        kept.end(asked.0.into_inner())
    };
    assert_eq!(reports(|b| b), 0);
    assert_eq!((reports(|b| b.metrics_interval(5 * SEC)), reports(|b| b.metrics_interval(20 * SEC))), (12, 3));
}
