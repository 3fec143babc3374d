//! The keeper has a pool reported while it is in use, once when it comes to rest, and at its end; whatever the recorder does.

use super::listener::Listener;
use super::support::{Probe, TimeRunsOut, closes_balanced, until};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use parking_lot::{Condvar, Mutex};
use slackwater::{Builder, Keeper, Pool, VirtualClock};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const SEC: Duration = Duration::from_secs(1);

/// What all threads of this process report to. Pools called `panics` make it panic, pools called `hangs` hold it up.
struct Global {
    listener: Listener,
    gate: Mutex<Gate>,
    opened: Condvar,
}

#[derive(Default)]
struct Gate {
    open: bool,
    inside: usize,
}

fn global() -> &'static Global {
    static GLOBAL: OnceLock<&'static Global> = OnceLock::new();
    GLOBAL.get_or_init(|| {
        let global = Global { listener: Listener::default(), gate: Mutex::default(), opened: Condvar::new() };
        let global: &'static Global = Box::leak(Box::new(global));
        metrics::set_global_recorder(global).map_err(drop).unwrap();
        global
    })
}

impl Global {
    fn behaves(&self, key: &Key) {
        match key.labels().next().map(|label| label.value()) {
            Some("panics") => panic!("told to panic"),
            Some("hangs") => {
                let (mut gate, began) = (self.gate.lock(), Instant::now());
                gate.inside += 1;
                while !gate.open && began.elapsed() < 30 * SEC {
                    self.opened.wait_for(&mut gate, SEC);
                }
                gate.inside -= 1;
            }
            _ => {}
        }
    }
}

impl Recorder for Global {
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
        self.behaves(key);
        self.listener.register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.behaves(key);
        self.listener.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.behaves(key);
        self.listener.register_histogram(key, metadata)
    }
}

fn checkouts(listener: &Listener, pool: &str) -> u64 {
    let key = format!("slackwater_pool_checkouts_total{{pool=\"{pool}\"}}");
    listener.heard(|heard| heard.counters.get(&key).copied().unwrap_or_default())
}

fn pool(name: &str, set: impl FnOnce(Builder<Probe>) -> Builder<Probe>) -> Pool<Probe> {
    set(Pool::builder(Probe::new()).name(name).check_interval(None).metrics_interval(10 * SEC)).build().unwrap()
}

#[test]
fn a_pool_in_use_is_reported_every_interval_and_one_at_rest_is_not() {
    let (clock, listener) = (VirtualClock::new(), Listener::default());
    let pool = pool("ticks", |b| b.keeper(Keeper::Manual).clock(&clock));
    let reports = |seconds: u32| {
        let before = listener.heard(|heard| heard.calls);
        let mut reports = 0;
        for _ in 0..seconds {
            clock.advance(SEC);
            let calls = listener.heard(|heard| heard.calls);
            metrics::with_local_recorder(&listener, || pool.tick());
            reports += u32::from(listener.heard(|heard| heard.calls) > calls);
        }
        (reports, listener.heard(|heard| heard.calls) - before)
    };
    let held = pool.checkout().unwrap();
    assert_eq!(reports(60).0, 6);
    drop(held);
    assert_eq!(reports(3).0, 1, "when it comes to rest");
    assert_eq!(checkouts(&listener, "ticks"), 1);
    assert_eq!(reports(3_600), (0, 0), "at rest");
    pool.resize(0, 1).unwrap();
    assert_eq!(reports(60).0, 0, "the same size is nothing new");
    drop(pool.checkout().unwrap());
    assert!((1..=3).contains(&reports(60).0), "in use, and at rest again");
    assert_eq!(checkouts(&listener, "ticks"), 2);
    metrics::with_local_recorder(&listener, || closes_balanced(&pool));
    let closed = listener.gauge("slackwater_pool_closed{pool=\"ticks\"}");
    let destroyed = listener.counter("slackwater_pool_destructions_total{pool=\"ticks\",reason=\"closed\"}");
    assert_eq!((closed, destroyed), (1.0, 1));
}

