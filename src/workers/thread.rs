//! A worker's thread: takes its own slot into use, takes a job, runs it, gives the slot back.

use super::circle;
use super::desk::{Desk, with_held};
use super::hall::Hall;
use super::inbox::Inbox;
use super::job::{AnyJob, Next, Run, Span, Step, Turn, let_go_of};
use super::manager::LocalManager;
use super::seat::Seat;
use super::seat::Threads;
use super::tray::Mine;
use crate::core::Right;
use crate::core::sync::around::thread::yield_now;
use crate::observe::ResourceId;
use crate::pool::{Inner, NEVER};
use std::rc::Rc;
use std::sync::{Arc, OnceLock, Weak};

/// Workers that search at once: one that may have a second job's, while the other is on its way to a first. More would only be in each
/// other's way.
const SEARCHERS: u64 = 2;

/// Looks for a job before a worker goes to sleep. First close together, for some microseconds: whoever has had an answer submits the next
/// job within that time, and a wake takes longer. Then with a turn for others in between: a few, as the next turn may be a millisecond away,
/// and nobody is woken for a job as long as somebody searches.
const LOOKS: u32 = 32;
const CLOSE_LOOKS: u32 = 28;

/// Which slot a worker's resource is in.
pub(super) struct Place<M: LocalManager> {
    pub(super) pool: Weak<Inner<Threads<M>>>,
    pub(super) id: ResourceId,
}

pub(super) struct Worker<M: LocalManager> {
    desk: Arc<Desk>,
    hall: Arc<Hall<M::Resource>>,
    /// Until its end.
    tray: Option<Rc<Mine<M::Resource>>>,
    place: Arc<OnceLock<Place<M>>>,
    /// Once it has its place: what is for this worker alone, and whether its last job came from there.
    inbox: Option<Arc<Inbox<M::Resource>>>,
    had_its_own: bool,
    /// Whether the board counts this thread among those that search.
    searching: bool,
}

impl<M: LocalManager> Drop for Worker<M> {
    /// However the thread ends, nobody waits for it.
    fn drop(&mut self) {
        self.desk.end();
        if let Some(tray) = self.tray.take() {
            tray.leave();
        }
        self.searches_no_more();
        if let Some(inbox) = self.inbox.take() {
            self.close_inbox(&inbox);
        }
        if let Some(place) = self.place.get() {
            self.hall.unseat(place.id.slot(), &self.desk);
        }
    }
}

type Own<'p, M> = Right<'p, Seat<M>>;

/// Why a worker does nothing now.
enum Rest {
    /// There is no job: it is among the sleepers.
    Asleep,
    /// Its slot is somebody else's for now.
    Aside,
    /// There is mail.
    Not,
}

/// A worker, as one of those that may wait for each other's jobs.
struct Member<M: LocalManager>(Arc<OnceLock<Place<M>>>);

impl<M: LocalManager> Member<M> {
    fn place(&self) -> Option<(ResourceId, Arc<Inner<Threads<M>>>)> {
        self.0.get().and_then(|place| Some((place.id, place.pool.upgrade()?)))
    }
}

impl<M: LocalManager> circle::Member for Member<M> {
    fn may_wait(&self, waiting: &[ResourceId]) -> Result<ResourceId, usize> {
        let Some((id, pool)) = self.place() else { return Err(1) };
        let all = pool.capacity();
        if waiting.len() + 1 < all {
            return Ok(id);
        }
        // One that is late has lent its place to another, which runs jobs.
        let in_their_places = waiting.iter().chain([&id]).filter(|id| !pool.is_hold_replaced(**id)).count();
        if in_their_places < all { Ok(id) } else { Err(all) }
    }

    /// Until its next turn, in which it opens its inbox again.
    fn gives_way(&self) {
        let Some((id, pool)) = self.place() else { return };
        let hall = &pool.manager.hall;
        let Some(inbox) = hall.inbox(id.slot()).filter(|inbox| inbox.is_of(id)) else { return };
        if hall.close_inbox(&inbox) {
            hall.calls_for_more(&*pool);
        }
    }
}

impl<M: LocalManager> Worker<M> {
    pub(super) fn new(desk: Arc<Desk>, hall: Arc<Hall<M::Resource>>, place: Arc<OnceLock<Place<M>>>) -> Self {
        let tray = Some(hall.sit_down());
        Self { desk, hall, tray, place, inbox: None, had_its_own: false, searching: false }
    }

    /// Until the resource has ended.
    pub(super) fn run(mut self) {
        circle::enter(&self.hall.circle, Member(Arc::clone(&self.place)));
        loop {
            if self.desk.has_mail() {
                // What a letter asks for may take long, and whoever submits would rely on this one to come.
                self.searches_no_more();
                self.desk.read_mail();
            }
            if self.desk.is_ended() {
                break;
            }
            match self.work() {
                Rest::Not => {}
                Rest::Asleep => {
                    self.desk.rest();
                    self.searching = self.hall.board.leave(&self.desk);
                }
                Rest::Aside => {
                    self.desk.rest();
                    self.hall.stand_aside(&self.desk, false);
                }
            }
        }
    }

