//! Tickets of creations: when all are gone, whatever was missing is made, and whoever waited is served.

use super::*;
use crate::core::sync::{AtomicU32, fence};
use std::sync::atomic::Ordering::SeqCst;

/// A pool's demand: places that are vacant and should not be, and those who wait.
#[derive(Default)]
struct Demand {
    tickets: Tickets,
    missing: AtomicU32,
    waiting: AtomicU32,
    /// Places that became vacant, and what was made for places. As below, no part of the protocol.
    vacated: AtomicUsize,
    made: AtomicUsize,
    /// Tickets that no thread runs yet. No part of the protocol: counted beside the checker.
    queued: AtomicUsize,
}

impl Demand {
    /// As `request_supply`: there is room for what is missing, and for those who wait.
    fn ask(&self, missing: u32) {
        let waiting = self.waiting.load(Relaxed);
        for _ in 0..waiting.max(missing) {
            if !self.tickets.take(waiting, missing, waiting + missing) {
                break;
            }
            self.queued.fetch_add(1, Relaxed);
        }
    }

    /// A place becomes vacant, and the keeper is rung.
    fn vacate(&self) {
        self.missing.fetch_add(1, Relaxed);
        self.vacated.fetch_add(1, Relaxed);
        self.ask(self.missing.load(Relaxed));
    }

    /// A waiter joins the queue, and asks.
    fn wait(&self) {
        self.waiting.fetch_add(1, Relaxed);
        self.ask(0);
    }

    /// Whose ticket hangs gives up, and somebody else joins the queue meanwhile; the keeper asks for those who are left.
    fn give_up(&self) {
        self.tickets.orphan();
        self.ask(0);
    }

    /// As `create_on_crew`.
    fn run_one(&self) {
        let take_one = |from: &AtomicU32| from.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        let ticket = self.tickets.begin();
        let for_waiter = self.waiting.load(Relaxed) > self.tickets.on_their_way();
        if !for_waiter && self.missing.load(Relaxed) > 0 {
            // Reserved: missing no more. A ticket too many would find another place.
            let _ = take_one(&self.missing);
            self.made.fetch_add(1, Relaxed);
        }
        let decided = ticket.decided();
        let missing = self.missing.load(Relaxed);
        if missing > decided.undecided() {
            self.ask(missing);
        }
        // In service.
        if for_waiter {
            let _ = take_one(&self.waiting);
        }
        drop(decided);
        self.ask(0);
    }

    fn run_all(&self) {
        while self.queued.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
            self.run_one();
        }
    }

    fn is_met(&self) {
        assert_eq!((self.missing.load(Relaxed), self.waiting.load(Relaxed)), (0, 0), "nobody makes it");
    }
}

/// `crew` threads with a ticket each, for what `begins` and for nothing, beside what `asks`. Then all that was asked for is run.
fn all_is_made(name: &str, crew: u32, begins: fn(&Demand), asks: fn(&Demand)) {
    // Who is past the fence meets one that is past looking: three switches at the least.
    explore_within(if crew == 1 { None } else { Some(3) }, name, move || {
        let demand = Arc::new(Demand::default());
        begins(&demand);
        (0..crew).for_each(|_| assert!(demand.tickets.take(crew, 0, crew)));
        demand.queued.store(crew as usize, Relaxed);
        let threads = (0..crew).map(|_| {
            let demand = Arc::clone(&demand);
            loom::thread::spawn(move || demand.run_all())
        });
        let threads: Vec<_> = threads.collect();
        asks(&demand);
        join(threads);
        demand.run_all();
        demand.is_met();
        let [vacated, made] = [&demand.vacated, &demand.made].map(|count| count.load(Relaxed));
        assert!(made == vacated || crew > 1, "{made} made for {vacated}");
        assert!(!demand.tickets.take(0, 0, 1) && demand.tickets.take(1, 0, 1), "none is out");
    });
}

/// Rules out: the keeper takes a ticket that has looked and found nothing missing for one that will make what is missing now, or asks a second time for a
/// place that a ticket is about to reserve.
#[test]
fn what_ends_beside_a_ticket_that_is_not_needed_is_made_anew() {
    all_is_made("a ticket nobody needs, and a place that becomes vacant", 1, |_| (), Demand::vacate);
}

/// Rules out the same for a ticket that has made another one, and is on its way out.
#[test]
fn what_ends_beside_a_ticket_that_is_done_is_made_anew() {
    let one = |demand: &Demand| {
        demand.missing.store(1, Relaxed);
        demand.vacated.store(1, Relaxed);
    };
    all_is_made("a ticket that makes one, and a place that becomes vacant", 1, one, Demand::vacate);
    all_is_made("two tickets for one, and a place that becomes vacant", 2, one, Demand::vacate);
}

/// Rules out: a waiter finds all tickets out that it wants, and whoever has them is past looking; or those that look for it leave it to
/// each other for ever.
#[test]
fn who_waits_beside_a_ticket_that_is_done_is_served() {
    let one = |demand: &Demand| demand.waiting.store(1, Relaxed);
    all_is_made("a ticket nobody needs, and a waiter", 1, |_| (), Demand::wait);
    all_is_made("a waiter's ticket, and another waiter", 1, one, Demand::wait);
    all_is_made("two tickets for a waiter, and another waiter", 2, one, Demand::wait);
}

/// Rules out: a waiter takes a ticket that hangs for its own, and who tells that it hangs has not seen the waiter.
#[test]
fn who_waits_beside_a_ticket_that_hangs_is_served() {
    explore_all("a ticket that hangs, and a waiter", || {
        let demand = Arc::new(Demand::default());
        assert!(demand.tickets.take(1, 0, 1));
        let hangs = demand.tickets.begin().decided();
        let keeper = {
            let demand = Arc::clone(&demand);
            loom::thread::spawn(move || demand.give_up())
        };
        demand.wait();
        keeper.join().unwrap();
        demand.run_all();
        demand.is_met();
        drop(hangs);
    });
}

/// Rules out: of two that hang one counts as if it did not, as another ended beside the second's being told of.
#[test]
fn a_ticket_that_ends_leaves_those_that_hang_counted() {
    explore_all("one hangs, one ends, and one more hangs", || {
        let tickets = Arc::new(Tickets::default());
        let [hangs, ends, hangs_too] = [(); 3].map(|()| {
            assert!(tickets.take(3, 0, 3));
            tickets.begin().decided()
        });
        std::mem::forget((hangs, hangs_too));
        tickets.orphan();
        let other = Arc::clone(&tickets);
        let keeper = loom::thread::spawn(move || other.orphan());
        drop(ends);
        keeper.join().unwrap();
        fence(SeqCst);
        assert!(tickets.take(1, 0, 1), "both hang, and serve nobody");
    });
}
