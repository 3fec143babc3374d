//! After a pool is closed the process has the threads it had before, and no other: counted in a process that runs nothing
//! else, so that a thread by any name would be seen. Hence one test in this file.
#![cfg(target_os = "linux")]

mod support;

use slackwater::{Creation, Keeper, OnLeak, Pool, VirtualClock};
use std::fs;
use std::thread;
use std::time::Duration;
use support::{Act, Probe, closes_balanced, until};

const SEC: Duration = Duration::from_secs(1);

/// The names of all threads of this process.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread that ends while we look has no name any more.
    let mut names: Vec<_> = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect();
    names.sort_unstable();
    names
}

/// Waits for these threads and no others: the system lists one that was joined for a moment longer.
fn only(before: &[String], what: &str) {
    let began = std::time::Instant::now();
    while threads() != before {
        assert!(began.elapsed() < support::WATCHDOG, "{what}: {:?} instead of {before:?}", threads());
        thread::yield_now();
    }
}

/// Has keeper and crew do all they can: creations that fail or hang, checks, replacements, leaks, sizes.
fn live(pool: &Pool<Probe>, probe: &Probe, clock: &VirtualClock) {
    thread::scope(|s| {
        let user = |user: usize| {
            for round in 0..20 {
                let mut held = pool.checkout().unwrap();
                match (user + round) % 5 {
                    0 => held.discard("made again"),
                    1 => held.mark_suspect(),
                    2 => drop(held.detach()),
                    _ => {}
                }
            }
        };
        let users: Vec<_> = (0..4).map(|at| s.spawn(move || user(at))).collect();
        until(|| {
            pool.tick();
            users.iter().all(|user| user.is_finished())
        });
    });
    let settled = || {
        pool.tick();
        let stats = pool.stats();
        stats.checking + stats.creating + stats.retiring == 0
    };
    until(settled);
    pool.resize(1, 4).unwrap();
    let rollout = pool.replace_all(1, 1).unwrap();
    until(|| {
        pool.tick();
        rollout.remaining() == 0
    });
    let lost = pool.checkout().unwrap();
    (0..3).for_each(|_| clock.advance(40 * SEC));
    until(settled);
    drop(lost);
    if pool.config().keeper != Keeper::Manual {
        // Two that hang, and whose threads are given up for others.
        probe.check.shut();
        for mut held in [pool.checkout().unwrap(), pool.checkout().unwrap()] {
            held.mark_suspect();
        }
        until(|| probe.check.inside() >= 2);
        clock.advance(6 * SEC);
        until(|| pool.stats().hung_jobs >= 2);
        probe.check.open();
    }
    until(settled);
}

#[test]
fn a_closed_pool_leaves_no_thread() {
    let before = threads();
    for keeper in [Keeper::Dedicated, Keeper::Shared, Keeper::Manual] {
        for creation in [Creation::Inline, Creation::Background, Creation::Auto] {
            for by_drop in [false, true] {
                let (probe, clock) = (Probe::new(), VirtualClock::new());
                probe.check.next([Act::Fail, Act::Panic]);
                let builder = Pool::builder(probe.clone()).max_size(3).ceiling(4).creation(creation).keeper(keeper);
                let builder = builder.max_hold(60 * SEC).on_leak(OnLeak::Replace { at_most: 1 }).clock(&clock);
                let builder = builder.check_interval(20 * SEC).max_lifetime(100 * SEC).name("thread-count");
                let pool = builder.checkout_timeout(3600 * SEC).build().unwrap();
                live(&pool, &probe, &clock);
                let what = format!("{keeper:?} {creation:?}");
                if by_drop {
                    drop(pool);
                    until(|| probe.sharers() == 1);
                } else {
                    closes_balanced(&pool);
                }
                only(&before, &what);
                assert_eq!(probe.alive(), 0, "{what}");
            }
        }
    }
}
