//! What is to happen in which call: a pure function of the seed, the callback and the call's number.

use super::fault::{Callback, Cause, Fault};
use super::resource::Life;
use crate::manager::Severity;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How often each fault strikes one callback. One draw decides between them, so that each has exactly its share of calls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub(super) fail: f64,
    pub(super) hang: f64,
    pub(super) panic: f64,
    pub(super) slow: f64,
    pub(super) slow_for: Duration,
}

impl Rates {
    pub(super) fn total(&self) -> f64 {
        self.fail + self.hang + self.panic + self.slow
    }

    fn pick(&self, drawn: f64) -> Option<Fault> {
        let mut upto = 0.0;
        let faults = [
            (self.fail, Fault::Fail),
            (self.hang, Fault::Hang),
            (self.panic, Fault::Panic),
            (self.slow, Fault::Slow(self.slow_for)),
        ];
        faults.into_iter().find_map(|(share, fault)| {
            upto += share;
            (drawn < upto).then_some(fault)
        })
    }
}

/// What was asked for, validated.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) rates: [Rates; Callback::ALL.len()],
    /// Faults of single calls, by callback and call number from 1.
    pub(super) script: HashMap<(Callback, u64), Fault>,
    /// What the checks of a resource do one after the other, by its number; `None` stands for every other resource.
    pub(super) checks: HashMap<Option<u64>, Vec<Option<Fault>>>,
    pub(super) die: f64,
    pub(super) die_after: RangeInclusive<u64>,
    pub(super) leak: f64,
    pub(super) leak_weight: u64,
    pub(super) severity: Severity,
}

impl Plan {
    /// What call number `call` of `callback` suffers. `life` is the resource's, where there is one.
    pub(super) fn fault(&self, callback: Callback, call: u64, life: Option<&Life>) -> Option<(Fault, Cause)> {
        if let Some(&fault) = self.script.get(&(callback, call)) {
            return Some((fault, Cause::Scripted));
        }
        if let Some(step) = life.filter(|_| callback == Callback::Check).and_then(|life| self.step(life)) {
            return step.map(|fault| (fault, Cause::Scripted));
        }
        let drawn = fraction(self.draw(callback as u64, call));
        self.rates[callback as usize].pick(drawn).map(|fault| (fault, Cause::Drawn))
    }

    /// What the pattern for this resource says of its present check, if there is one that long.
    fn step(&self, life: &Life) -> Option<Option<Fault>> {
        let checks = self.checks.get(&Some(life.number)).or_else(|| self.checks.get(&None))?;
        checks.get(usize::try_from(life.checks).ok()?.checked_sub(1)?).copied()
    }

    /// After how many uses resource `number` dies, if it has to.
    pub(super) fn dies_after(&self, number: u64) -> Option<u64> {
        if fraction(self.draw(DIES, number)) >= self.die {
            return None;
        }
        let (first, last) = (*self.die_after.start(), *self.die_after.end());
        // The remainder prefers small numbers by less than one in 2^64 / span: nothing a test could see.
        let drawn = self.draw(DIES_AFTER, number);
        Some(first + if last - first == u64::MAX { drawn } else { drawn % (last - first + 1) })
    }

    /// How much resource `number` gains in weight with each use.
    pub(super) fn leaks(&self, number: u64) -> u64 {
        if fraction(self.draw(LEAKS, number)) < self.leak { self.leak_weight } else { 0 }
    }

    /// The `number`-th output of the generator for `stream`, one stream for each thing there is to decide.
    fn draw(&self, stream: u64, number: u64) -> u64 {
        let start = mix(self.seed.wrapping_add(stream.wrapping_add(1).wrapping_mul(GOLDEN)));
        mix(start.wrapping_add(number.wrapping_mul(GOLDEN)))
    }
}

/// Streams beyond those of the callbacks.
const DIES: u64 = 100;
const DIES_AFTER: u64 = 101;
const LEAKS: u64 = 102;

/// What splitmix64 adds to its state for each output: 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014,
/// with the constants of Stafford's variant 13). Its n-th output is `mix(seed + n * GOLDEN)`: no state, so the n-th call's
/// fault is known whatever the other calls do.
fn mix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// From 0 to below 1, by the 53 bits that a double holds.
fn fraction(drawn: u64) -> f64 {
    (drawn >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        let outputs = |seed: u64| [1, 2, 3, 4, 5].map(|n: u64| mix(seed.wrapping_add(n.wrapping_mul(GOLDEN))));
        // What everyone's splitmix64 gives for this seed.
        let known = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(outputs(1_234_567), known);
    }
}
