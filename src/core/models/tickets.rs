//! Tickets of creations: when all are back, whatever was missing is made.

use super::*;
use crate::core::sync::{AtomicU32, fence};
use std::sync::atomic::Ordering::SeqCst;

/// A pool's demand: places that are vacant and should not be, and those who wait.
#[derive(Default)]
struct Demand {
    tickets: Tickets,
    missing: AtomicU32,
    waiting: AtomicU32,
    /// Tickets that no thread runs yet. No part of the protocol: counted beside the checker.
    queued: AtomicUsize,
}

impl Demand {
    fn ask(&self, wanted: u32) {
        while self.tickets.take(wanted, u32::MAX) {
            self.queued.fetch_add(1, Relaxed);
        }
    }

    /// As the shelf's `vacate`, which ends with a fence, and the keeper's `refill`.
    fn vacate(&self) {
        self.missing.fetch_add(1, Relaxed);
        fence(SeqCst);
        self.ask(self.missing.load(Relaxed) + self.tickets.running());
    }

    /// As a waiter: in the queue, then a fence, then it asks.
    fn wait(&self) {
        self.waiting.fetch_add(1, Relaxed);
        fence(SeqCst);
        self.ask(self.waiting.load(Relaxed));
    }

    /// As `create_on_crew`.
    fn run_one(&self) {
        let running = self.tickets.run();
        let take_one = |from: &AtomicU32| from.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        if self.waiting.load(Relaxed) > running.beside() || self.missing.load(Relaxed) > 0 {
            let _ = take_one(&self.waiting) || take_one(&self.missing);
        }
        drop(running);
        fence(SeqCst);
        self.ask(self.waiting.load(Relaxed));
    }

    fn run_all(&self) {
        while self.queued.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
            self.run_one();
        }
    }
}

/// `crew` threads with a ticket each, for what `begins` and for nothing, beside what `asks`. Then all that was asked for is run.
fn all_is_made(name: &str, crew: u32, begins: fn(&Demand), asks: fn(&Demand)) {
    // Who is past the fence meets one that is past looking: three switches.
    explore_within(Some(if crew == 1 { 3 } else { 2 }), name, move || {
        let demand = Arc::new(Demand::default());
        begins(&demand);
        (0..crew).for_each(|_| assert!(demand.tickets.take(crew, u32::MAX)));
        let threads: Vec<_> = (0..crew)
            .map(|_| {
                let demand = Arc::clone(&demand);
                loom::thread::spawn(move || demand.run_one())
            })
            .collect();
        asks(&demand);
        join(threads);
        demand.run_all();
        assert_eq!((demand.missing.load(Relaxed), demand.waiting.load(Relaxed)), (0, 0), "nobody makes it");
        assert_eq!(demand.tickets.running(), 0);
    });
}

/// Rules out: the keeper takes a ticket that has looked and found nothing missing for one that will make what is missing now.
#[test]
fn what_ends_beside_a_ticket_that_is_not_needed_is_made_anew() {
    all_is_made("a ticket nobody needs, and a place that becomes vacant", 1, |_| (), Demand::vacate);
}

/// Rules out the same for a ticket that has made another one, and is on its way out.
#[test]
fn what_ends_beside_a_ticket_that_is_done_is_made_anew() {
    let one = |demand: &Demand| demand.missing.store(1, Relaxed);
    all_is_made("a ticket that makes one, and a place that becomes vacant", 1, one, Demand::vacate);
    all_is_made("two tickets for one, and a place that becomes vacant", 2, one, Demand::vacate);
}

/// Rules out: a waiter finds all tickets out that it wants, and whoever has them is past looking.
#[test]
fn who_waits_beside_a_ticket_that_is_done_is_served() {
    let one = |demand: &Demand| demand.waiting.store(1, Relaxed);
    all_is_made("a ticket nobody needs, and a waiter", 1, |_| (), Demand::wait);
    all_is_made("a waiter's ticket, and another waiter", 1, one, Demand::wait);
    all_is_made("two tickets for a waiter, and another waiter", 2, one, Demand::wait);
}
