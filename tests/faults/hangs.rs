//! One call of one callback hangs: it costs its own slot, which is counted, for as long as it hangs, and nobody else any
//! time. Proved by state, not by time: the callback is released only after all the others were served.

use super::faulty::{Callback, Fault, Faulty, LONG, each, has_its_capacity, in_callbacks};
use super::support::{TimeRunsOut, WATCHDOG, closes_balanced, until};
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

/// Lets the callback go when a test fails, so that no thread of it waits for ever.
struct Released<'f>(&'f Faulty);

impl Drop for Released<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

fn pool_of(faulty: &Faulty, clock: &VirtualClock, creation: Creation) -> Pool<Faulty> {
    Pool::builder(faulty.clone()).max_size(3).min_idle(0).creation(creation).clock(clock).build().unwrap()
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
    assert!(Callback::ALL.into_iter().all(|callback| faulty.calls(callback) >= 2), "all have been called");
}

/// Does what leads to a call of `callback`.
fn provoke(pool: &Pool<Faulty>, faulty: &Faulty, callback: Callback) {
    faulty.refuse(usize::from(callback == Callback::Classify));
    let mut item = pool.request().timeout(60 * LONG).checkout().unwrap();
    match callback {
        Callback::Check => item.mark_suspect(),
        Callback::Destroy => return item.discard("bad"),
        _ => {}
    }
    drop(item);
}

/// Time goes on until `holds`: a refused creation is tried again after a pause.
#[track_caller]
fn passes(clock: &VirtualClock, holds: impl Fn() -> bool) {
    until(|| {
        clock.advance(Duration::from_millis(1));
        holds()
    });
}

/// A waiter gives up at its deadline.
fn times_out(pool: &Pool<Faulty>, clock: &VirtualClock) {
    thread::scope(|s| {
        let timeouts = pool.stats().timeouts;
        let waiting = pool.stats().waiting;
        let late = s.spawn(|| pool.checkout_timeout(SEC).map(drop));
        let t0 = std::time::Instant::now();
        until(|| { if t0.elapsed() > 3*SEC { panic!("before {waiting}, {:?} {:?} fin {}", pool.stats(), pool.holders(), late.is_finished()); } pool.stats().waiting > waiting});
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
            let stats = pool.stats();
            let on_victim = matches!(case.callback, Callback::IsBroken | Callback::Recycle);
            assert_eq!((in_callbacks(&stats), stats.in_use), (usize::from(!on_victim), usize::from(on_victim)));

            // Others check out all the rest, and are told at once that there is no more.
            let mut rest: Vec<_> =
                (0..2).map(|_| pool.request().timeout(60 * LONG).checkout_owned().unwrap()).collect();
            assert!(matches!(pool.try_checkout().map(drop), Err(CheckoutError::Exhausted(_))));
            times_out(&pool, &clock);
            // A return serves a waiter.
            let waiter = s.spawn(|| pool.request().timeout(60 * LONG).checkout_owned().unwrap());
            until(|| pool.stats().waiting >= 1);
            rest.pop();
            rest.push(waiter.join().unwrap());
            assert!(faulty.is_hanging() && pool.audit().is_clean(), "{}", pool.audit());
            let stats = pool.stats();
            assert_eq!(in_callbacks(&stats) + stats.in_use, 3, "two held, and the one that hangs: {stats:?}");

            // It is counted as hung, if it is one of the pool's own threads that hangs.
            let seen_by_keeper = in_callbacks(&stats) == 1 && pool.stats().hung_jobs == 0 && victim_is_free(&case);
            clock.advance(5 * SEC);
            if seen_by_keeper {
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
fn victim_is_free(case: &Case) -> bool {
    match case.callback {
        Callback::IsBroken | Callback::Recycle => false,
        Callback::Check => true,
        // On the thread that found it necessary once it has measured cheap.
        Callback::Destroy => !case.later,
        _ => case.creation == Creation::Background,
    }
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
            let victim = s.spawn(|| {
                // Closed under its feet, or served just before.
                faulty.refuse(usize::from(case.callback == Callback::Classify));
                let Ok(mut item) = pool.request().timeout(60 * LONG).checkout() else { return };
                match case.callback {
                    Callback::Check => item.mark_suspect(),
                    Callback::Destroy => return item.discard("bad"),
                    _ => {}
                }
                drop(item);
            });
            let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
            until(|| faulty.is_hanging());
            let closer = s.spawn(|| pool.close(SEC));
            until(|| pool.is_closed());
            assert!(matches!(pool.checkout().map(drop), Err(CheckoutError::Closed(_))));
            // Close reads the time first, and then closes.
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
