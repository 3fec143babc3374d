//! Creation: on the caller or on the crew, never in anyone else's way.

use super::Inner;
use super::Lifeline;
use super::circuit::Leave;
use crate::config::Creation;
use crate::core::sync::around::{AtomicBool, AtomicU32, AtomicU64, Instant, Mutex, fence};
use crate::core::{Right, Tickets, attention};
use crate::error::{Panicked, SharedError};
use crate::manager::{Manager, Severity};
use crate::observe::{DestroyReason, ResourceId, ResourceState, TransitionReason};
use crate::resilience::Backoff;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// Creating that has measured cheaper than this many nanoseconds happens on the caller: about what waking a helper thread
/// and being woken by it costs on a busy machine.
const CHEAP: u64 = 100_000;

/// What the pool knows about creating and destroying.
pub(super) struct CreationState {
    /// Nanoseconds a creation takes: up at once to the slowest, down by an eighth of the way. `u64::MAX` is unknown.
    create_cost: AtomicU64,
    destroy_cost: AtomicU64,
    /// Creations on the crew. Never more than there is demand for.
    pub(super) tickets: Tickets,
    /// Somebody tried without waiting and found nothing: one creation is wanted although nobody waits.
    pub(super) asked: AtomicBool,
    /// Creations that failed in a row, when the last of them did, and before which time there is no other: zero unless
    /// they are failing.
    failures: AtomicU32,
    last_failed: AtomicU64,
    not_before: AtomicU64,
    last_error: Mutex<Option<SharedError>>,
}

impl Default for CreationState {
    fn default() -> Self {
        Self {
            create_cost: AtomicU64::new(u64::MAX),
            destroy_cost: AtomicU64::new(u64::MAX),
            tickets: Tickets::default(),
            asked: AtomicBool::new(false),
            failures: AtomicU32::new(0),
            last_failed: AtomicU64::new(0),
            not_before: AtomicU64::new(0),
            last_error: Mutex::new(None),
        }
    }
}

impl CreationState {
    pub(super) fn last_error(&self) -> Option<SharedError> {
        self.last_error.lock().clone()
    }

    /// Whether the last creation failed, or was refused.
    pub(super) fn is_failing(&self) -> bool {
        self.last_error.lock().is_some()
    }

    pub(super) fn destroy_cost(&self) -> u64 {
        self.destroy_cost.load(Relaxed)
    }

    pub(super) fn destroyed_in(&self, took: Duration) {
        learn(&self.destroy_cost, took);
    }

    /// Creations that have failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures.load(SeqCst)
    }

    /// When creation may go on after a failure, if it has to pause.
    pub(crate) fn paused_until(&self, now: u64) -> Option<u64> {
        let not_before = self.not_before.load(SeqCst);
        (not_before > now).then_some(not_before)
    }

    /// Pauses creation after a failure of one that `began` then. Returns how many attempts have failed in a row: creations that
    /// fail together were one, however many there were.
    fn failed(&self, backoff: &Backoff, began: u64, now: u64) -> u32 {
        // Reckoned from the last that counted: of slow failures each begins before the one before has ended, and still
        // there are more and more.
        let last = self.last_failed.load(SeqCst);
        let is_further = (began >= last || self.failures() == 0)
            && self.last_failed.compare_exchange(last, now, SeqCst, SeqCst).is_ok();
        let failures = self.failures.fetch_add(u32::from(is_further), SeqCst).saturating_add(u32::from(is_further));
        self.not_before.store(now.saturating_add(backoff.pause(failures)).max(1), SeqCst);
        failures
    }

    /// Ends the row of failures, and the pause. True if there was either: a failure beside a success may leave the pause alone.
    pub(super) fn starts_over(&self) -> bool {
        // Pause first: who sees no failures sees no pause.
        let paused = self.not_before.load(SeqCst) != 0 && self.not_before.swap(0, SeqCst) != 0;
        let failed = self.failures.load(SeqCst) != 0 && self.failures.swap(0, SeqCst) != 0;
        paused || failed
    }

    /// An attempt, if one may be made now. While creations fail, one is for each pause: whoever sets the next one.
    pub(super) fn attempt(&self, backoff: &Backoff, now: u64) -> Result<(), Held> {
        let mut not_before = self.not_before.load(SeqCst);
        while not_before != 0 && not_before <= now {
            let next = now.saturating_add(backoff.pause(self.failures()).max(1));
            match self.not_before.compare_exchange(not_before, next, SeqCst, SeqCst) {
                Ok(_) => return Ok(()),
                Err(there) => not_before = there,
            }
        }
        if not_before == 0 { Ok(()) } else { Err(Held { until: not_before }) }
    }
}

