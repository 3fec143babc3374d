//! No lock of the pool is held while the manager's code runs: every callback calls every method of its own pool, and every
//! callback may close it, or drop the last handle.

use super::faulty::{Callback, Faulty, LONG, each, has_its_capacity, in_callbacks};
use super::support::{closes_balanced, until};
use parking_lot::Mutex;
use slackwater::{Builder, Creation, Fairness, Keeper, Mode, OwnedCheckout, Pool, Priority, VirtualClock};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// Where a hook finds the pool; emptied at the end, because a manager that owns its pool keeps it open.
type Own = Arc<Mutex<Option<Pool<Faulty>>>>;

/// Each callback calls back this often, and none of those it causes itself: otherwise there would be no end.
const TIMES: usize = 3;

fn is_ended<T>(outcome: Result<T, slackwater::CheckoutError>) -> bool {
    drop(outcome);
    true
}

/// All there is to call, with every way to check out and every end of a guard.
pub fn every_method(pool: &Pool<Faulty>, clock: &VirtualClock) {
    is_ended(pool.try_checkout());
    is_ended(pool.checkout_timeout(Duration::ZERO));
    is_ended(pool.checkout_deadline(Instant::now()));
    is_ended(pool.request().timeout(Duration::ZERO).priority(Priority::High).checkout_owned());
    // With a wait: time moves on by itself for as long as the test runs.
    is_ended(pool.checkout_timeout(Duration::from_millis(1)));
    is_ended(pool.checkout().map(|item| item.discard("called back")));
    is_ended(pool.checkout_owned().map(OwnedCheckout::detach));
    is_ended(pool.checkout().map(|mut item| item.mark_suspect()));
    is_ended(pool.with(|item| *item.number));
    let (stats, audit, holders) = (pool.stats(), pool.audit(), pool.holders());
    assert!(stats.total <= 4 && audit.stats().total <= 4 && holders.len() <= 4);
    // Another callback may have it resized just now.
    assert!(pool.warm_up().failed == 0 && (1..=2).contains(&pool.config().max_size));
    assert!(format!("{:?} {audit} {holders:?}", pool.clone()).contains("max_size"));
    let (resources, memory, advice) = (pool.resources(), pool.memory(), pool.advise());
    assert!(resources.len() <= 4 && memory.budget.is_none() && pool.hung_jobs().len() <= 4, "{memory} {advice:?}");
    drop((pool.subscribe(1), pool.transitions()));
    drop(pool.replace_all(1, 0).unwrap());
    let rollout = pool.retire_older_than(pool.epoch());
    assert!(rollout.remaining() <= 4);
    is_ended(pool.checkout().map(|mut item| item.on_error(&"in use".to_owned())));
    pool.resize(0, 1).unwrap();
    pool.gc();
    pool.reconfigure(|config| config.degrade_after = 1 + config.degrade_after % 2).unwrap();
    pool.set_mode(Mode::Unpooled).unwrap();
    is_ended(pool.try_checkout());
    pool.set_mode(Mode::Pooled).unwrap();
    pool.trip_breaker();
    is_ended(pool.try_checkout());
    pool.reset_breaker();
    pool.resize(0, 2).unwrap();
    pool.tick();
    assert!(!pool.is_closed());
    clock.advance(Duration::from_millis(1));
}

/// Has each callback run `call` on its pool, `TIMES` times.
fn call_back(faulty: &Faulty, own: &Own, call: impl Fn(Callback, &Pool<Faulty>) + Send + Sync + 'static) {
    let (own, left) = (Arc::clone(own), Callback::ALL.map(|_| AtomicUsize::new(TIMES)));
    faulty.hook(move |callback| {
        thread_local!(static WITHIN: AtomicUsize = const { AtomicUsize::new(0) });
        let pool = own.lock().clone();
        let outermost = WITHIN.with(|within| within.fetch_add(1, SeqCst) == 0);
        let due = |left: usize| left.checked_sub(1);
        if let Some(pool) = pool
            && outermost
            && left[callback as usize].fetch_update(SeqCst, SeqCst, due).is_ok()
        {
            call(callback, &pool);
        }
        WITHIN.with(|within| within.fetch_sub(1, SeqCst));
    });
}

/// Does something of everything until every callback has been called `calls` times.
fn use_it(pool: &Pool<Faulty>, faulty: &Faulty, calls: usize) {
    let ask = || pool.request().timeout(LONG);
    for round in 0..10_000 {
        if Callback::ALL.into_iter().all(|callback| faulty.calls(callback) >= calls) || pool.is_closed() {
            return;
        }
        faulty.refuse(1);
        // One refusal a round is more than a breaker would stand.
        pool.reset_breaker();
        // A waiter, a suspect, one that is lost, one taken out, one whose holder panics.
        thread::scope(|s| {
            s.spawn(|| is_ended(ask().checkout()));
            s.spawn(|| is_ended(ask().checkout_owned().map(|item| item.discard("bad"))));
            is_ended(ask().checkout().map(|mut item| item.mark_suspect()));
        });
        pool.tick();
        if round % 4 == 0 {
            is_ended(ask().checkout().map(slackwater::Checkout::detach));
        }
    }
    panic!("not every callback was called: {:?}", Callback::ALL.map(|callback| faulty.calls(callback)));
}

