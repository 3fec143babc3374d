//! Long holds: guards that may never come back.

use super::{TICK, nanos};
use crate::config::OnLeak;
use crate::core::attention;
use crate::manager::Manager;
use crate::observe::{DestroyReason, Holder, PoolEvent, ResourceId};
use crate::pool::{Attended, Inner};
use std::time::Duration;

/// A hold that was reported.
pub(crate) struct Held {
    holder: Holder,
    /// Checkouts of the slot at that time: another checkout is another hold.
    checkouts: u64,
    /// Whether another resource may take its place.
    replaced: bool,
}

/// A hold that looked too long, to be looked at once more.
pub(crate) struct Overdue {
    id: ResourceId,
    checkouts: u64,
    /// When it was found.
    at: u64,
}

impl<M: Manager> Inner<M> {
    /// Reports holds of more than `max_hold`, and their ends.
    ///
    /// Between a checkout's exchange and its entry in the record, the slot still names the use before, with its time. So a
    /// hold counts from the first look that found that use, it is no longer than its own entry says, and a second look, a
    /// tick after the first that found it too long, must find the same.
    pub(super) fn watch_holds(&self, now: u64) -> Option<u64> {
        // Those that were found while the settings were others end too.
        let ended = self.ended_holds();
        for held in &ended {
            self.subscribers.tell_subscribers(|| PoolEvent::LeakReturned(held.holder.clone()));
            self.log(
                log::Level::Info,
                format_args!("came back after a long hold: resource {}, {}", held.holder.id, held.holder),
            );
        }
        let (found, next) = self.find_long_holds(now);
        if found || !ended.is_empty() {
            self.replace_held();
        }
        next
    }

    /// Reports what is held for too long. Returns whether anything was, and when to look again.
    fn find_long_holds(&self, now: u64) -> (bool, Option<u64>) {
        let Some(most) = self.config().max_hold.map(nanos) else { return (false, None) };
        let mut found = false;
        let before = std::mem::take(&mut self.keeper.lock().overdue);
        let mut overdue = Vec::new();
        let mut next: Option<u64> = None;
        let mut look_at = |due: u64| next = Some(next.map_or(due, |next| next.min(due)));
        for ((index, slot), life) in self.shelf.slots().zip(&self.lives) {
            let Some((mut holder, checkouts)) = Holder::of(index, slot, now) else { continue };
            // The first look at this use, unless there was one.
            life.seen(false, checkouts, now);
            // Without a keeper's thread, an entry's own time is that of the tick before.
            let held_for = nanos(holder.held_for).min(life.in_use_for(checkouts, now));
            if held_for < most {
                look_at(now.saturating_add(most - held_for));
                continue;
            }
            if self.keeper.lock().held.iter().any(|held| held.holder.id == holder.id && held.checkouts == checkouts) {
                continue;
            }
            let same = |overdue: &&Overdue| overdue.id == holder.id && overdue.checkouts == checkouts;
            let at = before.iter().find(same).map_or(now, |before| before.at);
            // Virtual time moves in leaps, and one leap past `max_hold` is to be enough.
            if now.saturating_sub(at) < TICK && !self.clock.is_virtual() {
                look_at(at.saturating_add(TICK));
                overdue.push(Overdue { id: holder.id, checkouts, at });
                continue;
            }
            holder.held_for = Duration::from_nanos(held_for);
            self.report_hold(holder.named(), checkouts);
            found = true;
        }
        self.keeper.lock().overdue = overdue;
        (found, next)
    }

    /// Reports the uses that the pool's attendant finds too long, and has others take their places. Returns when to ask it again.
    pub(super) fn attend(&self, now: u64) -> Option<u64> {
        let Attended { overdue, next, more_wait } = self.attendant()?.attend(now);
        if more_wait {
            self.request_creation(self.unserved());
        }
        if overdue.is_empty() {
            return next;
        }
        for (id, uses) in overdue {
            let slot = self.shelf.slot(id.slot()).filter(|_| self.word_of(id).is_some());
            let Some((holder, checkouts)) = slot.and_then(|slot| Holder::of(id.slot() as u32, slot, now)) else {
                continue;
            };
            // Its next use may have begun meanwhile, and that one is not late.
            if checkouts != uses {
                continue;
            }
            let known = |held: &Held| held.holder.id == holder.id && held.checkouts == checkouts;
            if !self.keeper.lock().held.iter().any(known) {
                self.report_hold(holder.named(), checkouts);
            }
        }
        self.replace_held();
        next
    }

