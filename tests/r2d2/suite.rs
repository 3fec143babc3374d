//! What r2d2 documents and its own tests hold it to, written anew for any crate of its names. Nothing here knows which it is.

use super::{builder, pool};
use crate::fake::{Errors, Fake, Line, Refused};
use crate::support::{WATCHDOG, until};
use pool::{CustomizeConnection, ManageConnection, Pool, PooledConnection};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(100);

#[test]
fn as_many_are_lent_as_max_size_allows() {
    let fake = Fake::at_most(5);
    let pool = builder().max_size(5).build(fake.clone()).unwrap();
    let lent: Vec<_> = (0..5).map(|_| pool.get().unwrap()).collect();
    assert_eq!((lent.len(), pool.try_get().is_none()), (5, true));
    drop((lent, pool));
    until(|| fake.alive() == 0);
}

#[test]
fn what_comes_back_is_lent_again() {
    let fake = Fake::at_most(2);
    let pool = builder().max_size(2).build(fake.clone()).unwrap();
    let (one, other) = (pool.get().unwrap(), pool.get().unwrap());
    let number = one.number;
    drop(one);
    assert_eq!(pool.get().unwrap().number, number);
    drop(other);
    drop(pool);
    until(|| fake.alive() == 0);
}

#[test]
fn try_get_lends_what_is_free_and_nothing_else() {
    let pool = builder().max_size(2).build(Fake::new()).unwrap();
    let (one, other) = (pool.try_get(), pool.try_get());
    assert!(one.is_some() && other.is_some() && pool.try_get().is_none());
    drop(one);
    assert!(pool.try_get().is_some());
}

#[test]
fn get_timeout_waits_for_a_return_and_not_for_ever() {
    let pool = builder().max_size(1).connection_timeout(WATCHDOG).build(Fake::new()).unwrap();
    let lent = pool.get_timeout(Duration::ZERO).unwrap();
    let began = Instant::now();
    assert!(pool.get_timeout(SOON).is_err());
    assert!(began.elapsed() >= SOON);
    let (asks, asked) = sync_channel(0);
    let returner = thread::spawn(move || {
        asked.recv().unwrap();
        drop(lent);
    });
    asks.send(()).unwrap();
    assert!(pool.get_timeout(WATCHDOG).is_ok());
    returner.join().unwrap();
}

#[test]
fn get_waits_as_long_as_connection_timeout_says() {
    let pool = builder().max_size(1).connection_timeout(SOON).build(Fake::new()).unwrap();
    let _lent = pool.get().unwrap();
    let began = Instant::now();
    assert!(pool.get().is_err());
    assert!((SOON..WATCHDOG).contains(&began.elapsed()));
}

#[test]
fn a_pool_and_its_guards_go_to_other_threads() {
    fn goes<T: Send + Sync>(_: &T) {}
    fn moves<T: Send>(thing: T) -> T {
        thing
    }
    let pool = builder().max_size(1).build(Fake::new()).unwrap();
    goes(&pool);
    goes(&pool.state());
    fn goes_as_an_error<T: std::error::Error + Send + Sync + 'static>(_: Option<T>) {}
    goes_as_an_error::<pool::Error>(None);
    let lent = moves(pool.get().unwrap());
    thread::spawn(move || drop(lent)).join().unwrap();
    assert!(pool.get().is_ok());
}

/// Holds the first test there is until it is told to go on.
struct Halting {
    is_first: AtomicBool,
    tests: SyncSender<()>,
    go_on: parking_lot::Mutex<Receiver<()>>,
}

impl ManageConnection for Halting {
    type Connection = ();
    type Error = Refused;

    fn connect(&self) -> Result<(), Refused> {
        Ok(())
    }

    fn is_valid(&self, (): &mut ()) -> Result<(), Refused> {
        if self.is_first.swap(false, SeqCst) {
            self.tests.send(()).unwrap();
            self.go_on.lock().recv_timeout(WATCHDOG).unwrap();
        }
        Ok(())
    }

    fn has_broken(&self, (): &mut ()) -> bool {
        false
    }
}

#[test]
fn others_are_lent_while_one_is_tested() {
    let ((tests, tested), (goes, go_on)) = (sync_channel(0), sync_channel(1));
    let manager = Halting { is_first: AtomicBool::new(true), tests, go_on: parking_lot::Mutex::new(go_on) };
    let pool = builder().test_on_check_out(true).max_size(2).build(manager).unwrap();
    let theirs = pool.clone();
    let waits = thread::spawn(move || drop(theirs.get().unwrap()));
    tested.recv_timeout(WATCHDOG).unwrap();
    drop(pool.get().unwrap());
    goes.send(()).unwrap();
    waits.join().unwrap();
}

