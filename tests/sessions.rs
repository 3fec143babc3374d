//! Sessions: a key that comes again gets the resource it had last.

mod support;

#[path = "sessions/binding.rs"]
mod binding;
#[path = "sessions/crowd.rs"]
mod crowd;
#[path = "sessions/ends.rs"]
mod ends;
#[path = "sessions/modes.rs"]
mod modes;

use slackwater::{CheckoutError, Pool, Strategy};
use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;
use support::{Probe, closes_balanced, until};

fn pool(size: usize, strategy: Strategy) -> Pool<Probe> {
    let pool = Pool::builder(Probe::new()).max_size(size).min_idle(size).strategy(strategy).build().unwrap();
    until(|| pool.stats().available == size);
    pool
}

const STRATEGIES: [Strategy; 3] = [Strategy::Affine, Strategy::Lifo, Strategy::Fifo];

/// Promise: a key finds the resource that it had last, whoever comes in between and whatever order the pool lends in. Provoked: keys in turn,
/// from one thread and from others, with checkouts without a key between them.
#[test]
fn a_key_finds_the_resource_it_had_last() {
    for strategy in STRATEGIES {
        let pool = pool(8, strategy);
        let had: HashMap<u32, _> = (0..4).map(|key| (key, pool.checkout_for(&key).unwrap().id())).collect();
        for _ in 0..10 {
            for (key, id) in &had {
                drop(pool.checkout().unwrap());
                assert_eq!(pool.checkout_for(key).unwrap().id(), *id);
                thread::scope(|scope| {
                    scope.spawn(|| assert_eq!(pool.checkout_for(key).unwrap().id(), *id));
                });
            }
        }
        let stats = pool.session_stats();
        assert_eq!((stats.hits, stats.misses), (80, 4));
        closes_balanced(&pool);
    }
}

/// Promise: a resource that is in use is not waited for, and the one taken in its place is the key's own from then on. Provoked: the same key
/// twice at once.
#[test]
fn another_is_taken_while_its_own_is_in_use() {
    for strategy in STRATEGIES {
        let pool = pool(2, strategy);
        let first = pool.checkout_for("a").unwrap();
        let second = pool.checkout_for("a").unwrap();
        assert_ne!(first.id(), second.id());
        let id = second.id();
        drop((first, second));
        assert_eq!(pool.checkout_for("a").unwrap().id(), id);
        closes_balanced(&pool);
    }
}

/// Promise: a key whose resource has ended gets another, never what took its place under the same slot unseen. Provoked: a discard.
#[test]
fn a_key_whose_resource_has_ended_begins_anew() {
    let pool = pool(1, Strategy::Affine);
    let first = pool.checkout_for("a").unwrap();
    let ended = first.id();
    first.discard("it is to end");
    let second = pool.checkout_for("a").unwrap().id();
    assert_ne!(second, ended);
    assert_eq!(pool.checkout_for("a").unwrap().id(), second);
    let stats = pool.session_stats();
    assert_eq!((stats.hits, stats.misses), (1, 2));
    closes_balanced(&pool);
}

/// Promise: a checkout for a key waits, times out and is counted as any other. Provoked: nothing free.
#[test]
fn a_checkout_for_a_key_has_the_patience_of_any_other() {
    let pool = pool(1, Strategy::Affine);
    let held = pool.checkout_for("a").unwrap();
    let refused = pool.request().timeout(std::time::Duration::ZERO).checkout_for("a").unwrap_err();
    assert!(matches!(refused, CheckoutError::Timeout(_)), "{refused}");
    assert!(refused.to_string().contains("sessions.rs"), "{refused}");
    drop(held);
    assert_eq!(pool.session_stats().misses, 1);
    closes_balanced(&pool);
}

/// Promise: threads with keys of their own, as many as there are resources, nearly always find their own. Provoked: four threads with two
/// keys each on eight resources.
#[test]
fn sessions_that_fit_the_pool_find_their_own() {
    let (pool, together) = (pool(8, Strategy::Affine), Barrier::new(4));
    thread::scope(|scope| {
        for thread in 0..4_u32 {
            let (pool, together) = (&pool, &together);
            scope.spawn(move || {
                together.wait();
                for round in 0..2_000_u32 {
                    drop(pool.checkout_for(&(thread, round % 2)).unwrap());
                }
            });
        }
    });
    let stats = pool.session_stats();
    assert_eq!(stats.hits + stats.misses, 8_000);
    assert!(stats.hits > 7_600, "{stats:?}");
    closes_balanced(&pool);
}
