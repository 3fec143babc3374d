//! Reconfiguring: other settings for a pool at work.
//!
//! Whoever reads a setting reads one configuration, whole, which another takes the place of at once: nobody sees half of a
//! change. The fast path reads none. What is kept elsewhere for a reason (the queue's bounds, the crew's limits, the time at
//! which each resource expires, the flag that has returns measured) follows under the lock that changes are made under.

use super::life::NEVER;
use super::{Inner, Pool};
use crate::config::{
    Change, Changes, Creation, Mode, OnDeadlock, OnLeak, PoolConfig, refuse_fixed, refuse_other_breaker, refused,
    within,
};
use crate::core::sync::around::fence;
use crate::core::{Phase, Right, attention};
use crate::error::{Closed, ConfigError};
use crate::keeper::nanos;
use crate::manager::Manager;
use crate::observe::{DestroyReason, PoolEvent};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// Why a [`Pool::reconfigure`] changed nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconfigureError {
    /// A setting is refused: out of its range, at odds with another, or fixed while the pool lives.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pool is closed.
    #[error(transparent)]
    Closed(Closed),
}

/// Besides those that are fixed for all, what cannot change for workers: their threads are the resources, made in the background, and
/// those who submit jobs have the patience that there was.
const OF_WORKERS: [&str; 3] = ["mode", "creation", "checkout_timeout"];

/// Resources that are to end for a change, each with its reason.
type Ending<'s, M> = Vec<(Right<'s, <M as Manager>::Resource>, DestroyReason)>;

impl<M: Manager> Pool<M> {
    /// Gives the pool other settings while it is at work: `change` is given those there are, and makes of them those that are to
    /// be. All of it or nothing: what is refused changes nothing. It may be called again if somebody else was faster.
    ///
    /// Settings count for what begins after that: a wait goes on with the patience that it began with. Ages and idle times
    /// count from where they did, so a shorter [`max_lifetime`](crate::Builder::max_lifetime) ends what is too old by it. More than
    /// [`ceiling`](crate::Builder::ceiling) allows there cannot be. Subscribers hear
    /// [`PoolEvent::Reconfigured`].
    ///
    /// The clock is the pool's: one in the new settings is refused unless it is the system's, which settings out of a file have.
    ///
    /// ```
    /// # use slackwater::Pool;
    /// # use std::time::Duration;
    /// # let pool = Pool::builder(|| Ok::<_, String>(0)).max_size(2).ceiling(8).build()?;
    /// let changes = pool.reconfigure(|config| {
    ///     config.max_size = 4;
    ///     config.checkout_timeout = Duration::from_millis(250);
    /// })?;
    /// assert_eq!(changes.to_string(), "max_size 2 -> 4, checkout_timeout 5s -> 250ms");
    ///
    /// let refused = pool.reconfigure(|config| config.max_size = 9).unwrap_err();
    /// assert!(refused.to_string().contains("ceiling"), "{refused}");
    /// assert_eq!(pool.config().max_size, 4);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Blocking
    /// As [`resize`](Self::resize): free resources that are too many by the new settings are destroyed here if that is cheap.
    ///
    /// # Errors
    /// [`ReconfigureError::Config`] for the first setting that is refused, with what is allowed; for one that cannot change while
    /// the pool lives (`slackwater config options` lists them; of `Workers` also `mode`, `creation` and `checkout_timeout`), with the reason. [`ReconfigureError::Closed`].
    pub fn reconfigure(&self, mut change: impl FnMut(&mut PoolConfig)) -> Result<Changes, ReconfigureError> {
        loop {
            let before = Arc::clone(&self.inner.said.lock());
            let mut next = PoolConfig::clone(&before);
            // The program's: under no lock.
            change(&mut next);
            if let Some(changes) = self.inner.reconfigure(&before, next)? {
                return Ok(changes);
            }
        }
    }

    /// Sets what becomes of resources between two uses. From [`Mode::Unpooled`] on, free resources end now, and those in use at their
    /// return; a return that runs beside the switch may leave one for the keeper's next look. From [`Mode::Single`] on, all but one.
    /// Back to [`Mode::Pooled`], the sizes are those that were set, and `min_idle` is filled again.
    ///
    /// For a roll-out in steps:
    ///
    /// ```
    /// # use slackwater::{Mode, Pool};
    /// # let pool = Pool::unpooled(|| Ok::<_, String>(0)).max_size(2).build()?;
    /// for percent in [1, 10, 50] {
    ///     pool.set_mode(Mode::Mixed { pooled: percent })?;
    ///     // ... and watch errors and latencies for a while.
    /// }
    /// pool.set_mode(Mode::Pooled)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Blocking
    /// As [`reconfigure`](Self::reconfigure).
    ///
    /// # Errors
    /// As there; for any but [`Mode::Pooled`] with `Workers`, whose threads are the resources.
    pub fn set_mode(&self, mode: Mode) -> Result<Changes, ReconfigureError> {
        self.reconfigure(|config| config.mode = mode)
    }

