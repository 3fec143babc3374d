//! Closing: who is told, what is waited for, what is left and who has it, and which threads remain.

mod support;

use slackwater::{
    CheckoutError, CloseReport, Creation, DestroyReason, JobKind, Keeper, Pool, ReturnOutcome, Strategy, VirtualClock,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
#[cfg(target_os = "linux")]
use support::threads_named;
use support::{Act, Probe, TimeRunsOut, WATCHDOG, closes_balanced, until};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn pool_of(probe: &Probe, max_size: usize) -> slackwater::Builder<Probe> {
    Pool::builder(probe.clone()).max_size(max_size)
}

fn is_closed<T>(outcome: Result<T, CheckoutError>) -> bool {
    matches!(outcome, Err(CheckoutError::Closed(_)))
}

/// Time stands still, so who is told is told at once.
#[test]
fn every_waiter_is_told_at_once() {
    let clock = VirtualClock::new();
    let pool = pool_of(&Probe::new(), 1).name("css").clock(&clock).build().unwrap();
    let held = pool.checkout().unwrap();
    thread::scope(|s| {
        let waiters: Vec<_> = (0..5).map(|_| s.spawn(|| pool.checkout().map(drop))).collect();
        until(|| pool.stats().waiting == 5);
        let report = pool.close(Duration::ZERO);
        assert_eq!((report.waiters_woken, report.still_out.len()), (5, 1));
        for waiter in waiters {
            let error = waiter.join().unwrap().unwrap_err();
            assert!(matches!(error, CheckoutError::Closed(_)) && error.to_string().contains("\"css\""), "{error}");
        }
    });
    assert_eq!((pool.stats().waiting, pool.stats().rejected), (0, 5));
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn waiters_for_a_creation_that_hangs_are_told_too() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 2).min_idle(0).creation(Creation::Background).build().unwrap();
    probe.create.shut();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout().map(drop));
        until(|| probe.create.inside() == 1);
        let report = pool.close(10 * MS);
        assert_eq!((report.unfinished, report.is_complete()), (1, false));
        assert!(
            report.to_string().contains("1 still in a callback: a background create in slot 0 has run"),
            "{report}"
        );
        assert_eq!((report.unfinished_jobs[0].kind, report.unfinished_jobs[0].slot), (JobKind::Create, Some(0)));
        assert!(is_closed(waiter.join().unwrap()));
    });
    probe.create.open();
    until(|| {
        // One look: between two, what was being created may have come to be.
        let stats = pool.stats();
        stats.total + stats.creating == 0
    });
    assert_eq!(
        (probe.alive(), pool.stats().destroyed.by(DestroyReason::Closed)),
        (0, 1),
        "its late result is destroyed"
    );
    closes_balanced(&pool);
}

#[test]
fn every_way_to_check_out_is_refused_afterwards() {
    let pool = pool_of(&Probe::new(), 2).build().unwrap();
    // This thread remembers a free resource: the shortest way in must be shut as well.
    drop(pool.checkout().unwrap());
    assert!(!pool.is_closed());
    closes_balanced(&pool);
    assert!(pool.is_closed());
    assert!(is_closed(pool.checkout()) && is_closed(pool.try_checkout()) && is_closed(pool.checkout_owned()));
    assert!(is_closed(pool.checkout_timeout(SEC)) && is_closed(pool.checkout_deadline(Instant::now() + SEC)));
    assert!(is_closed(pool.request().checkout()) && is_closed(pool.request().checkout_owned()));
    assert!(is_closed(pool.with(|_| ())) && is_closed(pool.clone().checkout()));
    assert!(!pool.checkout().unwrap_err().is_retryable());
    assert_eq!(pool.stats().created, 2);
}

