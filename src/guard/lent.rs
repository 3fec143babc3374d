//! What a checkout gives that never comes back with nothing.

use super::Checkout;
use crate::manager::Manager;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A resource of the pool's, or one that stands in for it. See [`Request::or_else`](crate::Request::or_else).
///
/// Dereferences to the resource.
#[must_use = "dropping it gives the resource back at once"]
pub enum Lent<'p, M: Manager> {
    /// One of the pool's own: dropped, it goes back.
    Pooled(Checkout<'p, M>),
    /// One that the caller made: no callback of the manager's ever sees it, and dropped, it is gone.
    Fallback(M::Resource),
}

impl<M: Manager> Lent<'_, M> {
    /// Whether it only stands in for one of the pool's.
    pub fn is_fallback(&self) -> bool {
        matches!(self, Lent::Fallback(_))
    }
}

impl<M: Manager> Deref for Lent<'_, M> {
    type Target = M::Resource;

    fn deref(&self) -> &M::Resource {
        match self {
            Lent::Pooled(checkout) => checkout,
            Lent::Fallback(resource) => resource,
        }
    }
}

impl<M: Manager> DerefMut for Lent<'_, M> {
    fn deref_mut(&mut self) -> &mut M::Resource {
        match self {
            Lent::Pooled(checkout) => checkout,
            Lent::Fallback(resource) => resource,
        }
    }
}

impl<M: Manager<Resource: fmt::Debug>> fmt::Debug for Lent<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lent::Pooled(checkout) => f.debug_tuple("Pooled").field(checkout).finish(),
            Lent::Fallback(resource) => f.debug_tuple("Fallback").field(resource).finish(),
        }
    }
}
