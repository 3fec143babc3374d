//! What the peers ask their users to bring along.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

/// The trivial manager: a resource is a number, always good.
pub struct Trivial;

impl opool::PoolAllocator<u64> for Trivial {
    fn allocate(&self) -> u64 {
        0
    }
}

impl r2d2::ManageConnection for Trivial {
    type Connection = u64;
    type Error = Infallible;

    fn connect(&self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn is_valid(&self, _: &mut u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

/// A claimed private word with a number beside it: what the floor costs once a guard carries it about.
pub struct Claimed<'a> {
    word: &'a AtomicU64,
    value: &'a mut u64,
}

impl<'a> Claimed<'a> {
    /// Claims the word; it must be free, and stays claimed until the guard is dropped.
    #[inline]
    pub fn claim(word: &'a AtomicU64, value: &'a mut u64) -> Self {
        let claimed = word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
        assert!(claimed.is_ok(), "the word is this thread's alone");
        Self { word, value }
    }
}

impl Deref for Claimed<'_> {
    type Target = u64;

    #[inline]
    fn deref(&self) -> &u64 {
        self.value
    }
}

impl DerefMut for Claimed<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut u64 {
        self.value
    }
}

impl Drop for Claimed<'_> {
    #[inline]
    fn drop(&mut self) {
        self.word.store(0, Ordering::Release);
    }
}

/// A queue has no guard of its own; this is the least one: pop, and push on drop.
pub struct Queued {
    value: u64,
    queue: &'static ArrayQueue<u64>,
}

impl Queued {
    /// Takes the resource at the head of the queue.
    #[inline]
    pub fn pop(queue: &'static ArrayQueue<u64>) -> Self {
        let value = queue.pop().expect("there are more resources than threads");
        Self { value, queue }
    }
}

impl Deref for Queued {
    type Target = u64;

    #[inline]
    fn deref(&self) -> &u64 {
        &self.value
    }
}

impl DerefMut for Queued {
    #[inline]
    fn deref_mut(&mut self) -> &mut u64 {
        &mut self.value
    }
}

impl Drop for Queued {
    #[inline]
    fn drop(&mut self) {
        self.queue.push(self.value).expect("its place is still free");
    }
}
