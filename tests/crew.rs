//! The crew: in which order its jobs go, how long they may take, and what becomes of those that take longer.

mod support;

use parking_lot::{Condvar, Mutex};
use slackwater::{
    Builder, Creation, DestroyReason, HungJob, JobKind, Keeper, Manager, OwnedCheckout, Pool, VirtualClock,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use support::{Act, Probe, TimeRunsOut, closes_balanced, until};

const SEC: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

/// Makes nothing before it is asked to, and then in the background.
fn lazy<M: Manager>(manager: M, max_size: usize, clock: &VirtualClock) -> Builder<M> {
    let builder = Pool::builder(manager).max_size(max_size).min_idle(0).creation(Creation::Background);
    builder.clock(clock).checkout_timeout(3600 * SEC)
}

fn take<M: Manager, const N: usize>(pool: &Pool<M>) -> [OwnedCheckout<M>; N] {
    std::array::from_fn(|_| pool.checkout_owned().unwrap())
}

/// The job that hangs.
#[track_caller]
fn the_hung_job<M: Manager>(pool: &Pool<M>) -> HungJob {
    until(|| pool.stats().hung_jobs == 1);
    let jobs = pool.hung_jobs();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.into_iter().next().unwrap()
}

/// Lets calls pass once it is open.
#[derive(Default)]
struct Gate {
    /// Whether it is open, and how many stand before it.
    state: Mutex<(bool, usize)>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock();
        state.1 += 1;
        while !state.0 {
            self.opened.wait(&mut state);
        }
        state.1 -= 1;
    }

    fn open(&self) {
        self.state.lock().0 = true;
        self.opened.notify_all();
    }

    fn standing(&self) -> usize {
        self.state.lock().1
    }
}

/// Opens the gate also when its test fails: closing the pool waits for who stands there.
struct OpenInTheEnd(Arc<Gate>);

impl Drop for OpenInTheEnd {
    fn drop(&mut self) {
        self.0.open();
    }
}

type FirstStands = Box<dyn Fn() -> Result<Box<usize>, Infallible> + Send + Sync>;

/// A manager whose first creation stands at the gate, and those after it do not.
fn first_stands(gate: &Arc<Gate>) -> FirstStands {
    let (gate, calls) = (Arc::clone(gate), Mutex::new(0));
    Box::new(move || {
        let call = {
            let mut calls = calls.lock();
            *calls += 1;
            *calls
        };
        if call == 1 {
            gate.pass();
        }
        Ok(Box::new(call))
    })
}

#[test]
fn creations_go_before_checks_and_those_before_destructions() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(probe.clone(), 4, &clock).create_parallelism(1).build().unwrap();
    let [busy, ended, mut suspect, missing] = take(&pool);
    probe.destroy.shut();
    busy.discard("keeps the crew's one thread");
    until(|| probe.destroy.inside() == 1);
    ended.discard("waits");
    suspect.mark_suspect();
    drop(suspect);
    drop(missing.detach());
    assert!(pool.try_checkout().is_err(), "which asks for a creation");
    let created = probe.create.calls();
    probe.create.shut();
    probe.check.shut();

    probe.destroy.let_through(1);
    until(|| probe.create.inside() == 1);
    assert_eq!((probe.check.calls(), probe.destroy.calls()), (0, 1));
    probe.create.open();
    until(|| probe.check.inside() == 1);
    assert_eq!((probe.create.calls(), probe.destroy.calls()), (created + 1, 1));
    probe.check.open();
    probe.destroy.open();
    until(|| probe.destroy.calls() == 2);
    closes_balanced(&pool);
}