    /// Runs jobs as long as there are any, and the slot is this worker's to use.
    fn work(&mut self) -> Rest {
        // Held while there is something to do, and not longer: a pool that everybody else has let go of ends.
        let place = Arc::clone(&self.place);
        let Some((place, pool)) = place.get().and_then(|place| Some((place, place.pool.upgrade()?))) else {
            let its = Arc::clone(&self.place);
            return self.aside(move || its.get().is_some_and(|place| place.pool.strong_count() > 0));
        };
        let inbox = Arc::clone(self.inbox.get_or_insert_with(|| self.hall.open_inbox(place.id, &self.desk)));
        let mut next = None;
        loop {
            if self.desk.has_mail() {
                return Rest::Not;
            }
            let Some(right) = pool.claim_own(place.id) else {
                // Degraded, it is no use to others while they have better. Who waits for this one wants it as it is.
                if inbox.has_any()
                    && let Some(right) = pool.claim_own_degraded(place.id)
                {
                    match self.take_its_own(&inbox, &mut next) {
                        true => self.run_one(&pool, right, &mut next),
                        false => pool.own_unused(right),
                    }
                    continue;
                }
                match inbox.is_ended() {
                    true if pool.is_own_degraded(place.id) => inbox.open_again(),
                    // Its seat was taken out of the pool, or its time has come: what is left here would wait for its successor.
                    false
                        if !pool.is_there(place.id)
                            || inbox.has_any() && pool.awaits_its_end(place.id.slot() as u32) =>
                    {
                        self.close_inbox(&inbox);
                    }
                    _ => {}
                }
                pool.check_own(place.id);
                let is_lost = || !inbox.is_ended() && !pool.is_there(place.id);
                let serves = || inbox.has_any() && pool.is_own_degraded(place.id);
                let is_mine = || pool.is_own_fit(place.id) || serves() || is_lost();
                let rest = self.aside(is_mine);
                if let Rest::Aside = rest {
                    self.call_others(&pool);
                }
                return rest;
            };
            if inbox.is_ended() {
                // It was ended because this worker might never come back, or waited. It is back.
                inbox.open_again();
            }
            match self.next_job(&inbox, &pool, &mut next) {
                true => self.run_one(&pool, right, &mut next),
                false => {
                    pool.own_unused(right);
                    if self.desk.is_ended() {
                        return Rest::Not;
                    }
                    if self.hall.board.sleep(&self.desk, std::mem::take(&mut self.searching)) {
                        return Rest::Asleep;
                    }
                    self.searching = true;
                }
            }
        }
    }

    /// The slot is somebody else's: the jobs are for others. Unless that has changed, as `is_mine_again` says: who opens it after that
    /// look finds this worker aside, and wakes it.
    fn aside(&mut self, is_mine_again: impl FnOnce() -> bool) -> Rest {
        if std::mem::take(&mut self.searching) {
            self.hall.board.stop_searching();
        }
        // Ended by this thread itself, at a return: nobody would tell it of that.
        if self.desk.is_ended() {
            return Rest::Not;
        }
        self.hall.stand_aside(&self.desk, true);
        if is_mine_again() {
            self.hall.stand_aside(&self.desk, false);
            return Rest::Not;
        }
        Rest::Aside
    }

    fn searches_no_more(&mut self) {
        if std::mem::take(&mut self.searching) {
            self.hall.board.stop_searching();
            if let Some(pool) = self.pool() {
                self.call_others(&pool);
            }
        }
    }

    /// Gives what was left to this worker to whoever comes: who counted those that wait, as its slot became vacant, did not count these.
    fn close_inbox(&self, inbox: &Inbox<M::Resource>) {
        if self.hall.close_inbox(inbox)
            && let Some(pool) = self.pool()
        {
            self.hall.calls_for_more(&*pool);
        }
    }

    fn pool(&self) -> Option<Arc<Inner<Threads<M>>>> {
        self.place.get().and_then(|place| place.pool.upgrade())
    }

    /// Who was woken for a job and cannot take it was relied on.
    fn call_others(&self, pool: &Inner<Threads<M>>) {
        if self.hall.board.jobs_for_all() > 0 && !self.hall.board.look().is_anyone_idle() {
            self.hall.calls_for_more(pool);
        }
    }

    /// Takes a job. Who searched for it was relied on: should there be more, and nobody left to take them, others are made.
    #[inline]
    fn take(&mut self, inbox: &Inbox<M::Resource>, pool: &Inner<Threads<M>>, into: &mut Next<M::Resource>) -> bool {
        let searched = self.searching;
        let is_taken = self.hall.take(self.tray.as_deref(), &mut self.searching, into);
        if is_taken && searched {
            inbox.looks(false);
        }
        // Those who stand aside may have seen this slot free a moment ago, and left the jobs to it.
        if is_taken && (searched || self.hall.is_anyone_aside()) {
            self.call_others(pool);
        }
        is_taken
    }

