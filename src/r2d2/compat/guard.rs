//! A connection in the hands of its user.

use super::{Extensions, ManageConnection};
use crate::guard::OwnedCheckout;
use crate::r2d2::Adapter;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A connection of a pool's, which it keeps alive. Dereferences to the connection; dropped, it goes back, on whatever thread that is.
///
/// If that thread unwinds from a panic that began after the checkout, the connection ends instead
/// ([`Rules::keep_after_panic`](super::Rules::keep_after_panic)).
// Not `must_use`: r2d2's is not, and a changed `use` must bring no warnings.
pub struct PooledConnection<M: ManageConnection> {
    guard: OwnedCheckout<Adapter<M>>,
}

impl<M: ManageConnection> PooledConnection<M> {
    #[inline]
    pub(super) fn new(guard: OwnedCheckout<Adapter<M>>) -> Self {
        Self { guard }
    }

    /// What was put beside this connection.
    pub fn extensions(this: &Self) -> &Extensions {
        this.guard.extensions()
    }

    /// The same, to put something there.
    pub fn extensions_mut(this: &mut Self) -> &mut Extensions {
        this.guard.extensions_mut()
    }
}

impl<M: ManageConnection> Drop for PooledConnection<M> {
    /// Tells of the return first, and then gives back: whatever the handler does, the connection is not lost.
    #[inline]
    fn drop(&mut self) {
        self.guard.comes_back();
    }
}

impl<M: ManageConnection> Deref for PooledConnection<M> {
    type Target = M::Connection;

    #[inline]
    fn deref(&self) -> &M::Connection {
        &self.guard
    }
}

impl<M: ManageConnection> DerefMut for PooledConnection<M> {
    #[inline]
    fn deref_mut(&mut self) -> &mut M::Connection {
        &mut self.guard
    }
}

impl<M> fmt::Debug for PooledConnection<M>
where
    M: ManageConnection,
    M::Connection: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
