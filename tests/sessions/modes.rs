//! What a session does whose resource is in use.

use super::support::{Probe, TimeRunsOut, closes_balanced, passes, until};
use slackwater::{Checkout, CheckoutError, Fairness, OnDeadlock, Pool, Priority, SessionMode, VirtualClock};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const HINT_10_MS: SessionMode = SessionMode::Hint { wait: Duration::from_millis(10) };
const MINUTE: Duration = Duration::from_secs(60);

fn pool(size: usize) -> Pool<Probe> {
    Pool::builder(Probe::new()).name("sessions").max_size(size).checkout_timeout(MINUTE).build().unwrap()
}

/// Promise: who waits gets its own resource and no other, though others are free. Provoked: a holder that is slow, and three resources
/// beside it.
#[test]
fn who_waits_gets_its_own_though_others_are_free() {
    let pool = pool(4);
    let held = pool.checkout_for("a").unwrap();
    let id = held.id();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.request().session(SessionMode::Wait).checkout_for("a").unwrap().id());
        until(|| pool.stats().waiting == 1);
        assert_eq!(pool.stats().available, 3);
        // Others come and go meanwhile.
        drop(pool.checkout().unwrap());
        assert_eq!(pool.stats().waiting, 1);
        drop(held);
        assert_eq!(waiter.join().unwrap(), id);
    });
    let stats = pool.session_stats();
    assert_eq!((stats.hits, stats.misses), (1, 1));
    assert_eq!(pool.stats().waits, 1);
    closes_balanced(&pool);
}

/// Promise: those who wait for one resource are served in turn, the more urgent first. Provoked: three of one priority, and one before them
/// that came last.
#[test]
fn those_who_wait_for_one_resource_are_served_in_turn() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(2).clock(&clock).checkout_timeout(MINUTE).build().unwrap();
    let _runs_out = TimeRunsOut(&clock);
    let (held, served) = (pool.checkout_for("a").unwrap(), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for (nth, priority) in
            [Priority::Normal, Priority::Normal, Priority::Normal, Priority::High].into_iter().enumerate()
        {
            let (pool, served) = (&pool, &served);
            scope.spawn(move || {
                let guard = pool.request().session(SessionMode::Wait).priority(priority).checkout_for("a").unwrap();
                served.lock().unwrap().push(nth);
                drop(guard);
            });
            until(|| pool.stats().waiting == nth + 1);
            clock.advance(Duration::from_millis(1));
        }
        drop(held);
    });
    assert_eq!(served.into_inner().unwrap(), [3, 0, 1, 2]);
    closes_balanced(&pool);
}

/// Promise: neither those in the queue nor those who wait for the one resource starve the others: whoever came first is served first
/// where that is promised. Provoked: one of each, in both orders.
#[test]
fn who_came_first_is_served_first_whatever_it_waits_for() {
    for queue_first in [true, false] {
        let clock = VirtualClock::new();
        let pool = Pool::builder(Probe::new()).fairness(Fairness::Fifo).clock(&clock).build().unwrap();
        let _runs_out = TimeRunsOut(&clock);
        let (held, served) = (pool.checkout_for("a").unwrap(), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for (nth, with_key) in [!queue_first, queue_first].into_iter().enumerate() {
                let (pool, served) = (&pool, &served);
                scope.spawn(move || {
                    let guard = match with_key {
                        true => pool.request().session(SessionMode::Wait).checkout_for("a"),
                        false => pool.checkout(),
                    };
                    served.lock().unwrap().push(nth);
                    drop(guard.unwrap());
                });
                until(|| pool.stats().waiting == nth + 1);
                clock.advance(Duration::from_millis(1));
            }
            drop(held);
        });
        assert_eq!(served.into_inner().unwrap(), [0, 1], "queue first: {queue_first}");
        closes_balanced(&pool);
    }
}

