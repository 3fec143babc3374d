//! Settings that change while the pool lives: what each does, it does from the change on.
//!
//! The tests of `tests/settings` run here once more, with pools that are built with the defaults, and reconfigured to what those tests
//! ask for. A setting that is read at the build alone fails them.

#[path = "live/beside.rs"]
mod beside;
#[path = "live/changes.rs"]
mod changes;
#[path = "live/each.rs"]
mod each;
#[path = "settings/effects.rs"]
mod effects;
#[path = "settings/fairness.rs"]
mod fairness;
mod support;
#[path = "settings/upkeep.rs"]
mod upkeep;

use slackwater::{Builder, Pool, PoolConfig};
use support::Probe;

trait Built {
    fn built(self) -> Pool<Probe>;
}

impl Built for Builder<Probe> {
    /// With the defaults, but for what cannot change; then with the builder's settings.
    fn built(self) -> Pool<Probe> {
        let mut wanted = self.settings().clone();
        // Places for all that these tests ask for.
        wanted.ceiling = wanted.ceiling.or(Some(200));
        let mut first = PoolConfig::default();
        (first.name, first.strategy, first.record_uses) = (wanted.name.clone(), wanted.strategy, wanted.record_uses);
        (first.keeper, first.fences, first.clock) = (wanted.keeper, wanted.fences, wanted.clock.clone());
        (first.warm_up_timeout, first.breaker) = (wanted.warm_up_timeout, wanted.breaker.clone());
        (first.ceiling, first.session_places) = (wanted.ceiling, wanted.session_places);
        (first.check_interval, first.min_idle) = (None, Some(0));
        let pool = self.config(first).build().unwrap();
        let _changes = pool.reconfigure(|config| *config = wanted.clone()).unwrap();
        // What build makes, the keeper makes here.
        if wanted.keeper == slackwater::Keeper::Manual {
            (0..2).for_each(|_| pool.tick());
        }
        support::until(|| pool.stats().total >= wanted.min_idle.unwrap_or(wanted.max_size));
        pool
    }
}
