//! What keepers cost while nobody asks anything of their pools.

use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};

use slackwater::{Keeper, Pool};

use crate::process::{Usage, usage_of};

/// Pools that rest side by side.
const POOLS: usize = 100;

/// Rests of this many rounds: long enough to count ticks of 10 ms, and for whatever is done once a second.
const ROUNDS: u32 = 5;

/// What keepers did in a rest. NaN is unknown.
pub struct Rest {
    /// Share of a core, in percent.
    pub percent: f64,
    /// Wakes a second.
    pub wakes: f64,
}

/// The one place to choose who keeps the hundred pools: `Keeper::Shared`, once it is there.
fn keeper() -> Keeper {
    Keeper::Dedicated
}

/// The keeper of the pool that was under load, whose clock runs on because of the forgotten guards.
pub fn of_one(round: Duration) -> Rest {
    rest(round)
}

/// The keepers of many pools that were used once and fell silent.
pub fn of_many(round: Duration) -> Rest {
    let pool = |number| {
        let pool = Pool::builder(|| Ok::<_, Infallible>(Box::new(0_u64))).name(format!("rest-{number}")).max_size(2);
        let pool = pool.keeper(keeper()).build().expect("the pool can be built");
        pool.with(|number| **number += 1).expect("nothing goes wrong");
        pool
    };
    let pools: Vec<_> = (0..POOLS).map(pool).collect();
    // Clocks stop after a quiet second.
    thread::sleep(2 * round);
    let found = rest(round);
    drop(pools);
    found
}

fn rest(round: Duration) -> Rest {
    let (began, before) = (Instant::now(), usage_of("keeper"));
    thread::sleep(ROUNDS * round);
    let (took, after) = (began.elapsed().as_secs_f64(), usage_of("keeper"));
    match (before, after) {
        // None at all would be none that was found.
        (Some(before), Some(after)) if before.threads > 0 && before.threads == after.threads => {
            let rate = |of: fn(Usage) -> f64| (of(after) - of(before)) / took;
            Rest { percent: 100.0 * rate(|usage| usage.seconds), wakes: rate(|usage| usage.sleeps) }
        }
        _ => Rest { percent: f64::NAN, wakes: f64::NAN },
    }
}
