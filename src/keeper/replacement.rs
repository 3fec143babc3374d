//! Replacement: a successor first, then the end of its predecessor.
//!
//! ```text
//! Waiting -> Making   a place beyond the pool's size is free, or a resource may be out of service for it
//! Making  -> Ending   the successor is in service; the old one ends at once if it is free, else at its return
//! Making  -> Waiting  it could not be made: the old one stays, the next try comes after a pause
//! Waiting -> Stopping without a place for it, or at the limit of memory, the old one ends first
//! Stopping -> Making  it has
//! ```
//! An entry is done when its old resource is gone and its successor made. The keeper alone moves entries; everything it
//! decides is looked at again at its next tick, so nothing here depends on a wake-up that could be lost.

use super::KeeperState;
use crate::config::PoolConfig;
use crate::core::{Phase, Word, attention};
use crate::manager::Manager;
use crate::observe::{DestroyReason, JobKind, ResourceId};
use crate::pool::{Inner, Job, NEVER, Supply};
use std::collections::HashSet;

/// A predecessor that is still in use this long after its successor was made, in nanoseconds, lends its place: both serve, so another
/// resource may be out of service meanwhile. Else one long hold would hold up all others. So would a creation or an end that hangs, and
/// these lend theirs too; an end that only takes its time does not, for nobody is served by it.
const STUCK: u64 = 1_000_000_000;

/// A successor for which there was no place is tried again after this many nanoseconds: 100 ms.
const RETRY: u64 = 100_000_000;

/// One resource that is to be replaced.
pub(crate) struct Replacement {
    pub(crate) old: ResourceId,
    reason: DestroyReason,
    stage: Stage,
    /// No successor before this time.
    not_before: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Stopping,
    Making {
        old_is_gone: bool,
        /// None while it stands in the crew's queue.
        since: Option<u64>,
    },
    /// The successor serves. The old one is in use, since then, or on its way out.
    Ending {
        successor: ResourceId,
        in_use_since: Option<u64>,
    },
}

/// How the making of a successor went.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Successor {
    Is(ResourceId),
    /// Somebody else has made a resource in the place.
    OfAnother,
    Missing,
}

/// How many may be replaced at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Successors made before their predecessors end.
    pub(crate) surge: usize,
    /// Resources out of service for their replacement.
    pub(crate) max_unavailable: usize,
}

/// What the keeper does next for replacements: successors to be made, and whether their predecessors are gone already;
/// resources to be ended.
#[derive(Default)]
struct Orders {
    make: Vec<(ResourceId, bool)>,
    end: Vec<(ResourceId, DestroyReason)>,
}

impl Pace {
    pub(crate) fn of(config: &PoolConfig) -> Self {
        Self { surge: config.surge, max_unavailable: config.max_unavailable }
    }

    /// One at a time, to see whether it lives.
    fn of_one(self) -> Self {
        match self.surge {
            0 => Self { surge: 0, max_unavailable: 1 },
            _ => Self { surge: 1, max_unavailable: 0 },
        }
    }
}

impl<M: Manager> Inner<M> {
    /// Has each of `old` replaced, unless that is under way already.
    pub(crate) fn ask_for_successors(&self, old: impl IntoIterator<Item = ResourceId>, reason: DestroyReason) {
        let mut state = self.keeper.lock();
        let known: HashSet<_> = state.replacements.iter().map(|entry| entry.old).collect();
        let new = old.into_iter().filter(|old| !known.contains(old));
        let new = new.map(|old| Replacement { old, reason, stage: Stage::Waiting, not_before: 0 });
        state.replacements.extend(new);
    }

    /// The making of a successor has begun, told by the crew: from now on it may take too long.
    pub(crate) fn successor_begun(&self, old: ResourceId) {
        let now = self.now();
        let mut state = self.keeper.lock();
        if let Some(entry) = state.replacements.iter_mut().find(|entry| entry.old == old)
            && let Stage::Making { since, .. } = &mut entry.stage
        {
            *since = Some(now);
        }
    }

    /// How the making of a successor went, told by the crew.
    pub(crate) fn successor_made(&self, old: ResourceId, made: Successor) {
        let now = self.now();
        let mut state = self.keeper.lock();
        if let Some(at) = state.replacements.iter().position(|entry| entry.old == old) {
            let entry = &mut state.replacements[at];
            let old_is_gone = matches!(entry.stage, Stage::Making { old_is_gone: true, .. });
            match made {
                Successor::Is(successor) if !old_is_gone => {
                    entry.stage = Stage::Ending { successor, in_use_since: None }
                }
                Successor::Is(_) | Successor::OfAnother => drop(state.replacements.swap_remove(at)),
                Successor::Missing => {
                    entry.stage = if old_is_gone { Stage::Stopping } else { Stage::Waiting };
                    entry.not_before = now.saturating_add(RETRY);
                }
            }
        }
        drop(state);
        self.alarm.ring();
    }