#[derive(Clone, Copy, Debug)]
struct Case {
    creation: Creation,
    keeper: Keeper,
    fairness: Fairness,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for creation in [Creation::Inline, Creation::Background, Creation::Auto] {
        for keeper in [Keeper::Dedicated, Keeper::Manual] {
            // Without threads a background creation needs somebody who ticks while others wait.
            if (creation, keeper) != (Creation::Background, Keeper::Manual) {
                cases.extend([Fairness::Fifo, Fairness::Barging].map(|fairness| Case { creation, keeper, fairness }));
            }
        }
    }
    cases
}

/// A pool whose overflow ends at its return, so that this path is walked as well.
fn builder(faulty: &Faulty, clock: &VirtualClock, case: Case) -> Builder<Faulty> {
    Pool::builder(faulty.clone())
        .max_size(2)
        .min_idle(0)
        .max_overflow(1)
        .overflow_ttl(Duration::ZERO)
        .checkout_timeout(Duration::from_millis(2))
        .creation(case.creation)
        .keeper(case.keeper)
        .fairness(case.fairness)
        .clock(clock)
}

/// Runs `test` on a thread of its own while virtual time goes on; a lock held by one who wants it again shows as a thread
/// that does not end.
pub fn ends(test: impl FnOnce(&VirtualClock) + Send + 'static) {
    let clock = VirtualClock::new();
    let of_test = clock.clone();
    let ran = thread::spawn(move || test(&of_test));
    until(|| {
        clock.advance(Duration::from_micros(100));
        ran.is_finished()
    });
    if let Err(payload) = ran.join() {
        std::panic::resume_unwind(payload);
    }
}

#[test]
fn every_callback_may_call_every_method_of_its_own_pool() {
    each(cases(), |case| {
        ends(move |clock| {
            let (faulty, own) = (Faulty::new(), Own::default());
            let pool = builder(&faulty, clock, case).build().unwrap();
            *own.lock() = Some(pool.clone());
            let moved = clock.clone();
            call_back(&faulty, &own, move |_, pool| every_method(pool, &moved));
            use_it(&pool, &faulty, 2 * TIMES);
            faulty.unhook();
            // A refusal that is left would be told to whoever asks next.
            faulty.refuse(0);
            drop(own.lock().take());
            assert_eq!(pool.stats().callback_panics, 0, "nothing was refused or poisoned");
            until(|| {
                pool.tick();
                // A creation that has just been refused still tells those who wait.
                let works_again = pool.try_checkout().is_ok();
                works_again && pool.audit().is_settled() && in_callbacks(&pool.stats()) == 0
            });
            has_its_capacity(&pool, 3);
            closes_balanced(&pool);
            assert_eq!(faulty.alive(), 0);
        });
    });
}

#[test]
fn every_callback_may_close_its_own_pool() {
    for closer in Callback::ALL {
        each(cases(), |case| {
            ends(move |clock| {
                let (faulty, own) = (Faulty::new(), Own::default());
                let pool = builder(&faulty, clock, case).build().unwrap();
                *own.lock() = Some(pool.clone());
                call_back(&faulty, &own, move |callback, pool| {
                    if callback == closer {
                        // What this very callback works on cannot be back by any deadline.
                        pool.close(Duration::ZERO);
                    }
                });
                use_it(&pool, &faulty, usize::MAX);
                assert!(pool.is_closed(), "{closer:?} was not called");
                faulty.unhook();
                drop(own.lock().take());
                closes_balanced(&pool);
                assert_eq!(faulty.alive(), 0);
            });
        });
    }
}

/// The last handle goes in a callback, on a caller's thread or on one of the crew's.
#[test]
fn every_callback_may_drop_the_last_handle() {
    let after_build = Callback::ALL.into_iter().filter(|callback| !callback.makes());
    each(after_build, |callback| {
        ends(move |_| {
            let (faulty, own) = (Faulty::new(), Own::default());
            let pool = Pool::builder(faulty.clone()).max_size(3).build().unwrap();
            let (mut suspect, bad) = (pool.checkout_owned().unwrap(), pool.checkout_owned().unwrap());
            *own.lock() = Some(pool);
            let held = Arc::clone(&own);
            faulty.hook(move |called| {
                let last = if called == callback { held.lock().take() } else { None };
                drop(last);
            });
            suspect.mark_suspect();
            drop(suspect);
            bad.discard("bad");
            until(|| faulty.alive() == 0);
            assert!(own.lock().is_none(), "{callback:?} was not called");
            faulty.unhook();
        });
    });
}
