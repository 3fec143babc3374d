//! Weights that lie, panic or hang.

use super::faulty::{Callback, Fault, Faulty, Released, builder, each, has_its_capacity, in_callbacks};
use super::support::{TimeRunsOut, closes_balanced, passes, until};
use parking_lot::Mutex;
use slackwater::{Keeper, Manager, Pool, VirtualClock};
use std::convert::Infallible;
use std::sync::Arc;
use std::thread;

/// Tells the weights it was given, one a call, then 1.
#[derive(Clone, Default)]
struct Liar(Arc<Mutex<Vec<u64>>>);

impl Manager for Liar {
    type Resource = Box<u8>;
    type Error = Infallible;

    fn create(&self) -> Result<Box<u8>, Infallible> {
        Ok(Box::new(0))
    }

    fn weight(&self, _: &Box<u8>) -> u64 {
        self.0.lock().pop().unwrap_or(1)
    }
}

/// Neither the sums nor the threads that make them suffer from weights that no sum can hold.
#[test]
fn weights_that_lie_break_no_sum_and_are_forgotten_with_their_resource() {
    const LIES: [[u64; 6]; 4] = [
        [u64::MAX; 6],
        [0; 6],
        [u64::MAX, 0, u64::MAX, 0, 1, u64::MAX],
        [1, u64::MAX / 2, u64::MAX / 2 + 1, 3, 0, u64::MAX],
    ];
    let cases = LIES.into_iter().flat_map(|lies| [(lies, None), (lies, Some(100)), (lies, Some(u64::MAX / 2))]);
    each(cases.flat_map(|(lies, budget)| [(lies, budget, false), (lies, budget, true)]), |(lies, budget, by_hand)| {
        let liar = Liar::default();
        let pool = Pool::builder(liar.clone()).max_size(3).min_idle(1).max_growth(2.0);
        let pool = if by_hand { pool.keeper(Keeper::Manual) } else { pool };
        let pool = budget.into_iter().fold(pool, |pool, budget| pool.memory_budget(budget)).build().unwrap();
        *liar.0.lock() = lies.to_vec();
        for _ in 0..10 {
            let all: Vec<_> = (0..3).map(|_| pool.try_checkout()).collect();
            let (stats, memory) = (pool.stats(), pool.memory());
            assert!(memory.in_use <= memory.total && memory.total <= memory.peak, "{memory}");
            assert!(stats.total <= 4 && pool.resources().len() <= 4 && memory.pressure().is_some() == budget.is_some());
            drop(all);
            pool.tick();
            pool.gc();
        }
        liar.0.lock().clear();
        // What was weighed wrongly goes, or is weighed again.
        until(|| {
            pool.tick();
            let all: Vec<_> = (0..3).map(|_| pool.try_checkout()).collect();
            all.iter().all(Result::is_ok)
        });
        assert_eq!(pool.stats().callback_panics, 0);
        closes_balanced(&pool);
        assert_eq!((pool.stats().weight, pool.memory().total), (0, 0));
    });
}

/// At a return a weight is asked for once more where there is a budget.
#[test]
fn a_weight_that_panics_or_hangs_at_a_return_costs_its_resource_and_nobody_else() {
    each([Fault::Panic, Fault::Hang], |fault| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = builder(&faulty, &clock).max_size(2).memory_budget(100).build().unwrap();
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        let held = pool.checkout_owned().unwrap();
        faulty.plan(Callback::Weight, 1, fault);
        thread::scope(|s| {
            let returns = s.spawn(|| drop(held));
            let _release = Released(&faulty);
            until(|| faulty.has_happened());
            if fault == Fault::Hang {
                until(|| faulty.is_hanging());
                has_its_capacity(&pool, 1);
                assert!(!returns.is_finished());
            }
            faulty.release();
        });
        passes(&clock, || pool.stats().available == 2 && in_callbacks(&pool.stats()) == 0);
        has_its_capacity(&pool, 2);
        closes_balanced(&pool);
        assert_eq!((faulty.alive(), pool.memory().total), (0, 0));
    });
}
