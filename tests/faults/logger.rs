//! The program's logger, and the texts of the user's errors that it asks for: panics, calls of the pool, blocks.

use super::calls_back::{ends, every_method};
use super::faulty::{Callback, Fault, Faulty, each, has_its_capacity, in_callbacks};
use super::once::{self, a_round};
use super::support::{TimeRunsOut, WATCHDOG, closes_balanced, passes, until};
use parking_lot::{Condvar, Mutex};
use slackwater::{BuildError, CheckoutError, Creation, Keeper, Manager, Pool, VirtualClock};
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

const SEC: Duration = Duration::from_secs(1);

type Hook = Arc<dyn Fn(&str) + Send + Sync>;

/// What is done with the lines of each pool, by the pool's name.
static HOOKS: Mutex<Vec<(String, Hook)>> = Mutex::new(Vec::new());

struct Hooked;

impl log::Log for Hooked {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = record.args().to_string();
        let hook = HOOKS.lock().iter().find(|(label, _)| text.starts_with(label)).map(|(_, hook)| Arc::clone(hook));
        if let Some(hook) = hook {
            hook(&text);
        }
    }

    fn flush(&self) {}
}

/// Has `hook` run for each line of the pool called `name`, until the hook is dropped.
pub fn on_each_line(name: &str, hook: impl Fn(&str) + Send + Sync + 'static) -> Hooking {
    static SET: Once = Once::new();
    SET.call_once(|| {
        log::set_logger(&Hooked).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    let label = format!("pool \"{name}\": ");
    HOOKS.lock().push((label.clone(), Arc::new(hook)));
    Hooking(label)
}

/// Stops the keeper at a line that it says itself. Most are said for it, by a thread of their own.
pub fn stops_the_keeper(barrier: &Arc<Barrier>) -> impl Fn(&str) + Send + Sync + 'static {
    let barrier = Arc::clone(barrier);
    move |text| {
        if text.contains("held for too long") {
            barrier.stop_one();
        }
    }
}

pub struct Hooking(String);

impl Drop for Hooking {
    fn drop(&mut self) {
        let mut hooks = HOOKS.lock();
        let ours = hooks.iter().position(|(label, _)| *label == self.0).map(|at| hooks.swap_remove(at));
        drop(hooks);
        drop(ours);
    }
}

/// Stops who comes to it, once, until it is opened.
#[derive(Default)]
pub struct Barrier {
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Barrier {
    pub fn stop_one(&self) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.0, true) {
            return;
        }
        let began = Instant::now();
        // A test that failed must still end.
        while !state.1 && began.elapsed() < 3 * WATCHDOG {
            self.changed.wait_for(&mut state, WATCHDOG);
        }
    }

    pub fn has_stopped_one(&self) -> bool {
        self.state.lock().0
    }

    pub fn open(&self) {
        self.state.lock().1 = true;
        self.changed.notify_all();
    }
}

