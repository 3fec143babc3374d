//! What happens to connections, for handlers that were written for r2d2.
//!
//! r2d2's own events can be made by r2d2 alone, so these are ours, with the same names and the same methods: a handler is compiled
//! anew and needs no other change, but one that comes compiled in a crate of its own cannot be called.

use std::fmt;
use std::time::Duration;

/// Hears what happens to a pool's connections. Each method does nothing by default.
///
/// On which thread it is called, and whether the pool waits for it, is said by
/// [`Rules::synchronous_events`](super::Rules::synchronous_events).
pub trait HandleEvent: fmt::Debug + Sync + Send {
    /// A connection was made, and customized.
    fn handle_acquire(&self, event: AcquireEvent) {
        let _ = event;
    }

    /// A connection leaves the pool for good.
    fn handle_release(&self, event: ReleaseEvent) {
        let _ = event;
    }

    /// A connection was lent.
    fn handle_checkout(&self, event: CheckoutEvent) {
        let _ = event;
    }

    /// A caller that waited for a connection went away without one.
    fn handle_timeout(&self, event: TimeoutEvent) {
        let _ = event;
    }

    /// A connection comes back.
    fn handle_checkin(&self, event: CheckinEvent) {
        let _ = event;
    }
}

/// Does nothing. A pool without a handler does less: it does not look at the clock either.
#[derive(Copy, Clone, Debug)]
pub struct NopEventHandler;

impl HandleEvent for NopEventHandler {}

macro_rules! of_a_connection {
    ($event:ty) => {
        impl $event {
            /// Which connection: unique in the process, later ones have greater numbers.
            #[inline]
            pub fn connection_id(&self) -> u64 {
                self.id
            }
        }
    };
}

/// See [`HandleEvent::handle_acquire`].
#[derive(Debug)]
pub struct AcquireEvent {
    pub(super) id: u64,
}

/// See [`HandleEvent::handle_release`].
#[derive(Debug)]
pub struct ReleaseEvent {
    pub(super) id: u64,
    pub(super) age: Duration,
}

/// See [`HandleEvent::handle_checkout`].
#[derive(Debug)]
pub struct CheckoutEvent {
    pub(super) id: u64,
    pub(super) duration: Duration,
}

/// See [`HandleEvent::handle_timeout`].
#[derive(Debug)]
pub struct TimeoutEvent {
    pub(super) timeout: Duration,
}

/// See [`HandleEvent::handle_checkin`].
#[derive(Debug)]
pub struct CheckinEvent {
    pub(super) id: u64,
    pub(super) duration: Duration,
}

of_a_connection!(AcquireEvent);
of_a_connection!(ReleaseEvent);
of_a_connection!(CheckoutEvent);
of_a_connection!(CheckinEvent);

impl ReleaseEvent {
    /// How long ago it was made.
    #[inline]
    pub fn age(&self) -> Duration {
        self.age
    }
}

impl CheckoutEvent {
    /// How long the caller waited for it.
    #[inline]
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

impl TimeoutEvent {
    /// How long the caller was ready to wait.
    #[inline]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl CheckinEvent {
    /// How long it was lent.
    #[inline]
    pub fn duration(&self) -> Duration {
        self.duration
    }
}
