//! Lines of `log`.

use super::support::{Act, Probe, WATCHDOG, closes_balanced, until};
use log::Level;
use parking_lot::{Condvar, Mutex};
use slackwater::{Builder, CheckoutError, DestroyReason, Keeper, Pool, VirtualClock};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

const SEC: Duration = Duration::from_secs(1);

/// What was said: target, level and text.
static SAID: Mutex<Vec<(String, Level, String)>> = Mutex::new(Vec::new());

/// Lines of the pool called `stuck` wait here.
static GATE: (Mutex<Gate>, Condvar) = (Mutex::new(Gate { open: false, inside: 0 }), Condvar::new());

struct Gate {
    open: bool,
    inside: usize,
}

/// What lines of the pool called `again` do.
static TICKED: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = record.args().to_string();
        assert!(!text.starts_with("pool \"panics\""), "told to panic");
        if text.starts_with("pool \"stuck\"") {
            let (mut gate, began) = (GATE.0.lock(), Instant::now());
            gate.inside += 1;
            while !gate.open && began.elapsed() < 30 * SEC {
                GATE.1.wait_for(&mut gate, SEC);
            }
            gate.inside -= 1;
        }
        if text.starts_with("pool \"again\"")
            && let Some(tick) = TICKED.try_lock()
            && let Some(tick) = &*tick
        {
            tick();
        }
        SAID.lock().push((record.target().to_owned(), record.level(), text));
    }

    fn flush(&self) {}
}

fn listen() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        log::set_logger(&Logger).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// Lines of this pool, without its name.
fn said(name: &str) -> Vec<(Level, String)> {
    let label = format!("pool \"{name}\": ");
    let said = SAID.lock();
    let its = said.iter().filter_map(|(target, level, text)| Some((target, level, text.strip_prefix(&label)?)));
    its.map(|(target, level, text)| {
        assert_eq!(target, "slackwater");
        (*level, text.to_owned())
    })
    .collect()
}

#[track_caller]
fn was_said(name: &str, level: Level, text: &str) {
    let said = said(name);
    assert!(said.iter().any(|(its, line)| *its == level && line.contains(text)), "no {level} {text:?} in {said:#?}");
}

fn still(name: &str, clock: &VirtualClock, set: impl FnOnce(Builder<Probe>) -> Builder<Probe>) -> Pool<Probe> {
    listen();
    let pool = Pool::builder(Probe::new()).name(name).clock(clock).keeper(Keeper::Manual);
    set(pool.check_interval(None)).build().unwrap()
}

#[test]
fn each_step_of_a_resource_has_its_line_with_trouble_as_a_warning() {
    let clock = VirtualClock::new();
    let pool = still("steps", &clock, |b| b.max_size(2));
    pool.tick();
    was_said("steps", Level::Debug, "initializing -> ready");
    pool.checkout().unwrap().discard("no use");
    pool.tick();
    was_said("steps", Level::Debug, "(discarded)");
    pool.manager().is_broken.next([Act::Fail]);
    drop(pool.checkout().unwrap());
    pool.tick();
    was_said("steps", Level::Warn, "(broken)");
    let broken = said("steps").iter().filter(|(level, text)| *level == Level::Warn && text.contains("broken")).count();
    assert_eq!(broken, 1, "one warning for each resource");
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Broken), 1);
    drop(pool.checkout().unwrap().detach());
    pool.tick();
    was_said("steps", Level::Debug, "(detached)");
    closes_balanced(&pool);
    was_said("steps", Level::Info, "closes: 0 in use, 0 waiting");
    assert_eq!(said("steps").last().unwrap().1, "closed, nothing is left");
}

