//! Close: everybody is told, everything comes back or is named.

use super::inner::Parcel;
use super::refusal::LATELY;
use super::{Inner, Job};
use crate::core::{Phase, Right};
use crate::error::Lately;
use crate::keeper::{self, Deadline, Work};
use crate::manager::Manager;
use crate::observe::{DestroyReason, Holder, HungJob, JobKind, Transition};
use std::fmt;
use std::time::{Duration, Instant};

/// What a close left behind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CloseReport {
    /// Resources this close destroyed, or saw destroyed at their return.
    pub destroyed: u64,
    /// Resources still checked out at the deadline, and by whom. Each is destroyed when it comes back.
    pub still_out: Vec<Holder>,
    /// Slots in which a callback of the manager's (create, check or destroy) had not returned at the deadline.
    pub unfinished: usize,
    /// The background jobs among them: what each does, in which slot, and for how long already.
    pub unfinished_jobs: Vec<HungJob>,
    /// Threads that wait in the queue no more: how many were woken by this close.
    pub waiters_woken: usize,
    /// Jobs of `Workers` that were accepted, and answered by this close without having run. Always 0 for a pool of anything else.
    pub jobs_refused: u64,
    /// How long it took.
    pub took: Duration,
    /// What happened last in the pool, the oldest first: the end of its flight recorder. Empty if everything came back.
    pub lately: Vec<Transition>,
}

impl CloseReport {
    /// Whether everything came back and was destroyed, and no job was left.
    pub fn is_complete(&self) -> bool {
        self.still_out.is_empty() && self.unfinished == 0 && self.jobs_refused == 0
    }
}

impl fmt::Display for CloseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "closed in {:.1?}: {} destroyed", self.took, self.destroyed)?;
        if self.jobs_refused > 0 {
            write!(f, ", {} jobs not run", self.jobs_refused)?;
        }
        if self.unfinished > 0 {
            write!(f, ", {} still in a callback", self.unfinished)?;
        }
        for (at, job) in self.unfinished_jobs.iter().enumerate() {
            write!(f, "{}{job}", if at == 0 { ": " } else { ", " })?;
        }
        for (at, holder) in self.still_out.iter().enumerate() {
            write!(f, "{}{holder}", if at == 0 { "; still out: " } else { ", " })?;
        }
        write!(f, "{}", Lately(&self.lately))
    }
}

/// How long the end of a pool waits for its keeper, in nanoseconds: it runs no user code and ends at once, unless the
/// program's logger holds it up.
pub(crate) const KEEPER_GRACE: u64 = 1_000_000_000;

/// How often jobs are looked after in the end where nobody knows when that is due.
const ATTENDANCE: Duration = Duration::from_millis(10);

/// How often somebody looks who waits for slots to become vacant, in case nobody tells: for jobs that hang.
const MOMENT: Duration = Duration::from_millis(10);

impl<M: Manager> Inner<M> {
    pub(super) fn close(&self, deadline: Deadline) -> CloseReport {
        let (began, deadline) = (self.now(), deadline.on(&self.clock));
        let destroyed_before = self.counts.destroyed().total();
        let waiters_woken = self.shelf.queue_len() as usize;
        self.closing();
        self.shelf.close(move || self.now());
        self.tell_closed();
        // The crew destroys what is free, so that a hanging `destroy` costs this close its deadline and no more.
        while let Some(right) = self.claim_open() {
            match self.parcel(right) {
                Ok(parcel) => self.end_parcel(parcel),
                Err(right) => self.destroy(right, DestroyReason::Closed),
            }
        }
        self.end_quarantine();
        if self.is_manual() {
            drop(self.crew.close());
        }
        self.wait_until_drained(deadline);
        self.finish_threads(deadline);
        self.sizes_have_settled();
        self.closed_if_empty();
        self.tell_the_end(Some(deadline));
        let in_callback = |phase| matches!(phase, Phase::Creating | Phase::Checking | Phase::Retiring);
        let mut report = CloseReport {
            destroyed: self.counts.destroyed().total() - destroyed_before,
            still_out: self.holders(),
            unfinished: self.shelf.slots().filter(|(_, slot)| in_callback(slot.look().phase())).count(),
            unfinished_jobs: self.crew.present_jobs(self.now()),
            waiters_woken,
            jobs_refused: 0,
            took: Duration::from_nanos(self.now().saturating_sub(began)),
            lately: Vec::new(),
        };
        if !report.is_complete() {
            report.lately = self.recorder.last(LATELY);
        }
        report
    }