#[test]
fn what_comes_back_late_is_destroyed_at_its_return() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 3).build().unwrap();
    let (by_guard, by_owner) = (pool.checkout().unwrap(), pool.checkout_owned().unwrap());
    let report = pool.close(Duration::ZERO);
    assert_eq!(report.still_out.len(), 2);
    // The third may not have ended in the time that close had: none.
    until(|| probe.alive() == 2 && pool.stats().total == 2);
    assert_eq!(by_guard.text, format!("thing {}", by_guard.number), "it is still whole");
    drop(by_guard);
    assert_eq!((pool.stats().in_use, probe.alive(), probe.recycle.calls()), (1, 1, 0));
    drop(by_owner);
    assert_eq!((pool.stats().destroyed.by(DestroyReason::Closed), probe.alive()), (3, 0));
    closes_balanced(&pool);
}

#[test]
fn what_is_still_out_is_reported_with_thread_and_line() {
    let clock = VirtualClock::new();
    let pool = pool_of(&Probe::new(), 2).clock(&clock).keeper(Keeper::Manual).build().unwrap();
    let (line, report) = thread::scope(|s| {
        let hold = || {
            let line = line!() + 1;
            let held = pool.checkout().unwrap();
            until(|| pool.is_closed());
            clock.advance(5 * SEC);
            until(|| pool.stats().rejected == 1);
            drop(held);
            line
        };
        let holder = thread::Builder::new().name("laggard".to_owned()).spawn_scoped(s, hold).unwrap();
        until(|| pool.stats().in_use == 1);
        let report = pool.close(5 * SEC);
        assert!(is_closed(pool.checkout()));
        (holder.join().unwrap(), report)
    });
    let CloseReport { still_out, destroyed, took, .. } = &report;
    assert_eq!((still_out.len(), *destroyed, *took), (1, 1, 5 * SEC));
    assert_eq!((still_out[0].thread_name.as_deref(), still_out[0].held_for), (Some("laggard"), 5 * SEC));
    let text = report.to_string();
    assert!(text.contains(&format!("thread \"laggard\" at {}:{line} for 5.0s", file!())), "{text}");
    closes_balanced(&pool);
}

#[test]
fn close_waits_for_what_is_out() {
    let pool = pool_of(&Probe::new(), 2).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        let close = s.spawn(|| pool.close(WATCHDOG));
        until(|| pool.is_closed() && pool.stats().total == 1);
        assert!(!close.is_finished());
        drop(held);
        let report = close.join().unwrap();
        assert!(report.is_complete() && report.destroyed == 2, "{report}");
    });
    closes_balanced(&pool);
}

#[test]
fn close_waits_for_what_is_in_a_callback() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 1).build().unwrap();
    probe.check.shut();
    probe.recycle.next([Act::Say(ReturnOutcome::Suspect)]);
    drop(pool.checkout().unwrap());
    until(|| probe.check.inside() == 1);
    thread::scope(|s| {
        let close = s.spawn(|| pool.close(WATCHDOG));
        until(|| pool.is_closed());
        probe.check.open();
        assert!(close.join().unwrap().is_complete());
    });
    assert_eq!(probe.alive(), 0);
    closes_balanced(&pool);
}

#[test]
fn closing_again_reports_anew() {
    let pool = pool_of(&Probe::new(), 2).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    let first = pool.close(Duration::ZERO);
    assert_eq!(first.still_out.len(), 1);
    until(|| pool.stats().total == 1);
    let second = pool.close(Instant::now());
    assert_eq!((second.still_out.len(), second.waiters_woken), (1, 0));
    drop(held);
    let third = pool.close(WATCHDOG);
    assert!(third.is_complete() && third.destroyed == 0, "{third}");
    closes_balanced(&pool);
}

#[test]
fn several_threads_may_close_at_once_under_load() {
    for round in 0..20 {
        let probe = Probe::new();
        let pool = pool_of(&probe, 3).build().unwrap();
        thread::scope(|s| {
            let users: Vec<_> =
                (0..3).map(|_| s.spawn(|| while pool.with(|thing| thing.text.push('x')).is_ok() {})).collect();
            until(|| pool.stats().checkouts > 10);
            let closers: Vec<_> = (0..4).map(|_| s.spawn(|| pool.close(WATCHDOG))).collect();
            for closer in closers {
                let report = closer.join().unwrap();
                assert!(report.is_complete(), "round {round}: {report}");
            }
            users.into_iter().for_each(|user| user.join().unwrap());
        });
        assert_eq!((probe.alive(), probe.destroy.calls()), (0, 3), "each is destroyed once");
        closes_balanced(&pool);
    }
}

