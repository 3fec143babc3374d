//! Faults while a pool is replaced, made larger or smaller, or asked for memory: no capacity is lost, and nobody is held up.

use super::faulty::{Callback, Fault, Faulty, HUNG, LONG, Released, each, has_its_capacity, in_callbacks, scenes};
use super::once;
use super::support::{TimeRunsOut, closes_balanced, passes, until};
use slackwater::{Builder, Creation, DestroyReason, Keeper, Pool, VirtualClock};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn a_replacement_whose_creations_fail_costs_no_capacity_and_succeeds_in_the_end() {
    let making = once::cases().into_iter().filter(|case| case.callback.makes() && case.call == 1);
    each(making, |case| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = Pool::builder(faulty.clone()).max_size(2).creation(case.creation).clock(&clock).build().unwrap();
        faulty.plan(case.callback, 1, case.fault);
        faulty.refuse(2);
        let rollout = pool.replace_all(1, 0).unwrap();
        thread::scope(|s| {
            let _on_failure = TimeRunsOut(&clock);
            let waits = s.spawn(|| rollout.wait(LONG));
            until(|| {
                // Time stands while something is at work, else it would be late.
                if in_callbacks(&pool.stats()) == 0 {
                    clock.advance(MILLI / 10);
                }
                let audit = pool.audit();
                assert!(!audit.is_settled() || audit.stats().available >= 2, "{:?}", audit.stats());
                waits.is_finished()
            });
            assert!(waits.join().unwrap(), "{} left", rollout.remaining());
        });
        assert!(faulty.has_happened());
        assert_eq!((pool.stats().destroyed.by(DestroyReason::Replaced), rollout.remaining()), (2, 0));
        has_its_capacity(&pool, 2);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

/// The hung one stands in the way of its own replacement and of no holder, and ends it once it goes on.
#[test]
fn a_replacement_that_hangs_costs_no_capacity_and_ends_with_the_hang() {
    let set = |_, builder: Builder<Faulty>| builder.max_size(3);
    let makes_or_ends = [Callback::Create, Callback::Warm, Callback::Weight, Callback::Destroy];
    scenes(makes_or_ends, set, |callback, pool, faulty, clock| {
        faulty.plan(callback, 1, Fault::Hang);
        let rollout = pool.replace_all(1, 0).unwrap();
        until(|| faulty.is_hanging());
        clock.advance(HUNG);
        until(|| pool.stats().hung_jobs == 1);
        // What is replaced already, and what is not yet.
        has_its_capacity(pool, 3);
        assert!(rollout.remaining() > 0, "{} remain", rollout.remaining());
        if callback == Callback::Destroy {
            // Its place is lent to the others after a second.
            passes(clock, || rollout.remaining() == 1);
        }
        until(|| pool.audit().is_clean());
        assert!(faulty.is_hanging());
        faulty.release();
        passes(clock, || rollout.remaining() == 0 && in_callbacks(&pool.stats()) == 0 && pool.stats().available == 3);
        // A successor that found no place is tried again after a while.
        passes(clock, || rollout.wait(Duration::ZERO));
        has_its_capacity(pool, 3);
    });
}

#[test]
fn a_resize_during_a_hung_creation_counts_it_and_waits_for_nothing() {
    let set = |_, builder: Builder<Faulty>| builder.max_size(2).min_idle(0).ceiling(4).creation(Creation::Background);
    scenes([1, 2, 3, 4], set, |size, pool, faulty, clock| {
        let first = pool.checkout_owned().unwrap();
        until(|| in_callbacks(&pool.stats()) == 0 && pool.stats().waiting == 0);
        let mut held = vec![first];
        // One that was made to spare would be taken first.
        while pool.stats().available > 0 {
            drop(pool.checkout().unwrap().detach());
        }
        faulty.plan(Callback::Create, 1, Fault::Hang);
        thread::scope(|s| {
            let _on_failure = TimeRunsOut(clock);
            let waiter = s.spawn(|| pool.checkout_owned().unwrap());
            until(|| faulty.is_hanging() || waiter.is_finished());
            pool.resize(0, size).unwrap();
            if size >= 3 {
                clock.advance(HUNG);
                until(|| waiter.is_finished());
            }
            faulty.release();
            if size < 2 {
                held.clear();
            }
            passes(clock, || waiter.is_finished());
            held.push(waiter.join().unwrap());
        });
        passes(clock, || in_callbacks(&pool.stats()) == 0);
        held.clear();
        passes(clock, || pool.stats().total <= size && in_callbacks(&pool.stats()) == 0);
        thread::scope(|s| {
            let all = s.spawn(|| has_its_capacity(pool, size));
            passes(clock, || all.is_finished());
            all.join().unwrap();
        });
        until(|| pool.audit().is_clean());
        assert!(pool.stats().total <= size);
    });
}

/// Ends what is one too many on the caller's thread, if that has measured cheap; under no lock.
#[test]
fn a_destruction_that_hangs_or_resizes_in_a_resize_holds_up_no_other() {
    let set = |keeper, builder: Builder<Faulty>| builder.max_size(4).keeper(keeper);
    scenes([Keeper::Dedicated, Keeper::Manual], set, |_, pool, faulty, _| {
        for _ in 0..8 {
            // The first is slow for all that is known, and ends on the crew.
            pool.checkout().unwrap().discard("measured");
            until(|| {
                pool.tick();
                pool.stats().available == 4
            });
        }
        faulty.plan(Callback::Destroy, 1, Fault::Hang);
        thread::scope(|s| {
            let first = s.spawn(|| pool.resize(1, 3).unwrap());
            let _release = Released(faulty);
            until(|| faulty.is_hanging());
            let second = s.spawn(|| pool.resize(1, 2).unwrap());
            until(|| second.is_finished());
            assert!(faulty.is_hanging());
            faulty.release();
            until(|| first.is_finished());
        });
        until(|| in_callbacks(&pool.stats()) == 0);
        pool.resize(1, 4).unwrap();
        has_its_capacity(pool, 4);
        let (theirs, calls) = (pool.clone(), AtomicUsize::new(0));
        faulty.hook(move |callback| {
            if callback == Callback::Destroy && calls.fetch_add(1, SeqCst) < 3 {
                theirs.resize(1, 2).unwrap();
            }
        });
        let resizes = thread::spawn({
            let pool = pool.clone();
            move || pool.resize(1, 3).unwrap()
        });
        until(|| resizes.is_finished());
        resizes.join().unwrap();
        faulty.unhook();
        pool.resize(1, 2).unwrap();
        until(|| in_callbacks(&pool.stats()) == 0);
        has_its_capacity(pool, 2);
    });
}

#[test]
fn a_gc_waits_for_no_destruction() {
    let set = |_, builder: Builder<Faulty>| builder.max_size(3).min_idle(0);
    scenes([Fault::Panic, Fault::Hang], set, |fault, pool, faulty, _| {
        has_its_capacity(pool, 3);
        faulty.plan(Callback::Destroy, 1, fault);
        let gc = pool.gc();
        assert_eq!((gc.evicted, gc.freed), (3, 3));
        until(|| faulty.has_happened() && in_callbacks(&pool.stats()) == usize::from(fault == Fault::Hang));
        has_its_capacity(pool, 3 - usize::from(fault == Fault::Hang));
        faulty.release();
        until(|| in_callbacks(&pool.stats()) == 0);
        has_its_capacity(pool, 3);
        assert_eq!(pool.stats().destroyed.by(DestroyReason::MemoryPressure), 3);
    });
}
