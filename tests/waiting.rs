//! Waiting: who waits how long, who is served first, and what an error tells.

mod support;

use slackwater::{
    CheckoutError, Creation, Fairness, Fences, Keeper, OnDeadlock, Pool, Priority, Strategy, Timeout, VirtualClock,
};
use std::cell::RefCell;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use support::{Act, Probe, Refused, WATCHDOG, closes_balanced, until};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn one() -> slackwater::Builder<Probe> {
    Pool::builder(Probe::new()).max_size(1)
}

/// One resource, in virtual time and without threads: nothing happens but what the test does.
fn still(clock: &VirtualClock) -> slackwater::Builder<Probe> {
    one().clock(clock).keeper(Keeper::Manual)
}

#[track_caller]
fn timeout(error: CheckoutError) -> Timeout {
    match error {
        CheckoutError::Timeout(timeout) => *timeout,
        other => panic!("not a timeout: {other:?}"),
    }
}

#[test]
fn who_is_woken_and_finds_nothing_is_counted() {
    let pool = one().fairness(Fairness::Barging).build().unwrap();
    let (goes_on, lasts) = mpsc::channel::<()>();
    let another = |lasts: mpsc::Receiver<()>| {
        while lasts.try_recv() == Err(TryRecvError::Empty) {
            drop(pool.checkout().unwrap());
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| another(lasts));
        // Ends with the test, however that ends.
        let _goes_on = goes_on;
        assert_eq!(pool.stats().overtakes, 0, "nobody has been woken in vain yet");
        until(|| {
            // While it is held the other waits; it is woken by the return, which is followed by the next checkout.
            let held = pool.checkout().unwrap();
            until(|| pool.stats().waiting == 1);
            drop(held);
            drop(pool.checkout().unwrap());
            pool.stats().overtakes > 1
        });
    });
    closes_balanced(&pool);
}

#[test]
fn a_timeout_of_zero_never_parks_and_still_takes_what_is_free() {
    let pool = one().checkout_timeout(Duration::ZERO).build().unwrap();
    let held = pool.checkout().unwrap();
    assert_eq!(timeout(pool.checkout().unwrap_err()).in_use, 1);
    timeout(pool.checkout_timeout(Duration::ZERO).unwrap_err());
    timeout(pool.checkout_deadline(Instant::now()).unwrap_err());
    timeout(pool.request().timeout(Duration::ZERO).checkout().unwrap_err());
    assert_eq!(pool.stats().timeouts, 4);
    drop(held);
    drop(pool.checkout_deadline(Instant::now()).unwrap());
    closes_balanced(&pool);
}

#[test]
fn a_wait_ends_at_its_own_time_and_not_before() {
    let clock = VirtualClock::new();
    let pool = still(&clock).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        let short = s.spawn(|| timeout(pool.checkout_timeout(SEC).unwrap_err()));
        let long = s.spawn(|| timeout(pool.checkout().unwrap_err()));
        until(|| pool.stats().waiting == 2);
        clock.advance(SEC - MS);
        assert_eq!(pool.stats().waiting, 2);
        clock.advance(MS);
        assert_eq!(short.join().unwrap().waited, SEC);
        assert_eq!(pool.stats().waiting, 1);
        clock.advance(4 * SEC);
        assert_eq!(long.join().unwrap().waited, 5 * SEC);
    });
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn a_wait_in_real_time_takes_about_what_was_asked() {
    let pool = one().build().unwrap();
    let held = pool.checkout().unwrap();
    let began = Instant::now();
    let error = timeout(pool.checkout_timeout(20 * MS).unwrap_err());
    assert!(error.waited >= 20 * MS && began.elapsed() >= 20 * MS && began.elapsed() < WATCHDOG, "{error}");
    drop(held);
    closes_balanced(&pool);
}