/// Time stands still: a close that misses that the pool is drained never ends.
#[test]
fn a_close_beside_a_resize_ends_when_all_is_drained() {
    for round in 0..500_u32 {
        let clock = VirtualClock::new();
        let pool = pool_of(&Probe::new(), 64).min_idle(0).clock(&clock).keeper(Keeper::Manual).build().unwrap();
        let go = Barrier::new(2);
        thread::scope(|s| {
            let _watch = TimeRunsOut(&clock);
            let close = s.spawn(|| {
                go.wait();
                (0..round * 7 % 300).for_each(|_| std::hint::spin_loop());
                pool.close(SEC)
            });
            go.wait();
            (0..20).for_each(|at| pool.resize(0, 1 + 63 * (at % 2)).unwrap());
            until(|| close.is_finished());
            let report = close.join().unwrap();
            assert!(report.is_complete(), "{report}");
        });
        closes_balanced(&pool);
    }
}

#[test]
fn the_end_of_the_last_handle_ends_what_is_free_and_spares_what_is_out() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 3).build().unwrap();
    let second = pool.clone();
    let mut held = pool.checkout_owned().unwrap();
    drop(pool);
    assert!(!second.is_closed(), "a handle is left");
    drop(second.checkout().unwrap());
    drop(second);
    assert_eq!(probe.alive(), 1);
    held.text.push_str(" is mine");
    assert_eq!(held.text, format!("thing {} is mine", held.number));
    drop(held);
    assert_eq!((probe.alive(), probe.destroy.calls()), (0, 3));
    until(|| probe.sharers() == 1);
}

#[test]
fn guards_outlive_the_pool_on_other_threads() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 4).build().unwrap();
    let pool_is_gone = Arc::new(AtomicBool::new(false));
    let ends: Vec<_> = (0..4)
        .map(|at| {
            let held = pool.checkout_owned().unwrap();
            let pool_is_gone = Arc::clone(&pool_is_gone);
            thread::spawn(move || {
                until(|| pool_is_gone.load(SeqCst));
                match at {
                    0 => held.discard("late"),
                    1 => assert!(held.detach().text.starts_with("thing")),
                    2 => drop(held),
                    _ => panic!("with {}", held.number),
                }
            })
        })
        .collect();
    drop(pool);
    pool_is_gone.store(true, SeqCst);
    let panicked = ends.into_iter().filter_map(|end| end.join().err()).count();
    assert_eq!(panicked, 1);
    until(|| probe.alive() == 0 && probe.sharers() == 1);
    assert_eq!(probe.destroy.calls(), 3);
}

#[test]
fn a_destroy_that_hangs_costs_close_its_deadline_and_no_more() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 2).build().unwrap();
    probe.destroy.shut();
    let began = Instant::now();
    let report = pool.close(30 * MS);
    assert!(began.elapsed() >= 30 * MS && began.elapsed() < WATCHDOG, "{report}");
    assert_eq!((report.unfinished, report.destroyed, report.still_out.len()), (2, 0, 0));
    probe.destroy.open();
    until(|| pool.stats().total == 0);
    closes_balanced(&pool);
}

/// Those whose turn has not come when the deadline does are not destroyed by the closing thread either.
#[test]
fn close_keeps_its_deadline_though_more_hang_than_the_crew_takes_at_once() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 3).create_parallelism(1).build().unwrap();
    probe.destroy.shut();
    thread::scope(|s| {
        let close = s.spawn(|| pool.close(30 * MS));
        until(|| probe.destroy.inside() >= 1);
        let began = Instant::now();
        while !close.is_finished() && began.elapsed() < 3 * SEC {
            thread::yield_now();
        }
        let in_time = close.is_finished();
        probe.destroy.open();
        let report = close.join().unwrap();
        until(|| pool.stats().total == 0);
        assert!(in_time, "{report}");
        assert_eq!((report.unfinished, report.destroyed), (3, 0), "{report}");
    });
    closes_balanced(&pool);
}