    /// Sets `min_idle` and `max_size` while the pool is at work. Growing serves waiters at once. Shrinking ends surplus
    /// resources: free ones now, those in use at their return. In [`Mode::Single`] it counts from the next mode on. A closed
    /// pool stays as it is.
    ///
    /// # Errors
    /// For what `build` would refuse, and for more than [`ceiling`](crate::Builder::ceiling) allows.
    pub fn resize(&self, min_idle: usize, max_size: usize) -> Result<(), ConfigError> {
        let inner = &*self.inner;
        let mut said = inner.said.lock();
        inner.may_resize(&said, min_idle, max_size)?;
        if inner.is_closed() {
            return Ok(());
        }
        let next = PoolConfig { min_idle: Some(min_idle), max_size, ..PoolConfig::clone(&said) };
        let in_force = next.in_force();
        let (min_idle, max_size) = (in_force.min_idle(), in_force.max_size);
        inner.set_config(in_force);
        *said = Arc::new(next);
        let resized = inner.set_sizes(min_idle, max_size);
        drop(said);
        inner.end_resized(resized, |surplus| inner.retire(surplus, DestroyReason::Resized));
        Ok(())
    }
}

impl<M: Manager> Inner<M> {
    /// Puts `next` in the place of `before`. None if that is not what is said any more.
    fn reconfigure(&self, before: &Arc<PoolConfig>, mut next: PoolConfig) -> Result<Option<Changes>, ReconfigureError> {
        if !next.clock.is_as_good_as(&before.clock) {
            let (from, to) = (format!("{:?}", before.clock), format!("{:?}", next.clock));
            let change = Change { name: "clock", from, to };
            return Err(refused(&change, "all times in it are by its clock").into());
        }
        next.clock = before.clock.clone();
        #[cfg(feature = "r2d2")]
        {
            next.reaper = before.reaper;
        }
        if self.attendant().is_some() {
            // What the workers' builder has made of settings that nobody said stands.
            (next.max_hold, next.creation) = (
                next.max_hold.or(before.max_hold),
                if next.creation == Creation::Auto { before.creation } else { next.creation },
            );
            if next.on_leak == OnLeak::Report {
                next.on_leak = before.on_leak;
            }
        }
        let changes = Changes(before.differences(&next).into());
        self.may_become(before, &next, &changes)?;
        let mut said = self.said.lock();
        if !Arc::ptr_eq(&said, before) {
            return Ok(None);
        }
        if self.is_closed() {
            return Err(ReconfigureError::Closed(self.closed_error()));
        }
        if changes.is_empty() {
            return Ok(Some(changes));
        }
        let (old, new) = (self.config().clone(), next.in_force());
        *said = Arc::new(next);
        let (resized, ending) = self.put_in_force(&old, new);
        // In the order of the changes, whoever makes them.
        self.subscribers.tell(|| PoolEvent::Reconfigured { changes: changes.clone() });
        drop(said);
        // From here on it may be the user's code.
        for (right, reason) in ending {
            self.retire(right, reason);
        }
        self.end_resized(resized, |surplus| self.retire(surplus, DestroyReason::Resized));
        self.choose_where_to_create();
        if changes.iter().any(|change| change.name == "time_one_in") {
            self.draw_timed_anew();
        }
        // Those who were told that there is no room, or not yet.
        fence(SeqCst);
        self.shelf.opened(None, self.shelf.attention(), move || self.now());
        // And what is not past its time any more.
        self.tell_those_who_serve();
        self.request_creation(self.unserved());
        self.alarm.ring();
        self.log(log::Level::Info, format_args!("reconfigured: {changes}"));
        Ok(Some(changes))
    }

    fn may_become(&self, before: &PoolConfig, next: &PoolConfig, changes: &[Change]) -> Result<(), ConfigError> {
        refuse_fixed(changes)?;
        refuse_other_breaker(before, next, changes)?;
        if self.attendant().is_some()
            && let Some(change) = changes.iter().find(|change| OF_WORKERS.contains(&change.name))
        {
            return Err(refused(change, "the workers are built on it"));
        }
        self.fits_places(before, next)?;
        // `resize` may have gone where these have no effect: that is no reason to refuse other changes.
        let mut next = next.clone();
        if ["min_idle", "max_size", "idle_timeout", "on_leak"]
            .iter()
            .all(|name| changes.iter().all(|c| c.name != *name))
        {
            (next.idle_timeout, next.on_leak) = (None, OnLeak::Report);
        }
        if before.scaling.is_some() && changes.iter().all(|change| !["max_size", "scaling"].contains(&change.name)) {
            next.scaling = None;
        }
        next.validate()?;
        next.validate_for::<M>()
    }