/// An operator reads this text at night: numbers, the caller's place, and the name and line of whoever is to blame.
#[test]
fn a_timeout_names_the_numbers_and_who_has_held_the_longest() {
    let clock = VirtualClock::new();
    let pool = still(&clock).name("css").max_size(2).build().unwrap();
    let line = AtomicUsize::new(0);
    let guard = thread::scope(|s| {
        let hold_on = || {
            line.store(line!() as usize + 1, SeqCst);
            let guard = pool.checkout_owned().unwrap();
            until(|| pool.stats().timeouts == 2);
            guard
        };
        let holder = thread::Builder::new().name("indexer".to_owned()).spawn_scoped(s, hold_on).unwrap();
        // Not `in_use`: the time of a checkout is noted a moment after the resource is taken.
        until(|| pool.holders().len() == 1);
        clock.advance(2 * SEC);
        let second = pool.checkout_owned().unwrap();
        let first_waiter = s.spawn(|| timeout(pool.checkout_timeout(3 * SEC).unwrap_err()));
        until(|| pool.stats().waiting == 1);
        let other = s.spawn(|| timeout(pool.checkout_timeout(SEC).unwrap_err()));
        until(|| pool.stats().waiting == 2);
        clock.advance(SEC);
        let error = other.join().unwrap();
        assert_eq!((error.in_use, error.capacity, error.waiting, error.position), (2, 2, 2, 2));
        let oldest = error.oldest.as_ref().unwrap();
        assert_eq!((oldest.thread_name.as_deref(), oldest.held_for), (Some("indexer"), 3 * SEC));
        assert_eq!((oldest.site.file(), oldest.site.line() as usize), (file!(), line.load(SeqCst)));
        assert!(!error.deadlock);
        let text = error.to_string();
        let site = format!("\"indexer\" at {}:{} for 3.0s", file!(), line.load(SeqCst));
        for part in ["pool \"css\"", "within 1.0s", "2 of 2 in use", "2 waiting", "number 2", site.as_str()] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
        clock.advance(2 * SEC);
        assert_eq!(first_waiter.join().unwrap().position, 1);
        drop(second);
        holder.join().unwrap()
    });
    drop(guard);
    closes_balanced(&pool);
}

#[test]
fn a_timeout_gives_the_last_failed_creation_as_its_source() {
    let probe = Probe::new();
    let clock = VirtualClock::new();
    let pool = Pool::builder(probe.clone()).max_size(2).min_idle(1).keeper(Keeper::Manual).clock(&clock);
    let pool = pool.creation(Creation::Background).build().unwrap();
    let held = pool.checkout().unwrap();
    probe.create.always(Act::Fail);
    let error = thread::scope(|s| {
        let waiter = s.spawn(|| timeout(pool.checkout_timeout(SEC).unwrap_err()));
        until(|| pool.stats().waiting == 1);
        pool.tick();
        assert_eq!(pool.stats().create_failures, 1);
        clock.advance(SEC);
        waiter.join().unwrap()
    });
    let cause = error.source().and_then(|cause| cause.downcast_ref::<Refused>());
    assert_eq!(cause, Some(&Refused { by: "create", severity: slackwater::Severity::Transient }));
    assert!(error.to_string().contains("create was told to fail"), "{error}");
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn one_waiter_more_than_allowed_is_refused_at_once() {
    let pool = one().max_waiters(2).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        for waiting in 1..=2 {
            s.spawn(|| drop(pool.checkout().unwrap()));
            until(|| pool.stats().waiting == waiting);
        }
        match pool.checkout().map(drop) {
            Err(CheckoutError::Saturated(full)) => assert_eq!((full.waiting, full.max_waiters), (2, 2)),
            other => panic!("{other:?}"),
        }
        assert_eq!(pool.stats().rejected, 1);
        drop(held);
    });
    drop(pool.checkout().unwrap());
    closes_balanced(&pool);
}

#[test]
fn where_nobody_may_wait_a_free_resource_is_still_lent() {
    let pool = one().max_waiters(0).build().unwrap();
    let held = pool.checkout().unwrap();
    assert!(matches!(pool.checkout_timeout(SEC).map(drop), Err(CheckoutError::Saturated(_))));
    drop(held);
    drop(pool.checkout().unwrap());
    closes_balanced(&pool);
}

