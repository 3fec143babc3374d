//! What chaos refuses to do.

use super::chaos::Chaos;
use super::fault::{Callback, Fault};
use super::plan::{Plan, Rates};
use super::state::Pace;
use crate::config::MAX_SPAN;
use crate::error::ConfigError;
use std::fmt::Debug;

/// Probabilities that were meant to add up to 1 may miss it by the rounding of their sum.
const ROUNDING: f64 = 1e-9;

/// The plan of valid settings.
pub(super) fn plan(chaos: Chaos) -> Result<(Plan, Pace), ConfigError> {
    let Chaos { mut plan, pace, scripted, patterns } = chaos;
    for callback in Callback::ALL {
        rates(callback, &plan.rates[callback as usize])?;
    }
    share("die", plan.die)?;
    share("leak", plan.leak)?;
    let after = &plan.die_after;
    require(*after.start() > 0 && !after.is_empty(), "die", after, || {
        "uses are a range from 1 or more, that is not empty".to_owned()
    })?;
    for (callback, nth, fault) in scripted {
        let what = (callback, nth, fault);
        require(nth > 0, "on", what, || "calls are counted from 1".to_owned())?;
        require(fault != Fault::Fail || callback.can_fail(), "on", what, || cannot_fail(callback))?;
        if let Fault::Slow(time) = fault {
            require(time <= MAX_SPAN, "on", what, || format!("slow is at most {MAX_SPAN:?}"))?;
        }
        let other = plan.script.insert((callback, nth), fault);
        require(other.is_none(), "on", what, || format!("call {nth} of `{callback}` is told twice what to do"))?;
    }
    for (resource, pattern) in patterns {
        let field = if resource.is_some() { "checks_of" } else { "checks_of_each" };
        require(resource != Some(0), field, 0, || "resources are counted from 1".to_owned())?;
        let steps: Option<Vec<_>> = pattern.chars().map(step).collect();
        let Some(steps) = steps.filter(|steps| !steps.is_empty()) else {
            return Err(refused(field, pattern, "allowed are the letters F, S, P and H, at least one".to_owned()));
        };
        let other = plan.checks.insert(resource, steps);
        require(other.is_none(), field, pattern, || "this is told twice what to do".to_owned())?;
    }
    Ok((plan, pace))
}

fn rates(callback: Callback, rates: &Rates) -> Result<(), ConfigError> {
    let each = [("fail", rates.fail), ("hang", rates.hang), ("panic", rates.panic), ("slow", rates.slow)];
    for (field, probability) in each {
        require((0.0..=1.0).contains(&probability), field, probability, || {
            format!("of `{callback}`, allowed is 0 to 1")
        })?;
    }
    require(rates.fail == 0.0 || callback.can_fail(), "fail", rates.fail, || cannot_fail(callback))?;
    require(rates.slow_for <= MAX_SPAN, "slow", rates.slow_for, || {
        format!("of `{callback}`, allowed is up to {MAX_SPAN:?}")
    })?;
    // Named by the first of them: none is wrong by itself.
    let field = each.into_iter().find(|(_, probability)| *probability > 0.0).map_or("fail", |(field, _)| field);
    require(rates.total() <= 1.0 + ROUNDING, field, rates.total(), || {
        format!("that is the sum of fail, hang, panic and slow of `{callback}`; allowed is up to 1")
    })
}

fn share(field: &'static str, share: f64) -> Result<(), ConfigError> {
    require((0.0..=1.0).contains(&share), field, share, || "allowed is 0 to 1".to_owned())
}

fn cannot_fail(callback: Callback) -> String {
    format!("`{callback}` has no way to fail; it can be slow, hang and panic")
}

/// A letter of a pattern: None if there is no such letter, None in it for success.
fn step(letter: char) -> Option<Option<Fault>> {
    match letter {
        'F' => Some(Some(Fault::Fail)),
        'S' => Some(None),
        'P' => Some(Some(Fault::Panic)),
        'H' => Some(Some(Fault::Hang)),
        _ => None,
    }
}

fn require(
    holds: bool,
    field: &'static str,
    value: impl Debug,
    rule: impl FnOnce() -> String,
) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(refused(field, value, rule())) }
}

fn refused(field: &'static str, value: impl Debug, rule: String) -> ConfigError {
    ConfigError { field, value: format!("{value:?}"), rule: rule.into() }
}
