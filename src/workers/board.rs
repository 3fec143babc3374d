//! Who sleeps, and who is to be woken for a job.
//!
//! ```text
//! Submitter: S1 push the job      S2 pushed + 1      S3 somebody sleeps, and nobody searches?   S4 wake one
//! Sleeper:   K1 asleep            K2 searching - 1   K3 pushed = taken?                         K4 park
//! Taker:     T1 take a job        T2 taken + 1       T3 searching - 1, if it did                T4 pushed > taken, and so on as S3
//! ```
//! All of these are sequentially consistent, so they have one order. A submitter that wakes nobody saw nobody asleep, or somebody who
//! searches. Who sleeps from then on counts that job at K3, and searches on. Who searches finds it; or finds another, and counts it at T4;
//! or counts it before it sleeps. So no job waits while a worker sleeps, unless somebody is on the way to it; and a hundred submits in a
//! row wake one worker, which wakes the next if there is work for it.
//!
//! What submitters write, takers do not, and neither writes what both read: a line that goes to and fro for every job would cost more than
//! all else. So each worker counts what it takes, and what its jobs submit, on a line of its own, those who submit from outside count on four
//! lines, and who wants to know adds it all up. Such a sum is of no single moment. Too little taken makes a sleeper search on. Too little
//! pushed, though its job was taken and is counted, might look as if another one that waits had been taken: but what is missing there is
//! counted after K1, so its submitter sees who sleeps.

use super::chain::Chain;
use crate::core::sync::{AtomicU64, Mutex};
use crate::core::thread_number;
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};

/// Somebody is in the list of sleepers.
const ASLEEP: u64 = 1;
/// Somebody waits for the queue to become shorter.
const CROWDED: u64 = 1 << 1;
/// No job is accepted any more; what is queued is run.
const DRAINING: u64 = 1 << 2;
/// What is queued is not run either.
const CLOSED: u64 = 1 << 3;
/// Workers that look for a job: all bits from here.
const SEARCHER: u64 = 1 << 8;

/// Looks before a wake: some 300 ns. The model checker, which would take them for more of the same, has none.
const PATIENCE: u32 = if cfg!(slackwater_loom) { 0 } else { 8 };

/// Counts of what those push who are no workers, by thread: one that all write would go from processor to processor with each job.
pub(super) const COUNTS: usize = if cfg!(slackwater_loom) { 2 } else { 4 };

/// Jobs that may be counted in one place before the next look at how many there are: so many, and in all places together no more than a
/// quarter of the room there was.
const BETWEEN_LOOKS: usize = 64;

/// The model checker takes sequentially consistent operations for weaker ones, but fences for what they are.
fn as_if_ordered() {
    #[cfg(slackwater_loom)]
    crate::core::sync::fence(SeqCst);
}

/// A worker, as far as the board knows it.
pub(super) trait Sleeper: Clone {
    /// Ends its sleep. It searches from now on, and is counted so already.
    fn call(&self);
    fn is(&self, other: &Self) -> bool;
}

#[derive(Debug)]
pub(super) struct Board<S> {
    pushed: [CachePadded<Pushed>; COUNTS],
    /// By those who are no workers: of jobs that nobody runs.
    taken: CachePadded<AtomicU64>,
    tallies: Chain<Tally>,
    /// Jobs that are one worker's. Others may sleep all the same.
    kept: CachePadded<AtomicU64>,
    state: CachePadded<AtomicU64>,
    /// In the order in which they fell asleep.
    sleepers: Mutex<Vec<S>>,
}

/// By some of those who are no workers.
#[derive(Debug)]
struct Pushed {
    count: AtomicU64,
    /// Until it has come to this, nobody looks whether the queue is full.
    clear_until: AtomicU64,
}

/// What one worker has pushed and taken. It alone writes it.
#[derive(Debug)]
pub(super) struct Tally(CachePadded<(AtomicU64, AtomicU64)>);

impl Tally {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(CachePadded::new((AtomicU64::new(0), AtomicU64::new(0)))))
    }

    fn pushed(&self) -> &AtomicU64 {
        &self.0.0
    }

    fn taken(&self) -> &AtomicU64 {
        &self.0.1
    }
}

/// The workers' state at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight(u64);

impl Sight {
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
        self.0 & ASLEEP != 0 || self.searchers() > 0
    }

    /// Workers that look for a job.
    pub(super) fn searchers(self) -> u64 {
        self.0 / SEARCHER
    }

    fn calls_for_one(self) -> bool {
        self.0 & ASLEEP != 0 && self.searchers() == 0
    }
}

