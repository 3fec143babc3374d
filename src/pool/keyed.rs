//! Several pools of one kind, each under a key.

use super::{Builder, CloseReport, Pool};
use crate::error::{BuildError, CheckoutError, SharedError};
use crate::guard::Checkout;
use crate::manager::Manager;
use crate::observe::Snapshot;
use parking_lot::{Condvar, Mutex};
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Why there is no pool, or no resource, for a key.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyedError {
    /// There is no such key: whoever says how a key's pool is built refused it.
    #[error("no pool for key {key}: {cause}; correct the key")]
    Refused {
        /// The key, as `Debug` shows it.
        key: String,
        /// The reason given.
        #[source]
        cause: SharedError,
    },
    /// As many keys as may have pools have one, or one is being built for them.
    #[error("no pool for key {key}: all {max_keys} keys are taken; raise max_keys, or use fewer keys")]
    Full {
        /// The key, as `Debug` shows it.
        key: String,
        /// How many there may be.
        max_keys: usize,
    },
    /// All are closed, and the key has no pool.
    #[error("no pool for key {key}: all were closed; build new ones to go on")]
    Closed {
        /// The key, as `Debug` shows it.
        key: String,
    },
    /// The key's pool could not be built. The next call tries again.
    #[error("the pool for key {key} could not be built: {cause}")]
    Build {
        /// The key, as `Debug` shows it.
        key: String,
        /// Why not.
        #[source]
        cause: BuildError,
    },
    /// The key's pool gave none.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
}

/// A key and its pool, once it has one.
type Kept<K, M> = OnceLock<(K, Pool<M>)>;

type Make<K, M> = dyn Fn(&K) -> Result<Builder<M>, SharedError> + Send + Sync;

/// A pool for each key, built when it is first asked for: sizes, breakers, metrics and faults of one key are nobody else's.
///
/// The closure says how a key's pool is built; what it refuses is [`KeyedError::Refused`], and not remembered. A pool stays until all are
/// closed, so keys are kinds of things (`css`, `regex`; a host, a tenant) and not sessions: those are bound to resources of one pool
/// ([`Pool::checkout_for`]).
/// Pools of different types under names are a matter of a [`Registry`](crate::Registry); here all have one [`Manager`].
///
/// ```
/// use slackwater::{KeyedError, KeyedPool, Pool};
/// use std::time::Duration;
///
/// let buffers = KeyedPool::new(4, |size: &usize| match *size {
///     0 => Err("a buffer needs room".into()),
///     size => {
///         let make = move || Ok::<_, std::io::Error>(Vec::<u8>::with_capacity(size));
///         Ok(Pool::builder(make).name(format!("buffers of {size}")).max_size(2))
///     }
/// });
///
/// assert!(buffers.checkout(&1024)?.capacity() >= 1024);
/// assert!(matches!(buffers.checkout(&0), Err(KeyedError::Refused { .. })));
/// assert_eq!(buffers.snapshots()[0].1.name.as_deref(), Some("buffers of 1024"));
/// assert!(buffers.close(Duration::from_secs(1)).iter().all(|(_, report)| report.is_complete()));
/// # Ok::<_, KeyedError>(())
/// ```
pub struct KeyedPool<K, M: Manager> {
    /// Open addressing. A place that was taken stays so: a look needs no lock.
    places: Box<[Kept<K, M>]>,
    hasher: RandomState,
    max_keys: usize,
    make: Box<Make<K, M>>,
    making: Mutex<Making<K>>,
    made: Condvar,
}

struct Making<K> {
    /// The keys whose pools are being built. Few, and told apart by number where `K` shall not be asked.
    keys: Vec<(u64, K)>,
    begun: u64,
    /// Places of keys that have a pool, or shall have one.
    taken: usize,
    closed: bool,
}

impl<K: Hash + Eq + Clone + fmt::Debug, M: Manager> KeyedPool<K, M> {
    /// No pools yet. For so many keys at most, whose places are allocated now; `make` gives the settings of a key's pool.
    ///
    /// # Panics
    /// If nobody could have so many places.
    pub fn new(
        max_keys: usize,
        make: impl Fn(&K) -> Result<Builder<M>, Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        let places = max_keys.checked_mul(2).and_then(usize::checked_next_power_of_two);
        let places =
            places.expect("max_keys: twice as many places are allocated, and there is no room for so many").max(2);
        Self {
            places: (0..places).map(|_| OnceLock::new()).collect(),
            hasher: RandomState::new(),
            max_keys,
            make: Box::new(move |key| make(key).map_err(SharedError::from)),
            making: Mutex::new(Making { keys: Vec::new(), begun: 0, taken: 0, closed: false }),
            made: Condvar::new(),
        }
    }

    /// A key's pool, if it was built. Takes no lock.
    pub fn get(&self, key: &K) -> Option<&Pool<M>> {
        let found = self.places_of(key).map_while(OnceLock::get).find(|(taken, _)| taken == key);
        found.map(|(_, pool)| pool)
    }

