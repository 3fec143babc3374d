//! Every setting, once. A row has the name it goes by, the type its value is of, where that is in the configuration, and what it is good
//! for. Names are those of the builder's methods, and of the errors about them.

use super::groups::{self, FairnessKind, LeakKind, ModeKind, OnOff};
use super::scalar::{Given, Scalar, Size};
use crate::config::{Creation, Fences, Keeper, OnDeadlock, OnPanic, PoolConfig, Strategy, fixed_setting};
use crate::manager::Severity;
use crate::resilience::{FailureKind, Recovery};
use std::time::Duration;

/// Why a value does not become one of the configuration.
#[derive(Debug)]
pub(super) enum Unfit {
    /// It is no value of this kind.
    Kind,
    /// It contradicts another setting.
    Useless(&'static str),
}

pub(super) struct Row {
    pub(super) name: &'static str,
    /// What it does, and what is allowed.
    pub(super) about: &'static str,
    pub(super) what: fn() -> String,
    pub(super) schema: fn() -> serde_json::Value,
    /// Its value, unless it follows from others.
    pub(super) get: fn(&PoolConfig) -> Option<Given>,
    pub(super) set: fn(&mut PoolConfig, &Given) -> Result<(), Unfit>,
}

impl Row {
    /// Why it cannot change while the pool lives, if it cannot.
    pub(super) fn fixed(&self) -> Option<&'static str> {
        fixed_setting(self.name)
    }
}

/// A row whose value is a place of the configuration.
macro_rules! row {
    ($name:literal, $type:ty, |$config:ident| $place:expr, $about:literal) => {
        row!(
            $name,
            $type,
            |$config| Some($place.clone()),
            |$config, value| {
                $place = value;
                Ok(())
            },
            $about
        )
    };
    ($name:literal, $type:ty, |$config:ident| $get:expr, |$to:ident, $value:ident| $set:expr, $about:literal) => {
        Row {
            name: $name,
            about: $about,
            what: <$type as Scalar>::what,
            schema: <$type as Scalar>::schema,
            get: |$config| {
                let value: Option<$type> = $get;
                value.map(|value| value.show())
            },
            set: |$to, given| {
                let $value = <$type as Scalar>::read(given).ok_or(Unfit::Kind)?;
                $set
            },
        }
    };
}

/// A row whose value follows from others as long as nobody says it.
macro_rules! derived {
    ($name:literal, $type:ty, |$config:ident| $place:expr, $about:literal) => {
        row!(
            $name,
            $type,
            |$config| $place.clone(),
            |$config, value| {
                $place = Some(value);
                Ok(())
            },
            $about
        )
    };
}

/// A row for what follows from a kind of failure.
macro_rules! recovery {
    ($name:literal, $kind:ident, $severity:ident, $about:literal) => {
        row!(
            $name,
            Recovery,
            |config| Some(config.recovery.of(FailureKind::$kind(Severity::$severity))),
            |config, value| {
                config.recovery.set(FailureKind::$kind(Severity::$severity), value);
                Ok(())
            },
            $about
        )
    };
}

