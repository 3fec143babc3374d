//! The shared keeper's timing, and pools that are not pools.

use super::*;
use crate::{Keeper, Pool as RealPool, VirtualClock};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

/// There is one shared keeper in a process: each test has it to itself.
static ALONE: Mutex<()> = Mutex::new(());

const WATCHDOG: Duration = Duration::from_secs(10);

#[track_caller]
fn until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WATCHDOG, "waited {WATCHDOG:?} for a state that did not come");
        thread::yield_now();
    }
}

/// Counts its ticks, and panics in them if told to.
#[derive(Default)]
struct Ticked {
    ticks: AtomicU64,
    panics: AtomicBool,
}

impl Kept for Ticked {
    fn keep(&self, _: bool) -> Option<u64> {
        self.ticks.fetch_add(1, SeqCst);
        assert!(!self.panics.load(SeqCst), "told to panic");
        None
    }

    fn let_go(self: Arc<Self>) {}
}

impl Ticked {
    fn join(self: &Arc<Self>, clock: &Clock) -> Seat {
        let pool: Weak<Ticked> = Arc::downgrade(self);
        join(pool, clock.clone()).unwrap()
    }

    fn ticks(&self) -> u64 {
        self.ticks.load(SeqCst)
    }
}

#[test]
fn only_a_pool_that_rang_is_ticked() {
    let _alone = ALONE.lock();
    let clock = Clock::from(&VirtualClock::new());
    let (busy, idle) = (Arc::<Ticked>::default(), Arc::<Ticked>::default());
    let seats = [busy.join(&clock), idle.join(&clock)];
    until(|| busy.ticks() == 1 && idle.ticks() == 1);
    for rings in 2..100 {
        seats[0].ring();
        until(|| busy.ticks() == rings);
    }
    assert_eq!(idle.ticks(), 1);
    seats.iter().for_each(|seat| seat.leave(&clock, 1));
}

#[test]
fn a_panic_in_one_pools_tick_ends_neither_its_keeping_nor_the_others() {
    let _alone = ALONE.lock();
    let clock = Clock::from(&VirtualClock::new());
    let (broken, whole) = (Arc::<Ticked>::default(), Arc::<Ticked>::default());
    broken.panics.store(true, SeqCst);
    let seats = [broken.join(&clock), whole.join(&clock)];
    for rings in 1..10 {
        until(|| broken.ticks() == rings && whole.ticks() == rings);
        seats.iter().for_each(Seat::ring);
    }
    seats.iter().for_each(|seat| seat.leave(&clock, 1));
    assert!(PRESENT.lock().is_none());
}

#[test]
fn a_pool_that_is_gone_is_not_ticked_and_may_still_leave() {
    let _alone = ALONE.lock();
    let clock = Clock::from(&VirtualClock::new());
    let gone = Arc::<Ticked>::default();
    let seat = gone.join(&clock);
    until(|| gone.ticks() == 1 && Arc::strong_count(&gone) == 1);
    drop(gone);
    seat.ring();
    seat.leave(&clock, 1);
    assert!(PRESENT.lock().is_none());
}

/// Wakes a second of a keeper with 100 pools, each due `span` after its last tick, begun at any time within the first span.
fn wakes_a_second(span: Duration) -> f64 {
    let begin = Instant::now();
    let (mut seed, mut wakes) = (1_u64, 0);
    let mut windows: Vec<_> = (0..100)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            Window::of(begin + span.mul_f64((seed >> 40) as f64 / (1_u64 << 24) as f64), span).unwrap()
        })
        .collect();
    let end = begin + span * 100;
    loop {
        let now = windows.iter().map(|window| window.closes).min().unwrap();
        if now > end {
            return f64::from(wakes) / (end - begin).as_secs_f64();
        }
        wakes += 1;
        for window in windows.iter_mut().filter(|window| window.opens <= now) {
            *window = Window::of(now, span).unwrap();
        }
    }
}

#[test]
fn a_hundred_pools_due_every_ten_seconds_or_more_wake_less_than_twice_a_second() {
    for seconds in [10, 15, 30, 60, 3600] {
        let wakes = wakes_a_second(Duration::from_secs(seconds));
        assert!(wakes < 2.0, "{wakes} a second for deadlines of {seconds} s");
    }
}

#[test]
fn a_hundred_pools_in_use_tell_the_time_in_step() {
    let wakes = wakes_a_second(Duration::from_nanos(TICK));
    assert!(wakes < 210.0, "{wakes} a second, where one pool alone has 100");
}

#[test]
fn nothing_is_served_early_but_the_time_and_nothing_later_than_a_second() {
    let now = Instant::now();
    for millis in [1, 10, 11, 100, 1_000, 60_000, 86_400_000] {
        let span = Duration::from_millis(millis);
        let Window { opens, closes } = Window::of(now, span).unwrap();
        assert!(closes >= opens && closes <= now + span + LATEST.min(span / 8), "{span:?}");
        assert!(opens >= if millis <= 10 { now + span / 2 } else { now + span }, "{span:?}");
    }
}

/// Sleeping without a deadline, it wakes for a bell and for nothing else.
#[test]
fn with_a_hundred_pools_at_rest_the_keeper_has_no_deadline() {
    let _alone = ALONE.lock();
    let build = |_| RealPool::builder(|| Ok::<_, String>(Box::new(0))).keeper(Keeper::Shared).build().unwrap();
    let pools: Vec<_> = (0..100).map(build).collect();
    let keeper = Arc::clone(PRESENT.lock().as_ref().unwrap());
    let rests = |state: &State| state.at.is_none() && state.pools.values().all(|p| !p.rung && p.window.is_none());
    until(|| rests(&keeper.state.lock()));
    let wakes = WAKES.load(Relaxed);
    pools.iter().for_each(|pool| assert_eq!(pool.stats().available, 1));
    assert_eq!((WAKES.load(Relaxed), keeper.state.lock().pools.len()), (wakes, 100));
    drop(pools);
    assert!(PRESENT.lock().is_none() && keeper.state.lock().thread.is_none());
}
