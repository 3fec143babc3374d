//! How far a submitter is ahead of the workers, and its wait when that is too far. The same for every lane, so that none is
//! measured by a wait of its own.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::thread::{self, Thread};

use crossbeam_utils::CachePadded;

/// The jobs of one submitter.
pub struct Ahead {
    submitter: Thread,
    done: CachePadded<AtomicUsize>,
    wake_at: CachePadded<AtomicUsize>,
    /// Nanoseconds from submit to start of the last job that said so; of use where there is one at a time.
    pub delay: AtomicU64,
}

impl Ahead {
    /// Of the calling thread, which has submitted none. It lives as long as the process, so that a job needs no count of
    /// references for it.
    pub fn of_this_thread() -> &'static Self {
        Box::leak(Box::new(Self {
            submitter: thread::current(),
            done: CachePadded::default(),
            wake_at: CachePadded::default(),
            delay: AtomicU64::new(0),
        }))
    }

    /// One more job is done.
    #[inline]
    pub fn one_done(&self) {
        // SeqCst on all four: either this sees the number that is waited for, or the submitter sees this job.
        let done = self.done.fetch_add(1, SeqCst) + 1;
        if done == self.wake_at.load(SeqCst) {
            self.submitter.unpark();
        }
    }

    /// How many are done.
    pub fn done(&self) -> usize {
        self.done.load(Relaxed)
    }

    /// Waits until so many are done.
    pub fn wait_for(&self, number: usize) {
        self.wake_at.store(number, SeqCst);
        while self.done.load(SeqCst) < number {
            thread::park();
        }
    }
}