fn learn(cost: &AtomicU64, took: Duration) {
    let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX - 1);
    let old = cost.load(Relaxed);
    // Lost updates only make the estimate a little older.
    cost.store(if old == u64::MAX || took >= old { took } else { old - (old - took).div_ceil(8) }, Relaxed);
}

/// A creation that failed, in the manager's words.
pub(super) struct CreateFailure {
    pub(super) error: SharedError,
    pub(super) severity: Severity,
    /// How many have failed in a row.
    pub(super) failures: u32,
    /// How many had joined the queue, ever, when it failed: it concerns nobody else.
    pub(super) turns: u64,
}

impl CreateFailure {
    pub(super) fn transient(error: impl Error + Send + Sync + 'static) -> Self {
        Self { error: Arc::new(error), severity: Severity::Transient, failures: 0, turns: 0 }
    }
}

impl<M: Manager> Inner<M> {
    /// Whether a checkout's demand is created on the caller, as far as is known now.
    pub(crate) fn creates_inline(&self) -> bool {
        match self.each_use.creation() {
            Creation::Inline => true,
            Creation::Background => false,
            // The flag, not the cost: a vacancy must be told to a waiter, or asked for, by one and the same answer.
            Creation::Auto => self.is_manual() || self.shelf.wakes_on_vacancy(),
        }
    }

    /// Has demand created where its measured cost suggests. For when a resource that was made has been opened, or taken: a waiter
    /// that is woken before would find room alone, and make another.
    pub(super) fn choose_where_to_create(&self) {
        loop {
            let inline = self.had_better_create_inline();
            let is_other = self.shelf.set_wake_on_vacancy(inline);
            // Meets the one of a place that becomes vacant, and the one in `put_in_force`: what is chosen there beside this comes after it,
            // or is seen below.
            fence(SeqCst);
            if is_other {
                // A vacancy beside the change may have been told to nobody: neither to a waiter before, nor to the crew after.
                self.shelf.opened(None, self.shelf.attention(), move || self.now());
                if !inline {
                    self.request_creation(self.unserved());
                }
            }
            if inline == self.had_better_create_inline() {
                return;
            }
        }
    }

    fn had_better_create_inline(&self) -> bool {
        match self.each_use.creation() {
            Creation::Auto => self.is_manual() || self.creation.create_cost.load(Relaxed) <= CHEAP,
            _ => self.creates_inline(),
        }
    }

    /// Creations that failed in a row, up to now.
    pub(crate) fn failed_creations(&self) -> u32 {
        self.creation.failures()
    }

    /// When the last of them failed.
    pub(crate) fn last_create_failure(&self) -> Option<u64> {
        (self.creation.failures() > 0).then(|| self.creation.last_failed.load(SeqCst))
    }

    /// The last creation that failed, if none has succeeded since.
    pub(crate) fn last_create_error(&self) -> Option<SharedError> {
        self.creation.last_error()
    }

    pub(crate) fn set_last_error(&self, error: Option<SharedError>) {
        // The old one is the user's: it is dropped after the lock is.
        let old = std::mem::replace(&mut *self.creation.last_error.lock(), error);
        if let Some(old) = old {
            self.let_go(old);
        }
    }

    /// Nothing is made for now, although none was tried that could fail.
    pub(crate) fn cannot_create(&self, why: SharedError) {
        self.set_last_error(Some(why));
        // What is past its time is lent on for as long as nothing takes its place.
        self.tell_those_who_serve();
    }

    /// Tells the log of a failed creation. The logger and the error's text are the user's, and may take their time: whoever
    /// calls this has nothing in hand, and owes nobody anything.
    pub(super) fn tell_of_failure(&self, error: SharedError) {
        self.log(log::Level::Warn, format_args!("could not create a resource: {error}"));
        self.let_go(error);
        self.tell_of_circuit();
    }

