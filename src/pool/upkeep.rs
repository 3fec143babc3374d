//! The settings of what the keeper does for resources over their life.

use super::Builder;
use crate::config::{OnLeak, Scaling};
use crate::manager::Manager;
use std::time::Duration;

impl<M: Manager> Builder<M> {
    /// How often a free resource is checked with [`Manager::check`], one at a time and never the last one available.
    /// Default: every 30 s, for managers other than closures, with which it is refused. 1 ms to a year; None never checks.
    pub fn check_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.config.check_interval = interval.into();
        self
    }

    /// Checks a resource that was neither used nor checked for this long before it is lent again, on a helper thread,
    /// while the caller waits for whatever comes first. Default: not. 1 ms to a year. Idle time is known to about 0.1 s.
    /// Refused with a closure, which has no check.
    pub fn check_if_idle_for(mut self, idle: Duration) -> Self {
        self.config.check_if_idle_for = Some(idle);
        self
    }

    /// Failures in a row, of checks or reported by holders, after which a resource is degraded: lent as a last resort
    /// only. Default: 1. Up to 1,000.
    pub fn degrade_after(mut self, failures: u32) -> Self {
        self.config.degrade_after = failures;
        self
    }

    /// Failures in a row after which a resource is destroyed. Default: 3. From `degrade_after` to 1,000.
    pub fn remove_after(mut self, failures: u32) -> Self {
        self.config.remove_after = failures;
        self
    }

    /// How old a resource may become. It is replaced when its time has come; one in use, once it is returned. Default: no
    /// limit. 1 ms to a year.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.max_lifetime = Some(lifetime);
        self
    }

    /// Shortens each life by a share of `max_lifetime` between 0 and this, drawn once, so that resources made together do
    /// not end together. Default: 0.1. Up to 0.5.
    pub fn lifetime_jitter(mut self, share: f64) -> Self {
        self.config.lifetime_jitter = Some(share);
        self
    }

    /// How long a resource idles before it is destroyed, while more than `min_idle` are free. Default: for ever. 1 ms to a
    /// year. Acts up to 0.1 s late, never early.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.config.idle_timeout = Some(timeout);
        self
    }

    /// Uses after which a resource is destroyed at its return: exact, at the price of a slower return: `cargo bench
    /// --bench checkout` shows it.
    /// Default: no limit.
    pub fn max_uses(mut self, uses: u64) -> Self {
        self.config.max_uses = Some(uses);
        self
    }

    /// Replacements that are made before their predecessors end, at once: resources beyond `max_size` for that time.
    /// Default: 1.
    pub fn surge(mut self, resources: usize) -> Self {
        self.config.surge = resources;
        self
    }

    /// Resources that may be out of service for their replacement, at once. Default: 0, each is replaced before it ends.
    pub fn max_unavailable(mut self, resources: usize) -> Self {
        self.config.max_unavailable = resources;
        self
    }

    /// Up to how many resources, overflow included, [`Pool::resize`](crate::Pool::resize) may go. Default: what the pool
    /// is built with. Each place takes 256 bytes, used or not.
    pub fn ceiling(mut self, resources: usize) -> Self {
        self.config.ceiling = Some(resources);
        self
    }

    /// Holds longer than this are reported, with thread, place and time, and so is their end. Default: none. 1 ms to 100
    /// days. A hold counts from when the keeper first sees it, at most 0.1 s late, and is seen twice before it is reported;
    /// with [`Keeper::Manual`](crate::Keeper::Manual) the keeper sees what [`tick`](crate::Pool::tick) does.
    pub fn max_hold(mut self, hold: Duration) -> Self {
        self.config.max_hold = Some(hold);
        self
    }

    /// What becomes of the capacity that such a hold takes. Default: [`OnLeak::Report`].
    pub fn on_leak(mut self, on_leak: OnLeak) -> Self {
        self.config.on_leak = on_leak;
        self
    }

    /// What all resources together may weigh, in the unit of [`Manager::weight`]. Above `memory_pressure` of it the
    /// coldest idle ones go; once it is reached no more are made. Default: no limit. Refused with a closure, which has no
    /// weight.
    pub fn memory_budget(mut self, weight: u64) -> Self {
        self.config.memory_budget = Some(weight);
        self
    }

    /// The share of `memory_budget` above which idle resources are destroyed. Default: 0.8. 0.01 to 1.
    pub fn memory_pressure(mut self, share: f64) -> Self {
        self.config.memory_pressure = Some(share);
        self
    }

    /// Replaces a resource that leaks: one that weighs more than this many times what it did after its first use, and
    /// whose lightest moments keep getting heavier. Default: not. 1.01 and more. Refused with a closure, which has no weight.
    pub fn max_growth(mut self, times: f64) -> Self {
        self.config.max_growth = Some(times);
        self
    }

    /// Makes each checkout and return a transition like any other: an event, and an entry in the flight recorder. Default:
    /// false. The fast path is not taken then: `cargo bench --bench checkout` shows what that costs.
    pub fn record_uses(mut self, record: bool) -> Self {
        self.config.record_uses = record;
        self
    }

    /// How many uses one stands for that is timed, of those that found a resource at once: see [`Latencies`](crate::Latencies). The
    /// others are all timed. Default: 2,048. Of 0, no use is. 1 looks at the clock for each: `cargo bench --bench observe` shows
    /// what that costs.
    pub fn time_one_in(mut self, uses: u32) -> Self {
        self.config.time_one_in = uses;
        self
    }

    /// Tells subscribers when so many threads wait, and when nobody does any more: [`PoolEvent::QueueGrew`](crate::PoolEvent::QueueGrew).
    /// Default: not. 1 and more.
    pub fn queue_alert(mut self, waiting: usize) -> Self {
        self.config.queue_alert = Some(waiting);
        self
    }

    /// Reports the pool to the program's recorder of `metrics` every so often while it is in use, once more when it comes to
    /// rest, and a last time when it closes. Default: not. 100 ms to a year. See
    /// [`MetricsReporter`](crate::MetricsReporter) for what is reported.
    ///
    /// The recorder runs on a thread of its own that ends with each report; with [`Keeper::Manual`](crate::Keeper::Manual) inside
    /// [`tick`](crate::Pool::tick). One that panics or hangs holds up nobody, apart from `close`, which waits for the last report, at
    /// most for 1 s. Dropping the last handle does not.
    #[cfg(feature = "metrics")]
    pub fn metrics_interval(mut self, interval: Duration) -> Self {
        self.config.metrics_interval = Some(interval);
        self
    }

    /// Has the keeper adapt `max_size` to the load. Default: not.
    pub fn scaling(mut self, scaling: Scaling) -> Self {
        self.config.scaling = Some(scaling);
        self
    }
}
