//! What ends because time went by. r2d2's own pool cannot be asked: how often it looks is not to be set, and half a minute.

use crate::fake::Fake;
use crate::support::{closes_balanced, passes, until};
use slackwater::VirtualClock;
use slackwater::r2d2::compat::{Builder, Pool, Rules};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A pool of virtual time.
fn builder(rules: Rules, clock: &VirtualClock) -> Builder<Fake> {
    let clock = clock.clone();
    Pool::builder().rules(rules).max_size(5).test_on_check_out(false).configure(move |pool| pool.clock(&clock))
}

fn reaping_each_second() -> Rules {
    let mut rules = Rules::r2d2();
    rules.reaper_rate = SECOND;
    rules
}

#[test]
fn what_idles_ends_below_min_idle_and_is_made_anew() {
    let (clock, fake) = (VirtualClock::new(), Fake::new());
    let builder = builder(reaping_each_second(), &clock).idle_timeout(Some(10 * SECOND)).max_lifetime(None);
    let pool = builder.build(fake.clone()).unwrap();
    let lent = pool.get().unwrap();
    passes(&clock, || fake.made() >= 9);
    until(|| pool.state().idle_connections == 4);
    assert!(lent.number <= 5 && fake.alive() == 5, "what is lent does not idle");
    drop(lent);
    closes_balanced(pool.as_pool());
    assert_eq!(fake.alive(), 0);
}

#[test]
fn what_is_in_use_now_and_then_does_not_idle() {
    let (clock, fake) = (VirtualClock::new(), Fake::at_most(5));
    let builder = builder(reaping_each_second(), &clock).idle_timeout(Some(10 * SECOND)).max_lifetime(None);
    let builder = builder.error_handler(Box::new(slackwater::r2d2::compat::NopErrorHandler));
    let pool = builder.build(fake.clone()).unwrap();
    let number = pool.get().unwrap().number;
    // Shorter steps than the timeout, until all the others are gone: no more can be made.
    until(|| {
        clock.advance(SECOND / 10);
        let lent = pool.get().unwrap();
        thread::yield_now();
        assert_eq!(lent.number, number);
        pool.state().connections == 1
    });
    closes_balanced(pool.as_pool());
}

#[test]
fn what_is_too_old_ends_when_the_reaper_finds_it_free() {
    let (clock, fake) = (VirtualClock::new(), Fake::new());
    let builder = builder(reaping_each_second(), &clock).idle_timeout(None).max_lifetime(Some(60 * SECOND));
    let pool = builder.build(fake.clone()).unwrap();
    let lent = pool.get().unwrap();
    let number = lent.number;
    clock.advance(59 * SECOND);
    assert_eq!(fake.made(), 5, "none is too old yet");
    passes(&clock, || fake.made() >= 9);
    // It goes back to the others, and is found later.
    drop(lent);
    assert_eq!(pool.get().unwrap().number, number);
    passes(&clock, || fake.made() >= 10);
    closes_balanced(pool.as_pool());
}

#[test]
fn reaper_rate_is_how_often_that_is() {
    let (clock, fake) = (VirtualClock::new(), Fake::new());
    let mut rules = Rules::r2d2();
    rules.reaper_rate = 3_600 * SECOND;
    let pool = builder(rules, &clock).idle_timeout(Some(SECOND)).build(fake.clone()).unwrap();
    for _ in 0..35 {
        clock.advance(100 * SECOND);
        thread::yield_now();
    }
    assert_eq!(fake.made(), 5, "3,500 s are not an hour");
    until(|| {
        clock.advance(SECOND);
        fake.made() >= 10
    });
    closes_balanced(pool.as_pool());
}

#[test]
fn by_our_rules_only_what_exceeds_min_idle_ends() {
    let (clock, fake) = (VirtualClock::new(), Fake::new());
    let builder = builder(Rules::ours(), &clock).idle_timeout(Some(10 * SECOND)).max_lifetime(None);
    let pool = builder.min_idle(Some(2)).build(fake.clone()).unwrap();
    let lent: Vec<_> = (0..5).map(|_| pool.get().unwrap()).collect();
    drop(lent);
    assert_eq!(fake.alive(), 5);
    passes(&clock, || fake.alive() == 2);
    clock.advance(100 * SECOND);
    until(|| pool.state().idle_connections == 2);
    assert_eq!(fake.made(), 5, "nothing was made anew");
    closes_balanced(pool.as_pool());
}

#[test]
fn by_our_rules_what_is_too_old_ends_at_its_return() {
    let (clock, fake) = (VirtualClock::new(), Fake::new());
    let builder = builder(Rules::ours(), &clock).idle_timeout(None).max_lifetime(Some(60 * SECOND)).max_size(1);
    let pool = builder.build(fake.clone()).unwrap();
    let lent = pool.get().unwrap();
    clock.advance(61 * SECOND);
    // The keeper notes it while it is lent; never is there one more than `max_size`.
    until(|| {
        clock.advance(SECOND / 10);
        pool.as_pool().resources()[0].age > 61 * SECOND
    });
    assert_eq!((lent.number, fake.made()), (1, 1));
    drop(lent);
    until(|| fake.made() == 2);
    assert_eq!(pool.get().unwrap().number, 2);
    closes_balanced(pool.as_pool());
}