/// A pool with one resource in quarantine, whose destruction hangs until the gate opens.
fn with_one_still_busy(probe: &Probe) -> Pool<Probe> {
    let pool = pool_of(probe, 1).clock(&VirtualClock::new()).build().unwrap();
    probe.recycle.next([Act::Say(ReturnOutcome::StillBusy)]);
    drop(pool.checkout().unwrap());
    assert_eq!(pool.stats().checking, 1);
    probe.destroy.shut();
    pool
}

/// Whether `end` comes back although the gate of `destroy` is shut. Opens it.
fn ends_with_the_gate_shut(probe: &Probe, end: impl FnOnce() + Send) -> bool {
    thread::scope(|s| {
        let end = s.spawn(end);
        until(|| probe.destroy.inside() == 1);
        let began = Instant::now();
        while !end.is_finished() && began.elapsed() < 3 * SEC {
            thread::yield_now();
        }
        let in_time = end.is_finished();
        probe.destroy.open();
        in_time
    })
}

#[test]
fn close_keeps_its_deadline_though_something_still_busy_hangs_in_its_end() {
    let probe = Probe::new();
    let pool = with_one_still_busy(&probe);
    assert!(ends_with_the_gate_shut(&probe, || assert_eq!(pool.close(Duration::ZERO).unfinished, 1)));
    closes_balanced(&pool);
}

#[test]
fn nor_does_it_hold_up_the_end_of_the_last_handle() {
    let probe = Probe::new();
    let pool = with_one_still_busy(&probe);
    assert!(ends_with_the_gate_shut(&probe, move || drop(pool)));
    until(|| probe.alive() == 0 && probe.sharers() == 1);
}

#[test]
fn a_panic_in_destroy_does_not_stop_a_close() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 4).build().unwrap();
    probe.destroy.always(Act::Panic);
    closes_balanced(&pool);
    assert_eq!((pool.stats().callback_panics, probe.alive()), (4, 0));
}

#[test]
fn a_pool_without_threads_closes_whole() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 3).keeper(Keeper::Manual).build().unwrap();
    let mut guard = pool.checkout().unwrap();
    guard.mark_suspect();
    drop(guard);
    assert_eq!(pool.stats().checking, 1, "a check that nobody has begun");
    let report = pool.close(Duration::ZERO);
    assert!(report.is_complete() && report.destroyed == 3, "{report}");
    closes_balanced(&pool);
}

