//! `KeyedPool`: one pool for each key, built once, refused by name, closed together.

mod support;

use slackwater::{CheckoutError, KeyedError, KeyedPool, Manager, Pool};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use support::{WATCHDOG, until};

type Make = fn() -> Result<Box<u32>, String>;

/// Pools for even numbers, whose size is the key; the number of times a pool was asked for is counted.
fn pools(max_keys: usize) -> (KeyedPool<u32, Make>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let keyed = KeyedPool::new(max_keys, move |key: &u32| {
        count.fetch_add(1, SeqCst);
        assert!(*key != 66, "the builder panics");
        if *key % 2 == 1 {
            return Err(format!("{key} is odd").into());
        }
        let make: Make = || Ok(Box::new(0));
        Ok(Pool::builder(make)
            .name(format!("of {key}"))
            .max_size(*key as usize)
            .checkout_timeout(Duration::from_millis(1)))
    });
    (keyed, asked)
}

#[track_caller]
fn close<M: Manager>(keyed: &KeyedPool<u32, M>) {
    for (key, report) in keyed.close(WATCHDOG) {
        assert!(report.is_complete(), "{key}: {report}");
    }
    for (_, pool) in keyed.iter() {
        support::closes_balanced(pool);
    }
}

#[test]
fn each_key_has_a_pool_of_its_own_size_and_name() {
    let (keyed, asked) = pools(4);
    let (_two, _others) = (keyed.checkout(&2).unwrap(), keyed.checkout(&2).unwrap());
    assert!(matches!(keyed.checkout(&2), Err(KeyedError::Checkout(CheckoutError::Timeout(_)))), "2 are out");
    drop(keyed.checkout(&4).unwrap());
    let mut seen: Vec<_> =
        keyed.snapshots().into_iter().map(|(key, seen)| (key, seen.stats.timeouts, seen.name)).collect();
    seen.sort();
    assert_eq!(seen, [(2, 1, Some("of 2".into())), (4, 0, Some("of 4".into()))]);
    assert_eq!(asked.load(SeqCst), 2);
    assert!(keyed.get(&6).is_none(), "a look builds nothing");
    drop((_two, _others));
    close(&keyed);
}

#[test]
fn a_key_that_is_asked_for_by_many_at_once_gets_one_pool() {
    let (keyed, asked) = pools(64);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (1..=32).for_each(|key| drop(keyed.checkout(&(2 * key)))));
        }
    });
    assert_eq!((asked.load(SeqCst), keyed.iter().count()), (32, 32));
    close(&keyed);
}

#[test]
fn refused_keys_and_too_many_are_told_and_take_no_place() {
    let (keyed, asked) = pools(1);
    for _ in 0..3 {
        let Err(KeyedError::Refused { key, cause }) = keyed.pool(&7) else { panic!("7 is odd") };
        assert_eq!((key.as_str(), cause.to_string().as_str()), ("7", "7 is odd"));
        assert!(catch_unwind(AssertUnwindSafe(|| keyed.pool(&66).is_ok())).is_err());
        assert!(matches!(keyed.pool(&0), Err(KeyedError::Build { .. })), "a pool of no resources");
    }
    assert_eq!(asked.load(SeqCst), 9);
    keyed.pool(&2).unwrap();
    assert!(matches!(keyed.pool(&4), Err(KeyedError::Full { max_keys: 1, .. })));
    close(&keyed);
}

#[test]
fn all_refuse_before_any_is_waited_for() {
    let (keyed, _) = pools(4);
    let (one, other) = (keyed.checkout(&2).unwrap(), keyed.checkout(&4).unwrap());
    let (done, reports) = channel();
    thread::scope(|scope| {
        let keyed = &keyed;
        scope.spawn(move || done.send(keyed.close(WATCHDOG)).unwrap());
        until(|| keyed.iter().all(|(_, pool)| pool.is_closed()));
        assert!(matches!(keyed.checkout(&2), Err(KeyedError::Checkout(CheckoutError::Closed(_)))));
        assert!(matches!(keyed.checkout(&6), Err(KeyedError::Closed { .. })));
        drop((one, other));
    });
    let reports = reports.recv().unwrap();
    assert!(reports.iter().all(|(_, report)| report.is_complete()), "{reports:?}");
    assert_eq!(reports.iter().map(|(_, report)| report.destroyed).sum::<u64>(), 6);
    close(&keyed);
}

#[test]
fn close_keeps_its_deadline_while_a_pool_is_being_built() {
    let (begun, is_begun) = channel();
    let (go, told) = channel::<()>();
    let told = Mutex::new(told);
    let keyed = KeyedPool::new(2, move |_: &u32| {
        begun.send(()).unwrap();
        let _ = told.lock().unwrap().recv();
        let make: Make = || Ok(Box::new(0));
        Ok(Pool::builder(make).max_size(1))
    });
    thread::scope(|scope| {
        let built = scope.spawn(|| keyed.pool(&2).map(|_| ()));
        is_begun.recv().unwrap();
        assert!(keyed.close(Duration::from_millis(10)).is_empty());
        go.send(()).unwrap();
        assert!(matches!(built.join().unwrap(), Err(KeyedError::Closed { .. })), "it comes too late");
    });
    assert_eq!(keyed.iter().count(), 0);
    close(&keyed);
}

/// A key that cannot be copied if it is 13.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Brittle(u32);

impl Clone for Brittle {
    fn clone(&self) -> Self {
        assert!(self.0 != 13, "no copies");
        Self(self.0)
    }
}

#[test]
fn a_key_that_panics_as_it_is_copied_takes_no_place() {
    let keyed = KeyedPool::new(1, |_: &Brittle| {
        let make: Make = || Ok(Box::new(0));
        Ok(Pool::builder(make).max_size(1))
    });
    assert!(catch_unwind(AssertUnwindSafe(|| keyed.pool(&Brittle(13)).is_ok())).is_err());
    support::closes_balanced(keyed.pool(&Brittle(2)).unwrap());
}
