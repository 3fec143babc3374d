//! What a handler hears, and in which order.

use super::{builder, pool};
use crate::fake::Fake;
use crate::support::until;
use parking_lot::Mutex;
use pool::HandleEvent;
use pool::event::{AcquireEvent, CheckinEvent, CheckoutEvent, ReleaseEvent, TimeoutEvent};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What it was, of which connection, and how long it took.
type Note = (&'static str, Option<u64>, Duration);

#[derive(Clone, Debug, Default)]
struct Heard(Arc<Mutex<Vec<Note>>>);

impl Heard {
    fn note(&self, what: &'static str, id: u64, span: Duration) {
        self.0.lock().push((what, Some(id), span));
    }
}

impl HandleEvent for Heard {
    fn handle_acquire(&self, event: AcquireEvent) {
        self.note("acquire", event.connection_id(), Duration::ZERO);
    }

    fn handle_release(&self, event: ReleaseEvent) {
        self.note("release", event.connection_id(), event.age());
    }

    fn handle_checkout(&self, event: CheckoutEvent) {
        self.note("checkout", event.connection_id(), event.duration());
    }

    fn handle_timeout(&self, event: TimeoutEvent) {
        self.0.lock().push(("timeout", None, event.timeout()));
    }

    fn handle_checkin(&self, event: CheckinEvent) {
        self.note("checkin", event.connection_id(), event.duration());
    }
}

#[test]
fn a_handler_hears_of_a_connections_whole_life() {
    let (heard, patience) = (Heard::default(), Duration::from_millis(20));
    let began = Instant::now();
    let pool = builder().max_size(1).event_handler(Box::new(heard.clone())).build(Fake::broken()).unwrap();
    let lent = pool.get().unwrap();
    assert!(pool.get_timeout(patience).is_err());
    drop(lent);
    let again = pool.get().unwrap();
    until(|| heard.0.lock().len() >= 7);
    let took = began.elapsed();
    // Not under its lock: the last return is heard of too.
    let heard = heard.0.lock().clone();
    let first = heard[0].1.unwrap();
    let second = heard.last().unwrap().1.unwrap();
    assert!(first < second);
    let what = |at: usize| (heard[at].0, heard[at].1);
    assert_eq!([what(0), what(1)], [("acquire", Some(first)), ("checkout", Some(first))]);
    assert_eq!((heard[2].0, heard[2].2), ("timeout", patience));
    assert_eq!(what(3), ("checkin", Some(first)));
    // r2d2 asks for the next one before it releases the last: which is heard of first is a matter of luck.
    let mut both = [what(4), what(5)];
    both.sort_unstable();
    assert_eq!(both, [("acquire", Some(second)), ("release", Some(first))]);
    assert_eq!((heard.len(), what(6)), (7, ("checkout", Some(second))));
    assert!((patience..=took).contains(&heard[3].2), "lent at least while another waited: {heard:?}");
    assert!(heard.iter().all(|(_, _, span)| *span <= took));
    drop(again);
}

#[test]
fn a_return_is_heard_of_for_each_checkout() {
    let heard = Heard::default();
    let pool = builder().max_size(2).event_handler(Box::new(heard.clone())).build(Fake::new()).unwrap();
    (0..50).for_each(|_| drop((pool.get().unwrap(), pool.get().unwrap())));
    let count = |what| heard.0.lock().iter().filter(|(heard, ..)| *heard == what).count();
    until(|| (count("checkout"), count("checkin")) == (100, 100));
    assert_eq!((count("acquire"), count("timeout"), count("release")), (2, 0, 0));
}
