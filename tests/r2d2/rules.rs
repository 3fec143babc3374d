//! Each rule in which r2d2 differs: as it is here, and as the switch makes it.

use crate::fake::{Fake, Line, Refused};
use crate::support::{WATCHDOG, closes_balanced, until};
use parking_lot::Mutex;
use slackwater::r2d2::compat::event::{AcquireEvent, CheckoutEvent};
use slackwater::r2d2::compat::{Builder, CustomizeConnection, HandleEvent, NopErrorHandler, Pool, Rules};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(100);

fn builder(set: impl FnOnce(&mut Rules)) -> Builder<Fake> {
    let mut rules = Rules::ours();
    set(&mut rules);
    Pool::builder().rules(rules).error_handler(Box::new(NopErrorHandler))
}

/// The threads on which something happened.
#[derive(Clone, Debug, Default)]
struct Where(Arc<Mutex<Vec<ThreadId>>>);

impl Where {
    fn note(&self) {
        self.0.lock().push(thread::current().id());
    }
}

impl CustomizeConnection<Line, Refused> for Where {
    fn on_release(&self, _: Line) {
        self.note();
    }
}

impl HandleEvent for Where {
    fn handle_acquire(&self, _: AcquireEvent) {}

    fn handle_checkout(&self, _: CheckoutEvent) {
        self.note();
    }
}

#[test]
fn destroy_on_caller_is_where_a_broken_connection_ends() {
    for on_caller in [false, true] {
        let seen = Where::default();
        let builder = builder(|rules| rules.destroy_on_caller = on_caller).max_size(1);
        let pool = builder.connection_customizer(Box::new(seen.clone())).build(Fake::broken()).unwrap();
        drop(pool.get().unwrap());
        if on_caller {
            assert_eq!(*seen.0.lock(), [thread::current().id()]);
        }
        until(|| !seen.0.lock().is_empty());
        assert_eq!(seen.0.lock()[0] == thread::current().id(), on_caller);
        closes_balanced(pool.as_pool());
    }
}

#[test]
fn short_errors_are_r2d2s_to_the_letter() {
    fn said(error: impl std::fmt::Display) -> String {
        error.to_string()
    }
    let theirs = r2d2::Pool::builder().connection_timeout(SOON).error_handler(Box::new(NopErrorHandler));
    let theirs = said(theirs.build(Fake::failing(usize::MAX)).err().unwrap());
    let failing = |set: fn(&mut Rules)| builder(set).connection_timeout(SOON).build(Fake::failing(usize::MAX));
    assert_eq!(said(failing(|rules| rules.short_errors = true).err().unwrap()), theirs);
    assert_eq!(said(failing(|rules| *rules = Rules::r2d2()).err().unwrap()), theirs);
    let ours = said(failing(|_| ()).err().unwrap());
    assert!(ours.starts_with("no resource could be made") && ours.contains("the line is dead"), "{ours}");

    let theirs = r2d2::Pool::builder().max_size(1).build(Fake::new()).unwrap();
    let (_lent, theirs) = (theirs.get().unwrap(), theirs.clone());
    for short_errors in [false, true] {
        let pool = builder(|rules| rules.short_errors = short_errors).max_size(1).build(Fake::new()).unwrap();
        let lent = pool.get().unwrap();
        let error = pool.get_timeout(Duration::ZERO).err().unwrap();
        let says_where = error.to_string().contains(file!());
        assert_eq!(says_where, !short_errors, "{error}");
        assert_eq!(error.to_string() == said(theirs.get_timeout(Duration::ZERO).err().unwrap()), short_errors);
        // All of it is there in any case.
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.is::<slackwater::CheckoutError>() && source.to_string().contains(file!()));
        drop(lent);
        closes_balanced(pool.as_pool());
    }
}

#[test]
fn retry_in_build_makes_all_of_them_or_none() {
    let built = |retries: bool, fake: &Fake| {
        let builder = builder(|rules| rules.retry_in_build = retries).max_size(4);
        builder.connection_timeout(5 * SOON).build(fake.clone())
    };
    let fake = Fake::failing(3);
    let pool = built(true, &fake).unwrap();
    assert_eq!((pool.state().connections, pool.state().idle_connections, fake.connects()), (4, 4, 7));
    closes_balanced(pool.as_pool());
    let error = built(true, &Fake::at_most(3)).err().unwrap().to_string();
    assert!(error.starts_with("only 3 of 4 connections were ready") && error.contains("the line is dead"), "{error}");
    // Ours: what there is will do, and the rest is tried again meanwhile.
    let fake = Fake::failing(3);
    let pool = built(false, &fake).unwrap();
    assert_eq!(pool.as_pool().warm_up().failed, 3);
    until(|| pool.state().connections == 4);
    closes_balanced(pool.as_pool());
    let (began, fake) = (Instant::now(), Fake::failing(usize::MAX));
    assert!(built(false, &fake).is_err());
    assert!(began.elapsed() < 5 * SOON && fake.connects() <= 4, "each is tried once: {}", fake.connects());
}

