//! A panic or an error in one call of one callback, with holders and waiters present.

use super::faulty::{Callback, Fault, Faulty, LONG, each, has_its_capacity, in_callbacks};
use super::support::{closes_balanced, until};
use slackwater::{BuildError, Creation, Keeper, Pool, Strategy};
use std::thread;

#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub callback: Callback,
    pub fault: Fault,
    pub call: usize,
    pub creation: Creation,
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for callback in Callback::ALL {
        for fault in [Fault::Panic, Fault::Error] {
            if fault == Fault::Error && !callback.can_fail() {
                continue;
            }
            for call in [1, 3] {
                for creation in [Creation::Inline, Creation::Background] {
                    cases.push(Case { callback, fault, call, creation });
                }
            }
        }
    }
    cases
}

/// Two are held and two more wait; then the holders give back, one of them a suspect, one of the waiters a bad one.
pub fn a_round(pool: &Pool<Faulty>, faulty: &Faulty) {
    if faulty.calls(Callback::Create).is_multiple_of(2) {
        faulty.refuse(1);
    }
    let ask = || pool.request().timeout(LONG);
    let (mut first, second) = (ask().checkout_owned().unwrap(), ask().checkout_owned().unwrap());
    thread::scope(|s| {
        let waits = |bad: bool| {
            let item = ask().checkout().expect("a fault elsewhere costs me nothing but time");
            if bad { item.discard("bad") } else { drop(item) }
        };
        let waiters = [s.spawn(move || waits(true)), s.spawn(move || waits(false))];
        until(|| pool.stats().waiting == 2);
        first.mark_suspect();
        drop(first);
        drop(second);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
    until(|| in_callbacks(&pool.stats()) == 0);
    assert!(pool.audit().is_clean(), "{}", pool.audit());
}

/// The call fails at the pool's first use of the callback, or after it went well twice. Everyone is served all the same.
#[test]
fn one_fault_in_any_callback_costs_no_capacity_and_no_waiter() {
    each(cases(), |case| {
        let faulty = Faulty::new();
        let pool = Pool::builder(faulty.clone()).max_size(2).min_idle(0).creation(case.creation).build().unwrap();
        faulty.plan(case.callback, case.call, case.fault);
        a_round(&pool, &faulty);
        for _ in 0..20 {
            if faulty.has_happened() {
                break;
            }
            a_round(&pool, &faulty);
        }
        // And once more, after it.
        a_round(&pool, &faulty);
        assert!(faulty.has_happened(), "the round does not reach it");
        has_its_capacity(&pool, 2);
        let stats = pool.stats();
        assert_eq!(stats.callback_panics, u64::from(case.fault == Fault::Panic));
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

/// The same in a pool of no threads, where all of it happens on the one caller.
#[test]
fn one_fault_in_any_callback_costs_no_capacity_without_threads() {
    each(cases(), |case| {
        let faulty = Faulty::new();
        let pool = Pool::builder(faulty.clone()).max_size(2).min_idle(0).keeper(Keeper::Manual);
        let pool = pool.creation(Creation::Inline).strategy(Strategy::Fifo).build().unwrap();
        faulty.plan(case.callback, case.call, case.fault);
        for _ in 0..20 {
            faulty.refuse(1);
            let mut held = [pool.checkout().unwrap(), pool.checkout().unwrap()];
            held[0].mark_suspect();
            drop(held);
            pool.tick();
            pool.checkout().unwrap().discard("bad");
            pool.tick();
            assert!(pool.audit().is_clean(), "{}", pool.audit());
            if faulty.has_happened() {
                break;
            }
        }
        assert!(faulty.has_happened(), "the round does not reach it");
        has_its_capacity(&pool, 2);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

/// A fault during warm-up: the pool starts with the others, and the keeper makes up for it.
#[test]
fn one_fault_in_warm_up_is_made_up_for() {
    let making = cases().into_iter().filter(|case| case.callback.makes());
    each(making, |case| {
        let faulty = Faulty::new();
        faulty.plan(case.callback, case.call, case.fault);
        if case.callback == Callback::Classify {
            faulty.refuse(case.call);
        }
        let pool = Pool::builder(faulty.clone()).max_size(4).creation(case.creation).build().unwrap();
        let (warm_up, failed) = (pool.warm_up(), if case.callback == Callback::Classify { case.call } else { 1 });
        assert_eq!((warm_up.asked, warm_up.ready, warm_up.failed), (4, 4 - failed, failed));
        until(|| pool.stats().available == 4);
        has_its_capacity(&pool, 4);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

/// A pool that could not be built leaves nothing behind.
#[test]
fn a_build_that_fails_for_any_reason_leaves_nothing() {
    let making = cases().into_iter().filter(|case| case.callback.makes() && case.call == 1);
    each(making, |case| {
        let faulty = Faulty::new();
        faulty.plan(case.callback, 1, case.fault);
        faulty.refuse(usize::from(case.callback == Callback::Classify));
        let error = Pool::builder(faulty.clone()).creation(case.creation).build().unwrap_err();
        assert!(matches!(error, BuildError::WarmUp { .. }), "{error}");
        until(|| faulty.alive() == 0);
    });
}

/// What has a fault while the pool closes, or just before, is still destroyed once.
#[test]
fn a_fault_does_not_stop_a_close() {
    let ending = cases().into_iter().filter(|case| !case.callback.makes());
    each(ending, |case| {
        let faulty = Faulty::new();
        let pool = Pool::builder(faulty.clone()).max_size(3).creation(case.creation).build().unwrap();
        faulty.plan(case.callback, case.call, case.fault);
        let mut held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
        held[0].mark_suspect();
        drop(held);
        closes_balanced(&pool);
        assert_eq!(pool.stats().destroyed.total(), faulty.calls(Callback::Destroy) as u64);
        assert_eq!(faulty.alive(), 0);
    });
}
