//! Resources that look after themselves: `Reset`.

use crate::support::closes_balanced;
use slackwater::{DestroyReason, Keeper, Pool, Reset, Resets, VirtualClock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// A buffer that somebody outside can spoil.
#[derive(Default)]
struct Page {
    text: String,
    is_spoilt: Arc<AtomicBool>,
    resets: u32,
}

impl Reset for Page {
    fn reset(&mut self) {
        assert!(self.text != "cannot be cleared", "told to");
        self.text.clear();
        self.resets += 1;
    }

    fn is_healthy(&mut self) -> bool {
        !self.is_spoilt.load(SeqCst)
    }
}

fn pages(clock: &VirtualClock, max_size: usize) -> Pool<Resets<Page>> {
    let pages = Pool::builder(Resets::<Page>::new()).max_size(max_size).clock(clock).keeper(Keeper::Manual);
    pages.check_interval(Duration::from_secs(1)).remove_after(1).build().unwrap()
}

/// Promise: the next user finds nothing of the last one. Provoked: text left behind, twice.
#[test]
fn what_resets_itself_is_reset_between_two_users() {
    let pool = pages(&VirtualClock::new(), 1);
    for uses in 0..2 {
        let mut page = pool.checkout().unwrap();
        assert_eq!((page.text.as_str(), page.resets), ("", uses));
        page.text.push_str("left behind");
    }
    assert_eq!(pool.stats().created, 1);
    closes_balanced(&pool);
}

/// Promise: what says that it is not fit for use is not lent again, and is not reset. Provoked: one that is spoilt while it is out.
#[test]
fn what_is_unhealthy_at_its_return_ends() {
    let pool = pages(&VirtualClock::new(), 1);
    pool.checkout().unwrap().is_spoilt.store(true, SeqCst);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Broken), 1);
    assert!(!pool.checkout().unwrap().is_spoilt.load(SeqCst));
    closes_balanced(&pool);
}

/// Promise: its check asks it too. Provoked: one that is spoilt while it is free.
#[test]
fn what_becomes_unhealthy_while_it_is_free_fails_its_check() {
    let clock = VirtualClock::new();
    // The last that is free would not be taken for a check.
    let pool = pages(&clock, 2);
    let is_spoilt = Arc::clone(&pool.checkout().unwrap().is_spoilt);
    is_spoilt.store(true, SeqCst);
    for _ in 0..4 {
        clock.advance(Duration::from_secs(1));
        pool.tick();
    }
    assert_eq!(pool.stats().destroyed.by(DestroyReason::CheckFailed), 1);
    closes_balanced(&pool);
}

/// Promise: a reset that panics costs the resource, and nobody but its user hears of it. Provoked: one that cannot be reset.
#[test]
fn a_reset_that_panics_costs_the_resource() {
    let pool = pages(&VirtualClock::new(), 1);
    let mut page = pool.checkout().unwrap();
    page.text.push_str("cannot be cleared");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(page))).is_ok());
    assert_eq!(pool.stats().destroyed.by(DestroyReason::CallbackPanicked), 1);
    assert_eq!(pool.checkout().unwrap().text, "");
    closes_balanced(&pool);
}
