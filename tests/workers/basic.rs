use slackwater::{JobError, LocalManager, Workers};
use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

struct Counters;

impl LocalManager for Counters {
    type Resource = Rc<Cell<u64>>;
    type Error = std::convert::Infallible;

    fn create(&self) -> Result<Rc<Cell<u64>>, Self::Error> {
        Ok(Rc::default())
    }
}

#[test]
fn jobs_run_on_a_resource_that_cannot_leave_its_thread() {
    let workers = Workers::builder(Counters).pool(|pool| pool.max_size(2)).build().unwrap();
    let tickets: Vec<_> = (0..1000)
        .map(|_| {
            workers.submit(|counter| {
                counter.set(counter.get() + 1);
                thread::current().id()
            })
        })
        .collect();
    for ticket in tickets {
        assert_ne!(ticket.unwrap().wait().unwrap(), thread::current().id());
    }
    let report = workers.close(Duration::from_secs(10));
    assert!(report.is_complete(), "{report}");
    let stats = workers.pool().stats();
    assert_eq!((stats.created, stats.destroyed.total(), stats.checkouts), (2, 2, 1000));
    assert!(workers.submit(|_| ()).is_err());
}

#[test]
fn a_panic_is_the_tickets_and_the_workers_go_on() {
    let workers = Workers::builder(Counters).build().unwrap();
    let ticket = workers.submit(|_| -> u32 { panic!("told to") }).unwrap();
    match ticket.wait() {
        Err(JobError::Panicked(panic)) => assert_eq!(panic.message(), "told to"),
        other => panic!("{other:?}"),
    }
    assert_eq!(workers.execute(|_| 7).unwrap(), 7);
    assert!(workers.close(Duration::from_secs(10)).is_complete());
}