/// Promise: a wait that was in vain says who holds the resource, where, and what to do. Provoked: a holder that does not give back.
#[test]
fn a_wait_in_vain_names_the_holder() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).name("sessions").max_size(2).clock(&clock).build().unwrap();
    let _runs_out = TimeRunsOut(&clock);
    let held = pool.checkout_for("a").unwrap();
    thread::scope(|scope| {
        let waits = || pool.request().session(SessionMode::Wait).timeout(MINUTE).checkout_for("a").map(drop);
        let waiter = scope.spawn(waits);
        until(|| pool.stats().waiting == 1);
        clock.advance(MINUTE);
        let error = waiter.join().unwrap().unwrap_err();
        let text = error.to_string();
        let CheckoutError::SessionBusy(busy) = &error else { panic!("{error:?}") };
        assert_eq!((busy.id, busy.waited, busy.deadlock), (held.id(), MINUTE, false));
        assert_eq!(busy.holder.as_ref().unwrap().id, held.id());
        assert!(error.is_retryable());
        for part in ["pool \"sessions\"", "60.0s", "modes.rs", "a_wait_in_vain_names_the_holder", "SessionMode::Hint"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    });
    assert_eq!(pool.session_stats().refused, 1);
    assert_eq!(pool.stats().waiting, 0);
    drop(held);
    closes_balanced(&pool);
}

/// Promise: who is to fail does so at once, and its binding stays. Provoked: its resource in use, and free again; others are free.
#[test]
fn who_is_to_fail_does_so_at_once() {
    let pool = Pool::builder(Probe::new()).max_size(3).on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let fail = || pool.request().session(SessionMode::Fail).checkout_for("a");
    let id = fail().unwrap().id();
    let held = pool.checkout_for("a").unwrap();
    assert_eq!(held.id(), id);
    let error = fail().unwrap_err();
    let CheckoutError::SessionBusy(busy) = &error else { panic!("{error:?}") };
    // It is this very thread that has it.
    assert!(busy.deadlock && !error.is_retryable(), "{error}");
    assert!(error.to_string().contains("modes.rs"), "{error}");
    thread::scope(|scope| {
        let error = scope.spawn(|| fail().map(drop).unwrap_err()).join().unwrap();
        assert!(error.is_retryable(), "{error}");
        assert!(error.to_string().ends_with("or take another with SessionMode::Hint"), "{error}");
    });
    drop(held);
    assert_eq!(fail().unwrap().id(), id);
    let stats = pool.session_stats();
    assert_eq!((stats.hits, stats.misses, stats.refused), (2, 1, 2));
    assert_eq!((pool.stats().waits, pool.stats().rejected), (0, 2));
    closes_balanced(&pool);
}

/// Promise: who fails may come again, also where the thread that took the resource is its own: another one may drop the guard. Provoked: a
/// guard that moved, in a pool that is not asked to look for deadlocks.
#[test]
fn a_guard_that_moved_is_no_deadlock() {
    let pool = pool(2);
    let held = pool.request().checkout_owned_for("a").unwrap();
    let error = pool.request().session(SessionMode::Fail).checkout_for("a").unwrap_err();
    let CheckoutError::SessionBusy(busy) = &error else { panic!("{error:?}") };
    assert!(!busy.deadlock && error.is_retryable(), "{error}");
    let id = busy.id;
    thread::scope(|scope| scope.spawn(move || drop(held)).join().unwrap());
    assert_eq!(pool.request().session(SessionMode::Fail).checkout_for("a").unwrap().id(), id);
    closes_balanced(&pool);
}

/// Promise: a hint with a wait gets its own if that comes back in time. Provoked: a holder that gives back while it waits.
#[test]
fn a_hint_with_a_wait_gets_its_own_if_it_comes_in_time() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(2).clock(&clock).build().unwrap();
    let _runs_out = TimeRunsOut(&clock);
    let held = pool.checkout_for("a").unwrap();
    let id = held.id();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.request().session(HINT_10_MS).checkout_for("a").unwrap().id());
        until(|| pool.stats().waiting == 1);
        drop(held);
        assert_eq!(waiter.join().unwrap(), id);
    });
    assert_eq!(pool.session_stats().hits, 1);
    closes_balanced(&pool);
}

