//! The whole pool under random schedules: many threads, a manager that fails in every callback, discards, detachments,
//! panics, timeouts, and a close in the middle.
//!
//! ```text
//! RUSTFLAGS="--cfg slackwater_shuttle -Cdebug-assertions" cargo test --release --features workers --test shuttle
//! ```
//! `SLACKWATER_SCHEDULES` is how many schedules each test gets: as many random ones as by probabilistic concurrency testing
//! (Burckhardt and others, 2010) with three changes of priority. A wait that never ends is what shuttle calls a deadlock, and a
//! loop that never ends exceeds its bound on steps.
//!
//! A failure prints its schedule. From a file it is run again, alone, by the test that printed it:
//!
//! ```text
//! SLACKWATER_SCHEDULE=<file> RUSTFLAGS=.. cargo test --release --test shuttle the_test -- --exact --nocapture
//! ```
//! It fits the code that it was found with: one operation more on an atomic of shuttle's, or one on a lock, and the steps are
//! others. Prints, and counters of `std`, change nothing.
#![cfg(slackwater_shuttle)]

#[path = "shuttle/crowd.rs"]
mod crowd;
#[path = "shuttle/moody.rs"]
mod moody;
#[cfg(feature = "workers")]
#[path = "shuttle/workers.rs"]
mod workers;

use crowd::{Crowd, Manners, chance, ends_balanced};
use moody::{Mood, Moody};
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::thread;
use slackwater::{
    Backoff, BreakerConfig, Builder, Creation, Fairness, Fences, Keeper, MAX_SPAN, Manager, OnDeadlock, OnPanic, Pool,
    Strategy, VirtualClock,
};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// One scenario for each test: a schedule says nothing of whose it is.
fn explore(name: &str, scenario: fn()) {
    if let Some(file) = std::env::var_os("SLACKWATER_SCHEDULE") {
        let schedule = ReplayScheduler::new_from_file(file).expect("a file with a schedule that was printed");
        return explore_by(name, "replayed", 1, schedule, scenario);
    }
    let schedules = std::env::var("SLACKWATER_SCHEDULES").map_or(500, |text| text.parse().expect("a number"));
    explore_by(name, "random", schedules, RandomScheduler::new(schedules), scenario);
    explore_by(name, "PCT", schedules, PctScheduler::new(3, schedules), scenario);
}

fn explore_by(name: &str, kind: &str, wanted: usize, scheduler: impl Scheduler + 'static, scenario: fn()) {
    let began = Instant::now();
    let mut config = shuttle::Config::new();
    config.stack_size = 1 << 18;
    let ran = shuttle::Runner::new(scheduler, config).run(scenario);
    println!("{name}: {ran} {kind} schedules, {:.1?}", began.elapsed());
    assert_eq!(ran, wanted, "the exploration was cut short");
}

/// A pool of one to three resources with settings as the schedule has them. Waits last as long as the time stands still.
fn any_pool(manager: &Moody, clock: &VirtualClock) -> Builder<Moody> {
    any_settings(Pool::builder(manager.clone()), clock)
}

fn any_settings<M: Manager>(builder: Builder<M>, clock: &VirtualClock) -> Builder<M> {
    let bound = MS * [1, 0][chance(2)] + Duration::from_nanos(1);
    let builder = builder
        .clock(clock)
        .max_size(1 + chance(3))
        .min_idle(chance(2))
        .checkout_timeout(MAX_SPAN)
        .warm_up_timeout(MAX_SPAN)
        .strategy([Strategy::Affine, Strategy::Lifo, Strategy::Fifo][chance(3)])
        .fairness([Fairness::Eventual { bound }, Fairness::Fifo, Fairness::Barging][chance(3)])
        .fences([Fences::Auto, Fences::Portable][chance(2)])
        .on_panic([OnPanic::Discard, OnPanic::Check, OnPanic::Return][chance(3)])
        .backoff(Backoff::new(MS, 4 * MS).without_jitter());
    // Opens at the first failure, or never.
    let sensitive = BreakerConfig::new().failure_threshold(1).open_for(2 * MS).probes(1 + chance(2) as u32);
    let builder = builder.breaker((chance(2) == 0).then_some(sensitive));
    if chance(3) == 0 { builder.max_overflow(1).overflow_ttl(MS * chance(2) as u32) } else { builder }
}

