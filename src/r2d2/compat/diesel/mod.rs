//! The names of `diesel::r2d2`. Feature `diesel`.
//!
//! Where a program says `use diesel::r2d2::{ConnectionManager, Pool};` it says
//! `use slackwater::r2d2::compat::diesel::{ConnectionManager, Pool};`, and that is all: the guard is a connection of diesel's, and
//! queries take `&mut conn`. diesel's own `ConnectionManager` works in these pools too; the one of this module looks for transactions that
//! were begun past diesel besides.

mod connection;
mod manager;

pub use super::Error as PoolError;
pub use super::event;
pub use super::{
    Builder, CustomizeConnection, Extensions, HandleError, HandleEvent, LoggingErrorHandler, ManageConnection,
    NopConnectionCustomizer, NopErrorHandler, NopEventHandler, Pool, PooledConnection, Rules, State,
};
pub use ::diesel::r2d2::{Error, R2D2Connection, TestCustomizer};
pub use connection::Transactions;
pub use manager::ConnectionManager;
