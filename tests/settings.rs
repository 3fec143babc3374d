//! Every setting of a pool does what it says, and every value that is refused says why.

mod support;

#[path = "settings/effects.rs"]
mod effects;
#[path = "settings/fairness.rs"]
mod fairness;
#[path = "settings/refusals.rs"]
mod refusals;
#[path = "settings/upkeep.rs"]
mod upkeep;
