//! One keeper's thread for many pools: that there is one, that it keeps them all, and that it ends with the last.

mod support;

use parking_lot::{Condvar, Mutex, MutexGuard};
use slackwater::{Builder, Clock, Creation, Keeper, Pool, VirtualClock};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
#[cfg(target_os = "linux")]
use support::threads_named;
use support::{Act, Probe, closes_balanced, until};

const SEC: Duration = Duration::from_secs(1);

/// There is one shared keeper in a process, and one logger: each test has them to itself.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let alone = ALONE.lock();
    until(|| keepers() == 0);
    alone
}

fn shared(probe: &Probe, max_size: usize) -> Builder<Probe> {
    Pool::builder(probe.clone()).keeper(Keeper::Shared).max_size(max_size)
}

/// Shared keepers alive.
#[cfg(target_os = "linux")]
fn keepers() -> usize {
    threads_named("slackwater-keep").len()
}

#[cfg(not(target_os = "linux"))]
fn keepers() -> usize {
    0
}

#[cfg(target_os = "linux")]
#[test]
fn all_pools_share_one_thread_which_ends_with_the_last_and_starts_again_with_the_next() {
    let _alone = alone();
    let probe = Probe::new();
    for _ in 0..3 {
        let pools: Vec<_> = (0..20).map(|_| shared(&probe, 1).name("many").build().unwrap()).collect();
        until(|| keepers() == 1);
        assert_eq!(threads_named("many-keeper").len(), 0);
        let (closed, dropped) = pools.split_at(10);
        closed.iter().for_each(closes_balanced);
        assert_eq!(keepers(), 1, "ten pools are left");
        assert_eq!(dropped.len(), 10);
        drop(pools);
        // The system lists a joined thread for a moment longer.
        until(|| keepers() == 0);
    }
    assert_eq!(probe.alive(), 0);
}

#[test]
fn the_shared_keeper_refills_and_ends_surplus_of_every_pool() {
    let _alone = alone();
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pools: Vec<_> = (0..5).map(|_| shared(&probe, 2).max_overflow(1).clock(&clock).build().unwrap()).collect();
    for pool in &pools {
        pool.checkout().unwrap().discard("to be made again");
        until(|| pool.stats().available == 2);
        let held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
        drop(held);
        assert_eq!(pool.stats().total, 3);
    }
    clock.advance(SEC + SEC / 10);
    until(|| pools.iter().all(|pool| pool.stats().total == 2));
    pools.iter().for_each(closes_balanced);
}

#[test]
fn pools_of_different_clocks_share_a_keeper_and_each_has_its_own_time() {
    let _alone = alone();
    let (probe, early, late) = (Probe::new(), VirtualClock::new(), VirtualClock::new());
    let surplus = |clock: Clock| {
        let pool = shared(&probe, 1).max_overflow(1).clock(clock).build().unwrap();
        drop((pool.checkout().unwrap(), pool.checkout().unwrap()));
        pool
    };
    let (early_pool, late_pool) = (surplus((&early).into()), surplus((&late).into()));
    let real_pool = surplus(Clock::system());
    early.advance(2 * SEC);
    until(|| early_pool.stats().total == 1);
    // In real time the other one is due too, and has been by now.
    until(|| real_pool.stats().total == 1);
    assert_eq!(late_pool.stats().total, 2, "its second has not passed");
    late.advance(2 * SEC);
    until(|| late_pool.stats().total == 1);
    [early_pool, late_pool, real_pool].iter().for_each(closes_balanced);
}

#[test]
fn closing_a_hundred_pools_at_once_ends_the_keeper() {
    let _alone = alone();
    let probe = Probe::new();
    for _ in 0..3 {
        let pools: Vec<_> = (0..100).map(|_| shared(&probe, 2).build().unwrap()).collect();
        let next = AtomicUsize::new(0);
        thread::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| {
                    while let Some(pool) = pools.get(next.fetch_add(1, SeqCst)) {
                        drop(pool.checkout().unwrap());
                        closes_balanced(pool);
                    }
                });
            }
        });
        until(|| keepers() == 0);
        assert_eq!(probe.alive(), 0);
    }
}

