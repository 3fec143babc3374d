//! Sessions: who comes again gets the resource it had last, if that is free.

use super::Inner;
use super::checkout::Ask;
use crate::core::sync::around::AtomicU64;
use crate::core::{Phase, Right};
use crate::error::CheckoutError;
use crate::manager::Manager;
use crate::observe::ResourceId;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::Location;
use std::sync::atomic::Ordering::Relaxed;

/// Places where a key may be noted: as few as are looked through in passing, as many as keep keys from displacing each other.
const WAYS: usize = 4;

/// Places for each slot of the pool, and the fewest there are. Eight bytes each.
const PLACES_PER_SLOT: usize = 16;
const FEWEST_PLACES: usize = 1024;

/// Generations are told apart by so many of their bits, and keys by as many of their hash. An error costs a look at the wrong resource:
/// one of the right generation is lent, to a key that had another.
const BITS: u32 = 24;
const SLOT_BITS: u32 = 16;

/// Which resource a key had last: a hint, in a table that never grows.
///
/// A place is one word: some bits of the key's hash, the resource's generation, its slot. Relaxed throughout: what it says is not relied on, as
/// the claim compares with the slot's word. Of two who note something in one place at the same time one wins, and the other's key begins
/// anew.
pub(super) struct Sessions {
    hasher: RandomState,
    places: Box<[AtomicU64]>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// How often keys found the resource they had last. See [`Pool::checkout_for`](crate::Pool::checkout_for).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStats {
    /// Checkouts that got the resource their key had last.
    pub hits: u64,
    /// Checkouts that got another: the key was new or forgotten, or its resource was in use or had ended.
    pub misses: u64,
}

impl Sessions {
    pub(super) fn new(slots: usize) -> Self {
        let places = (slots * PLACES_PER_SLOT).next_power_of_two().max(FEWEST_PLACES);
        Self {
            hasher: RandomState::new(),
            places: (0..places).map(|_| AtomicU64::new(0)).collect(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub(super) fn stats(&self) -> SessionStats {
        SessionStats { hits: self.hits.load(Relaxed), misses: self.misses.load(Relaxed) }
    }

    fn places_of(&self, hash: u64) -> &[AtomicU64] {
        let first = hash as usize % (self.places.len() / WAYS) * WAYS;
        &self.places[first..first + WAYS]
    }

    /// The slot, and the last bits of the generation, of the resource that the key had.
    fn look_up(&self, hash: u64) -> Option<(usize, u64)> {
        let noted = self.places_of(hash).iter().map(|place| place.load(Relaxed));
        let place = noted.into_iter().find(|place| tag_of(*place) == tag(hash))?;
        Some(((place & mask(SLOT_BITS)) as usize, place >> SLOT_BITS & mask(BITS)))
    }

    fn note(&self, hash: u64, id: ResourceId) {
        let places = self.places_of(hash);
        let tagged = |wanted: u64| places.iter().find(|place| tag_of(place.load(Relaxed)) == wanted);
        // Its own place, else a free one, else any.
        let place = tagged(tag(hash)).or_else(|| tagged(0)).unwrap_or(&places[(hash >> 32) as usize % WAYS]);
        let noted = tag(hash) << (BITS + SLOT_BITS) | (id.generation() & mask(BITS)) << SLOT_BITS | id.slot() as u64;
        place.store(noted, Relaxed);
    }
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// What a key is known by among those in the same places; never 0, which is nobody.
fn tag(hash: u64) -> u64 {
    (hash >> (u64::BITS - BITS)) | 1
}

fn tag_of(place: u64) -> u64 {
    place >> (BITS + SLOT_BITS)
}

impl<M: Manager> Inner<M> {
    /// Takes the resource that `key` had last if it is free, else any, and notes which.
    pub(super) fn claim_for<K: Hash + ?Sized>(
        &self,
        key: &K,
        site: &'static Location<'static>,
        ask: Ask,
    ) -> Result<Right<'_, M::Resource>, CheckoutError> {
        let sessions = self.sessions.get_or_init(|| Sessions::new(self.shelf.len() as usize));
        let hash = sessions.hasher.hash_one(key);
        // Not from the slot the thread had last: all its keys would meet there.
        let start = (hash >> 32) as u32 % self.shelf.open_slots().max(1);
        let caller = self.caller(site, ask.patient).starting_at(start);
        if let Some(right) = self.take_noted(sessions, hash) {
            sessions.hits.fetch_add(1, Relaxed);
            return Ok(self.taken(right, &caller));
        }
        let right = self.find(&caller, ask).inspect_err(|error| self.refused(error))?;
        sessions.misses.fetch_add(1, Relaxed);
        if let Some(slot) = self.shelf.index_of(right.slot()) {
            sessions.note(hash, ResourceId::new(slot, right.word()));
        }
        Ok(right)
    }

    fn take_noted(&self, sessions: &Sessions, hash: u64) -> Option<Right<'_, M::Resource>> {
        let (index, generation) = sessions.look_up(hash)?;
        let slot = self.shelf.slot(index)?;
        let seen = slot.look();
        if seen.phase() != Phase::Ready || seen.generation() & mask(BITS) != generation {
            return None;
        }
        // What has to end is left to whoever looks for one that has not.
        if self.lives[index].expires() <= self.must_outlast() {
            return None;
        }
        slot.claim(seen, Phase::Busy)
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;
    use crate::core::Word;

    /// Promise: a table never grows, and a key that is asked for again at once is found. Provoked: a hundred times as many keys as places.
    #[test]
    fn many_keys_displace_each_other_and_nothing_else() {
        let sessions = Sessions::new(8);
        assert_eq!(sessions.places.len(), FEWEST_PLACES);
        for key in 0..100_000_u32 {
            let (hash, slot) = (sessions.hasher.hash_one(key), key % 8);
            assert!(sessions.look_up(hash).is_none_or(|(found, _)| found < 8));
            sessions.note(hash, ResourceId::new(slot, Word::VACANT));
            assert_eq!(sessions.look_up(hash), Some((slot as usize, 0)));
        }
    }

    /// Promise: as many keys as a pool has resources hardly displace each other. Provoked: 64 at a time, a hundred times.
    #[test]
    fn as_many_keys_as_resources_find_their_own() {
        let mut found = 0;
        for round in 0..100_u32 {
            let sessions = Sessions::new(64);
            let hashes: Vec<u64> = (0..64).map(|key: u32| sessions.hasher.hash_one((round, key))).collect();
            for (slot, hash) in (0..).zip(&hashes) {
                sessions.note(*hash, ResourceId::new(slot, Word::VACANT));
            }
            found += (0..).zip(&hashes).filter(|(slot, hash)| sessions.look_up(**hash) == Some((*slot, 0))).count();
        }
        assert!(found >= 6_390, "{found} of 6400");
    }
}