/// Nobody gives up and no time passes: whoever waits must be served by what others do.
#[test]
fn without_time_every_waiter_is_served() {
    explore("without time, without threads", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let pool = any_pool(&manager, &clock).on_panic(OnPanic::Discard).keeper(Keeper::Manual).build().unwrap();
        Crowd::of(&pool, Manners::patient()).join();
        ends_balanced(pool, &manager);
    });
}

/// As above, with a keeper, and with creations, checks and ends on a crew.
#[test]
fn without_time_the_crew_serves_every_waiter() {
    explore("without time, with threads", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let creation = [Creation::Auto, Creation::Inline, Creation::Background][chance(3)];
        let pool = any_pool(&manager, &clock).creation(creation).create_parallelism(1 + chance(2)).build().unwrap();
        let manners = Manners { marks: true, ..Manners::patient() };
        Crowd::of(&pool, manners).join();
        ends_balanced(pool, &manager);
    });
}

/// Whatever ends is made anew, one or several at once, although nobody waits and no time passes.
#[test]
fn without_time_whatever_ends_is_replaced() {
    explore("refills", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let size = 1 + chance(3);
        let pool = any_pool(&manager, &clock).max_size(size).min_idle(size);
        let creation = [Creation::Auto, Creation::Background][chance(2)];
        let pool = pool.creation(creation).create_parallelism(2 + chance(2)).build().unwrap();
        for _ in 0..8 {
            for guard in (0..1 + chance(size)).map(|_| pool.checkout().unwrap()).collect::<Vec<_>>() {
                guard.discard("in a test");
            }
            let mut turns = 0;
            while pool.stats().available < size {
                thread::yield_now();
                turns += 1;
                assert!(turns < 10_000, "not refilled: {}; {:?}", pool.audit(), pool.stats());
            }
            assert_eq!(pool.stats().total, size, "more than that, which max_overflow might allow, nobody asked for");
        }
        ends_balanced(pool, &manager);
    });
}

/// Everybody takes a second resource while holding the first: somebody in each circle is refused, so nobody waits for ever.
#[test]
fn a_circle_of_holders_never_closes() {
    explore("circles", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let pool = any_pool(&manager, &clock).on_deadlock(OnDeadlock::Refuse).on_panic(OnPanic::Discard);
        let pool = pool.max_size(2 + chance(2)).keeper(Keeper::Manual).build().unwrap();
        let manners = Manners { second: true, ..Manners::patient() };
        Crowd::of(&pool, manners).join();
        ends_balanced(pool, &manager);
    });
}

/// Every callback fails now and then, time moves, some give up.
#[test]
fn the_books_balance_after_any_weather() {
    explore("any weather, without threads", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let pool = any_pool(&manager, &clock).keeper(Keeper::Manual).build().unwrap();
        weather(pool, &manager, &clock, false);
    });
}

/// The same with a keeper and a crew.
#[test]
fn the_books_of_a_crew_balance_after_any_weather() {
    explore("any weather, with threads", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let creation = [Creation::Auto, Creation::Inline, Creation::Background][chance(3)];
        let pool = any_pool(&manager, &clock).creation(creation).build().unwrap();
        weather(pool, &manager, &clock, false);
    });
}

/// Creations fail for a while, then they do not; some give up, and others wait as long as it takes: for a resource, or for
/// the news that there is none. Whoever waits is served once the backend is back, though nobody else comes.
#[test]
fn a_backend_that_comes_back_is_found_by_those_who_wait() {
    explore("a backend that breaks, without threads", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let pool = breaking(&manager, &clock).keeper(Keeper::Manual).build().unwrap();
        outage(pool, &manager, &clock);
    });
}

