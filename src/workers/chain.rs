//! A list that only grows, and is read without a lock: what workers leave behind is for those who come after them.

use std::sync::{Arc, OnceLock};

#[derive(Debug)]
pub(super) struct Chain<T>(OnceLock<Box<Link<T>>>);

#[derive(Debug)]
struct Link<T> {
    value: Arc<T>,
    next: Chain<T>,
}

impl<T> Default for Chain<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Chain<T> {
    pub(super) fn add(&self, value: Arc<T>) {
        let (mut at, mut link) = (self, Box::new(Link { value, next: Chain::default() }));
        while let Err(mine) = at.0.set(link) {
            link = mine;
            if let Some(there) = at.0.get() {
                at = &there.next;
            }
        }
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        std::iter::successors(self.0.get(), |link| link.next.0.get()).map(|link| &link.value)
    }
}

impl<T> Drop for Chain<T> {
    /// One after the other: as many calls within each other as there are links may be too many.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut link) = next {
            next = link.next.0.take();
        }
    }
}