/// Opens the barrier also when its test fails.
pub struct Opened<'b>(pub &'b Barrier);

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[test]
fn a_logger_that_panics_at_each_line_costs_nothing_more_than_the_fault_it_tells_of() {
    each(once::cases(), |case| {
        let (faulty, lines) = (Faulty::new(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&lines);
        let _panics = on_each_line("panics", move |text| {
            count.fetch_add(1, SeqCst);
            panic!("told to panic at: {text}");
        });
        let pool = Pool::builder(faulty.clone()).max_size(2).min_idle(0).creation(case.creation).name("panics");
        let pool = pool.build().unwrap();
        faulty.plan(case.callback, case.call, case.fault);
        for _ in 0..20 {
            a_round(&pool, &faulty);
            if faulty.has_happened() {
                break;
            }
        }
        a_round(&pool, &faulty);
        assert!(faulty.has_happened() && lines.load(SeqCst) > 0);
        has_its_capacity(&pool, 2);
        assert_eq!(pool.stats().callback_panics, u64::from(case.fault == Fault::Panic), "of the logger's, none");
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

/// Lines come from callers, from the crew, and from the keeper: of long holds and of jobs that hang.
#[test]
fn a_logger_may_call_every_method_of_the_pool_it_logs_for() {
    each([Keeper::Dedicated, Keeper::Shared], |keeper| {
        ends(move |clock| {
            let (faulty, own) = (Faulty::new(), Arc::new(Mutex::new(None::<Pool<Faulty>>)));
            let kinds = ["discarded", "check(s)", "create a resource", "panicked", "held for", "has run for"];
            let seen = Arc::new(Mutex::new(Vec::new()));
            let (theirs, moved, told) = (Arc::clone(&own), clock.clone(), Arc::clone(&seen));
            let _hooked = on_each_line("calls back", move |text| {
                thread_local!(static WITHIN: Cell<bool> = const { Cell::new(false) });
                let Some(kind) = kinds.into_iter().find(|kind| text.contains(kind)) else { return };
                let pool = theirs.lock().clone();
                if let Some(pool) = pool.filter(|_| !told.lock().contains(&kind) && !WITHIN.replace(true)) {
                    every_method(&pool, &moved);
                    WITHIN.set(false);
                    told.lock().push(kind);
                }
            });
            let pool = Pool::builder(faulty.clone()).max_size(2).min_idle(0).max_overflow(1).keeper(keeper);
            let pool = pool
                .name("calls back")
                .clock(clock)
                .max_hold(SEC / 20)
                .check_timeout(SEC / 20)
                .checkout_timeout(SEC / 50);
            let pool = pool.build().unwrap();
            *own.lock() = Some(pool.clone());
            // Every method trips the breaker too, and resets it.
            let take = || loop {
                match pool.request().timeout(3600 * SEC).checkout() {
                    Err(CheckoutError::CircuitOpen(_)) => thread::yield_now(),
                    taken => break taken.unwrap(),
                }
            };
            // Again and again: what one call of the pool replaces, the next finds on its way out, and it is not checked.
            let until_seen = |kind, provoke: &dyn Fn()| {
                until(|| {
                    provoke();
                    seen.lock().contains(&kind)
                });
            };
            until_seen("discarded", &|| take().discard("a line from the caller"));
            // Each time anew: the first may have been told of within the calls that an earlier line is still at, which does not count.
            let goes_wrong = |fault| {
                faulty.plan(Callback::Check, 1, fault);
                take().mark_suspect();
            };
            until_seen("check(s)", &|| goes_wrong(Fault::Error));
            until_seen("panicked", &|| goes_wrong(Fault::Panic));
            // A free one is no reason to make another.
            until_seen("create a resource", &|| {
                faulty.refuse(1);
                drop(take().detach());
            });
            faulty.refuse(0);
            until_seen("held for", &|| {
                let (held, since) = (take(), clock.elapsed());
                until(|| seen.lock().contains(&"held for") || clock.elapsed() > since + 5 * SEC);
                drop(held);
            });
            faulty.plan(Callback::Check, 1, Fault::Hang);
            until_seen("has run for", &|| take().mark_suspect());
            faulty.release();

            *own.lock() = None;
            until(|| pool.audit().is_settled() && in_callbacks(&pool.stats()) == 0);
            has_its_capacity(&pool, 3);
            closes_balanced(&pool);
            assert_eq!(faulty.alive(), 0);
        });
    });
}

/// Whoever logs a failure waits for the logger, and nobody else does: the slot is back before the line is.
#[test]
fn a_logger_that_blocks_the_crew_holds_no_slot() {
    let told = |callback: Callback| callback.makes() || callback == Callback::Check;
    each(Callback::ALL.into_iter().filter(|callback| told(*callback)), |callback| {
        let (faulty, barrier) = (Faulty::new(), Arc::new(Barrier::default()));
        let theirs = Arc::clone(&barrier);
        let _hooked = on_each_line("blocks", move |text| {
            // That of a panic itself comes from within the callback, and from its slot.
            if text.contains("could not create") || text.contains("check(s)") {
                theirs.stop_one();
            }
        });
        let pool = Pool::builder(faulty.clone()).max_size(3).min_idle(0).creation(Creation::Background).name("blocks");
        let pool = pool.checkout_timeout(WATCHDOG).build().unwrap();
        thread::scope(|s| {
            let _open = Opened(&barrier);
            faulty.plan(callback, 1, if callback.can_fail() { Fault::Error } else { Fault::Panic });
            faulty.refuse(usize::from(callback == Callback::Classify));
            s.spawn(|| drop(pool.checkout().map(|mut item| item.mark_suspect())));
            until(|| barrier.has_stopped_one());
            has_its_capacity(&pool, 3);
            barrier.open();
        });
        until(|| in_callbacks(&pool.stats()) == 0);
        has_its_capacity(&pool, 3);
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

#[test]
fn a_logger_that_blocks_at_a_change_of_the_circuit_holds_no_slot_and_keeps_nobody_waiting() {
    for line in ["circuit opened", "to see whether", "as before"] {
        let (faulty, clock, barrier) = (Faulty::new(), VirtualClock::new(), Arc::new(Barrier::default()));
        let theirs = Arc::clone(&barrier);
        let _hooked = on_each_line("turns", move |text| {
            if text.contains(line) {
                theirs.stop_one();
            }
        });
        let breaker = slackwater::BreakerConfig::new().failure_threshold(1).success_threshold(1);
        let pool = Pool::builder(faulty.clone()).max_size(1).min_idle(0).creation(Creation::Background).name("turns");
        let pool = pool.clock(&clock).breaker(breaker).checkout_timeout(3600 * SEC).build().unwrap();
        thread::scope(|s| {
            let (_open, _on_failure) = (Opened(&barrier), TimeRunsOut(&clock));
            faulty.refuse(1);
            let told = s.spawn(|| pool.checkout().map(drop));
            until(|| told.is_finished());
            assert!(matches!(told.join().unwrap(), Err(CheckoutError::CircuitOpen(_))), "{line}");
            until(|| pool.stats().creating == 0);
            clock.advance(SEC);
            // Whoever told the first one may have looked before the time moved, and tell this one too.
            let served = s.spawn(|| {
                loop {
                    match pool.checkout().map(drop) {
                        Err(CheckoutError::CircuitOpen(_)) => thread::yield_now(),
                        other => break other,
                    }
                }
            });
            until(|| served.is_finished());
            served.join().unwrap().unwrap();
            until(|| barrier.has_stopped_one());
            assert_eq!(pool.stats().creating, 0, "{line}");
            barrier.open();
        });
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    }
}

/// A keeper that waits for the logger keeps nothing meanwhile. All that callers do goes on without it, and `close` grants it
/// a second beyond its deadline.
#[test]
fn a_logger_that_blocks_the_keeper_delays_no_caller_and_no_close() {
    each([Keeper::Dedicated, Keeper::Shared], |keeper| {
        let (faulty, clock, barrier) = (Faulty::new(), VirtualClock::new(), Arc::new(Barrier::default()));
        let _hooked = on_each_line("stops the keeper", stops_the_keeper(&barrier));
        let pool = Pool::builder(faulty.clone()).max_size(3).min_idle(0).creation(Creation::Background).keeper(keeper);
        let pool = pool.name("stops the keeper").clock(&clock).max_hold(SEC).build().unwrap();
        thread::scope(|s| {
            let (_open, _on_failure) = (Opened(&barrier), TimeRunsOut(&clock));
            let held = pool.checkout().unwrap();
            clock.advance(SEC);
            until(|| barrier.has_stopped_one());
            let (mut second, third) = (pool.checkout().unwrap(), pool.checkout().unwrap());
            let waiter = s.spawn(|| pool.checkout().map(drop));
            until(|| pool.stats().waiting == 1);
            second.mark_suspect();
            drop(second);
            waiter.join().unwrap().unwrap();
            drop(third.detach());
            drop(held);
            has_its_capacity(&pool, 3);
            let closes = s.spawn(|| pool.close(SEC));
            until(|| pool.stats().total == 0 && pool.is_closed());
            until(|| {
                clock.advance(SEC / 10);
                closes.is_finished()
            });
            let report = closes.join().unwrap();
            assert!(report.is_complete(), "{report}");
            barrier.open();
        });
        closes_balanced(&pool);
        assert_eq!(faulty.alive(), 0);
    });
}

/// An error whose texts panic.
struct Mute;

impl fmt::Display for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("told to panic in Display");
    }
}

impl fmt::Debug for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("told to panic in Debug");
    }
}

impl std::error::Error for Mute {}

/// Fails so often, at each callback that can.
#[derive(Clone, Default)]
struct Muttering(Arc<[AtomicUsize; 3]>);

impl Muttering {
    fn fails(&self, at: usize, times: usize) {
        self.0[at].store(times, SeqCst);
    }

    fn outcome(&self, at: usize) -> Result<Box<u8>, Mute> {
        let due = self.0[at].fetch_update(SeqCst, SeqCst, |times| times.checked_sub(1)).is_ok();
        if due { Err(Mute) } else { Ok(Box::new(0)) }
    }
}

impl Manager for Muttering {
    type Resource = Box<u8>;
    type Error = Mute;

    fn create(&self) -> Result<Box<u8>, Mute> {
        self.outcome(0)
    }

    fn warm(&self, _: &mut Box<u8>) -> Result<(), Mute> {
        self.outcome(1).map(drop)
    }

    fn check(&self, _: &mut Box<u8>) -> Result<(), Mute> {
        self.outcome(2).map(drop)
    }
}

#[test]
fn an_error_whose_texts_panic_comes_back_whole_and_costs_nothing() {
    let _listens = on_each_line("mute", |_| {});
    each(
        [0, 1, 2].into_iter().flat_map(|at| [(at, Creation::Inline), (at, Creation::Background)]),
        |(at, creation)| {
            let (manager, clock) = (Muttering::default(), VirtualClock::new());
            let pool =
                Pool::builder(manager.clone()).max_size(2).min_idle(0).creation(creation).name("mute").clock(&clock);
            let pool = pool.checkout_timeout(3600 * SEC).check_interval(None).breaker(None).build().unwrap();
            manager.fails(at, 3);
            if at < 2 {
                // Until it is told: as time goes on, another attempt may come before that.
                manager.fails(at, usize::MAX);
                thread::scope(|s| {
                    let _on_failure = TimeRunsOut(&clock);
                    let refused = s.spawn(|| pool.checkout().map(drop));
                    passes(&clock, || refused.is_finished());
                    match refused.join().unwrap() {
                        Err(CheckoutError::Create(error)) => assert!(error.error.downcast_ref::<Mute>().is_some()),
                        other => panic!(
                            "three failures are told, not {:?}",
                            other.map_err(|error| std::mem::discriminant(&error))
                        ),
                    }
                });
                until(|| pool.stats().creating == 0);
                manager.fails(at, 0);
                clock.advance(SEC);
            }
            for _ in 0..3 {
                pool.checkout().unwrap().mark_suspect();
                until(|| pool.stats().checking + pool.stats().retiring + pool.stats().creating == 0);
            }
            let both = [pool.checkout().unwrap(), pool.checkout().unwrap()];
            drop(both);
            assert_eq!(pool.stats().callback_panics, 0);
            closes_balanced(&pool);
        },
    );
    let manager = Muttering::default();
    manager.fails(0, 1);
    let error = Pool::builder(manager).name("mute").build().map(drop).unwrap_err();
    assert!(matches!(error, BuildError::WarmUp { report, .. } if report.failed == 1));
}