    /// Creates and warms a resource for a reserved slot. On failure the slot is vacant again.
    pub(super) fn make<'s>(&self, vacancy: Vacancy<'s, M::Resource>) -> Result<Right<'s, M::Resource>, CreateFailure> {
        let Vacancy { mut right, leave } = vacancy;
        let begun = Instant::now();
        let number = self.births.fetch_add(1, Relaxed);
        let began = self.now();
        self.life(&right).conceived(number, began);
        let made = self.make_resource();
        self.timings.create.add(self.now().saturating_sub(began), 1);
        self.crew.came_back();
        match made {
            Ok((mut resource, weight)) => {
                // Last of all that can fail: a place that is vacated without a life has the same number again.
                self.give_lifeline(&right, &mut resource);
                right.put(resource, self.shelf.coarse());
                self.begin_life(&right, weight);
                self.note_overflow();
                self.moved(&right, ResourceState::Ready, TransitionReason::Created);
                learn(&self.creation.create_cost, begun.elapsed());
                self.set_last_error(None);
                self.made(leave);
                if self.creation.starts_over() {
                    self.creation_is_back();
                }
                self.replace_if_outdated(&right, number);
                // After all that may be the user's, the drop of the last error: whose slot is CREATING is not alive yet.
                self.counts.created.add_one();
                Ok(right)
            }
            Err(mut failure) => {
                self.counts.create_failures.add_one();
                // Before the place is back: whoever takes it must see the pause, and the reason.
                failure.failures = self.creation.failed(&self.config().backoff, began, self.now());
                self.set_last_error(Some(Arc::clone(&failure.error)));
                self.not_made(leave);
                self.moved(&right, ResourceState::Terminated, TransitionReason::CreateFailed);
                // While the place is still taken: who joins once it is free has another creation to wait for.
                failure.turns = self.shelf.turns();
                self.vacate(right);
                Err(failure)
            }
        }
    }

    /// More than `max_size` resources: their returns are watched from here on, until the keeper finds fewer.
    fn note_overflow(&self) {
        let occupied = self.shelf.occupied() as usize;
        if occupied > self.places_in_service() {
            self.overflow_opened(occupied);
            self.overflowing_since.store(self.now(), Relaxed);
            self.shelf.set_attention(attention::OVERFLOWING, true);
            self.alarm.ring();
        }
    }

    /// Tells the manager how to tell of this resource. A panic in that is counted, and costs nothing else.
    fn give_lifeline(&self, right: &Right<'_, M::Resource>, resource: &mut M::Resource) {
        let index = self.shelf.index_of(right.slot()).unwrap_or(u32::MAX);
        let id = ResourceId::new(index, right.word());
        let lifeline = Lifeline::new(self.me.clone(), id);
        let _ = self.call("lifeline", |manager| manager.lifeline(resource, lifeline));
        self.manager.seated(resource, &self.me, id);
    }

    fn make_resource(&self) -> Result<(M::Resource, u64), CreateFailure> {
        let mut resource = self.flatten("create", |manager| manager.create())?;
        match self.flatten("warm", |manager| manager.warm(&mut resource)) {
            Ok(()) => {}
            Err(failure) => {
                self.destroy_unseen(resource, DestroyReason::WarmFailed);
                return Err(failure);
            }
        }
        match self.weigh(&resource) {
            Ok(weight) => Ok((resource, weight)),
            Err(panicked) => {
                self.destroy_unseen(resource, DestroyReason::CallbackPanicked);
                Err(CreateFailure::transient(panicked))
            }
        }
    }

    /// Destroys a resource that never came into its slot. It was created, so it counts as such.
    fn destroy_unseen(&self, resource: M::Resource, reason: DestroyReason) {
        let _ = self.call("destroy", |manager| manager.destroy(resource));
        self.counts.created.add_one();
        self.counts.destroyed_one(reason);
    }

    /// Runs a callback of a creation.
    fn flatten<T>(
        &self,
        callback: &'static str,
        f: impl FnOnce(&M) -> Result<T, M::Error>,
    ) -> Result<T, CreateFailure> {
        match self.call_and_classify(callback, f) {
            Ok(outcome) => {
                outcome.map_err(|(error, severity)| CreateFailure { error, severity, failures: 0, turns: 0 })
            }
            Err(panicked) => Err(CreateFailure::transient(panicked)),
        }
    }

    /// Runs a callback that can fail, and classifies its error.
    pub(super) fn call_and_classify<T>(
        &self,
        callback: &'static str,
        f: impl FnOnce(&M) -> Result<T, M::Error>,
    ) -> Result<Result<T, (SharedError, Severity)>, Panicked> {
        self.call(callback, f).and_then(|outcome| match outcome {
            Ok(made) => Ok(Ok(made)),
            // Not in the call above: if `classify` panics, the error must not be dropped by that panic.
            Err(error) => {
                let severity = self.classify(&error);
                let error = self.call("Error::into", |_| error.into())?;
                Ok(Err((Arc::from(error), severity)))
            }
        })
    }

    /// Leave to make one more resource, unless those alive weigh too much, or failures lately speak against it.
    pub(super) fn may_create(&self) -> Result<Leave, Held> {
        if let Some(limit) = self.over_budget() {
            self.cannot_create(Arc::new(limit));
            // Whoever makes the pool lighter wakes somebody.
            return Err(Held { until: u64::MAX });
        }
        self.ask_leave()
    }

    /// Reserves a place for a new resource, if one may be made now.
    pub(super) fn reserve(&self) -> Result<Vacancy<'_, M::Resource>, Held> {
        // Whoever is about to vacate a place wakes somebody.
        let nothing = Held { until: u64::MAX };
        // A place that is given back wakes who waits first. Were that the one that gave it back, it would look, reserve and give
        // back without end, until `close` gets to it: in a closed pool nobody reserves a second time.
        if !self.shelf.has_room() || self.is_closed() {
            return Err(nothing);
        }
        let leave = self.may_create()?;
        self.occupy(self.shelf.reserve(), leave).ok_or(nothing)
    }

    /// A place with the leave to make something for it. In a closed pool there is none: meets the fence in the shelf's `close`, so
    /// that either we see that it is closed, or who closed it sees that the place is taken.
    pub(super) fn occupy<'s>(
        &'s self,
        place: Option<Right<'s, M::Resource>>,
        leave: Leave,
    ) -> Option<Vacancy<'s, M::Resource>> {
        fence(SeqCst);
        match place {
            Some(right) if !self.is_closed() => return Some(Vacancy { right, leave }),
            Some(right) => self.vacate(right),
            None => {}
        }
        self.leave_unused(leave);
        None
    }
}