/// Queues `waiters` in this order, each once the one before stands in the queue, and tells in which order they were
/// served.
fn order_of_service(
    pool: &Pool<Probe>,
    waiters: &[(&'static str, Priority)],
    mut between: impl FnMut(),
) -> Vec<&'static str> {
    let served = Mutex::new(Vec::new());
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        for (at, &(name, priority)) in waiters.iter().enumerate() {
            let served = &served;
            s.spawn(move || {
                let guard = pool.request().priority(priority).timeout(3600 * SEC).checkout().unwrap();
                served.lock().unwrap().push(name);
                drop(guard);
            });
            until(|| pool.stats().waiting == at + 1);
            between();
        }
        drop(held);
    });
    served.into_inner().unwrap()
}

/// Exact with `Fifo` alone: in the other modes a thread that is in the queue but not yet parked may still help itself.
#[test]
fn high_goes_before_normal_and_normal_before_low() {
    let clock = VirtualClock::new();
    let pool = still(&clock).fairness(Fairness::Fifo).build().unwrap();
    let waiters = [("low", Priority::Low), ("normal", Priority::Normal), ("high", Priority::High)];
    assert_eq!(order_of_service(&pool, &waiters, || {}), ["high", "normal", "low"]);
    closes_balanced(&pool);
}

/// Each step is worth 100 ms, so who is low and came 200 ms earlier goes first, whoever comes.
#[test]
fn low_is_not_starved_past_the_stated_bound() {
    let clock = VirtualClock::new();
    let pool = still(&clock).fairness(Fairness::Fifo).build().unwrap();
    let waiters = [("low", Priority::Low), ("199 ms later", Priority::High), ("201 ms later", Priority::High)];
    let mut steps = [199 * MS, 2 * MS, MS].into_iter();
    let order = order_of_service(&pool, &waiters, || clock.advance(steps.next().unwrap()));
    assert_eq!(order, ["199 ms later", "low", "201 ms later"]);
    closes_balanced(&pool);
}

#[test]
fn fifo_serves_in_the_order_of_coming() {
    let names: Vec<&'static str> = vec!["a", "b", "c", "d", "e", "f", "g", "h"];
    for strategy in [Strategy::Affine, Strategy::Lifo, Strategy::Fifo] {
        let pool = one().fairness(Fairness::Fifo).strategy(strategy).build().unwrap();
        let waiters: Vec<_> = names.iter().map(|&name| (name, Priority::Normal)).collect();
        assert_eq!(order_of_service(&pool, &waiters, || {}), names, "{strategy:?}");
        closes_balanced(&pool);
    }
}

/// Once `drop` has returned the resource is the waiter's, though its thread may not have run yet.
fn a_return_goes_to_the_waiter(fairness: Fairness, waits_for: Duration) {
    let clock = VirtualClock::new();
    let pool = still(&clock).fairness(fairness).build().unwrap();
    let held = pool.checkout().unwrap();
    let done = AtomicUsize::new(0);
    thread::scope(|s| {
        let waiter = s.spawn(|| {
            let guard = pool.checkout().unwrap();
            until(|| done.load(SeqCst) == 1);
            drop(guard);
        });
        until(|| pool.stats().waiting == 1);
        clock.advance(waits_for);
        drop(held);
        let overtaken = pool.try_checkout().map(drop);
        done.store(1, SeqCst);
        assert!(matches!(overtaken, Err(CheckoutError::Exhausted(_))), "{fairness:?} was overtaken");
        waiter.join().unwrap();
    });
    closes_balanced(&pool);
}

#[test]
fn fifo_lets_nobody_overtake_a_waiter() {
    a_return_goes_to_the_waiter(Fairness::Fifo, Duration::ZERO);
}

#[test]
fn eventual_lets_nobody_overtake_a_waiter_older_than_the_bound() {
    a_return_goes_to_the_waiter(Fairness::Eventual { bound: MS }, MS);
    a_return_goes_to_the_waiter(Fairness::default(), SEC);
}