impl<S: Sleeper> Board<S> {
    pub(super) fn new() -> Self {
        Self {
            pushed: std::array::from_fn(|_| {
                CachePadded::new(Pushed { count: AtomicU64::new(0), clear_until: AtomicU64::new(0) })
            }),
            taken: CachePadded::new(AtomicU64::new(0)),
            tallies: Chain::default(),
            kept: CachePadded::new(AtomicU64::new(0)),
            state: CachePadded::new(AtomicU64::new(0)),
            sleepers: Mutex::new(Vec::new()),
        }
    }

    /// A look that comes after what was done before.
    pub(super) fn look_now(&self) -> Sight {
        Sight(self.state.load(SeqCst))
    }

    /// A look that promises nothing.
    #[inline]
    pub(super) fn look(&self) -> Sight {
        Sight(self.state.load(Relaxed))
    }

    /// A worker will count what it does here.
    pub(super) fn add_tally(&self, tally: &Arc<Tally>) {
        // Who falls asleep has done so before this, and is seen by whoever pushes, or finds the tally.
        let _sleepers = self.sleepers.lock();
        self.tallies.add(Arc::clone(tally));
        // So does who stops searching after the first push that is counted there has seen it search.
        self.state.fetch_add(0, SeqCst);
    }

    /// How many jobs were taken, and pushed.
    fn sums(&self) -> (u64, u64) {
        let all = |first: u64, of: fn(&Tally) -> &AtomicU64| {
            self.tallies.iter().fold(first, |sum, one| sum.wrapping_add(of(one).load(SeqCst)))
        };
        let taken = all(self.taken.load(SeqCst), Tally::taken);
        let outside = self.pushed.iter().fold(0, |sum: u64, one| sum.wrapping_add(one.count.load(SeqCst)));
        if left_out!("tallies_count") {
            return (taken, outside);
        }
        (taken, all(outside, Tally::pushed))
    }

    /// Where the calling thread counts what it pushes, if it is no worker. The model checker's have no number that is the same each time: a
    /// model says where they count.
    #[inline]
    pub(super) fn place() -> usize {
        if cfg!(slackwater_loom) { 0 } else { thread_number() as usize % COUNTS }
    }

    /// Jobs that wait, about.
    pub(super) fn jobs(&self) -> usize {
        self.kept.load(SeqCst) as usize + self.jobs_for_all()
    }

    /// There is one more that is one worker's.
    pub(super) fn kept(&self) {
        self.kept.fetch_add(1, SeqCst);
    }

    /// So many of those of one worker wait there no more.
    pub(super) fn no_longer_kept(&self, jobs: usize) {
        self.kept.fetch_sub(jobs as u64, SeqCst);
    }

    /// Jobs that wait for whoever comes, about.
    pub(super) fn jobs_for_all(&self) -> usize {
        let (taken, pushed) = self.sums();
        (pushed.wrapping_sub(taken) as i64).max(0) as usize
    }

    /// Whether `limit` jobs are in the queue, about. For those who are no workers.
    #[inline]
    pub(super) fn is_full(&self, limit: usize) -> bool {
        let pushed = &self.pushed[Self::place()];
        let count = pushed.count.load(Relaxed);
        if (pushed.clear_until.load(Relaxed).wrapping_sub(count) as i64) > 0 {
            return false;
        }
        let room = self.room(limit);
        let clear = (room / (4 * COUNTS)).min(BETWEEN_LOOKS);
        pushed.clear_until.store(count.wrapping_add(clear as u64), Relaxed);
        if room == 0 {
            // What others were granted while there was room is of no time since.
            self.pushed.iter().for_each(|one| one.clear_until.store(one.count.load(Relaxed), Relaxed));
        }
        room == 0
    }

    /// How many more the queue takes.
    pub(super) fn room(&self, limit: usize) -> usize {
        limit.saturating_sub(self.jobs())
    }

    /// A job has been pushed by the worker with this tally: wakes a worker if one sleeps and none searches. Returns what it saw.
    #[inline]
    pub(super) fn pushed(&self, by: &Tally) -> Sight {
        self.counted(by.pushed(), true)
    }

    /// The same by no worker, and counted in this [`place`](Self::place).
    #[inline]
    pub(super) fn pushed_outside(&self, place: usize) -> Sight {
        self.counted(&self.pushed[place].count, false)
    }

    #[inline]
    fn counted(&self, count: &AtomicU64, by_worker: bool) -> Sight {
        count.fetch_add(1, SeqCst);
        as_if_ordered();
        let seen = Sight(self.state.load(SeqCst));
        if seen.calls_for_one() && (by_worker || !self.is_taken_at_once()) {
            step!("submit_wakes", self.wake());
        }
        seen
    }

    /// Whether somebody who has just done a job takes all there is before a sleeper could wake: looks for a tenth of the time that a wake
    /// takes.
    #[cold]
    fn is_taken_at_once(&self) -> bool {
        (0..PATIENCE).any(|_| {
            std::hint::spin_loop();
            !self.are_there_jobs()
        })
    }

