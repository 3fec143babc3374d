//! Jobs for one worker: those of sessions that it is bound to.
//!
//! They are in no lane, and other workers that fall asleep do not count them. Whoever holds a job here for longer than its session allows
//! hands it over to the lanes: the keeper, once its wait is over or the worker is late; the worker itself, when it ends.

use super::desk::Desk;
use super::job::AnyJob;
use crate::core::sync::{AtomicBool, AtomicU64, Mutex};
use crate::observe::ResourceId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

pub(super) struct Inbox<R> {
    id: ResourceId,
    pub(super) desk: Arc<Desk>,
    jobs: Mutex<Jobs<R>>,
    count: AtomicU64,
    /// As below, for who looks without the lock, under which it is written.
    is_ended: AtomicBool,
    /// Its worker searches for a job, and finds what is left here first.
    is_looking: AtomicBool,
}

struct Jobs<R> {
    waiting: VecDeque<Waiting<R>>,
    /// Its worker has ended, or may never come back.
    ended: bool,
}

struct Waiting<R> {
    job: AnyJob<R>,
    /// By tick and priority: the least is first.
    place: u64,
    /// When others may have it.
    until: u64,
}

/// Why a job was not left.
pub(super) enum NotLeft<R> {
    NobodyComes(AnyJob<R>),
    /// It was not accepted, with so many before it.
    Busy {
        queued: usize,
    },
}

impl<R> Inbox<R> {
    pub(super) fn new(id: ResourceId, desk: Arc<Desk>) -> Arc<Self> {
        let jobs = Mutex::new(Jobs { waiting: VecDeque::new(), ended: false });
        let (is_ended, is_looking) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { id, desk, jobs, count: AtomicU64::new(0), is_ended, is_looking })
    }

    /// Whether it is this resource's.
    pub(super) fn is_of(&self, id: ResourceId) -> bool {
        self.id == id
    }

    /// Whether it is that of a later resource of the same slot.
    pub(super) fn is_newer_than(&self, id: ResourceId) -> bool {
        self.id.generation() > id.generation()
    }

    #[inline]
    pub(super) fn has_any(&self) -> bool {
        self.count.load(SeqCst) > 0
    }

    /// How many wait.
    pub(super) fn jobs(&self) -> usize {
        self.count.load(Relaxed) as usize
    }

    /// Leaves a job for the worker, and wakes it, if `accepts` so many before it: that is asked under the lock under which jobs are taken, so
    /// of two who want to be alone one is. `keep` counts it: who takes it counts it out.
    pub(super) fn push(
        &self,
        job: AnyJob<R>,
        until: u64,
        accepts: impl FnOnce(&Self, usize) -> bool,
        keep: impl FnOnce(),
    ) -> Result<(), NotLeft<R>> {
        let place =
            u64::from(job.terms().tick) + job.terms().priority.lane() as u64 * u64::from(super::lanes::HEAD_START);
        {
            let mut jobs = self.jobs.lock();
            let queued = jobs.waiting.len();
            if !accepts(self, queued) {
                return Err(NotLeft::Busy { queued });
            }
            if jobs.ended && !left_out!("inbox_refuses") {
                return Err(NotLeft::NobodyComes(job));
            }
            keep();
            let at = jobs.waiting.partition_point(|waiting| waiting.place <= place);
            jobs.waiting.insert(at, Waiting { job, place, until });
            self.count.store(jobs.waiting.len() as u64, SeqCst);
        }
        step!("inbox_calls", super::board::Sleeper::call(&self.desk));
        Ok(())
    }

    /// The next one. Looks under the lock: who leaves a job and sees no close by then, had it before who closes comes here.
    pub(super) fn take(&self) -> Option<AnyJob<R>> {
        let mut jobs = self.jobs.lock();
        let first = jobs.waiting.pop_front()?;
        // Before the next who wants to be alone is asked.
        self.looks(false);
        self.count.store(jobs.waiting.len() as u64, SeqCst);
        Some(first.job)
    }

    /// Takes those that others may have at `now`. Returns when the next will be.
    pub(super) fn take_due(&self, now: u64) -> (Vec<AnyJob<R>>, Option<u64>) {
        let mut jobs = self.jobs.lock();
        let (due, stay) = std::mem::take(&mut jobs.waiting).into_iter().partition(|waiting| waiting.until <= now);
        jobs.waiting = stay;
        self.count.store(jobs.waiting.len() as u64, SeqCst);
        let next = jobs.waiting.iter().map(|waiting| waiting.until).min();
        let due: VecDeque<Waiting<R>> = due;
        (due.into_iter().map(|waiting| waiting.job).collect(), next)
    }

    /// Takes all that is there, and accepts no more, until it is opened again.
    pub(super) fn end(&self) -> Vec<AnyJob<R>> {
        let mut jobs = self.jobs.lock();
        jobs.ended = true;
        self.is_ended.store(true, SeqCst);
        self.looks(false);
        let left = std::mem::take(&mut jobs.waiting);
        self.count.store(0, SeqCst);
        left.into_iter().map(|waiting| waiting.job).collect()
    }

    /// Its worker begins to search for a job, or does no more: by that worker, or under the lock.
    #[inline]
    pub(super) fn looks(&self, looking: bool) {
        self.is_looking.store(looking, Relaxed);
    }

    #[inline]
    pub(super) fn is_looking(&self) -> bool {
        self.is_looking.load(Relaxed)
    }

    #[inline]
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended.load(Relaxed)
    }

    /// Its worker comes for what is left here after all.
    #[cold]
    pub(super) fn open_again(&self) {
        let mut jobs = self.jobs.lock();
        jobs.ended = false;
        self.is_ended.store(false, SeqCst);
    }
}
