//! Close against everything else.

use super::*;
use crate::core::sync::AtomicBool;
use crate::error::Refusal;
use std::sync::atomic::Ordering::SeqCst;

fn at_end(shelf: &Model) {
    assert!(shelf.slots().all(|(_, slot)| slot.look().phase() == Phase::Vacant), "a closed pool kept a resource");
    assert_eq!((shelf.occupied(), shelf.waiting()), (0, 0));
}

fn use_unless_refused(shelf: &Model) {
    match wait(shelf, forever) {
        Got::Right(mut right) => {
            **right.resource_mut() += 1;
            give_back(shelf, right);
        }
        Got::TimedOut => panic!("this wait has no end"),
        Got::Refused => {}
    }
}

/// Rules out: a waiter sleeps on in a closed pool, or a resource returned at that moment stays in it.
#[test]
fn closing_ends_every_wait_and_keeps_no_resource() {
    for hand_over in [HandOver::Never, DUE, HandOver::Always] {
        explore(&format!("close against return and wait, {hand_over:?}"), move || {
            let shelf = Setting::of(1, hand_over).shelf();
            let held = take_out(&shelf);
            let waiter = spawn(&shelf, use_unless_refused);
            let holder = spawn(&shelf, move |shelf| use_it(shelf, take_up(shelf, held)));
            shelf.close(now);
            sweep(&shelf);
            waiter.join().unwrap();
            holder.join().unwrap();
            at_end(&shelf);
        });
    }
}

/// Rules out: the same with two slots, where a waiter may find one and be granted the other while the pool closes.
#[test]
fn closing_keeps_nothing_that_a_waiter_gives_back() {
    explore("close against find and grant", || {
        let shelf = Setting::of(2, HandOver::Always).shelf();
        let held = [take_out(&shelf), take_out(&shelf)];
        let waiter = spawn(&shelf, use_unless_refused);
        held.into_iter().for_each(|held| use_it(&shelf, take_up(&shelf, held)));
        shelf.close(now);
        sweep(&shelf);
        join([waiter]);
        at_end(&shelf);
    });
}

/// Rules out: a waiter is refused with a wake in hand, and returns go on to believe that somebody is awake.
#[test]
fn refusing_waiters_loses_no_wake() {
    explore("refusing waiters", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let held = take_out(&shelf);
        let waiter = spawn(&shelf, |shelf| {
            loop {
                if let Got::Right(right) = wait(shelf, forever) {
                    return use_it(shelf, right);
                }
            }
        });
        let holder = spawn(&shelf, move |shelf| use_it(shelf, take_up(shelf, held)));
        let error: crate::SharedError = Arc::from(Box::<dyn std::error::Error + Send + Sync>::from("no"));
        shelf.refuse_waiters(
            u64::MAX,
            &Refusal::Create { error, attempts: 1, severity: crate::Severity::Transient },
            now,
        );
        join([waiter, holder]);
        assert_eq!(at_rest(&shelf), 2);
    });
}

/// Rules out: whoever comes once the place of a failed creation is free is told of that failure, where another creation serves
/// it.
#[test]
fn a_refusal_reaches_nobody_who_came_after_what_is_refused() {
    explore("refusing against joining", || {
        let shelf = Setting::of(1, HandOver::Never).shelf();
        let failed = take_out(&shelf);
        let is_free = Arc::new(AtomicBool::new(false));
        let waiter = {
            let is_free = Arc::clone(&is_free);
            spawn(&shelf, move |shelf| {
                // SeqCst here and below: the model's own, so that "after" means something.
                let came_after = is_free.load(SeqCst);
                match wait(shelf, forever) {
                    Got::Right(right) => use_it(shelf, right),
                    _ => assert!(!came_after, "refused for what was over before it came"),
                }
            })
        };
        let turns = shelf.turns();
        let mut failed = take_up(&shelf, failed).change(Phase::Retiring);
        drop(failed.take());
        shelf.vacate(failed, now);
        is_free.store(true, SeqCst);
        let error: crate::SharedError = Arc::from(Box::<dyn std::error::Error + Send + Sync>::from("no"));
        let refusal = Refusal::Create { error, attempts: 1, severity: crate::Severity::Transient };
        shelf.refuse_waiters(turns, &refusal, now);
        // The next attempt, somewhere else.
        let mut made = shelf.reserve().expect("the slot is vacant");
        made.put(Box::new(0), 0);
        shelf.give_back(made, now);
        join([waiter]);
    });
}