    /// A key's pool, built now if need be. Takes no lock if it was built.
    ///
    /// # Blocking
    /// While the pool is built, here or by another thread: see [`Builder::build`]. `make` must
    /// ask for no key whose pool is being built, and not close.
    ///
    /// # Errors
    /// All variants of [`KeyedError`] but `Checkout`.
    pub fn pool(&self, key: &K) -> Result<&Pool<M>, KeyedError> {
        match self.get(key) {
            Some(pool) => Ok(pool),
            None => self.build(key),
        }
    }

    /// As [`Pool::checkout`], of a key's pool.
    ///
    /// # Blocking
    /// As [`pool`](Self::pool), and as [`Pool::checkout`].
    ///
    /// # Errors
    /// All variants of [`KeyedError`].
    #[track_caller]
    pub fn checkout(&self, key: &K) -> Result<Checkout<'_, M>, KeyedError> {
        Ok(self.pool(key)?.checkout()?)
    }

    /// All that were built, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Pool<M>)> {
        self.places.iter().filter_map(OnceLock::get).map(|(key, pool)| (key, pool))
    }

    /// All that can be seen of each, for a page or metrics.
    pub fn snapshots(&self) -> Vec<(K, Snapshot)> {
        self.iter().map(|(key, pool)| (key.clone(), pool.snapshot())).collect()
    }

    /// Closes all: first each refuses checkouts, then what is out is waited for, until one deadline for all. Keys without a pool get none from
    /// now on.
    ///
    /// # Blocking
    /// As [`Pool::close`], and until the deadline for pools that are being built. Those are not lent from any more, and end when
    /// they are built.
    pub fn close(&self, within: Duration) -> Vec<(K, CloseReport)> {
        let deadline = Instant::now() + within.min(crate::MAX_SPAN);
        let mut making = self.making.lock();
        making.closed = true;
        while !making.keys.is_empty() && !self.made.wait_until(&mut making, deadline).timed_out() {}
        drop(making);
        let begun: Vec<_> = self
            .iter()
            .map(|(key, pool)| {
                let destroyed = pool.stats().destroyed.total();
                (key, pool, destroyed, pool.close(Duration::ZERO))
            })
            .collect();
        let close = |(key, pool, destroyed, at_once): (&K, &Pool<M>, u64, CloseReport)| {
            let mut report = pool.close(deadline);
            // Some may have come back between the two.
            report.destroyed = pool.stats().destroyed.total() - destroyed;
            report.waiters_woken += at_once.waiters_woken;
            report.took += at_once.took;
            (key.clone(), report)
        };
        begun.into_iter().map(close).collect()
    }

    fn places_of(&self, key: &K) -> impl Iterator<Item = &Kept<K, M>> {
        let mask = self.places.len() - 1;
        let first = self.hasher.hash_one(key) as usize;
        (0..self.places.len()).map(move |step| &self.places[first.wrapping_add(step) & mask])
    }

    #[cold]
    fn build(&self, key: &K) -> Result<&Pool<M>, KeyedError> {
        let shown = || format!("{key:?}");
        // The user's code runs without the lock, but for `Eq` and `Hash`: other keys are served meanwhile, and may be asked for.
        let (wanted, kept) = (key.clone(), key.clone());
        let mut making = self.making.lock();
        while making.keys.iter().any(|(_, being_built)| being_built == key) {
            self.made.wait(&mut making);
        }
        if let Some(pool) = self.get(key) {
            return Ok(pool);
        }
        let (closed, full) = (making.closed, making.taken == self.max_keys);
        if closed || full {
            drop(making);
            let key = shown();
            return Err(if closed {
                KeyedError::Closed { key }
            } else {
                KeyedError::Full { key, max_keys: self.max_keys }
            });
        }
        making.taken += 1;
        making.begun += 1;
        let number = making.begun;
        making.keys.push((number, wanted));
        drop(making);
        let mut place = Place { keyed: self, number, is_used: false };
        let builder = (self.make)(key).map_err(|cause| KeyedError::Refused { key: shown(), cause })?;
        let pool = builder.build().map_err(|cause| KeyedError::Build { key: shown(), cause })?;
        let making = self.making.lock();
        if making.closed {
            drop(making);
            return Err(KeyedError::Closed { key: shown() });
        }
        let free = self.places_of(key).find(|place| place.get().is_none()).expect("there are twice as many as keys");
        let (_, pool) = free.get_or_init(|| (kept, pool));
        drop(making);
        place.is_used = true;
        Ok(pool)
    }
}

/// A key whose pool is being built. However that ends, the next one may try.
struct Place<'a, K, M: Manager> {
    keyed: &'a KeyedPool<K, M>,
    number: u64,
    is_used: bool,
}

impl<K, M: Manager> Drop for Place<'_, K, M> {
    fn drop(&mut self) {
        let mut making = self.keyed.making.lock();
        let at = making.keys.iter().position(|(number, _)| *number == self.number);
        let gone = at.map(|at| making.keys.swap_remove(at));
        making.taken -= usize::from(!self.is_used);
        drop(making);
        self.keyed.made.notify_all();
        // The user's: it may panic, and those who wait know by now.
        drop(gone);
    }
}

impl<K: fmt::Debug, M: Manager> fmt::Debug for KeyedPool<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pools = self.places.iter().filter_map(OnceLock::get).map(|(key, pool)| (key, pool));
        f.debug_map().entries(pools).finish()
    }
}
