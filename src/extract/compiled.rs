//! What was compiled on demand, kept for the next time: the most recently used of it, and no more than there is room for.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many texts each extractor keeps compiled unless told otherwise.
pub(super) const ROOM: usize = 64;

/// How the caches of compiled selectors or patterns of all extractors of one manager did. Each extractor has its own cache, and
/// its numbers come in when it is given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Lookups that found it compiled.
    pub hits: u64,
    /// Lookups that had to compile it, those included that found it wrong.
    pub misses: u64,
    /// Entries that made room for others.
    pub evictions: u64,
}

/// The numbers of all extractors of a manager.
#[derive(Debug, Default)]
pub(super) struct Told {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
}

impl Told {
    pub(super) fn stats(&self) -> CacheStats {
        let of = |count: &AtomicU64| count.load(Relaxed);
        CacheStats { hits: of(&self.hits), misses: of(&self.misses), evictions: of(&self.evictions) }
    }
}

/// Texts with what they were compiled to.
#[derive(Debug)]
pub(super) struct Compiled<V> {
    room: usize,
    entries: HashMap<Box<str>, Entry<V>>,
    uses: u64,
    /// What `told` does not have yet: a line that all threads write to is written once a page, not once a lookup.
    news: CacheStats,
    told: Arc<Told>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    last_use: u64,
}

impl<V> Compiled<V> {
    /// Room for so many entries, and for one at least.
    pub(super) fn new(room: usize, told: Arc<Told>) -> Self {
        Self { room: room.max(1), entries: HashMap::new(), uses: 0, news: CacheStats::default(), told }
    }

    /// What `text` was compiled to, now if need be. An error is not kept: it is quick to come by again, and must not take the place
    /// of what is of use.
    pub(super) fn get<E>(&mut self, text: &str, compile: impl FnOnce(&str) -> Result<V, E>) -> Result<&mut V, E> {
        self.uses += 1;
        if self.entries.contains_key(text) {
            self.news.hits += 1;
        } else {
            self.news.misses += 1;
            let value = compile(text)?;
            if self.entries.len() >= self.room {
                self.evict();
            }
            self.entries.insert(text.into(), Entry { value, last_use: 0 });
        }
        let entry = self.entries.get_mut(text).expect("it was there, or was put there");
        entry.last_use = self.uses;
        Ok(&mut entry.value)
    }

    /// A walk over all, beside which stands a compilation.
    fn evict(&mut self) {
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last_use).map(|(text, _)| text.clone());
        if let Some(text) = oldest {
            self.entries.remove(&text);
            self.news.evictions += 1;
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|entry| &entry.value)
    }

    /// Passes its numbers on.
    pub(super) fn tell(&mut self) {
        if self.news != CacheStats::default() {
            let CacheStats { hits, misses, evictions } = mem::take(&mut self.news);
            self.told.hits.fetch_add(hits, Relaxed);
            self.told.misses.fetch_add(misses, Relaxed);
            self.told.evictions.fetch_add(evictions, Relaxed);
        }
    }
}

impl<V> Drop for Compiled<V> {
    /// A resource that is discarded takes no numbers with it.
    fn drop(&mut self) {
        self.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: the least recently used makes room, and no more is kept than there is room for. Provoked: a use between.
    #[test]
    fn the_least_recently_used_goes_first() {
        let told = Arc::default();
        let mut compiled = Compiled::new(2, Arc::clone(&told));
        let mut made = Vec::new();
        for text in ["a", "b", "a", "c", "a", "b"] {
            let mut is_new = false;
            let value = compiled.get(text, |text| {
                is_new = true;
                Ok::<_, ()>(text.to_uppercase())
            });
            assert_eq!(*value.unwrap(), text.to_uppercase());
            assert!(compiled.entries.len() <= 2);
            made.push(is_new);
        }
        assert_eq!(made, [true, true, false, true, false, true], "c took b's place, as a was used after it");
        assert_eq!(told.stats(), CacheStats::default());
        drop(compiled);
        assert_eq!(told.stats(), CacheStats { hits: 2, misses: 4, evictions: 2 });
    }

    /// Promise: an error is given, counted and forgotten, and evicts nothing. Provoked: twice, in a full cache.
    #[test]
    fn errors_are_not_kept() {
        let mut compiled = Compiled::new(1, Arc::default());
        compiled.get("good", |_| Ok::<_, ()>(1)).unwrap();
        for _ in 0..2 {
            compiled.get("bad", |_| Err(())).unwrap_err();
        }
        assert_eq!(*compiled.get("good", |_| Err(())).unwrap(), 1);
        assert_eq!(compiled.news, CacheStats { hits: 1, misses: 3, evictions: 0 });
    }

    /// Promise: no room is room for one. Provoked: zero.
    #[test]
    fn there_is_room_for_one_at_least() {
        let mut compiled = Compiled::new(0, Arc::default());
        assert_eq!(*compiled.get("a", |text| Ok::<_, ()>(text.to_owned())).unwrap(), "a");
    }
}