#[test]
fn every_fairness_serves_everyone() {
    for fairness in [Fairness::Fifo, Fairness::default(), Fairness::Barging] {
        for fences in [Fences::Auto, Fences::Portable] {
            let pool = one().max_size(2).fairness(fairness).fences(fences).checkout_timeout(60 * SEC).build().unwrap();
            let served = AtomicUsize::new(0);
            thread::scope(|s| {
                for _ in 0..8 {
                    s.spawn(|| {
                        for _ in 0..500 {
                            let mut guard = pool.checkout().unwrap();
                            guard.text.push('x');
                            guard.text.pop();
                            served.fetch_add(1, SeqCst);
                        }
                    });
                }
            });
            assert_eq!((served.load(SeqCst), pool.stats().checkouts, pool.stats().waiting), (4000, 4000, 0));
            closes_balanced(&pool);
        }
    }
}

/// The last of two that each hold one and ask for another is told, and by name who is in the way.
#[test]
fn a_wait_that_nobody_could_end_is_refused_with_threads_and_lines() {
    let pool = one().name("pair").max_size(2).on_deadlock(OnDeadlock::Refuse).build().unwrap();
    thread::scope(|s| {
        let mine = pool.checkout().unwrap();
        let other = thread::Builder::new().name("other".to_owned());
        let other = other.spawn_scoped(s, || {
            let first = pool.checkout().unwrap();
            let second = pool.checkout().unwrap();
            drop((first, second));
        });
        until(|| pool.stats().waiting == 1);
        let error = pool.checkout().map(drop).unwrap_err();
        let CheckoutError::WouldDeadlock(refused) = &error else { panic!("{error:?}") };
        assert_eq!(refused.holders.len(), 2);
        assert!(refused.holders.iter().any(|holder| holder.thread_name.as_deref() == Some("other")));
        assert!(refused.holders.iter().all(|holder| holder.site.file() == file!()));
        let text = error.to_string();
        for holder in &refused.holders {
            assert!(text.contains(&format!("{}:{}", holder.site.file(), holder.site.line())), "{text}");
        }
        assert!(text.contains("\"other\"") && !error.is_retryable(), "{text}");
        drop(mine);
        other.unwrap().join().unwrap();
    });
    closes_balanced(&pool);
}

/// Two that each hold one ask for the other's at the same moment: whoever looks first, one of them must see the circle.
#[test]
fn of_two_that_close_a_circle_at_once_one_is_refused() {
    let pool = one().max_size(2).on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let abreast = Barrier::new(2);
    for round in 0..500 {
        let refused = AtomicUsize::new(0);
        thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    let first = pool.checkout().unwrap();
                    abreast.wait();
                    let second = pool.checkout_timeout(SEC);
                    refused.fetch_add(usize::from(matches!(second, Err(CheckoutError::WouldDeadlock(_)))), SeqCst);
                    drop((first, second));
                });
            }
        });
        assert!(refused.load(SeqCst) > 0, "round {round}: both waited for each other until they timed out");
    }
    closes_balanced(&pool);
}

#[test]
fn a_thread_that_waits_for_itself_is_told() {
    let pool = one().on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let held = pool.checkout().unwrap();
    assert!(matches!(pool.checkout().map(drop), Err(CheckoutError::WouldDeadlock(_))));
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn refusal_leaves_those_alone_who_hold_nothing() {
    let pool = one().on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let held = pool.checkout().unwrap();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout().map(drop));
        until(|| pool.stats().waiting == 1);
        drop(held);
        waiter.join().unwrap().unwrap();
    });
    closes_balanced(&pool);
}

/// Promise: nobody is told of a circle because a resource was handed to it while it looked for one. Provoked: threads that hold nothing while they
/// wait, in turn for the same.
#[test]
fn who_is_handed_a_resource_while_it_looks_for_a_circle_is_told_of_none() {
    for fairness in [Fairness::Fifo, Fairness::default(), Fairness::Barging] {
        let pool = Pool::builder(Probe::new()).max_size(1).checkout_timeout(WATCHDOG).fairness(fairness);
        let pool = pool.on_deadlock(OnDeadlock::Refuse).build().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5_000).for_each(|_| drop(pool.checkout().unwrap())));
            }
        });
        closes_balanced(&pool);
    }
}