#[test]
fn uses_are_said_only_where_they_are_recorded_and_only_as_the_finest() {
    for (record, name) in [(false, "uses left out"), (true, "uses")] {
        let clock = VirtualClock::new();
        let pool = still(name, &clock, |b| b.record_uses(record));
        drop(pool.checkout().unwrap());
        pool.tick();
        let traces: Vec<_> = said(name).into_iter().filter(|(level, _)| *level == Level::Trace).collect();
        assert_eq!(traces.len(), if record { 2 } else { 0 }, "{traces:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn what_concerns_the_whole_pool_has_its_line() {
    let clock = VirtualClock::new();
    let set = |b: Builder<Probe>| b.max_size(1).max_overflow(1).ceiling(9).queue_alert(1).memory_budget(20);
    let pool = still("whole", &clock, |b| set(b).checkout_timeout(SEC));
    let held = [pool.checkout().unwrap(), pool.checkout().unwrap()];
    assert!(matches!(pool.try_checkout(), Err(CheckoutError::Exhausted(_) | CheckoutError::Create(_))));
    thread::scope(|scope| {
        let waits = scope.spawn(|| pool.checkout().map(drop));
        until(|| pool.stats().waiting == 1);
        clock.advance(SEC);
        until(|| waits.is_finished());
        assert!(waits.join().unwrap().is_err());
    });
    drop(held);
    pool.resize(1, 2).unwrap();
    pool.resize(1, 1).unwrap();
    let before: Vec<_> = pool.resources().iter().map(|resource| resource.id).collect();
    drop(pool.replace_all(1, 0).unwrap());
    until(|| {
        clock.advance(SEC);
        pool.tick();
        pool.resources().iter().all(|resource| !before.contains(&resource.id))
    });
    pool.with(|thing| thing.weight = 19).unwrap();
    clock.advance(SEC);
    pool.tick();
    closes_balanced(&pool);
    assert!(pool.checkout().is_err());
    pool.tick();
    for (level, text) in [
        (Level::Info, "2 resources, beyond max_size 1"),
        (Level::Info, "no more resources than max_size again"),
        (Level::Warn, "1 threads wait, queue_alert is 1"),
        (Level::Info, "nobody waits any more"),
        (Level::Debug, "a checkout timed out"),
        (Level::Debug, "a checkout found the pool closed"),
        (Level::Info, "max_size 1 -> 2"),
        (Level::Debug, "takes the place of"),
        (Level::Warn, "resources weighed 19, above 16: 1 idle ones were destroyed"),
    ] {
        was_said("whole", level, text);
    }
}

#[test]
fn a_pool_with_threads_says_everything_by_the_end_of_close() {
    listen();
    for (keeper, name) in [(Keeper::Dedicated, "its own"), (Keeper::Shared, "shared")] {
        let pool = Pool::builder(Probe::new()).name(name).keeper(keeper).build().unwrap();
        until(|| said(name).iter().any(|(_, text)| text.contains("initializing -> ready")));
        let held = pool.checkout().unwrap();
        assert!(!pool.close(Duration::ZERO).is_complete());
        drop(held);
        until(|| said(name).last().is_some_and(|(_, text)| text == "closed, nothing is left"));
        closes_balanced(&pool);
    }
}

#[test]
fn a_build_that_fails_is_said_with_its_reason() {
    listen();
    let probe = Probe::new();
    probe.create.next([Act::Fail]);
    Pool::builder(probe).name("unbuilt").keeper(Keeper::Manual).build().map(drop).unwrap_err();
    was_said("unbuilt", Level::Error, "not built");
}

#[test]
fn a_logger_that_hangs_costs_lines_and_nothing_else() {
    listen();
    let pool = Pool::builder(Probe::new()).name("stuck").max_size(2).min_idle(0).build().unwrap();
    pool.resize(1, 2).unwrap();
    drop(pool.checkout().unwrap());
    until(|| GATE.0.lock().inside > 0);
    // More than there is room for.
    for _ in 0..1_500 {
        drop(pool.checkout().unwrap().detach());
    }
    let held = [pool.checkout().unwrap(), pool.checkout().unwrap()];
    assert!(pool.try_checkout().is_err());
    drop(held);
    assert_eq!((pool.stats().hung_jobs, GATE.0.lock().inside), (0, 1), "a thread of its own");
    let report = pool.close(WATCHDOG);
    assert!(report.is_complete() && report.took < WATCHDOG / 2, "{report}");
    GATE.0.lock().open = true;
    GATE.1.notify_all();
    until(|| said("stuck").iter().any(|(level, text)| *level == Level::Warn && text.contains("lines were lost")));
    closes_balanced(&pool);
}

#[test]
fn a_logger_that_panics_costs_the_line() {
    listen();
    let pool = Pool::builder(Probe::new()).name("panics").build().unwrap();
    (0..10).for_each(|_| drop(pool.checkout().unwrap().detach()));
    closes_balanced(&pool);
}

/// Its lines call `tick` on its own pool, from the thread that ticks.
#[test]
fn a_logger_that_ticks_the_pool_is_told_each_line_once() {
    let clock = VirtualClock::new();
    let pool = still("again", &clock, |b| b);
    *TICKED.lock() = Some(Box::new({
        let pool = pool.clone();
        move || pool.tick()
    }));
    (0..3).for_each(|_| pool.tick());
    *TICKED.lock() = None;
    let said = said("again");
    assert_eq!(said.iter().filter(|(_, text)| text.contains("initializing -> ready")).count(), 1, "{said:?}");
    closes_balanced(&pool);
}
