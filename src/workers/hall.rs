//! Where jobs wait, and the workers that take them.

use super::board::{Board, Sight, Sleeper};
use super::circle::{Circle, is_inside};
use super::desk::Desk;
use super::error::{JobError, SubmitError};
use super::inbox::{Inbox, NotLeft};
use super::job::{AnyJob, Next, Terms};
use super::lanes::Lanes;
use super::tray::{Mine, has_mine, with_mine};
use crate::core::sync::around::{AtomicBool, AtomicU64, Condvar, Mutex, RwLock};
use crate::core::sync::{AtomicU32, fence};
use crate::error::{CheckoutError, Closed, CreateError, Refusal, SharedError};
use crate::keeper::{Clock, since_ticks};
use crate::manager::{Manager, Severity};
use crate::observe::ResourceId;
use crate::pool::{Attendant, Attended, Inner, NEVER};
use std::rc::Rc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How often who waits for room, or for the end of what is queued, looks by itself.
const LOOK: Duration = Duration::from_millis(5);

#[derive(Debug, thiserror::Error)]
#[error("the worker has lost its resource, and ends; another takes its place")]
struct Lost;

/// What the workers of one pool share.
pub(super) struct Hall<R> {
    pub(super) name: OnceLock<Arc<str>>,
    pub(super) lanes: Lanes<R>,
    pub(super) board: Board<Arc<Desk>>,
    pub(super) circle: Arc<Circle>,
    /// When somebody will look at the jobs that run, at the latest.
    attended_at: AtomicU64,
    /// The most jobs that may wait.
    pub(super) limit: usize,
    /// How long a job may run, in nanoseconds.
    pub(super) run_for: u64,
    /// By slot.
    desks: RwLock<Vec<Option<Arc<Desk>>>>,
    /// By slot too: of those that have worked.
    inboxes: RwLock<Vec<Option<Arc<Inbox<R>>>>>,
    /// Workers that stand aside.
    aside: AtomicU32,
    /// Where those wait who want the queue to become shorter.
    crowd: Mutex<usize>,
    thinned: Condvar,
    /// One of them has been woken.
    waking: AtomicBool,
    cause: OnceLock<SharedError>,
    /// Jobs that were accepted, and answered because the workers were closed.
    refused: AtomicU64,
    /// Known once the pool is built: before that there are no jobs.
    pub(super) clock: OnceLock<Clock>,
}

