//! Managers that were written for r2d2, and programs that were. Feature `r2d2`.
//!
//! Two ways in. A program that uses r2d2 changes one line and keeps its code: [`compat`] has r2d2's names and signatures, on this
//! crate's pool. A program that uses this crate takes any [`ManageConnection`] there is, for whatever database, as a
//! [`Manager`](crate::Manager): [`Adapter`].
//!
//! ```
//! // use r2d2::{ManageConnection, Pool};
//! use slackwater::r2d2::compat::{ManageConnection, Pool};
//!
//! # struct Numbers;
//! # impl ManageConnection for Numbers {
//! #     type Connection = u64;
//! #     type Error = std::convert::Infallible;
//! #     fn connect(&self) -> Result<u64, Self::Error> { Ok(7) }
//! #     fn is_valid(&self, _: &mut u64) -> Result<(), Self::Error> { Ok(()) }
//! #     fn has_broken(&self, _: &mut u64) -> bool { false }
//! # }
//! let pool = Pool::builder().max_size(4).build(Numbers)?;
//! assert_eq!(*pool.get()?, 7);
//! # Ok::<_, slackwater::r2d2::compat::Error>(())
//! ```
//!
//! Where r2d2 has rules of its own, [`Rules`] lists them beside this crate's, and switches them one by one. What stays different
//! stands in `docs/r2d2.md`.

mod adapter;
pub mod compat;
mod connection;
pub mod event;
mod failure;
mod rules;
mod telling;
mod transactions;

pub use ::r2d2::{CustomizeConnection, Extensions, HandleError, ManageConnection};
pub use adapter::Adapter;
pub use connection::Connection;
pub use event::HandleEvent;
pub use failure::Failure;
pub use rules::Rules;
