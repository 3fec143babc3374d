//! What a circuit says of itself.

use super::word::{MS, View, Word};
use super::{BreakerState, Circuit};
use std::sync::atomic::Ordering::{Acquire, Relaxed};

/// What a circuit looks like at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) state: BreakerState,
    /// Closed: failures in a row, or within the window. Else: those since it was closed last.
    pub(crate) failures: u32,
    /// How often in a row it opened, or wrote probes off; 31 is many.
    pub(crate) openings: u32,
    /// Probes under way, apart from those written off.
    pub(crate) probes: u32,
}

impl Circuit {
    /// What it does with a call at `now`.
    pub(crate) fn state(&self, now: u64) -> BreakerState {
        self.look(now).state
    }

    pub(crate) fn look(&self, now: u64) -> Look {
        self.look_at(self.view(), now)
    }

    /// Nanoseconds until a call is let through: None if one is at once.
    pub(crate) fn retry_after(&self, now: u64) -> Option<u64> {
        let at = self.opens_again_at(now)?;
        (at > now).then(|| at - now)
    }

    /// When the next probe is let through, at the latest; None if the circuit is closed. `now` or earlier is at once.
    pub(crate) fn opens_again_at(&self, now: u64) -> Option<u64> {
        match self.view() {
            View::Closed { .. } => None,
            view => Some(self.place_at(view, now)),
        }
    }

    /// From when on a probe is let through.
    pub(super) fn place_at(&self, view: View, now: u64) -> u64 {
        match view {
            View::Closed { .. } => 0,
            View::Open { until, .. } => until * MS,
            View::HalfOpen { probing, .. } if probing < self.probes.load(Relaxed) => now,
            View::HalfOpen { openings, .. } => self.heard.load(Relaxed).saturating_add(self.span(openings)),
        }
    }

    pub(super) fn look_at(&self, view: View, now: u64) -> Look {
        let heard = || self.failures.load(Relaxed);
        let (failures, openings, probes) = match view {
            View::Closed { since, failures } => {
                (self.window.as_ref().map_or(failures, |window| window.told(since, now).failures), 0, 0)
            }
            View::Open { openings, .. } => (heard(), openings, 0),
            View::HalfOpen { openings, probing, .. } => (heard(), openings, probing),
        };
        let state = match view {
            // The next call makes it so.
            View::Open { until, .. } if until * MS <= now => BreakerState::HalfOpen,
            _ => view.state(),
        };
        Look { state, failures, openings, probes }
    }

    fn view(&self) -> View {
        // Acquire: as in `acquire`.
        Word::from_bits(self.word.load(Acquire)).view()
    }
}