/// In the order in which they are set: what stands for several before what is a part of it.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    row!("mode", ModeKind, |c| Some(groups::mode(c)), |c, value| groups::set_mode(c, value), "What becomes of resources between two uses: kept, one for all, none, or a share of them."),
    row!("mode.pooled", u32, |c| groups::mode_pooled(c), |c, value| groups::set_mode_pooled(c, value), "How many of a hundred returns keep their resource, with mixed mode: 0 to 100. Unsaid: 50."),
    derived!("name", String, |c| c.name, "Names the pool in errors, logs and thread names: 1 to 64 bytes."),
    row!("max_size", usize, |c| c.max_size, "Most resources outside overload: up to 65,536 with overflow; 0 only with overflow."),
    derived!("min_idle", usize, |c| c.min_idle, "Free resources to keep ready: 0 to max_size. Unsaid: max_size."),
    row!("max_overflow", usize, |c| c.max_overflow, "Most resources beyond max_size, made when all others are in use."),
    derived!("overflow_ttl", Duration, |c| c.overflow_ttl, "How long one beyond max_size idles before it ends: 0 to 100 days. Unsaid: 1s."),
    row!("checkout_timeout", Duration, |c| c.checkout_timeout, "How long a checkout waits: up to a year; 0 never waits."),
    row!("strategy", Strategy, |c| c.strategy, "Which free resource a checkout takes: the thread's last, the last returned, the one returned longest ago."),
    row!("fairness", FairnessKind, |c| Some(groups::fairness(c)), |c, value| groups::set_fairness(c, value), "Who gets a returned resource when threads wait."),
    row!("fairness.bound", Duration, |c| groups::fairness_bound(c), |c, value| groups::set_fairness_bound(c, value), "The longest that running threads overtake a waiter, with eventual fairness: 1ns to 60s."),
    row!("max_waiters", Option<usize>, |c| c.max_waiters, "Most threads that may wait; one more is refused at once."),
    row!("codel", OnOff, |c| Some(OnOff::of(c.codel.is_some())), |c, value| { c.codel = value.is_on().then(Default::default); Ok(()) }, "Shortens waits while the queue is overloaded."),
    row!("codel.target", Duration, |c| c.codel.map(|codel| codel.target), |c, value| { c.codel.get_or_insert_default().target = value; Ok(()) }, "The wait that is no sign of overload, and all that is left under overload: 1us to 60s."),
    row!("codel.interval", Duration, |c| c.codel.map(|codel| codel.interval), |c, value| { c.codel.get_or_insert_default().interval = value; Ok(()) }, "How long waits stay above target before the pool counts as overloaded: 1ms, and target, to 1h."),
    row!("refuse_unservable", bool, |c| c.refuse_unservable, "Refuses at once whoever would have to wait for longer than it is ready to."),
    row!("creation", Creation, |c| c.creation, "On which thread a checkout's demand is created."),
    derived!("create_parallelism", usize, |c| c.create_parallelism, "Background jobs that run at once: 1 to 256. Unsaid: the number of processors, 4 to 8."),
    row!("warm_up_timeout", Duration, |c| c.warm_up_timeout, "How long build waits for the first resources: 1ns to a year."),
    row!("on_panic", OnPanic, |c| c.on_panic, "What becomes of a resource whose holder panicked."),
    row!("on_deadlock", OnDeadlock, |c| c.on_deadlock, "What to do when every resource is held by a thread that itself waits here."),
    row!("keeper", Keeper, |c| c.keeper, "Who runs the pool's regular duties."),
    row!("fences", Fences, |c| c.fences, "How a return makes sure that a thread about to park sees it."),
    row!("breaker", OnOff, |c| Some(OnOff::of(c.breaker.is_some())), |c, value| { c.breaker = value.is_on().then(Default::default); Ok(()) }, "Stops creating while creations keep failing."),
    row!("breaker.failure_threshold", u32, |c| groups::failure_threshold(c), |c, value| groups::set_failure_threshold(c, value), "Failures in a row that open the breaker: 1 to 100,000."),
    row!("breaker.failure_rate.ratio", f64, |c| groups::failure_rate(c).map(|rate| rate.0), |c, value| groups::set_failure_rate(c, |rate| rate.0 = value), "In place of a threshold, the share of creations whose failure opens the breaker: 0.001 to 1."),
    row!("breaker.failure_rate.window", Duration, |c| groups::failure_rate(c).map(|rate| rate.1), |c, value| groups::set_failure_rate(c, |rate| rate.1 = value), "How far back the share looks: 100ms to a day. Unsaid: 10s."),
    row!("breaker.failure_rate.at_least", u32, |c| groups::failure_rate(c).map(|rate| rate.2), |c, value| groups::set_failure_rate(c, |rate| rate.2 = value), "The fewest creations that a share is taken of: 1 to 511. Unsaid: 20."),
    row!("breaker.open_for", Duration, |c| c.breaker.as_ref().map(|b| b.open_for), |c, value| { c.breaker.get_or_insert_default().open_for = value; Ok(()) }, "The longest the breaker stays open before it lets probes through: 1ms to a day."),
    row!("breaker.open_for_at_first", Duration, |c| c.breaker.as_ref().and_then(|b| b.open_for_at_first), |c, value| { c.breaker.get_or_insert_default().open_for_at_first = Some(value); Ok(()) }, "How long it stays open the first time: 1ms to open_for. Unsaid: 1s, or open_for."),
    row!("breaker.probes", u32, |c| c.breaker.as_ref().map(|b| b.probes), |c, value| { c.breaker.get_or_insert_default().probes = value; Ok(()) }, "Most probes under way at once: 1 to 31."),
    row!("breaker.success_threshold", u32, |c| c.breaker.as_ref().map(|b| b.success_threshold), |c, value| { c.breaker.get_or_insert_default().success_threshold = value; Ok(()) }, "Probes that must succeed to close it: 1 to 63."),
    row!("backoff.base", Duration, |c| c.backoff.base, "The longest pause after the first failed creation: 1us to 1h."),
    row!("backoff.max", Duration, |c| c.backoff.max, "The longest pause of all: base to a day."),
    row!("backoff.attempts", u32, |c| c.backoff.attempts, "Attempts before callers whom nothing alive could serve are told: 1 to 100."),
    row!("backoff.jitter", bool, |c| c.backoff.jitter, "Whether pauses are drawn."),
    recovery!("recovery.create.transient", Create, Transient, "What follows from a transient failure to create: retry, refuse or stop."),
    recovery!("recovery.create.permanent", Create, Permanent, "What follows from a permanent one."),
    recovery!("recovery.create.fatal", Create, Fatal, "What follows from a fatal one."),
    recovery!("recovery.check.transient", Check, Transient, "What follows from a transient failure of a check: anything but refuse."),
    recovery!("recovery.check.permanent", Check, Permanent, "What follows from a permanent one."),
    recovery!("recovery.check.fatal", Check, Fatal, "What follows from a fatal one."),
    recovery!("recovery.use.transient", Use, Transient, "What follows from a transient failure in use: anything but refuse."),
    recovery!("recovery.use.permanent", Use, Permanent, "What follows from a permanent one."),
    recovery!("recovery.use.fatal", Use, Fatal, "What follows from a fatal one."),
    row!("check_interval", Option<Duration>, |c| c.check_interval, "How often each free resource is checked: 1ms to a year."),
    row!("check_if_idle_for", Option<Duration>, |c| c.check_if_idle_for, "Checks what was neither used nor checked for this long before it is lent: 1ms to a year."),
    row!("degrade_after", u32, |c| c.degrade_after, "Failures in a row after which a resource is lent as a last resort only: 1 to 1,000."),
    row!("remove_after", u32, |c| c.remove_after, "Failures in a row after which it is destroyed: degrade_after to 1,000."),
    row!("max_lifetime", Option<Duration>, |c| c.max_lifetime, "The age at which a resource is replaced: 1ms to a year."),
    derived!("lifetime_jitter", f64, |c| c.lifetime_jitter, "The share by which lives are shortened at most, each by its own draw: 0 to 0.5. Unsaid: 0.1."),
    row!("idle_timeout", Option<Duration>, |c| c.idle_timeout, "How long a resource beyond min_idle idles before it is destroyed: 1ms to a year."),
    row!("max_uses", Option<u64>, |c| c.max_uses, "Uses after which a resource is replaced: 1 or more."),
    row!("surge", usize, |c| c.surge, "Replacements that are made before their predecessors end, at once."),
    row!("max_unavailable", usize, |c| c.max_unavailable, "Resources that may be out of service for their replacement, at once."),
    derived!("ceiling", usize, |c| c.ceiling, "Up to how many resources, overflow included, the pool may be resized. Unsaid: what it is built with."),
    row!("max_hold", Option<Duration>, |c| c.max_hold, "Holds longer than this are reported: 1ms to 100 days."),
    row!("on_leak", LeakKind, |c| Some(groups::on_leak(c)), |c, value| groups::set_on_leak(c, value), "What becomes of the place of a resource that is held for longer than max_hold."),
    row!("on_leak.at_most", usize, |c| groups::on_leak_at_most(c), |c, value| groups::set_on_leak_at_most(c, value), "Most that are replaced in this way at once: 1 or more. Unsaid: 1."),
    row!("memory_budget", Option<Size>, |c| Some(c.memory_budget.map(Size)), |c, value| { c.memory_budget = value.map(|size| size.0); Ok(()) }, "What all resources may weigh together: nothing is created beyond it."),
    derived!("memory_pressure", f64, |c| c.memory_pressure, "The share of memory_budget above which idle resources are destroyed: 0.01 to 1. Unsaid: 0.8."),
    row!("max_growth", Option<f64>, |c| c.max_growth, "Replaces what weighs more than this many times what it did after its first use: 1.01 or more."),
    row!("scaling", OnOff, |c| Some(OnOff::of(c.scaling.is_some())), |c, value| { if value.is_on() { groups::scaling(c); } else { c.scaling = None; } Ok(()) }, "Adapts max_size to the load."),
    row!("scaling.min_size", usize, |c| c.scaling.as_ref().map(|s| s.min_size), |c, value| { groups::scaling(c).min_size = value; Ok(()) }, "The least max_size there is to be. Unsaid: 1."),
    row!("scaling.max_size", usize, |c| c.scaling.as_ref().map(|s| s.max_size), |c, value| { groups::scaling(c).max_size = value; Ok(()) }, "The most. Unsaid: max_size."),
    row!("scaling.band.low", f64, |c| c.scaling.as_ref().map(|s| s.band.0), |c, value| { groups::scaling(c).band.0 = value; Ok(()) }, "The share in use below which the pool shrinks: 0.05 to 0.9. Unsaid: 0.6."),
    row!("scaling.band.high", f64, |c| c.scaling.as_ref().map(|s| s.band.1), |c, value| { groups::scaling(c).band.1 = value; Ok(()) }, "The share in use above which it grows: low + 0.05 to 0.95. Unsaid: 0.8."),
    row!("scaling.interval", Duration, |c| c.scaling.as_ref().map(|s| s.interval), |c, value| { groups::scaling(c).interval = value; Ok(()) }, "How long a load lasts before the pool follows it: 1ms to a year. Unsaid: 10s."),
    row!("record_uses", bool, |c| c.record_uses, "Makes each checkout and return an event. The fast path is not taken then."),
    row!("time_one_in", u32, |c| c.time_one_in, "How many uses one stands for that is timed; 0 times none."),
    row!("queue_alert", Option<usize>, |c| c.queue_alert, "Tells subscribers when so many threads wait: 1 or more."),
    row!("session_binding", Duration, |c| c.session_binding, "How long a key is bound to the resource it had last, from its last use on: 1ms to a year."),
    derived!("session_places", usize, |c| c.session_places, "How many keys are remembered: 4 to 16777216. Unsaid: 16 for each resource there may be, 1024 at least."),
    #[cfg(feature = "metrics")]
    row!("metrics_interval", Option<Duration>, |c| c.metrics_interval, "How often the pool reports to the program's recorder of metrics: 100ms to a year."),
    row!("create_timeout", Duration, |c| c.create_timeout, "How long a creation may take before it counts as hung: 1ns to a year."),
    row!("check_timeout", Duration, |c| c.check_timeout, "How long a check may take before it has failed: 1ns to a year."),
    row!("destroy_timeout", Duration, |c| c.destroy_timeout, "How long destroying may take before it counts as hung: 1ns to a year."),
];

/// The place of a setting among the rows.
pub(super) fn find(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.name == name)
}

/// Whether the two cannot both stand: one says that there is none of what the other is a part of, or they are two ways to say one thing.
pub(super) fn contradict((a, value): (&str, &Given), (b, other): (&str, &Given)) -> bool {
    let is_without = |group: &str, value: &Given, part: &str| {
        let is_part = part.strip_prefix(group).is_some_and(|rest| rest.starts_with('.'));
        is_part && !["on", "eventual", "replace", "mixed"].into_iter().any(|with| value.is_text(with))
    };
    let (threshold, rate) = ("breaker.failure_threshold", "breaker.failure_rate.");
    is_without(a, value, b)
        || is_without(b, other, a)
        || (a == threshold && b.starts_with(rate))
        || (b == threshold && a.starts_with(rate))
}