    /// Resources whose replacement has begun or is asked for.
    pub(crate) fn replacing(&self) -> usize {
        self.keeper.lock().replacements.len()
    }

    /// Resources that are still there although their successors are.
    pub(crate) fn outlived(&self) -> usize {
        let state = self.keeper.lock();
        let outlived =
            |entry: &&Replacement| matches!(entry.stage, Stage::Ending { .. }) && self.word_of(entry.old).is_some();
        state.replacements.iter().filter(outlived).count()
    }

    /// Moves replacements on. Returns when to look again, where nobody rings.
    pub(super) fn replace(&self, now: u64) -> Option<u64> {
        let supply = self.supply(now);
        let paused = self.creation_held_until(now).or(match supply {
            Supply::After(time) => Some(time),
            Supply::One | Supply::Any => None,
        });
        let supply = if self.is_closed() { Supply::After(NEVER) } else { paused.map_or(supply, Supply::After) };
        let Orders { make, end } = self.order_replacements(now, supply)?;
        self.watch_surplus();
        for (old, old_is_gone) in make {
            if self.submit(Job::Replace { old, old_is_gone }).is_err() {
                self.successor_made(old, Successor::Missing);
            }
        }
        for (old, reason) in end {
            self.end_soon(old, reason);
        }
        self.next_replacement(now, paused)
    }

    /// When there is something to do again for what waits.
    fn next_replacement(&self, now: u64, paused: Option<u64>) -> Option<u64> {
        let state = self.keeper.lock();
        let create_timeout = self.crew.timeout(JobKind::Create);
        let waits = state.replacements.iter().any(|entry| matches!(entry.stage, Stage::Waiting | Stage::Stopping));
        let times = state.replacements.iter().filter_map(|entry| match entry.stage {
            Stage::Waiting | Stage::Stopping => Some(entry.not_before.max(paused.unwrap_or(0))),
            // The crew rings when a job of its own is done, or hangs; by then its timeout may be another.
            Stage::Making { since, .. } => Some(since?.saturating_add(create_timeout)),
            Stage::Ending { in_use_since, .. } => Some(in_use_since?.saturating_add(STUCK)),
        });
        // A time that has passed is one that has been acted on: what still waits, waits for others.
        times.filter(|time| waits && *time > now).min()
    }

