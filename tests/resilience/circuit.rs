//! The pool's breaker: what it refuses, what goes on, whom it tells, and how it comes back.

use super::support::{Act, TimeRunsOut, closes_balanced, until};
use super::*;
use slackwater::{Checkout, PoolEvent};
use std::thread;

#[test]
fn failures_in_a_row_open_it_and_one_success_between_them_does_not() {
    for creation in [Creation::Inline, Creation::Background] {
        let (probe, clock, builder) = still(creation);
        let pool = builder.max_size(9).breaker(BreakerConfig::new()).build().unwrap();
        // One failure in twenty, five times over: thresholds that mix counts with shares would have opened.
        for _ in 0..5 {
            probe.create.next([Act::Fail]);
            fail(&pool, &clock, 1);
            clock.advance(MS);
            let held = pool.try_checkout().or_else(|_| {
                pool.tick();
                pool.try_checkout()
            });
            held.unwrap().discard("to make another");
            pool.tick();
            assert_eq!(state(&pool), BreakerState::Closed, "{creation:?}");
        }
        probe.create.always(Act::Fail);
        fail(&pool, &clock, 4);
        assert_eq!(state(&pool), BreakerState::Closed, "four are not five");
        fail(&pool, &clock, 1);
        assert_eq!(state(&pool), BreakerState::Open, "{creation:?}");
        probe.create.always(Act::Pass);
        closes_balanced(&pool);
    }
}

#[test]
fn by_a_rate_it_opens_at_that_share_of_so_many_in_that_time() {
    let (probe, clock, builder) = still(Creation::Inline);
    let by_rate = BreakerConfig::new().failure_rate(0.5, 10 * SEC, 4).open_for(SEC);
    let pool = builder.max_size(9).breaker(by_rate).build().unwrap();
    let after = |act| {
        clock.advance(MS);
        probe.create.next([act]);
        pool.try_checkout().into_iter().for_each(|made| made.discard("to make another"));
        pool.tick();
        state(&pool)
    };
    assert_eq!([Act::Pass, Act::Fail, Act::Fail].map(after), [BreakerState::Closed; 3], "three are too few");
    clock.advance(20 * SEC);
    let few = [Act::Pass, Act::Pass, Act::Pass, Act::Fail, Act::Fail];
    assert_eq!(few.map(after), [BreakerState::Closed; 5], "two of five, and those before are forgotten");
    assert_eq!(after(Act::Fail), BreakerState::Open, "half of six");
    closes_balanced(&pool);
}

#[test]
fn open_it_refuses_at_once_with_cause_and_time_and_asks_nobody() {
    for creation in [Creation::Inline, Creation::Background] {
        let (probe, clock, builder) = still(creation);
        let pool = builder.max_size(2).name("css").breaker(quick()).build().unwrap();
        probe.create.always(Act::Fail);
        fail(&pool, &clock, 3);
        let calls = probe.create.calls();
        clock.advance(400 * MS);
        for _ in 0..50 {
            let open = circuit_open(pool.checkout());
            assert_eq!((open.retry_after, open.failures), (600 * MS, 3));
            assert_eq!(cause(&open).map(|refused| refused.by), Some("create"));
            circuit_open(pool.try_checkout());
            pool.tick();
        }
        assert_eq!(probe.create.calls(), calls, "{creation:?}");
        let error = pool.checkout().unwrap_err();
        assert_eq!((error.is_retryable(), error.retry_after()), (true, Some(600 * MS)));
        assert_eq!(
            error.to_string(),
            "pool \"css\": the circuit is open after 3 failures and no resource is alive: create was told to fail; \
             mend that, creation is tried again in 600.0ms"
        );
        closes_balanced(&pool);
    }
}

#[test]
fn open_it_lends_what_is_alive_and_lets_wait_for_what_is_held() {
    let (probe, clock, builder) = still(Creation::Inline);
    let pool = builder.max_size(2).breaker(quick()).build().unwrap();
    let held = pool.checkout().unwrap();
    probe.create.always(Act::Fail);
    fail(&pool, &clock, 3);
    assert_eq!(state(&pool), BreakerState::Open);
    thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        let waiter = s.spawn(|| pool.checkout().map(|thing| thing.number));
        until(|| pool.stats().waiting == 1);
        drop(held);
        assert_eq!(waiter.join().unwrap().unwrap(), 1, "served by the return");
    });
    assert_eq!(pool.checkout().unwrap().number, 1, "what is free is lent");
    assert_eq!(state(&pool), BreakerState::Open);
    closes_balanced(&pool);
}

