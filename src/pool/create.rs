//! Creation: on the caller or on the crew, never in anyone else's way.

use super::{Inner, Job};
use crate::config::Creation;
use crate::core::sync::around::{AtomicBool, AtomicU32, AtomicU64, Instant, Mutex, fence, thread};
use crate::core::{Phase, Right, attention};
use crate::error::{Refusal, SharedError};
use crate::manager::{Manager, Severity};
use crate::observe::{DestroyReason, JobKind, ResourceId, ResourceState, TransitionReason};
use crate::pool::checkout::ATTEMPTS;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// Creating that has measured cheaper than this many nanoseconds happens on the caller: about what waking a helper thread
/// and being woken by it costs on a busy machine.
const CHEAP: u64 = 100_000;

/// Pause after the first failed creation, in nanoseconds; doubled after each further one, up to `PAUSE_MOST`.
const PAUSE: u64 = 10_000_000;
const PAUSE_MOST: u64 = 1_000_000_000;

/// What the pool knows about creating and destroying.
pub(super) struct CreationState {
    /// Nanoseconds a creation takes: up at once to the slowest, down by an eighth of the way. `u64::MAX` is unknown.
    create_cost: AtomicU64,
    destroy_cost: AtomicU64,
    /// Creations on the crew, waiting or running. Never more than there is demand for.
    tickets: AtomicU32,
    /// Creations that run on the crew now.
    running: AtomicU32,
    /// Tickets whose waiter gave up: they may hang, and must not keep others from asking.
    orphans: AtomicU32,
    /// Somebody tried without waiting and found nothing: one creation is wanted although nobody waits.
    asked: AtomicBool,
    /// Background creations that failed in a row.
    failures: AtomicU32,
    /// No background creation before this time.
    not_before: AtomicU64,
    last_error: Mutex<Option<SharedError>>,
}

