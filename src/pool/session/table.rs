//! Which resource a key had last, and when: a table that never grows and takes no lock.

use crate::core::sync::around::AtomicU64;
use crate::core::{Phase, Word};
use crate::observe::ResourceId;
#[cfg(slackwater_shuttle)]
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::Ordering::Relaxed;

/// Places where a key may be noted: as few as are looked through in passing, as many as keep keys from displacing each other. They
/// share a cache line.
const WAYS: usize = 4;

/// Keys are told apart by so many bits of their hash in the first word of a place, and by as many as the time leaves in the second.
const TAG_BITS: u32 = 24;
/// As many as the places for successors make necessary, beyond `MAX_SLOTS`.
const SLOT_BITS: u32 = 18;
/// Generations are told apart by what is left.
const LIFE_BITS: u32 = u64::BITS - TAG_BITS - SLOT_BITS;
const TIME_BITS: u32 = 44;
const OTHER_BITS: u32 = u64::BITS - TIME_BITS;
const _: () = assert!(3 * crate::MAX_SLOTS <= 1 << SLOT_BITS);

/// The table's unit of time, in nanoseconds: with it 44 bits last for 557 years.
const UNIT: u64 = 1_000_000;

/// One binding, in two words, each of which says whose it is.
///
/// The first has bits of the key's hash, of the resource's generation, and its slot; 0 is nobody's. The second has other bits of the
/// hash, and the time of the last use. Both are read and written by themselves, relaxed: two keys that write here at the same time may
/// leave a word of each. Such a place is nobody's, as the two do not fit one hash, and the keys begin anew. So is one that is read while it
/// is written. It can afford that because it decides nothing: the slot's own word does.
#[derive(Default)]
struct Place {
    what: AtomicU64,
    when: AtomicU64,
}

/// Places that share a line.
#[derive(Default)]
#[repr(align(64))]
struct Set([Place; WAYS]);

/// Nobody who chooses keys knows where they meet. Where schedules are run again, the same keys have to meet each time.
#[cfg(not(slackwater_shuttle))]
type Hashes = std::hash::RandomState;
#[cfg(slackwater_shuttle)]
type Hashes = std::hash::BuildHasherDefault<DefaultHasher>;

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it is new, was forgotten on request, or was displaced.
    Nothing,
    /// It was bound to a resource, too long ago.
    Expired,
    Bound(Bound),
}

/// A resource as the table knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) slot: u32,
    /// Its last bits.
    generation: u64,
}

impl Bound {
    /// Whether it is the resource of this generation. After 2^22 lives of a slot a binding to an earlier one would fit again, if nobody had
    /// looked at it since: its key gets a resource it never had.
    pub(super) fn is_of(self, generation: u64) -> bool {
        generation & mask(LIFE_BITS) == self.generation
    }

    /// Whether the slot with this word still has the resource, and is not about to end it.
    pub(super) fn is_alive(self, seen: Word) -> bool {
        seen.phase().is_live() && seen.phase() != Phase::Retiring && self.is_of(seen.generation())
    }
}

pub(super) struct Table {
    hasher: Hashes,
    sets: Box<[Set]>,
    /// How long a binding lasts without use, in units.
    lasts: AtomicU64,
}

impl Table {
    /// With `places` at least, whose bindings last for so many nanoseconds.
    pub(super) fn new(places: usize, lasts: u64) -> Self {
        let sets = places.div_ceil(WAYS).max(1);
        Self {
            hasher: Hashes::default(),
            sets: std::iter::repeat_with(Set::default).take(sets).collect(),
            lasts: AtomicU64::new((lasts / UNIT).max(1)),
        }
    }

    /// Has all bindings last so many nanoseconds from now on, those there are too.
    pub(super) fn last_for(&self, lasts: u64) {
        self.lasts.store((lasts / UNIT).max(1), Relaxed);
    }