#[test]
fn a_connection_that_fails_its_test_is_not_lent() {
    let (fake, errors) = (Fake::new(), Errors::default());
    let builder = builder().max_size(2).test_on_check_out(true).error_handler(Box::new(errors.clone()));
    let pool = builder.build(fake.clone()).unwrap();
    fake.0.unfit.lock().extend([1, 2]);
    let lent = pool.get().unwrap();
    assert!(lent.number > 2, "{lent:?} failed its test");
    // One or both: the first one's successor may be there before the second has its turn.
    let errors = errors.0.lock();
    assert!(matches!(errors.len(), 1..=2) && errors.iter().all(|error| error == "the line is dead"), "{errors:?}");
    drop((lent, pool));
    until(|| fake.alive() == 0);
}

#[test]
fn without_test_on_check_out_nothing_is_tested() {
    let fake = Fake::new();
    let pool = builder().max_size(1).test_on_check_out(false).build(fake.clone()).unwrap();
    (0..10).for_each(|_| drop(pool.get().unwrap()));
    assert_eq!((fake.tests(), pool.test_on_check_out()), (0, false));
}

#[test]
fn a_broken_connection_ends_at_its_return() {
    let fake = Fake::broken();
    let pool = builder().max_size(2).build(fake.clone()).unwrap();
    let lent = pool.get().unwrap();
    let number = lent.number;
    drop(lent);
    until(|| fake.made() == 3 && fake.alive() == 2);
    let (one, other) = (pool.get().unwrap(), pool.get().unwrap());
    assert!(one.number != number && other.number != number);
}

#[test]
fn build_tells_what_connect_said() {
    let (fake, errors) = (Fake::failing(usize::MAX), Errors::default());
    let builder = builder().connection_timeout(SOON).error_handler(Box::new(errors.clone()));
    let error = builder.build(fake.clone()).err().unwrap();
    assert!(error.to_string().contains("the line is dead"), "{error}");
    assert_eq!(errors.0.lock()[0], "the line is dead");
    assert_eq!(fake.alive(), 0);
}

#[test]
fn get_tells_what_connect_said() {
    let builder = builder().connection_timeout(SOON).error_handler(Box::new(pool::NopErrorHandler));
    let pool = builder.build_unchecked(Fake::failing(usize::MAX));
    let error = pool.get().err().unwrap();
    assert!(error.to_string().contains("the line is dead"), "{error}");
}

#[test]
fn build_unchecked_waits_for_no_connection() {
    let fake = Fake::failing(1);
    let builder = builder().max_size(1).connection_timeout(SOON).error_handler(Box::new(pool::NopErrorHandler));
    let pool = builder.build_unchecked(fake.clone());
    let lent = pool.get_timeout(WATCHDOG).unwrap();
    assert_eq!((lent.number, fake.connects()), (1, 2));
}

/// Refuses the first connection it sees, and keeps the number of each that ends.
#[derive(Clone, Debug, Default)]
struct Choosy(Arc<(AtomicUsize, AtomicUsize)>);

impl CustomizeConnection<Line, Refused> for Choosy {
    fn on_acquire(&self, line: &mut Line) -> Result<(), Refused> {
        line.number += 1_000;
        if self.0.0.fetch_add(1, SeqCst) == 0 { Err(Refused) } else { Ok(()) }
    }

