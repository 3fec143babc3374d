//! What a registry refuses, and why.

use crate::manager::Manager;
use crate::pool::Pool;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a registry has no such pool, or no such order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryError {
    /// Nothing is registered under the name.
    Missing {
        /// What was asked for.
        name: Arc<str>,
        /// The name that is a slip of the fingers away.
        nearest: Option<Arc<str>>,
        /// All there are.
        known: Vec<Arc<str>>,
    },
    /// The pool has another manager.
    WrongType {
        /// What was asked for.
        name: Arc<str>,
        /// The manager it should have had.
        wanted: &'static str,
        /// The manager it has.
        is: &'static str,
    },
    /// Two pools cannot each be closed before the other.
    Circular {
        /// The pool that was said to use another.
        name: Arc<str>,
        /// That other, which uses the first, itself or through others, or is it.
        on: Arc<str>,
    },
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegistryError::Missing { name, nearest: Some(nearest), .. } => {
                write!(f, "no pool is registered as {name:?}; did you mean {nearest:?}?")
            }
            RegistryError::Missing { name, known, .. } if known.is_empty() => {
                write!(f, "no pool is registered as {name:?}, nor any other; register it first")
            }
            RegistryError::Missing { name, known, .. } => {
                write!(
                    f,
                    "no pool is registered as {name:?}; there are {known:?}: use one of them, or register it first"
                )
            }
            RegistryError::WrongType { name, wanted, is } => {
                write!(f, "the pool {name:?} has the manager {is}, not {wanted}; ask for it as that")
            }
            RegistryError::Circular { name, on } if name == on => {
                write!(f, "{name:?} cannot be closed before itself; leave that out")
            }
            RegistryError::Circular { name, on } => {
                write!(
                    f,
                    "{name:?} cannot be closed before {on:?}, which is closed before it; leave out one of the two"
                )
            }
        }
    }
}

impl Error for RegistryError {}

/// A pool that was not registered, and why.
#[non_exhaustive]
pub struct RegisterError<M: Manager> {
    /// The name that was wanted.
    pub name: Arc<str>,
    /// Why not.
    pub reason: RegisterReason,
    /// The pool, as it was.
    pub pool: Pool<M>,
}

/// Why a pool was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterReason {
    /// Another one has the name.
    Taken {
        /// The other one's manager.
        by: &'static str,
    },
    /// The registry was closed.
    Closed,
}

impl<M: Manager> fmt::Display for RegisterError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.reason {
            RegisterReason::Taken { by } => {
                write!(f, "{name:?} is taken by a pool with the manager {by}; remove that first, or take another name")
            }
            RegisterReason::Closed => {
                write!(f, "{name:?} comes too late: the registry was closed; make a new one to go on")
            }
        }
    }
}

impl<M: Manager> fmt::Debug for RegisterError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterError").field("name", &self.name).field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<M: Manager> Error for RegisterError<M> {}
