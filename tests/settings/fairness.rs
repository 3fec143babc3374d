//! The `fairness` field: whether a running thread may overtake one that waits.

use super::Built;
use super::support::{Probe, closes_balanced, until};
use slackwater::{CheckoutError, Fairness, Keeper, Pool, VirtualClock};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// Gives back and takes again, up to `rounds` times, with somebody in the queue each time; before each return the waiter
/// ages by `age`. Says whether the waiter was ever overtaken.
fn is_overtaken(fairness: Fairness, age: Duration, rounds: usize) -> bool {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = Pool::builder(probe).fairness(fairness).keeper(Keeper::Manual).clock(&clock).built();
    let (stop, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut overtaken = false;
    let mut guard = pool.checkout().unwrap();
    thread::scope(|s| {
        // Also when this thread fails: the scope waits for the other one.
        let _stop = StopOnDrop(&stop);
        s.spawn(|| {
            while !stop.load(SeqCst) {
                let guard = pool.request().timeout(Duration::from_secs(3600 * 24)).checkout().unwrap();
                served.fetch_add(1, SeqCst);
                drop(guard);
            }
        });
        for _ in 0..rounds {
            until(|| pool.stats().waiting == 1);
            clock.advance(age);
            let before = served.load(SeqCst);
            drop(guard);
            let again = pool.try_checkout();
            overtaken = again.is_ok() && served.load(SeqCst) == before;
            guard = match again {
                Ok(guard) => guard,
                Err(CheckoutError::Exhausted(_)) => pool.checkout().unwrap(),
                Err(error) => panic!("{error}"),
            };
            if overtaken {
                break;
            }
        }
        drop(guard);
    });
    closes_balanced(&pool);
    overtaken
}

struct StopOnDrop<'f>(&'f AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

const SEC: Duration = Duration::from_secs(1);

#[test]
fn barging_lets_a_running_thread_overtake() {
    assert!(is_overtaken(Fairness::Barging, 10 * SEC, 100_000));
}

#[test]
fn fifo_lets_nobody_overtake() {
    assert!(!is_overtaken(Fairness::Fifo, Duration::ZERO, 300));
}

#[test]
fn eventual_lets_nobody_overtake_a_waiter_older_than_its_bound() {
    assert!(!is_overtaken(Fairness::Eventual { bound: SEC }, 2 * SEC, 300));
}

#[test]
fn eventual_lets_a_running_thread_overtake_a_younger_one() {
    assert!(is_overtaken(Fairness::Eventual { bound: 60 * SEC }, SEC / 1000, 100_000));
}
