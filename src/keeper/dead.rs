//! The dead: resources whose makers told that they are beyond use.

use super::TICK;
use crate::core::Phase;
use crate::manager::Manager;
use crate::observe::DestroyReason;
use crate::pool::Inner;

impl<M: Manager> Inner<M> {
    /// Ends what is dead and free. What is not free now is looked at again until it has ended: a return may have asked whether it is
    /// broken a moment before it was, and then offers it to everybody.
    pub(super) fn end_dead(&self, now: u64) -> Option<u64> {
        let dead = std::mem::take(&mut self.keeper.lock().ended);
        let mut left = Vec::new();
        for id in dead {
            let Some(word) = self.word_of(id) else { continue };
            match word.phase() {
                Phase::Retiring => {}
                free if free.is_free() => {
                    let claimed = self.shelf.slot(id.slot()).and_then(|slot| slot.claim(word, Phase::Retiring));
                    match claimed {
                        Some(right) => self.send_to_end(right, DestroyReason::Broken),
                        // Somebody was faster, and finds out.
                        None => left.push(id),
                    }
                }
                _ => left.push(id),
            }
        }
        if left.is_empty() || self.is_closed() {
            return None;
        }
        let mut state = self.keeper.lock();
        // Told again meanwhile, it is there already.
        left.retain(|id| !state.ended.contains(id));
        state.ended.append(&mut left);
        Some(now.saturating_add(TICK))
    }
}