#[test]
fn pools_built_and_dropped_in_a_storm_leave_neither_thread_nor_resource() {
    let _alone = alone();
    let probe = Probe::new();
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for round in 0..60 {
                    let pool = shared(&probe, 1 + round % 3).build().unwrap();
                    let guard = pool.checkout_owned().unwrap();
                    match round % 4 {
                        0 => guard.discard("to be made again"),
                        1 => drop(guard),
                        2 => drop(pool.clone()),
                        _ => assert!(pool.close(Duration::ZERO).still_out.len() == 1),
                    }
                }
            });
        }
    });
    until(|| keepers() == 0 && probe.sharers() == 1);
    assert_eq!((probe.alive(), probe.create.calls()), (0, probe.ended().len()));
}

/// What the program's logger does with a line that the keeper says.
type Hook = Box<dyn Fn() + Send>;

static HOOK: Mutex<Option<Hook>> = Mutex::new(None);

struct Hooked;

impl log::Log for Hooked {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &log::Record<'_>) {
        if thread::current().name() == Some("slackwater-keeper") {
            let hook = HOOK.lock().take();
            if let Some(hook) = hook {
                hook();
            }
        }
    }

    fn flush(&self) {}
}

/// Has the next line that the keeper says run `hook`.
fn on_the_keepers_next_line(hook: impl Fn() + Send + 'static) {
    if log::set_logger(&Hooked).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
    *HOOK.lock() = Some(Box::new(hook));
}

/// Has a job of `pool` hang, which its keeper says to the log.
fn hang(probe: &Probe, pool: &Pool<Probe>, clock: &VirtualClock) {
    let hung = probe.destroy.inside();
    probe.destroy.shut();
    pool.checkout().unwrap().discard("hangs");
    until(|| probe.destroy.inside() == hung + 1);
    clock.advance(30 * SEC);
}

fn may_hang(probe: &Probe, clock: &VirtualClock) -> Pool<Probe> {
    shared(probe, 1).min_idle(0).creation(Creation::Inline).clock(clock).build().unwrap()
}

#[test]
fn a_log_callback_on_the_keepers_thread_may_close_its_pool() {
    let _alone = alone();
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = may_hang(&probe, &clock);
    let closed = Arc::new(Mutex::new(None));
    let (theirs, report) = (pool.clone(), Arc::clone(&closed));
    on_the_keepers_next_line(move || *report.lock() = Some(theirs.close(Duration::ZERO)));
    hang(&probe, &pool, &clock);
    until(|| closed.lock().is_some());
    assert_eq!(closed.lock().as_ref().unwrap().unfinished, 1);
    until(|| keepers() == 0);
    probe.destroy.open();
    closes_balanced(&pool);
}

#[test]
fn a_log_callback_on_the_keepers_thread_may_drop_the_last_handle_of_another_pool() {
    let _alone = alone();
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let (pool, other) = (may_hang(&probe, &clock), Mutex::new(Some(may_hang(&Probe::new(), &clock))));
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    on_the_keepers_next_line(move || {
        drop(other.lock().take());
        count.fetch_add(1, SeqCst);
    });
    hang(&probe, &pool, &clock);
    until(|| dropped.load(SeqCst) == 1);
    probe.destroy.open();
    closes_balanced(&pool);
}

#[test]
fn close_waits_for_its_own_pools_tick_and_for_no_other() {
    let _alone = alone();
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let (pool, other) = (may_hang(&probe, &clock), may_hang(&Probe::new(), &clock));
    let gate = Arc::new((Mutex::new((false, false)), Condvar::new()));
    let theirs = Arc::clone(&gate);
    on_the_keepers_next_line(move || {
        let mut state = theirs.0.lock();
        state.0 = true;
        while !state.1 {
            theirs.1.wait(&mut state);
        }
    });
    hang(&probe, &pool, &clock);
    until(|| gate.0.lock().0);
    probe.destroy.open();
    thread::scope(|s| {
        let close = s.spawn(|| pool.close(3600 * SEC));
        until(|| pool.stats().total == 0);
        closes_balanced(&other);
        for _ in 0..1_000 {
            thread::yield_now();
        }
        assert!(!close.is_finished(), "the keeper is in its pool's tick");
        gate.0.lock().1 = true;
        gate.1.notify_all();
        assert!(close.join().unwrap().is_complete());
    });
    until(|| keepers() == 0);
    closes_balanced(&pool);
}

