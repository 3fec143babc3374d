//! Resources that cannot leave their threads.

use crate::closes_balanced;
use crate::support::{WATCHDOG, until};
use parking_lot::Mutex;
use slackwater::{DestroyReason, Keeper, LocalManager, ReturnOutcome, VirtualClock, Workers};
use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

/// A counter that is not `Send`, and remembers whose it is.
struct Counter {
    count: Rc<Cell<u64>>,
    owner: ThreadId,
}

/// What was called, and on which resource's thread: panics where the two differ.
#[derive(Clone, Default)]
struct Counters {
    calls: Arc<Mutex<Vec<(&'static str, ThreadId)>>>,
}

impl Counters {
    fn called(&self, what: &'static str, counter: &Counter) {
        assert_eq!(counter.owner, thread::current().id(), "{what} on another's thread");
        self.calls.lock().push((what, counter.owner));
    }

    fn on(&self, what: &str) -> Vec<ThreadId> {
        self.calls.lock().iter().filter(|(call, _)| *call == what).map(|(_, thread)| *thread).collect()
    }
}

impl LocalManager for Counters {
    type Resource = Counter;
    type Error = Infallible;

    fn create(&self) -> Result<Counter, Infallible> {
        let counter = Counter { count: Rc::default(), owner: thread::current().id() };
        self.called("create", &counter);
        Ok(counter)
    }

    fn warm(&self, counter: &mut Counter) -> Result<(), Infallible> {
        self.called("warm", counter);
        Ok(())
    }

    fn check(&self, counter: &mut Counter) -> Result<(), Infallible> {
        self.called("check", counter);
        Ok(())
    }

    fn is_broken(&self, counter: &mut Counter) -> bool {
        self.called("is_broken", counter);
        counter.count.get() >= 1_000
    }

    fn recycle(&self, counter: &mut Counter) -> ReturnOutcome {
        self.called("recycle", counter);
        if counter.count.get() % 2 == 1 { ReturnOutcome::Suspect } else { ReturnOutcome::Healthy }
    }

    fn weight(&self, counter: &Counter) -> u64 {
        self.called("weight", counter);
        counter.count.get()
    }

    fn destroy(&self, counter: Counter) {
        self.called("destroy", &counter);
    }
}

fn add(count: u64) -> impl FnOnce(&mut Counter) -> (u64, ThreadId) + Send {
    move |counter| {
        assert_eq!(counter.owner, thread::current().id());
        let shared = Rc::clone(&counter.count);
        shared.set(shared.get() + count);
        (counter.count.get(), counter.owner)
    }
}

#[test]
fn a_resource_that_is_not_send_lives_on_one_thread_from_create_to_destroy() {
    let counters = Counters::default();
    let workers = Workers::builder(counters.clone()).build().unwrap();
    let (count, owner) = workers.execute(add(2)).unwrap();
    assert_eq!((count, owner == thread::current().id()), (2, false));
    // An odd count is suspect: checked on its thread, before the next job.
    assert_eq!(workers.execute(add(1)).unwrap(), (3, owner));
    assert_eq!(workers.execute(add(1)).unwrap(), (4, owner));
    assert_eq!(counters.on("check"), [owner]);
    // Too high a count is broken: it ends on its thread, and another begins at zero.
    assert_eq!(workers.execute(add(1_000)).unwrap(), (1_004, owner));
    let (count, second) = workers.execute(add(2)).unwrap();
    assert_eq!((count, second == owner), (2, false));
    closes_balanced(&workers);
    for what in ["create", "warm", "destroy"] {
        assert_eq!(counters.on(what), [owner, second], "{what}");
    }
    assert_eq!(workers.pool().stats().destroyed.by(DestroyReason::Broken), 1);
}

#[test]
fn a_resource_that_is_not_send_is_checked_and_weighed_on_its_thread_while_it_is_idle() {
    let (counters, clock) = (Counters::default(), VirtualClock::new());
    let workers = Workers::builder(counters.clone()).pool({
        let clock = clock.clone();
        // The last that is available is not checked.
        move |pool| {
            pool.max_size(2)
                .clock(&clock)
                .keeper(Keeper::Manual)
                .check_interval(Duration::from_secs(1))
                .memory_budget(1_000)
        }
    });
    let workers = workers.build().unwrap();
    workers.execute(add(6)).unwrap();
    until(|| workers.pool().stats().in_use == 0);
    let owners = counters.on("create");
    for checks in 1..6 {
        clock.advance(Duration::from_secs(2));
        until(|| {
            workers.pool().tick();
            counters.on("check").len() >= checks
        });
    }
    assert_eq!(workers.pool().stats().weight, 6);
    assert!(counters.on("check").iter().chain(&counters.on("weight")).all(|thread| owners.contains(thread)));
    closes_balanced(&workers);
}

#[test]
fn threads_end_with_their_resources() {
    let workers = Workers::builder(Counters::default()).pool(|pool| pool.max_size(3).name("endings")).build().unwrap();
    let owners: Vec<_> = (0..3).map(|_| workers.submit(add(2)).unwrap()).collect();
    assert!(owners.into_iter().all(|ticket| ticket.wait().is_ok()));
    #[cfg(target_os = "linux")]
    (0..3).for_each(|number| assert_eq!(crate::support::threads_named(&format!("endings-{number}")).len(), 1));
    closes_balanced(&workers);
    #[cfg(target_os = "linux")]
    until(|| crate::support::threads_named("endings-").is_empty());
}

#[test]
fn a_seat_that_is_checked_out_takes_no_jobs_until_it_is_given_back() {
    let workers = Workers::builder(Counters::default()).build().unwrap();
    for round in 0..100 {
        let seat = workers.pool().checkout().unwrap();
        let ticket = workers.submit(add(2)).unwrap();
        assert!(!ticket.is_done());
        drop(seat);
        let (count, _) = ticket.wait_timeout(WATCHDOG).unwrap().unwrap();
        assert_eq!(count, 2 * (round + 1));
    }
    closes_balanced(&workers);
}

#[test]
fn a_seat_that_is_taken_out_of_the_pool_ends_on_its_thread_when_it_is_dropped() {
    let counters = Counters::default();
    let workers = Workers::builder(counters.clone()).build().unwrap();
    let (_, owner) = workers.execute(add(2)).unwrap();
    let seat = workers.pool().checkout().unwrap().detach();
    drop(seat);
    until(|| counters.on("destroy") == [owner]);
    let (count, second) = workers.execute(add(4)).unwrap();
    assert_eq!((count, second == owner), (4, false));
    closes_balanced(&workers);
}
