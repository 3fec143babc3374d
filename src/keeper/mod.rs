//! The keeper: one thread that keeps a pool, or several, as its settings say, without standing in anyone's way.
//!
//! It sleeps until its earliest deadline, holds the pool weakly, runs no user code, and claims slots through the same
//! compare-exchange as everyone. While anything is checked out it publishes a coarse clock; at rest it is silent.

mod clock;
mod crew;
mod expiry;
mod health;
mod holds;
mod lanes;
mod memory;
mod replacement;
mod scaling;
mod shared;

pub use clock::{Clock, Deadline, VirtualClock};

pub(crate) use clock::{Watch, nanos};
pub(crate) use crew::{Crew, CrewLimits, Upkeep, Work};
pub(crate) use lanes::Task;
pub(crate) use replacement::Pace;
pub use scaling::Advice;

use crate::config::Keeper;
use crate::core::sync::around::thread::{self, JoinHandle};
use crate::core::sync::around::{AtomicU64, Condvar, Mutex, MutexGuard};
use crate::core::{Phase, Word, attention, thread_number};
use crate::error::{BuildError, let_go};
use crate::manager::Manager;
use crate::observe::{DestroyReason, JobKind};
use crate::pool::{Inner, Job, Quarantined, Supply};
use holds::{Held, Overdue};
use replacement::Replacement;
use scaling::Load;
use shared::{Kept, Seat};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock, Weak};

/// Set in the coarse clock while nobody publishes it: the time beside it is when it stopped.
pub(crate) const ASLEEP: u32 = 1 << 31;

/// A time in nanoseconds as the coarse clock tells it: in ticks of 10 ms, which wrap after 248 days.
pub(crate) fn ticks(now: u64) -> u32 {
    (now / TICK) as u32 & !ASLEEP
}

/// Nanoseconds from the beginning of tick `then` to `now`: right for spans of less than 124 days.
pub(crate) fn since_ticks(then: u32, now: u64) -> u64 {
    let passed = ticks(now).wrapping_sub(then) & !ASLEEP;
    // A tick noted a moment after `now` was read is no time ago.
    if passed > ASLEEP / 2 { 0 } else { u64::from(passed) * TICK + now % TICK }
}

/// How often the coarse clock is published while anything is checked out, in nanoseconds: 10 ms. A hold is known to
/// this resolution; a hundred wakes a second cost well under a thousandth of a core.
const TICK: u64 = 10_000_000;

/// The words are read every so many ticks: reading a line takes it from its writer's cache for a moment.
const TICKS_PER_LOOK: u64 = 10;

/// How long a pool must be quiet before its clock stops and its returns stop fencing, in nanoseconds: 1 s.
const QUIET: u64 = 1_000_000_000;

/// Wakes the keeper, and knows when it has ended.
#[derive(Default)]
pub(crate) struct Alarm {
    state: Mutex<Bell>,
    condvar: Condvar,
    /// Where the shared keeper is woken instead.
    seat: OnceLock<Seat>,
}

#[derive(Default)]
struct Bell {
    rung: bool,
    stopped: bool,
    ended: bool,
}

impl Alarm {
    pub(crate) fn ring(&self) {
        if let Some(seat) = self.seat.get() {
            return seat.ring();
        }
        self.state.lock().rung = true;
        self.condvar.notify_one();
    }

    fn stop(&self) {
        self.state.lock().stopped = true;
        self.condvar.notify_all();
    }

    /// Waits until the keeper has ended, at most until `deadline`. False if it has not.
    fn wait_for_end(&self, clock: &Clock, deadline: u64) -> bool {
        let mut bell = self.state.lock();
        while !bell.ended && clock.now() < deadline {
            clock.wait(&self.condvar, &mut bell, Some(deadline));
        }
        bell.ended
    }

    fn end(&self) {
        self.state.lock().ended = true;
        self.condvar.notify_all();
    }

    /// Sleeps until the bell rings or `deadline` comes, and says whether it rang. None once it is to stop.
    fn sleep(&self, clock: &Clock, deadline: Option<u64>) -> Option<bool> {
        let mut bell = self.state.lock();
        while !bell.rung && !bell.stopped && deadline.is_none_or(|deadline| clock.now() < deadline) {
            clock.wait(&self.condvar, &mut bell, deadline);
        }
        let rung = std::mem::take(&mut bell.rung);
        (!bell.stopped).then_some(rung)
    }
}

/// Who does the keeper's duties now. One thread at a time: each duty remembers what it did, not that it is at it.
#[derive(Default)]
pub(crate) struct Turns {
    lock: Mutex<()>,
    /// The thread that has the turn, or 0.
    taken_by: AtomicU64,
}

pub(crate) struct Turn<'t> {
    turns: &'t Turns,
    _held: MutexGuard<'t, ()>,
}

