//! A pooled connection, and what the pool keeps beside it.

use super::event::{AcquireEvent, CheckinEvent, CheckoutEvent, ReleaseEvent};
use super::telling::{Event, Telling};
use ::r2d2::Extensions;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// The resource of a pool whose manager is an [`Adapter`](super::Adapter). Dereferences to the connection.
pub struct Connection<C> {
    connection: C,
    extensions: Extensions,
    id: u64,
    born: Instant,
    /// Whether it was customized: what was not is no more than dropped.
    is_acquired: bool,
    /// Who hears of it. Without a handler nothing here is looked at but this.
    telling: Option<Arc<Telling>>,
    lent_at: Option<Instant>,
}

impl<C> Connection<C> {
    pub(super) fn new(connection: C, telling: Option<Arc<Telling>>) -> Self {
        Self {
            connection,
            extensions: Extensions::new(),
            id: NEXT_ID.fetch_add(1, Relaxed),
            born: Instant::now(),
            is_acquired: false,
            telling,
            lent_at: None,
        }
    }

    /// Its number: unique in the process, later ones are greater.
    pub fn connection_id(&self) -> u64 {
        self.id
    }

    /// How long ago it was made.
    pub fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// What users have put beside the connection. Goes with it.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, to put something there.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    pub(super) fn acquired(&mut self) {
        self.is_acquired = true;
        self.tell(|its| Event::Acquire(AcquireEvent { id: its.id }));
    }

    /// Tells that it was lent, to somebody who waited since `asked_at`.
    pub(super) fn lent(&mut self, asked_at: Instant) {
        if self.telling.is_some() {
            self.lent_at = Some(Instant::now());
            self.tell(|its| Event::Checkout(CheckoutEvent { id: its.id, duration: asked_at.elapsed() }));
        }
    }

    /// Tells that it comes back, if it was told that it was lent.
    #[inline]
    pub(super) fn comes_back(&mut self) {
        if self.telling.is_some() {
            self.tell_of_return();
        }
    }

    #[cold]
    fn tell_of_return(&mut self) {
        if let Some(lent_at) = self.lent_at.take() {
            self.tell(|its| Event::Checkin(CheckinEvent { id: its.id, duration: lent_at.elapsed() }));
        }
    }

    /// Tells that it ends. The connection, if its customizer saw it come.
    pub(super) fn released(self) -> Option<C> {
        if !self.is_acquired {
            return None;
        }
        self.tell(|its| Event::Release(ReleaseEvent { id: its.id, age: its.age() }));
        Some(self.connection)
    }

    fn tell(&self, event: impl FnOnce(&Self) -> Event) {
        if let Some(telling) = &self.telling {
            telling.tell(event(self));
        }
    }
}

impl<C> Deref for Connection<C> {
    type Target = C;

    #[inline]
    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C> DerefMut for Connection<C> {
    #[inline]
    fn deref_mut(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C: fmt::Debug> fmt::Debug for Connection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}