    pub(super) fn hash<K: Hash + ?Sized>(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    fn set(&self, hash: u64) -> &[Place; WAYS] {
        // Of these bits the upper ones count. They are none of the tags' while there are no more than 2^20 sets.
        let nth = (((hash >> 8) & mask(32)) * self.sets.len() as u64) >> 32;
        &self.sets[nth as usize].0
    }

    fn is_over(&self, when: u64, now: u64) -> bool {
        (now / UNIT).saturating_sub(when & mask(TIME_BITS)) >= self.lasts.load(Relaxed)
    }

    pub(super) fn look_up(&self, hash: u64, now: u64) -> Known {
        let read = self.set(hash).iter().map(|place| (place.what.load(Relaxed), place.when.load(Relaxed)));
        match read.into_iter().find(|(what, when)| is_mine(hash, *what, *when)) {
            None => Known::Nothing,
            Some((_, when)) if self.is_over(when, now) => Known::Expired,
            Some((what, _)) => {
                let slot = (what & mask(SLOT_BITS)) as u32;
                Known::Bound(Bound { slot, generation: what >> SLOT_BITS & mask(LIFE_BITS) })
            }
        }
    }

    /// A key that is bound used its resource. Of two uses at once the later one counts.
    pub(super) fn used(&self, hash: u64, now: u64) {
        let fresh = second(hash, now);
        for place in self.set(hash) {
            loop {
                let (what, when) = (place.what.load(Relaxed), place.when.load(Relaxed));
                if !is_mine(hash, what, when) {
                    break;
                }
                // Both have the same tag above the time. Not over that of another key, which has come in between.
                if when >= fresh || place.when.compare_exchange(when, fresh, Relaxed, Relaxed).is_ok() {
                    return;
                }
            }
        }
    }

    /// Binds a key. True if another key's binding, which was good for longer, had to go: the one used longest ago.
    pub(super) fn bind(&self, hash: u64, id: ResourceId, now: u64) -> bool {
        let set = self.set(hash);
        let read = set.each_ref().map(|place| (place.what.load(Relaxed), place.when.load(Relaxed)));
        let nth = |is_it: &dyn Fn(u64, u64) -> bool| read.iter().position(|(what, when)| is_it(*what, *when));
        let own = nth(&|what, when| is_mine(hash, what, when));
        let free = || nth(&|what, when| what == 0 || self.is_over(when, now));
        let oldest = || (0..WAYS).min_by_key(|nth| read[*nth].1 & mask(TIME_BITS)).unwrap_or(0);
        let (nth, evicts) = own.or_else(free).map_or_else(|| (oldest(), true), |nth| (nth, false));
        let what =
            tag(hash) << (LIFE_BITS + SLOT_BITS) | (id.generation() & mask(LIFE_BITS)) << SLOT_BITS | id.slot() as u64;
        set[nth].when.store(second(hash, now), Relaxed);
        set[nth].what.store(what, Relaxed);
        evicts
    }

    /// Whether there was something to forget. Two who came with a new key at the same time may each have taken a place for it.
    pub(super) fn forget(&self, hash: u64) -> bool {
        let mut forgot = false;
        for place in self.set(hash) {
            loop {
                let (what, when) = (place.what.load(Relaxed), place.when.load(Relaxed));
                if !is_mine(hash, what, when) {
                    break;
                }
                forgot |= place.what.compare_exchange(what, 0, Relaxed, Relaxed).is_ok();
            }
        }
        forgot
    }
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// What a key is known by in the first word; never 0, which is nobody.
fn tag(hash: u64) -> u64 {
    (hash >> (u64::BITS - TAG_BITS)).max(1)
}

/// What it is known by in the second.
fn other_tag(hash: u64) -> u64 {
    hash & mask(OTHER_BITS)
}

fn second(hash: u64, now: u64) -> u64 {
    other_tag(hash) << TIME_BITS | (now / UNIT) & mask(TIME_BITS)
}

fn is_mine(hash: u64, what: u64, when: u64) -> bool {
    what >> (LIFE_BITS + SLOT_BITS) == tag(hash) && when >> TIME_BITS == other_tag(hash)
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000_000;

    fn id(slot: u32) -> ResourceId {
        ResourceId::new(slot, Word::VACANT)
    }

    fn slot_of(table: &Table, hash: u64, now: u64) -> Option<u32> {
        match table.look_up(hash, now) {
            Known::Bound(bound) => Some(bound.slot),
            _ => None,
        }
    }

    /// Promise: a table never grows, and a key that is asked for again at once is found. Provoked: a hundred times as many keys as places.
    #[test]
    fn many_keys_displace_each_other_and_nothing_else() {
        let table = Table::new(1_024, MINUTE);
        let mut evictions = 0;
        for key in 0..100_000_u32 {
            let (hash, slot) = (table.hash(&key), key % 8);
            assert!(slot_of(&table, hash, 0).is_none_or(|found| found < 8));
            evictions += u32::from(table.bind(hash, id(slot), 0));
            assert_eq!(slot_of(&table, hash, 0), Some(slot));
        }
        assert_eq!(table.sets.len(), 256);
        assert!(evictions > 98_000, "{evictions}");
    }

    /// Promise: as many keys as a pool has resources hardly displace each other. Provoked: 64 at a time, a hundred times.
    #[test]
    fn as_many_keys_as_resources_find_their_own() {
        let mut found = 0;
        for round in 0..100_u32 {
            let table = Table::new(1_024, MINUTE);
            let hashes: Vec<u64> = (0..64).map(|key: u32| table.hash(&(round, key))).collect();
            for (slot, hash) in (0..).zip(&hashes) {
                table.bind(*hash, id(slot), 0);
            }
            found += (0..).zip(&hashes).filter(|(slot, hash)| slot_of(&table, **hash, 0) == Some(*slot)).count();
        }
        assert!(found >= 6_390, "{found} of 6400");
    }

    /// Promise: a binding lasts as long as it was told to, from its last use on. Provoked: times on both sides.
    #[test]
    fn a_binding_lasts_from_its_last_use_on() {
        let table = Table::new(4, MINUTE);
        let hash = table.hash("a");
        table.bind(hash, id(3), 0);
        assert_eq!(slot_of(&table, hash, MINUTE - 1), Some(3));
        assert_eq!(table.look_up(hash, MINUTE), Known::Expired);
        table.used(hash, MINUTE / 2);
        assert_eq!(slot_of(&table, hash, MINUTE), Some(3));
        assert_eq!(table.look_up(hash, 3 * MINUTE / 2), Known::Expired);
        assert!(table.forget(hash) && !table.forget(hash));
        assert_eq!(table.look_up(hash, 0), Known::Nothing);
    }

    /// Promise: who has to go is one whose binding is over, else the one that was used longest ago. Provoked: one more than there are
    /// places, of which there are four.
    #[test]
    fn the_binding_used_longest_ago_makes_room() {
        let table = Table::new(4, MINUTE);
        let hashes: Vec<u64> = (0..6).map(|key: u32| table.hash(&key)).collect();
        for (at, hash) in (0..4).zip(&hashes) {
            assert!(!table.bind(*hash, id(at), u64::from(at) * UNIT));
        }
        table.used(hashes[0], 9 * UNIT);
        assert!(table.bind(hashes[4], id(4), 10 * UNIT));
        assert_eq!(slot_of(&table, hashes[1], 10 * UNIT), None);
        assert_eq!(slot_of(&table, hashes[0], 10 * UNIT), Some(0));
        // The third is over by then, and nobody's loss.
        assert!(!table.bind(hashes[5], id(5), MINUTE + 2 * UNIT));
        assert_eq!(slot_of(&table, hashes[3], MINUTE + 2 * UNIT), Some(3));
    }

    /// Promise: a place with a word of each of two keys is nobody's. Provoked: every half of two bindings.
    #[test]
    fn a_place_torn_between_two_keys_is_nobodys() {
        let table = Table::new(4, MINUTE);
        let [one, two] = ["one", "two"].map(|key| table.hash(key));
        for (first, then) in [(one, two), (two, one)] {
            table.bind(first, id(1), 0);
            let is_firsts = |place: &&Place| is_mine(first, place.what.load(Relaxed), place.when.load(Relaxed));
            let place = table.set(first).iter().find(is_firsts).unwrap();
            place.when.store(second(then, 0), Relaxed);
            assert_eq!([one, two].map(|key| table.look_up(key, 0)), [Known::Nothing; 2]);
            // Its own next binding is in another place.
            assert!(!table.bind(first, id(2), 0));
            assert_eq!(slot_of(&table, first, 0), Some(2));
            assert!(table.forget(first));
        }
    }

    /// Promise: a use that is told late does not shorten what a later one has made longer. Provoked: two uses in the wrong order.
    #[test]
    fn the_last_use_counts_whatever_the_order() {
        let table = Table::new(4, MINUTE);
        let hash = table.hash("a");
        table.bind(hash, id(3), 0);
        table.used(hash, MINUTE / 2);
        table.used(hash, 1);
        assert_eq!(slot_of(&table, hash, MINUTE), Some(3));
    }

    /// Promise: what is forgotten is unknown, in how many places ever it was noted. Provoked: two that bound a new key at the same time.
    #[test]
    fn a_key_in_two_places_is_forgotten_in_both() {
        let table = Table::new(4, MINUTE);
        let hash = table.hash("a");
        table.bind(hash, id(3), 0);
        let set = table.set(hash);
        let copied = |from: &AtomicU64, to: &AtomicU64| to.store(from.load(Relaxed), Relaxed);
        copied(&set[0].what, &set[2].what);
        copied(&set[0].when, &set[2].when);
        assert!(table.forget(hash));
        assert_eq!(table.look_up(hash, 0), Known::Nothing);
        assert!(!table.forget(hash));
    }

    /// Promise: 44 bits tell the keys of a set apart, and none of them says which set. Provoked: each bit of a hash by itself.
    #[test]
    fn each_bit_of_a_tag_tells_keys_of_a_set_apart() {
        let table = Table::new(1 << 22, MINUTE);
        let hash = 0x5A5A_5A5A_5A5A_5A5A;
        let nth = |hash| std::ptr::from_ref(table.set(hash)).addr();
        let tells = |bit: &u32| {
            let other = hash ^ 1 << bit;
            nth(other) == nth(hash) && !is_mine(hash, tag(other) << (LIFE_BITS + SLOT_BITS), second(other, 0))
        };
        assert_eq!((0..64).filter(tells).count(), 44);
    }
}