    /// Decides what is to be made and what is to end now. None if there is nothing to replace.
    fn order_replacements(&self, now: u64, supply: Supply) -> Option<Orders> {
        let nothing_to_do = |state: &KeeperState<M>| state.replacements.is_empty() && !state.wishes;
        if nothing_to_do(&self.keeper.lock()) {
            return None;
        }
        // Not under the keeper's lock: it is the crew's, and is asked only if there is something to replace.
        let hung: Vec<_> = self.crew.hung_jobs(now).into_iter().map(|job| job.slot).collect();
        let mut state = self.keeper.lock();
        if nothing_to_do(&state) {
            return None;
        }
        let paused = matches!(supply, Supply::After(_));
        let pace = state.pace.unwrap_or(Pace::of(&self.config()));
        let one_at_a_time = supply == Supply::One;
        let pace = if one_at_a_time { pace.of_one() } else { pace };
        let entries = &mut state.replacements;
        let phase_of = |old: ResourceId| self.word_of(old).map(Word::phase);
        let busy = |old: ResourceId| phase_of(old) == Some(Phase::Busy);
        let alive = |old: ResourceId| phase_of(old).is_some();
        entries.retain(|entry| !matches!(entry.stage, Stage::Waiting | Stage::Ending { .. }) || alive(entry.old));
        for entry in entries.iter_mut() {
            if let Stage::Ending { in_use_since, .. } = &mut entry.stage {
                *in_use_since = busy(entry.old).then(|| in_use_since.unwrap_or(now));
            }
        }
        // What is free first: a successor of what is held for long would keep its place all that time.
        // Each is asked once: what is lent and given back meanwhile would have an order that contradicts itself.
        entries.sort_by_cached_key(|entry| busy(entry.old));
        let count = |what: &dyn Fn(Stage) -> bool| entries.iter().filter(|entry| what(entry.stage)).count();
        let mut surging =
            count(&|stage| matches!(stage, Stage::Making { old_is_gone: false, .. } | Stage::Ending { .. }));
        let mut stopped = count(&|stage| matches!(stage, Stage::Making { old_is_gone: true, .. } | Stage::Stopping));
        // Where no more may be made, only room helps.
        let full = usize::from(self.over_budget().is_some());
        let create_timeout = self.crew.timeout(JobKind::Create);
        let serves = |it: ResourceId| phase_of(it).is_some_and(|phase| phase != Phase::Retiring);
        let hangs = |old: ResourceId| alive(old) && hung.contains(&Some(old.slot()));
        let lends = |entry: &&Replacement| match entry.stage {
            Stage::Waiting => false,
            Stage::Making { since, .. } => since.is_some_and(|since| now.saturating_sub(since) >= create_timeout),
            Stage::Ending { successor, in_use_since: Some(since) } => {
                now.saturating_sub(since) >= STUCK && serves(successor)
            }
            Stage::Ending { in_use_since: None, .. } | Stage::Stopping => hangs(entry.old),
        };
        let lent = entries.iter().filter(lends).count();
        let is_made = |entry: &&Replacement| matches!(entry.stage, Stage::Making { .. }) && !lends(entry);
        let mut making = entries.iter().filter(is_made).count();
        // What is in use yields to what is free: it may be so for ever. And it serves on while nothing may be made in its place.
        if paused || entries.iter().any(|entry| entry.stage == Stage::Waiting && !busy(entry.old)) {
            let yields = |old: ResourceId| busy(old) || (paused && serves(old));
            for entry in entries.iter_mut().filter(|entry| entry.stage == Stage::Stopping && yields(entry.old)) {
                entry.stage = Stage::Waiting;
                if let Some(word) = self.word_of(entry.old) {
                    self.lives[entry.old.slot()].take_back(word, entry.reason);
                }
                stopped -= 1;
            }
        }
        let mut orders = Orders::default();
        // To see whether it lives, one is made and nothing ends for another meanwhile, whatever was under way when the pause began.
        let may_stop = pace.max_unavailable + lent + full;
        let may_stop = if one_at_a_time { may_stop.min(1) } else { may_stop };
        for entry in entries {
            let has_turn = !paused && (making == 0 || !one_at_a_time);
            match entry.stage {
                Stage::Waiting if !has_turn => {}
                Stage::Waiting if surging < pace.surge && full == 0 && entry.not_before <= now => {
                    surging += 1;
                    making += 1;
                    entry.stage = Stage::Making { old_is_gone: false, since: None };
                    orders.make.push((entry.old, false));
                }
                Stage::Waiting if stopped < may_stop => {
                    stopped += 1;
                    entry.stage = Stage::Stopping;
                }
                Stage::Stopping if !alive(entry.old) && has_turn && entry.not_before <= now => {
                    making += 1;
                    entry.stage = Stage::Making { old_is_gone: true, since: None };
                    orders.make.push((entry.old, true));
                }
                _ => {}
            }
            if matches!(entry.stage, Stage::Ending { .. } | Stage::Stopping) {
                orders.end.push((entry.old, entry.reason));
            }
        }
        state.surging = surging;
        state.wishes = !orders.end.is_empty() || !state.held.is_empty();
        self.shelf.set_attention(attention::WISHES, state.wishes);
        self.set_extra(surging + state.held_replaced());
        Some(orders)
    }

    /// The word of a resource that is still alive, or about to be.
    pub(super) fn word_of(&self, id: ResourceId) -> Option<Word> {
        let word = self.shelf.slot(id.slot())?.look();
        (word.generation() == id.generation() && !word.phase().is_empty()).then_some(word)
    }

    /// Ends a resource now if it is free, at its return if it is in use.
    pub(super) fn end_soon(&self, id: ResourceId, reason: DestroyReason) {
        let Some((word, slot)) = self.word_of(id).zip(self.shelf.slot(id.slot())) else { return };
        match word.phase() {
            free if free.is_free() => {
                if let Some(right) = slot.claim(word, Phase::Retiring) {
                    self.send_to_end(right, reason);
                }
            }
            // A return that misses the wish leaves the resource free, and the next tick finds it so.
            Phase::Busy => self.lives[id.slot()].wish(word, reason),
            _ => {}
        }
    }
}