#[test]
fn a_hung_job_is_named_by_kind_slot_and_time_until_it_ends() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(probe.clone(), 3, &clock).build().unwrap();
    let [_zero, _one, mut two] = take(&pool);
    let slot = two.id().slot();
    two.mark_suspect();
    probe.check.shut();
    drop(two);
    until(|| probe.check.inside() == 1);
    clock.advance(5 * SEC - NANO);
    assert_eq!(pool.hung_jobs(), [], "not a nanosecond early");
    clock.advance(NANO);
    let hung = the_hung_job(&pool);
    assert_eq!((hung.kind, hung.slot, hung.running_for), (JobKind::Check, Some(slot), 5 * SEC));
    clock.advance(2 * SEC);
    assert_eq!(pool.hung_jobs()[0].to_string(), format!("a background check in slot {slot} has run for 7.0s"));
    probe.check.open();
    until(|| pool.hung_jobs().is_empty());
    assert_eq!((pool.stats().hung_jobs, pool.stats().hung_jobs_total), (0, 1));
    drop((_zero, _one));
    closes_balanced(&pool);
}

#[test]
fn several_hung_jobs_are_listed_the_longest_first() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(probe.clone(), 2, &clock).destroy_timeout(SEC).build().unwrap();
    let [first, second] = take(&pool);
    let slots = [first.id().slot(), second.id().slot()];
    probe.destroy.shut();
    first.discard("first");
    until(|| probe.destroy.inside() == 1);
    clock.advance(SEC);
    second.discard("second");
    until(|| probe.destroy.inside() == 2);
    clock.advance(SEC);
    until(|| pool.stats().hung_jobs == 2);
    let told: Vec<_> = pool.hung_jobs().into_iter().map(|job| (job.kind, job.slot.unwrap(), job.running_for)).collect();
    assert_eq!(told, [(JobKind::Destroy, slots[0], 2 * SEC), (JobKind::Destroy, slots[1], SEC)]);
    probe.destroy.open();
    closes_balanced(&pool);
}

#[test]
fn a_check_that_passes_late_has_failed() {
    for (took, available, degraded) in [(5 * SEC - NANO, 1, 0), (5 * SEC, 0, 1)] {
        let (probe, clock) = (Probe::new(), VirtualClock::new());
        let pool = lazy(probe.clone(), 1, &clock).build().unwrap();
        let [mut guard] = take(&pool);
        guard.mark_suspect();
        probe.check.shut();
        drop(guard);
        until(|| probe.check.inside() == 1);
        clock.advance(took);
        probe.check.open();
        until(|| pool.stats().checking == 0);
        let stats = pool.stats();
        assert_eq!((stats.available, stats.degraded), (available, degraded), "after {took:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn a_late_pass_has_failed_without_a_keeper_too() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(probe.clone(), 1, &clock).creation(Creation::Inline).keeper(Keeper::Manual).build().unwrap();
    let [mut guard] = take(&pool);
    guard.mark_suspect();
    drop(guard);
    probe.check.shut();
    thread::scope(|s| {
        s.spawn(|| pool.tick());
        until(|| probe.check.inside() == 1);
        clock.advance(5 * SEC);
        probe.check.open();
    });
    assert_eq!((pool.stats().available, pool.stats().degraded), (0, 1));
    closes_balanced(&pool);
}

/// The third failure in a row is the end of a resource; late passes count like any other.
#[test]
fn three_late_passes_in_a_row_end_the_resource() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(probe.clone(), 1, &clock).build().unwrap();
    for failures in 1..=3 {
        let [mut guard] = take(&pool);
        assert_eq!(guard.number, 1, "as the last resort");
        guard.mark_suspect();
        probe.check.shut();
        drop(guard);
        until(|| probe.check.inside() == 1);
        clock.advance(5 * SEC);
        probe.check.open();
        until(|| pool.stats().checking == 0 && pool.stats().retiring == 0);
        assert_eq!(pool.stats().total, usize::from(failures < 3));
    }
    assert_eq!(pool.stats().destroyed.by(DestroyReason::CheckFailed), 1);
    closes_balanced(&pool);
}

#[test]
fn a_hung_creation_is_replaced_in_another_slot_for_the_same_waiter() {
    let (gate, clock) = (Arc::new(Gate::default()), VirtualClock::new());
    let pool = lazy(first_stands(&gate), 2, &clock).create_parallelism(1).build().unwrap();
    let (_open, _end) = (OpenInTheEnd(Arc::clone(&gate)), TimeRunsOut(&clock));
    thread::scope(|s| {
        let waiter = s.spawn(|| **pool.checkout().unwrap());
        until(|| gate.standing() == 1);
        clock.advance(30 * SEC);
        assert_eq!(waiter.join().unwrap(), 2, "made by the second call, while the first still runs");
    });
    assert_eq!(the_hung_job(&pool).kind, JobKind::Create);
    gate.open();
    until(|| pool.stats().available == 2);
    assert_eq!(pool.stats().destroyed.total(), 0, "there was room for the late one");
    closes_balanced(&pool);
}

/// Has `then` come by when the first creation is late and still at the gate, and what was made instead of it is lent: in a pool
/// of one with room for one more.
fn while_the_first_is_late(then: impl FnOnce(&Pool<FirstStands>, &Gate, OwnedCheckout<FirstStands>)) {
    let (gate, clock) = (Arc::new(Gate::default()), VirtualClock::new());
    let pool = lazy(first_stands(&gate), 1, &clock).max_overflow(1).overflow_ttl(3600 * SEC).build().unwrap();
    let (_open, _end) = (OpenInTheEnd(Arc::clone(&gate)), TimeRunsOut(&clock));
    let held = thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout_owned().unwrap());
        until(|| gate.standing() == 1);
        clock.advance(30 * SEC);
        waiter.join().unwrap()
    });
    then(&pool, &gate, held);
    closes_balanced(&pool);
}

