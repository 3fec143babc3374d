//! How long the pool's own steps take.

use super::stats::Count;
use super::{Distribution, Histogram};
use crate::core::{Mark, Phase, Record, Right};
use crate::manager::Manager;
use crate::pool::Inner;
use std::fmt;
use std::sync::atomic::{Ordering::Acquire, fence};

/// How long waiting, holding, and the manager's callbacks take. By the pool's clock, since the pool was built, or since an
/// [`earlier`](Self::since) look.
///
/// | | what is counted | exact? |
/// |---|---|---|
/// | `wait` | every checkout, from the call to the resource or the error | yes; a free resource found at the first look counts as 0 |
/// | `hold` | uses, from the checkout to the return, discard or detach | all that waited or were made for their caller; of the others 1 in [`time_one_in`](crate::Builder::time_one_in), with that weight |
/// | `create` | each attempt: `create`, `warm` and `weight`, failed ones too | yes |
/// | `check` | each `check` | yes |
/// | `recycle` | `is_broken` and `recycle` at a return | as `hold` |
/// | `destroy` | each `destroy` | yes |
///
/// All six together take 31 KiB of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latencies {
    /// From the call to the resource, or to the error.
    pub wait: Distribution,
    /// From the checkout to the return.
    pub hold: Distribution,
    /// Making a resource.
    pub create: Distribution,
    /// Checking one.
    pub check: Distribution,
    /// Resetting one at its return.
    pub recycle: Distribution,
    /// Destroying one.
    pub destroy: Distribution,
}

