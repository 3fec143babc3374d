//! Guards dropped while their thread unwinds, and faults of the manager's in the course of that: none of them aborts the
//! process, which a second panic that leaves a destructor would.

use super::faulty::{Callback, Fault, Faulty, LONG, each, has_its_capacity, in_callbacks};
use super::support::{closes_balanced, until};
use slackwater::{Creation, DestroyReason, Keeper, OnPanic, OwnedCheckout, Pool};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

const ON_PANIC: [OnPanic; 3] = [OnPanic::Discard, OnPanic::Check, OnPanic::Return];
const KEEPERS: [Keeper; 3] = [Keeper::Dedicated, Keeper::Shared, Keeper::Manual];

#[derive(Clone, Copy, Debug)]
struct Case {
    on_panic: OnPanic,
    keeper: Keeper,
    /// What goes wrong on the way.
    fault: Option<(Callback, Fault)>,
}

fn cases() -> Vec<Case> {
    let mut faults = vec![None];
    for callback in Callback::ALL {
        faults.push(Some((callback, Fault::Panic)));
        if callback.can_fail() {
            faults.push(Some((callback, Fault::Error)));
        }
    }
    let mut cases = Vec::new();
    for on_panic in ON_PANIC {
        for keeper in KEEPERS {
            cases.extend(faults.iter().map(|fault| Case { on_panic, keeper, fault: *fault }));
        }
    }
    cases
}

fn pool_of(faulty: &Faulty, case: Case) -> Pool<Faulty> {
    let pool = Pool::builder(faulty.clone()).max_size(3).min_idle(0).creation(Creation::Inline).checkout_timeout(LONG);
    pool.on_panic(case.on_panic).keeper(case.keeper).build().unwrap()
}

fn plan(faulty: &Faulty, case: Case) {
    if let Some((callback, fault)) = case.fault {
        faulty.plan(callback, 1, fault);
        faulty.refuse(usize::from(callback == Callback::Classify));
    }
}

fn ends_whole(pool: &Pool<Faulty>, faulty: &Faulty) {
    until(|| {
        pool.tick();
        in_callbacks(&pool.stats()) == 0
    });
    until(|| pool.audit().is_clean());
    assert_eq!(pool.stats().in_use, 0);
    has_its_capacity(pool, 3);
    closes_balanced(pool);
    assert_eq!(faulty.alive(), 0);
}

/// Unwinds from `work`'s panic, which is the one that comes out.
#[track_caller]
fn unwinds(work: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(work)).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"told to panic in a holder"), "no other panic takes its place");
}

/// Runs something when dropped: while a panic unwinds, for what is on its stack.
struct AtEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        assert!(thread::panicking());
        (self.0)();
    }
}

#[test]
fn guards_dropped_by_a_panic_come_back_whatever_the_manager_does_about_them() {
    each(cases(), |case| {
        let faulty = Faulty::new();
        let pool = pool_of(&faulty, case);
        has_its_capacity(&pool, 3);
        let held = [pool.checkout_owned().unwrap()];
        plan(&faulty, case);
        unwinds(|| {
            let _first = held;
            let _second = pool.checkout().unwrap();
            let mut third = pool.checkout().unwrap();
            third.mark_suspect();
            panic!("told to panic in a holder");
        });
        assert_eq!(pool.stats().in_use, 0, "all are back");
        ends_whole(&pool, &faulty);
        if case.on_panic == OnPanic::Discard {
            assert_eq!(pool.stats().destroyed.by(DestroyReason::HolderPanicked), 3);
        }
    });
}

#[test]
fn a_panic_in_with_is_its_callers_and_costs_no_slot() {
    each(cases(), |case| {
        let faulty = Faulty::new();
        let pool = pool_of(&faulty, case);
        has_its_capacity(&pool, 3);
        plan(&faulty, case);
        for _ in 0..4 {
            unwinds(|| pool.with(|_| panic!("told to panic in a holder")).unwrap());
            pool.tick();
        }
        ends_whole(&pool, &faulty);
    });
}

/// What a destructor checks out while its thread unwinds is lent like any other, faults included, and not held against it.
#[test]
fn a_checkout_in_a_destructor_that_a_panic_runs_works_as_ever() {
    each(cases(), |case| {
        let faulty = Faulty::new();
        let pool = pool_of(&faulty, case);
        plan(&faulty, case);
        let mut served = 0;
        unwinds(|| {
            let _uses = AtEnd(|| {
                for _ in 0..4 {
                    // A failure for good, or a refusal, is an error here and no panic.
                    served += usize::from(pool.checkout().map(|mut item| item.mark_suspect()).is_ok());
                    served += usize::from(pool.with(|item| *item.number).is_ok());
                    drop(pool.checkout().map(|item| item.discard("in a destructor")));
                    pool.tick();
                }
            });
            panic!("told to panic in a holder");
        });
        assert_eq!(served, 8);
        assert_eq!(pool.stats().destroyed.by(DestroyReason::HolderPanicked), 0);
        ends_whole(&pool, &faulty);
    });
}

/// Close, and the end of the last handle, in the course of an unwinding.
#[test]
fn a_pool_may_be_closed_or_dropped_by_a_panic_whatever_its_manager_does() {
    each(cases().into_iter().flat_map(|case| [(case, false), (case, true)]), |(case, closes)| {
        let faulty = Faulty::new();
        let pool = pool_of(&faulty, case);
        has_its_capacity(&pool, 3);
        let held = pool.checkout_owned().unwrap();
        plan(&faulty, case);
        let mut waits_for = Some(pool.clone());
        unwinds(move || {
            let _last = pool;
            let _held: OwnedCheckout<Faulty> = held;
            let _closes = AtEnd(|| {
                if let Some(pool) = waits_for.take()
                    && closes
                {
                    pool.close(std::time::Duration::ZERO);
                }
            });
            panic!("told to panic in a holder");
        });
        until(|| faulty.alive() == 0);
    });
}

/// A waiter is served by what a panic elsewhere gives back, or by what is made in its place.
#[test]
fn a_waiter_is_served_when_the_holder_panics_and_the_manager_too() {
    each(cases().into_iter().filter(|case| case.keeper != Keeper::Manual), |case| {
        let faulty = Faulty::new();
        let pool = pool_of(&faulty, case);
        has_its_capacity(&pool, 3);
        let held: Vec<_> = (0..3).map(|_| pool.checkout_owned().unwrap()).collect();
        plan(&faulty, case);
        thread::scope(|s| {
            let waiters: Vec<_> = (0..3).map(|_| s.spawn(|| pool.checkout().map(drop))).collect();
            until(|| pool.stats().waiting == 3);
            unwinds(|| {
                let _held = held;
                panic!("told to panic in a holder");
            });
            for waiter in waiters {
                waiter.join().unwrap().unwrap();
            }
        });
        ends_whole(&pool, &faulty);
    });
}
