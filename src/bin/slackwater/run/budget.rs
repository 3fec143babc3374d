//! Bytes of pages that were read out of archives and wait for a worker.

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

/// A limit on bytes, shared by who adds them and who uses them up.
pub struct Budget {
    limit: usize,
    used: Mutex<usize>,
    less: Condvar,
}

/// A share of the budget, given back when dropped.
pub struct Share {
    of: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: Mutex::new(0), less: Condvar::new() })
    }

    /// A share, if there is room. Where nothing is in use there always is: a page larger than the budget goes alone.
    pub fn try_take(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let mut used = self.used.lock();
        if !self.fits(*used, bytes) {
            return None;
        }
        *used += bytes;
        Some(Share { of: Arc::clone(self), bytes })
    }

    /// Waits for room. Who holds shares must not: nobody else would give them back.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Share {
        let mut used = self.used.lock();
        self.less.wait_while(&mut used, |used| !self.fits(*used, bytes));
        *used += bytes;
        Share { of: Arc::clone(self), bytes }
    }

    fn fits(&self, used: usize, bytes: usize) -> bool {
        used == 0 || used + bytes <= self.limit
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *self.of.used.lock() -= self.bytes;
        self.of.less.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: never more than the limit, but for one that is larger by itself. Provoked: shares of all sizes, up to the limit.
    #[test]
    fn shares_stay_within_the_budget() {
        let budget = Budget::new(100);
        let small = budget.try_take(60).unwrap();
        assert!(budget.try_take(41).is_none() && budget.try_take(1_000).is_none());
        let rest = budget.try_take(40).unwrap();
        assert!(budget.try_take(1).is_none());
        drop(rest);
        drop(small);
        let large = budget.try_take(1_000).unwrap();
        assert!(budget.try_take(1).is_none());
        drop(large);
        assert_eq!(*budget.used.lock(), 0);
    }

    /// Promise: who waits is woken by room. Provoked: a thread that takes what another gives back.
    #[test]
    fn who_waits_gets_what_is_given_back() {
        let budget = Budget::new(10);
        let all = budget.take(10);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| budget.take(7));
            drop(all);
            waits.join().unwrap();
        });
        assert_eq!(*budget.used.lock(), 0);
    }
}