    fn ended_holds(&self) -> Vec<Held> {
        let ended = |held: &mut Held| {
            let slot = self.shelf.slot(held.holder.id.slot());
            let same = slot.is_some_and(|slot| slot.record().checkouts() == held.checkouts);
            let busy = self.word_of(held.holder.id).is_some_and(|word| word.phase() == crate::core::Phase::Busy);
            !(same && busy)
        };
        self.keeper.lock().held.extract_if(.., ended).collect()
    }

    /// Whether another takes the place of this one, which is held for too long: it is not used again.
    #[cfg(feature = "workers")]
    pub(crate) fn is_hold_replaced(&self, id: ResourceId) -> bool {
        self.keeper.lock().held.iter().any(|held| held.replaced && held.holder.id == id)
    }

    fn report_hold(&self, holder: Holder, checkouts: u64) {
        self.counts.long_holds.add_one();
        self.subscribers.tell_subscribers(|| PoolEvent::LeakSuspected(holder.clone()));
        self.log(log::Level::Warn, format_args!("held for too long: {holder}"));
        self.keeper.lock().held.push(Held { holder, checkouts, replaced: false });
    }

    /// Lets others take the places of what is held for too long, as many as may be: one that was too many gets its turn
    /// once another has come back. Places that were lent under other settings are given back.
    fn replace_held(&self) {
        let at_most = match self.config().on_leak {
            OnLeak::Replace { at_most } => at_most,
            OnLeak::Report => 0,
        };
        let replaced: Vec<_> = {
            let mut state = self.keeper.lock();
            let more = at_most.saturating_sub(state.held_replaced());
            let next = state.held.iter_mut().filter(|held| !held.replaced).take(more);
            let replaced: Vec<_> = next
                .map(|held| {
                    held.replaced = true;
                    held.holder.id
                })
                .collect();
            if !replaced.is_empty() {
                state.wishes = true;
                self.shelf.set_attention(attention::WISHES, true);
            }
            replaced
        };
        for id in replaced {
            // Should it have come back this moment, it is free, and no long hold any more.
            if let Some(word) = self.word_of(id).filter(|word| word.phase() == crate::core::Phase::Busy) {
                self.lives[id.slot()].wish(word, DestroyReason::HeldTooLong);
            }
        }
        self.make_room_for_held();
    }

    /// Opens as many places more as there are holds whose resources are replaced.
    fn make_room_for_held(&self) {
        let (held, surging) = {
            let state = self.keeper.lock();
            (state.held_replaced(), state.surging)
        };
        self.set_extra(surging + held);
        self.set_places_for_held(held);
        self.request_creation(self.unserved());
    }
}

