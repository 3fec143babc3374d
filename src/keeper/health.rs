//! Health: regular checks of what is free.

use super::nanos;
use crate::core::{Phase, Word};
use crate::manager::Manager;
use crate::pool::{Inner, NEVER};

/// A degraded resource is checked again after this many nanoseconds, if `check_interval` is not shorter: 1 s. With three
/// failures in a row to its end, one that is beyond help is replaced within 3 s of its first failed check.
const RECHECK: u64 = 1_000_000_000;

impl<M: Manager> Inner<M> {
    /// Sends one idle resource whose check is due to the crew, never the last one available. Returns when the next one is
    /// due; while a check runs, its end rings.
    pub(super) fn check_idle(&self, now: u64) -> Option<u64> {
        let interval = nanos(self.config().check_interval.filter(|_| M::CHECKS)?);
        if self.is_closed() || self.check_runs() {
            return None;
        }
        let spare = self.available() > 1;
        let mut next = NEVER;
        let mut best: Option<(u64, u32, Word)> = None;
        for ((index, slot), life) in self.shelf.slots().zip(&self.lives) {
            let word = slot.look();
            let pause = match word.phase() {
                Phase::Degraded => interval.min(RECHECK),
                Phase::Ready | Phase::Stale => interval,
                _ => continue,
            };
            let due = life.last_check().saturating_add(pause);
            let may = spare || word.phase() == Phase::Degraded;
            if due > now {
                next = next.min(due);
            } else if !may {
                // The last one has to wait for company, which rings nobody.
                next = next.min(now.saturating_add(interval));
            } else if best.is_none_or(|(earliest, ..)| due < earliest) {
                best = Some((due, index, word));
            }
        }
        let Some((_, index, word)) = best else { return (next != NEVER).then_some(next) };
        let slot = self.shelf.slot(index as usize)?;
        // Claimed like by a borrower: if somebody was faster, it is in use, and proves itself there.
        let Some(right) = slot.claim(word, Phase::Checking) else { return Some(now) };
        self.keeper.lock().checking = Some((index, right.word()));
        self.send_to_check(right);
        None
    }

    /// Whether the check sent last is still under way. One that hangs keeps no other from being checked.
    fn check_runs(&self) -> bool {
        let sent = self.keeper.lock().checking;
        sent.is_some_and(|(index, word)| {
            self.shelf.slot(index as usize).is_some_and(|slot| slot.look() == word) && !self.crew.hangs_at(index)
        })
    }
}