#[test]
fn a_backend_that_comes_back_is_found_by_the_crew_of_those_who_wait() {
    explore("a backend that breaks, with threads", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let creation = [Creation::Auto, Creation::Inline, Creation::Background][chance(3)];
        let pool = breaking(&manager, &clock).creation(creation).build().unwrap();
        outage(pool, &manager, &clock);
    });
}

fn breaking(manager: &Moody, clock: &VirtualClock) -> Builder<Moody> {
    let breaker = BreakerConfig::new().failure_threshold(1 + chance(3) as u32).open_for(10 * MS);
    let breaker = breaker.probes(1 + chance(2) as u32).success_threshold(1 + chance(2) as u32);
    let backoff = Backoff::new(MS, 10 * MS).attempts(1 + chance(3) as u32 * 20);
    any_pool(manager, clock).min_idle(0).backoff(backoff).breaker(Some(breaker).filter(|_| chance(3) > 0))
}

fn outage(pool: Pool<Moody>, manager: &Moody, clock: &VirtualClock) {
    manager.set(Mood::Down);
    let crowd = Crowd::of(&pool, Manners { gives_up: true, may_fail: true, ..Manners::patient() });
    for _ in 0..chance(40) {
        clock.advance(MS);
        pool.tick();
        thread::yield_now();
    }
    manager.set(Mood::Calm);
    goes_on(&pool, crowd, clock);
    ends_balanced(pool, manager);
}

/// The same, closed in the middle: everybody is told, and nothing is left.
#[test]
fn a_close_in_any_weather_leaves_nothing() {
    explore("closed, without threads", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let pool = any_pool(&manager, &clock).keeper(Keeper::Manual).build().unwrap();
        weather(pool, &manager, &clock, true);
    });
}

/// The same with a keeper and a crew.
#[test]
fn a_close_amid_a_crew_in_any_weather_leaves_nothing() {
    explore("closed, with threads", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let creation = [Creation::Auto, Creation::Inline, Creation::Background][chance(3)];
        let pool = any_pool(&manager, &clock).creation(creation).build().unwrap();
        weather(pool, &manager, &clock, true);
    });
}

fn weather(pool: Pool<Moody>, manager: &Moody, clock: &VirtualClock, closes: bool) {
    manager.set(Mood::Foul);
    let mut crowd = Crowd::of(&pool, Manners::any());
    if closes {
        let pool = pool.clone();
        crowd.add(move || {
            (0..chance(8)).for_each(|_| thread::yield_now());
            // Time may run out before the last one is back; the rest is what this is about.
            let _ = pool.close(MS * chance(2) as u32);
        });
    }
    goes_on(&pool, crowd, clock);
    if closes {
        assert!(pool.is_closed() && pool.try_checkout().is_err());
    } else {
        // Whatever happened, the pool serves again once the mood is better.
        manager.set(Mood::Calm);
        goes_on(&pool, Crowd::of(&pool, Manners { may_fail: true, ..Manners::patient() }), clock);
    }
    ends_balanced(pool, manager);
}

/// Moves the time until the crowd is through.
fn goes_on<M: Manager>(pool: &Pool<M>, crowd: Crowd, clock: &VirtualClock) {
    let steps = [MS / 10, 10 * MS, Duration::from_secs(1), Duration::from_secs(6)];
    let mut turns = 0;
    while !crowd.is_over() {
        clock.advance(steps[chance(steps.len())]);
        pool.tick();
        // Who is held up, or waits for who is, has its turns meanwhile.
        (0..10).for_each(|_| thread::yield_now());
        turns += 1;
        assert!(turns < 300, "stuck: {}; {:?}; {:?}", pool.audit(), pool.stats(), pool.holders());
    }
    crowd.join();
}