    fn on_release(&self, line: Line) {
        assert!(line.number > 1_000);
        self.0.1.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_customizer_sees_connections_come_and_go() {
    let (fake, choosy) = (Fake::broken(), Choosy::default());
    let builder = builder().max_size(3).connection_timeout(2 * SOON).connection_customizer(Box::new(choosy.clone()));
    let pool = builder.error_handler(Box::new(pool::NopErrorHandler)).build_unchecked(fake.clone());
    let lent = pool.get_timeout(WATCHDOG).unwrap();
    assert!(lent.number > 1_000);
    // The one that was refused was dropped, and is not the customizer's to release.
    until(|| (fake.made(), fake.alive()) == (4, 3));
    assert_eq!(choosy.0.1.load(SeqCst), 0);
    drop(lent);
    until(|| choosy.0.1.load(SeqCst) == 1);
}

#[test]
fn min_idle_is_kept_beside_what_is_lent() {
    let fake = Fake::new();
    let pool = builder().max_size(5).min_idle(Some(2)).build(fake.clone()).unwrap();
    let is = |connections, idle| {
        let state = pool.state();
        (state.connections, state.idle_connections) == (connections, idle)
    };
    until(|| is(2, 2));
    let lent: Vec<_> = (0..3).map(|_| pool.get().unwrap()).collect();
    until(|| is(5, 2));
    drop(lent);
    until(|| is(5, 5));
    drop(pool);
    until(|| fake.alive() == 0);
}

#[test]
fn connections_end_with_their_pool() {
    let fake = Fake::new();
    let pool = builder().max_size(10).max_lifetime(Some(WATCHDOG)).build(fake.clone()).unwrap();
    assert_eq!(fake.alive(), 10);
    drop(pool);
    until(|| fake.alive() == 0);
}

#[test]
fn a_lent_connection_outlives_the_pools_last_handle() {
    let fake = Fake::new();
    let pool = builder().max_size(2).build(fake.clone()).unwrap();
    let lent = pool.get().unwrap();
    drop(pool);
    assert!(lent.number > 0 && fake.alive() >= 1);
    drop(lent);
    until(|| fake.alive() == 0);
}

#[test]
fn extensions_stay_with_their_connection() {
    let pool = builder().max_size(2).build(Fake::new()).unwrap();
    let (mut one, mut other) = (pool.get().unwrap(), pool.get().unwrap());
    PooledConnection::extensions_mut(&mut one).insert(1_i32);
    PooledConnection::extensions_mut(&mut other).insert(2_i32);
    let number = one.number;
    drop(one);
    let again = pool.get().unwrap();
    assert_eq!((again.number, PooledConnection::extensions(&again).get::<i32>()), (number, Some(&1)));
}

#[test]
fn what_was_set_can_be_asked() {
    let pool = builder().build(Fake::new()).unwrap();
    let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
    assert_eq!((pool.max_size(), pool.min_idle(), pool.test_on_check_out()), (10, None, true));
    assert_eq!((pool.max_lifetime(), pool.idle_timeout()), (minutes(30), minutes(10)));
    assert_eq!(pool.connection_timeout(), Duration::from_secs(30));
    let builder = builder().max_size(3).min_idle(Some(1)).max_lifetime(None).idle_timeout(minutes(1));
    let pool = builder.connection_timeout(WATCHDOG).build(Fake::new()).unwrap();
    assert_eq!((pool.max_size(), pool.min_idle()), (3, Some(1)));
    assert_eq!((pool.max_lifetime(), pool.idle_timeout(), pool.connection_timeout()), (None, minutes(1), WATCHDOG));
    assert!(Pool::new(Fake::new()).unwrap().get().is_ok());
}

#[test]
fn what_makes_no_sense_is_refused_by_a_panic() {
    assert!(catch_unwind(|| builder::<Fake>().max_size(0)).is_err());
    assert!(catch_unwind(|| builder::<Fake>().max_lifetime(Some(Duration::ZERO))).is_err());
    assert!(catch_unwind(|| builder::<Fake>().idle_timeout(Some(Duration::ZERO))).is_err());
    assert!(catch_unwind(|| builder::<Fake>().connection_timeout(Duration::ZERO)).is_err());
    let too_many = || builder().max_size(1).min_idle(Some(2));
    assert!(catch_unwind(|| too_many().build(Fake::new())).is_err());
    assert!(catch_unwind(|| too_many().build_unchecked(Fake::new())).is_err());
}

#[test]
fn threads_of_ones_own_may_be_given() {
    let threads = Arc::new(scheduled_thread_pool::ScheduledThreadPool::new(1));
    let pools = [1, 2].map(|_| builder().max_size(1).thread_pool(threads.clone()).build(Fake::new()).unwrap());
    assert!(pools.iter().all(|pool| pool.get().is_ok()));
}

#[test]
fn all_of_it_can_be_printed() {
    let pool = builder().max_size(1).build(Fake::new()).unwrap();
    let lent = pool.get().unwrap();
    assert_eq!(format!("{lent:?}"), "line 1");
    assert_eq!(format!("{:?}", pool.state()), "State { connections: 1, idle_connections: 0 }");
    let text = format!("{pool:?}");
    assert!(
        text.starts_with("Pool { state: State {") && text.contains("max_size: 1") && text.contains("manager: Fake")
    );
    assert!(format!("{:?}", builder::<Fake>()).starts_with("Builder { max_size: 10"));
}
