//! Creating: warm-up, on which thread, how often after failures, and never more than there is room or demand for.

#[path = "creating/demand.rs"]
mod demand;
#[path = "creating/failures.rs"]
mod failures;
mod support;
#[path = "creating/surplus.rs"]
mod surplus;
#[path = "creating/warm_up.rs"]
mod warm_up;

use slackwater::{Creation, Pool};
use std::time::Duration;
use support::Probe;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn pool_of(probe: &Probe, max_size: usize) -> slackwater::Builder<Probe> {
    Pool::builder(probe.clone()).max_size(max_size)
}

/// Makes nothing before it is asked to.
fn lazy(probe: &Probe, creation: Creation) -> slackwater::Builder<Probe> {
    pool_of(probe, 1).min_idle(0).creation(creation)
}
