//! The same pool, watched more and less.
//!
//! All pools live until the program ends (they are leaked), so that one loop serves them all.

use std::convert::Infallible;
use std::hint::black_box;

use slackwater::{Builder, Manager, Pool};

/// As in `benches/checkout`.
const RESOURCES: usize = 16;

/// The names the figures are looked up by at the end.
pub const OFF: &str = "no use is timed";
pub const ON: &str = "one use in 2,048 is timed: the default";
pub const AGAIN: &str = "no use is timed, once more";

/// One pool that is checked out and returned, over and over.
pub struct Contestant {
    /// What it is called in the table and by filters.
    pub name: &'static str,
    lap: Box<dyn Fn(u64) + Send + Sync>,
}

impl Contestant {
    fn new(name: &'static str, time_one_in: Option<u32>) -> Self {
        let pool = pool(|b| match time_one_in {
            Some(uses) => b.time_one_in(uses),
            None => b,
        });
        let lap = move |times| {
            for _ in 0..times {
                let mut guard = black_box(pool.checkout().expect("there are more resources than threads"));
                *guard += 1;
                drop(guard);
            }
        };
        Self { name, lap: Box::new(lap) }
    }

    /// Checks out and returns so many times.
    pub fn run(&self, _thread: usize, times: u64) {
        (self.lap)(times);
    }
}

/// All contestants, in the order of the table. The first and the last are the same, so that what lies between them is noise.
pub fn contestants() -> Vec<Contestant> {
    vec![
        Contestant::new(OFF, Some(0)),
        Contestant::new(ON, None),
        Contestant::new("one in 64", Some(64)),
        Contestant::new("each", Some(1)),
        Contestant::new(AGAIN, Some(0)),
    ]
}

struct Numbers;

impl Manager for Numbers {
    type Resource = u64;
    type Error = Infallible;

    fn create(&self) -> Result<u64, Infallible> {
        Ok(0)
    }
}

fn pool(set: impl FnOnce(Builder<Numbers>) -> Builder<Numbers>) -> &'static Pool<Numbers> {
    let pool = set(Pool::builder(Numbers)).max_size(RESOURCES).build();
    Box::leak(Box::new(pool.expect("nothing can fail in making a number")))
}