    /// The end of the last handle: no deadline, nobody who uses a resource is waited for.
    pub(super) fn shut_down(&self) {
        self.closing();
        self.shelf.close(move || self.now());
        self.tell_closed();
        self.end_quarantine();
        self.sweep();
        self.finish_threads(self.now().saturating_add(KEEPER_GRACE));
        self.wait_for_slow_ends();
        self.closed_if_empty();
        self.tell_the_end(None);
    }

    /// Waits for resources that the crew ends because it takes its time: the program may be over when the last handle is gone, and
    /// nobody would end them any more. Not for one that hangs, and not on a thread of the crew's, or of a resource's own,
    /// which may be at one of them.
    fn wait_for_slow_ends(&self) {
        let is_at_one = || keeper::is_on_crew() || self.attendant().is_some_and(|attendant| attendant.is_its_thread());
        if !M::ENDS_SLOWLY || self.is_manual() || is_at_one() {
            return;
        }
        let (began, limit) = (Instant::now(), Duration::from_nanos(self.crew.timeout(JobKind::Destroy)));
        let is_ending = || self.shelf.slots().any(|(_, slot)| slot.look().phase() == Phase::Retiring);
        // Looks under the lock that the last of them takes before it tells.
        let mut draining = self.draining.lock();
        while is_ending() && began.elapsed() < limit {
            self.drained.wait_for(&mut draining, MOMENT);
        }
    }

    /// Has the crew destroy a resource of a closed pool. Without threads, or once the crew takes no more, it ends here.
    fn end_parcel(&self, parcel: Parcel<M>) {
        let job = Job::Destroy { parcel, reason: DestroyReason::Closed };
        if self.is_manual() {
            self.work(job);
        } else if let Err(job) = self.submit(job) {
            self.work(job);
        }
    }

    /// What was still busy at its return is no likelier than anything else to end at once.
    fn end_quarantine(&self) {
        self.take_quarantine(u64::MAX).into_iter().for_each(|entry| self.end_parcel(entry.parcel));
    }

    fn claim_open(&self) -> Option<Right<'_, M::Resource>> {
        let claim = |from| self.shelf.claim_any(from, Phase::Retiring);
        [Phase::Ready, Phase::Stale, Phase::Degraded].into_iter().find_map(claim)
    }

    /// Waits until some slot becomes vacant, or for a moment: virtual time that moves meanwhile rings no bell here.
    pub(super) fn wait_for_an_end(&self) {
        let mut draining = self.draining.lock();
        self.drained.wait_for(&mut draining, MOMENT);
    }

    /// Has who waits for slots to become vacant look again.
    pub(super) fn tell_drained(&self) {
        drop(self.draining.lock());
        self.drained.notify_all();
    }

    fn wait_until_drained(&self, deadline: u64) {
        let mut draining = self.draining.lock();
        while self.shelf.slots().any(|(_, slot)| !slot.look().phase().is_empty()) && self.now() < deadline {
            self.clock.wait(&self.drained, &mut draining, Some(deadline));
        }
    }

    /// Ends the keeper, and the crew once it has done what is left. Neither can hold this up beyond `deadline`.
    fn finish_threads(&self, deadline: u64) {
        drop(self.crew.close());
        keeper::end(self, deadline.max(self.now().saturating_add(KEEPER_GRACE)));
        self.crew.join_idle();
        if let Some(me) = self.me.upgrade() {
            self.crew.attend(&me, Self::attend_crew);
        }
    }

    /// What the keeper did for jobs that wait behind one that hangs. Returns how long to wait until the next time.
    fn attend_crew(&self) -> Duration {
        let next = self.look_after_crew(self.now());
        // Virtual time that moves meanwhile rings no bell here.
        next.and_then(|next| self.clock.until(next)).unwrap_or(ATTENDANCE)
    }
}
