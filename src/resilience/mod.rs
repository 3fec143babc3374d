//! When what the pool stands on breaks: how often to try again, and what follows from which failure.

mod backoff;
mod recovery;

pub use backoff::Backoff;
pub(crate) use backoff::draw;
pub use recovery::{FailureKind, Recovery, RecoveryTable};