#[test]
fn waiters_are_told_when_it_opens_and_when_the_last_resource_goes() {
    for creation in [Creation::Inline, Creation::Background] {
        let (probe, clock, builder) = still(creation);
        let pool = builder.max_size(2).checkout_timeout(3600 * SEC).breaker(quick());
        let pool = pool.backoff(Backoff::new(MS, MS).attempts(100).without_jitter()).build().unwrap();
        let held = loop {
            match pool.try_checkout() {
                Ok(held) => break held,
                Err(_) => pool.tick(),
            }
        };
        probe.create.always(Act::Fail);
        let told = |end: &dyn Fn()| {
            thread::scope(|s| {
                let _on_failure = TimeRunsOut(&clock);
                let waiters: Vec<_> = (0..4).map(|_| s.spawn(|| circuit_open(pool.checkout()))).collect();
                until(|| pool.stats().waiting == 4);
                end();
                for waiter in waiters {
                    let open = waiter.join().unwrap();
                    assert_eq!(cause(&open).map(|refused| refused.by), Some("create"), "{creation:?}");
                }
            });
        };
        // One is alive: they wait for it while the circuit opens. When it is gone, there is nothing to wait for.
        let held = std::cell::Cell::new(Some(held));
        told(&|| {
            until(|| {
                clock.advance(MS);
                pool.tick();
                state(&pool) == BreakerState::Open
            });
            // Whoever found out that it opened is about to queue again.
            until(|| pool.stats().waiting == 4);
            held.take().unwrap().discard("the last one");
            pool.tick();
        });
        // Nothing is alive, they wait for a creation, and it fails too often.
        pool.reset_breaker();
        told(&|| {
            until(|| {
                clock.advance(MS);
                pool.tick();
                state(&pool) == BreakerState::Open
            });
        });
        closes_balanced(&pool);
    }
}