#[test]
fn a_late_creation_that_nobody_has_room_for_is_destroyed() {
    while_the_first_is_late(|pool, gate, held| {
        gate.open();
        until(|| pool.stats().creating == 0 && pool.stats().retiring == 0);
        let stats = pool.stats();
        assert_eq!((stats.created, stats.total, stats.destroyed.by(DestroyReason::Overflow)), (2, 1, 1));
        assert_eq!(**held, 2);
    });
}

#[test]
fn a_late_creation_that_somebody_waits_for_is_adopted() {
    while_the_first_is_late(|pool, gate, _held| {
        thread::scope(|s| {
            let second = s.spawn(|| **pool.checkout().unwrap());
            until(|| pool.stats().waiting == 1);
            gate.open();
            assert_eq!(second.join().unwrap(), 1);
        });
    });
}

#[test]
fn min_idle_is_filled_although_a_creation_hangs() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(probe.clone(), 2, &clock).min_idle(1).create_parallelism(1).build().unwrap();
    probe.create.shut();
    pool.checkout().unwrap().discard("to be made again");
    until(|| probe.create.inside() == 1);
    clock.advance(30 * SEC);
    until(|| probe.create.inside() == 2);
    probe.create.let_through(1);
    until(|| pool.stats().available == 1);
    probe.create.open();
    closes_balanced(&pool);
}

#[test]
fn a_hung_destruction_costs_its_slot_and_nobody_elses_job() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(probe.clone(), 2, &clock).create_parallelism(1).build().unwrap();
    let [ended, mut suspect] = take(&pool);
    probe.destroy.shut();
    ended.discard("hangs");
    until(|| probe.destroy.inside() == 1);
    suspect.mark_suspect();
    drop(suspect);
    for _ in 0..1_000 {
        thread::yield_now();
    }
    assert_eq!(probe.check.calls(), 0, "one job at once was asked for");
    clock.advance(30 * SEC);
    until(|| pool.stats().available == 1);
    assert_eq!((pool.stats().retiring, the_hung_job(&pool).kind), (1, JobKind::Destroy));
    probe.destroy.open();
    until(|| pool.stats().retiring == 0);
    closes_balanced(&pool);
}

