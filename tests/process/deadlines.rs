//! Calls that take too long, and the end of their workers.

use super::support::{closes_balanced, until};
use super::workers::{has_python, is_known, pool_of, python, runs, server};
use serde_json::Value;
use slackwater::process::{Exit, ProcessError};
use slackwater::{DestroyReason, Pool};
use std::time::{Duration, Instant};

/// For workers that read nothing: they do not hear that they are to end.
const A_MOMENT: Duration = Duration::from_millis(50);

/// A worker that lets nothing but SIGKILL end it.
const STUBBORN: &str = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nserve()";

#[test]
fn a_call_past_its_deadline_returns_at_once_however_long_its_worker_takes_to_end() {
    if !has_python() {
        return;
    }
    let stubborn = python(STUBBORN).grace(Duration::from_secs(3));
    let pool = pool_of(stubborn).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let pid = worker.pid();
    let began = Instant::now();
    let error = worker.call_within::<_, Value>("sleep", &60, Duration::from_millis(50)).unwrap_err();
    drop(worker);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(50) && took < Duration::from_millis(2_500), "less than its grace: {took:?}");
    assert!(matches!(error, ProcessError::Timeout { sent: true, .. }), "{error}");
    // It takes its grace, and its slot is not free before it is gone, entry and all.
    assert!(runs(pid) && pool.stats().retiring == 1);
    until(|| {
        let stats = pool.stats();
        let is_over = stats.destroyed.by(DestroyReason::Broken) == 1;
        assert!(!is_over || !is_known(pid), "counted as destroyed, and still there");
        is_over
    });
    assert_eq!(pool.checkout().unwrap().call::<_, u32>("echo", &1).unwrap(), 1);
    closes_balanced(&pool);
}

#[test]
fn a_deadline_holds_although_the_worker_reads_nothing() {
    if !has_python() {
        return;
    }
    let pool = pool_of(python("ready()\ntime.sleep(60)").stop_within(A_MOMENT)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let began = Instant::now();
    let error = worker.call_within::<_, Value>("any", &"x".repeat(8 << 20), Duration::from_millis(100)).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(matches!(error, ProcessError::Timeout { sent: false, .. }), "{error}");
    drop(worker);
    closes_balanced(&pool);
}

#[test]
fn a_deadline_holds_although_bytes_keep_coming() {
    if !has_python() {
        return;
    }
    let drips = "ready()\nasked()\nput(struct.pack('>I', 1000))\nwhile True:\n    put(b'x')\n    time.sleep(0.005)";
    let pool = pool_of(python(drips)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let began = Instant::now();
    let error = worker.call_within::<_, Value>("any", &(), Duration::from_millis(100)).unwrap_err();
    assert!(matches!(error, ProcessError::Timeout { sent: true, .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop(worker);
    closes_balanced(&pool);
}

/// Promise: a deadline holds although there is always something to read. Provoked: a frame of a gigabyte, as fast as it goes.
#[test]
fn a_deadline_holds_although_bytes_never_stop() {
    if !has_python() {
        return;
    }
    let floods =
        "ready()\nasked()\nput(struct.pack('>I', 1 << 30))\nblock = bytes(1 << 16)\nwhile True:\n    put(block)";
    let pool = pool_of(python(floods).max_frame(1 << 30)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let began = Instant::now();
    let error = worker.call_within::<_, Value>("any", &(), Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, ProcessError::Timeout { sent: true, .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop(worker);
    closes_balanced(&pool);
}

#[test]
fn a_worker_ends_with_all_it_started() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let grandchild: u32 = worker.call("fork", &()).unwrap();
    let pid = worker.pid();
    assert!(runs(pid) && runs(grandchild));
    // The grandchild holds the channel and stderr, so neither ends by itself.
    let error = worker.call::<_, Value>("exit", &3).unwrap_err();
    assert!(matches!(error, ProcessError::Died { exit: Exit::Code(3), doom: None, sent: true, .. }), "{error}");
    drop(worker);
    until(|| pool.stats().destroyed.total() == 1);
    assert!(!is_known(pid));
    until(|| !runs(grandchild));
    closes_balanced(&pool);
}

#[test]
fn the_error_says_how_the_worker_ended_and_what_it_said_last() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).max_size(1).build().unwrap();
    let died = |operation: &str, arguments: i32| {
        let mut worker = pool.checkout().unwrap();
        let _: i32 = worker.call("stderr", &3).unwrap();
        match worker.call::<_, Value>(operation, &arguments).unwrap_err() {
            ProcessError::Died { exit, words, .. } => (exit, words.as_str().to_owned()),
            other => panic!("{other}"),
        }
    };
    assert_eq!(died("exit", 7), (Exit::Code(7), "xxxthe end".to_owned()));
    assert_eq!(died("exit", 0).0, Exit::Code(0));
    // Where cores go somewhere, it has left one.
    assert!(matches!(died("kill", 11).0, Exit::Signal { number: 11, .. }));
    assert!(matches!(died("kill", 9).0, Exit::Signal { number: 9, .. } | Exit::LikelyOutOfMemory));
    closes_balanced(&pool);
}

#[test]
fn well_workers_are_asked_to_stop_and_do_all_at_once() {
    if !has_python() {
        return;
    }
    // Nothing but the request to stop ends these in time, for they take no SIGTERM; and one after another they would take longer.
    let slow = python(&STUBBORN.replace("serve()", "import atexit\natexit.register(lambda: time.sleep(1.5))\nserve()"));
    let slow = slow.stop_within(Duration::from_secs(60)).grace(Duration::from_secs(60));
    let pool = pool_of(slow).max_size(4).create_parallelism(4).build().unwrap();
    drop([(); 4].map(|()| pool.checkout().unwrap()));
    let began = Instant::now();
    closes_balanced(&pool);
    assert!(began.elapsed() < Duration::from_millis(5_900), "{:?}", began.elapsed());
}

#[test]
fn a_worker_that_was_taken_out_of_its_pool_is_killed_when_it_is_dropped() {
    if !has_python() {
        return;
    }
    let pool: Pool<_> = pool_of(python(STUBBORN)).build().unwrap();
    let mut worker = pool.checkout().unwrap().detach();
    let grandchild: u32 = worker.call("fork", &()).unwrap();
    let pid = worker.pid();
    drop(worker);
    assert!(!is_known(pid));
    until(|| !runs(grandchild));
    closes_balanced(&pool);
}

#[test]
fn dropping_the_last_handle_leaves_nobody() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).max_size(3).build().unwrap();
    let pids: Vec<u32> = {
        let held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
        held.iter().map(|worker| worker.pid()).collect()
    };
    drop(pool);
    // The program may end here, and would take with it who is to end them.
    assert!(!pids.iter().any(|pid| is_known(*pid)), "{pids:?}");
}

/// Promise: no worker can keep its end from coming. Provoked: it leaves its own group, which is empty after that.
#[test]
fn a_worker_that_joins_another_group_ends_like_any_other() {
    if !has_python() {
        return;
    }
    let joins = "
def op_join(args):
    os.setpgid(0, os.getpgid(os.getppid()))
    return os.getpgrp()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
serve()";
    let pool = pool_of(python(joins).grace(Duration::from_millis(50))).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let pid = worker.pid();
    assert_ne!(worker.call::<_, u32>("join", &()).unwrap(), pid);
    let error = worker.call_within::<_, Value>("sleep", &60, Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, ProcessError::Timeout { .. }), "{error}");
    drop(worker);
    until(|| !is_known(pid));
    closes_balanced(&pool);
}