#[test]
fn a_deadlock_that_is_only_reported_stands_in_the_timeout() {
    let clock = VirtualClock::new();
    let pool = still(&clock).build().unwrap();
    let error = thread::scope(|s| {
        let selfish = s.spawn(|| {
            let _held = pool.checkout().unwrap();
            timeout(pool.checkout().unwrap_err())
        });
        until(|| pool.stats().waiting == 1);
        clock.advance(5 * SEC);
        selfish.join().unwrap()
    });
    assert!(error.deadlock && error.to_string().contains("every holder waits here"), "{error}");
    closes_balanced(&pool);
}

#[test]
fn a_hundred_thousand_waits_in_vain_leave_the_queue_empty() {
    let pool = one().build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        for thread in 0..4_u32 {
            let pool = &pool;
            s.spawn(move || {
                for round in 0..25_000_u32 {
                    // Some look and leave, some park for a moment.
                    let patience = if round % 16 == thread { Duration::from_micros(1) } else { Duration::ZERO };
                    timeout(pool.checkout_timeout(patience).unwrap_err());
                }
            });
        }
    });
    let stats = pool.stats();
    assert_eq!((stats.timeouts, stats.waiting, stats.in_use), (100_000, 0, 1));
    assert!(pool.audit().is_clean(), "{}", pool.audit());
    drop(held);
    drop(pool.try_checkout().unwrap());
    closes_balanced(&pool);
}

/// A wait that ends at the moment of a return either has the resource or leaves it: it is never lost between the two.
#[test]
fn a_return_at_the_moment_of_a_timeout_is_not_lost() {
    for fairness in [Fairness::Fifo, Fairness::default(), Fairness::Barging] {
        let pool = one().fairness(fairness).build().unwrap();
        thread::scope(|s| {
            let mut rounds = Vec::new();
            for _ in 0..4 {
                rounds.push(s.spawn(|| {
                    for _ in 0..2_000 {
                        drop(pool.checkout_timeout(Duration::from_micros(20)));
                    }
                }));
            }
        });
        assert_eq!((pool.stats().waiting, pool.stats().available), (0, 1));
        let stats = pool.stats();
        assert_eq!(stats.checkouts + stats.timeouts, 8_000);
        drop(pool.try_checkout().unwrap());
        closes_balanced(&pool);
    }
}

#[test]
fn a_guard_may_be_dropped_on_another_thread() {
    let pool = one().build().unwrap();
    let held = pool.checkout().unwrap();
    thread::scope(|s| s.spawn(move || drop(held)).join().unwrap());
    let owned = pool.checkout_owned().unwrap();
    thread::spawn(move || drop(owned)).join().unwrap();
    assert_eq!(pool.stats().available, 1);
    closes_balanced(&pool);
}

#[test]
fn a_return_on_another_thread_serves_a_waiter() {
    let pool = one().build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout().map(|thing| thing.number));
        until(|| pool.stats().waiting == 1);
        s.spawn(move || drop(held));
        assert_eq!(waiter.join().unwrap().unwrap(), 1);
    });
    closes_balanced(&pool);
}

#[test]
fn what_a_thread_had_last_is_free_for_others_after_it_ended() {
    let pool = one().build().unwrap();
    for _ in 0..20 {
        thread::scope(|s| s.spawn(|| drop(pool.checkout().unwrap())).join().unwrap());
        drop(pool.try_checkout().unwrap());
    }
    assert_eq!(pool.stats().created, 1);
    closes_balanced(&pool);
}

/// A guard in a thread's own storage is dropped when the thread's other locals may be gone already.
#[test]
fn a_guard_kept_by_a_thread_comes_back_when_the_thread_ends() {
    thread_local!(static KEPT: RefCell<Option<slackwater::OwnedCheckout<Probe>>> = const { RefCell::new(None) });
    let pool = one().build().unwrap();
    for _ in 0..20 {
        let keep = || KEPT.with(|kept| *kept.borrow_mut() = Some(pool.checkout_owned().unwrap()));
        thread::scope(|s| drop(s.spawn(keep)));
        until(|| pool.stats().available == 1);
    }
    closes_balanced(&pool);
}
