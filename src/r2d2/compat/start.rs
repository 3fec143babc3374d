//! What r2d2's settings are to this crate's pool, and how it starts.

use super::builder::{Builder, Watchers};
use super::pool::Settings;
use super::{Error, ManageConnection, Pool, Rules};
use crate::config::{Creation, Keeper, OnPanic, Strategy};
use crate::error::BuildError;
use crate::keeper::Reaper;
use crate::r2d2::Adapter;
use crate::resilience::{Backoff, BreakerConfig};
use std::time::{Duration, Instant};

/// Events that wait for a handler on a thread of its own.
const EVENTS: usize = 1_024;
/// How long a connection may rest before it is tested, where nothing is set.
const REST: Duration = Duration::from_secs(1);
/// r2d2's first pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(400);
/// How long the breaker is open, at first and at the most. A database that is started again is there in a second or less, and to look for it
/// twice a second is less than r2d2 does, which tries for each connection that is missing.
const OPEN_AT_FIRST: Duration = Duration::from_millis(100);
const OPEN_AT_MOST: Duration = Duration::from_millis(500);
/// How often `build` looks whether all are there, if nothing tells it earlier.
const LOOK: Duration = Duration::from_millis(5);

impl<M: ManageConnection> Builder<M> {
    pub(super) fn first(&self) -> u32 {
        self.min_idle.unwrap_or(self.max_size)
    }

    pub(super) fn start(self, manager: M, with_connections: bool) -> Result<Pool<M>, Error> {
        let (rules, first, most) = (self.rules, self.first() as usize, self.max_size as usize);
        assert!(first <= most, "min_idle must be no larger than max_size");
        let settings = Settings {
            max_size: self.max_size,
            min_idle: self.min_idle,
            test_on_check_out: self.test_on_check_out.unwrap_or(true),
            max_lifetime: self.max_lifetime,
            idle_timeout: self.idle_timeout,
            connection_timeout: self.connection_timeout,
            tests: self.test_on_check_out.unwrap_or(rules.test_each_checkout),
            short_errors: rules.short_errors,
        };
        let (adapter, configure) = (self.watchers.adapt(manager, rules)?, self.configure);
        let mut builder = lasting(
            crate::Pool::builder(adapter)
                .max_size(most)
                .min_idle(if with_connections { first } else { 0 })
                .checkout_timeout(self.connection_timeout)
                .warm_up_timeout(self.connection_timeout)
                // A connect may hang, and the caller's patience has to end all the same.
                .creation(Creation::Background)
                // A server that allows `max_size` connections allows no more.
                .surge(0)
                .breaker(BreakerConfig::new().open_for_at_first(OPEN_AT_FIRST).open_for(OPEN_AT_MOST))
                .max_unavailable(1)
                .remove_after(1),
            &settings,
            rules,
        );
        if self.shares_threads {
            builder = builder.keeper(Keeper::Shared);
        }
        if rules.keep_after_panic {
            builder = builder.on_panic(OnPanic::Return);
        }
        if rules.newest_first {
            builder = builder.strategy(Strategy::Lifo);
        }
        if rules.retry_until_timeout {
            builder = builder.breaker(None).backoff(pauses(self.connection_timeout));
        }
        if let Some(configure) = configure {
            builder = configure(builder);
        }
        let failed = |error: BuildError| Error::build(error, rules.short_errors);
        let pool = builder.build().map_err(failed)?;
        if !with_connections {
            pool.resize(first, most).map_err(|error| failed(error.into()))?;
        }
        Ok(Pool::of(pool, settings))
    }
}

impl<M: ManageConnection> Watchers<M> {
    fn adapt(self, manager: M, rules: Rules) -> Result<Adapter<M>, Error> {
        let mut adapter =
            Adapter::new(manager).error_handler(self.error_handler).ends_where_found(rules.destroy_on_caller);
        if let Some(customizer) = self.connection_customizer {
            adapter = adapter.customizer(customizer);
        }
        if let Some(classify) = self.classify {
            adapter = adapter.classify_by(classify);
        }
        if rules.keep_transactions {
            adapter = adapter.keep_transactions();
        }
        if let Some(recycle) = self.recycle {
            adapter = adapter.recycle_by(recycle);
        }
        match self.event_handler {
            None => Ok(adapter),
            Some(handler) if rules.synchronous_events => Ok(adapter.event_handler(handler)),
            Some(handler) => adapter.event_queue(handler, EVENTS).map_err(Error::thread),
        }
    }
}

/// What ends or is tested because time went by.
fn lasting<M: ManageConnection>(
    mut builder: crate::Builder<Adapter<M>>,
    settings: &Settings,
    rules: Rules,
) -> crate::Builder<Adapter<M>> {
    // Set is set: `is_valid` is called nowhere then, or at checkouts alone.
    if !settings.test_on_check_out || rules.test_each_checkout {
        builder = builder.check_interval(None);
    } else if !settings.tests {
        builder = builder.check_if_idle_for(REST);
    }
    let Settings { idle_timeout: idle, max_lifetime: lifetime, .. } = *settings;
    if rules.reap_below_min_idle {
        if idle.is_some() || lifetime.is_some() {
            builder = builder.reaper(Reaper { rate: rules.reaper_rate, idle, lifetime });
        }
        return builder;
    }
    if let Some(lifetime) = lifetime {
        builder = builder.max_lifetime(lifetime);
    }
    match idle {
        Some(idle) if settings.min_idle.is_some_and(|min_idle| min_idle < settings.max_size) => {
            builder.idle_timeout(idle)
        }
        _ => builder,
    }
}

/// r2d2's pauses between attempts.
fn pauses(connection_timeout: Duration) -> Backoff {
    let longest = (connection_timeout / 2).clamp(Duration::from_micros(1), Duration::from_secs(24 * 60 * 60));
    Backoff::new(longest.min(FIRST_PAUSE), longest).attempts(100).without_jitter()
}

/// Waits until `asked` connections are there.
pub(super) fn wait_for<M: ManageConnection>(pool: &Pool<M>, asked: usize, most_time: Duration) -> Result<(), Error> {
    let began = Instant::now();
    let events = pool.as_pool().subscribe(EVENTS);
    loop {
        let ready = pool.as_pool().stats().available;
        if ready >= asked {
            return Ok(());
        }
        let waited = began.elapsed();
        if waited >= most_time {
            let cause = pool.as_pool().inner.last_create_error();
            return Err(Error::incomplete((ready, asked), waited, cause, pool.says_little()));
        }
        // Whatever happens, a look is due.
        let _ = events.recv_timeout(LOOK.min(most_time - waited));
    }
}