    /// Refuses what the places that the pool was built with have no room for.
    fn fits_places(&self, before: &PoolConfig, next: &PoolConfig) -> Result<(), ConfigError> {
        let places = self.shelf.len() as usize;
        let held = match next.on_leak {
            OnLeak::Replace { at_most } => at_most,
            OnLeak::Report => 0,
        };
        let room = places.saturating_sub(next.surge).saturating_sub(held);
        let fits = |field, value: usize, others: usize, most: usize| {
            within(field, value, 0..=most.saturating_sub(others)).map_err(|error| ConfigError {
                rule: format!(
                    "{}: the pool was built with {places} places, {} of them for replacements; build it with a higher ceiling",
                    error.rule,
                    next.surge.saturating_add(held),
                )
                .into(),
                ..error
            })
        };
        let slots = next.max_size.saturating_add(next.max_overflow);
        fits("max_overflow", next.max_overflow, 0, places)?;
        fits("max_size", next.max_size, next.max_overflow, places)?;
        // Of what does not fit together, that which is new is too much.
        if next.surge != before.surge {
            fits("surge", next.surge, slots.saturating_add(held), places)?;
        }
        if next.on_leak != before.on_leak {
            fits("on_leak.at_most", held, slots.saturating_add(next.surge), places)?;
        }
        if next.max_overflow != before.max_overflow {
            fits("max_overflow", next.max_overflow, next.max_size, room)?;
        }
        fits("max_size", next.max_size, next.max_overflow, room)?;
        next.scaling.as_ref().map_or(Ok(()), |it| fits("scaling.max_size", it.max_size, next.max_overflow, room))
    }

    /// Under the lock of `said`. What this returns is for who has given it back.
    fn put_in_force(&self, old: &PoolConfig, new: PoolConfig) -> (super::sizes::Resized<'_, M>, Ending<'_, M>) {
        // Before: a return that is not measured must have been one by the old settings.
        if new.is_measured() {
            self.shelf.set_attention(attention::MEASURED, true);
        }
        if new.on_deadlock == OnDeadlock::Refuse {
            self.shelf.set_attention(attention::NAMED, true);
        }
        self.set_config(new);
        // Meets the one in `begin_life`: who does not see the new settings is seen here.
        fence(SeqCst);
        let new = self.config();
        self.shelf.set_queue(new.hand_over(), new.most_waiters());
        if (old.codel, old.refuse_unservable) != (new.codel, new.refuse_unservable) {
            self.shelf.set_overload(new.overload(), move || self.now());
        }
        self.set_breaker(&new);
        self.crew.set_limits(new.create_parallelism(), new.job_timeouts());
        if let Some(sessions) = self.sessions.get() {
            sessions.last_for(new.session_binding);
        }
        if (old.max_lifetime, old.lifetime_jitter) != (new.max_lifetime, new.lifetime_jitter) {
            self.draw_lives_anew();
        }
        if (old.surge, old.max_unavailable) != (new.surge, new.max_unavailable) {
            self.keeper.lock().pace = None;
        }
        if !new.is_measured() {
            self.shelf.set_attention(attention::MEASURED, false);
        }
        if new.on_deadlock == OnDeadlock::Report {
            self.shelf.set_attention(attention::NAMED, false);
        }
        let sizes = |of: &PoolConfig| (of.max_size, of.min_idle(), of.max_overflow, of.scaling.clone());
        let resized = if sizes(old) != sizes(&new) { self.set_sizes(new.min_idle(), new.max_size) } else { None };
        let ending = if new.mode.keeps_none() && !old.mode.keeps_none() { self.claim_free() } else { Vec::new() };
        (resized, ending)
    }

    /// All that is free, to be ended.
    fn claim_free(&self) -> Ending<'_, M> {
        let free = [Phase::Degraded, Phase::Stale, Phase::Ready].into_iter();
        free.flat_map(|phase| std::iter::from_fn(move || self.shelf.claim_any(phase, Phase::Retiring)))
            .map(|right| (right, DestroyReason::Unpooled))
            .collect()
    }

    /// Has what is alive, or being made, expire by the settings there are now.
    fn draw_lives_anew(&self) {
        for ((_, slot), life) in self.shelf.slots().zip(&self.lives) {
            let (seen, expires) = (slot.look(), life.expires());
            let lives_until = self.expires(life.born());
            // If another has taken its place since, that one's time is its own. What is being made may have its time already, and what
            // has yet to get it sees the new settings.
            if !seen.phase().is_empty() && slot.look().generation() == seen.generation() {
                life.expires_instead(expires, lives_until);
            }
        }
    }

    /// When a resource that was made at `born` expires: after its lifetime, less a share drawn for it, so that those made together
    /// do not end together.
    pub(super) fn expires(&self, born: u64) -> u64 {
        let config = self.config();
        config.max_lifetime.map_or(NEVER, |lifetime| {
            let shortened = nanos(lifetime) as f64 * config.lifetime_jitter() * crate::resilience::draw();
            born.saturating_add(nanos(lifetime) - shortened as u64)
        })
    }
}
