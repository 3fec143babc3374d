//! What a use leaves behind for the next one when its slot is handed over without ever being free: nothing.

use crate::support::{Probe, closes_balanced, until};
use slackwater::{DestroyReason, Fairness, Keeper, Pool};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Checks out while its thread unwinds, and returns once somebody waits.
struct InPassing<'p>(&'p Pool<Probe>);

impl Drop for InPassing<'_> {
    fn drop(&mut self) {
        let held = self.0.checkout().unwrap();
        until(|| self.0.stats().waiting == 1);
        drop(held);
    }
}

#[test]
fn who_is_handed_the_resource_of_an_unwinding_holder_is_judged_by_its_own_panic() {
    let pool = Pool::builder(Probe::new()).keeper(Keeper::Manual).fairness(Fairness::Fifo).build().unwrap();
    let panicked = |what: &dyn Fn()| catch_unwind(AssertUnwindSafe(what)).is_err();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(panicked(&|| {
                let _in_passing = InPassing(&pool);
                panic!("the first holder's thread");
            }));
        });
        until(|| pool.stats().in_use == 1);
        scope.spawn(|| {
            assert!(panicked(&|| {
                let _held = pool.checkout().unwrap();
                panic!("the second holder");
            }));
        });
    });
    assert_eq!(pool.stats().destroyed.by(DestroyReason::HolderPanicked), 1, "the second one's panic proves something");
    closes_balanced(&pool);
}
