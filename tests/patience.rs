//! Patience: one deadline for all that happens during a wait, and nothing but its end or a resource ends it.

mod support;

use slackwater::{CheckoutError, Creation, Keeper, Pool, VirtualClock};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use support::{Act, Probe, TimeRunsOut, WATCHDOG, closes_balanced, until};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn waited(outcome: Result<usize, CheckoutError>) -> Duration {
    match outcome {
        Err(CheckoutError::Timeout(timeout)) => timeout.waited,
        other => panic!("{other:?}"),
    }
}

/// Each time it is woken, what came back is of no use, and what is made in its place fails or hangs. All of that happens in
/// the one second it has.
#[test]
fn a_wait_that_is_disappointed_again_and_again_ends_at_its_deadline() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let builder = Pool::builder(probe.clone()).max_size(3).creation(Creation::Background).clock(&clock);
    let pool = builder.keeper(Keeper::Manual).build().unwrap();
    let mut held: Vec<_> = (0..3).map(|_| pool.checkout_owned().unwrap()).collect();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout_timeout(SEC).map(|thing| thing.number));
        let _on_failure = TimeRunsOut(&clock);
        until(|| pool.stats().waiting == 1);
        probe.create.always(Act::Fail);
        let mut back = held.remove(0);
        probe.check.next([Act::Panic]);
        back.mark_suspect();
        drop(back);
        for again in 1..=3 {
            clock.advance(300 * MS);
            pool.tick();
            assert_eq!((pool.stats().waiting, pool.stats().timeouts), (1, 0), "{:?}", clock.elapsed());
            if again == 1 {
                probe.recycle.next([Act::Panic]);
                drop(held.remove(0));
            }
        }
        assert!(pool.stats().create_failures >= 2 && pool.stats().destroyed.total() == 2);
        clock.advance(100 * MS);
        assert_eq!(waited(waiter.join().unwrap()), SEC);
    });
    drop(held);
    closes_balanced(&pool);
}

/// All that is free has idled for long, and every check fails: the caller waits its second, whoever checks.
#[test]
fn checks_before_lending_have_no_time_of_their_own() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let builder = Pool::builder(probe.clone()).max_size(3).check_if_idle_for(60 * SEC).check_interval(None);
    let pool = builder.remove_after(1).creation(Creation::Background).clock(&clock).build().unwrap();
    clock.advance(60 * SEC);
    until(|| {
        pool.tick();
        pool.resources().iter().all(|resource| resource.idle >= 60 * SEC)
    });
    probe.check.always(Act::Fail);
    probe.create.shut();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout_timeout(SEC).map(|thing| thing.number));
        let _on_failure = TimeRunsOut(&clock);
        until(|| pool.stats().waiting == 1 && probe.check.calls() >= 1);
        clock.advance(SEC);
        assert_eq!(waited(waiter.join().unwrap()), SEC);
    });
    probe.create.open();
    until(|| pool.stats().creating == 0);
    closes_balanced(&pool);
}

/// What the pool parks for is a state, not a wake-up: others may wake its threads for reasons of their own.
#[test]
fn a_stray_unpark_ends_no_wait() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).clock(&clock).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        let waiters: Vec<_> = (0..2).map(|_| s.spawn(|| pool.checkout().map(|thing| thing.number))).collect();
        let _on_failure = TimeRunsOut(&clock);
        until(|| pool.stats().waiting == 2);
        for _ in 0..1_000 {
            waiters.iter().for_each(|waiter| waiter.thread().unpark());
            thread::yield_now();
        }
        assert_eq!((pool.stats().waiting, pool.stats().timeouts), (2, 0));
        drop(held);
        assert!(waiters.into_iter().all(|waiter| matches!(waiter.join().unwrap(), Ok(1))));
    });
    closes_balanced(&pool);
}

/// A thread that was unparked before it asks is not short of that when it waits, nor does it wait less.
#[test]
fn an_unpark_before_the_wait_is_no_resource() {
    let pool = Pool::builder(Probe::new()).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::current().unpark();
    let began = std::time::Instant::now();
    assert!(waited(pool.checkout_timeout(20 * MS).map(|thing| thing.number)) >= 20 * MS);
    assert!(began.elapsed() >= 20 * MS && began.elapsed() < WATCHDOG);
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn who_gave_up_makes_room_in_a_bounded_queue() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_waiters(2).clock(&clock).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    for round in 1..=20 {
        thread::scope(|s| {
            let waiters = [(); 2].map(|()| s.spawn(|| pool.checkout_timeout(SEC).map(|thing| thing.number)));
            let _on_failure = TimeRunsOut(&clock);
            until(|| pool.stats().waiting == 2);
            assert!(matches!(pool.checkout(), Err(CheckoutError::Saturated(_))));
            clock.advance(SEC);
            for waiter in waiters {
                assert_eq!(waited(waiter.join().unwrap()), SEC);
            }
        });
        assert_eq!((pool.stats().waiting, pool.stats().rejected), (0, round));
    }
    drop(held);
    closes_balanced(&pool);
}

/// What the closure gives back is its own affair, nothing included; what it was lent goes back each time.
#[test]
fn with_gives_the_resource_back_whatever_its_closure_gives() {
    let pool = Pool::builder(Probe::new()).build().unwrap();
    assert_eq!(pool.with(|_| None::<String>).unwrap(), None);
    assert_eq!(pool.with(|thing| thing.text.len()).unwrap(), "thing 1".len());
    let ran = AtomicBool::new(false);
    let held = pool.checkout().unwrap();
    let outcome = pool.request().timeout(Duration::ZERO).checkout().map(|_| ran.store(true, SeqCst));
    assert!(outcome.is_err() && !ran.load(SeqCst));
    drop(held);
    assert_eq!((pool.stats().available, pool.stats().created), (1, 1));
    closes_balanced(&pool);
}
