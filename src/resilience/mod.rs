//! What keeps a backend that is down from being asked again and again, and callers from waiting for it; and what a pool does
//! when more is asked of it than it has.
//!
//! | file       | what lives there                                                                |
//! |------------|---------------------------------------------------------------------------------|
//! | `circuit`  | the state machine of a breaker in one word; time comes in as a number            |
//! | `window`   | calls and failures of the last while, for breakers that trip at a rate           |
//! | `breaker`  | the breaker for calls of the user's own, its settings and its errors             |
//! | `backoff`  | the pauses between creations that fail                                          |
//! | `recovery` | what follows from which failure                                                 |
//! | `shedding` | what a queue knows of overload, and of how fast it is served                    |

mod backoff;
pub(crate) mod breaker;
pub(crate) mod circuit;
#[cfg(all(test, slackwater_loom))]
mod models;
mod recovery;
pub(crate) mod shedding;
mod window;

pub use backoff::Backoff;
pub(crate) use backoff::draw;
pub use breaker::{Breaker, BreakerConfig, BreakerError, BreakerOpen, BreakerStats, Permit, Trip};
pub use circuit::BreakerState;
pub use recovery::{FailureKind, Recovery, RecoveryTable};
