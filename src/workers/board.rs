//! Who sleeps, and who is to be woken for a job.
//!
//! ```text
//! Submitter: S1 push the job   S2 jobs + 1, and look at the same word: somebody sleeps, nobody searches?   S3 wake one
//! Sleeper:   K1 note that somebody sleeps   K2 searching - 1, and look at the same word: no jobs?   K3 park
//! Taker:     T1 take a job   T2 jobs - 1, searching - 1: was it the last that searched, and are there more?   T3 wake one
//! ```
//! All of it is in one word, whose changes have one order. A submitter that wakes nobody saw nobody asleep, or somebody who searches.
//! Who searches finds that job, or finds another and wakes one more (T3), or counts it before it sleeps (K2) and searches on. So no job
//! waits while a worker sleeps, unless somebody is on the way to it; and a hundred submits in a row wake one worker, which wakes the
//! next if there is work for it.
//!
//! A taker may take a job before its submitter has counted it: the count is below zero for that moment. It stands in the upper half of
//! the word, where a borrow disturbs nobody.

use crate::core::sync::{AtomicU64, Mutex};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Somebody is in the list of sleepers.
const ASLEEP: u64 = 1;
/// Somebody waits for the queue to become shorter.
const CROWDED: u64 = 1 << 1;
/// No job is accepted any more; what is queued is run.
const DRAINING: u64 = 1 << 2;
/// What is queued is not run either.
const CLOSED: u64 = 1 << 3;
/// Workers that look for a job.
const SEARCHER: u64 = 1 << 8;
const SEARCHERS: u64 = JOB - SEARCHER;
/// Jobs in the queue: the upper half, as a signed number.
const JOB: u64 = 1 << 32;

/// A worker, as far as the board knows it.
pub(super) trait Sleeper: Clone {
    /// Ends its sleep. It searches from now on, and is counted so already.
    fn call(&self);
    fn is(&self, other: &Self) -> bool;
}

#[derive(Debug)]
pub(super) struct Board<S> {
    word: AtomicU64,
    /// The last to fall asleep is woken first: its caches are the warmest.
    sleepers: Mutex<Vec<S>>,
}

/// The word at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight(u64);

impl Sight {
    /// Jobs in the queue.
    pub(super) fn jobs(self) -> usize {
        ((self.0 >> 32) as u32 as i32).max(0) as usize
    }

    pub(super) fn is_crowded(self) -> bool {
        self.0 & CROWDED != 0
    }

    /// Whether jobs are refused.
    pub(super) fn is_closing(self) -> bool {
        self.0 & (DRAINING | CLOSED) != 0
    }

    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// Whether somebody has nothing to do.
    pub(super) fn is_anyone_idle(self) -> bool {
        self.0 & (ASLEEP | SEARCHERS) != 0
    }

    fn searchers(self) -> u64 {
        (self.0 & SEARCHERS) / SEARCHER
    }

    fn calls_for_one(self) -> bool {
        self.0 & ASLEEP != 0 && self.searchers() == 0
    }
}

impl<S: Sleeper> Board<S> {
    pub(super) fn new() -> Self {
        Self { word: AtomicU64::new(0), sleepers: Mutex::new(Vec::new()) }
    }

    /// A look that promises nothing.
    pub(super) fn look(&self) -> Sight {
        Sight(self.word.load(Relaxed))
    }

    /// A job has been pushed: wakes a worker if one sleeps and none searches. Returns what there was before.
    pub(super) fn pushed(&self) -> Sight {
        let before = Sight(self.word.fetch_add(JOB, SeqCst));
        if before.calls_for_one() {
            step!("submit_wakes", self.wake());
        }
        before
    }

    /// A job has been taken by a worker, which searches no more if it did. Returns what is left.
    pub(super) fn taken(&self, searched: bool) -> Sight {
        let less = JOB + if searched { SEARCHER } else { 0 };
        let left = Sight(self.word.fetch_sub(less, SeqCst).wrapping_sub(less));
        if searched && left.jobs() > 0 && left.calls_for_one() {
            step!("taker_passes_wake", self.wake());
        }
        left
    }

    /// A worker begins to search. False if so many search already that it had better sleep at once.
    pub(super) fn search(&self, most: u64) -> bool {
        let more = |word: u64| (Sight(word).searchers() < most || Sight(word).jobs() > 0).then_some(word + SEARCHER);
        self.word.fetch_update(SeqCst, Relaxed, more).is_ok()
    }

    /// A worker that searched can take no job for now: others see to what there is.
    pub(super) fn stop_searching(&self) {
        let left = Sight(self.word.fetch_sub(SEARCHER, SeqCst).wrapping_sub(SEARCHER));
        if left.jobs() > 0 && left.calls_for_one() {
            self.wake();
        }
    }

    /// Puts a worker among the sleepers, unless there is a job: then it is to search on, and is counted so.
    pub(super) fn sleep(&self, me: &S, searched: bool) -> bool {
        let mut sleepers = self.sleepers.lock();
        self.word.fetch_or(ASLEEP, SeqCst);
        let seen = if searched { self.word.fetch_sub(SEARCHER, SeqCst) } else { self.word.load(SeqCst) };
        if Sight(seen).jobs() > 0 && !left_out!("sleeper_counts") {
            self.word.fetch_add(SEARCHER, SeqCst);
            if sleepers.is_empty() {
                self.word.fetch_and(!ASLEEP, SeqCst);
            }
            return false;
        }
        sleepers.push(me.clone());
        true
    }

    /// A sleeper is awake for some other reason than a call. True if it was called meanwhile: then it searches.
    pub(super) fn leave(&self, me: &S) -> bool {
        let mut sleepers = self.sleepers.lock();
        let Some(at) = sleepers.iter().position(|sleeper| sleeper.is(me)) else { return true };
        sleepers.swap_remove(at);
        if sleepers.is_empty() {
            self.word.fetch_and(!ASLEEP, SeqCst);
        }
        false
    }

    fn wake(&self) {
        let mut sleepers = self.sleepers.lock();
        // Who searches now began, or was woken, after the look that brought us here: it sees what we saw.
        if Sight(self.word.load(SeqCst)).searchers() > 0 {
            return;
        }
        let Some(sleeper) = sleepers.pop() else { return };
        self.word.fetch_add(SEARCHER, SeqCst);
        if sleepers.is_empty() {
            self.word.fetch_and(!ASLEEP, SeqCst);
        }
        drop(sleepers);
        sleeper.call();
    }

    /// Somebody waits for the queue to become shorter, and looks again after this.
    pub(super) fn crowd(&self) -> Sight {
        Sight(self.word.fetch_or(CROWDED, SeqCst))
    }

    pub(super) fn uncrowd(&self) {
        self.word.fetch_and(!CROWDED, SeqCst);
    }

    /// No job is accepted from now on.
    pub(super) fn drain(&self) {
        self.word.fetch_or(DRAINING, SeqCst);
    }

    /// No job that is pushed from now on is run: who pushes one sees it, and takes it back.
    pub(super) fn close(&self) {
        self.word.fetch_or(DRAINING | CLOSED, SeqCst);
    }
}
