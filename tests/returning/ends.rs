//! Guards that end otherwise than by a return: discarded, detached, forgotten.

use super::support::{Probe, closes_balanced, until};
use super::{destroyed, one_still, the_end_serves_a_waiter};
use slackwater::{DestroyReason, Pool, ResourceId};
use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

#[test]
fn a_discarded_resource_is_destroyed_unasked_and_its_place_is_free() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    pool.checkout().unwrap().discard("out of tune");
    assert_eq!(destroyed(&pool, DestroyReason::Discarded), (1, 1));
    assert_eq!((probe.is_broken.calls(), probe.recycle.calls(), probe.destroy.calls()), (0, 0, 1));
    assert_eq!(pool.checkout().unwrap().number, 2);
    closes_balanced(&pool);
    assert_eq!(probe.alive(), 0);
}

#[test]
fn a_detached_resource_is_the_callers_and_no_callback_sees_it_again() {
    let probe = Probe::new();
    let pool = one_still(&probe);
    let thing = pool.checkout().unwrap().detach();
    assert_eq!((probe.is_broken.calls(), probe.recycle.calls(), probe.destroy.calls()), (0, 0, 0));
    assert_eq!((pool.stats().detached, pool.stats().total), (1, 0));
    assert_eq!(pool.checkout().unwrap().number, 2);
    let owned = pool.checkout_owned().unwrap().detach();
    closes_balanced(&pool);
    drop(pool);
    assert_eq!((thing.text.as_str(), owned.text.as_str(), probe.alive()), ("thing 1", "thing 2", 2));
}

#[test]
fn discarding_serves_a_waiter_with_a_new_one() {
    the_end_serves_a_waiter(|held| held.discard("no more"));
}

#[test]
fn detaching_serves_a_waiter_with_a_new_one() {
    the_end_serves_a_waiter(|held| drop(held.detach()));
}

#[test]
fn a_forgotten_guard_is_one_visible_leak_until_the_pool_is_gone() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(2).name("leaky").build().unwrap();
    let line = line!() + 1;
    std::mem::forget(pool.checkout().unwrap());
    let holders = pool.holders();
    assert_eq!((pool.stats().in_use, pool.stats().available, holders.len()), (1, 1, 1));
    assert_eq!((holders[0].site.file(), holders[0].site.line()), (file!(), line));
    drop(pool.checkout().unwrap());
    let report = pool.close(Duration::ZERO);
    until(|| pool.stats().destroyed.total() == 1);
    assert!(!report.is_complete() && report.still_out.len() == 1, "{report}");
    assert!(report.to_string().contains(&format!("{}:{line}", file!())), "{report}");
    assert!(pool.audit().is_clean(), "{}", pool.audit());
    drop(pool);
    until(|| probe.alive() == 0);
    assert_eq!(probe.destroy.calls(), 2, "the pool's own end destroys what was forgotten");
}

#[test]
fn no_two_resources_ever_have_the_same_id() {
    let pool = Pool::builder(Probe::new()).max_size(3).build().unwrap();
    let seen: Mutex<HashMap<ResourceId, usize>> = Mutex::default();
    thread::scope(|s| {
        for thread in 0..4 {
            let (pool, seen) = (&pool, &seen);
            s.spawn(move || {
                for round in 0..500 {
                    let guard = pool.checkout().unwrap();
                    let (id, number) = (guard.id(), guard.number);
                    match (thread + round) % 4 {
                        0 => guard.discard("next"),
                        1 => drop(guard.detach()),
                        _ => drop(guard),
                    }
                    let named = *seen.lock().unwrap().entry(id).or_insert(number);
                    assert_eq!(named, number, "{id} names two resources");
                }
            });
        }
    });
    closes_balanced(&pool);
    let seen = seen.into_inner().unwrap();
    let numbers: std::collections::HashSet<_> = seen.values().collect();
    assert_eq!(numbers.len(), seen.len(), "one resource has two ids");
}
