//! Reports balance with `Stats`, tell nothing twice, and leave nothing out.

use super::listener::Listener;
use super::support::{Act, Probe, closes_balanced};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use slackwater::{DestroyReason, Keeper, MetricsReporter, Pool, VirtualClock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

/// A pool without threads, on time of its own.
fn pool(name: &str) -> (Pool<Probe>, VirtualClock) {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).name(name).max_size(2).max_overflow(1).keeper(Keeper::Manual).clock(&clock);
    (pool.time_one_in(1).breaker(None).checkout_timeout(Duration::ZERO).build().unwrap(), clock)
}

/// Does so many of everything.
fn works((pool, clock): &(Pool<Probe>, VirtualClock), times: usize) {
    for _ in 0..times {
        drop(pool.checkout().unwrap());
        let mut held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
        assert!(pool.checkout().is_err() && pool.try_checkout().is_err());
        clock.advance(SEC);
        held.pop().unwrap().discard("for the count");
        drop(held.pop().unwrap().detach());
        drop(held);
        pool.manager().create.next([Act::Fail]);
        for _ in 0..3 {
            clock.advance(60 * SEC);
            pool.tick();
        }
    }
}

/// Holds all counters against the pool's own.
fn balances(listener: &Listener, pool: &Pool<Probe>, label: &str) {
    let stats = pool.stats();
    let counter = |name: &str| listener.counter(&format!("slackwater_pool_{name}_total{{pool=\"{label}\"}}"));
    let expected = [
        ("checkouts", stats.checkouts),
        ("returns", stats.returns()),
        ("discards", stats.discards),
        ("detachments", stats.detached),
        ("affinity_hits", stats.affinity_hits()),
        ("affinity_misses", stats.affinity_misses),
        ("waits", stats.waits),
        ("overtakes", stats.overtakes),
        ("fallbacks", stats.fallbacks),
        ("creations", stats.created),
        ("creation_failures", stats.create_failures),
        ("callback_panics", stats.callback_panics),
        ("long_holds", stats.long_holds),
        ("jobs_hung", stats.hung_jobs_total),
        ("lost_events", stats.lost_events),
    ];
    for (name, expected) in expected {
        assert_eq!(counter(name), expected, "{name}");
    }
    let by = |name: &str, key: &str, value: &str| {
        listener.counter(&format!("slackwater_pool_{name}_total{{pool=\"{label}\",{key}=\"{value}\"}}"))
    };
    for reason in DestroyReason::ALL {
        let value = reason.to_string().replace([' ', '-'], "_");
        assert_eq!(by("destructions", "reason", &value), stats.destroyed.by(reason), "{reason}");
    }
    assert_eq!(by("errors", "kind", "timeout"), stats.timeouts);
    let others: u64 = ["queue_delay", "unservable", "other"].map(|kind| by("errors", "kind", kind)).iter().sum();
    assert_eq!(others, stats.rejected);
}

#[test]
fn counters_balance_with_stats_however_often_they_are_reported() {
    for reports in [1, 3, 10] {
        let (made, listener, mut reporter) = (pool("css"), Listener::default(), MetricsReporter::new());
        let pool = &made.0;
        for _ in 0..reports {
            works(&made, 4);
            metrics::with_local_recorder(&listener, || reporter.report(&pool.snapshot()));
        }
        closes_balanced(pool);
        metrics::with_local_recorder(&listener, || {
            reporter.report(&pool.snapshot());
            reporter.report(&pool.snapshot());
        });
        assert!(pool.stats().create_failures > 0 && pool.stats().timeouts > 0 && pool.stats().rejected > 0);
        balances(&listener, pool, "css");
        let alive = ["available", "checking", "degraded", "in_use", "retiring"]
            .map(|state| listener.gauge(&format!("slackwater_pool_resources{{pool=\"css\",state=\"{state}\"}}")));
        assert_eq!((alive.iter().sum::<f64>(), listener.gauge("slackwater_pool_closed{pool=\"css\"}")), (0.0, 1.0));
    }
}

