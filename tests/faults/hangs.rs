//! One call of one callback hangs: it costs its own slot, which is counted, for as long as it hangs, and nobody else any
//! time. Proved by state, not by time: the callback is released only after all the others were served.

use super::faulty::{Callback, Fault, Faulty, HUNG, LONG, Released, each, has_its_capacity, in_callbacks};
use super::support::{TimeRunsOut, WATCHDOG, closes_balanced, passes, until};
use slackwater::{CheckoutError, Creation, Pool, VirtualClock};
use std::thread;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
struct Case {
    callback: Callback,
    /// At the first call, or after every callback has been called several times.
    later: bool,
    creation: Creation,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for callback in Callback::ALL {
        for later in [false, true] {
            cases.extend([Creation::Inline, Creation::Background].map(|creation| Case { callback, later, creation }));
        }
    }
    cases
}

fn pool_of(faulty: &Faulty, clock: &VirtualClock, creation: Creation) -> Pool<Faulty> {
    // Time that leaps while a creation is under way makes it hang, and a breaker would open after five of those.
    let pool = Pool::builder(faulty.clone()).max_size(3).min_idle(0).creation(creation).breaker(None).clock(clock);
    pool.create_timeout(HUNG).check_timeout(HUNG).destroy_timeout(HUNG).build().unwrap()
}

/// Every callback is called, several times.
fn exercise(pool: &Pool<Faulty>, faulty: &Faulty, clock: &VirtualClock) {
    let ask = || pool.request().timeout(LONG);
    for _ in 0..2 {
        let mut all = [ask().checkout().unwrap(), ask().checkout().unwrap(), ask().checkout().unwrap()];
        all.iter_mut().for_each(|item| item.mark_suspect());
        drop(all);
        until(|| pool.stats().available == 3);
        let all = [ask().checkout().unwrap(), ask().checkout().unwrap(), ask().checkout().unwrap()];
        all.into_iter().for_each(|item| item.discard("next"));
        until(|| in_callbacks(&pool.stats()) == 0);
    }
    // A refused creation is tried again once time has moved.
    faulty.refuse(2);
    thread::scope(|s| {
        let refused = s.spawn(|| drop(ask().checkout().unwrap()));
        passes(clock, || refused.is_finished());
    });
    pool.checkout().unwrap().discard("as it began");
    until(|| in_callbacks(&pool.stats()) == 0);
    // If time leapt while a creation was under way, another was made beside it, and the failure of the first may have come
    // after the success of the second: then creation pauses, and in what follows time stands still.
    clock.advance(SEC);
    assert!(Callback::ALL.into_iter().all(|callback| faulty.calls(callback) >= 2), "all have been called");
}

/// Does what leads to the planned call of `callback`, unless the pool closes before.
fn provoke(pool: &Pool<Faulty>, faulty: &Faulty, callback: Callback) {
    faulty.refuse(usize::from(callback == Callback::Classify));
    while let Ok(mut item) = pool.request().timeout(60 * LONG).checkout() {
        match callback {
            Callback::Check => item.mark_suspect(),
            Callback::Destroy => return item.discard("bad"),
            // A free one is no reason to make another.
            _ if callback.makes() && !faulty.has_happened() => {
                drop(item.detach());
                continue;
            }
            _ => {}
        }
        return drop(item);
    }
}

/// A waiter gives up at its deadline.
fn times_out(pool: &Pool<Faulty>, clock: &VirtualClock) {
    thread::scope(|s| {
        let timeouts = pool.stats().timeouts;
        let waiting = pool.stats().waiting;
        let late = s.spawn(|| pool.checkout_timeout(SEC).map(drop));
        until(|| pool.stats().waiting > waiting);
        clock.advance(SEC);
        assert!(matches!(late.join().unwrap(), Err(CheckoutError::Timeout(_))));
        assert_eq!(pool.stats().timeouts, timeouts + 1);
    });
}

