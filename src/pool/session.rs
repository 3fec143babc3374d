//! Sessions: who comes again gets the resource it had last.

mod own;
mod table;

#[cfg(feature = "workers")]
pub(crate) use own::Seen;

use super::{Builder, Inner, Pool};
use crate::core::sync::around::AtomicU64;
use crate::keeper::nanos;
use crate::manager::Manager;
use std::hash::Hash;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use table::Table;

/// Places for each slot of the pool, and the fewest there are, unless told. Sixteen bytes each.
const PLACES_PER_SLOT: usize = 16;
const FEWEST_PLACES: usize = 1_024;

/// What a session does whose resource is in use. See [`Request::session`](crate::Request::session).
///
/// If the resource has ended, each takes another at once, and that is the session's from then on. So does each where the pool no longer knows
/// which one the session had, and none of them can tell: its binding [is over](Builder::session_binding), made room for another key's
/// ([`session_places`](Builder::session_places)), was lost to another key's that was noted at the same moment, or another key has the same 44 bits of hash and is
/// taken for this one. Who has state that must not be missed makes both large and compares [`Checkout::id`](crate::Checkout::id) with the one it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionMode {
    /// It takes another, after waiting for its own for `wait`, and that is its own from then on. For state that is only warm. A resource that the
    /// pool is checking at that moment is as good as in use: a wait of a few checks' time keeps sessions where they are.
    /// One that has idled for so long that it has to be checked before its next use counts as in use too; without a wait it is passed over.
    Hint {
        /// How long it waits for its own, of the time that the checkout has. Zero takes another at once.
        wait: Duration,
    },
    /// It waits for its own for as long as the checkout waits, in turn with those who wait for the same. For state that is to be found again while
    /// its resource lives and the binding lasts. When that comes back it is the session's, unless somebody in the pool's queue is due by its
    /// [`Fairness`](crate::Fairness) and has waited for longer; if it comes back degraded, it goes to whoever of them all looks first.
    Wait,
    /// It is refused at once, with [`SessionBusy`](crate::CheckoutError::SessionBusy). For who has better to do than to wait.
    /// So it is while its own is being checked, and if it has idled for too long: that check is begun, and a later attempt finds it done.
    Fail,
}

impl Default for SessionMode {
    /// Another at once.
    fn default() -> Self {
        SessionMode::Hint { wait: Duration::ZERO }
    }
}

/// What became of checkouts with a key. See [`Pool::session_stats`].
///
/// Each checkout that gave a resource is a hit or a miss. `rebinds`, `expirations` and `in_use` say of which kind a miss was; the others
/// were of keys that are new, or no longer known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStats {
    /// Checkouts that got the resource their key is bound to.
    pub hits: u64,
    /// Checkouts that got another, which their key is bound to from then on.
    pub misses: u64,
    /// Of the misses: those whose resource had ended.
    pub rebinds: u64,
    /// Of the misses: those whose key came too late ([`session_binding`](Builder::session_binding)).
    pub expirations: u64,
    /// Of the misses: those whose resource was in use, and was not waited for, or in vain ([`SessionMode::Hint`]).
    pub in_use: u64,
    /// Bindings that were still good and had to make room for those of other keys: raise
    /// [`session_places`](Builder::session_places) if there are many.
    pub evictions: u64,
    /// Checkouts that were refused because their resource was in use ([`SessionMode::Fail`], [`SessionMode::Wait`]).
    pub refused: u64,
}

impl SessionStats {
    /// Hits among all that got a resource, from 0 to 1; none if nobody did.
    pub fn hit_rate(&self) -> Option<f64> {
        let served = self.hits + self.misses;
        (served > 0).then(|| self.hits as f64 / served as f64)
    }
}

/// The bindings of a pool's sessions, and what became of them. Hits are counted by the slots' lives.
pub(super) struct Sessions {
    table: Table,
    fresh: AtomicU64,
    rebinds: AtomicU64,
    expirations: AtomicU64,
    in_use: AtomicU64,
    evictions: AtomicU64,
    refused: AtomicU64,
}

impl Sessions {
    fn new(places: usize, lasts: Duration) -> Self {
        Self {
            table: Table::new(places, nanos(lasts)),
            fresh: AtomicU64::new(0),
            rebinds: AtomicU64::new(0),
            expirations: AtomicU64::new(0),
            in_use: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

impl Sessions {
    pub(super) fn last_for(&self, lasts: Duration) {
        self.table.last_for(nanos(lasts));
    }
}

impl<M: Manager> Builder<M> {
    /// How long [`checkout_for`](Pool::checkout_for) remembers which resource a key had: from its last use on, to the millisecond. Default:
    /// 5 minutes. 1 ms to a year.
    pub fn session_binding(mut self, lasts: Duration) -> Self {
        self.config.session_binding = lasts;
        self
    }

    /// How many keys [`checkout_for`](Pool::checkout_for) remembers, in sets of four; they take 16 bytes each, allocated for the first key.
    /// Default: 16 for each resource there may be, 1,024 at least. 4 to 2^24. With half as many keys as places one in twenty is
    /// displaced, with a quarter one in two hundred.
    pub fn session_places(mut self, keys: usize) -> Self {
        self.config.session_places = Some(keys);
        self
    }
}

impl<M: Manager> Pool<M> {
    /// Forgets which resource `key` had: its session is over, or is to begin anew. Whether there was one. The resource is left as it is.
    pub fn forget_session<K: Hash + ?Sized>(&self, key: &K) -> bool {
        self.inner.sessions.get().is_some_and(|sessions| sessions.table.forget(sessions.table.hash(key)))
    }

    /// What became of checkouts with a key, since the pool was built.
    pub fn session_stats(&self) -> SessionStats {
        self.inner.session_stats()
    }
}

impl<M: Manager> Inner<M> {
    pub(crate) fn session_stats(&self) -> SessionStats {
        let Some(sessions) = self.sessions.get() else { return SessionStats::default() };
        let Sessions { fresh, rebinds, expirations, in_use, evictions, refused, .. } = sessions;
        let [fresh, rebinds, expirations, in_use, evictions, refused] =
            [fresh, rebinds, expirations, in_use, evictions, refused].map(|count| count.load(Relaxed));
        let hits = self.lives.iter().map(|life| life.session_hits()).sum();
        SessionStats {
            hits,
            misses: fresh + rebinds + expirations + in_use,
            rebinds,
            expirations,
            in_use,
            evictions,
            refused,
        }
    }
}
