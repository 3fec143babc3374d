//! The few on-demand threads that run slow user code, so that nobody else has to wait for it.
//!
//! Jobs wait in three [`Lanes`]. Threads start when a job finds none idle and the limit allows, and end after a while
//! without work. A job that runs for longer than its kind's timeout hangs: its thread no longer counts against the limit,
//! and another may start in its place. Each job has a slot of its own, so there are never more threads than slots beyond
//! the limit.

use super::lanes::{Lanes, Task};
use crate::core::sync::around::thread::{self, JoinHandle, ThreadId};
use crate::core::sync::around::{AtomicU64, AtomicUsize, Condvar, Mutex, thread_local};
use crate::error::let_go;
use crate::observe::{HungJob, JobKind};
use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How long an idle thread stays for more work: longer than the gap between jobs of a busy pool, short enough that a pool
/// at rest has no threads but its keeper's.
const LINGER: Duration = Duration::from_secs(1);

/// How long until a thread that the system refused is asked for again, in nanoseconds: 100 ms.
const RETRY: u64 = 100_000_000;

/// How soon the keeper looks again at a job that is about to begin, at the least, in nanoseconds: 1 ms.
const SOONEST: u64 = 1_000_000;

thread_local! {
    /// Whether this is some crew's thread: spares all others a lock.
    static ON_CREW: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is some crew's.
pub(crate) fn is_on_crew() -> bool {
    ON_CREW.with(Cell::get)
}

/// What a look after the crew found; told to the log by the caller, who holds no lock.
pub(crate) struct Upkeep {
    pub(crate) next: Option<u64>,
    pub(crate) newly_hung: Vec<HungJob>,
    /// How many of them create for whoever counts on a ticket.
    pub(crate) hung_tickets: usize,
    pub(crate) refused: Option<io::Error>,
}

/// Someone who runs jobs. The crew's threads hold it weakly between jobs.
pub(crate) trait Work: Send + Sync + 'static {
    type Job: Task;
    fn work(&self, job: Self::Job);
}

/// How large a crew may get, and how long its jobs may take.
#[derive(Clone, Copy)]
pub(crate) struct CrewLimits {
    /// Jobs that may run at once, hung ones not counted.
    pub(crate) at_once: usize,
    /// Jobs there can be that hang: one a slot.
    pub(crate) slots: usize,
    /// By [`JobKind`], in nanoseconds.
    pub(crate) timeouts: [u64; JobKind::ALL.len()],
}

pub(crate) struct Crew<J> {
    name: String,
    /// Jobs there can be that hang: one a slot.
    slots: usize,
    at_once: AtomicUsize,
    /// By [`JobKind`], in nanoseconds.
    timeouts: [AtomicU64; JobKind::ALL.len()],
    state: Mutex<State<J>>,
    wake: Condvar,
}

struct State<J> {
    jobs: Lanes<J>,
    idle: usize,
    closing: bool,
    /// Somebody stays with the jobs that are left at the end.
    attended: bool,
    threads: HashMap<ThreadId, Running>,
    ended: Vec<JoinHandle<()>>,
    hung_ever: u64,
    /// The system refused a thread.
    starved: bool,
}

struct Running {
    handle: Option<JoinHandle<()>>,
    /// The present job.
    job: Option<Present>,
}

#[derive(Clone, Copy)]
struct Present {
    kind: JobKind,
    slot: Option<u32>,
    /// When it went into the manager's code; None while it is not there.
    since: Option<u64>,
    hung: bool,
    holds_ticket: bool,
}

impl Present {
    fn hung(&self, now: u64) -> HungJob {
        let running_for = Duration::from_nanos(now.saturating_sub(self.since.unwrap_or(now)));
        HungJob { kind: self.kind, slot: self.slot.map(|slot| slot as usize), running_for }
    }
}

fn longest_first<'j>(jobs: impl Iterator<Item = &'j Present>, now: u64) -> Vec<HungJob> {
    let mut jobs: Vec<_> = jobs.map(|job| job.hung(now)).collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(job.running_for));
    jobs
}

impl<J> State<J> {
    fn running(&self) -> impl Iterator<Item = &Present> {
        self.threads.values().filter_map(|thread| thread.job.as_ref())
    }

    fn hung(&self) -> impl Iterator<Item = &Present> {
        self.running().filter(|job| job.hung)
    }

    /// Threads that count against the limit.
    fn counted(&self) -> usize {
        self.threads.len() - self.hung().count()
    }
}

