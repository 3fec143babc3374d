//! Seeing inside: who holds what, how many of everything, and whether the books balance.

mod audit;
mod distribution;
mod dump;
mod event;
mod health;
mod histogram;
mod holder;
mod hung;
mod journal;
mod latency;
#[cfg(feature = "metrics")]
mod metrics;
mod recorder;
mod resource;
mod snapshot;
mod stats;
mod told;

pub use audit::Audit;
pub use distribution::Distribution;
pub use dump::Dump;
pub use event::{PoolEvent, Transition, TransitionReason};
pub use health::{Health, HealthLevel, HealthReason};
pub use histogram::Histogram;
pub use holder::{Holder, ResourceId};
pub use hung::{HungJob, JobKind};
pub use latency::Latencies;
#[cfg(feature = "http")]
pub use metrics::Scrape;
#[cfg(feature = "metrics")]
pub use metrics::{Metric, MetricKind, MetricsReporter};
pub use resource::{Resource, ResourceState};
pub use snapshot::{BreakerLook, Snapshot};
pub use stats::{DestroyReason, Destroyed, Sheds, Stats};

pub(crate) use event::Subscribers;
pub(crate) use journal::{Line, kind, say};
pub(crate) use latency::Timings;
pub(crate) use recorder::Recorder;
pub(crate) use stats::Counts;
pub(crate) use told::Told;
