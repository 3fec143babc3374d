//! A pool at one moment, in one value.

use super::{HungJob, Latencies, Resource, Stats, Transition};
use crate::config::Mode;
use crate::error::SharedError;
use crate::keeper::Advice;
use crate::manager::Manager;
use crate::pool::{Inner, Memory, SessionStats};
use crate::resilience::BreakerState;
use std::sync::Arc;
use std::time::Duration;

/// All that can be seen of a pool, read once: what [`Health`](crate::Health) and [`Dump`](crate::Dump) are made of. The parts are
/// read one after another while the pool works on; [`Stats::settled`] says whether its numbers are those of one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The pool's name.
    pub name: Option<Arc<str>>,
    /// When it was read, since the pool's clock began.
    pub at: Duration,
    /// Whether the pool is closed.
    pub closed: bool,
    /// The fatal error that closed it.
    pub stopped_by: Option<SharedError>,
    /// Its numbers.
    pub stats: Stats,
    /// Its resources: state, age, uses, holder.
    pub resources: Vec<Resource>,
    /// How long the first in the queue has waited.
    pub oldest_wait: Option<Duration>,
    /// What becomes of resources between two uses, now.
    pub mode: Mode,
    /// For how long callers wait by default.
    pub checkout_timeout: Duration,
    /// Holds longer than this are reported.
    pub max_hold: Option<Duration>,
    /// Creations that failed in a row, up to now.
    pub failed_creations: u32,
    /// How long ago the last of them failed.
    pub last_create_failure: Option<Duration>,
    /// How long ago a resource failed right after its creation, if one did since others lived.
    pub last_short_life: Option<Duration>,
    /// The last creation that failed, if none has succeeded since.
    pub last_create_error: Option<SharedError>,
    /// The breaker, if there is one.
    pub breaker: Option<BreakerLook>,
    /// Background jobs that hang.
    pub hung_jobs: Vec<HungJob>,
    /// What the resources weigh.
    pub memory: Memory,
    /// Above which weight idle resources are destroyed.
    pub memory_threshold: Option<u64>,
    /// How long things took, since the pool was built.
    pub latencies: Latencies,
    /// What became of checkouts with a key.
    pub sessions: SessionStats,
    /// What size would fit the load of the last minute.
    pub advice: Advice,
    /// The flight recorder, the oldest first.
    pub transitions: Vec<Transition>,
}

/// What is seen of a pool's breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerLook {
    /// Its state.
    pub state: BreakerState,
    /// Failures since creation last worked.
    pub failures: u32,
    /// How long until the next creation is tried, while it is open.
    pub retry_after: Duration,
}

impl BreakerLook {
    pub(crate) fn new(state: BreakerState, failures: u32, retry_after: Duration) -> Self {
        Self { state, failures, retry_after }
    }
}

impl<M: Manager> Inner<M> {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let now = self.now();
        let waits_since = self.shelf.waits_since();
        let ago = |then: u64| Duration::from_nanos(now.saturating_sub(then));
        Snapshot {
            name: self.name().cloned(),
            at: Duration::from_nanos(now),
            closed: self.is_closed(),
            stopped_by: self.stopped_by(),
            stats: self.stats(),
            resources: self.resources(),
            oldest_wait: waits_since.map(ago),
            mode: self.config().mode,
            checkout_timeout: self.config().checkout_timeout,
            max_hold: self.config().max_hold,
            failed_creations: self.failed_creations(),
            last_create_failure: self.last_create_failure().map(ago),
            last_short_life: self.last_short_life().map(ago),
            last_create_error: self.last_create_error(),
            breaker: self.breaker_look(),
            hung_jobs: self.crew.hung_jobs(now),
            memory: self.memory(),
            memory_threshold: self.config().memory_threshold(),
            latencies: self.latencies(),
            sessions: self.session_stats(),
            advice: self.advise(),
            transitions: self.recorder.transitions(),
        }
    }
}
