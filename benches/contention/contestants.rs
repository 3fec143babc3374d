//! Who shares two resources between many threads.
//!
//! The pools live until the program ends (those that lend by reference are leaked), so that one loop serves them all.

use std::convert::Infallible;

use slackwater::{Fairness, Pool};

use crate::laps::{Part, part};
use crate::peers::{Channel, Lent, Numbers, ParkingLot, StdLock, Stock};

/// How many resources there are.
const RESOURCES: usize = 2;

/// The names the figures are looked up by at the end.
pub const OURS: &str = "slackwater";
pub const STRICT: &str = "slackwater, strict hand-over";
pub const R2D2: &str = "r2d2";

/// One way of sharing resources.
pub struct Contestant {
    /// What it is called in the table and by filters.
    pub name: &'static str,
    /// Whether it is a peer that lets a running thread overtake waiting ones.
    pub unfair_peer: bool,
    /// One thread's part in a lap.
    pub part: Box<Part>,
}

/// All contestants, in the order of the table.
pub fn contestants() -> Vec<Contestant> {
    vec![
        slackwater(OURS, Fairness::default()),
        slackwater(STRICT, Fairness::Fifo),
        slackwater("slackwater, barging", Fairness::Barging),
        r2d2(),
        by_hand("crossbeam channel", Channel::holding(RESOURCES)),
        by_hand("std mutex + condvar", StdLock::holding(RESOURCES)),
        by_hand("parking_lot mutex + condvar", ParkingLot::holding(RESOURCES)),
    ]
}

/// A pool as it comes, but for the fairness.
fn slackwater(name: &'static str, fairness: Fairness) -> Contestant {
    let pool = Pool::builder(|| Ok::<u64, Infallible>(0)).max_size(RESOURCES).fairness(fairness).build();
    let pool = leaked(pool.expect("nothing can fail in making a number"));
    let part = part(|| pool.checkout().expect("no wait is that long"));
    Contestant { name, unfair_peer: false, part }
}

/// r2d2 without what it does beside lending: no test on checkout, no reaping.
fn r2d2() -> Contestant {
    let pool = r2d2::Pool::builder()
        .max_size(RESOURCES as u32)
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .build(Numbers);
    let pool = pool.expect("nothing can fail in making a number");
    let part = part(move || pool.get().expect("no wait is that long"));
    Contestant { name: R2D2, unfair_peer: true, part }
}

fn by_hand(name: &'static str, stock: impl Stock + Send + 'static) -> Contestant {
    let stock = leaked(stock);
    let part = part(|| Lent::from(stock));
    Contestant { name, unfair_peer: true, part }
}

fn leaked<T>(pool: T) -> &'static T {
    Box::leak(Box::new(pool))
}
