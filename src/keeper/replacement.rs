//! Replacement: a successor first, then the end of its predecessor.
//!
//! ```text
//! Waiting -> Making   a place beyond the pool's size is free, or a resource may be out of service for it
//! Making  -> Ending   the successor is in service; the old one ends at once if it is free, else at its return
//! Making  -> Waiting  it could not be made: the old one stays, the next try comes after a pause
//! Waiting -> Stopping without a place for it, the old one ends first
//! Stopping -> Making  it has
//! ```
//! An entry is done when its old resource is gone and its successor made. The keeper alone moves entries; everything it
//! decides is looked at again at its next tick, so nothing here depends on a wake-up that could be lost.

use crate::config::PoolConfig;
use crate::core::{Phase, Word, attention};
use crate::manager::Manager;
use crate::observe::{DestroyReason, ResourceId};
use crate::pool::{Inner, Job, Supply};

/// A predecessor that is still in use this long after its successor was made, in nanoseconds, lends its place: while both
/// are there, another resource may be out of service. Else one long hold would hold up all replacements.
const STUCK: u64 = 1_000_000_000;

/// One resource that is to be replaced.
pub(crate) struct Replacement {
    pub(crate) old: ResourceId,
    reason: DestroyReason,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Stopping,
    Making { old_is_gone: bool },
    Ending { since: u64 },
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
}

impl<M: Manager> Inner<M> {
    /// Has `old` replaced, unless that is under way already.
    pub(crate) fn ask_for_successor(&self, old: ResourceId, reason: DestroyReason) {
        let mut state = self.keeper.lock();
        if !state.replacements.iter().any(|entry| entry.old == old) {
            state.replacements.push(Replacement { old, reason, stage: Stage::Waiting });
        }
    }

    /// How the making of a successor went, told by the crew.
    pub(crate) fn successor_made(&self, old: ResourceId, made: bool) {
        let mut state = self.keeper.lock();
        if let Some(at) = state.replacements.iter().position(|entry| entry.old == old) {
            let entry = &mut state.replacements[at];
            entry.stage = match (made, entry.stage) {
                (true, Stage::Making { old_is_gone: true }) => {
                    state.replacements.swap_remove(at);
                    drop(state);
                    return self.alarm.ring();
                }
                (true, _) => Stage::Ending { since: self.now() },
                (false, Stage::Making { old_is_gone: true }) => Stage::Stopping,
                (false, _) => Stage::Waiting,
            };
        }
        drop(state);
        self.alarm.ring();
    }

    /// Resources whose replacement has begun or is asked for.
    pub(crate) fn replacing(&self) -> usize {
        self.keeper.lock().replacements.len()
    }

    /// Moves replacements on. Returns when to look again, where nobody rings.
    pub(super) fn replace(&self, now: u64) -> Option<u64> {
        let paused = self.creation_pause(now).or_else(|| match self.supply(now) {
            Supply::After(time) => Some(time),
            Supply::One | Supply::Any => None,
        });
        let Orders { make, end } = self.order_replacements(now, paused.is_some() || self.is_closed())?;
        self.watch_surplus();
        for (old, old_is_gone) in make {
            if self.submit(Job::Replace { old, old_is_gone }).is_err() {
                self.successor_made(old, false);
            }
        }
        for (old, reason) in end {
            self.end_soon(old, reason);
        }
        let waits = |entry: &Replacement| matches!(entry.stage, Stage::Waiting | Stage::Stopping);
        paused.filter(|_| self.keeper.lock().replacements.iter().any(waits))
    }

    /// Decides what is to be made and what is to end now. None if there is nothing to replace.
    fn order_replacements(&self, now: u64, paused: bool) -> Option<Orders> {
        let mut state = self.keeper.lock();
        if state.replacements.is_empty() && !state.wishes {
            return None;
        }
        let pace = state.pace.unwrap_or(Pace::of(self.config()));
        let entries = &mut state.replacements;
        let alive = |old: ResourceId| self.word_of(old).is_some();
        let busy = |old: ResourceId| self.word_of(old).is_some_and(|word| word.phase() == Phase::Busy);
        entries.retain(|entry| !matches!(entry.stage, Stage::Waiting | Stage::Ending { .. }) || alive(entry.old));
        // What is free first: a successor of what is held for long would keep its place all that time.
        entries.sort_by_key(|entry| busy(entry.old));
        let count = |what: fn(&Stage) -> bool| entries.iter().filter(|entry| what(&entry.stage)).count();
        let mut surging = count(|stage| matches!(stage, Stage::Making { old_is_gone: false } | Stage::Ending { .. }));
        let mut stopped = count(|stage| matches!(stage, Stage::Making { old_is_gone: true } | Stage::Stopping));
        // One that is free ends in this tick, however late that comes.
        let free = |word: Word| matches!(word.phase(), Phase::Ready | Phase::Stale | Phase::Degraded);
        let overdue = |stage| matches!(stage, Stage::Ending { since } if now.saturating_sub(since) >= STUCK);
        let lent =
            entries.iter().filter(|entry| overdue(entry.stage) && !self.word_of(entry.old).is_some_and(free)).count();
        let mut orders = Orders::default();
        for entry in entries {
            match entry.stage {
                Stage::Waiting if paused => {}
                Stage::Waiting if surging < pace.surge => {
                    surging += 1;
                    entry.stage = Stage::Making { old_is_gone: false };
                    orders.make.push((entry.old, false));
                }
                Stage::Waiting if stopped < pace.max_unavailable + lent => {
                    stopped += 1;
                    entry.stage = Stage::Stopping;
                }
                Stage::Stopping if !alive(entry.old) && !paused => {
                    entry.stage = Stage::Making { old_is_gone: true };
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

    /// The word of a resource that is still alive.
    pub(super) fn word_of(&self, id: ResourceId) -> Option<Word> {
        let (_, slot) = self.shelf.slots().nth(id.slot())?;
        Some(slot.look()).filter(|word| word.generation() == id.generation() && word.phase().is_live())
    }

    /// Ends a resource now if it is free, at its return if it is in use.
    pub(super) fn end_soon(&self, id: ResourceId, reason: DestroyReason) {
        let (Some(word), Some((_, slot))) = (self.word_of(id), self.shelf.slots().nth(id.slot())) else { return };
        match word.phase() {
            Phase::Ready | Phase::Stale | Phase::Degraded => {
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