#[test]
fn every_kind_of_keeper_reports_and_close_waits_for_the_last_report() {
    for (keeper, name) in [(Keeper::Dedicated, "dedicated"), (Keeper::Shared, "shared")] {
        let global = global();
        let pool = pool(name, |b| b.keeper(keeper).metrics_interval(SEC / 10));
        let held = pool.checkout().unwrap();
        let in_use = format!("slackwater_pool_resources{{pool=\"{name}\",state=\"in_use\"}}");
        until(|| global.listener.heard(|heard| heard.gauges.get(&in_use) == Some(&1.0)));
        drop(held);
        (0..100).for_each(|_| drop(pool.checkout().unwrap()));
        closes_balanced(&pool);
        assert_eq!(checkouts(&global.listener, name), 101);
        assert_eq!(global.listener.gauge(&in_use), 0.0);
    }
}

#[test]
fn what_comes_back_after_the_close_is_reported_once_nothing_is_left() {
    let global = global();
    let pool = pool("late", |b| b.max_size(2));
    let held = [pool.checkout().unwrap(), pool.checkout().unwrap()];
    assert!(!pool.close(Duration::ZERO).is_complete());
    drop(held);
    let destroyed = "slackwater_pool_destructions_total{pool=\"late\",reason=\"closed\"}";
    until(|| global.listener.heard(|heard| heard.counters.get(destroyed) == Some(&2)));
    closes_balanced(&pool);
}

#[test]
fn a_pool_that_was_dropped_is_reported_to_its_end() {
    let global = global();
    let dropped = pool("dropped", |b| b);
    (0..7).for_each(|_| drop(dropped.checkout().unwrap()));
    drop(dropped);
    until(|| checkouts(&global.listener, "dropped") == 7);
    until(|| global.listener.heard(|heard| heard.gauges["slackwater_pool_closed{pool=\"dropped\"}"] == 1.0));
}

#[test]
fn a_recorder_that_panics_costs_the_pool_nothing() {
    global();
    let pool = pool("panics", |b| b.metrics_interval(SEC / 10));
    let began = Instant::now();
    while began.elapsed() < SEC / 2 {
        drop(pool.checkout().unwrap());
    }
    closes_balanced(&pool);
}

#[test]
fn a_recorder_that_hangs_costs_the_pool_nothing_and_close_does_not_wait_for_its_end() {
    let (global, clock) = (global(), VirtualClock::new());
    let pool = pool("hangs", |b| b.clock(&clock).max_size(2).max_lifetime(3 * SEC).metrics_interval(SEC));
    until(|| global.gate.lock().inside == 1);
    for _ in 0..30 {
        clock.advance(SEC);
        drop([pool.checkout().unwrap(), pool.checkout().unwrap()]);
    }
    until(|| pool.stats().created > 2);
    assert_eq!((pool.stats().hung_jobs, global.gate.lock().inside), (0, 1), "one, and none of the crew's");
    std::thread::scope(|scope| {
        let _on_failure = TimeRunsOut(&clock);
        let closes = scope.spawn(|| pool.close(1_000_000_000 * SEC));
        until(|| {
            clock.advance(SEC / 100);
            closes.is_finished()
        });
        let report = closes.join().unwrap();
        // It grants the recorder a second: how much time leaps meanwhile is the machine's affair.
        assert!(report.is_complete() && report.took < 1_000_000_000 * SEC, "{report}");
        assert_eq!(global.gate.lock().inside, 1, "and the recorder hangs still");
    });
    global.gate.lock().open = true;
    global.opened.notify_all();
    closes_balanced(&pool);
    let key = "slackwater_pool_closed{pool=\"hangs\"}";
    until(|| global.listener.heard(|heard| heard.gauges.get(key) == Some(&1.0)));
}
