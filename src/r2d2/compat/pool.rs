//! The pool under r2d2's name.

use super::{Builder, Error, ManageConnection, PooledConnection};
use crate::guard::OwnedCheckout;
use crate::r2d2::Adapter;
use crate::r2d2::event::TimeoutEvent;
use crate::r2d2::telling::Event;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A pool of connections. Clones are handles to the same one; with the last of them it closes.
pub struct Pool<M: ManageConnection> {
    pool: crate::Pool<Adapter<M>>,
    settings: Arc<Settings>,
    /// Whether a checkout is no more than one: nobody is told of it, and nothing is tested.
    is_plain: bool,
}

/// What it was built with, as its builder was told.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) max_size: u32,
    pub(super) min_idle: Option<u32>,
    pub(super) test_on_check_out: bool,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) connection_timeout: Duration,
    /// Whether checkouts test, on the caller.
    pub(super) tests: bool,
    pub(super) short_errors: bool,
}

type Guard<M> = OwnedCheckout<Adapter<M>>;

impl<M: ManageConnection> Pool<M> {
    /// A pool with the defaults of [`Builder`].
    ///
    /// # Blocking
    /// As [`Builder::build`].
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new(manager: M) -> Result<Pool<M>, Error> {
        Builder::new().build(manager)
    }

    /// Settings for a pool to be built.
    pub fn builder() -> Builder<M> {
        Builder::new()
    }

    pub(super) fn of(pool: crate::Pool<Adapter<M>>, settings: Settings) -> Self {
        let is_plain = !settings.tests && !pool.manager().tells();
        Self { pool, settings: Arc::new(settings), is_plain }
    }

    /// Lends a connection, waiting up to `connection_timeout` for one.
    ///
    /// # Blocking
    /// While none is free, and as long as `is_valid` takes where checkouts test. Connections are made on other threads.
    ///
    /// # Errors
    /// If none came in time; under [`Rules::ours`](super::Rules::ours) also earlier, if none can be made and none is alive.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> Result<PooledConnection<M>, Error> {
        if self.is_plain {
            return self.pool.checkout_owned().map(PooledConnection::new).map_err(|error| self.failed(error));
        }
        self.get_watched(self.settings.connection_timeout)
    }

    /// As [`get`](Self::get), waiting up to `timeout`. Zero takes what is free.
    ///
    /// # Blocking
    /// As `get`.
    ///
    /// # Errors
    /// As `get`.
    #[track_caller]
    pub fn get_timeout(&self, timeout: Duration) -> Result<PooledConnection<M>, Error> {
        if self.is_plain {
            let lent = self.pool.request().timeout(timeout).checkout_owned();
            return lent.map(PooledConnection::new).map_err(|error| self.failed(error));
        }
        self.get_watched(timeout)
    }

    /// Lends a connection if one is free. If none is, and there is room, one is made in the background.
    ///
    /// # Blocking
    /// As long as `is_valid` takes where checkouts test.
    #[track_caller]
    pub fn try_get(&self) -> Option<PooledConnection<M>> {
        let asked_at = Instant::now();
        loop {
            let mut guard = self.pool.try_checkout_owned().ok()?;
            match self.tested(&mut guard) {
                Ok(()) => return Some(lend(guard, asked_at)),
                Err(said) => guard.discard(said),
            }
        }
    }

    #[track_caller]
    fn get_watched(&self, timeout: Duration) -> Result<PooledConnection<M>, Error> {
        let asked_at = Instant::now();
        let mut tested = None;
        let error = loop {
            let left = timeout.saturating_sub(asked_at.elapsed());
            let mut guard = match self.pool.request().timeout(left).checkout_owned() {
                Ok(guard) => guard,
                Err(error) => break self.failed(error),
            };
            let Err(said) = self.tested(&mut guard) else { return Ok(lend(guard, asked_at)) };
            guard.discard(&said);
            tested = Some(said);
            // Others that are free may be fit, but where none is, each that is made fails as fast as it is made.
            if asked_at.elapsed() >= timeout && self.pool.stats().available == 0 {
                break Error::unfit(asked_at.elapsed(), self.settings.short_errors);
            }
        };
        self.pool.manager().tell(|| Event::Timeout(TimeoutEvent { timeout }));
        Err(error.after_test(tested))
    }

    /// Whether a connection may be lent; if not, what its test said.
    fn tested(&self, guard: &mut Guard<M>) -> Result<(), String> {
        if !self.settings.tests {
            return Ok(());
        }
        let adapter = self.pool.manager();
        adapter.manager().is_valid(guard).map_err(|error| adapter.failure(error).to_string())
    }

    #[cold]
    fn failed(&self, error: crate::CheckoutError) -> Error {
        Error::checkout(error, self.settings.short_errors)
    }

    /// Whether errors are as short as r2d2's.
    pub(super) fn says_little(&self) -> bool {
        self.settings.short_errors
    }

    /// How many connections there are, and how many of them are free.
    pub fn state(&self) -> State {
        let stats = self.pool.stats();
        let alive = stats.total.saturating_sub(stats.retiring);
        State { connections: alive as u32, idle_connections: stats.available as u32 }
    }

    /// Most connections.
    pub fn max_size(&self) -> u32 {
        self.settings.max_size
    }

    /// Free connections that are kept ready, if that was set.
    pub fn min_idle(&self) -> Option<u32> {
        self.settings.min_idle
    }

    /// Whether connections are tested before they are lent. Under [`Rules::ours`](super::Rules::ours) that is, if nothing else was
    /// set, those that have rested.
    pub fn test_on_check_out(&self) -> bool {
        self.settings.test_on_check_out
    }

    /// How old a connection may become.
    pub fn max_lifetime(&self) -> Option<Duration> {
        self.settings.max_lifetime
    }

    /// How long a connection may idle.
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.settings.idle_timeout
    }

    /// How long [`get`](Self::get) waits.
    pub fn connection_timeout(&self) -> Duration {
        self.settings.connection_timeout
    }

    /// This crate's pool behind it: who holds what, `close` with a deadline, `resize`, statistics, events.
    pub fn as_pool(&self) -> &crate::Pool<Adapter<M>> {
        &self.pool
    }
}

fn lend<M: ManageConnection>(mut guard: Guard<M>, asked_at: Instant) -> PooledConnection<M> {
    guard.lent(asked_at);
    PooledConnection::new(guard)
}

impl<M: ManageConnection> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), settings: Arc::clone(&self.settings), is_plain: self.is_plain }
    }
}

impl<M: ManageConnection + fmt::Debug> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manager = self.pool.manager().manager();
        f.debug_struct("Pool")
            .field("state", &self.state())
            .field("config", &self.settings)
            .field("manager", manager)
            .finish()
    }
}

/// What [`Pool::state`] saw.
#[non_exhaustive]
pub struct State {
    /// Connections alive, lent ones included.
    pub connections: u32,
    /// Connections that are free.
    pub idle_connections: u32,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("connections", &self.connections)
            .field("idle_connections", &self.idle_connections)
            .finish()
    }
}
