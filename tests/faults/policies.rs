//! Faults in what the keeper does over a pool's life: many pools on one keeper, replacement, other sizes, eviction, weights,
//! quarantine, age; and subscribers that never read.

use super::faulty::{Callback, Fault, Faulty, LONG, Released, each, has_its_capacity, in_callbacks};
use super::logger::{Barrier, Opened, on_each_line};
use super::once::{self, a_round};
use super::support::{Act, Probe, TimeRunsOut, WATCHDOG, closes_balanced, passes, until};
use parking_lot::Mutex;
use slackwater::{Builder, Creation, DestroyReason, Fairness, Keeper, Manager, Pool, ReturnOutcome, VirtualClock};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);
const HUNG: Duration = Duration::from_millis(100);

fn builder(faulty: &Faulty, clock: &VirtualClock) -> Builder<Faulty> {
    let builder = Pool::builder(faulty.clone()).clock(clock).checkout_timeout(60 * LONG).check_interval(None);
    builder.create_timeout(HUNG).check_timeout(HUNG).destroy_timeout(HUNG)
}

/// What leads to the callback on a thread of the pool's.
fn provoke(pool: &Pool<Faulty>, faulty: &Faulty, callback: Callback) {
    faulty.refuse(usize::from(callback == Callback::Classify));
    let mut item = pool.checkout().unwrap();
    match callback {
        Callback::Check => item.mark_suspect(),
        Callback::Destroy | Callback::IsBroken | Callback::Recycle => item.discard("to be destroyed"),
        _ => drop(item.detach()),
    }
}

/// Two pools of one keeper's: whatever happens to one, the other is refilled, and its surplus ended, as if it were alone.
#[test]
fn a_fault_in_one_pool_of_the_shared_keeper_touches_no_other() {
    let on_the_pools_threads = |callback: &Callback| !matches!(callback, Callback::IsBroken | Callback::Recycle);
    let cases = Callback::ALL.into_iter().filter(on_the_pools_threads);
    each(cases.flat_map(|callback| [(callback, Fault::Hang), (callback, Fault::Panic)]), |(callback, fault)| {
        let (faulty, whole, clock) = (Faulty::new(), Faulty::new(), VirtualClock::new());
        let shared = |manager: &Faulty| {
            let pool = builder(manager, &clock).max_size(2).keeper(Keeper::Shared).max_overflow(1);
            pool.creation(Creation::Background).build().unwrap()
        };
        let (sick, well) = (shared(&faulty), shared(&whole));
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        faulty.plan(callback, 1, fault);
        provoke(&sick, &faulty, callback);
        passes(&clock, || if fault == Fault::Hang { faulty.is_hanging() } else { sick.stats().callback_panics == 1 });
        if fault == Fault::Hang {
            clock.advance(HUNG);
            until(|| sick.stats().hung_jobs == 1);
        }
        for _ in 0..3 {
            well.checkout().unwrap().discard("to be refilled");
            passes(&clock, || well.stats().available == 2 && in_callbacks(&well.stats()) == 0);
            let all = [well.checkout().unwrap(), well.checkout().unwrap(), well.checkout().unwrap()];
            drop(all);
            // Overflow ends after a second.
            clock.advance(2 * SEC);
            passes(&clock, || well.stats().total == 2);
        }
        assert_eq!(faulty.is_hanging(), fault == Fault::Hang);
        assert_eq!(well.stats().callback_panics, 0);
        closes_balanced(&well);
        faulty.release();
        passes(&clock, || in_callbacks(&sick.stats()) == 0 && sick.stats().total >= 2);
        closes_balanced(&sick);
        assert_eq!((faulty.alive(), whole.alive()), (0, 0));
    });
}

/// A manager whose own destructor goes wrong.
struct EndsBadly {
    barrier: Option<Arc<Barrier>>,
    ended: Arc<AtomicBool>,
}

impl Drop for EndsBadly {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        match &self.barrier {
            Some(barrier) => barrier.stop_one(),
            None => panic!("told to panic in the manager's destructor"),
        }
    }
}

impl Manager for EndsBadly {
    type Resource = Box<u8>;
    type Error = Infallible;

    fn create(&self) -> Result<Box<u8>, Infallible> {
        Ok(Box::new(0))
    }
}