    /// Takes a job that is this worker's alone.
    #[inline]
    fn take_its_own(&mut self, inbox: &Inbox<M::Resource>, into: &mut Next<M::Resource>) -> bool {
        if inbox.has_any() {
            *into = self.hall.take_from(inbox);
        }
        if into.is_none() {
            return false;
        }
        self.searches_no_more();
        self.had_its_own = true;
        true
    }

    #[inline]
    fn next_job(&mut self, inbox: &Inbox<M::Resource>, pool: &Inner<Threads<M>>, into: &mut Next<M::Resource>) -> bool {
        // In turns, so that neither keeps the other waiting for ever.
        if !std::mem::take(&mut self.had_its_own) && self.take_its_own(inbox, into) {
            return true;
        }
        self.take(inbox, pool, into) || self.take_its_own(inbox, into) || self.search(inbox, pool, into)
    }

    /// Looks for a while, unless others do.
    fn search(&mut self, inbox: &Inbox<M::Resource>, pool: &Inner<Threads<M>>, into: &mut Next<M::Resource>) -> bool {
        self.searching = self.searching || self.hall.board.search(SEARCHERS);
        if !self.searching {
            return false;
        }
        inbox.looks(true);
        for look in 0..LOOKS {
            // Its own first: who wants it to itself is accepted meanwhile.
            if self.take_its_own(inbox, into) || (self.hall.has_jobs() && self.take(inbox, pool, into)) {
                return true;
            }
            if self.desk.has_mail() {
                break;
            }
            if look < CLOSE_LOOKS {
                for _ in 0..(1 << (look / 4)) {
                    std::hint::spin_loop();
                }
            } else {
                yield_now();
            }
        }
        inbox.looks(false);
        false
    }

    #[inline]
    fn run_one(&self, pool: &Inner<Threads<M>>, right: Own<'_, M>, job: &mut Next<M::Resource>) {
        if let Some(AnyJob::Bare(bare)) = job {
            let right = pool.own_use(right, self.desk.number, bare.terms.site);
            let turn = with_held(|resource: &mut M::Resource| bare.run(resource));
            match turn {
                Some(_) => *job = None,
                // The thread has lost its resource, which its return finds out: nobody is to be told.
                None => let_go_of(job.take()),
            }
            pool.own_use_ended(right, turn == Some(Turn::Panicked));
        } else if let Some(AnyJob::Shared(job)) = job.take() {
            self.run_shared(pool, right, job);
        }
    }

    fn run_shared(&self, pool: &Inner<Threads<M>>, right: Own<'_, M>, job: Arc<dyn Run<M::Resource>>) {
        let (terms, limits) = (job.terms(), job.limits());
        let mut span = Span::UNLIMITED;
        if limits.is_some() || self.hall.run_for != NEVER {
            let now = pool.now();
            if job.expire(now) {
                let_go_of(job);
                return pool.own_unused(right);
            }
            let end_by = limits.map_or(NEVER, |limits| limits.end_by);
            span = Span { began: now, due: end_by.min(now.saturating_add(self.hall.run_for)) };
        }
        let mut right = Some(right);
        let mut tell = |step: Step| match step {
            // One that was cancelled is no use of the resource. Its deadline is told once it runs: nobody could end it before, and the
            // deadline would be forgotten.
            Step::Begins => {
                let used = right.take().map(|right| pool.own_use(right, self.desk.number, terms.site));
                if let (Some(right), true) = (&used, span.due != NEVER) {
                    self.watch(pool, &job, right.record().checkouts(), span.due);
                }
                right = used;
            }
            // Before its answer, so that whoever has that finds the way back.
            Step::Succeeded => {
                let session = limits.and_then(|limits| limits.session).and_then(|seen| pool.session_again(seen));
                if let (Some(session), Some(right)) = (session, &right) {
                    pool.served(&session, right, pool.now());
                }
            }
        };
        let turn = with_held(|resource: &mut M::Resource| job.run(resource, span, &mut tell));
        let turn = turn.unwrap_or_else(|| {
            // The thread has lost its resource, which its return finds out: the job learns it here, as nobody else has it.
            tell(Step::Begins);
            job.refuse(self.hall.no_resource(terms));
            Turn::Done
        });
        if span.due != NEVER {
            self.desk.has_ended();
        }
        let_go_of(job);
        match (right, turn) {
            (Some(right), Turn::Missed) => pool.own_unused(right),
            (Some(right), _) => pool.own_use_ended(right, turn == Turn::Panicked),
            (None, _) => unreachable!("it is put back where it was taken"),
        }
    }

    /// Has the keeper look at the job that begins, once it is to be done.
    #[cold]
    fn watch(&self, pool: &Inner<Threads<M>>, job: &Arc<dyn Run<M::Resource>>, uses: u64, due: u64) {
        self.desk.begins(Arc::<dyn Run<M::Resource>>::clone(job), uses, due);
        if self.hall.begins(due) {
            pool.alarm.ring();
        }
    }
}