impl Turns {
    /// Waits for the turn. None if this very thread has it, further up: the program's logger may tick.
    pub(crate) fn take(&self) -> Option<Turn<'_>> {
        let me = thread_number();
        // Relaxed: only this thread ever writes its own number.
        if self.taken_by.load(Relaxed) == me {
            return None;
        }
        let held = self.lock.lock();
        self.taken_by.store(me, Relaxed);
        Some(Turn { turns: self, _held: held })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.taken_by.store(0, Relaxed);
    }
}

/// What the keeper remembers between ticks.
pub(crate) struct KeeperState<M: Manager> {
    pub(crate) quarantine: Vec<Quarantined<M>>,
    ticks: u64,
    checkouts: u64,
    waits: u64,
    /// Resources to be replaced, how fast, and how many successors exist beside their predecessors.
    replacements: Vec<Replacement>,
    pub(crate) pace: Option<Pace>,
    surging: usize,
    /// Whether some resource in use is to end at its return.
    wishes: bool,
    /// The check sent last: its slot, and the word while it runs.
    checking: Option<(u32, Word)>,
    held: Vec<Held>,
    overdue: Vec<Overdue>,
    load: Load,
    /// When the next duty beside the clock is due.
    duty: Option<u64>,
    /// When something was last seen in use, and when somebody was last seen waiting.
    last_use: u64,
    last_wait: u64,
    /// When the clock was stopped.
    asleep_since: u64,
}

impl<M: Manager> Default for KeeperState<M> {
    fn default() -> Self {
        Self {
            quarantine: Vec::new(),
            ticks: 0,
            checkouts: 0,
            waits: 0,
            replacements: Vec::new(),
            pace: None,
            surging: 0,
            wishes: false,
            checking: None,
            held: Vec::new(),
            overdue: Vec::new(),
            load: Load::default(),
            duty: None,
            last_use: 0,
            last_wait: 0,
            asleep_since: 0,
        }
    }
}

/// Has a keeper's thread keep the pool: its own, the shared one, or none.
pub(crate) fn start<M: Manager>(inner: &Arc<Inner<M>>) -> Result<(), BuildError> {
    let started = match inner.config().keeper {
        Keeper::Dedicated => start_dedicated(inner).map(|thread| *inner.keeper_thread.lock() = Some(thread)),
        Keeper::Shared => {
            let pool: Weak<dyn Kept> = inner.me.clone();
            shared::join(pool, inner.clock.clone()).map(|seat| drop(inner.alarm.seat.set(seat)))
        }
        Keeper::Manual => Ok(()),
    };
    started.map_err(|error| BuildError::Thread { pool: inner.name().cloned(), error: Arc::new(error) })
}

/// Has the keeper let go of the pool, and waits for that until `deadline`, unless this is the keeper's own thread.
pub(crate) fn end<M: Manager>(inner: &Inner<M>, deadline: u64) {
    if let Some(seat) = inner.alarm.seat.get() {
        return seat.leave(&inner.clock, deadline);
    }
    inner.alarm.stop();
    let thread = inner.keeper_thread.lock().take();
    if let Some(thread) = thread
        && thread.thread().id() != thread::current().id()
        && inner.alarm.wait_for_end(&inner.clock, deadline)
    {
        // The keeper's duties catch what they call; a panic there is logged where it happens.
        let _ = thread.join();
    }
}

fn start_dedicated<M: Manager>(inner: &Arc<Inner<M>>) -> io::Result<JoinHandle<()>> {
    let (pool, alarm, clock) = (Arc::downgrade(inner), Arc::clone(&inner.alarm), inner.config().clock.clone());
    let label = inner.config().name.as_deref().unwrap_or("pool");
    let keep = move || {
        let mut next = None;
        while let Some(rung) = alarm.sleep(&clock, next) {
            let Some(inner) = pool.upgrade() else { break };
            // A panic here is a bug of ours; the pool must still have a keeper after it.
            next = match catch_unwind(AssertUnwindSafe(|| inner.keep(rung))) {
                Ok(next) => next,
                Err(payload) => {
                    let_go(payload);
                    Some(clock.now().saturating_add(QUIET))
                }
            };
        }
        alarm.end();
    };
    thread::Builder::new().name(format!("{label}-keeper")).spawn(keep)
}

impl<M: Manager> Kept for Inner<M> {
    fn keep(&self, rung: bool) -> Option<u64> {
        // Taken by this thread it is never: what the duties call, calls no `keep`.
        let _my_turn = self.turns.take();
        self.tick(rung)
    }

    fn let_go(self: Arc<Self>) {
        if let Some(inner) = Arc::into_inner(self).map(Box::new) {
            // Should there be no thread for it, it ends here after all.
            let _ = thread::Builder::new().name("pool-end".to_owned()).spawn(move || drop(inner));
        }
    }
}

