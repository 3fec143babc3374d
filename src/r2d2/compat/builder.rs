//! r2d2's settings.

use super::start::wait_for;
use super::{CustomizeConnection, Error, HandleError, HandleEvent, LoggingErrorHandler, ManageConnection, Pool, Rules};
use crate::manager::{ReturnOutcome, Severity};
use crate::r2d2::Adapter;
use scheduled_thread_pool::ScheduledThreadPool;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

type Configure<M> = Box<dyn FnOnce(crate::Builder<Adapter<M>>) -> crate::Builder<Adapter<M>> + Send + Sync>;
type Recycle<M> = Box<dyn Fn(&mut <M as ManageConnection>::Connection) -> ReturnOutcome + Send + Sync>;
type Classify<M> = Box<dyn Fn(&<M as ManageConnection>::Error) -> Severity + Send + Sync>;

/// Settings for a pool of connections. Does nothing until `build`.
pub struct Builder<M: ManageConnection> {
    pub(super) max_size: u32,
    pub(super) min_idle: Option<u32>,
    pub(super) test_on_check_out: Option<bool>,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) connection_timeout: Duration,
    pub(super) watchers: Watchers<M>,
    pub(super) shares_threads: bool,
    pub(super) rules: Rules,
    pub(super) configure: Option<Configure<M>>,
}

impl<M: ManageConnection> Default for Builder<M> {
    fn default() -> Self {
        Self {
            max_size: 10,
            min_idle: None,
            test_on_check_out: None,
            max_lifetime: Some(Duration::from_secs(30 * 60)),
            idle_timeout: Some(Duration::from_secs(10 * 60)),
            connection_timeout: Duration::from_secs(30),
            watchers: Watchers {
                error_handler: Box::new(LoggingErrorHandler),
                connection_customizer: None,
                event_handler: None,
                classify: None,
                recycle: None,
            },
            shares_threads: false,
            rules: Rules::ours(),
            configure: None,
        }
    }
}

impl<M: ManageConnection> Builder<M> {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Most connections. Default: 10.
    ///
    /// # Panics
    /// If it is 0.
    pub fn max_size(mut self, max_size: u32) -> Self {
        assert!(max_size > 0, "max_size must be positive");
        self.max_size = max_size;
        self
    }

    /// Free connections to keep ready, while there are fewer than `max_size`. Default: none set, which is `max_size`.
    pub fn min_idle(mut self, min_idle: Option<u32>) -> Self {
        self.min_idle = min_idle;
        self
    }

    /// Has the pool share its thread with all other pools that say so ([`Keeper::Shared`](crate::Keeper::Shared)). The threads given are not used: r2d2 needs
    /// them to make connections, here helpers come and go for that, and what programs are after is not to have three for each pool.
    /// Default: a thread of the pool's own.
    pub fn thread_pool(mut self, thread_pool: Arc<ScheduledThreadPool>) -> Self {
        drop(thread_pool);
        self.shares_threads = true;
        self
    }

    /// Whether each checkout tests the connection by `is_valid`, on the caller. Default: as
    /// [`Rules::test_each_checkout`] says. `false` never tests any.
    pub fn test_on_check_out(mut self, test_on_check_out: bool) -> Self {
        self.test_on_check_out = Some(test_on_check_out);
        self
    }

    /// How old a connection may become. Default: 30 minutes. 1 ms to a year, or no limit.
    ///
    /// # Panics
    /// If it is zero.
    pub fn max_lifetime(mut self, max_lifetime: Option<Duration>) -> Self {
        assert_ne!(max_lifetime, Some(Duration::ZERO), "max_lifetime must be positive");
        self.max_lifetime = max_lifetime;
        self
    }

    /// How long a connection may idle, while there are more than `min_idle`: without effect if that is `max_size`, unless
    /// [`Rules::reap_below_min_idle`] is set. Default: 10 minutes. 1 ms to a year, or no limit.
    ///
    /// # Panics
    /// If it is zero.
    pub fn idle_timeout(mut self, idle_timeout: Option<Duration>) -> Self {
        assert_ne!(idle_timeout, Some(Duration::ZERO), "idle_timeout must be positive");
        self.idle_timeout = idle_timeout;
        self
    }

    /// How long [`Pool::get`] waits, and `build`. Default: 30 s. Up to a year.
    ///
    /// # Panics
    /// If it is zero.
    pub fn connection_timeout(mut self, connection_timeout: Duration) -> Self {
        assert!(connection_timeout > Duration::ZERO, "connection_timeout must be positive");
        self.connection_timeout = connection_timeout;
        self
    }

