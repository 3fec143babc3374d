//! Seeing inside: who holds what, how many of everything, and whether the books balance.

mod audit;
mod distribution;
mod event;
mod histogram;
mod holder;
mod hung;
mod latency;
mod recorder;
mod resource;
mod stats;

pub use audit::Audit;
pub use distribution::Distribution;
pub use event::{PoolEvent, Transition, TransitionReason};
pub use histogram::Histogram;
pub use holder::{Holder, ResourceId};
pub use hung::{HungJob, JobKind};
pub use latency::Latencies;
pub use resource::{Resource, ResourceState};
pub use stats::{DestroyReason, Destroyed, Sheds, Stats};

pub(crate) use event::Subscribers;
pub(crate) use latency::Timings;
pub(crate) use recorder::Recorder;
pub(crate) use stats::Counts;