impl<M: Manager> Inner<M> {
    /// The keeper's duties, once, by whoever has the turn. Returns when they are next due, or None until somebody rings.
    pub(crate) fn tick(&self, rung: bool) -> Option<u64> {
        let now = self.now();
        let (clock, looked) = self.keep_clock(now);
        // Between two looks the clock alone is kept, unless somebody rang or a duty is due.
        let next = if looked || rung || self.is_due(now) {
            if !looked {
                // What idles, by a look that may be a tenth of a second old, may have been used since.
                self.look_around(now);
            }
            let duties = [
                self.expire(now),
                self.replace(now),
                self.end_idle(now),
                self.set_stale_aside(now),
                self.check_idle(now),
                self.watch_holds(now),
                self.relieve_memory(),
                self.scale(now),
                self.end_idle_overflow(now),
                self.retry_still_busy(now),
                self.refill(now),
                self.look_after_crew(now),
            ];
            duties.into_iter().flatten().min()
        } else {
            self.keeper.lock().duty
        };
        self.keeper.lock().duty = next;
        clock.into_iter().chain(next).min()
    }

    fn is_due(&self, now: u64) -> bool {
        self.keeper.lock().duty.is_some_and(|due| due <= now)
    }

    /// Publishes the coarse time while the pool is in use; stops the clock, and the returns' fences, after a quiet second.
    fn keep_clock(&self, now: u64) -> (Option<u64>, bool) {
        let ticks = {
            let mut state = self.keeper.lock();
            state.ticks += 1;
            state.ticks
        };
        let look = ticks % TICKS_PER_LOOK == 1 || self.shelf.coarse() & ASLEEP != 0 || self.is_manual();
        if look {
            self.look_around(now);
        }
        (self.publish_time(now), look)
    }

    /// Looks at every slot: what is in use, and what has idled since when.
    pub(crate) fn look_around(&self, now: u64) {
        let (mut checkouts, mut in_use) = (0, 0);
        for ((_, slot), life) in self.shelf.slots().zip(&self.lives) {
            let (phase, uses) = (slot.look().phase(), slot.record().checkouts());
            checkouts += uses;
            in_use += usize::from(phase == Phase::Busy);
            if phase.is_live() {
                // A check is no use, and a resource just made is in no phase of rest yet.
                life.seen(phase != Phase::Busy, uses, now);
            }
        }
        let mut state = self.keeper.lock();
        state.load.look(now, in_use, checkouts);
        if in_use > 0 || checkouts != state.checkouts {
            (state.checkouts, state.last_use) = (checkouts, now);
        }
        let waits = self.counts.waits.get();
        if waits != state.waits || self.shelf.waiting() > 0 {
            (state.waits, state.last_wait) = (waits, now);
        }
    }

    fn publish_time(&self, now: u64) -> Option<u64> {
        let mut state = self.keeper.lock();
        if now.saturating_sub(state.last_wait) >= QUIET {
            self.shelf.lower(move || self.now());
        }
        if self.is_manual() || self.clock.is_virtual() || now.saturating_sub(state.last_use) < QUIET {
            self.shelf.set_coarse(ticks(now));
            return (!self.is_manual() && !self.clock.is_virtual()).then_some(now + TICK);
        }
        let was_asleep = self.shelf.coarse() & ASLEEP != 0;
        self.shelf.set_coarse(ticks(now) | ASLEEP);
        // A checkout at this very moment may have read the time before it stopped: then the clock goes on.
        let in_use = self.shelf.slots().any(|(_, slot)| slot.look().phase() == Phase::Busy);
        if in_use {
            state.last_use = now;
            self.shelf.set_coarse(ticks(now));
            return Some(now + TICK);
        }
        // Or it read the time, and stands before its exchange: one more look, before nobody looks any more.
        if !was_asleep {
            state.asleep_since = now;
        }
        let last_look = state.asleep_since.saturating_add(QUIET);
        (last_look > now).then_some(last_look)
    }

