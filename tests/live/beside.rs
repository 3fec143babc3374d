//! Changes beside what is under way: what is being made, and what is held for too long.

use super::support::{Probe, closes_balanced};
use slackwater::{DestroyReason, Keeper, OnLeak, Pool, PoolConfig, VirtualClock};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

type Later = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// An error that does something when it is dropped: the pool drops the last one once a creation has gone well, while the slot is
/// still CREATING.
struct Doing(Later);

impl Drop for Doing {
    fn drop(&mut self) {
        let then = self.0.lock().unwrap().take();
        then.into_iter().for_each(|then| then());
    }
}

impl fmt::Debug for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doing")
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the first one fails")
    }
}

impl std::error::Error for Doing {}

/// How many have expired two minutes after a resource was made with `before`, and the lifetime became `after` while it was.
fn expired(before: Option<Duration>, after: Option<Duration>) -> u64 {
    let (clock, later) = (VirtualClock::new(), Later::default());
    let errors = Mutex::new(vec![Doing(Arc::clone(&later))]);
    let make = move || errors.lock().unwrap().pop().map_or(Ok(Box::new(0)), Err);
    let mut builder = Pool::builder(make).keeper(Keeper::Manual).clock(&clock).max_size(1).min_idle(0);
    if let Some(before) = before {
        builder = builder.max_lifetime(before);
    }
    let pool = builder.build().unwrap();
    assert!(pool.try_checkout().is_err());
    let its = pool.clone();
    *later.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(its.stats().creating, 1);
        let changes = its.reconfigure(|config| config.max_lifetime = after).unwrap();
        assert_eq!(changes.len(), 1);
    }));
    clock.advance(SEC);
    drop(pool.try_checkout().unwrap());
    assert!(later.lock().unwrap().is_none(), "the change came while it was made");
    clock.advance(120 * SEC);
    (0..9).for_each(|_| pool.tick());
    let expired = pool.stats().destroyed.by(DestroyReason::Expired);
    closes_balanced(&pool);
    expired
}

#[test]
fn a_lifetime_is_that_of_a_resource_that_is_being_made_too() {
    let minute = Some(60 * SEC);
    assert_eq!((expired(None, minute), expired(minute, None)), (1, 0));
    assert_eq!((expired(None, Some(600 * SEC)), expired(Some(600 * SEC), minute)), (0, 1));
}

#[test]
fn a_place_that_a_long_hold_was_lent_is_given_back_though_the_settings_lend_no_more() {
    let changes: [fn(&mut PoolConfig); 2] =
        [|c| c.on_leak = OnLeak::Report, |c| (c.on_leak, c.max_hold) = (OnLeak::Report, None)];
    for change in changes {
        let clock = VirtualClock::new();
        let pool = Pool::builder(Probe::new()).keeper(Keeper::Manual).clock(&clock).check_interval(None);
        let pool = pool.max_size(1).ceiling(2).max_hold(5 * SEC).on_leak(OnLeak::Replace { at_most: 1 });
        let pool = pool.build().unwrap();
        let pass = |seconds| {
            for _ in 0..seconds {
                clock.advance(SEC);
                pool.tick();
            }
        };
        let held = pool.checkout().unwrap();
        pass(10);
        drop(pool.try_checkout().expect("another has its place"));
        let changes = pool.reconfigure(change).unwrap();
        assert!(!changes.is_empty());
        pass(2);
        drop(pool.try_checkout().expect("which stays while that one is out"));
        drop(held);
        pass(5);
        let at_once: Vec<_> = std::iter::from_fn(|| pool.try_checkout().ok()).collect();
        assert_eq!((at_once.len(), pool.stats().overflow), (1, 0), "{changes}");
        drop(at_once);
        closes_balanced(&pool);
    }
}