#[test]
fn a_hang_in_any_callback_costs_its_slot_and_delays_nobody() {
    each(cases(), |case| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = pool_of(&faulty, &clock, case.creation);
        if case.later {
            exercise(&pool, &faulty, &clock);
        }
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        faulty.plan(case.callback, 1, Fault::Hang);
        thread::scope(|s| {
            let victim = s.spawn(|| provoke(&pool, &faulty, case.callback));
            let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
            until(|| faulty.is_hanging());
            let on_victim = matches!(case.callback, Callback::IsBroken | Callback::Recycle);
            let gauges = (usize::from(!on_victim), usize::from(on_victim));
            until(|| (in_callbacks(&pool.stats()), pool.stats().in_use) == gauges);

            // Others check out all the rest, and are told at once that there is no more.
            let take = || pool.request().timeout(60 * LONG).checkout_owned().unwrap();
            let takers = [s.spawn(take), s.spawn(take)];
            // At once; but if the victim was served with what the first of them asked for, then the second waits for the
            // creation that hangs, until it counts as hung.
            passes(&clock, || takers.iter().all(|taker| taker.is_finished()));
            let mut rest = Vec::from(takers.map(|taker| taker.join().unwrap()));
            assert!(matches!(pool.try_checkout().map(drop), Err(CheckoutError::Exhausted(_))));
            times_out(&pool, &clock);
            // A return serves a waiter.
            let waiter = s.spawn(take);
            until(|| pool.stats().waiting >= 1);
            rest.pop();
            rest.push(waiter.join().unwrap());
            until(|| pool.audit().is_clean());
            assert!(faulty.is_hanging());
            let stats = pool.stats();
            assert_eq!(in_callbacks(&stats) + stats.in_use, 3, "two held, and the one that hangs: {stats:?}");

            // It is counted as hung, if it is one of the pool's own threads that hangs.
            clock.advance(HUNG);
            if is_on_the_crew(&case) {
                until(|| pool.stats().hung_jobs == 1);
            }
            faulty.release();
            passes(&clock, || victim.is_finished());
            victim.join().unwrap();
            until(|| in_callbacks(&pool.stats()) == 0 && pool.stats().hung_jobs == 0);
            assert_eq!(pool.stats().in_use, 2);
            drop(rest);
            let last = s.spawn(|| has_its_capacity(&pool, 3));
            passes(&clock, || last.is_finished());
            last.join().unwrap();
        });
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

/// Whether the hanging callback runs on a thread of the pool's.
fn is_on_the_crew(case: &Case) -> bool {
    match case.callback {
        Callback::IsBroken | Callback::Recycle => false,
        Callback::Check => true,
        // On the thread that found it necessary once it has measured cheap.
        Callback::Destroy => !case.later,
        _ => case.creation == Creation::Background,
    }
}

/// Demand is counted less what is free already: a waiter that was served and has yet to wake is no reason for another.
#[test]
fn one_waiter_is_not_the_reason_for_many_creations() {
    each(0..20, |_| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = Pool::builder(faulty.clone()).max_size(16).min_idle(0).creation(Creation::Background);
        let pool = pool.clock(&clock).build().unwrap();
        drop(pool.checkout().unwrap());
        // One more if the waiter has what it came for and is about to leave the queue.
        until(|| pool.stats().creating == 0);
        assert!(pool.stats().created <= 2, "{:?}", pool.stats());
        closes_balanced(&pool);
    });
}

/// The creation hangs, and something else serves its waiter. Nobody waits for it any more, and nobody gives up on it, but it
/// is on its way for the next caller: for as long as it may be slow, not for ever, because there is room for another.
#[test]
fn a_hung_creation_whose_waiter_was_served_does_not_stand_for_one_on_its_way() {
    let (faulty, clock) = (Faulty::new(), VirtualClock::new());
    let pool = Pool::builder(faulty.clone()).max_size(16).min_idle(0).creation(Creation::Background).clock(&clock);
    let pool = pool.create_timeout(HUNG).build().unwrap();
    let take = || pool.request().timeout(60 * LONG).checkout_owned().unwrap();
    let mut held = vec![take()];
    faulty.plan(Callback::Create, 1, Fault::Hang);
    thread::scope(|s| {
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        // A creation for a waiter that has just been served may have made one more than needed: that is taken first.
        let waits = |held: &mut Vec<_>| loop {
            let next = s.spawn(take);
            let stuck = || faulty.is_hanging() && pool.stats().waiting == 1 && pool.stats().available == 0;
            until(|| next.is_finished() || stuck());
            if !next.is_finished() {
                break next;
            }
            held.push(next.join().unwrap());
        };
        let first = waits(&mut held);
        held.pop();
        held.push(first.join().unwrap());
        let next = waits(&mut held);
        assert!(pool.stats().total < 15, "one hangs, and there is room: {:?}", pool.stats());
        clock.advance(HUNG);
        until(|| next.is_finished());
        assert!(faulty.is_hanging());
        held.push(next.join().unwrap());
        faulty.release();
    });
    drop(held);
    closes_balanced(&pool);
    assert_eq!(faulty.alive(), 0);
}

/// Close waits until its deadline and says what is left; when the hang ends, the books balance.
#[test]
fn a_hang_in_any_callback_costs_close_its_deadline_and_no_more() {
    each(cases(), |case| {
        let (faulty, clock) = (Faulty::new(), VirtualClock::new());
        let pool = pool_of(&faulty, &clock, case.creation);
        if case.later {
            exercise(&pool, &faulty, &clock);
        }
        faulty.plan(case.callback, 1, Fault::Hang);
        thread::scope(|s| {
            let victim = s.spawn(|| provoke(&pool, &faulty, case.callback));
            let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
            until(|| faulty.is_hanging());
            let closer = s.spawn(|| pool.close(SEC));
            until(|| pool.is_closed());
            assert!(matches!(pool.checkout().map(drop), Err(CheckoutError::Closed(_))));
            // What is free is destroyed meanwhile; close read the time before it closed.
            until(|| pool.stats().total + pool.stats().creating == 1);
            clock.advance(SEC);
            let report = closer.join().unwrap();
            assert!(faulty.is_hanging());
            let still_out = usize::from(matches!(case.callback, Callback::IsBroken | Callback::Recycle));
            assert_eq!((report.still_out.len(), report.unfinished), (still_out, 1 - still_out), "{report}");
            faulty.release();
            passes(&clock, || victim.is_finished());
            victim.join().unwrap();
            until(|| pool.stats().total + pool.stats().creating == 0);
        });
        let report = pool.close(WATCHDOG);
        assert!(report.is_complete(), "{report}");
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}