/// Why no creation may begin: none may before this time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) until: u64,
}

/// A place for a new resource, and the leave to make it.
pub(super) struct Vacancy<'s, R> {
    pub(super) right: Right<'s, R>,
    pub(super) leave: Leave,
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;
    use crate::core::{Outcome, Patience, Request, Taker, thread_number};
    use crate::{Keeper, Pool};
    use std::panic::Location;

    #[test]
    fn a_waiter_that_close_has_yet_to_get_to_does_not_wake_itself() {
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0))).max_size(1).min_idle(0).keeper(Keeper::Manual);
        let pool = pool.build().unwrap();
        let inner = &pool.inner;
        // Who closes the pool is halted before it refuses anybody.
        inner.shelf.set_attention(attention::CLOSED, true);
        let mut looks = 0;
        let look = |_| {
            looks += 1;
            assert!(looks < 10, "it wakes itself");
            inner.reserve().ok().map(|vacancy| inner.vacate(vacancy.right))
        };
        let holder = Taker { thread: thread_number(), site: Location::caller() };
        let request = Request { lane: 0, since: 0, holder, allowed: None, comes_back: false };
        // Not woken is as good as asleep.
        let outcome = inner.shelf.wait(&request, look, |_| Patience::Over, |right| inner.open(right), || inner.now());
        assert!(matches!(outcome, Outcome::TimedOut { .. }));
        assert_eq!((looks, inner.shelf.occupied()), (1, 0));
        assert!(pool.close(Duration::ZERO).is_complete());
    }

    #[test]
    fn failures_that_overlap_count_once_for_the_time_each_takes() {
        let (creation, backoff) = (CreationState::default(), Backoff::default());
        // One begins each 10, and fails 100 later.
        let failures = (0..100).map(|at| creation.failed(&backoff, at * 10, at * 10 + 100));
        assert_eq!(failures.last(), Some(10));
        // All at once.
        let failures = (0..8).map(|at| creation.failed(&backoff, 2_000, 2_100 + at));
        assert!(failures.eq([11; 8]));
    }
}