/// The keeper may be the last to let go of a pool, if it was busy with it while the last handle went.
#[test]
fn a_pool_that_ends_badly_in_the_shared_keepers_hands_leaves_the_others_their_keeper() {
    each([false, true], |hangs| {
        let (held_up, clock, ended) = (Arc::new(Barrier::default()), VirtualClock::new(), Arc::<AtomicBool>::default());
        let theirs = Arc::clone(&held_up);
        let hooked = on_each_line("ends badly", move |_| theirs.stop_one());
        let whole = Faulty::new();
        let well = builder(&whole, &clock).max_size(2).keeper(Keeper::Shared).build().unwrap();
        let end = Arc::new(Barrier::default());
        let manager = EndsBadly { barrier: hangs.then(|| Arc::clone(&end)), ended: Arc::clone(&ended) };
        let sick = Pool::builder(manager).keeper(Keeper::Shared).clock(&clock).max_hold(SEC).name("ends badly");
        let sick = sick.build().unwrap();
        let (_open, _open_too) = (Opened(&end), Opened(&held_up));
        let held = sick.checkout().unwrap();
        clock.advance(SEC);
        until(|| held_up.has_stopped_one());
        drop(held);
        let drops = thread::spawn(move || drop(sick));
        // It waits for the keeper for a second.
        until(|| {
            clock.advance(SEC / 10);
            drops.is_finished()
        });
        drops.join().unwrap();
        assert!(!ended.load(SeqCst), "the keeper still has it");
        held_up.open();
        until(|| ended.load(SeqCst));
        drop(hooked);
        for _ in 0..3 {
            well.checkout().unwrap().discard("to be refilled");
            until(|| well.stats().available == 2);
        }
        end.open();
        closes_balanced(&well);
    });
}

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
    each([Callback::Create, Callback::Warm, Callback::Weight, Callback::Destroy], |callback| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = builder(&faulty, &clock).max_size(3).build().unwrap();
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        faulty.plan(callback, 1, Fault::Hang);
        let rollout = pool.replace_all(1, 0).unwrap();
        until(|| faulty.is_hanging());
        clock.advance(HUNG);
        until(|| pool.stats().hung_jobs == 1);
        // What is replaced already, and what is not yet.
        has_its_capacity(&pool, 3);
        assert!(rollout.remaining() > 0, "{} remain", rollout.remaining());
        if callback == Callback::Destroy {
            // Its place is lent to the others after a second.
            passes(&clock, || rollout.remaining() == 1);
        }
        until(|| pool.audit().is_clean());
        assert!(faulty.is_hanging());
        faulty.release();
        passes(&clock, || rollout.remaining() == 0 && in_callbacks(&pool.stats()) == 0 && pool.stats().available == 3);
        // A successor that found no place is tried again after a while.
        passes(&clock, || rollout.wait(Duration::ZERO));
        has_its_capacity(&pool, 3);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

#[test]
fn a_resize_during_a_hung_creation_counts_it_and_waits_for_nothing() {
    each([1, 2, 3, 4], |size| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = builder(&faulty, &clock).max_size(2).min_idle(0).ceiling(4).creation(Creation::Background);
        let pool = pool.build().unwrap();
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        let first = pool.checkout_owned().unwrap();
        until(|| in_callbacks(&pool.stats()) == 0 && pool.stats().waiting == 0);
        let mut held = vec![first];
        // One that was made to spare would be taken first.
        while pool.stats().available > 0 {
            drop(pool.checkout().unwrap().detach());
        }
        faulty.plan(Callback::Create, 1, Fault::Hang);
        thread::scope(|s| {
            let _on_failure = TimeRunsOut(&clock);
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
            passes(&clock, || waiter.is_finished());
            held.push(waiter.join().unwrap());
        });
        passes(&clock, || in_callbacks(&pool.stats()) == 0);
        held.clear();
        passes(&clock, || pool.stats().total <= size && in_callbacks(&pool.stats()) == 0);
        thread::scope(|s| {
            let all = s.spawn(|| has_its_capacity(&pool, size));
            passes(&clock, || all.is_finished());
            all.join().unwrap();
        });
        until(|| pool.audit().is_clean());
        assert!(pool.stats().total <= size);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

/// Ends what is one too many on the caller's thread, if that has measured cheap; under no lock.
#[test]
fn a_destruction_that_hangs_or_resizes_in_a_resize_holds_up_no_other() {
    each([Keeper::Dedicated, Keeper::Manual], |keeper| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = builder(&faulty, &clock).max_size(4).keeper(keeper).build().unwrap();
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
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
            let _release = Released(&faulty);
            until(|| faulty.is_hanging());
            let second = s.spawn(|| pool.resize(1, 2).unwrap());
            until(|| second.is_finished());
            assert!(faulty.is_hanging());
            faulty.release();
            until(|| first.is_finished());
        });
        until(|| in_callbacks(&pool.stats()) == 0);
        pool.resize(1, 4).unwrap();
        has_its_capacity(&pool, 4);
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
        has_its_capacity(&pool, 2);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

#[test]
fn a_gc_waits_for_no_destruction() {
    each([Fault::Panic, Fault::Hang], |fault| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = builder(&faulty, &clock).max_size(3).min_idle(0).build().unwrap();
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        has_its_capacity(&pool, 3);
        faulty.plan(Callback::Destroy, 1, fault);
        let gc = pool.gc();
        assert_eq!((gc.evicted, gc.freed), (3, 3));
        until(|| faulty.has_happened() && in_callbacks(&pool.stats()) == usize::from(fault == Fault::Hang));
        has_its_capacity(&pool, 3 - usize::from(fault == Fault::Hang));
        faulty.release();
        until(|| in_callbacks(&pool.stats()) == 0);
        has_its_capacity(&pool, 3);
        assert_eq!(pool.stats().destroyed.by(DestroyReason::MemoryPressure), 3);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

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

#[test]
fn a_subscriber_that_never_reads_loses_events_and_holds_up_nobody() {
    each(once::cases().into_iter().filter(|case| case.call == 1), |case| {
        let faulty = Faulty::new();
        let pool = Pool::builder(faulty.clone()).max_size(2).min_idle(0).creation(case.creation).record_uses(true);
        let pool = pool.build().unwrap();
        let (never_read, dropped) = (pool.subscribe(1), pool.subscribe(4));
        faulty.plan(case.callback, 1, case.fault);
        a_round(&pool, &faulty);
        drop(dropped);
        a_round(&pool, &faulty);
        assert!(pool.stats().lost_events > 0 && never_read.len() == 1);
        has_its_capacity(&pool, 2);
        drop(never_read);
        has_its_capacity(&pool, 2);
        let lost = pool.stats().lost_events;
        a_round(&pool, &faulty);
        assert_eq!(pool.stats().lost_events, lost, "who is gone is forgotten");
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

#[test]
fn a_classification_that_fails_while_a_holder_reports_an_error_costs_the_holder_alone() {
    each([Fault::Panic, Fault::Hang], |fault| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = builder(&faulty, &clock).max_size(2).remove_after(1).build().unwrap();
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        faulty.plan(Callback::Classify, 1, fault);
        thread::scope(|s| {
            let reports = s.spawn(|| {
                let mut item = pool.checkout().unwrap();
                item.on_error(&"in use".to_owned());
            });
            let _release = Released(&faulty);
            until(|| faulty.has_happened());
            if fault == Fault::Hang {
                until(|| faulty.is_hanging());
                has_its_capacity(&pool, 1);
                assert!(!reports.is_finished());
            }
            faulty.release();
        });
        // The report counts all the same.
        passes(&clock, || pool.stats().available == 2 && pool.stats().destroyed.total() == 1);
        assert_eq!(pool.stats().callback_panics, u64::from(fault == Fault::Panic));
        has_its_capacity(&pool, 2);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

/// What is in quarantine ends when the pool closes, and on the crew, like everything else.
#[test]
fn a_close_waits_until_its_deadline_for_a_hung_destruction_of_what_was_still_busy() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = Pool::builder(probe.clone()).max_size(2).clock(&clock).build().unwrap();
    probe.recycle.next([Act::Say(ReturnOutcome::StillBusy)]);
    drop(pool.checkout().unwrap());
    assert_eq!(pool.stats().checking, 1);
    probe.destroy.shut();
    thread::scope(|s| {
        let closes = s.spawn(|| pool.close(SEC));
        until(|| probe.destroy.inside() == 2);
        until(|| {
            clock.advance(SEC);
            closes.is_finished()
        });
        assert_eq!(closes.join().unwrap().unfinished, 2);
        probe.destroy.open();
    });
    closes_balanced(&pool);
    assert_eq!(probe.alive(), 0);
}

/// A waiter that finds a resource too old ends it outside of the queue: it is the one that is awake on behalf of all others.
#[test]
fn a_hung_destruction_of_what_a_waiter_found_too_old_delays_no_other_waiter() {
    each([Fairness::Barging, Fairness::default()], |fairness| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = builder(&faulty, &clock).max_size(2).min_idle(0).keeper(Keeper::Manual).fairness(fairness);
        let pool = pool.max_lifetime(10 * SEC).lifetime_jitter(0.0).build().unwrap();
        let old = pool.checkout_owned().unwrap();
        clock.advance(5 * SEC);
        let young = pool.checkout_owned().unwrap();
        faulty.plan(Callback::Destroy, 1, Fault::Hang);
        thread::scope(|s| {
            let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
            let waiters = [s.spawn(|| pool.checkout().map(drop)), s.spawn(|| pool.checkout().map(drop))];
            until(|| pool.stats().waiting == 2);
            clock.advance(5 * SEC);
            drop(old);
            until(|| faulty.is_hanging() || waiters.iter().any(|waiter| waiter.is_finished()));
            drop(young);
            until(|| waiters.iter().any(|waiter| waiter.is_finished()));
            faulty.release();
            until(|| waiters.iter().all(|waiter| waiter.is_finished()));
        });
        has_its_capacity(&pool, 2);
        let report = pool.close(WATCHDOG);
        assert!(report.is_complete(), "{report}");
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}