#[test]
fn probes_are_made_on_the_crew_and_never_more_than_so_many_at_once() {
    for creation in [Creation::Inline, Creation::Background] {
        let (probe, clock, builder) = still(creation);
        let builder = builder.keeper(Keeper::Dedicated).max_size(8).checkout_timeout(3600 * SEC);
        let pool = builder.breaker(quick().probes(2)).build().unwrap();
        pool.trip_breaker();
        probe.create.shut();
        // Somebody was refused, and the keeper has a probe made although nobody asks again.
        circuit_open(pool.checkout());
        clock.advance(SEC);
        until(|| probe.create.inside() == 1);
        thread::scope(|s| {
            let _on_failure = TimeRunsOut(&clock);
            let waiters: Vec<_> = (0..6).map(|_| s.spawn(|| pool.checkout().map(|thing| thing.number))).collect();
            until(|| pool.stats().waiting == 6 && probe.create.inside() == 2);
            assert_eq!((probe.create.calls(), state(&pool)), (2, BreakerState::HalfOpen));
            probe.create.let_through(1);
            // One of two successes; the next probe takes its place, or the waiter's return made it needless.
            until(|| pool.stats().created == 1);
            assert_eq!(state(&pool), BreakerState::HalfOpen);
            probe.create.let_through(1);
            until(|| state(&pool) == BreakerState::Closed);
            probe.create.open();
            for waiter in waiters {
                waiter.join().unwrap().unwrap();
            }
        });
        let me = thread::current().id();
        assert!(probe.create.threads()[..2].iter().all(|thread| *thread != me), "{creation:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn a_probe_that_fails_tells_those_who_waited_for_it_and_doubles_the_time() {
    let (probe, clock, builder) = still(Creation::Background);
    let config = BreakerConfig::new().failure_threshold(1).open_for(5 * SEC).open_for_at_first(SEC).probes(1);
    let pool = builder.checkout_timeout(3600 * SEC).breaker(config).build().unwrap();
    probe.create.always(Act::Fail);
    fail(&pool, &clock, 1);
    for (opening, next) in [(1, 2), (2, 4), (4, 5), (5, 5)] {
        assert_eq!(circuit_open(pool.checkout()).retry_after, opening * SEC);
        let calls = probe.create.calls();
        clock.advance(opening * SEC - Duration::from_nanos(1));
        pool.tick();
        assert_eq!(probe.create.calls(), calls, "not before its time");
        clock.advance(Duration::from_nanos(1));
        thread::scope(|s| {
            let _on_failure = TimeRunsOut(&clock);
            let waiter = s.spawn(|| circuit_open(pool.checkout()));
            until(|| pool.stats().waiting == 1);
            pool.tick();
            assert_eq!(waiter.join().unwrap().retry_after, next * SEC);
        });
        assert_eq!(probe.create.calls(), calls + 1);
    }
    closes_balanced(&pool);
}

#[test]
fn each_step_is_told_once() {
    let (probe, clock, builder) = still(Creation::Background);
    let pool = builder.max_size(4).breaker(quick()).build().unwrap();
    let events = pool.subscribe(1_000);
    probe.create.always(Act::Fail);
    fail(&pool, &clock, 3);
    circuit_open(pool.checkout());
    probe.create.always(Act::Pass);
    clock.advance(SEC);
    let held: Vec<Checkout<'_, Probe>> = std::iter::from_fn(|| {
        pool.tick();
        (pool.stats().in_use < 2).then(|| {
            let _ = pool.try_checkout();
            pool.tick();
            pool.checkout().unwrap()
        })
    })
    .collect();
    let steps: Vec<_> = events
        .try_iter()
        .filter_map(|event| match event {
            PoolEvent::Breaker { from, to, failures, retry_after } => Some((from, to, failures, retry_after)),
            _ => None,
        })
        .collect();
    use BreakerState::{Closed, HalfOpen, Open};
    assert_eq!(
        steps,
        [(Closed, Open, 3, SEC), (Open, HalfOpen, 3, Duration::ZERO), (HalfOpen, Closed, 0, Duration::ZERO)]
    );
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn neither_an_empty_pool_nor_a_saturated_one_is_a_failure() {
    let (_, clock, builder) = still(Creation::Inline);
    let pool = builder.max_size(1).max_waiters(0).breaker(quick().failure_threshold(1)).build().unwrap();
    let held = pool.checkout().unwrap();
    for _ in 0..20 {
        assert!(matches!(pool.try_checkout(), Err(CheckoutError::Exhausted(_))));
        assert!(matches!(pool.checkout(), Err(CheckoutError::Saturated(_))));
        assert!(matches!(pool.checkout_timeout(Duration::ZERO), Err(CheckoutError::Saturated(_))));
        clock.advance(MS);
    }
    assert_eq!(state(&pool), BreakerState::Closed);
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn a_pool_without_one_goes_on_trying() {
    let (probe, clock, builder) = still(Creation::Inline);
    let pool = builder.breaker(None).build().unwrap();
    probe.create.always(Act::Fail);
    fail(&pool, &clock, 50);
    assert_eq!((probe.create.calls(), pool.stats().breaker), (50, None));
    pool.trip_breaker();
    pool.reset_breaker();
    closes_balanced(&pool);
}

#[test]
fn who_only_tries_gets_a_half_open_pool_going_too() {
    for creation in [Creation::Background, Creation::Inline] {
        let (_, clock, builder) = still(creation);
        let builder = builder.keeper(Keeper::Dedicated).max_size(4);
        let pool = builder.breaker(quick().probes(1)).build().unwrap();
        pool.trip_breaker();
        circuit_open(pool.try_checkout());
        clock.advance(SEC);
        until(|| pool.stats().created == 1);
        let held = std::cell::RefCell::new(Vec::<Checkout<'_, Probe>>::new());
        until(|| {
            held.borrow_mut().extend(pool.try_checkout());
            held.borrow().len() == 3
        });
        assert_eq!(state(&pool), BreakerState::Closed, "{creation:?}");
        drop(held);
        closes_balanced(&pool);
    }
}

#[test]
fn a_waiter_is_not_held_up_by_the_hung_probe_of_one_that_gave_up() {
    for creation in [Creation::Background, Creation::Inline] {
        let (probe, clock, builder) = still(creation);
        let builder = builder.keeper(Keeper::Dedicated).max_size(4).create_timeout(3600 * SEC);
        let pool = builder.breaker(quick().probes(2)).build().unwrap();
        pool.trip_breaker();
        clock.advance(SEC);
        probe.create.shut();
        thread::scope(|s| {
            let _on_failure = TimeRunsOut(&clock);
            let first = s.spawn(|| pool.checkout_timeout(MS * 10).map(drop));
            until(|| probe.create.inside() == 1 && pool.stats().waiting == 1);
            clock.advance(10 * MS);
            assert!(first.join().unwrap().is_err());
            let second = s.spawn(|| pool.checkout_timeout(3600 * SEC).map(drop));
            until(|| pool.stats().waiting == 1);
            until(|| probe.create.inside() == 2);
            probe.create.open();
            second.join().unwrap().unwrap();
        });
        closes_balanced(&pool);
    }
}

#[test]
fn an_open_circuit_lends_what_is_too_old() {
    let (_, clock, builder) = still(Creation::Inline);
    let pool = builder.max_size(2).max_lifetime(10 * SEC).lifetime_jitter(0.0).build().unwrap();
    drop(pool.checkout().unwrap());
    clock.advance(10 * SEC);
    pool.trip_breaker();
    // Not by this thread, which remembers it.
    let lent = thread::scope(|s| s.spawn(|| pool.checkout().map(|thing| thing.number)).join().unwrap());
    assert_eq!(lent.ok(), Some(1), "{:?}", pool.stats());
    closes_balanced(&pool);
}

#[test]
fn an_open_circuit_does_not_say_that_nothing_is_alive_when_something_is() {
    for creation in [Creation::Background, Creation::Inline] {
        let (_, _, builder) = still(creation);
        let pool = builder.max_size(2).build().unwrap();
        let held = loop {
            match pool.try_checkout() {
                Ok(held) => break held,
                Err(_) => pool.tick(),
            }
        };
        pool.trip_breaker();
        let error = pool.try_checkout().unwrap_err();
        assert!(!error.to_string().contains("no resource is alive"), "{creation:?}: {error}");
        drop(held);
        closes_balanced(&pool);
    }
}