/// Has keeper and crew do something of everything.
fn exercise(pool: &Pool<Probe>) {
    pool.checkout().unwrap().discard("for the crew");
    let mut guard = pool.checkout().unwrap();
    guard.mark_suspect();
    drop(guard);
    pool.tick();
    drop(pool.checkout().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn keeper_and_crew_are_gone_after_close() {
    let pool = pool_of(&Probe::new(), 2).name("gone").build().unwrap();
    exercise(&pool);
    until(|| !threads_named("gone-keeper").is_empty() && !threads_named("gone-crew").is_empty());
    closes_balanced(&pool);
    until(|| threads_named("gone").is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn keeper_and_crew_are_gone_after_the_last_handle() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 2).name("left").build().unwrap();
    exercise(&pool);
    drop(pool);
    until(|| threads_named("left").is_empty() && probe.sharers() == 1);
    assert_eq!(probe.alive(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_crew_thread_that_hung_at_close_ends_with_its_job() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 1).min_idle(0).name("hang").build().unwrap();
    probe.destroy.shut();
    pool.checkout().unwrap().discard("for the crew");
    until(|| probe.destroy.inside() == 1);
    assert_eq!(pool.close(Duration::ZERO).unfinished, 1);
    until(|| threads_named("hang-keeper").is_empty());
    drop(pool);
    probe.destroy.open();
    until(|| threads_named("hang").is_empty() && probe.sharers() == 1);
    assert_eq!(probe.alive(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pool_kept_by_hand_starts_no_thread() {
    let probe = Probe::new();
    for creation in [Creation::Auto, Creation::Inline] {
        let pool = pool_of(&probe, 2).name("hand").keeper(Keeper::Manual).creation(creation).build().unwrap();
        exercise(&pool);
        assert_eq!(threads_named("hand"), [] as [std::path::PathBuf; 0]);
        closes_balanced(&pool);
        assert_eq!(threads_named("hand"), [] as [std::path::PathBuf; 0]);
    }
    let me = thread::current().id();
    assert!(probe.create.threads().iter().chain(&probe.check.threads()).all(|thread| *thread == me));
}

/// What a thread remembers of a pool (the slot it used, its place in the queue) is nothing that the pool lives by.
#[test]
fn threads_that_used_a_pool_do_not_keep_it() {
    for strategy in [Strategy::Affine, Strategy::Lifo, Strategy::Fifo] {
        let probe = Probe::new();
        let pool = pool_of(&probe, 1).strategy(strategy).build().unwrap();
        let used = Arc::new(AtomicUsize::new(0));
        let may_end = Arc::new(AtomicBool::new(false));
        let held = pool.checkout_owned().unwrap();
        let users: Vec<_> = (0..4)
            .map(|_| {
                let (pool, used, may_end) = (pool.clone(), Arc::clone(&used), Arc::clone(&may_end));
                thread::spawn(move || {
                    // Once through the queue, then by what the thread remembers.
                    (0..3).for_each(|_| drop(pool.checkout().unwrap()));
                    drop(pool);
                    used.fetch_add(1, SeqCst);
                    until(|| may_end.load(SeqCst));
                })
            })
            .collect();
        until(|| pool.stats().waiting == 4);
        drop(held);
        until(|| used.load(SeqCst) == 4);
        drop(pool);
        until(|| probe.sharers() == 1);
        assert_eq!((probe.alive(), probe.destroy.calls()), (0, 1));
        may_end.store(true, SeqCst);
        users.into_iter().for_each(|user| user.join().unwrap());
    }
}

#[test]
fn a_pool_whose_creations_all_fail_closes() {
    for creation in [Creation::Inline, Creation::Background] {
        let probe = Probe::new();
        let pool = pool_of(&probe, 3).min_idle(1).creation(creation).checkout_timeout(60 * SEC).build().unwrap();
        probe.create.always(Act::Fail);
        pool.checkout().unwrap().discard("and none comes after it");
        thread::scope(|s| {
            let waiters: Vec<_> = (0..4).map(|_| s.spawn(|| pool.checkout().map(drop))).collect();
            until(|| pool.stats().create_failures >= 2);
            closes_balanced(&pool);
            for waiter in waiters {
                let error = waiter.join().unwrap().unwrap_err();
                assert!(matches!(error, CheckoutError::Closed(_) | CheckoutError::Create(_)), "{error}");
            }
        });
        assert!(is_closed(pool.checkout()));
    }
}

/// Whoever asked before the close, and creates, gets what it made: it is destroyed at its return.
#[test]
fn a_creation_on_the_caller_that_close_overtakes_is_named_and_comes_back_late() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 1).min_idle(0).creation(Creation::Inline).build().unwrap();
    probe.create.shut();
    thread::scope(|s| {
        let caller = s.spawn(|| pool.checkout().map(|thing| thing.number));
        until(|| probe.create.inside() == 1);
        let report = pool.close(10 * MS);
        assert_eq!((report.unfinished, report.still_out.len()), (1, 0), "{report}");
        probe.create.open();
        let outcome = caller.join().unwrap();
        assert!(matches!(outcome, Ok(1) | Err(CheckoutError::Closed(_))), "{outcome:?}");
    });
    closes_balanced(&pool);
    assert_eq!((probe.alive(), probe.destroy.calls()), (0, 1));
}