/// Promise: a hint with a wait takes another when that is over, which is its own from then on. Provoked: a holder that does not give back.
#[test]
fn a_hint_with_a_wait_takes_another_after_it() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(2).clock(&clock).build().unwrap();
    let _runs_out = TimeRunsOut(&clock);
    let held = pool.checkout_for("a").unwrap();
    let other = thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.request().session(HINT_10_MS).checkout_for("a").unwrap().id());
        until(|| pool.stats().waiting == 1);
        assert!(!waiter.is_finished(), "it waits although another is free");
        passes(&clock, || waiter.is_finished());
        waiter.join().unwrap()
    });
    assert_ne!(other, held.id());
    assert_eq!(pool.checkout_for("a").unwrap().id(), other);
    let stats = pool.session_stats();
    assert_eq!((stats.hits, stats.misses, stats.in_use), (1, 2, 1));
    drop(held);
    closes_balanced(&pool);
}

/// Promise: waits for one resource count as waits: `max_waiters` bounds them. Provoked: none allowed, and one allowed of each kind.
#[test]
fn waits_for_one_resource_are_bounded_with_the_others() {
    let pool = Pool::builder(Probe::new()).max_waiters(1).build().unwrap();
    let refused = |with_key: bool| {
        let request = pool.request().session(SessionMode::Wait);
        let outcome = if with_key { request.checkout_for("a") } else { request.checkout() };
        matches!(outcome, Err(CheckoutError::Saturated(_)))
    };
    // Who has waited leaves its place to the next.
    for _ in 0..3 {
        let held = pool.checkout_for("a").unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.request().session(SessionMode::Wait).checkout_for("a").map(drop));
            until(|| pool.stats().waiting == 1 || waiter.is_finished());
            assert!(!waiter.is_finished() && refused(true) && refused(false));
            drop(held);
            waiter.join().unwrap().unwrap();
        });
    }
    closes_balanced(&pool);
}

/// Promise: closing ends the wait for one resource at once, though that stays out. Provoked: a close while one waits.
#[test]
fn closing_ends_the_wait_for_one_resource() {
    let pool = pool(2);
    let held = pool.checkout_for("a").unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.request().session(SessionMode::Wait).checkout_for("a").map(drop));
        until(|| pool.stats().waiting == 1);
        let report = pool.close(Duration::ZERO);
        assert_eq!((report.waiters_woken, report.still_out.len()), (1, 1));
        assert!(matches!(waiter.join().unwrap(), Err(CheckoutError::Closed(_))));
    });
    let late = pool.request().session(SessionMode::Wait).checkout_for("a").unwrap_err();
    assert!(matches!(late, CheckoutError::Closed(_)), "{late}");
    drop(held);
    closes_balanced(&pool);
}

/// Promise: a thread that waits for what it holds itself is told at once, if that is wanted. Provoked: one thread, one key, twice.
#[test]
fn who_waits_for_what_it_holds_is_refused() {
    let pool = Pool::builder(Probe::new()).max_size(2).on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let held = pool.checkout_for("a").unwrap();
    let error = pool.request().session(SessionMode::Wait).checkout_for("a").unwrap_err();
    assert!(matches!(error, CheckoutError::WouldDeadlock(_)), "{error}");
    // Another is free, and a hint takes it.
    assert_ne!(pool.request().session(HINT_10_MS).checkout_for("a").unwrap().id(), held.id());
    drop(held);
    closes_balanced(&pool);
}

/// Promise: of threads that wait for each other's resources one is told, though others are free; both may be, if they come at the same moment.
/// Provoked: two threads crosswise; then one for the other's, which waits in the queue of a pool that is all taken.
#[test]
fn who_waits_in_a_circle_is_refused() {
    for crosswise in [true, false] {
        let size = if crosswise { 3 } else { 2 };
        let pool = Pool::builder(Probe::new()).max_size(size).checkout_timeout(MINUTE);
        let pool = pool.on_deadlock(OnDeadlock::Refuse).build().unwrap();
        let was_refused = |outcome: Result<Checkout<'_, Probe>, CheckoutError>| match outcome {
            Ok(_) => false,
            Err(CheckoutError::WouldDeadlock(_)) => true,
            Err(error) => panic!("{error}"),
        };
        let own = pool.checkout_for("a").unwrap();
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let _own = pool.checkout_for("b").unwrap();
                was_refused(match crosswise {
                    true => pool.request().session(SessionMode::Wait).checkout_for("a"),
                    false => pool.checkout(),
                })
            });
            until(|| pool.stats().waiting == 1);
            let refused = was_refused(pool.request().session(SessionMode::Wait).checkout_for("b"));
            drop(own);
            assert!(other.join().unwrap() || refused);
        });
        closes_balanced(&pool);
    }
}