    /// Destroys what is beyond `max_size` and has idled for `overflow_ttl`, the longest idle first.
    fn end_idle_overflow(&self, now: u64) -> Option<u64> {
        let config = self.config();
        let ttl = nanos(config.overflow_ttl());
        while self.shelf.attention() & attention::OVERFLOWING != 0 && !self.is_closed() {
            if self.staying() <= self.places_in_service() {
                if self.shelf.occupied() as usize <= self.places_in_service() {
                    self.shelf.set_attention(attention::OVERFLOWING, false);
                    // A creation may have raised it a moment before.
                    self.watch_surplus();
                }
                return None;
            }
            // Returns note their time since the first surplus resource was made; nothing has idled for longer than that.
            let most = now.saturating_sub(self.overflowing_since.load(Relaxed));
            let free = |phase| matches!(phase, Phase::Ready | Phase::Stale | Phase::Degraded);
            let idle = self.shelf.slots().filter(|(_, slot)| free(slot.look().phase()));
            // A noted time is rounded down to its tick: a tick less, so as never to be early.
            let idle_for = |stamp: u32| since_ticks(stamp, now).saturating_sub(TICK).min(most);
            let (slot, idle_for) = idle
                .map(|(_, slot)| (slot, idle_for(slot.record().stamp().time())))
                .max_by_key(|(_, idle_for)| *idle_for)?;
            if idle_for < ttl {
                return Some(now + (ttl - idle_for));
            }
            let seen = slot.look();
            // Claimed like by a borrower: if somebody was faster, it is not idle.
            if free(seen.phase())
                && let Some(right) = slot.claim(seen, Phase::Retiring)
            {
                // Never here: `destroy` is the user's, and may hang.
                self.send_to_end(right, DestroyReason::Overflow);
            }
        }
        None
    }

    /// Sends what was still busy at its return to be checked again.
    fn retry_still_busy(&self, now: u64) -> Option<u64> {
        for Quarantined { parcel, tries, .. } in self.take_quarantine(now) {
            // A job the crew refuses is dropped, and its resource destroyed: the pool is closing.
            let _ = self.submit(Job::Check { parcel, still_busy: Some(tries) });
        }
        self.keeper.lock().quarantine.iter().map(|entry| entry.due).min()
    }

    /// Asks the crew for what `min_idle` misses, and for what waiters need after a failed creation.
    fn refill(&self, now: u64) -> Option<u64> {
        let missing = self.missing();
        let waiting = if self.creates_inline() { 0 } else { self.unserved() };
        let wanted = waiting.max(if missing > 0 { missing + self.on_their_way() } else { 0 });
        if wanted == 0 || self.is_closed() || !self.is_warm() || (waiting == 0 && !self.memory_allows_refill()) {
            return None;
        }
        if let Some(pause) = self.creation_pause(now) {
            return Some(pause);
        }
        let supply = self.supply(now);
        let wanted = match supply {
            Supply::After(time) if waiting == 0 => return Some(time),
            Supply::After(_) => waiting,
            Supply::One => waiting.max(1),
            Supply::Any => wanted,
        };
        self.request_creation(wanted);
        (supply == Supply::One).then_some(now.saturating_add(QUIET))
    }

    /// Finds background jobs that hang. One that should have created is replaced by another, in another slot.
    pub(crate) fn look_after_crew(&self, now: u64) -> Option<u64> {
        if self.is_manual() {
            return None;
        }
        let Upkeep { next, newly_hung, refused } = self.crew.look_after(&self.me.upgrade()?, now);
        for job in &newly_hung {
            if job.kind == JobKind::Create {
                self.gave_up_on_creation();
            }
            self.log(log::Level::Warn, format_args!("{job}; another thread may start in its place"));
        }
        if let Some(error) = refused {
            self.log(log::Level::Warn, format_args!("no thread for background work, it waits: {error}"));
        }
        if newly_hung.is_empty() {
            return next;
        }
        // Other duties may have waited for these, and they have had their turn in this tick.
        self.alarm.ring();
        // The creations that are to replace hung ones.
        next.into_iter().chain(self.refill(now)).min()
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;
    use crate::Pool;

    #[test]
    fn a_checkout_that_read_the_time_before_it_stopped_is_found() {
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0))).build().unwrap();
        let inner = &pool.inner;
        // In the place of the keeper's own thread.
        let my_turn = inner.turns.take();
        let rest = inner.now() + 2 * QUIET;
        let (next, _) = inner.keep_clock(rest);
        assert_eq!((inner.shelf.coarse(), next), (ticks(rest) | ASLEEP, Some(rest + QUIET)));
        let right = inner.shelf.claim_any(Phase::Ready, Phase::Busy).expect("one is free");
        let (next, _) = inner.keep_clock(rest + QUIET);
        assert_eq!((inner.shelf.coarse(), next), (ticks(rest + QUIET), Some(rest + QUIET + TICK)));
        inner.give_back(right);
        // The look after a quiet time is the last, whatever else the keeper wakes for.
        let rest = rest + 4 * QUIET;
        let rests = [0, QUIET / 2, QUIET, 9 * QUIET].map(|passed| inner.keep_clock(rest + passed).0);
        assert_eq!(rests, [Some(rest + QUIET), Some(rest + QUIET), None, None]);
        drop(my_turn);
        assert_eq!(pool.close(std::time::Duration::from_secs(10)).destroyed, 1);
    }
}
