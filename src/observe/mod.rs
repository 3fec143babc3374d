//! Seeing inside: who holds what, how many of everything, and whether the books balance.

mod audit;
mod event;
mod holder;
mod hung;
mod recorder;
mod resource;
mod stats;

pub use audit::Audit;
pub use event::{PoolEvent, Transition, TransitionReason};
pub use holder::{Holder, ResourceId};
pub use hung::{HungJob, JobKind};
pub use resource::{Resource, ResourceState};
pub use stats::{DestroyReason, Destroyed, Sheds, Stats};

pub(crate) use event::Subscribers;
pub(crate) use recorder::Recorder;
pub(crate) use stats::Counts;
