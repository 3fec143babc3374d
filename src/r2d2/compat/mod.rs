//! r2d2's names and signatures, on this crate's pool.
//!
//! Where a program says `use r2d2::...` it says `use slackwater::r2d2::compat::...`; where it writes `r2d2::Pool`, one line at its top
//! does: `use slackwater::r2d2::compat as r2d2;`. Managers, customizers and error handlers are r2d2's own traits, so crates that
//! implement them for a database need no change. Its events can be made by r2d2 alone: handlers are compiled anew.
//!
//! The rules are [`Rules::ours`]; [`Builder::rules`] has r2d2's. What the facade has beyond r2d2: `rules`, `classify_by`, `recycle_by` and
//! [`configure`](Builder::configure) of the builder, and [`Pool::as_pool`], for all that this crate's pool can do.

mod builder;
#[cfg(feature = "diesel")]
pub mod diesel;
mod error;
mod guard;
mod pool;
mod start;

pub use super::event;
pub use super::event::{HandleEvent, NopEventHandler};
pub use super::rules::Rules;
pub use ::r2d2::{
    CustomizeConnection, Extensions, HandleError, LoggingErrorHandler, ManageConnection, NopConnectionCustomizer,
    NopErrorHandler,
};
pub use builder::Builder;
pub use error::Error;
pub use guard::PooledConnection;
pub use pool::{Pool, State};
