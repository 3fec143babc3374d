//! Faults beside what a user chose: subscribers that never read, reports of errors, a deadline to close by, a greatest age.

use super::faulty::{Callback, Fault, Faulty, Released, each, has_its_capacity, scenes};
use super::once::{self, a_round};
use super::support::{Act, Probe, TimeRunsOut, closes_balanced, passes, until};
use slackwater::{Builder, Fairness, Keeper, Pool, ReturnOutcome, VirtualClock};
use std::thread;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

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
    let set = |_, builder: Builder<Faulty>| builder.max_size(2).remove_after(1);
    scenes([Fault::Panic, Fault::Hang], set, |fault, pool, faulty, clock| {
        faulty.plan(Callback::Classify, 1, fault);
        thread::scope(|s| {
            let reports = s.spawn(|| {
                let mut item = pool.checkout().unwrap();
                item.on_error(&"in use".to_owned());
            });
            let _release = Released(faulty);
            until(|| faulty.has_happened());
            if fault == Fault::Hang {
                until(|| faulty.is_hanging());
                has_its_capacity(pool, 1);
                assert!(!reports.is_finished());
            }
            faulty.release();
        });
        // The report counts all the same.
        passes(clock, || pool.stats().available == 2 && pool.stats().destroyed.total() == 1);
        assert_eq!(pool.stats().callback_panics, u64::from(fault == Fault::Panic));
        has_its_capacity(pool, 2);
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
    let set = |fairness, builder: Builder<Faulty>| {
        let builder = builder.max_size(2).min_idle(0).keeper(Keeper::Manual).fairness(fairness);
        builder.max_lifetime(10 * SEC).lifetime_jitter(0.0)
    };
    scenes([Fairness::Barging, Fairness::default()], set, |_, pool, faulty, clock| {
        let old = pool.checkout_owned().unwrap();
        clock.advance(5 * SEC);
        let young = pool.checkout_owned().unwrap();
        faulty.plan(Callback::Destroy, 1, Fault::Hang);
        thread::scope(|s| {
            let (_release, _on_failure) = (Released(faulty), TimeRunsOut(clock));
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
        has_its_capacity(pool, 2);
    });
}