/// Promise: the same where who closes the circle waits in the queue; both may be told. Provoked: two threads that hold all there is, of which one waits for the
/// other's.
#[test]
fn who_closes_a_circle_in_the_queue_is_refused() {
    let pool = Pool::builder(Probe::new()).max_size(2).checkout_timeout(MINUTE);
    let pool = pool.on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let own = pool.checkout_for("a").unwrap();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let _own = pool.checkout_for("b").unwrap();
            pool.request().session(SessionMode::Wait).checkout_for("a").map(drop)
        });
        until(|| pool.stats().waiting == 1);
        let refused = pool.checkout().map(drop);
        drop(own);
        // Who was counted and has not looked yet may be told as well, or in its place.
        let outcomes = [refused, other.join().unwrap()];
        let was_refused = |outcome: &Result<(), _>| matches!(outcome, Err(CheckoutError::WouldDeadlock(_)));
        assert!(outcomes.iter().any(was_refused), "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| outcome.is_ok() || was_refused(outcome)), "{outcomes:?}");
    });
    closes_balanced(&pool);
}

/// Promise: who takes another after a while is in no circle while there is another. Provoked: two threads crosswise, of which one has a hint.
#[test]
fn who_takes_another_after_a_while_closes_no_circle() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(3).checkout_timeout(60 * MINUTE).clock(&clock);
    let pool = pool.on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let _runs_out = TimeRunsOut(&clock);
    let (own, is_over) = (pool.checkout_for("a").unwrap(), AtomicBool::new(false));
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let theirs = pool.checkout_for("b").unwrap();
            let instead = pool.request().session(HINT_10_MS).checkout_for("a").unwrap();
            (theirs.id(), instead.id())
        });
        until(|| pool.stats().waiting == 1);
        scope.spawn(|| {
            until(|| pool.stats().waiting == 2 || is_over.load(SeqCst));
            passes(&clock, || is_over.load(SeqCst));
        });
        let got = pool.request().session(SessionMode::Wait).checkout_for("b").map(|got| got.id());
        is_over.store(true, SeqCst);
        clock.advance(MINUTE);
        let (theirs, instead) = other.join().unwrap();
        assert_eq!(got.unwrap(), theirs);
        assert_ne!(instead, own.id());
    });
    drop(own);
    closes_balanced(&pool);
}

/// Promise: who holds its own already does not wait for it. Provoked: a hint of a minute, of which none passes.
#[test]
fn who_waits_for_what_it_holds_itself_takes_another_at_once() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(2).clock(&clock).on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let own = pool.checkout_for("a").unwrap();
    let another = pool.request().session(SessionMode::Hint { wait: MINUTE }).checkout_for("a").unwrap();
    assert_ne!(own.id(), another.id());
    drop((own, another));
    closes_balanced(&pool);
}

/// Promise: nobody is told of a circle because its own was handed to it while it looked for one. Provoked: threads that hold nothing while they
/// wait, in turn for the same; where circles were refused from the beginning, and where only reported at first.
#[test]
fn who_is_handed_its_own_while_it_looks_for_a_circle_is_told_of_none() {
    for at_first in [OnDeadlock::Refuse, OnDeadlock::Report] {
        let pool =
            Pool::builder(Probe::new()).max_size(2).checkout_timeout(MINUTE).on_deadlock(at_first).build().unwrap();
        pool.reconfigure(|config| config.on_deadlock = OnDeadlock::Refuse).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        drop(pool.request().session(SessionMode::Wait).checkout_for("a").unwrap());
                    }
                });
            }
        });
        closes_balanced(&pool);
    }
}

/// Promise: a guard for a key that keeps the pool alive is as any other. Provoked: one that outlives its pool's handle.
#[test]
fn a_guard_for_a_key_can_keep_the_pool_alive() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(2).build().unwrap();
    let id = pool.checkout_for("a").unwrap().id();
    let guard = pool.request().session(SessionMode::Fail).checkout_owned_for("a").unwrap();
    assert_eq!(guard.id(), id);
    drop(pool);
    assert_eq!(guard.text, format!("thing {}", guard.number));
    drop(guard);
    until(|| probe.alive() == 0);
}