impl Default for CreationState {
    fn default() -> Self {
        Self {
            create_cost: AtomicU64::new(u64::MAX),
            destroy_cost: AtomicU64::new(u64::MAX),
            tickets: AtomicU32::new(0),
            running: AtomicU32::new(0),
            orphans: AtomicU32::new(0),
            asked: AtomicBool::new(false),
            failures: AtomicU32::new(0),
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

    /// The pause after `attempts` failures in a row.
    pub(super) fn pause(&self, attempts: u32) -> u64 {
        (PAUSE << attempts.saturating_sub(1).min(10)).min(PAUSE_MOST)
    }

    /// When background creation may go on after a failure, if it has to pause.
    pub(crate) fn paused_until(&self, now: u64) -> Option<u64> {
        let not_before = self.not_before.load(SeqCst);
        (not_before > now).then_some(not_before)
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
    pub(super) retryable: bool,
}

impl<M: Manager> Inner<M> {
    /// Whether a checkout's demand is created on the caller, as far as is known now.
    pub(crate) fn creates_inline(&self) -> bool {
        match self.config.creation {
            Creation::Inline => true,
            Creation::Background => false,
            // The flag, not the cost: a vacancy must be told to a waiter, or asked for, by one and the same answer.
            Creation::Auto => self.is_manual() || self.shelf.wakes_on_vacancy(),
        }
    }

    /// Has demand created where its measured cost suggests. For when a resource that was made has been opened, or taken: a waiter
    /// that is woken before would find room alone, and make another.
    pub(super) fn choose_where_to_create(&self) {
        let inline = match self.config.creation {
            Creation::Auto => self.is_manual() || self.creation.create_cost.load(Relaxed) <= CHEAP,
            _ => self.creates_inline(),
        };
        if self.shelf.set_wake_on_vacancy(inline) {
            // A vacancy beside the change may have been told to nobody: neither to a waiter before, nor to the crew after.
            fence(SeqCst);
            self.shelf.opened(self.shelf.attention(), move || self.now());
            if !inline {
                self.request_creation(self.unserved());
            }
        }
    }

    pub(super) fn set_last_error(&self, error: Option<SharedError>) {
        // The old one is the user's: it is dropped after the lock is.
        let old = std::mem::replace(&mut *self.creation.last_error.lock(), error);
        if let Some(old) = old {
            self.let_go(old);
        }
    }

    /// Tells the log of a failed creation. The logger and the error's text are the user's, and may take their time: whoever
    /// calls this has nothing in hand, and owes nobody anything.
    pub(super) fn tell_of_failure(&self, error: SharedError) {
        self.log(log::Level::Warn, format_args!("could not create a resource: {error}"));
        self.let_go(error);
    }

    /// Creates and warms a resource for a reserved slot. On failure the slot is vacant again.
    pub(super) fn make<'s>(&self, mut right: Right<'s, M::Resource>) -> Result<Right<'s, M::Resource>, CreateFailure> {
        let begun = Instant::now();
        let number = self.births.fetch_add(1, Relaxed);
        self.life(&right).conceived(number, self.now());
        let made = self.make_resource();
        self.crew.came_back();
        match made {
            Ok((resource, weight)) => {
                right.put(resource, self.shelf.coarse());
                self.begin_life(&right, weight);
                self.note_overflow();
                self.counts.created.add_one();
                self.moved(&right, ResourceState::Ready, TransitionReason::Created);
                learn(&self.creation.create_cost, begun.elapsed());
                self.creation.failures.store(0, SeqCst);
                self.creation.not_before.store(0, SeqCst);
                self.set_last_error(None);
                self.replace_if_outdated(&right, number);
                Ok(right)
            }
            Err(failure) => {
                self.counts.create_failures.add_one();
                self.moved(&right, ResourceState::Terminated, TransitionReason::CreateFailed);
                self.vacate(right);
                self.set_last_error(Some(Arc::clone(&failure.error)));
                Err(failure)
            }
        }
    }

    /// More than `max_size` resources: their returns are watched from here on, until the keeper finds fewer.
    fn note_overflow(&self) {
        if self.shelf.occupied() as usize > self.places_in_service() {
            self.overflowing_since.store(self.now(), Relaxed);
            self.shelf.set_attention(attention::OVERFLOWING, true);
            self.alarm.ring();
        }
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
                Err(CreateFailure { error: Arc::new(panicked), retryable: true })
            }
        }
    }

    /// Destroys a resource that never came into its slot. It was created, so it counts as such.
    fn destroy_unseen(&self, resource: M::Resource, reason: DestroyReason) {
        let _ = self.call("destroy", |manager| manager.destroy(resource));
        self.counts.created.add_one();
        self.counts.destroyed_one(reason);
    }

    /// Runs a callback that can fail, and classifies its error.
    fn flatten<T>(
        &self,
        callback: &'static str,
        f: impl FnOnce(&M) -> Result<T, M::Error>,
    ) -> Result<T, CreateFailure> {
        let called = self.call(callback, f).and_then(|outcome| match outcome {
            Ok(made) => Ok(Ok(made)),
            // Not in the call above: if `classify` panics, the error must not be dropped by that panic.
            Err(error) => {
                let retryable = self.classify(&error) != Severity::Permanent;
                let error = self.call("Error::into", |_| error.into())?;
                Ok(Err(CreateFailure { error: Arc::from(error), retryable }))
            }
        });
        called.unwrap_or_else(|panicked| Err(CreateFailure { error: Arc::new(panicked), retryable: true }))
    }

    /// Reserves a place for a new resource, unless those alive weigh too much already.
    pub(super) fn reserve(&self) -> Option<Right<'_, M::Resource>> {
        if let Some(limit) = self.over_budget() {
            self.set_last_error(Some(Arc::new(limit)));
            return None;
        }
        self.shelf.reserve()
    }

    /// Makes a successor for `old`, in a place of its own or in the one that `old` left, and tells the keeper how that
    /// went.
    pub(super) fn make_successor(&self, old: ResourceId, old_is_gone: bool) {
        let paused = self.creation.paused_until(self.now()).is_some() || self.over_budget().is_some();
        let served = old_is_gone && self.is_taken(0);
        let place = match old_is_gone {
            _ if paused || served || self.is_closed() => None,
            true => self.reserve_in_place_of_another(),
            false => self.shelf.reserve_extra(),
        };
        let mut failed = None;
        let made = match place.map(|right| self.make_in_time(right)) {
            Some(Ok((right, _))) => {
                self.open_anew(right);
                self.choose_where_to_create();
                true
            }
            Some(Err(failure)) => {
                self.pause_creation();
                failed = Some(failure.error);
                false
            }
            None => served || (old_is_gone && self.is_taken(0)),
        };
        self.successor_made(old, made);
        if let Some(error) = failed {
            self.tell_of_failure(error);
        }
    }

    /// Whether somebody else has made a resource in the place that one has left, not counting `own` that are reserved for it.
    fn is_taken(&self, own: usize) -> bool {
        let empty = |phase| matches!(phase, Phase::Vacant | Phase::Shut);
        let present = self.shelf.slots().filter(|(_, slot)| !empty(slot.look().phase())).count();
        // What hangs may never be one.
        present.saturating_sub(own + self.crew.hung_makers()) >= self.regular_places() + self.outlived()
    }

    /// Reserves the place that a resource has left. It was shut if another had to give one back meanwhile.
    fn reserve_in_place_of_another(&self) -> Option<Right<'_, M::Resource>> {
        if let Some(right) = self.shelf.reserve() {
            return Some(right);
        }
        let right = self.shelf.reserve_extra()?;
        // Another may have been reserved since the look before.
        if self.is_taken(1) {
            self.vacate(right);
            return None;
        }
        Some(right)
    }

    /// Those who wait and whom nothing free can serve. A waiter stands in the queue until its thread has run, and must not have
    /// another made for it while it is on its way to a free one.
    pub(crate) fn unserved(&self) -> u32 {
        let waiting = self.shelf.waiting();
        if waiting == 0 {
            return 0;
        }
        let fit_until = self.must_outlast();
        let slots = self.shelf.slots().zip(&self.lives);
        let free = slots.filter(|((_, slot), life)| slot.look().phase() == Phase::Ready && life.expires() > fit_until);
        // One that was woken may have taken what it was woken for. Should others take what is free, those who come too late
        // look, find none and ask; where nobody but a tick would hear them, each tick counts them.
        let on_its_way = !self.is_manual() && self.shelf.is_waking();
        waiting.saturating_sub((free.count() as u32).max(u32::from(on_its_way)))
    }

    /// Asks the crew for resources, as long as fewer are on their way than `wanted`. False if creation pauses.
    pub(crate) fn request_creation(&self, wanted: u32) -> bool {
        if wanted == 0 || self.is_closed() {
            return true;
        }
        if self.creation.paused_until(self.now()).is_some() {
            // The keeper asks again when the pause is over.
            self.alarm.ring();
            return false;
        }
        if let Some(limit) = self.over_budget() {
            // Whoever makes the pool lighter asks again.
            self.set_last_error(Some(Arc::new(limit)));
            return false;
        }
        // As many as are wanted now and no more: the crew gives tickets back unused once creation pauses, or demand is met.
        for _ in 0..wanted {
            if !self.take_ticket(wanted) {
                break;
            }
            if self.submit(Job::Create).is_err() {
                self.creation.tickets.fetch_sub(1, SeqCst);
                break;
            }
        }
        true
    }

    /// One more creation, if `wanted` is not met by those on their way and there is room for it.
    fn take_ticket(&self, wanted: u32) -> bool {
        let CreationState { tickets, running, orphans, .. } = &self.creation;
        let vacant = self.shelf.open_slots().saturating_sub(self.shelf.occupied());
        let take = |out: u32| {
            let unserved = out.saturating_sub(orphans.load(SeqCst)) < wanted;
            let room = out.saturating_sub(running.load(SeqCst)) < vacant;
            (unserved && room).then_some(out + 1)
        };
        tickets.fetch_update(SeqCst, SeqCst, take).is_ok()
    }

    /// A waiter that asked for a creation gave up: whoever comes next may ask for another.
    pub(crate) fn gave_up_on_creation(&self) {
        let CreationState { tickets, orphans, .. } = &self.creation;
        let most = tickets.load(SeqCst);
        let _ = orphans.fetch_update(SeqCst, SeqCst, |orphans| (orphans < most).then_some(orphans + 1));
    }

    /// A caller that does not wait found nothing: the next one may find more.
    pub(super) fn creation_asked(&self) {
        if !self.creates_inline() && self.shelf.has_room() {
            self.creation.asked.store(true, SeqCst);
            self.request_creation(self.unserved().max(1));
        }
    }

    /// Resources that `min_idle` asks for beyond those that are free, or in the making.
    pub(crate) fn missing(&self) -> u32 {
        let free = |phase: Phase| matches!(phase, Phase::Ready | Phase::Stale | Phase::Checking | Phase::Creating);
        let free = self.shelf.slots().filter(|(_, slot)| free(slot.look().phase())).count();
        // What hangs may never be free.
        let free = free.saturating_sub(self.crew.hung_makers());
        let room = self.places_in_service().saturating_sub(self.shelf.occupied() as usize);
        self.min_idle().saturating_sub(free).min(room) as u32
    }

    /// Creations that run on the crew.
    pub(crate) fn on_their_way(&self) -> u32 {
        self.creation.running.load(SeqCst)
    }

    /// A creation on the crew, unless a return has served its demand meanwhile.
    pub(super) fn create_on_crew(&self) {
        let CreationState { running, orphans, asked, .. } = &self.creation;
        let before = running.load(SeqCst).saturating_sub(orphans.load(SeqCst));
        // One for all of them: an ask that is served on the way must not have another made afterwards.
        let is_asked = asked.swap(false, SeqCst);
        let wanted = is_asked || self.unserved() > before || self.missing() > 0;
        // Asked for by somebody who looked before the last failure: the keeper asks again when the pause is over.
        let wanted = wanted && self.creation.paused_until(self.now()).is_none();
        let failed = {
            let _ticket = Ticket::run(&self.creation);
            let vacancy = if wanted && !self.is_closed() { self.reserve() } else { None };
            // Counted as vacant by a thread that has yet to vacate it: without a pause, asking again below would keep this
            // one busy, and that one from its processor.
            if wanted && vacancy.is_none() {
                thread::yield_now();
            }
            match vacancy.map(|right| self.make_in_time(right)) {
                // Before the ticket is back, too: what is neither on its way nor free would be made a second time.
                Some(Ok((right, in_time))) => {
                    self.adopt(right, in_time);
                    None
                }
                // Before the ticket is back: whoever takes the next one must see the pause.
                Some(Err(failure)) => Some((failure, self.pause_creation())),
                None => None,
            }
        };
        let mut told = None;
        if let Some((failure, failures)) = failed {
            told = Some(self.creation_failed(failure, failures));
        }
        // Demand that came while all tickets were out. Its waiter counted itself, or its asker said so, before it found none;
        // we gave ours back before we look: one of us sees the other.
        fence(SeqCst);
        self.request_creation(self.unserved().max(u32::from(asked.load(SeqCst))));
        if let Some(error) = told {
            self.tell_of_failure(error);
        }
    }

    /// Creates on the crew. Says whether that took no longer than it may.
    pub(super) fn make_in_time<'s>(
        &self,
        right: Right<'s, M::Resource>,
    ) -> Result<(Right<'s, M::Resource>, bool), CreateFailure> {
        let began = self.begin(JobKind::Create, &right);
        let right = self.make(right)?;
        Ok((right, !self.is_late(JobKind::Create, began)))
    }

    /// Opens a new resource. One that came late may have been replaced: it stays if there is room or somebody waits.
    pub(super) fn adopt(&self, right: Right<'_, M::Resource>, in_time: bool) {
        if in_time || self.shelf.waiting() > 0 || self.staying() < self.places_in_service() {
            self.open_anew(right);
        } else {
            self.destroy(right.change(Phase::Retiring), DestroyReason::Overflow);
        }
        self.choose_where_to_create();
    }

    /// Pauses background creation after a failure. Returns how many have failed in a row.
    fn pause_creation(&self) -> u32 {
        let failures = self.creation.failures.fetch_add(1, SeqCst) + 1;
        self.creation.not_before.store(self.now().saturating_add(self.creation.pause(failures)), SeqCst);
        failures
    }

    /// Tells waiters whom nothing else can serve, and has the others look for a last resort. Gives back
    /// the error.
    fn creation_failed(&self, failure: CreateFailure, failures: u32) -> SharedError {
        let hopeless = || !self.shelf.slots().any(|(_, slot)| slot.look().phase().is_live());
        let CreateFailure { error, retryable } = failure;
        if !retryable || (failures >= ATTEMPTS && hopeless()) {
            let refusal = Refusal::Create { error: Arc::clone(&error), attempts: failures, retryable };
            self.shelf.refuse_waiters(&refusal, move || self.now());
        }
        // A waiter that found a new one on its way passed over what is degraded.
        self.shelf.opened(self.shelf.attention(), move || self.now());
        self.alarm.ring();
        error
    }

    /// When the keeper has to ask for creations again.
    pub(crate) fn creation_pause(&self, now: u64) -> Option<u64> {
        self.creation.paused_until(now)
    }
}

/// A creation on the crew while it runs. However it ends, it is counted off.
struct Ticket<'c>(&'c CreationState);

impl<'c> Ticket<'c> {
    fn run(state: &'c CreationState) -> Self {
        state.running.fetch_add(1, SeqCst);
        Self(state)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let CreationState { tickets, running, orphans, .. } = self.0;
        running.fetch_sub(1, SeqCst);
        tickets.fetch_sub(1, SeqCst);
        let left = tickets.load(SeqCst);
        let _ = orphans.fetch_update(SeqCst, SeqCst, |orphans| (orphans > left).then_some(left));
    }
}
