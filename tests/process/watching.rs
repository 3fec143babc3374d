//! Deaths that nobody asked about, and workers that hang.

use super::logger;
use super::support::{closes_balanced, until};
use super::workers::{has_python, is_known, kill, pool_of, python, server};
use rustix::process::Signal;
use serde_json::Value;
use slackwater::DestroyReason;
use slackwater::process::{Exit, ProcessError};
use std::time::{Duration, Instant};

#[test]
fn a_worker_that_dies_while_it_is_free_is_replaced_before_anybody_has_it() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).max_size(2).check_interval(Duration::from_secs(3_600)).build().unwrap();
    let pids: Vec<u32> = {
        let both = [pool.checkout().unwrap(), pool.checkout().unwrap()];
        both.iter().map(|worker| worker.pid()).collect()
    };
    let began = Instant::now();
    pids.iter().for_each(|pid| kill(*pid, Signal::KILL));
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 2);
    // Not by a check, which comes later.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    until(|| pool.stats().available == 2);
    for _ in 0..20 {
        assert_eq!(pool.checkout().unwrap().call::<_, u32>("echo", &1).unwrap(), 1);
    }
    closes_balanced(&pool);
}

/// Promise: who finds a worker gone that nobody asked anything can read why. Provoked: it writes to stderr, and exits.
#[test]
fn a_worker_that_dies_while_it_is_free_leaves_its_last_words_in_the_log() {
    if !has_python() {
        return;
    }
    logger::listen();
    let script = "ready()\nrequest = asked()\nanswer(request, 1)\nos.write(2, b'no more memory for this')\nos._exit(7)";
    let pool = pool_of(python(script)).name("words").max_size(1).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    assert_eq!(worker.call::<_, u32>("any", &()).unwrap(), 1);
    drop(worker);
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 1);
    let told = || logger::said(|line| line.contains("words") && line.contains("between two"));
    until(|| !told().is_empty());
    let line = told().remove(0);
    assert!(line.contains("exited with code 7") && line.contains("its last words: no more memory for this"), "{line}");
    closes_balanced(&pool);
}

#[test]
fn a_worker_that_dies_in_use_is_told_at_once_and_ended_at_its_return() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let pid = worker.pid();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| worker.call::<_, Value>("sleep", &60));
        std::thread::yield_now();
        kill(pid, Signal::KILL);
        let error = call.join().unwrap().unwrap_err();
        assert!(
            matches!(error, ProcessError::Died { exit: Exit::Signal { number: 9, .. } | Exit::LikelyOutOfMemory, .. }),
            "{error}"
        );
    });
    // Held for longer, it stays nobody else's; its entry is there until it is back.
    assert!(is_known(pid) && pool.stats().destroyed.total() == 0);
    drop(worker);
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 1);
    assert!(!is_known(pid));
    closes_balanced(&pool);
}

#[test]
fn a_request_to_a_worker_that_is_dead_already_was_not_sent() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    kill(worker.pid(), Signal::KILL);
    // Until the watcher has seen it, the request may get into the channel of the dead.
    let mut error = None;
    until(|| format!("{worker:?}").contains("broken: true"));
    error.get_or_insert(worker.call::<_, Value>("echo", &1).unwrap_err());
    let error = error.unwrap();
    assert!(error.was_not_sent() && matches!(error, ProcessError::Died { sent: false, .. }), "{error}");
    drop(worker);
    closes_balanced(&pool);
}

#[test]
fn a_worker_that_hangs_while_it_is_free_fails_its_ping_and_is_replaced() {
    if !has_python() {
        return;
    }
    // Long enough for the healthy one, however busy the machine is.
    let workers = server().ping_timeout(Duration::from_secs(2)).grace(Duration::from_millis(100));
    let pool = pool_of(workers).max_size(2).check_interval(Duration::from_millis(20)).build().unwrap();
    let pid = pool.checkout().unwrap().pid();
    kill(pid, Signal::STOP);
    until(|| !is_known(pid));
    until(|| pool.stats().destroyed.by(DestroyReason::CheckFailed) >= 1);
    until(|| pool.stats().available >= 1);
    closes_balanced(&pool);
}

#[test]
fn pings_pass_and_change_nothing() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).max_size(2).check_interval(Duration::from_millis(5)).build().unwrap();
    until(|| pool.latencies().check.count() >= 10);
    let mut worker = pool.checkout().unwrap();
    assert_eq!((worker.requests(), worker.call::<_, u32>("echo", &1).unwrap(), worker.requests()), (0, 1, 1));
    drop(worker);
    closes_balanced(&pool);
    assert_eq!(pool.stats().destroyed.total(), pool.stats().destroyed.by(DestroyReason::Closed));
}
