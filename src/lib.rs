#![doc = include_str!("../docs/crate.md")]
#![deny(missing_docs)]

mod config;
mod core;
mod error;
#[cfg(feature = "extract")]
pub mod extract;
mod guard;
mod keeper;
mod manager;
mod observe;
mod pool;

#[cfg(slackwater_shuttle)]
#[doc(hidden)]
pub use crate::core::sync::as_if_unwinding;
pub use config::{Creation, Fairness, Fences, Keeper, MAX_SLOTS, MAX_SPAN, OnDeadlock, OnPanic, PoolConfig, Strategy};
pub use error::{
    BuildError, CheckoutError, Closed, ConfigError, CreateError, Exhausted, Panicked, Saturated, SharedError, Timeout,
    WouldDeadlock,
};
pub use guard::{Checkout, OwnedCheckout};
pub use keeper::{Clock, Deadline, VirtualClock};
pub use manager::{Manager, ReturnOutcome, Severity};
pub use observe::{Audit, DestroyReason, Destroyed, Holder, ResourceId, Stats};
pub use pool::{Builder, CloseReport, Pool, Priority, Request, WarmUpReport};

#[cfg(doctest)]
#[doc = include_str!("../docs/guarantees.md")]
mod guarantees {}
