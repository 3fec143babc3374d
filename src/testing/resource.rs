//! A resource with a fate.

use super::fault::Callback;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// A resource of a [`ChaosManager`](super::ChaosManager): the wrapped manager's, which it dereferences to, and what fate
/// has in store for it. It counts as [alive](super::ChaosHandle::alive) until it is dropped.
pub struct ChaosResource<R> {
    pub(super) inner: R,
    pub(super) life: Life,
}

/// What is known of one resource.
pub(super) struct Life {
    pub(super) number: u64,
    pub(super) uses: u64,
    /// Checks so far, the present one included.
    pub(super) checks: u64,
    pub(super) dies_after: Option<u64>,
    pub(super) leaks: u64,
    pub(super) dead: bool,
    pub(super) _census: Census,
}

impl Life {
    /// What a callback does to it: each return is a use, and one of them may be its last.
    pub(super) fn live_through(&mut self, callback: Callback, mortal: bool) {
        match callback {
            Callback::Check => self.checks += 1,
            Callback::IsBroken => {
                self.uses += 1;
                self.dead |= mortal && self.dies_after.is_some_and(|uses| self.uses >= uses);
            }
            _ => {}
        }
    }
}

impl<R> ChaosResource<R> {
    /// Its place in the order of creation, from 1. What never came to be has no number.
    pub fn number(&self) -> u64 {
        self.life.number
    }

    /// How often it was returned and looked at.
    pub fn uses(&self) -> u64 {
        self.life.uses
    }

    /// Whether it is dead: it will say so when it is returned, or checked.
    pub fn is_dead(&self) -> bool {
        self.life.dead
    }

    /// Has it die in the hands of its holder, as a child process or a connection may.
    pub fn kill(&mut self) {
        self.life.dead = true;
    }

    /// The wrapped manager's resource, after a [`detach`](crate::Checkout::detach). It counts as alive no longer.
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R> Deref for ChaosResource<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.inner
    }
}

impl<R> DerefMut for ChaosResource<R> {
    fn deref_mut(&mut self) -> &mut R {
        &mut self.inner
    }
}

impl<R: fmt::Debug> fmt::Debug for ChaosResource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosResource")
            .field("number", &self.life.number)
            .field("uses", &self.life.uses)
            .field("dead", &self.life.dead)
            .field("inner", &self.inner)
            .finish()
    }
}

/// One living resource.
pub(super) struct Census(Arc<AtomicUsize>);

impl Census {
    pub(super) fn enter(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, SeqCst);
        Self(Arc::clone(alive))
    }
}

impl Drop for Census {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