    /// A job has been taken, by the worker with this tally, which searches no more if it did, or by somebody else. Returns what it saw.
    #[inline]
    pub(super) fn taken(&self, by: Option<&Tally>, searched: bool) -> Sight {
        match by {
            Some(tally) => tally.taken().store(tally.taken().load(Relaxed).wrapping_add(1), Release),
            None => drop(self.taken.fetch_add(1, SeqCst)),
        }
        if searched { self.stop_searching() } else { self.look() }
    }

    /// A worker begins to search. False if so many search already that it had better sleep at once.
    pub(super) fn search(&self, most: u64) -> bool {
        let more = |word: u64| (Sight(word).searchers() < most).then_some(word + SEARCHER);
        self.state.fetch_update(SeqCst, Relaxed, more).is_ok()
    }

    /// A worker that searched has found a job, or can take none for now: others see to what is left.
    pub(super) fn stop_searching(&self) -> Sight {
        let left = Sight(self.state.fetch_sub(SEARCHER, SeqCst) - SEARCHER);
        as_if_ordered();
        if left.calls_for_one() && self.are_there_jobs() {
            step!("searcher_passes_wake", self.wake());
        }
        left
    }

    /// Whether more were pushed than taken, or the other way round: then a count is on its way.
    fn are_there_jobs(&self) -> bool {
        let (taken, pushed) = self.sums();
        taken != pushed
    }

    /// Puts a worker among the sleepers, unless there is a job: then it is to search on, and is counted so.
    pub(super) fn sleep(&self, me: &S, searched: bool) -> bool {
        let mut sleepers = self.sleepers.lock();
        self.state.fetch_or(ASLEEP, SeqCst);
        if searched {
            self.state.fetch_sub(SEARCHER, SeqCst);
        }
        as_if_ordered();
        if self.are_there_jobs() && !left_out!("sleeper_counts") {
            self.state.fetch_add(SEARCHER, SeqCst);
            if sleepers.is_empty() {
                self.state.fetch_and(!ASLEEP, SeqCst);
            }
            return false;
        }
        sleepers.push(me.clone());
        true
    }

    /// A sleeper is awake, by a call or for some other reason. True if it was called: then it searches.
    pub(super) fn leave(&self, me: &S) -> bool {
        let mut sleepers = self.sleepers.lock();
        let Some(at) = sleepers.iter().position(|sleeper| sleeper.is(me)) else { return true };
        sleepers.remove(at);
        if sleepers.is_empty() {
            self.state.fetch_and(!ASLEEP, SeqCst);
        }
        false
    }

    #[cold]
    fn wake(&self) {
        let mut sleepers = self.sleepers.lock();
        // Who searches now began, or was woken, after the look that brought us here: it sees what we saw.
        if Sight(self.state.load(SeqCst)).searchers() > 0 {
            return;
        }
        // Of those whose caches are warm. Not the last, unless it is alone: it may still be on its way into sleep, and wakes later.
        let Some(last) = sleepers.len().checked_sub(1) else { return };
        let sleeper = sleepers.remove(last.saturating_sub(1));
        self.state.fetch_add(SEARCHER, SeqCst);
        if sleepers.is_empty() {
            self.state.fetch_and(!ASLEEP, SeqCst);
        }
        drop(sleepers);
        sleeper.call();
    }

    /// Somebody waits for the queue to become shorter, and looks again after this.
    pub(super) fn crowd(&self) {
        self.state.fetch_or(CROWDED, SeqCst);
    }

    pub(super) fn uncrowd(&self) {
        self.state.fetch_and(!CROWDED, SeqCst);
    }

    /// No job is accepted from now on.
    pub(super) fn drain(&self) {
        self.state.fetch_or(DRAINING, SeqCst);
    }

    /// No job that is pushed from now on is run: who pushes one sees it, and takes it back. What was pushed before is visible after.
    pub(super) fn close(&self) {
        self.state.fetch_or(DRAINING | CLOSED, SeqCst);
        as_if_ordered();
        self.sums();
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Bed(usize, Arc<Mutex<Vec<usize>>>);

    impl Sleeper for Bed {
        fn call(&self) {
            self.1.lock().push(self.0);
        }

        fn is(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }

    #[test]
    fn who_fell_asleep_last_is_not_woken_while_another_sleeps() {
        let (board, called) = (Board::new(), Arc::default());
        for number in 0..4 {
            assert!(board.sleep(&Bed(number, Arc::clone(&called)), false));
        }
        for _ in 0..4 {
            board.pushed_outside(0);
            board.taken(None, true);
        }
        assert_eq!(*called.lock(), [2, 1, 0, 3]);
        assert!(!board.look().is_anyone_idle());
    }
}
