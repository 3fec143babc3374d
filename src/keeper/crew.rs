//! The few on-demand threads that run slow user code, so that nobody else has to wait for it.
//!
//! Each job concerns one slot, so there are never more jobs than slots. Threads start when a job finds none idle and the
//! limit allows; a thread whose job hangs no longer counts against the limit. Idle threads end after a while.

use crate::core::sync::around::thread::{self, JoinHandle, ThreadId};
use crate::core::sync::around::{Condvar, Mutex};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How long an idle thread stays for more work: longer than the gap between jobs of a busy pool, short enough that a pool
/// at rest has no threads but its keeper's.
const LINGER: Duration = Duration::from_secs(1);

/// A job that has run for this long, in nanoseconds, is taken to hang: another thread may start in its place.
pub(crate) const HUNG_AFTER: u64 = 5_000_000_000;

/// How long until a thread that the system refused is asked for again, in nanoseconds: 100 ms.
const RETRY: u64 = 100_000_000;

/// What a look after the crew found; told to the log by the caller, who holds no lock.
pub(crate) struct Upkeep {
    pub(crate) next: Option<u64>,
    pub(crate) newly_hung: u64,
    pub(crate) refused: Option<io::Error>,
}

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
    /// The system refused a thread.
    starved: bool,
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
            starved: false,
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
            // Without a thread the job waits for one that is free, or for the keeper's next try.
            state.starved |= self.start(&mut state, owner).is_err();
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
    fn start<W: Work<Job = J>>(self: &Arc<Self>, state: &mut State<J>, owner: &Arc<W>) -> io::Result<()> {
        let working = state.threads.values().filter(|thread| !thread.hung).count();
        if state.jobs.is_empty() || working >= self.limit {
            return Ok(());
        }
        let (crew, owner) = (Arc::clone(self), Arc::downgrade(owner));
        let spawned = thread::Builder::new().name(self.name.clone()).spawn(move || {
            while let Some(job) = crew.next_job() {
                match owner.upgrade() {
                    Some(owner) => {
                        crew.mark(Some(owner.time()));
                        // Jobs catch what they call; should one panic all the same, its thread goes on.
                        let _ = catch_unwind(AssertUnwindSafe(|| owner.work(job)));
                    }
                    None => drop(job),
                }
                crew.mark(None);
            }
        });
        let handle = spawned?;
        let id = handle.thread().id();
        state.threads.insert(id, Running { handle: Some(handle), since: None, hung: false });
        Ok(())
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

    /// Finds jobs that hang by `now`, and lets other threads start in their place. Returns when to look again.
    pub(crate) fn look_after<W: Work<Job = J>>(self: &Arc<Self>, owner: &Arc<W>, now: u64) -> Upkeep {
        let mut state = self.state.lock();
        let (mut next, mut newly_hung) = (None, 0);
        for thread in state.threads.values_mut().filter(|thread| !thread.hung) {
            let Some(since) = thread.since else { continue };
            // One that is just beginning has no time yet.
            let due = if since == u64::MAX { now } else { since }.saturating_add(HUNG_AFTER);
            if due <= now {
                thread.hung = true;
                newly_hung += 1;
            } else {
                next = Some(next.map_or(due, |next: u64| next.min(due)));
            }
        }
        state.hung_ever += newly_hung;
        let was_starved = std::mem::take(&mut state.starved);
        let mut refused = None;
        for _ in 0..newly_hung.max(u64::from(!state.jobs.is_empty())) {
            refused = refused.or(self.start(&mut state, owner).err());
        }
        if refused.is_some() {
            state.starved = true;
            next = Some(now + RETRY.min(next.map_or(RETRY, |next| next - now)));
        } else if was_starved && !state.jobs.is_empty() {
            next = Some(now + RETRY);
        }
        Upkeep { next, newly_hung, refused }
    }

    /// Jobs that hang now, and that ever hung.
    pub(crate) fn hung(&self) -> (usize, u64) {
        let state = self.state.lock();
        (state.threads.values().filter(|thread| thread.hung).count(), state.hung_ever)
    }

    /// Refuses further jobs. Threads end once the queue is empty; with no thread to empty it, its jobs are given back.
    pub(crate) fn close(&self) -> Vec<J> {
        let mut state = self.state.lock();
        state.closing = true;
        self.wake.notify_all();
        let left = if state.threads.is_empty() { std::mem::take(&mut state.jobs) } else { VecDeque::new() };
        left.into()
    }

    /// Joins the threads that have no job to finish. The others end by themselves; returns how many those are.
    pub(crate) fn join_idle(&self) -> usize {
        let me = thread::current().id();
        loop {
            let mut state = self.state.lock();
            // A thread without a job may take one of these, which may hang.
            if !state.jobs.is_empty() {
                return state.threads.len();
            }
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
