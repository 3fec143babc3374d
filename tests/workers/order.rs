//! Which job is next.

use crate::{Held, closes_balanced};
use parking_lot::Mutex;
use slackwater::{Keeper, LocalManager, Priority, VirtualClock, Workers};
use std::sync::Arc;
use std::time::Duration;

type Order = Arc<Mutex<Vec<u32>>>;

fn submit<M: LocalManager>(workers: &Workers<M>, order: &Order, priority: Priority, number: u32) {
    let order = Arc::clone(order);
    drop(workers.job().priority(priority).submit(move |_| order.lock().push(number)).unwrap());
}

fn one_worker(clock: &VirtualClock) -> Workers<impl LocalManager> {
    let clock = clock.clone();
    let pool = Workers::builder(|| Ok::<_, String>(0));
    pool.pool(move |pool| pool.clock(&clock).keeper(Keeper::Manual)).build().unwrap()
}

#[test]
fn jobs_begin_in_the_order_they_came_in() {
    let (clock, order) = (VirtualClock::new(), Order::default());
    let workers = one_worker(&clock);
    let held = Held::at(&workers);
    (0..100).for_each(|number| submit(&workers, &order, Priority::Normal, number));
    held.end();
    closes_balanced(&workers);
    assert!(order.lock().iter().copied().eq(0..100));
}

#[test]
fn higher_priorities_go_first() {
    let (clock, order) = (VirtualClock::new(), Order::default());
    let workers = one_worker(&clock);
    let held = Held::at(&workers);
    for (number, priority) in [(3, Priority::Low), (2, Priority::Normal), (1, Priority::High)] {
        (0..3).for_each(|_| submit(&workers, &order, priority, number));
    }
    held.end();
    closes_balanced(&workers);
    assert_eq!(*order.lock(), [1, 1, 1, 2, 2, 2, 3, 3, 3]);
}

/// Whatever the order they come in.
#[test]
fn higher_priorities_go_first_though_they_came_first_or_in_between() {
    const ORDERS: [[u32; 3]; 5] = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2]];
    for came in ORDERS {
        let (clock, order) = (VirtualClock::new(), Order::default());
        let workers = one_worker(&clock);
        let held = Held::at(&workers);
        for _ in 0..3 {
            for number in came {
                let priority = [Priority::High, Priority::Normal, Priority::Low][number as usize - 1];
                submit(&workers, &order, priority, number);
            }
        }
        held.end();
        closes_balanced(&workers);
        assert_eq!(*order.lock(), [1, 1, 1, 2, 2, 2, 3, 3, 3], "came as {came:?}");
    }
}

#[test]
fn a_low_job_that_is_old_enough_goes_before_high_ones() {
    let (clock, order) = (VirtualClock::new(), Order::default());
    let workers = one_worker(&clock);
    let held = Held::at(&workers);
    submit(&workers, &order, Priority::Low, 1);
    clock.advance(Duration::from_millis(150));
    submit(&workers, &order, Priority::High, 2);
    clock.advance(Duration::from_millis(100));
    // 250 ms younger than the low one, two steps of 100 ms ahead of it: one may go before it all the same, in the place of the
    // one that left its lane before.
    (3..6).for_each(|number| submit(&workers, &order, Priority::High, number));
    held.end();
    closes_balanced(&workers);
    assert_eq!(*order.lock(), [2, 3, 1, 4, 5]);
}