impl<R: 'static> Hall<R> {
    pub(super) fn new(limit: usize, run_for: u64) -> Self {
        Self {
            name: OnceLock::new(),
            lanes: Lanes::new(),
            board: Board::new(),
            circle: Circle::new(),
            attended_at: AtomicU64::new(NEVER),
            limit,
            run_for,
            desks: RwLock::default(),
            inboxes: RwLock::default(),
            aside: AtomicU32::new(0),
            crowd: Mutex::new(0),
            thinned: Condvar::new(),
            waking: AtomicBool::new(false),
            cause: OnceLock::new(),
            refused: AtomicU64::new(0),
            clock: OnceLock::new(),
        }
    }

    /// Queues a job, and wakes a worker for it if that is needed. Returns what there was before.
    #[inline(always)]
    pub(super) fn push(&self, job: AnyJob<R>) -> Sight {
        // Apart from each other, so that a job from outside goes into its queue without a stop.
        let before = if has_mine(self.circle.number) {
            self.push_inside(job)
        } else {
            // First, as it may have to name the thread: between these two the job is there, and not counted.
            let place = Board::<Arc<Desk>>::place();
            self.lanes.push(job, None);
            self.board.pushed_outside(place)
        };
        if before.is_closed() && !left_out!("submit_looks_again") {
            // Whoever closed them may have looked before it was there.
            self.refuse_all();
        }
        before
    }

    /// The same, by a worker.
    fn push_inside(&self, job: AnyJob<R>) -> Sight {
        with_mine(self.circle.number, |mine| {
            self.lanes.push(job, mine);
            match mine {
                Some(mine) => {
                    mine.has_pushed();
                    self.board.pushed(mine.tally())
                }
                None => self.board.pushed_outside(Board::<Arc<Desk>>::place()),
            }
        })
    }

    /// Takes a job, for the worker with this tray, which searches or does not, or for who does not run it.
    #[inline]
    pub(super) fn take(&self, mine: Option<&Mine<R>>, searching: &mut bool, into: &mut Next<R>) -> bool {
        if !self.lanes.take(mine, into) {
            return false;
        }
        let left = self.board.taken(mine.map(Mine::tally), std::mem::take(searching));
        if left.is_crowded() {
            self.thin();
        }
        if mine.is_some_and(Mine::was_stocked) {
            self.has_moved_jobs();
        }
        true
    }

    /// Takes a job for who does not run it.
    fn take_away(&self) -> Option<AnyJob<R>> {
        let mut job = None;
        self.take(None, &mut false, &mut job);
        job
    }

    /// Jobs have gone from one queue to another, and were in neither for a moment, in which who closed the workers may have looked.
    #[cold]
    pub(super) fn has_moved_jobs(&self) {
        // Meets the one in each look of `refuse_all` into a queue: it finds them, or we see that it has begun.
        fence(SeqCst);
        if self.board.look().is_closed() {
            step!("mover_looks_again", self.refuse_all());
        }
    }

    /// Leaves a job for the worker in this slot, for nobody else until `until`; or for whoever comes, if there is none, or it ends. Returns
    /// whether nobody is idle who would come; or, if that worker is there and does not accept it, how many it has.
    pub(super) fn push_for(
        &self,
        slot: u32,
        job: AnyJob<R>,
        until: u64,
        accepts: impl FnOnce(&Inbox<R>, usize) -> bool,
    ) -> Result<bool, usize> {
        let left = match self.inbox(slot as usize) {
            Some(inbox) => inbox.push(job, until, accepts, || self.board.kept()),
            None => Err(NotLeft::NobodyComes(job)),
        };
        match left {
            Ok(()) => {
                if self.board.look_now().is_closed() && !left_out!("left_looks_again") {
                    self.refuse_all();
                }
                Ok(false)
            }
            Err(NotLeft::NobodyComes(job)) => Ok(!self.push(job).is_anyone_idle()),
            Err(NotLeft::Busy { queued }) => Err(queued),
        }
    }

    pub(super) fn inbox(&self, slot: usize) -> Option<Arc<Inbox<R>>> {
        self.inboxes.read().get(slot).cloned().flatten()
    }

    /// A worker begins to work: from now on sessions may be bound to it.
    pub(super) fn open_inbox(&self, id: ResourceId, desk: &Arc<Desk>) -> Arc<Inbox<R>> {
        let inbox = Inbox::new(id, Arc::clone(desk));
        let mut inboxes = self.inboxes.write();
        if inboxes.len() <= id.slot() {
            inboxes.resize(id.slot() + 1, None);
        }
        let place = &mut inboxes[id.slot()];
        if place.as_ref().is_some_and(|there| there.is_newer_than(id)) {
            // Taken out of the pool before it had begun.
            inbox.end();
            return inbox;
        }
        let before = place.replace(Arc::clone(&inbox));
        drop(inboxes);
        if let Some(before) = before {
            // That one's seat was taken out of the pool: nobody else would find what is left there. The caller looks for jobs next.
            _ = self.close_inbox(&before);
        }
        inbox
    }

    /// A worker comes for none of its own jobs any more: they are for whoever comes. Returns whether nobody is idle who would.
    #[must_use]
    pub(super) fn close_inbox(&self, inbox: &Inbox<R>) -> bool {
        self.give_to_all(inbox.end())
    }

    #[must_use]
    fn give_to_all(&self, jobs: Vec<AnyJob<R>>) -> bool {
        let (count, mut nobody_comes) = (jobs.len(), false);
        for job in jobs {
            nobody_comes |= !self.push(job).is_anyone_idle();
        }
        if count > 0 {
            self.board.no_longer_kept(count);
        }
        nobody_comes
    }

    /// Takes a job of a worker's own, for it or for who does not run it.
    pub(super) fn take_from(&self, inbox: &Inbox<R>) -> Option<AnyJob<R>> {
        let job = inbox.take()?;
        self.board.no_longer_kept(1);
        if self.board.look().is_crowded() {
            self.thin();
        }
        Some(job)
    }

    fn take_kept(&self) -> Option<AnyJob<R>> {
        let inboxes = self.inboxes.read().clone();
        inboxes.iter().flatten().find_map(|inbox| self.take_from(inbox))
    }

    /// The calling thread is one of the workers: gets a tray.
    pub(super) fn sit_down(&self) -> Rc<Mine<R>> {
        self.lanes.trays.sit_down(self.circle.number, |tally| self.board.add_tally(tally))
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        with_mine::<R, _>(self.circle.number, |mine| match mine {
            Some(mine) => mine.is_full(|| self.board.room(self.limit)),
            None => self.board.is_full(self.limit),
        })
    }

    /// Whether it is full, exactly: for those who do not count where the others look.
    pub(super) fn has_no_room(&self) -> bool {
        self.board.room(self.limit) == 0
    }

    pub(super) fn full(&self, waited: Duration) -> SubmitError {
        SubmitError::Full { queued: self.board.jobs(), limit: self.limit, waited }
    }

    pub(super) fn has_jobs(&self) -> bool {
        self.lanes.has_any()
    }

    /// Ends up to `most` of those that wait with what `error` makes.
    fn end_queued(&self, most: usize, error: impl Fn(&Terms) -> JobError) {
        for _ in 0..most {
            let Some(job) = self.take_away() else { return };
            job.refuse(&error);
        }
    }

    /// How many jobs closed workers have answered instead of running them.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(SeqCst)
    }

    /// How long a job has waited, to 10 ms.
    fn waited(&self, terms: &Terms) -> Duration {
        self.clock.get().map_or(Duration::ZERO, |clock| Duration::from_nanos(since_ticks(terms.tick, clock.now())))
    }

    /// Why a job is not run whose worker has lost its resource.
    pub(super) fn no_resource(&self, terms: &Terms) -> JobError {
        JobError::NoWorker(CheckoutError::Create(Box::new(CreateError {
            pool: self.name.get().cloned(),
            attempts: 1,
            waited: self.waited(terms),
            retryable: true,
            severity: Severity::Transient,
            error: Arc::new(Lost),
        })))
    }

    /// Ends all that wait, because the workers are closed.
    pub(super) fn refuse_all(&self) {
        while let Some(job) = self.take_away().or_else(|| self.take_kept()) {
            // Before it is answered: who is told, and closes the workers again, is not to find it in the report of that.
            self.refused.fetch_add(1, SeqCst);
            if !job.refuse(|_| JobError::NoWorker(self.closed_error())) {
                // One that was cancelled, or is too late, nobody misses.
                self.refused.fetch_sub(1, SeqCst);
            }
        }
    }

    pub(super) fn closed_error(&self) -> CheckoutError {
        CheckoutError::Closed(Box::new(Closed { pool: self.name.get().cloned(), cause: self.cause.get().cloned() }))
    }

    pub(super) fn cause(&self) -> Option<SharedError> {
        self.cause.get().cloned()
    }

    /// Waits until the queue is shorter, or for a moment.
    pub(super) fn wait_for_less(&self, most: Duration) {
        let mut crowd = self.crowd.lock();
        *crowd += 1;
        self.board.crowd();
        self.thinned.wait_for(&mut crowd, most.min(LOOK));
        self.waking.store(false, SeqCst);
        *crowd -= 1;
        if *crowd == 0 {
            self.board.uncrowd();
        }
    }

    /// The queue is shorter: wakes one of those who wait for that, once there is room for many jobs, and none while a woken one has yet to
    /// look. Each wake costs more than a small job, and whoever is woken may have many of them.
    #[cold]
    fn thin(&self) {
        if self.board.jobs() <= self.limit / 2 && !self.waking.load(Relaxed) {
            let crowd = self.crowd.lock();
            if *crowd > 0 {
                self.waking.store(true, SeqCst);
                self.thinned.notify_one();
            }
        }
    }

    /// A worker has its slot.
    pub(super) fn seat(&self, id: ResourceId, desk: &Arc<Desk>) {
        desk.sits_at(id);
        let slot = id.slot();
        let mut desks = self.desks.write();
        if desks.len() <= slot {
            desks.resize(slot + 1, None);
        }
        desks[slot] = Some(Arc::clone(desk));
    }

    /// A worker has its slot no more.
    pub(super) fn unseat(&self, slot: usize, desk: &Arc<Desk>) {
        let mut desks = self.desks.write();
        if let Some(place) = desks.get_mut(slot)
            && place.as_ref().is_some_and(|there| Arc::ptr_eq(there, desk))
        {
            *place = None;
        }
    }

    /// There is a job, and nobody idle to take it: more workers are made if the pool has room for them, and those of the last resort
    /// are told.
    #[inline]
    pub(super) fn calls_for_more<M: Manager>(&self, pool: &Inner<M>) {
        // Meets the fence of a place that becomes vacant, and that of a worker that stands aside: they see the job, or we see them.
        fence(SeqCst);
        if pool.has_room() {
            pool.is_wanted_there();
        }
        if self.is_anyone_aside() {
            pool.tell_those_who_serve();
        }
    }

    /// A job begins that is to be done by `due`. True if somebody is to be told to look then.
    pub(super) fn begins(&self, due: u64) -> bool {
        due < self.attended_at.load(SeqCst) && self.attended_at.fetch_min(due, SeqCst) > due
    }

    /// A worker that cannot use its slot wants to be told when it can, or does no more.
    pub(super) fn stand_aside(&self, desk: &Desk, aside: bool) {
        if aside {
            self.aside.fetch_add(1, SeqCst);
        } else {
            self.aside.fetch_sub(1, SeqCst);
        }
        desk.stand_aside(aside);
        if aside {
            // Before the look at the slot: who opens it from then on sees who stands aside.
            step!("aside_fence", fence(SeqCst));
        }
    }

    #[inline]
    pub(super) fn is_anyone_aside(&self) -> bool {
        self.aside.load(SeqCst) > 0
    }
}

