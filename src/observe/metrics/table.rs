//! Every metric: its name, its type and unit, what it means, and where it comes from.

use crate::observe::{DestroyReason, Distribution, Health, HealthLevel, Snapshot, Stats};
use crate::pool::SessionStats;
use crate::resilience::BreakerState;
use std::fmt;

/// What is known of a metric beforehand. See [`MetricsReporter::METRICS`](crate::MetricsReporter::METRICS).
pub struct Metric {
    /// As it is reported.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
    /// The unit, as its name ends in it; none for what is counted, and for weights, whose unit is the manager's.
    pub unit: Option<&'static str>,
    /// The label it has beside `pool`.
    pub label: Option<&'static str>,
    /// What it means.
    pub description: &'static str,
    pub(super) read: Read,
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
    /// Spans of time by their length.
    Histogram,
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        })
    }
}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Metric { name, kind, unit, label, .. } = self;
        f.debug_struct("Metric")
            .field("name", name)
            .field("kind", kind)
            .field("unit", unit)
            .field("label", label)
            .finish_non_exhaustive()
    }
}

/// What is read for a report: a snapshot, and what follows from it.
pub(super) struct Seen<'s> {
    pub(super) snapshot: &'s Snapshot,
    health: Health,
}

impl<'s> Seen<'s> {
    pub(super) fn of(snapshot: &'s Snapshot) -> Self {
        Self { snapshot, health: Health::of(snapshot) }
    }

    fn stats(&self) -> &Stats {
        &self.snapshot.stats
    }
}

/// A metric's values, each with the value of its label.
type By<T> = Vec<(String, T)>;

