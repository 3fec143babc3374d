//! A session's own resource: looked up, taken, waited for, and bound anew.

use super::table::Known;
use super::{FEWEST_PLACES, PLACES_PER_SLOT, SessionMode, Sessions};
use crate::config::OnDeadlock;
use crate::core::{Mark, Outcome, Patience, Phase, Request, Right};
use crate::error::{CheckoutError, Refusal, SessionBusy};
use crate::keeper::nanos;
use crate::manager::Manager;
use crate::observe::{Holder, ResourceId, ResourceState};
use crate::pool::Inner;
use crate::pool::checkout::{Ask, Caller};
use std::hash::Hash;
use std::panic::Location;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A key, as it was known when somebody came with it.
pub(crate) struct Session<'p> {
    sessions: &'p Sessions,
    hash: u64,
    known: Known,
}

/// A session apart from its pool.
#[cfg(feature = "workers")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    hash: u64,
    known: Known,
}

#[cfg(feature = "workers")]
impl Session<'_> {
    pub(crate) fn seen(&self) -> Seen {
        Seen { hash: self.hash, known: self.known }
    }

    /// It did without, as it would take no other.
    pub(crate) fn was_refused(&self) {
        self.sessions.refused.fetch_add(1, Relaxed);
    }
}

/// What became of a session's own resource.
enum Own<'s, R> {
    Taken(Right<'s, R>),
    /// To be checked first, by the caller: no thread but this one would do it.
    Stale(Right<'s, R>),
    InUse,
    Ended,
    /// Waiting for it would never end.
    Deadlock,
}

/// The three parts that whoever serves sessions needs. [`claim_for`](Inner::claim_for) is made of them, and work that is sent to a resource
/// instead of being lent one (`Workers`, `submit_for`) can be: `session_of` looks a key up; `own_slot` says which slot has its resource,
/// a hint about which that slot's word decides; `served`, called with the right that the work was done under in the end, by whoever
/// holds it, counts, binds and renews. Nothing has to be undone if the work fails before that.
impl<M: Manager> Inner<M> {
    /// What is known of `key` at `now`, in the pool's nanoseconds.
    pub(crate) fn session_of<K: Hash + ?Sized>(&self, key: &K, now: u64) -> Session<'_> {
        let sessions = self.sessions.get().unwrap_or_else(|| self.make_sessions());
        let hash = sessions.table.hash(key);
        Session { sessions, hash, known: sessions.table.look_up(hash, now) }
    }

    #[cold]
    fn make_sessions(&self) -> &Sessions {
        let sessions = self.sessions.get_or_init(|| {
            let (config, default) =
                (self.config(), || (self.shelf.len() as usize * PLACES_PER_SLOT).max(FEWEST_PLACES));
            Sessions::new(config.session_places.unwrap_or_else(default), config.session_binding)
        });
        // Who has changed it before they were there has not told them.
        sessions.last_for(self.config().session_binding);
        sessions
    }

    /// A session that was looked up before.
    #[cfg(feature = "workers")]
    pub(crate) fn session_again(&self, seen: Seen) -> Option<Session<'_>> {
        let Seen { hash, known } = seen;
        self.sessions.get().map(|sessions| Session { sessions, hash, known })
    }

    /// The slot of a session's own resource, while that lives.
    pub(crate) fn own_slot(&self, session: &Session<'_>) -> Option<u32> {
        let Known::Bound(bound) = session.known else { return None };
        let seen = self.shelf.slot(bound.slot as usize)?.look();
        bound.is_alive(seen).then_some(bound.slot)
    }

    /// Whether the resource of a slot is free, and not lent because its time has come.
    pub(crate) fn awaits_its_end(&self, index: u32) -> bool {
        // What is degraded is lent whatever its age: it is the last resort.
        let is_kept = |phase| matches!(phase, Phase::Ready | Phase::Stale);
        let is_free = self.shelf.slot(index as usize).is_some_and(|slot| is_kept(slot.look().phase()));
        is_free && self.is_past_its_time(index)
    }

    /// Whether the resource of a slot would not be lent now, if it were free, because its time has come.
    pub(crate) fn is_past_its_time(&self, index: u32) -> bool {
        self.lives[index as usize].expires() <= self.must_outlast()
    }

    /// Notes by which resource a session was served, and when: it may have waited since it was looked up.
    pub(crate) fn served(&self, session: &Session<'_>, right: &Right<'_, M::Resource>, now: u64) {
        let Session { sessions, hash, .. } = *session;
        let Some(index) = self.shelf.index_of(right.slot()) else { return };
        let count = match session.known {
            Known::Bound(bound) if bound.slot == index && bound.is_of(right.word().generation()) => {
                self.life(right).session_hit();
                return sessions.table.used(hash, now);
            }
            Known::Bound(_) if self.own_slot(session).is_some_and(|own| !self.awaits_its_end(own)) => &sessions.in_use,
            Known::Bound(_) => &sessions.rebinds,
            Known::Expired => &sessions.expirations,
            Known::Nothing => &sessions.fresh,
        };
        count.fetch_add(1, Relaxed);
        if sessions.table.bind(hash, ResourceId::new(index, right.word()), now) {
            sessions.evictions.fetch_add(1, Relaxed);
        }
    }
}