impl<R: 'static> Attendant for Hall<R> {
    fn waiting(&self) -> u32 {
        // Those of one worker's own wait for none that could be made.
        self.board.jobs_for_all() as u32
    }

    fn unserved(&self) -> u32 {
        self.waiting().saturating_sub(self.board.look().searchers() as u32)
    }

    fn is_its_thread(&self) -> bool {
        is_inside(self.circle.number)
    }

    fn opened(&self, slot: usize) {
        if !self.is_anyone_aside() {
            return;
        }
        let desk = self.desks.read().get(slot).cloned().flatten();
        if let Some(desk) = desk {
            desk.opened();
        }
    }

    #[allow(private_interfaces)]
    fn refuse(&self, most: u32, refusal: &Refusal) {
        // That is for who waits for one resource, which no job does.
        if matches!(refusal, Refusal::LookAgain) {
            return;
        }
        self.end_queued(most as usize, |terms| {
            JobError::NoWorker(match refusal {
                Refusal::Closed | Refusal::LookAgain => self.closed_error(),
                Refusal::CircuitOpen(open) => CheckoutError::CircuitOpen(open.clone()),
                Refusal::Create { error, attempts, severity } => CheckoutError::Create(Box::new(CreateError {
                    pool: self.name.get().cloned(),
                    attempts: *attempts,
                    waited: self.waited(terms),
                    retryable: *severity == Severity::Transient,
                    severity: *severity,
                    error: Arc::clone(error),
                })),
            })
        });
    }

    fn closed(&self, cause: Option<&SharedError>) {
        if let Some(cause) = cause {
            self.cause.get_or_init(|| Arc::clone(cause));
        }
        self.board.close();
        self.refuse_all();
    }

    fn attend(&self, now: u64) -> Attended {
        let mut found = Attended::default();
        if self.attended_at.load(SeqCst) == NEVER {
            return found;
        }
        // Who begins a job from here on finds that nobody is to look, or is seen below.
        self.attended_at.store(NEVER, SeqCst);
        let desks: Vec<_> = self.desks.read().iter().flatten().cloned().collect();
        for desk in desks {
            match desk.due() {
                due if due > now => found.next = Some(found.next.map_or(due, |next: u64| next.min(due))),
                _ => found.overdue.extend(desk.end_late(now)),
            }
        }
        let inboxes = self.inboxes.read().clone();
        for inbox in inboxes.iter().flatten() {
            if found.overdue.iter().any(|(id, _)| inbox.is_of(*id)) {
                found.more_wait |= self.close_inbox(inbox);
                // It may be back already, and asleep: it opens the inbox again if it lives on.
                inbox.desk.call();
            } else if inbox.has_any() {
                let (due, next) = inbox.take_due(now);
                found.more_wait |= self.give_to_all(due);
                found.next = found.next.into_iter().chain(next).min();
            }
        }
        found.next = found.next.filter(|next| *next != NEVER);
        if let Some(next) = found.next {
            self.attended_at.fetch_min(next, SeqCst);
        }
        found
    }
}
