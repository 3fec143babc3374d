//! Workers that are replaced for their age or their growth, and workers that keep a session's state.

use super::support::{closes_balanced, until};
use super::workers::{has_python, is_known, kill, pool_of, python, server};
use rustix::process::Signal;
use slackwater::process::ProcessManager;
use slackwater::{DestroyReason, Pool, VirtualClock};
use std::collections::BTreeSet;
use std::time::Duration;

/// More than passes, a millisecond at a look, while a worker starts.
const DAY: Duration = Duration::from_secs(24 * 3_600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// The workers of a pool of this size.
fn pids(pool: &Pool<ProcessManager>, size: usize) -> BTreeSet<u32> {
    let all: Vec<_> = (0..size).map(|_| pool.checkout().unwrap()).collect();
    all.iter().map(|worker| worker.pid()).collect()
}

/// Promise: workers that are too old are replaced, each by one that is ready before it goes. Provoked: a day that goes by.
#[test]
fn workers_past_their_lifetime_are_replaced_start_before_stop() {
    if !has_python() {
        return;
    }
    let clock = VirtualClock::new();
    let workers = pool_of(server()).max_size(2).max_lifetime(DAY).lifetime_jitter(0.0).check_interval(None);
    // Time runs ahead of the workers: none of them hangs.
    let pool = workers.create_timeout(YEAR).destroy_timeout(YEAR).clock(&clock).build().unwrap();
    let first = pids(&pool, 2);
    clock.advance(DAY);
    // Time goes on while workers start. While one ends it stands still: after a second of that another may be stopped.
    until(|| {
        let stats = pool.stats();
        if stats.retiring == 0 {
            clock.advance(Duration::from_millis(1));
        }
        assert!(stats.available + stats.in_use >= 2 || !stats.settled, "{stats:?}");
        stats.destroyed.by(DestroyReason::Expired) == 2 && stats.available == 2
    });
    let second = pids(&pool, 2);
    assert!(first.is_disjoint(&second) && !first.iter().any(|pid| is_known(*pid)), "{first:?} {second:?}");
    assert_eq!(pool.stats().destroyed.total(), 2);
    closes_balanced(&pool);
}

/// Promise: a worker that leaks is replaced. Provoked: one that keeps half a megabyte of each request.
#[test]
#[cfg(target_os = "linux")]
fn a_worker_that_keeps_growing_is_replaced() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).max_size(1).max_growth(1.5).build().unwrap();
    let leaks = || {
        let mut worker = pool.checkout().unwrap();
        let _: u64 = worker.call("grow", &(512 << 10)).unwrap();
        worker.pid()
    };
    let first = leaks();
    until(|| {
        leaks();
        pool.stats().destroyed.by(DestroyReason::Grown) >= 1
    });
    assert!(!is_known(first) && leaks() != first);
    closes_balanced(&pool);
}

/// A worker that counts for each of its sessions.
const COUNTS: &str = "
counts = {}
def op_count(session):
    counts[session] = counts.get(session, 0) + 1
    return counts[session]
serve()";

fn count(pool: &Pool<ProcessManager>, session: &str) -> u64 {
    pool.checkout_for(session).unwrap().call("count", &session).unwrap()
}

/// Promise: a session comes back to the worker that has its state; when that is gone it gets another, and is told by the counts. Provoked: three
/// sessions on three workers, in turns, and the death of one.
#[test]
fn a_session_keeps_its_worker_until_that_ends() {
    if !has_python() {
        return;
    }
    let pool = pool_of(python(COUNTS)).max_size(3).build().unwrap();
    let sessions = ["ada", "bob", "eve"];
    // At once, so that each has a worker of its own.
    let held = sessions.map(|session| pool.checkout_for(session).unwrap());
    let pids = held.each_ref().map(|worker| worker.pid());
    drop(held);
    for round in 1..=5 {
        for session in sessions {
            assert_eq!(count(&pool, session), round);
        }
    }
    let stats = pool.session_stats();
    assert_eq!((stats.hits, stats.misses), (15, 3), "{stats:?}");
    kill(pids[0], Signal::KILL);
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 1 && pool.stats().available == 3);
    // Her state went with it; theirs is where it was.
    assert_eq!(sessions.map(|session| count(&pool, session)), [1, 6, 6]);
    let stats = pool.session_stats();
    assert_eq!((stats.hits, stats.misses, stats.rebinds), (17, 4, 1), "{stats:?}");
    closes_balanced(&pool);
}