impl Latencies {
    /// The names of the six, as the fields are called.
    pub const NAMES: [&'static str; 6] = ["wait", "hold", "create", "check", "recycle", "destroy"];

    /// What came since `earlier`, a look at the same pool: the interval view. Each watcher keeps its own last look, so that no
    /// two of them take each other's intervals away.
    pub fn since(&self, earlier: &Latencies) -> Latencies {
        Latencies {
            wait: self.wait.since(&earlier.wait),
            hold: self.hold.since(&earlier.hold),
            create: self.create.since(&earlier.create),
            check: self.check.since(&earlier.check),
            recycle: self.recycle.since(&earlier.recycle),
            destroy: self.destroy.since(&earlier.destroy),
        }
    }

    /// All six with their names, in the order of [`NAMES`](Self::NAMES).
    pub fn all(&self) -> [(&'static str, &Distribution); 6] {
        let Latencies { wait, hold, create, check, recycle, destroy } = self;
        let all = [wait, hold, create, check, recycle, destroy];
        std::array::from_fn(|at| (Self::NAMES[at], all[at]))
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, distribution)) in self.all().into_iter().enumerate() {
            write!(f, "{}{name:<8} {distribution}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// Where a pool counts its times.
#[derive(Default)]
pub(crate) struct Timings {
    wait: Histogram,
    /// The most checkouts that any look has found to have waited for nothing.
    at_once: Count,
    hold: Histogram,
    recycle: Histogram,
    pub(crate) create: Histogram,
    pub(crate) check: Histogram,
    pub(crate) destroy: Histogram,
}

/// A timed use that has just ended: when, and of how many uses it tells.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    at: u64,
    weight: u64,
}

/// After how many uses the next one is timed, of a record with one timed in `one_in`.
fn next_timed(one_in: u32, record: &Record, index: u32) -> u64 {
    let checkouts = record.checkouts();
    match one_in {
        0 => u64::MAX,
        _ => checkouts.saturating_add(gap(one_in, checkouts ^ u64::from(index) << 40)),
    }
}

/// How many uses go untimed before the next one that is timed, if each is with a chance of one in `one_in`.
///
/// Every five hundredth would be wrong: a program that uses a resource for something short and something long in turn would
/// have the one measured and never the other. With a chance of its own for each use nothing can fall in, and the estimate is
/// right on average from the first use on. Drawn at once for all up to the next, because a fast path that draws for each use is
/// none: the number of failures before a success, by inversion of its distribution.
fn gap(one_in: u32, seed: u64) -> u64 {
    if one_in == 1 {
        return 0;
    }
    // SplitMix64 (Steele, Lea and Flood, 2014).
    let mut bits = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    // In (0, 1].
    let chance = ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    (chance.ln() / (-1.0 / f64::from(one_in)).ln_1p()) as u64
}

impl<M: Manager> Inner<M> {
    /// The use that begins now is timed, and tells of `weight` uses.
    ///
    /// The mark sends its return past the fast path, which so has nothing to ask. The time stands beside the slot, not on its
    /// line, for one use in many.
    fn time_use<'s>(&self, right: Right<'s, M::Resource>, now: u64, weight: u32) -> Right<'s, M::Resource> {
        self.life(&right).use_began(now, weight);
        right.marked(Mark::Timed)
    }

    /// A use that has waited for nothing: times it if it is one of those that are drawn.
    #[cold]
    #[inline(never)]
    pub(crate) fn time_if_due<'s>(&self, right: Right<'s, M::Resource>) -> Right<'s, M::Resource> {
        if !self.is_drawn(&right) {
            return right;
        }
        self.time_use(right, self.now(), self.config().time_one_in)
    }

    /// Whether the use that has just been noted is one of those that are drawn. If so, draws the next one.
    fn is_drawn(&self, right: &Right<'_, M::Resource>) -> bool {
        let is_drawn = right.record().is_timed();
        if is_drawn {
            self.draw_next(right.record(), self.shelf.index_of(right.slot()).unwrap_or(u32::MAX));
        }
        is_drawn
    }

    /// Draws which use of each slot is the first to be timed.
    pub(crate) fn draw_first(&self) {
        self.shelf.slots().for_each(|(index, slot)| self.draw_next(slot.record(), index));
    }

    /// Draws which use of a slot is the next to be timed, of those after the present one.
    fn draw_next(&self, record: &Record, index: u32) {
        let one_in = self.config().time_one_in;
        record.time_after(next_timed(one_in, record, index));
    }

    /// Draws anew, after a change of how many uses are timed. What is in use learns of it later.
    pub(crate) fn draw_timed_anew(&self) {
        let one_in = self.config().time_one_in;
        for (index, slot) in self.shelf.slots() {
            slot.record().time_after_sign(next_timed(one_in, slot.record(), index));
            let seen = slot.look();
            if seen.phase() == Phase::Ready
                && let Some(right) = slot.claim(seen, Phase::Checking)
            {
                self.draw_next(right.record(), index);
                self.open_anew(right);
            }
        }
    }

    /// A use whose caller has waited since `began`. It speaks for itself alone, drawn or not.
    pub(crate) fn time_waited<'s>(
        &self,
        right: Right<'s, M::Resource>,
        began: u64,
        is_due: bool,
    ) -> Right<'s, M::Resource> {
        if is_due {
            self.is_drawn(&right);
        }
        let now = self.now();
        self.timings.wait.add(now.saturating_sub(began), 1);
        // Without a look at the clock at each return where no use is to be timed.
        if self.config().time_one_in == 0 { right } else { self.time_use(right, now, 1) }
    }

    /// A call that ended in an error after so many nanoseconds.
    pub(crate) fn waited_in_vain(&self, nanoseconds: u64) {
        self.timings.wait.add(nanoseconds, 1);
    }

    /// The use of `right` ends here. Tells of it if it was timed.
    pub(crate) fn use_ended(&self, right: &Right<'_, M::Resource>) -> Option<Ended> {
        if !right.word().has(Mark::Timed) {
            return None;
        }
        let (began, weight) = self.life(right).timed_use();
        let at = self.now();
        self.timings.hold.add(at.saturating_sub(began), weight);
        Some(Ended { at, weight })
    }

    /// The resource of a timed use was reset after it.
    pub(crate) fn recycled(&self, ended: Ended) {
        self.timings.recycle.add(self.now().saturating_sub(ended.at), ended.weight);
    }

    pub(crate) fn latencies(&self) -> Latencies {
        let Timings { wait, hold, create, check, recycle, destroy, .. } = &self.timings;
        let at_once = self.shelf.slots().zip(&self.lives).map(|((_, slot), life)| {
            let checkouts = slot.record().checkouts();
            // Meets the fence in `taken`: of these, all that waited are counted below. Too few at once for a moment, not too many.
            fence(Acquire);
            checkouts.saturating_sub(life.waits())
        });
        // Too few by another number at each look, and a count that falls would be a new beginning to who watches it.
        let at_once: u64 = at_once.sum();
        let at_once = self.timings.at_once.at_least(at_once);
        Latencies {
            wait: wait.distribution().and_at_once(at_once),
            hold: hold.distribution(),
            create: create.distribution(),
            check: check.distribution(),
            recycle: recycle.distribution(),
            destroy: destroy.distribution(),
        }
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn one_use_in_so_many_is_drawn_whatever_goes_round_in_the_program() {
        for one_in in [1_u32, 2, 7, 64, 512] {
            let mut next = gap(one_in, 0);
            let (uses, round) = (u64::from(one_in) * 8_000, 8);
            let mut drawn = [0_u64; 8];
            while next < uses {
                drawn[(next % round) as usize] += 1;
                // As `draw_next`, which is asked after the use was counted.
                next = next + 1 + gap(one_in, next + 1);
            }
            // 1,000 each, give or take five standard deviations.
            assert!(drawn.iter().all(|times| times.abs_diff(1_000) < 158), "1 in {one_in}: {drawn:?}");
        }
    }
}
