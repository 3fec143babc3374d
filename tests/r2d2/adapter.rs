//! r2d2's managers as managers of this crate's pool, without r2d2's names.

use crate::fake::{Errors, Fake, Line, Refused};
use crate::support::{WATCHDOG, closes_balanced, passes, until};
use parking_lot::Mutex;
use slackwater::r2d2::event::{AcquireEvent, ReleaseEvent};
use slackwater::r2d2::{Adapter, CustomizeConnection, HandleEvent, ManageConnection};
use slackwater::{CheckoutError, Pool, ReturnOutcome, Severity, VirtualClock};
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

#[test]
fn any_manager_of_r2d2s_is_a_manager() {
    let fake = Fake::new();
    let pool = Pool::builder(Adapter::new(fake.clone())).max_size(2).build().unwrap();
    let mut lent = pool.checkout().unwrap();
    lent.extensions_mut().insert("beside it");
    let (id, number) = (lent.connection_id(), lent.number);
    drop(lent);
    let again = pool.checkout().unwrap();
    assert_eq!((again.connection_id(), again.number), (id, number));
    assert_eq!(again.extensions().get::<&str>(), Some(&"beside it"));
    drop(again);
    fake.0.all_are_broken.store(true, SeqCst);
    drop(pool.checkout().unwrap());
    until(|| fake.made() == 3);
    closes_balanced(&pool);
    assert_eq!(fake.alive(), 0);
}

#[test]
fn is_valid_is_the_pools_check() {
    let (fake, clock) = (Fake::new(), VirtualClock::new());
    let builder = Pool::builder(Adapter::new(fake.clone())).max_size(2).clock(&clock).remove_after(1);
    let pool = builder.check_interval(Duration::from_secs(1)).build().unwrap();
    fake.0.unfit.lock().insert(1);
    passes(&clock, || fake.made() == 3);
    assert!(fake.tests() >= 1);
    closes_balanced(&pool);
}

#[test]
fn recycle_by_says_what_becomes_of_a_connection_that_comes_back() {
    let (fake, seen) = (Fake::new(), Arc::new(AtomicUsize::new(0)));
    let asked = Arc::clone(&seen);
    let adapter = Adapter::new(fake.clone()).recycle_by(move |line| {
        asked.fetch_add(1, SeqCst);
        if line.number == 1 { ReturnOutcome::Broken } else { ReturnOutcome::Healthy }
    });
    let pool = Pool::builder(adapter).max_size(1).build().unwrap();
    drop(pool.checkout().unwrap());
    let second = pool.checkout().unwrap();
    assert_eq!(second.number, 2, "the first was given up at its return");
    drop(second);
    assert_eq!(pool.checkout().unwrap().number, 2);
    assert_eq!(seen.load(SeqCst), 3);
    // What has broken is not reset.
    fake.0.all_are_broken.store(true, SeqCst);
    drop(pool.checkout().unwrap());
    assert_eq!(seen.load(SeqCst), 3);
    closes_balanced(&pool);
    assert_eq!(fake.alive(), 0);
}

#[test]
fn an_error_that_may_travel_comes_back_whole() {
    let failing = || Fake::failing(usize::MAX);
    let pool = Pool::builder(Adapter::whole(failing())).min_idle(0).build().unwrap();
    let error = pool.checkout().err().unwrap();
    assert!(error.source().unwrap().is::<Refused>(), "{error:?}");
    closes_balanced(&pool);
    // With a handler, which takes it for good, what it says is kept.
    let errors = Errors::default();
    let adapter = Adapter::whole(failing()).error_handler(Box::new(errors.clone()));
    let pool = Pool::builder(adapter).min_idle(0).build().unwrap();
    let error = pool.checkout().err().unwrap();
    assert_eq!(error.source().unwrap().to_string(), "the line is dead");
    assert_eq!(errors.0.lock()[0], "the line is dead");
    closes_balanced(&pool);
}

/// An error that must stay on its thread, with a source.
#[derive(Debug)]
struct Local(Rc<Refused>);

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("could not connect")
    }
}

impl Error for Local {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

struct Homely;

impl ManageConnection for Homely {
    type Connection = ();
    type Error = Local;

    fn connect(&self) -> Result<(), Local> {
        Err(Local(Rc::new(Refused)))
    }

    fn is_valid(&self, (): &mut ()) -> Result<(), Local> {
        Ok(())
    }