#[test]
fn retry_until_timeout_is_how_long_a_caller_waits_for_a_server() {
    let first = |retries: bool| {
        let fake = Fake::failing(5);
        let builder = builder(|rules| rules.retry_until_timeout = retries).max_size(1).min_idle(Some(0));
        let pool = builder.connection_timeout(SOON).build(fake.clone()).unwrap();
        let lent = pool.get_timeout(WATCHDOG).map(|line| line.number).map_err(|error| error.to_string());
        closes_balanced(pool.as_pool());
        (lent, fake.connects())
    };
    assert_eq!(first(true), (Ok(1), 6));
    let (lent, connects) = first(false);
    assert!(lent.unwrap_err().contains("the line is dead") && connects <= 3, "{connects}");
}

#[test]
fn synchronous_events_are_heard_on_the_thread_of_the_checkout() {
    for synchronous in [false, true] {
        let heard = Where::default();
        let builder = builder(|rules| rules.synchronous_events = synchronous).max_size(1);
        let pool = builder.event_handler(Box::new(heard.clone())).build(Fake::new()).unwrap();
        drop(pool.get().unwrap());
        until(|| !heard.0.lock().is_empty());
        assert_eq!(heard.0.lock()[0] == thread::current().id(), synchronous);
        assert_eq!(pool.as_pool().manager().lost_events(), 0);
        closes_balanced(pool.as_pool());
    }
}

#[test]
fn test_each_checkout_is_the_default_of_test_on_check_out() {
    let tests = |each: bool, set: Option<bool>| {
        let fake = Fake::new();
        let mut builder = builder(|rules| rules.test_each_checkout = each).max_size(1);
        if let Some(set) = set {
            builder = builder.test_on_check_out(set);
        }
        let pool = builder.build(fake.clone()).unwrap();
        (0..5).for_each(|_| drop(pool.get().unwrap()));
        closes_balanced(pool.as_pool());
        fake.tests()
    };
    assert_eq!([tests(true, None), tests(false, Some(true)), tests(true, Some(true))], [5; 3]);
    assert_eq!([tests(false, None), tests(true, Some(false)), tests(false, Some(false))], [0; 3]);
}

#[test]
fn keep_after_panic_is_whether_a_connection_outlives_its_users_panic() {
    for keeps in [false, true] {
        let pool = builder(|rules| rules.keep_after_panic = keeps).max_size(1).build(Fake::new()).unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _lent = pool.get().unwrap();
            panic!("told to panic with a connection in hand");
        }));
        assert!(panicked.is_err());
        assert_eq!(pool.get().unwrap().number == 1, keeps);
        closes_balanced(pool.as_pool());
    }
}

#[test]
fn newest_first_lends_what_came_back_last() {
    for newest_first in [false, true] {
        let pool = builder(|rules| rules.newest_first = newest_first).max_size(2).build(Fake::new()).unwrap();
        let (one, other) = (pool.get().unwrap(), pool.get().unwrap());
        let (of_another_thread, of_this_thread) = (one.number, other.number);
        drop(other);
        thread::spawn(move || drop(one)).join().unwrap();
        let expected = if newest_first { of_another_thread } else { of_this_thread };
        assert_eq!(pool.get().unwrap().number, expected);
        closes_balanced(pool.as_pool());
    }
}

#[test]
fn a_setting_out_of_range_is_refused_by_name() {
    let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let refused = |builder: Builder<Fake>| builder.build(Fake::new()).err().unwrap().to_string();
    let lifetime = refused(builder(|_| ()).max_lifetime(Some(century)));
    assert!(lifetime.starts_with("max_lifetime = "), "{lifetime}");
    let timeout = refused(builder(|rules| rules.short_errors = true).connection_timeout(century));
    assert!(timeout.starts_with("checkout_timeout = "), "{timeout}");
    let never = refused(builder(|rules| (rules.reap_below_min_idle, rules.reaper_rate) = (true, Duration::ZERO)));
    assert!(never.starts_with("reaper_rate = "), "{never}");
}

#[test]
fn connections_that_all_fail_their_test_are_an_error_that_says_so() {
    let fake = Fake::new();
    fake.0.unfit.lock().extend(0..100_000);
    let pool = builder(|_| ()).max_size(1).test_on_check_out(true).build(fake.clone()).unwrap();
    let error = pool.get_timeout(Duration::from_millis(20)).err().unwrap().to_string();
    assert!(error.contains("failed") && error.contains("the line is dead"), "{error}");
    assert!(fake.0.tests.load(SeqCst) >= 1);
    closes_balanced(pool.as_pool());
}
