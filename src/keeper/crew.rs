//! The few on-demand threads that run slow user code, so that nobody else has to wait for it.
//!
//! Each job concerns one slot, so there are never more jobs than slots. Threads start when a job finds none idle and the
//! limit allows; a thread whose job hangs no longer counts against the limit. Idle threads end after a while.

use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

/// How long an idle thread stays for more work: longer than the gap between jobs of a busy pool, short enough that a pool
/// at rest has no threads but its keeper's.
const LINGER: Duration = Duration::from_secs(1);

/// A job that has run for this long, in nanoseconds, is taken to hang: another thread may start in its place.
pub(crate) const HUNG_AFTER: u64 = 5_000_000_000;

/// Someone who runs jobs. The crew's threads hold it weakly between jobs.
pub(crate) trait Work: Send + Sync + 'static {
    type Job: Send;
    fn work(&self, job: Self::Job);
    fn time(&self) -> u64;
}

pub(crate) struct Crew<J> {
    name: String,
    limit: usize,
    state: Mutex<State<J>>,
    wake: Condvar,
}

struct State<J> {
    jobs: VecDeque<J>,
    idle: usize,
    closing: bool,
    /// Threads, and since when each has run its present job.
    threads: HashMap<ThreadId, Running>,
    ended: Vec<JoinHandle<()>>,
    hung_ever: u64,
}

struct Running {
    handle: Option<JoinHandle<()>>,
    since: Option<u64>,
    hung: bool,
}

impl<J: Send + 'static> Crew<J> {
    /// `limit` is how many jobs may run at once, hung ones not counted.
    pub(crate) fn new(name: String, limit: usize) -> Self {
        let state = State {
            jobs: VecDeque::new(),
            idle: 0,
            closing: false,
            threads: HashMap::new(),
            ended: Vec::new(),
            hung_ever: 0,
        };
        Self { name, limit, state: Mutex::new(state), wake: Condvar::new() }
    }

    /// Queues a job; gives it back once the crew is closing.
    pub(crate) fn submit<W: Work<Job = J>>(self: &Arc<Self>, owner: &Arc<W>, job: J) -> Result<(), J> {
        let mut state = self.state.lock();
        if state.closing {
            return Err(job);
        }
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() {
            self.wake.notify_one();
        } else {
            self.start(&mut state, owner);
        }
        Ok(())
    }

    /// Queues a job that someone takes with `take`: no thread is started.
    pub(crate) fn leave(&self, job: J) -> Result<(), J> {
        let mut state = self.state.lock();
        if state.closing {
            return Err(job);
        }
        state.jobs.push_back(job);
        Ok(())
    }

    pub(crate) fn take(&self) -> Option<J> {
        self.state.lock().jobs.pop_front()
    }

    /// Starts a thread if there is work and room for one. Without one the job waits for the next thread that is free.
    fn start<W: Work<Job = J>>(self: &Arc<Self>, state: &mut State<J>, owner: &Arc<W>) {
        let working = state.threads.values().filter(|thread| !thread.hung).count();
        if state.jobs.is_empty() || working >= self.limit {
            return;
        }
        let (crew, owner) = (Arc::clone(self), Arc::downgrade(owner));
        let spawned = thread::Builder::new().name(self.name.clone()).spawn(move || {
            while let Some(job) = crew.next_job() {
                match owner.upgrade() {
                    Some(owner) => {
                        crew.mark(Some(owner.time()));
                        owner.work(job);
                    }
                    None => drop(job),
                }
                crew.mark(None);
            }
        });
        match spawned {
            Ok(handle) => {
                let id = handle.thread().id();
                state.threads.insert(id, Running { handle: Some(handle), since: None, hung: false });
            }
            Err(error) => log::warn!("{}: no thread for background work, it waits: {error}", self.name),
        }
    }

    /// Notes since when the calling thread has been at work, if it is.
    fn mark(&self, since: Option<u64>) {
        self.state.lock().threads.entry(thread::current().id()).and_modify(|me| {
            (me.since, me.hung) = (since, false);
        });
    }

    fn next_job(&self) -> Option<J> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                // Busy from here on, so that nobody joins us; the time is filled in outside the lock.
                state.threads.entry(thread::current().id()).and_modify(|me| me.since = Some(u64::MAX));
                return Some(job);
            }
            state.idle += 1;
            let timed_out = !state.closing && self.wake.wait_for(&mut state, LINGER).timed_out();
            state.idle -= 1;
            if state.jobs.is_empty() && (state.closing || timed_out) {
                let me = thread::current().id();
                let handle = state.threads.remove(&me).and_then(|thread| thread.handle);
                // Nobody joins a thread that ends of itself, but for `close`, which waits for the last ones.
                if state.closing {
                    state.ended.extend(handle);
                }
                return None;
            }
        }
    }

    /// Finds jobs that hang by `now`, and lets another thread start in place of each. Returns when the next may be due.
    pub(crate) fn look_after<W: Work<Job = J>>(self: &Arc<Self>, owner: &Arc<W>, now: u64) -> Option<u64> {
        let mut state = self.state.lock();
        let mut next = None;
        let mut newly_hung = 0;
        for thread in state.threads.values_mut().filter(|thread| !thread.hung) {
            let Some(since) = thread.since else { continue };
            let due = since.saturating_add(HUNG_AFTER);
            if due <= now {
                thread.hung = true;
                newly_hung += 1;
            } else {
                next = Some(next.map_or(due, |next: u64| next.min(due)));
            }
        }
        state.hung_ever += newly_hung;
        if newly_hung > 0 {
            log::warn!("{}: {newly_hung} job(s) have run for over {} s", self.name, HUNG_AFTER / 1_000_000_000);
        }
        self.start(&mut state, owner);
        next
    }

    /// Jobs that hang now, and that ever hung.
    pub(crate) fn hung(&self) -> (usize, u64) {
        let state = self.state.lock();
        (state.threads.values().filter(|thread| thread.hung).count(), state.hung_ever)
    }

    /// Refuses further jobs and gives back the ones nobody has begun. Threads end with their present job.
    pub(crate) fn close(&self) -> Vec<J> {
        let mut state = self.state.lock();
        state.closing = true;
        self.wake.notify_all();
        state.jobs.drain(..).collect()
    }

    /// Joins the threads that have no job to finish. The others end by themselves; returns how many those are.
    pub(crate) fn join_idle(&self) -> usize {
        let me = thread::current().id();
        loop {
            let mut state = self.state.lock();
            let ended = std::mem::take(&mut state.ended);
            let idle = state.threads.iter_mut().filter(|(id, thread)| **id != me && thread.since.is_none());
            let idle: Vec<_> = idle.filter_map(|(_, thread)| thread.handle.take()).collect();
            let busy = state.threads.len() - idle.len();
            drop(state);
            if ended.is_empty() && idle.is_empty() {
                return busy;
            }
            for handle in ended.into_iter().chain(idle) {
                // A job's panic is caught where the job runs; the thread itself has nothing to report.
                let _ = handle.join();
            }
        }
    }
}