    fn has_broken(&self, (): &mut ()) -> bool {
        false
    }
}

#[test]
fn an_error_that_may_not_travel_is_told_with_its_sources() {
    let pool = Pool::builder(Adapter::new(Homely)).min_idle(0).build().unwrap();
    let error = pool.checkout().err().unwrap();
    let cause = error.source().unwrap();
    assert_eq!((cause.to_string(), format!("{cause:?}")), ("could not connect".into(), "Local(Refused)".into()));
    let source = cause.source().unwrap();
    assert_eq!((source.to_string(), source.source().is_none()), ("the line is dead".into(), true));
    closes_balanced(&pool);
}

#[test]
fn a_permanent_error_is_told_at_once() {
    let fake = Fake::failing(usize::MAX);
    let adapter = Adapter::whole(fake.clone()).classify_by(|_| Severity::Permanent);
    let pool = Pool::builder(adapter).min_idle(0).build().unwrap();
    let Err(CheckoutError::Create(error)) = pool.checkout_timeout(WATCHDOG) else { panic!("none can be made") };
    assert_eq!((error.severity, fake.connects()), (Severity::Permanent, 1));
    closes_balanced(&pool);
}

#[test]
fn a_holder_reports_an_error_of_the_managers() {
    let fake = Fake::new();
    let pool = Pool::builder(Adapter::whole(fake.clone())).max_size(1).remove_after(1).build().unwrap();
    let mut lent = pool.checkout().unwrap();
    lent.on_error(&pool.manager().failure(Refused));
    drop(lent);
    assert_eq!(pool.checkout().unwrap().number, 2);
    closes_balanced(&pool);
}

/// Refuses the first, and counts those that it let in and those that came out.
#[derive(Clone, Debug, Default)]
struct Door(Arc<[AtomicUsize; 3]>);

impl CustomizeConnection<Line, Refused> for Door {
    fn on_acquire(&self, _: &mut Line) -> Result<(), Refused> {
        if self.0[0].fetch_add(1, SeqCst) == 0 {
            return Err(Refused);
        }
        self.0[1].fetch_add(1, SeqCst);
        Ok(())
    }

    fn on_release(&self, _: Line) {
        self.0[2].fetch_add(1, SeqCst);
    }
}

#[test]
fn whoever_was_let_in_is_released_and_nobody_else() {
    let (fake, door) = (Fake::new(), Door::default());
    let pool = Pool::builder(Adapter::new(fake.clone()).customizer(Box::new(door.clone()))).max_size(3);
    let pool = pool.build().unwrap();
    until(|| fake.alive() == 3);
    closes_balanced(&pool);
    assert_eq!((fake.made(), fake.alive()), (4, 0));
    assert_eq!([1, 2].map(|at: usize| door.0[at].load(SeqCst)), [3, 3]);
}

/// Hears slowly: each event waits for leave. Panics at the first.
#[derive(Clone, Debug, Default)]
struct Slow(Arc<(Mutex<()>, AtomicUsize, AtomicUsize)>);

impl HandleEvent for Slow {
    fn handle_acquire(&self, _: AcquireEvent) {
        let heard = self.0.1.fetch_add(1, SeqCst);
        drop(self.0.0.lock());
        assert!(heard > 0, "told to panic at the first event");
    }

    fn handle_release(&self, event: ReleaseEvent) {
        assert!(event.age() < WATCHDOG);
        self.0.2.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_handler_that_is_slow_or_panics_holds_nobody_up_and_what_it_missed_is_counted() {
    let slow = Slow::default();
    let leave = slow.0.0.lock();
    let adapter = Adapter::new(Fake::new()).event_queue(Box::new(slow.clone()), 2).unwrap();
    let pool = Pool::builder(adapter).max_size(8).build().unwrap();
    assert_eq!(pool.stats().created, 8);
    until(|| slow.0.1.load(SeqCst) == 1);
    // One is being heard, two wait. The first may have been taken after the others came.
    let lost = pool.manager().lost_events();
    assert!((5..=6).contains(&lost), "{lost}");
    drop(leave);
    until(|| slow.0.1.load(SeqCst) == 8 - lost as usize);
    closes_balanced(&pool);
    until(|| slow.0.2.load(SeqCst) as u64 + pool.manager().lost_events() - lost == 8);
}

#[test]
fn a_handler_on_the_spot_hears_before_the_connection_is_lent() {
    let slow = Slow::default();
    slow.0.1.store(1, SeqCst);
    let pool = Pool::builder(Adapter::new(Fake::new()).event_handler(Box::new(slow.clone()))).max_size(2);
    let pool = pool.build().unwrap();
    assert_eq!((slow.0.1.load(SeqCst), pool.manager().lost_events()), (3, 0));
    closes_balanced(&pool);
    assert_eq!(slow.0.2.load(SeqCst), 2);
}
