//! What keepers cost while nobody asks anything of their pools.

use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};

use slackwater::{Keeper, Manager, Pool};

use crate::process::{Usage, usage_of};

/// Pools that rest side by side.
const POOLS: usize = 100;

/// Rests of this many rounds: long enough to count ticks of 10 ms, and for whatever is done once a second.
const ROUNDS: u32 = 5;

/// The rest of many pools, in rounds: long enough for each of them to have its checks, all at different times.
const LONG_REST: u32 = 35;

/// What keepers did in a rest. NaN is unknown.
pub struct Rest {
    /// Share of a core, in percent.
    pub percent: f64,
    /// Wakes a second.
    pub wakes: f64,
}

/// The keeper of the pool that was under load, whose clock runs on because of the forgotten guards.
pub fn of_one(round: Duration) -> Rest {
    rest(ROUNDS * round)
}

struct Sound;

impl Manager for Sound {
    type Resource = Box<u64>;
    type Error = Infallible;

    fn create(&self) -> Result<Box<u64>, Infallible> {
        Ok(Box::new(0))
    }
}

/// The keeper of many pools that were used once and fell silent. Their resources are checked every 30 s or so.
pub fn of_many(round: Duration) -> Rest {
    let pool = |number: usize| {
        let pool = Pool::builder(Sound).name(format!("rest-{number}")).max_size(2).keeper(Keeper::Shared);
        let interval = round * 25 + round * number as u32 / 10;
        let pool = pool.check_interval(interval).build().expect("the pool can be built");
        pool.with(|number| **number += 1).expect("nothing goes wrong");
        pool
    };
    let pools: Vec<_> = (0..POOLS).map(pool).collect();
    // Clocks stop after a quiet second.
    thread::sleep(2 * round);
    let found = rest(LONG_REST * round);
    drop(pools);
    found
}

fn rest(span: Duration) -> Rest {
    // Linux cuts the name of a thread short after 15 bytes.
    let (began, before) = (Instant::now(), usage_of("keep"));
    thread::sleep(span);
    let (took, after) = (began.elapsed().as_secs_f64(), usage_of("keep"));
    match (before, after) {
        // None at all would be none that was found.
        (Some(before), Some(after)) if before.threads > 0 && before.threads == after.threads => {
            let rate = |of: fn(Usage) -> f64| (of(after) - of(before)) / took;
            Rest { percent: 100.0 * rate(|usage| usage.seconds), wakes: rate(|usage| usage.sleeps) }
        }
        _ => Rest { percent: f64::NAN, wakes: f64::NAN },
    }
}