impl<J: Task + 'static> Crew<J> {
    pub(crate) fn new(name: String, limits: CrewLimits) -> Self {
        let state = State {
            jobs: Lanes::new(),
            idle: 0,
            closing: false,
            attended: false,
            threads: HashMap::new(),
            ended: Vec::new(),
            hung_ever: 0,
            starved: false,
        };
        let CrewLimits { at_once, slots, timeouts } = limits;
        let (at_once, timeouts) = (AtomicUsize::new(at_once), timeouts.map(AtomicU64::new));
        Self { name, slots, at_once, timeouts, state: Mutex::new(state), wake: Condvar::new() }
    }

    /// How long a job may take before it hangs, in nanoseconds.
    pub(crate) fn timeout(&self, kind: JobKind) -> u64 {
        self.timeouts[kind as usize].load(Relaxed)
    }

    /// Sets how many jobs may run at once, and how long they may take. Those that run are measured by it too.
    pub(crate) fn set_limits(&self, at_once: usize, timeouts: [u64; JobKind::ALL.len()]) {
        self.at_once.store(at_once, Relaxed);
        self.timeouts.iter().zip(timeouts).for_each(|(timeout, to)| timeout.store(to, Relaxed));
    }

    /// Queues a job; gives it back once the crew is closing.
    pub(crate) fn submit<W: Work<Job = J>>(self: &Arc<Self>, owner: &Arc<W>, job: J) -> Result<(), J> {
        let mut state = self.state.lock();
        if state.closing {
            return Err(job);
        }
        state.jobs.push(job);
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
        state.jobs.push(job);
        Ok(())
    }

    pub(crate) fn take(&self) -> Option<J> {
        self.state.lock().jobs.pop()
    }

    /// Starts a thread if there is work and room for one. Without one the job waits for the next thread that is free.
    fn start<W: Work<Job = J>>(self: &Arc<Self>, state: &mut State<J>, owner: &Arc<W>) -> io::Result<()> {
        let (at_once, slots) = (self.at_once.load(Relaxed), self.slots);
        if state.jobs.is_empty() || state.counted() >= at_once || state.threads.len() >= at_once + slots {
            return Ok(());
        }
        let (crew, owner) = (Arc::clone(self), Arc::downgrade(owner));
        let handle = thread::Builder::new().name(self.name.clone()).spawn(move || {
            ON_CREW.with(|on_crew| on_crew.set(true));
            while let Some(job) = crew.next_job() {
                match owner.upgrade() {
                    // Jobs catch what they call; should one panic all the same, or the drop of a manager whose pool ends
                    // here, the thread goes on.
                    Some(owner) => {
                        if let Err(payload) = catch_unwind(AssertUnwindSafe(move || owner.work(job))) {
                            let_go(payload);
                        }
                    }
                    None => drop(job),
                }
                crew.with_my_job(|job| *job = None);
            }
        })?;
        state.threads.insert(handle.thread().id(), Running { handle: Some(handle), job: None });
        Ok(())
    }

    fn with_my_job(&self, change: impl FnOnce(&mut Option<Present>)) {
        if let Some(me) = self.state.lock().threads.get_mut(&thread::current().id()) {
            change(&mut me.job);
        }
    }

    /// Notes what the calling thread, if it is of this crew, does from `now` on: its time begins anew. Says whether that
    /// changes when the crew must be looked after.
    pub(crate) fn begin(&self, kind: JobKind, slot: Option<u32>, now: u64) -> bool {
        let mut changed = false;
        if is_on_crew() {
            self.with_my_job(|job| {
                changed = job.as_ref().is_some_and(|job| job.kind != kind);
                let holds_ticket = job.as_ref().is_some_and(|job| job.holds_ticket);
                *job = Some(Present { kind, slot, since: Some(now), hung: false, holds_ticket });
            });
        }
        changed
    }

    /// The calling thread is out of the manager's code, if it is of this crew: what is left of its job is the pool's own, and
    /// hangs nowhere.
    pub(crate) fn came_back(&self) {
        if is_on_crew() {
            self.with_my_job(|job| {
                if let Some(job) = job {
                    (job.since, job.hung) = (None, false);
                }
            });
        }
    }

    fn next_job(&self) -> Option<J> {
        let mut state = self.state.lock();
        let me = thread::current().id();
        loop {
            // More threads than the limit, after a job that hung: those that took its place go on.
            let superfluous = state.counted() > self.at_once.load(Relaxed);
            if !superfluous && let Some(job) = state.jobs.pop() {
                // Busy from here on, so that nobody joins us.
                let holds_ticket = job.holds_ticket();
                let present = Present { kind: job.kind(), slot: job.slot(), since: None, hung: false, holds_ticket };
                state.threads.entry(me).and_modify(|me| me.job = Some(present));
                if state.attended && state.jobs.is_empty() {
                    self.wake.notify_all();
                }
                return Some(job);
            }
            let mut timed_out = superfluous;
            if !superfluous && !state.closing {
                state.idle += 1;
                timed_out = self.wake.wait_for(&mut state, LINGER).timed_out();
                state.idle -= 1;
            }
            if superfluous || (state.jobs.is_empty() && (state.closing || timed_out)) {
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
        let least = self.timeouts.iter().map(|timeout| timeout.load(Relaxed)).min().unwrap_or(u64::MAX);
        let soonest = now.saturating_add(least.max(SOONEST));
        let mut state = self.state.lock();
        let (mut next, mut newly_hung, mut hung_tickets) = (None::<u64>, Vec::new(), 0);
        let mut look_at = |due: u64| next = Some(next.map_or(due, |next| next.min(due)));
        // Whatever begins after this look rings no bell.
        if !state.jobs.is_empty() {
            look_at(soonest);
        }
        for job in state.threads.values_mut().filter_map(|thread| thread.job.as_mut()).filter(|job| !job.hung) {
            match job.since.map(|since| since.saturating_add(self.timeout(job.kind))) {
                Some(due) if due <= now => {
                    job.hung = true;
                    newly_hung.push(job.hung(now));
                    hung_tickets += usize::from(job.kind == JobKind::Create && job.holds_ticket);
                }
                due => look_at(due.unwrap_or(soonest)),
            }
        }
        state.hung_ever += newly_hung.len() as u64;
        let was_starved = std::mem::take(&mut state.starved);
        let mut refused = None;
        for _ in 0..newly_hung.len().max(usize::from(!state.jobs.is_empty())) {
            refused = refused.or(self.start(&mut state, owner).err());
        }
        state.starved = refused.is_some();
        if refused.is_some() || (was_starved && !state.jobs.is_empty()) {
            let retry = now.saturating_add(RETRY);
            next = Some(next.map_or(retry, |next| next.min(retry)));
        }
        Upkeep { next, newly_hung, hung_tickets, refused }
    }

    /// Jobs that hang now, and that ever hung.
    pub(crate) fn hung(&self) -> (usize, u64) {
        let state = self.state.lock();
        (state.hung().count(), state.hung_ever)
    }

    /// Jobs that run now, hung or not, the longest first.
    pub(crate) fn present_jobs(&self, now: u64) -> Vec<HungJob> {
        longest_first(self.state.lock().running(), now)
    }

    /// Jobs that hang now and keep a resource from being there: all but the destructions.
    pub(crate) fn hung_makers(&self) -> usize {
        self.state.lock().hung().filter(|job| job.kind != JobKind::Destroy).count()
    }

    /// Whether a job hangs in this slot.
    pub(crate) fn hangs_at(&self, slot: u32) -> bool {
        self.state.lock().hung().any(|job| job.slot == Some(slot))
    }

    /// Jobs that hang, the longest first.
    pub(crate) fn hung_jobs(&self, now: u64) -> Vec<HungJob> {
        longest_first(self.state.lock().hung(), now)
    }

    /// Refuses further jobs. Threads end once the queue is empty; with no thread to empty it, its jobs are given back.
    pub(crate) fn close(&self) -> Vec<J> {
        let mut state = self.state.lock();
        state.closing = true;
        self.wake.notify_all();
        if state.threads.is_empty() { state.jobs.take_all() } else { Vec::new() }
    }

    /// Looks after the jobs that wait while the pool ends without them, in its keeper's place: on a thread of its own, until
    /// the last of them has begun. `look` says how long to wait until the next look.
    pub(crate) fn attend<W: Work<Job = J>>(
        self: &Arc<Self>,
        owner: &Arc<W>,
        look: impl Fn(&W) -> Duration + Send + 'static,
    ) {
        let mut state = self.state.lock();
        if state.attended || state.jobs.is_empty() {
            return;
        }
        let (crew, owner) = (Arc::clone(self), Arc::downgrade(owner));
        let attend = move || {
            // Jobs that wait keep their pool alive.
            while let Some(pause) = owner.upgrade().map(|owner| look(&owner)) {
                let mut state = crew.state.lock();
                if !state.jobs.is_empty() {
                    crew.wake.wait_for(&mut state, pause);
                }
                if state.jobs.is_empty() {
                    state.attended = false;
                    return;
                }
            }
        };
        // Without a thread the jobs wait for those that are at work.
        state.attended = thread::Builder::new().name(self.name.clone()).spawn(attend).is_ok();
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
            let idle = state.threads.iter_mut().filter(|(id, thread)| **id != me && thread.job.is_none());
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