#[test]
fn gauges_are_what_stats_and_health_say() {
    let pool = Pool::builder(Probe::new()).name("now").max_size(2).max_overflow(1).build().unwrap();
    let listener = Listener::default();
    let held = [pool.checkout().unwrap(), pool.checkout().unwrap(), pool.checkout().unwrap()];
    metrics::with_local_recorder(&listener, || MetricsReporter::new().report(&pool.snapshot()));
    let gauge = |name: &str| listener.gauge(&format!("slackwater_pool_{name}"));
    assert_eq!(gauge("resources{pool=\"now\",state=\"in_use\"}"), 3.0);
    assert_eq!((gauge("overflow{pool=\"now\"}"), gauge("utilisation_ratio{pool=\"now\"}")), (1.0, 1.5));
    assert_eq!((gauge("max_size{pool=\"now\"}"), gauge("max_overflow{pool=\"now\"}")), (2.0, 1.0));
    assert_eq!(gauge("weight{pool=\"now\"}"), 21.0);
    assert_eq!(gauge("health_score{pool=\"now\"}"), 100.0);
    let levels = ["healthy", "degraded", "unhealthy", "critical"]
        .map(|level| gauge(&format!("health_level{{pool=\"now\",level=\"{level}\"}}")));
    assert_eq!(levels, [1.0, 0.0, 0.0, 0.0]);
    let breaker =
        ["closed", "open", "half_open"].map(|state| gauge(&format!("breaker_state{{pool=\"now\",state=\"{state}\"}}")));
    assert_eq!(breaker, [1.0, 0.0, 0.0]);
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn a_histogram_has_each_time_once_in_seconds() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).name("times").keeper(Keeper::Manual).clock(&clock).time_one_in(1).build();
    let (pool, listener, mut reporter) = (pool.unwrap(), Listener::default(), MetricsReporter::new());
    for seconds in 1..=3 {
        let held = pool.checkout().unwrap();
        clock.advance(Duration::from_secs(seconds));
        drop(held);
        metrics::with_local_recorder(&listener, || reporter.report(&pool.snapshot()));
    }
    let mut holds = listener.samples("slackwater_pool_hold_seconds{pool=\"times\"}");
    holds.sort_by(f64::total_cmp);
    assert_eq!(holds.len(), 3);
    // Each is the greatest of its bucket.
    (1..)
        .zip(&holds)
        .for_each(|(second, held)| assert!((1.0..1.0625).contains(&(held / f64::from(second))), "{holds:?}"));
    let waits = listener.samples("slackwater_pool_wait_seconds{pool=\"times\"}");
    assert_eq!(waits, [0.0; 3], "free ones are not waited for");
    assert_eq!(listener.samples("slackwater_pool_create_seconds{pool=\"times\"}").len(), 1);
    closes_balanced(&pool);
}

#[test]
fn a_recorder_that_comes_late_gets_everything_and_pools_of_one_name_add_up() {
    let (late, mut reporter) = (Listener::default(), MetricsReporter::new());
    let first = pool("twice");
    works(&first, 2);
    // To nobody.
    reporter.report(&first.0.snapshot());
    works(&first, 2);
    metrics::with_local_recorder(&late, || reporter.report(&first.0.snapshot()));
    balances(&late, &first.0, "twice");
    let (second, before) = (pool("twice"), first.0.stats().checkouts);
    works(&second, 3);
    metrics::with_local_recorder(&late, || MetricsReporter::new().report(&second.0.snapshot()));
    let both = late.counter("slackwater_pool_checkouts_total{pool=\"twice\"}");
    assert_eq!(both, before + second.0.stats().checkouts);
    [first, second].iter().for_each(|(pool, _)| closes_balanced(pool));
}

#[test]
fn nothing_is_told_twice_while_the_pool_is_at_work() {
    let pool = Pool::builder(Probe::new()).name("busy").max_size(2).build().unwrap();
    let (listener, mut reporter) = (Listener::default(), MetricsReporter::new());
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..3).map(|_| scope.spawn(|| (0..20_000).filter(|_| pool.checkout().is_ok()).count())).collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            metrics::with_local_recorder(&listener, || reporter.report(&pool.snapshot()));
        }
        let served: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
        metrics::with_local_recorder(&listener, || reporter.report(&pool.snapshot()));
        assert_eq!(listener.counter("slackwater_pool_checkouts_total{pool=\"busy\"}"), served as u64);
    });
    closes_balanced(&pool);
    metrics::with_local_recorder(&listener, || reporter.report(&pool.snapshot()));
    balances(&listener, &pool, "busy");
}

/// Panics at its so-manieth call.
struct Moody {
    listener: Listener,
    panics_at: AtomicUsize,
}

impl Moody {
    fn mood(&self) {
        let left = self.panics_at.fetch_sub(1, SeqCst);
        assert!(left != 1, "told to panic");
    }
}

impl Recorder for Moody {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.listener.describe_counter(name, unit, text);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.listener.describe_gauge(name, unit, text);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.listener.describe_histogram(name, unit, text);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        let counter = self.listener.register_counter(key, metadata);
        self.mood();
        counter
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.mood();
        self.listener.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.mood();
        self.listener.register_histogram(key, metadata)
    }
}

#[test]
fn a_recorder_that_panics_is_told_nothing_twice_and_loses_what_it_panicked_on() {
    let works_once = || {
        let made = pool("moody");
        works(&made, 3);
        made.0
    };
    let calm = Moody { listener: Listener::default(), panics_at: AtomicUsize::new(usize::MAX) };
    let pool = works_once();
    metrics::with_local_recorder(&calm, || MetricsReporter::new().report(&pool.snapshot()));
    let all = calm.listener.heard(|heard| heard.counters.clone());
    let calls = usize::MAX - calm.panics_at.load(SeqCst);
    for at in 1..=calls {
        let moody = Moody { listener: Listener::default(), panics_at: AtomicUsize::new(at) };
        let mut reporter = MetricsReporter::new();
        metrics::with_local_recorder(&moody, || {
            let report = AssertUnwindSafe(|| reporter.report(&pool.snapshot()));
            catch_unwind(report).expect_err("told to panic");
            reporter.report(&pool.snapshot());
        });
        let heard = moody.listener.heard(|heard| heard.counters.clone());
        let short: Vec<_> = all.iter().filter(|(key, value)| heard.get(*key).unwrap_or(&0) != *value).collect();
        assert!(short.len() <= 1, "{at}: {short:?}");
        assert!(heard.iter().all(|(key, value)| value <= &all[key]), "{at}");
    }
    closes_balanced(&pool);
}
