//! What stays different under r2d2's rules too, and what the facade has beyond r2d2.

use crate::fake::{Fake, Refused};
use crate::support::{WATCHDOG, closes_balanced, passes, until};
use parking_lot::Mutex;
use slackwater::r2d2::compat::event::{AcquireEvent, CheckinEvent, CheckoutEvent, ReleaseEvent, TimeoutEvent};
use slackwater::r2d2::compat::{Builder, HandleEvent, NopErrorHandler, Pool, Rules};
use slackwater::{CheckoutError, Keeper, Severity, VirtualClock};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn theirs() -> Builder<Fake> {
    Pool::builder().rules(Rules::r2d2()).error_handler(Box::new(NopErrorHandler))
}

/// Hears in words, and panics at the one it is told.
#[derive(Clone, Debug, Default)]
struct Words(Arc<Mutex<Vec<&'static str>>>, Option<&'static str>);

impl Words {
    fn hear(&self, word: &'static str) {
        self.0.lock().push(word);
        assert!(self.1 != Some(word), "told to panic at {word}");
    }

    fn heard(&self) -> Vec<&'static str> {
        self.0.lock().clone()
    }
}

impl HandleEvent for Words {
    fn handle_acquire(&self, _: AcquireEvent) {
        self.hear("acquire");
    }

    fn handle_release(&self, _: ReleaseEvent) {
        self.hear("release");
    }

    fn handle_checkout(&self, _: CheckoutEvent) {
        self.hear("checkout");
    }

    fn handle_timeout(&self, _: TimeoutEvent) {
        self.hear("timeout");
    }

    fn handle_checkin(&self, _: CheckinEvent) {
        self.hear("checkin");
    }
}

#[test]
fn a_release_is_heard_before_its_successors_acquire_and_a_try_like_any_checkout() {
    let words = Words::default();
    let pool = theirs().max_size(1).event_handler(Box::new(words.clone())).build(Fake::broken()).unwrap();
    drop(pool.try_get().unwrap());
    drop(pool.get().unwrap());
    closes_balanced(pool.as_pool());
    let one = ["acquire", "checkout", "checkin", "release"];
    assert_eq!(words.heard()[..8], [one, one].concat());
}

#[test]
fn each_get_that_fails_is_a_timeout_to_the_handler() {
    for rules in [Rules::ours(), Rules::r2d2()] {
        let words = Words::default();
        let builder = theirs().rules(rules).min_idle(Some(0)).event_handler(Box::new(words.clone()));
        let pool = builder.build(Fake::failing(usize::MAX)).unwrap();
        assert!(pool.get_timeout(SECOND / 10).is_err());
        until(|| words.heard() == ["timeout"]);
        closes_balanced(pool.as_pool());
    }
}

#[test]
fn a_handler_that_panics_costs_no_place() {
    for word in ["acquire", "checkout", "checkin", "release"] {
        let (fake, words) = (Fake::broken(), Words(Arc::default(), Some(word)));
        let builder = theirs().max_size(1).min_idle(Some(0)).connection_timeout(SECOND / 10);
        let pool = builder.event_handler(Box::new(words.clone())).build(fake.clone()).unwrap();
        until(|| {
            let _ = catch_unwind(AssertUnwindSafe(|| pool.get_timeout(SECOND / 10).map(drop)));
            words.heard().iter().filter(|heard| **heard == word).count() >= 3
        });
        closes_balanced(pool.as_pool());
        assert_eq!(fake.alive(), 0);
    }
}

#[test]
fn what_has_rested_is_tested_before_it_is_lent() {
    let (clock, fake) = (VirtualClock::new(), Fake::new());
    let its = clock.clone();
    let builder = Pool::builder().max_size(2).max_lifetime(None).error_handler(Box::new(NopErrorHandler));
    let pool = builder.configure(move |pool| pool.clock(&its).check_interval(None)).build(fake.clone()).unwrap();
    drop((pool.get().unwrap(), pool.get().unwrap()));
    assert_eq!(fake.tests(), 0, "they have not rested");
    fake.0.unfit.lock().extend([1, 2]);
    clock.advance(SECOND);
    // The keeper sets them aside when it finds that they have.
    let lent = std::cell::Cell::new(0);
    passes(&clock, || {
        lent.set(pool.get().unwrap().number);
        clock.advance(2 * SECOND);
        lent.get() > 2
    });
    assert!(fake.tests() >= 1);
    closes_balanced(pool.as_pool());
}

#[test]
fn never_more_than_max_size_are_alive_while_old_ones_are_replaced() {
    let (clock, fake) = (VirtualClock::new(), Fake::new());
    let its = clock.clone();
    let builder = Pool::builder().max_size(3).max_lifetime(Some(10 * SECOND)).test_on_check_out(false);
    let pool = builder.configure(move |pool| pool.clock(&its)).build(fake.clone()).unwrap();
    until(|| {
        clock.advance(SECOND / 10);
        assert!(fake.alive() <= 3);
        fake.made() >= 9
    });
    closes_balanced(pool.as_pool());
}

#[test]
fn thread_pool_shares_the_keepers_thread() {
    let threads = Arc::new(scheduled_thread_pool::ScheduledThreadPool::new(1));
    let keeper = |builder: Builder<Fake>| builder.max_size(1).build(Fake::new()).unwrap().as_pool().config().keeper;
    assert_eq!((keeper(theirs()), keeper(theirs().thread_pool(threads))), (Keeper::Dedicated, Keeper::Shared));
}

#[test]
fn an_error_that_is_permanent_ends_a_wait_at_once() {
    let fake = Fake::failing(usize::MAX);
    let builder = theirs().min_idle(Some(0)).classify_by(|_: &Refused| Severity::Permanent);
    let pool = builder.build(fake.clone()).unwrap();
    let error = pool.get_timeout(WATCHDOG).err().unwrap();
    assert_eq!(error.to_string(), "timed out waiting for connection: the line is dead");
    assert_eq!(fake.connects(), 1);
    closes_balanced(pool.as_pool());
}

#[test]
fn a_database_that_is_down_for_long_is_looked_for_twice_a_second() {
    let (fake, clock) = (Fake::failing(usize::MAX), VirtualClock::new());
    let time = clock.clone();
    let builder = Pool::builder().max_size(2).min_idle(Some(0)).error_handler(Box::new(NopErrorHandler));
    let pool = builder.configure(move |builder| builder.clock(&time)).build(fake.clone()).unwrap();
    // Each opening is longer than the one before, until they are as long as they get.
    passes(&clock, || {
        let _ = pool.get_timeout(Duration::ZERO);
        fake.connects() > 40
    });
    let retry_after = || {
        let error = pool.get().err()?;
        error.source()?.downcast_ref::<CheckoutError>()?.retry_after()
    };
    // Told at once, and when to come again.
    let waits = retry_after().expect("the circuit is open");
    assert!(waits <= SECOND / 2 && fake.made() == 0, "{waits:?}");
    closes_balanced(pool.as_pool());
}
