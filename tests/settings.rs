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

use slackwater::{Builder, Pool};
use support::Probe;

/// Builds a pool whose settings are those of its builder. `tests/live.rs` has another way to come to one.
trait Built {
    fn built(self) -> Pool<Probe>;
}

impl Built for Builder<Probe> {
    fn built(self) -> Pool<Probe> {
        self.build().unwrap()
    }
}
