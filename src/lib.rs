#![doc = include_str!("../docs/crate.md")]
#![deny(missing_docs)]
// On docs.rs each item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod config;
#[macro_use]
mod core;
#[cfg(any(feature = "extract", feature = "config"))]
mod document;
mod error;
#[cfg(feature = "extract")]
pub mod extract;
mod guard;
#[cfg(feature = "http")]
pub mod http;
mod keeper;
mod manager;
mod near;
mod observe;
mod pool;
#[cfg(all(feature = "process", any(target_os = "linux", target_os = "macos")))]
pub mod process;
#[cfg(all(feature = "process", not(any(target_os = "linux", target_os = "macos"))))]
compile_error!(
    "slackwater's feature `process` is for Linux and macOS: a worker ends with all it started by its process group, in whose place Windows \
     has job objects, which this crate does not use yet; build without `process` here"
);
#[cfg(feature = "r2d2")]
pub mod r2d2;
mod registry;
mod reset;
mod resilience;
#[cfg(feature = "config")]
mod settings;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "wasm")]
pub mod wasm;
#[cfg(feature = "workers")]
mod workers;

#[cfg(slackwater_shuttle)]
#[doc(hidden)]
pub use crate::core::sync::as_if_unwinding;
pub use config::{
    Change, Changes, CoDel, Creation, Fairness, Fences, Keeper, Load, MAX_SLOTS, MAX_SPAN, Mode, OnDeadlock, OnLeak,
    OnPanic, PoolConfig, Scaling, Strategy,
};
pub use error::{
    BuildError, CheckoutError, CircuitOpen, Closed, ConfigError, CreateError, Exhausted, Panicked, Saturated,
    SessionBusy, SharedError, Shed, ShedReason, Timeout, WouldDeadlock,
};
pub use guard::{Checkout, Lent, OwnedCheckout};
pub use keeper::{Advice, Clock, Deadline, VirtualClock};
pub use manager::{Manager, ReturnOutcome, Severity};
#[cfg(feature = "http")]
pub use observe::Scrape;
pub use observe::{
    Audit, BreakerLook, DestroyReason, Destroyed, Distribution, Dump, Health, HealthLevel, HealthReason, Histogram,
    Holder, HungJob, JobKind, Latencies, PoolEvent, Resource, ResourceId, ResourceState, Sheds, Snapshot, Stats,
    Transition, TransitionReason,
};
#[cfg(feature = "metrics")]
pub use observe::{Metric, MetricKind, MetricsReporter};
pub use pool::{
    Builder, CloseReport, Epoch, Gc, KeyedError, KeyedPool, Lifeline, Memory, MemoryLimitExceeded, Only, Pool,
    Priority, ReconfigureError, Request, Rollout, SessionMode, SessionStats, Spent, WarmUpReport,
};
pub use registry::{AnyPool, RegisterError, RegisterReason, Registry, RegistryError};
pub use reset::{Reset, Resets, Unhealthy};
pub use resilience::{
    Backoff, Breaker, BreakerConfig, BreakerError, BreakerOpen, BreakerState, BreakerStats, FailureKind, Permit,
    Recovery, RecoveryTable, Trip,
};
#[cfg(feature = "workers")]
pub use workers::{
    Job, JobError, JobPanic, JobTimeout, LocalManager, Map, Refused, Scope, ScopedTicket, Seat, SubmitError,
    ThreadError, Threads, Ticket, Unordered, Workers, WorkersBuilder,
};

#[cfg(feature = "config")]
pub use document::{FileErrors, Mistake};
#[cfg(feature = "config")]
pub use settings::{Origin, Setting, Settings, SettingsError};

// The pages of the book whose examples need no more than their feature; `.ci/run guide` follows the first one.
#[cfg(doctest)]
#[doc = include_str!("../docs/guarantees.md")]
mod guarantees {}

#[cfg(doctest)]
#[doc = include_str!("../docs/sizes.md")]
mod sizes {}

#[cfg(doctest)]
#[doc = include_str!("../docs/latency.md")]
mod latency {}

#[cfg(doctest)]
#[doc = include_str!("../docs/operations.md")]
mod operations {}

#[cfg(doctest)]
#[doc = include_str!("../docs/migrating.md")]
mod migrating {}

#[cfg(all(doctest, feature = "rayon"))]
#[doc = include_str!("../docs/rayon.md")]
mod with_rayon {}

#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../docs/observability.md")]
mod observability {}

#[cfg(all(doctest, feature = "extract", feature = "wasm"))]
#[doc = include_str!("../docs/wasm.md")]
mod components {}

#[cfg(all(doctest, feature = "process"))]
#[doc = include_str!("../docs/process.md")]
mod processes {}

#[cfg(all(doctest, feature = "r2d2"))]
#[doc = include_str!("../docs/r2d2.md")]
mod from_r2d2 {}

#[cfg(all(doctest, feature = "config"))]
#[doc = include_str!("../docs/settings.md")]
mod settings_page {}

#[cfg(all(doctest, feature = "workers"))]
#[doc = include_str!("../docs/threads.md")]
mod threads {}
