//! The pools that are shown.

use super::json;
use crate::error::let_go;
use crate::keeper::Kept;
use crate::manager::Manager;
use crate::observe::{Latencies, Scrape, Snapshot};
use crate::pool::Pool;
use parking_lot::{Mutex, RwLock};
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

/// How old an answer may be that is given to the next who asks, so that a crowd of them costs the pools no more than one.
const FRESH: Duration = Duration::from_millis(50);

/// The shortest interval that percentiles "of late" are about. The one shown is once to twice as long, if somebody asks as often.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Watch {
    watched: RwLock<Vec<Arc<Watched>>>,
    pools: Cached<()>,
    health: Cached<bool>,
    metrics: Cached<()>,
    /// Made when it is first asked for: the exporter sets its clock then.
    scrape: OnceLock<Scrape>,
}

/// What was answered last.
#[derive(Default)]
struct Cached<T>(Mutex<Option<(Instant, T, Arc<str>)>>);

impl<T: Copy> Cached<T> {
    /// Whoever comes while it is made anew waits for that.
    fn get(&self, make: impl FnOnce() -> (T, String)) -> (T, Arc<str>) {
        let mut last = self.0.lock();
        if let Some((made, about, body)) = &*last
            && made.elapsed() < FRESH
        {
            return (*about, Arc::clone(body));
        }
        let (about, body) = make();
        let body: Arc<str> = body.into();
        *last = Some((Instant::now(), about, Arc::clone(&body)));
        (about, body)
    }

    fn forget(&self) {
        *self.0.lock() = None;
    }
}

/// What a pool is like at the moment; none once it is gone. Keeps nothing of it alive.
pub(crate) type Look = Box<dyn Fn() -> Option<Snapshot> + Send + Sync>;

pub(crate) fn look_at<M: Manager>(pool: &Pool<M>) -> Look {
    let weak = Arc::downgrade(&pool.inner);
    Box::new(move || {
        let inner = Weak::upgrade(&weak)?;
        let snapshot = inner.snapshot();
        // The pool may have ended meanwhile: that is not for this thread to do.
        Kept::let_go(inner);
        Some(snapshot)
    })
}

/// A pool, of which nothing is kept alive.
struct Watched {
    name: Option<Arc<str>>,
    look: Look,
    lately: Mutex<Lately>,
}

/// Two earlier looks: one that is an interval old, and the next to be.
struct Lately {
    older: Moment,
    newer: Moment,
    since: Instant,
}

/// Times as they were, on the pool's clock.
#[derive(Clone, Default)]
struct Moment {
    at: Duration,
    latencies: Latencies,
}

impl Lately {
    /// How much time has passed for the pool since the older of the two looks, and what came in it.
    fn until(&mut self, snapshot: &Snapshot) -> (Duration, Latencies) {
        let Snapshot { at, latencies, .. } = snapshot;
        if self.since.elapsed() >= INTERVAL {
            let now = Moment { at: *at, latencies: latencies.clone() };
            self.older = std::mem::replace(&mut self.newer, now);
            self.since = Instant::now();
        }
        (at.saturating_sub(self.older.at), latencies.since(&self.older.latencies))
    }
}

/// A pool as it is now.
pub(super) struct Seen<'w> {
    pub(super) name: Option<&'w str>,
    /// None if it is gone.
    pub(super) found: Option<Found>,
}

pub(super) struct Found {
    pub(super) snapshot: Snapshot,
    pub(super) interval: Duration,
    pub(super) lately: Latencies,
}

impl Watch {
    pub(super) fn add<M: Manager>(&self, pool: &Pool<M>) {
        self.add_look(look_at(pool));
    }

    /// One that is gone by now is none any more.
    pub(super) fn add_look(&self, look: Look) {
        let Some(Snapshot { name, at, latencies, .. }) = look() else { return };
        let now = Moment { at, latencies };
        let lately = Lately { older: now.clone(), newer: now, since: Instant::now() };
        self.watched.write().push(Arc::new(Watched { name, look, lately: Mutex::new(lately) }));
        self.pools.forget();
        self.health.forget();
        self.metrics.forget();
    }

    /// All of them in full, as JSON.
    pub(super) fn pools(&self) -> Arc<str> {
        self.pools.get(|| ((), self.with_seen(json::pools))).1
    }

    /// Whether all are well, and how well each is, as JSON.
    pub(super) fn health(&self) -> (bool, Arc<str>) {
        self.health.get(|| self.with_seen(json::health))
    }

    /// Those that are there, for Prometheus.
    pub(super) fn metrics(&self) -> Arc<str> {
        let render = || {
            let watched = self.watched.read().clone();
            let snapshots: Vec<_> = watched.iter().filter_map(|watched| (watched.look)()).collect();
            let text = self.scrape.get_or_init(Scrape::new).render(&snapshots);
            snapshots.into_iter().for_each(let_go);
            ((), text)
        };
        self.metrics.get(render).1
    }

    fn with_seen<T>(&self, tell: impl FnOnce(&[Seen<'_>]) -> T) -> T {
        let watched = self.watched.read().clone();
        let seen: Vec<_> = watched.iter().map(|watched| watched.seen()).collect();
        let told = tell(&seen);
        // With them errors of the user's own.
        seen.into_iter().for_each(let_go);
        told
    }
}

impl Watched {
    fn seen(&self) -> Seen<'_> {
        let found = (self.look)().map(|snapshot| {
            let (interval, lately) = self.lately.lock().until(&snapshot);
            Found { snapshot, interval, lately }
        });
        Seen { name: self.name.as_deref(), found }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watched = self.watched.read();
        f.debug_list().entries(watched.iter().map(|watched| &watched.name)).finish()
    }
}
