//! Workers in the making.

use super::hall::Hall;
use super::manager::LocalManager;
use super::seat::Threads;
use super::{Shared, Workers};
use crate::config::Creation;
use crate::error::{BuildError, ConfigError};
use crate::keeper::nanos;
use crate::pool::{Builder, NEVER, Pool};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Jobs that may wait unless it is set.
const QUEUE: usize = 1024;
/// As many as fit the count of them, with room for those who push at the same time.
const LONGEST: usize = 1 << 24;

/// See [`Workers::builder`]. Nothing is checked until [`build`](Self::build).
#[must_use = "a builder does nothing until `build`"]
pub struct WorkersBuilder<M: LocalManager> {
    manager: M,
    configure: Box<Configure<M>>,
    queue: usize,
    job_timeout: Option<Duration>,
}

type Configure<M> = dyn FnOnce(Builder<Threads<M>>) -> Builder<Threads<M>>;

impl<M: LocalManager> WorkersBuilder<M> {
    pub(super) fn new(manager: M) -> Self {
        Self { manager, configure: Box::new(|pool| pool), queue: QUEUE, job_timeout: None }
    }

    /// Sets what is a pool's own: how many workers there are ([`max_size`](Builder::max_size), one by default), their name, limits,
    /// checks, events. Called several times, each goes on from the one before.
    ///
    /// [`creation`](Builder::creation) stays in the background: no submitter makes a thread.
    pub fn pool(mut self, configure: impl FnOnce(Builder<Threads<M>>) -> Builder<Threads<M>> + 'static) -> Self {
        let before = self.configure;
        self.configure = Box::new(|pool| configure(before(pool)));
        self
    }

    /// Most jobs that may wait for a worker: 1 to 16,777,216. Default: 1,024. Submitters that come at the same moment may exceed it, by
    /// one each; with 16 or more, so may those who saw room a while ago and have not been refused since: by a quarter of that room, 256 at
    /// most, and each worker's jobs by an eighth, 32 at most.
    pub fn queue(mut self, jobs: usize) -> Self {
        self.queue = jobs;
        self
    }

    /// How long a job may run: its ticket is answered then, and its worker replaced. Default: no limit. A millisecond to
    /// [`MAX_SPAN`](crate::MAX_SPAN).
    pub fn job_timeout(mut self, timeout: Duration) -> Self {
        self.job_timeout = Some(timeout);
        self
    }

    /// Starts the workers.
    ///
    /// # Blocking
    /// As [`Builder::build`]: until the first of them are ready.
    ///
    /// # Errors
    /// As [`Builder::build`]; [`BuildError::Config`] for `queue` and `job_timeout` too.
    pub fn build(self) -> Result<Workers<M>, BuildError> {
        let Self { manager, configure, queue, job_timeout } = self;
        let refuse = |field, value: String, rule: String| Err(ConfigError { field, value, rule: rule.into() }.into());
        if !(1..=LONGEST).contains(&queue) {
            return refuse("queue", queue.to_string(), format!("1 to {LONGEST} jobs are allowed"));
        }
        if let Some(timeout) = job_timeout
            && !(Duration::from_millis(1)..=crate::MAX_SPAN).contains(&timeout)
        {
            let rule = format!("1ms to {:?} is allowed", crate::MAX_SPAN);
            return refuse("job_timeout", format!("{timeout:?}"), rule);
        }
        let hall = Arc::new(Hall::new(queue, job_timeout.map_or(NEVER, nanos)));
        let mut builder = configure(Pool::builder(Threads::new(manager, Arc::clone(&hall))));
        if let Some(name) = &builder.config.name {
            hall.name.get_or_init(|| name.as_str().into());
        }
        builder.config.spare_places_for_attended();
        let builder = match builder.config.creation {
            Creation::Auto | Creation::Background => builder.creation(Creation::Background),
            Creation::Inline => {
                return refuse(
                    "creation",
                    "Inline".to_owned(),
                    "workers are made in the background; leave it out".to_owned(),
                );
            }
        };
        let pool = builder.build()?;
        hall.clock.get_or_init(|| pool.inner.clock.clone());
        let patience = nanos(pool.config().checkout_timeout);
        Ok(Workers { shared: Arc::new(Shared { hall, clock: pool.inner.clock.clone(), patience }), pool })
    }
}

impl<M: LocalManager> fmt::Debug for WorkersBuilder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkersBuilder")
            .field("queue", &self.queue)
            .field("job_timeout", &self.job_timeout)
            .finish_non_exhaustive()
    }
}