/// Voluntary context switches and nanoseconds of processor time of the shared keeper, and whether it sleeps.
#[cfg(target_os = "linux")]
fn keepers_cost() -> (u64, u64, bool) {
    let only = std::cell::RefCell::new(None);
    // A thread that the keeper starts has its name until it first runs.
    until(|| {
        *only.borrow_mut() = <[_; 1]>::try_from(threads_named("slackwater-keep")).ok();
        only.borrow().is_some()
    });
    let [folder] = only.take().unwrap();
    let status = std::fs::read_to_string(folder.join("status")).unwrap();
    let line = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    // Its first number is the time on a processor.
    let schedstat = std::fs::read_to_string(folder.join("schedstat")).unwrap_or_default();
    let time = schedstat.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or(0);
    (line("voluntary_ctxt_switches:").parse().unwrap(), time, line("State:").starts_with('S'))
}

/// Waits until the shared keeper has slept for `span`. One that stands in line for a processor does not sleep.
#[cfg(target_os = "linux")]
fn sleeps_for(span: Duration) {
    until(|| {
        let (began, before) = (Instant::now(), keepers_cost().0);
        let sleeps_on = || {
            let (switches, _, sleeps) = keepers_cost();
            sleeps && switches == before
        };
        while sleeps_on() && began.elapsed() < span {
            thread::yield_now();
        }
        // It may have been seen awake in between, and be about to sleep again: that is not the whole span.
        began.elapsed() >= span && sleeps_on()
    });
}

/// A keeper with something to do that it cannot do yet waits for the time to come, and for nothing else.
#[cfg(target_os = "linux")]
#[test]
fn a_keeper_that_cannot_create_sleeps_until_its_pause_is_over() {
    let _alone = alone();
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    // A breaker would open after five failures, and for longer from one to the next.
    let pool =
        shared(&probe, 4).max_lifetime(60 * SEC).surge(2).creation(Creation::Background).breaker(None).clock(&clock);
    let pool = pool.build().unwrap();
    probe.create.always(Act::Fail);
    pool.checkout().unwrap().discard("and none comes after it");
    // A thread gives itself its name when it first runs. A creation that is under way while the time goes on would hang.
    until(|| pool.stats().create_failures >= 1 && keepers() == 1);
    clock.advance(120 * SEC);
    for _ in 0..4 {
        sleeps_for(SEC / 10);
        let calls = probe.create.calls();
        sleeps_for(SEC / 10);
        assert_eq!(probe.create.calls(), calls, "time stands still, so it pauses");
        clock.advance(2 * SEC);
        until(|| probe.create.calls() > calls);
    }
    assert_eq!(pool.stats().total, 3, "what cannot be replaced stays");
    assert!(probe.create.calls() < 5 + 5 * 8, "{} tries", probe.create.calls());
    probe.create.always(Act::Pass);
    until(|| {
        clock.advance(SEC);
        pool.stats().available == 4
    });
    closes_balanced(&pool);
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_pools_at_rest_wake_the_keeper_less_than_twice_a_second() {
    let _alone = alone();
    let probe = Probe::new();
    let pools: Vec<_> = (0..100).map(|_| shared(&probe, 2).build().unwrap()).collect();
    pools.iter().for_each(|pool| drop(pool.checkout().unwrap()));
    // A second after the last use the clock stops, and at most 1.125 s later each pool is looked at once more, on a busy machine
    // not all of them in one wake. At rest is what comes after that.
    sleeps_for(5 * SEC / 2);
    let (switches, time, _) = keepers_cost();
    // What is measured is a span of time, so one passes: a checkout that nobody serves.
    let empty = Pool::builder(Probe::new()).keeper(Keeper::Manual).build().unwrap();
    let held = empty.checkout().unwrap();
    assert!(empty.checkout_timeout(2 * SEC).is_err());
    let (later_switches, later_time, _) = keepers_cost();
    assert!(later_switches - switches < 4, "{} wakes in 2 s", later_switches - switches);
    let wakes = later_switches - switches;
    assert!(later_time - time < 20_000_000, "{} ns of processor time in 2 s, {wakes} wakes", later_time - time);
    drop(held);
    closes_balanced(&empty);
    pools.iter().for_each(closes_balanced);
}