impl<M: Manager> Inner<M> {
    /// Takes the resource that `key` is bound to, or does without it as `mode` says, and binds it to what it got.
    pub(in crate::pool) fn claim_for<K: Hash + ?Sized>(
        &self,
        key: &K,
        mode: SessionMode,
        site: &'static Location<'static>,
        ask: Ask,
    ) -> Result<Right<'_, M::Resource>, CheckoutError> {
        let caller = self.caller(site, ask.patient);
        let session = self.session_of(key, caller.began);
        // Not from the slot the thread had last: all its keys would meet there.
        let start = (session.hash >> 32) as u32 % self.shelf.open_slots().max(1);
        let caller = caller.starting_at(start);
        let right = match self.own(&session, mode, &caller, ask) {
            Ok(Own::Taken(right)) => self.taken(right, &caller),
            Ok(_) => self.find(&caller, ask).inspect_err(|error| self.refused(error))?,
            Err(error) => {
                self.waited_in_vain(self.now().saturating_sub(caller.began));
                if let CheckoutError::SessionBusy(_) = error {
                    session.sessions.refused.fetch_add(1, Relaxed);
                }
                self.refused(&error);
                return Err(error);
            }
        };
        // Only now: a binding to what was never had would lead the next one there too.
        self.served(&session, &right, if caller.has_waited() { self.now() } else { caller.began });
        Ok(right)
    }

    /// A session's own resource, after as long a wait as its mode allows.
    fn own(
        &self,
        session: &Session<'_>,
        mode: SessionMode,
        caller: &Caller,
        ask: Ask,
    ) -> Result<Own<'_, M::Resource>, CheckoutError> {
        let until = match mode {
            SessionMode::Hint { wait } => caller.began.saturating_add(nanos(wait)).min(caller.deadline()),
            SessionMode::Wait => caller.deadline(),
            SessionMode::Fail => caller.began,
        };
        let takes_another = matches!(mode, SessionMode::Hint { .. });
        let waits = until > caller.began;
        let mut own = self.look_at_own(session, takes_another, waits);
        loop {
            own = match own {
                Own::Stale(right) => {
                    caller.waits_while(|| self.check(right, None));
                    self.look_at_own(session, takes_another, waits)
                }
                Own::InUse if self.is_closed() => return Err(self.refused_closed()),
                Own::InUse if waits && self.now() < until => {
                    self.wait_for_own(session, takes_another, until, caller, ask)?
                }
                // Unless it has just ended.
                Own::InUse if !takes_another => return self.session_busy(session, caller).map_or(Ok(Own::Ended), Err),
                Own::Deadlock if !takes_another => return Err(self.would_deadlock()),
                own => return Ok(own),
            }
        }
    }

    /// Takes a session's own resource if it is free. Who takes no other takes it as it is, degraded too; who has time has it checked first
    /// if it has idled for long.
    fn look_at_own(&self, session: &Session<'_>, takes_another: bool, waits: bool) -> Own<'_, M::Resource> {
        let Known::Bound(bound) = session.known else { return Own::Ended };
        let Some(slot) = self.shelf.slot(bound.slot as usize) else { return Own::Ended };
        let seen = slot.look();
        if !bound.is_alive(seen) {
            return Own::Ended;
        }
        let taken = match seen.phase() {
            // What has to end is left to whoever looks for one that has not.
            Phase::Ready if self.lives[bound.slot as usize].expires() <= self.must_outlast() => return Own::Ended,
            Phase::Ready => slot.claim(seen, Phase::Busy),
            // One good use proves nothing: it is checked again at its return.
            Phase::Degraded if !takes_another => slot.claim(seen, Phase::Busy).map(|right| right.marked(Mark::Suspect)),
            Phase::Stale if waits || !takes_another => match slot.claim(seen, Phase::Checking) {
                Some(right) if self.is_manual() => return Own::Stale(right),
                Some(right) => {
                    self.send_to_check(right);
                    None
                }
                None => None,
            },
            _ => None,
        };
        taken.map_or(Own::InUse, Own::Taken)
    }

    /// One wait for the slot of a session's own resource.
    fn wait_for_own(
        &self,
        session: &Session<'_>,
        takes_another: bool,
        until: u64,
        caller: &Caller,
        ask: Ask,
    ) -> Result<Own<'_, M::Resource>, CheckoutError> {
        let Known::Bound(bound) = session.known else { return Ok(Own::Ended) };
        let request = Request {
            lane: ask.lane.lane(),
            since: caller.began,
            holder: caller.taker(),
            allowed: None,
            comes_back: caller.has_queued(),
        };
        let outcome = self.shelf.wait_bound(
            (bound.slot, takes_another),
            &request,
            || {
                // Nobody looks who was refused a place.
                if caller.queues() {
                    self.counts.waits.add_one();
                }
                self.queue_changed();
                let refuses = self.config().on_deadlock == OnDeadlock::Refuse;
                match self.look_at_own(session, takes_another, true) {
                    Own::InUse if refuses && self.is_deadlocked(caller, Some(bound.slot), true) => Some(Own::Deadlock),
                    Own::InUse => None,
                    own => Some(own),
                }
            },
            || match self.clock.until(until) {
                _ if self.now() >= until => Patience::Over,
                Some(time) => Patience::For(time),
                None => Patience::Forever,
            },
            |right| self.open(right),
            move || self.now(),
        );
        self.queue_changed();
        match outcome {
            Outcome::Granted(right) => Ok(Own::Taken(right)),
            Outcome::Found(own) => Ok(own),
            Outcome::Refused(Refusal::LookAgain) => Ok(self.look_at_own(session, takes_another, true)),
            Outcome::Refused(_) => Err(self.refused_closed()),
            // Who takes another need not wait for that.
            Outcome::Full { .. } if takes_another => Ok(Own::Ended),
            Outcome::Full { waiting } => Err(self.saturated(waiting)),
            Outcome::TimedOut { .. } | Outcome::Shed { .. } | Outcome::Unservable { .. } => Ok(Own::InUse),
        }
    }

    /// None if what it would name is no longer the session's.
    fn session_busy(&self, session: &Session<'_>, caller: &Caller) -> Option<CheckoutError> {
        let slot = self.own_slot(session)?;
        let own = self.shelf.slot(slot as usize)?;
        let (now, word) = (self.now(), own.look());
        let refuses = self.config().on_deadlock == OnDeadlock::Refuse;
        Some(CheckoutError::SessionBusy(Box::new(SessionBusy {
            pool: self.name.clone(),
            id: ResourceId::new(slot, word),
            state: ResourceState::of(word.phase(), self.lives[slot as usize].failures()),
            holder: Holder::now_of(slot, own, now).map(Holder::named),
            waited: Duration::from_nanos(now.saturating_sub(caller.began)),
            // A guard can be dropped by another thread than the one that took it, so who does not ask is not told.
            deadlock: refuses && self.is_deadlocked(caller, Some(slot), false),
        })))
    }
}