/// Where a metric comes from.
pub(super) enum Read {
    Counter(fn(&Seen<'_>) -> u64),
    Counters(fn(&Seen<'_>) -> By<u64>),
    /// None where there is nothing to measure.
    Gauge(fn(&Seen<'_>) -> Option<f64>),
    Gauges(fn(&Seen<'_>) -> By<f64>),
    Times(fn(&Seen<'_>) -> Distribution),
}

const fn metric(
    name: &'static str,
    unit: Option<&'static str>,
    label: Option<&'static str>,
    description: &'static str,
    read: Read,
) -> Metric {
    let kind = match read {
        Read::Counter(_) | Read::Counters(_) => MetricKind::Counter,
        Read::Gauge(_) | Read::Gauges(_) => MetricKind::Gauge,
        Read::Times(_) => MetricKind::Histogram,
    };
    Metric { name, kind, unit, label, description, read }
}

const fn counter(name: &'static str, description: &'static str, read: fn(&Seen<'_>) -> u64) -> Metric {
    metric(name, None, None, description, Read::Counter(read))
}

const fn gauge(name: &'static str, description: &'static str, read: fn(&Seen<'_>) -> Option<f64>) -> Metric {
    metric(name, None, None, description, Read::Gauge(read))
}

const fn seconds(name: &'static str, description: &'static str, read: fn(&Seen<'_>) -> Option<f64>) -> Metric {
    metric(name, Some("seconds"), None, description, Read::Gauge(read))
}

const fn times(name: &'static str, description: &'static str, read: fn(&Seen<'_>) -> Distribution) -> Metric {
    metric(name, Some("seconds"), None, description, Read::Times(read))
}

/// As the value of a label: `held too long` is `held_too_long`.
fn label(text: impl fmt::Display) -> String {
    text.to_string().replace([' ', '-'], "_")
}

fn some(number: usize) -> Option<f64> {
    Some(number as f64)
}

/// One of `all` is so, and is 1; the others are 0.
fn one_of<T: PartialEq + fmt::Display>(all: impl IntoIterator<Item = T>, now: &T) -> By<f64> {
    all.into_iter().map(|each| (label(&each), f64::from(u8::from(each == *now)))).collect()
}

fn destroyed(seen: &Seen<'_>) -> By<u64> {
    DestroyReason::ALL.into_iter().map(|reason| (label(reason), seen.stats().destroyed.by(reason))).collect()
}

fn errors(seen: &Seen<'_>) -> By<u64> {
    let Stats { timeouts, rejected, shed, .. } = seen.stats();
    let kinds = [
        ("timeout", *timeouts),
        ("queue_delay", shed.queue_delay),
        ("unservable", shed.unservable),
        ("other", rejected.saturating_sub(shed.total())),
    ];
    kinds.map(|(kind, times)| (kind.to_owned(), times)).into()
}

fn sessions(seen: &Seen<'_>) -> By<u64> {
    let SessionStats { hits, misses, rebinds, expirations, in_use, refused, .. } = seen.snapshot.sessions;
    let outcomes = [
        ("expired", expirations),
        ("fresh", misses.saturating_sub(rebinds + expirations + in_use)),
        ("hit", hits),
        ("in_use", in_use),
        ("rebound", rebinds),
        ("refused", refused),
    ];
    outcomes.map(|(outcome, times)| (outcome.to_owned(), times)).into()
}

fn resources(seen: &Seen<'_>) -> By<f64> {
    let Stats { in_use, available, degraded, creating, checking, retiring, .. } = seen.stats();
    let states = [
        ("available", available),
        ("checking", checking),
        ("creating", creating),
        ("degraded", degraded),
        ("in_use", in_use),
        ("retiring", retiring),
    ];
    states.map(|(state, many)| (state.to_owned(), *many as f64)).into()
}

fn breaker(seen: &Seen<'_>) -> By<f64> {
    let all = [BreakerState::Closed, BreakerState::HalfOpen, BreakerState::Open];
    seen.snapshot.breaker.map_or_else(Vec::new, |breaker| one_of(all, &breaker.state))
}

fn level(seen: &Seen<'_>) -> By<f64> {
    let all = [HealthLevel::Critical, HealthLevel::Degraded, HealthLevel::Healthy, HealthLevel::Unhealthy];
    one_of(all, &seen.health.level)
}

/// In the order of the documentation.
pub(super) static METRICS: [Metric; 49] = [
    gauge("slackwater_pool_max_size", "Most resources outside overload.", |s| some(s.stats().max_size)),
    gauge("slackwater_pool_max_overflow", "Most resources beyond max_size.", |s| some(s.stats().max_overflow)),
    gauge("slackwater_pool_advised_size", "The max_size that would fit the load of the last minute.", |s| {
        some(s.snapshot.advice.recommended)
    }),
    metric(
        "slackwater_pool_resources",
        None,
        Some("state"),
        "Resources by state; all but those in creation are alive.",
        Read::Gauges(resources),
    ),
    gauge("slackwater_pool_overflow", "Resources beyond max_size.", |s| some(s.stats().overflow)),
    metric(
        "slackwater_pool_utilisation_ratio",
        Some("ratio"),
        None,
        "Resources in use over max_size; above 1 with overflow.",
        Read::Gauge(|s| Some(s.stats().utilisation())),
    ),
    gauge("slackwater_pool_waiting_threads", "Threads in the queue.", |s| some(s.stats().waiting)),
    seconds(
        "slackwater_pool_oldest_wait_seconds",
        "How long the first in the queue has waited; 0 if nobody does.",
        |s| Some(s.snapshot.oldest_wait.unwrap_or_default().as_secs_f64()),
    ),
    metric(
        "slackwater_pool_breaker_state",
        None,
        Some("state"),
        "1 for the state of the breaker, 0 for the others; absent without a breaker.",
        Read::Gauges(breaker),
    ),
    gauge("slackwater_pool_breaker_failures", "Failures since creation last worked; absent without a breaker.", |s| {
        s.snapshot.breaker.map(|breaker| f64::from(breaker.failures))
    }),
    seconds(
        "slackwater_pool_breaker_retry_seconds",
        "How long until the next creation is tried, while the breaker is open; absent without a breaker.",
        |s| s.snapshot.breaker.map(|breaker| breaker.retry_after.as_secs_f64()),
    ),
    gauge("slackwater_pool_failing_creations", "Creations that failed in a row, up to now.", |s| {
        Some(f64::from(s.snapshot.failed_creations))
    }),
    gauge(
        "slackwater_pool_short_lives",
        "Resources in a row that failed right after their creation; 5 are a crash loop.",
        |s| Some(f64::from(s.stats().short_lives)),
    ),
    gauge("slackwater_pool_health_score", "From 0, dead, to 100, nothing to say.", |s| Some(f64::from(s.health.score))),
    metric(
        "slackwater_pool_health_level",
        None,
        Some("level"),
        "1 for the level of the pool's health, 0 for the others.",
        Read::Gauges(level),
    ),
    gauge("slackwater_pool_hung_jobs", "Background jobs beyond their timeout.", |s| some(s.stats().hung_jobs)),
    gauge("slackwater_pool_closed", "1 once the pool is closed.", |s| Some(f64::from(u8::from(s.snapshot.closed)))),
    gauge("slackwater_pool_weight", "What all resources weigh, in the unit of the manager.", |s| {
        Some(s.snapshot.memory.total as f64)
    }),
    gauge("slackwater_pool_weight_in_use", "What the resources in use weigh.", |s| {
        Some(s.snapshot.memory.in_use as f64)
    }),
    gauge("slackwater_pool_weight_peak", "The most that all together ever weighed.", |s| {
        Some(s.snapshot.memory.peak as f64)
    }),
    gauge("slackwater_pool_weight_threshold", "Above which weight idle resources go; absent without a budget.", |s| {
        s.snapshot.memory_threshold.map(|weight| weight as f64)
    }),
    gauge("slackwater_pool_weight_budget", "From which weight on none are made; absent without a budget.", |s| {
        s.snapshot.memory.budget.map(|weight| weight as f64)
    }),
    counter("slackwater_pool_checkouts_total", "Checkouts that gave a resource.", |s| s.stats().checkouts),
    counter("slackwater_pool_returns_total", "Guards that were dropped.", |s| s.stats().returns()),
    counter("slackwater_pool_discards_total", "Guards whose holders discarded them.", |s| s.stats().discards),
    counter("slackwater_pool_detachments_total", "Resources taken out of the pool for good.", |s| s.stats().detached),
    counter("slackwater_pool_affinity_hits_total", "Checkouts that took what their thread had last.", |s| {
        s.stats().affinity_hits()
    }),
    counter("slackwater_pool_affinity_misses_total", "Checkouts that had to look for a resource.", |s| {
        s.stats().affinity_misses
    }),
    metric(
        "slackwater_pool_sessions_total",
        None,
        Some("outcome"),
        "Checkouts with a key: hit, or bound to another resource for a reason, or refused.",
        Read::Counters(sessions),
    ),
    counter("slackwater_pool_session_evictions_total", "Bindings of keys that had to make room for others.", |s| {
        s.snapshot.sessions.evictions
    }),
    counter("slackwater_pool_waits_total", "Checkouts that joined the queue.", |s| s.stats().waits),
    counter("slackwater_pool_overtakes_total", "Waiters that were woken and found nothing.", |s| s.stats().overtakes),
    metric(
        "slackwater_pool_errors_total",
        None,
        Some("kind"),
        "Checkouts that ended in an error: timeout, shed for queue_delay or as unservable, and other.",
        Read::Counters(errors),
    ),
    counter(
        "slackwater_pool_fallbacks_total",
        "Errors in whose place callers got a resource of their own making.",
        |s| s.stats().fallbacks,
    ),
    counter("slackwater_pool_creations_total", "Resources created.", |s| s.stats().created),
    counter("slackwater_pool_creation_failures_total", "Creations that failed.", |s| s.stats().create_failures),
    metric(
        "slackwater_pool_destructions_total",
        None,
        Some("reason"),
        "Resources destroyed, by reason.",
        Read::Counters(destroyed),
    ),
    counter("slackwater_pool_callback_panics_total", "Panics caught in the manager's callbacks.", |s| {
        s.stats().callback_panics
    }),
    counter("slackwater_pool_long_holds_total", "Holds longer than max_hold.", |s| s.stats().long_holds),
    counter("slackwater_pool_jobs_hung_total", "Background jobs that ever ran for longer than their timeout.", |s| {
        s.stats().hung_jobs_total
    }),
    counter("slackwater_pool_evictions_total", "Times idle resources were destroyed for their weight.", |s| {
        s.snapshot.memory.gc_count
    }),
    counter("slackwater_pool_evicted_total", "Resources destroyed for their weight.", |s| s.snapshot.memory.evicted),
    counter("slackwater_pool_lost_events_total", "Events that a subscriber's full channel did not take.", |s| {
        s.stats().lost_events
    }),
    times("slackwater_pool_wait_seconds", "From the call to the resource, or to the error.", |s| {
        s.snapshot.latencies.wait.clone()
    }),
    times("slackwater_pool_hold_seconds", "From the checkout to the return, as far as uses are timed.", |s| {
        s.snapshot.latencies.hold.clone()
    }),
    times("slackwater_pool_create_seconds", "Making a resource, failed attempts too.", |s| {
        s.snapshot.latencies.create.clone()
    }),
    times("slackwater_pool_check_seconds", "Checking a resource.", |s| s.snapshot.latencies.check.clone()),
    times("slackwater_pool_recycle_seconds", "Resetting a resource at its return, as far as uses are timed.", |s| {
        s.snapshot.latencies.recycle.clone()
    }),
    times("slackwater_pool_destroy_seconds", "Destroying a resource.", |s| s.snapshot.latencies.destroy.clone()),
];