#[test]
fn a_hung_check_keeps_no_other_resource_from_being_checked() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = Pool::builder(probe.clone()).max_size(4).clock(&clock).check_interval(20 * SEC).build().unwrap();
    probe.check.shut();
    clock.advance(20 * SEC);
    until(|| probe.check.inside() == 1);
    clock.advance(5 * SEC);
    until(|| probe.check.inside() == 2);
    assert_eq!(the_hung_job(&pool).kind, JobKind::Check);
    probe.check.open();
    until(|| pool.stats().checking == 0);
    closes_balanced(&pool);
}

/// A pool of `size` in which one job runs at once, with all its resources in the hands of the caller.
fn one_at_a_time<const N: usize>(probe: &Probe, clock: &VirtualClock) -> (Pool<Probe>, [OwnedCheckout<Probe>; N]) {
    let pool = lazy(probe.clone(), N, clock).create_parallelism(1).build().unwrap();
    let held = take(&pool);
    probe.destroy.shut();
    (pool, held)
}

/// Each of `jobs` hangs in its turn, in a pool that has no keeper any more.
fn all_have_their_turn(probe: &Probe, clock: &VirtualClock, jobs: usize) {
    for turn in 1..jobs {
        until(|| probe.destroy.inside() == turn);
        clock.advance(30 * SEC - NANO);
        for _ in 0..1_000 {
            thread::yield_now();
        }
        assert_eq!(probe.destroy.inside(), turn, "it does not hang yet");
        clock.advance(NANO);
        until(|| probe.destroy.inside() == turn + 1);
    }
    probe.destroy.open();
    until(|| probe.alive() == 0);
}

#[test]
fn what_waits_behind_a_hung_job_has_its_turn_after_close_too() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let (pool, held) = one_at_a_time::<3>(&probe, &clock);
    drop(held);
    assert_eq!(pool.close(Duration::ZERO).unfinished, 3);
    assert_eq!(pool.close(Duration::ZERO).unfinished, 3, "closing again changes nothing");
    all_have_their_turn(&probe, &clock, 3);
    closes_balanced(&pool);
}

#[test]
fn and_after_the_last_handle() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let (pool, held) = one_at_a_time::<3>(&probe, &clock);
    held.into_iter().for_each(|guard| guard.discard("hangs"));
    drop(pool);
    all_have_their_turn(&probe, &clock, 3);
    until(|| probe.sharers() == 1);
}

/// A check's resource that is destroyed by the same thread has the time of a destruction, from its beginning.
#[test]
fn what_a_job_turns_into_has_its_own_timeout() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(probe.clone(), 1, &clock).build().unwrap();
    let [mut guard] = take(&pool);
    probe.check.next([Act::Panic]);
    probe.destroy.shut();
    guard.mark_suspect();
    drop(guard);
    until(|| probe.destroy.inside() == 1);
    clock.advance(29 * SEC);
    for _ in 0..1_000 {
        assert_eq!(pool.stats().hung_jobs, 0);
        thread::yield_now();
    }
    clock.advance(SEC);
    let hung = the_hung_job(&pool);
    assert_eq!((hung.kind, hung.slot, hung.running_for), (JobKind::Destroy, Some(0), 30 * SEC));
    probe.destroy.open();
    closes_balanced(&pool);
}

#[cfg(target_os = "linux")]
#[test]
fn hung_jobs_cost_a_thread_each_and_the_threads_end() {
    let threads = || support::threads_named("bounded-crew").len();
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(probe.clone(), 4, &clock).create_parallelism(1).name("bounded").build().unwrap();
    let held: [_; 4] = take(&pool);
    probe.destroy.shut();
    held.into_iter().for_each(|guard| guard.discard("hangs"));
    for hung in 1..=4 {
        until(|| probe.destroy.inside() == hung);
        clock.advance(30 * SEC);
        until(|| pool.stats().hung_jobs == hung);
        // Each of these has run, and so has its name.
        assert!(threads() <= hung + 1, "{} threads for {hung} hung jobs", threads());
    }
    probe.destroy.open();
    until(|| pool.stats().retiring == 0 && threads() <= 1);
    until(|| threads() == 0);
    closes_balanced(&pool);
}