impl<M: Manager> super::KeeperState<M> {
    pub(super) fn held_replaced(&self) -> usize {
        self.held.iter().filter(|held| held.replaced).count()
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;
    use crate::core::Phase;
    use crate::{Keeper, Pool};

    const HOLD: u64 = 60_000_000_000;

    /// Takes what is free and leaves the record as it is, like a thread that is halted right after its exchange.
    fn in_the_middle_of_a_checkout<M: Manager>(pool: &Pool<M>, then: impl FnOnce()) {
        let right = pool.inner.shelf.claim_any(Phase::Ready, Phase::Busy).expect("one is free");
        then();
        pool.inner.give_back(right);
    }

    /// What the keeper does at `now`. Returns how many long holds it has found.
    fn looks<M: Manager>(pool: &Pool<M>, now: u64) -> u64 {
        pool.inner.look_around(now);
        pool.inner.watch_holds(now);
        pool.stats().long_holds
    }

    #[test]
    fn who_is_in_the_middle_of_a_checkout_does_not_inherit_the_hold_before() {
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0)));
        let pool = pool.keeper(Keeper::Manual).max_hold(Duration::from_nanos(HOLD)).build().unwrap();
        // It does not count how long ago that one began,
        drop(pool.checkout().unwrap());
        in_the_middle_of_a_checkout(&pool, || assert_eq!(looks(&pool, 2 * HOLD), 0));
        // nor that it was in sight,
        let held = pool.checkout().unwrap();
        assert_eq!(looks(&pool, 3 * HOLD), 0);
        drop(held);
        in_the_middle_of_a_checkout(&pool, || assert_eq!(looks(&pool, 5 * HOLD), 0));
        // unless it is still the same a tick later.
        let held = pool.checkout().unwrap();
        assert_eq!([6 * HOLD, 7 * HOLD, 7 * HOLD + TICK - 1].map(|now| looks(&pool, now)), [0; 3]);
        assert_eq!([7 * HOLD + TICK, 8 * HOLD].map(|now| looks(&pool, now)), [1; 2]);
        drop(held);
        assert_eq!(pool.close(Duration::ZERO).destroyed, 1);
    }

    #[test]
    fn a_tick_within_a_tick_leaves_the_duties_to_it() {
        let clock = crate::VirtualClock::new();
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0))).clock(&clock);
        let pool = pool.keeper(Keeper::Manual).max_hold(Duration::from_nanos(HOLD)).build().unwrap();
        let held = pool.checkout().unwrap();
        clock.advance(Duration::from_nanos(HOLD));
        let ticks = [true, false].map(|within| {
            let _outer = within.then(|| pool.inner.turns.take());
            pool.tick();
            pool.stats().long_holds
        });
        assert_eq!(ticks, [0, 1]);
        drop(held);
        assert_eq!(pool.close(Duration::ZERO).destroyed, 1);
    }

    #[test]
    fn a_hold_that_nobody_sees_twice_is_none() {
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0)));
        let pool = pool.keeper(Keeper::Manual).max_hold(Duration::from_nanos(HOLD)).build().unwrap();
        for minute in 1..10 {
            let held = pool.checkout().unwrap();
            assert_eq!(looks(&pool, minute * 2 * HOLD), 0);
            drop(held);
        }
        assert_eq!(pool.close(Duration::ZERO).destroyed, 1);
    }

    /// Bad run: holds are not limited any more while one of them is replaced, and every return is watched from then on.
    #[test]
    fn a_hold_that_ends_when_holds_are_not_limited_any_more_is_forgotten() {
        let clock = crate::VirtualClock::new();
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0))).clock(&clock).keeper(Keeper::Manual);
        let pool = pool.ceiling(2).max_hold(Duration::from_nanos(HOLD)).on_leak(OnLeak::Replace { at_most: 1 });
        let pool = pool.max_size(1).build().unwrap();
        let held = pool.checkout().unwrap();
        clock.advance(Duration::from_nanos(HOLD));
        let watched = || pool.inner.shelf.attention() & attention::WISHES != 0;
        pool.tick();
        assert!(watched() && pool.inner.places_in_service() == 2);
        let _changes = pool.reconfigure(|config| (config.max_hold, config.on_leak) = (None, OnLeak::Report)).unwrap();
        pool.tick();
        assert!(watched() && pool.inner.places_in_service() == 2);
        drop(held);
        (0..2).for_each(|_| pool.tick());
        assert!(!watched() && pool.inner.places_in_service() == 1);
        assert_eq!((pool.inner.regular_places(), pool.inner.shelf.target()), (1, 1));
        assert!(pool.close(Duration::ZERO).is_complete());
    }

    /// Finds the use of this number too long, whoever is at it.
    struct Strict(parking_lot::Mutex<Vec<(ResourceId, u64)>>);

    impl Manager for Strict {
        type Resource = u64;
        type Error = String;

        fn create(&self) -> Result<u64, String> {
            Ok(0)
        }

        fn attendant(&self) -> Option<&dyn crate::pool::Attendant> {
            Some(self)
        }
    }

    impl crate::pool::Attendant for Strict {
        fn waiting(&self) -> u32 {
            0
        }

        fn unserved(&self) -> u32 {
            0
        }

        fn is_its_thread(&self) -> bool {
            false
        }

        fn opened(&self, _: usize) {}

        fn refuse(&self, _: u32, _: &crate::error::Refusal) {}

        fn closed(&self, _: Option<&crate::error::SharedError>) {}

        fn attend(&self, _: u64) -> Attended {
            Attended { overdue: self.0.lock().clone(), next: None, more_wait: false }
        }
    }

    /// Bad run: a use is found too long, ends by itself, and the next one is told to go for it.
    #[test]
    fn a_use_that_was_too_long_does_not_cost_the_next_one_its_resource() {
        let pool = Pool::builder(Strict(Default::default())).keeper(Keeper::Manual).build().unwrap();
        drop(pool.checkout().unwrap());
        let held = pool.checkout().unwrap();
        let found = |uses| {
            *pool.manager().0.lock() = vec![(held.id(), uses)];
            pool.inner.attend(0);
            pool.stats().long_holds
        };
        assert_eq!([1, 2].map(found), [0, 1]);
        drop(held);
        assert!(pool.close(Duration::ZERO).is_complete());
    }

    #[test]
    fn nor_is_it_a_long_hold_in_the_health_report() {
        let clock = crate::VirtualClock::new();
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0))).clock(&clock);
        let pool = pool.keeper(Keeper::Manual).max_hold(Duration::from_nanos(HOLD)).build().unwrap();
        drop(pool.checkout().unwrap());
        clock.advance(Duration::from_nanos(5 * HOLD));
        in_the_middle_of_a_checkout(&pool, || {
            let health = pool.health();
            assert_eq!(health.score, 100, "{health}");
        });
        assert_eq!(pool.close(Duration::ZERO).destroyed, 1);
    }
}