    /// Gets each error of the manager's. Default: [`LoggingErrorHandler`].
    pub fn error_handler(mut self, error_handler: Box<dyn HandleError<M::Error>>) -> Self {
        self.watchers.error_handler = error_handler;
        self
    }

    /// Hears of what happens. Default: nobody does, which is cheaper than [`NopEventHandler`](super::NopEventHandler).
    pub fn event_handler(mut self, event_handler: Box<dyn HandleEvent>) -> Self {
        self.watchers.event_handler = Some(event_handler);
        self
    }

    /// Sees connections come and go. Default: nobody does.
    pub fn connection_customizer(
        mut self,
        connection_customizer: Box<dyn CustomizeConnection<M::Connection, M::Error>>,
    ) -> Self {
        self.watchers.connection_customizer = Some(connection_customizer);
        self
    }

    /// Goes by these rules where r2d2's and this crate's differ. Default: [`Rules::ours`].
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Tells whether trying again can help after an error of the manager's: see [`Adapter::classify_by`].
    pub fn classify_by(mut self, classify: impl Fn(&M::Error) -> Severity + Send + Sync + 'static) -> Self {
        self.watchers.classify = Some(Box::new(classify));
        self
    }

    /// Resets a connection that comes back, a transaction that its user left open say: see [`Adapter::recycle_by`].
    pub fn recycle_by(mut self, recycle: impl Fn(&mut M::Connection) -> ReturnOutcome + Send + Sync + 'static) -> Self {
        self.watchers.recycle = Some(Box::new(recycle));
        self
    }

    /// Has the last word on the settings of this crate's pool: its name, a breaker, limits of the queue, `max_hold`.
    ///
    /// `max_size`, `min_idle` and `checkout_timeout` are best set by the methods above, which [`Pool`]'s getters tell.
    pub fn configure(
        mut self,
        configure: impl FnOnce(crate::Builder<Adapter<M>>) -> crate::Builder<Adapter<M>> + Send + Sync + 'static,
    ) -> Self {
        self.configure = Some(Box::new(configure));
        self
    }

    /// Builds the pool, with its first connections.
    ///
    /// Each of `min_idle` is tried once, several at a time, and some are enough; under [`Rules::retry_in_build`] it tries until all are
    /// there.
    ///
    /// # Blocking
    /// Until they are made or have failed, at most for `connection_timeout`.
    ///
    /// # Errors
    /// If there was none, under `retry_in_build` if one was missing; for a setting out of range; if there is no thread to be had.
    ///
    /// # Panics
    /// If `min_idle` is greater than `max_size`.
    pub fn build(self, manager: M) -> Result<Pool<M>, Error> {
        let retries = self.rules.retry_in_build;
        let (asked, most_time) = (self.first(), self.connection_timeout);
        let pool = self.start(manager, !retries)?;
        if retries {
            wait_for(&pool, asked as usize, most_time)?;
        }
        Ok(pool)
    }

    /// Builds the pool. Its first connections are made in the background.
    ///
    /// # Panics
    /// If `min_idle` is greater than `max_size`, a setting is out of range, or there is no thread to be had.
    pub fn build_unchecked(self, manager: M) -> Pool<M> {
        match self.start(manager, false) {
            Ok(pool) => pool,
            Err(error) => panic!("no pool could be built: {error}"),
        }
    }
}

/// Those who watch the manager.
pub(super) struct Watchers<M: ManageConnection> {
    pub(super) error_handler: Box<dyn HandleError<M::Error>>,
    pub(super) connection_customizer: Option<Box<dyn CustomizeConnection<M::Connection, M::Error>>>,
    pub(super) event_handler: Option<Box<dyn HandleEvent>>,
    pub(super) classify: Option<Classify<M>>,
    pub(super) recycle: Option<Recycle<M>>,
}

impl<M: ManageConnection> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_size", &self.max_size)
            .field("min_idle", &self.min_idle)
            .field("test_on_check_out", &self.test_on_check_out)
            .field("max_lifetime", &self.max_lifetime)
            .field("idle_timeout", &self.idle_timeout)
            .field("connection_timeout", &self.connection_timeout)
            .field("error_handler", &self.watchers.error_handler)
            .field("event_handler", &self.watchers.event_handler)
            .field("connection_customizer", &self.watchers.connection_customizer)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
