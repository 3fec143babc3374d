//! What a worker's group may have, and workers that are replaced in time.
#![cfg(target_os = "linux")]

use super::skipped::skipped;
use super::support::{closes_balanced, until};
use super::workers::{has_python, pool_of, python, runs, server};
use serde_json::Value;
use slackwater::process::{Doom, Exit, ProcessBuilder, ProcessError};
use slackwater::{DestroyReason, Manager, Severity};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

#[test]
fn a_group_that_takes_too_much_memory_is_killed_and_the_error_says_why() {
    if !has_python() {
        return;
    }
    // It may be weighed while it grows, so it does so in the request that it dies in.
    let grows = python("def op_grow_on(args): op_grow(args); time.sleep(60)\nserve()");
    let pool = pool_of(grows.memory_limit(150 * MIB)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let pid = worker.pid();
    let error = worker.call::<_, Value>("grow_on", &(200 * MIB)).unwrap_err();
    let ProcessError::Died { exit: Exit::Ended { number: 9 }, doom: Some(Doom::TooMuchMemory { seen, limit }), .. } =
        error
    else {
        panic!("{error}")
    };
    assert!(seen > limit && limit == 150 * MIB, "{seen} {limit}");
    drop(worker);
    until(|| !runs(pid));
    closes_balanced(&pool);
}

/// No worker can be made by it, for good, as each has more than 150 MiB.
#[track_caller]
fn is_too_heavy(builder: ProcessBuilder) {
    let manager = builder.build().unwrap();
    let error = manager.create().unwrap_err();
    // The watcher may have seen it on its way there.
    assert!(matches!(error, ProcessError::TooHeavy { weight, limit: 0x960_0000 } if weight > 150 * MIB), "{error}");
    assert!(error.was_not_sent());
    assert_eq!(manager.classify(&error), Severity::Permanent);
}

#[test]
fn a_limit_that_a_new_worker_exceeds_is_refused_and_not_tried_for_ever() {
    if !has_python() {
        return;
    }
    is_too_heavy(python("kept = b'x' * (200 << 20)\nserve()").memory_limit(150 * MIB));
}

/// Promise: so is one above the size at which it would be replaced. Provoked: replaced it would be by its like, and that again.
#[test]
fn a_size_for_replacement_that_a_new_worker_exceeds_is_refused_too() {
    if !has_python() {
        return;
    }
    is_too_heavy(python("kept = b'x' * (200 << 20)\nserve()").recycle_above(150 * MIB));
}

/// Promise: the same of one that is too heavy long before it is ready. Provoked: it takes its time after it has grown.
#[test]
fn a_worker_that_is_too_heavy_before_it_is_ready_is_refused_the_same_way() {
    if !has_python() {
        return;
    }
    is_too_heavy(python("kept = b'x' * (200 << 20)\ntime.sleep(60)").memory_limit(150 * MIB));
}

#[test]
fn a_worker_that_has_grown_is_replaced_while_calls_go_on() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server().recycle_above(100 * MIB)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let pid = worker.pid();
    let _: u64 = worker.call("grow", &(150 * MIB)).unwrap();
    drop(worker);
    let mut served = BTreeSet::new();
    until(|| {
        served_by(&pool);
        pool.stats().destroyed.by(DestroyReason::Worn) == 1
    });
    served.insert(served_by(&pool));
    assert!(!served.contains(&pid) && !runs(pid));
    closes_balanced(&pool);
}

fn served_by(pool: &slackwater::Pool<slackwater::process::ProcessManager>) -> u32 {
    pool.checkout().unwrap().call("pid", &()).unwrap()
}

#[test]
fn workers_are_replaced_after_so_many_requests_one_at_a_time_and_no_call_is_lost() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server().max_requests(20)).max_size(3).build().unwrap();
    let mut served = BTreeSet::new();
    let began = Instant::now();
    while served.len() < 8 {
        assert!(began.elapsed() < Duration::from_secs(30), "{served:?}");
        served.insert(served_by(&pool));
        let stats = pool.stats();
        // Successors first: three are always there for callers, those in use included, and never more than one beside.
        assert!(stats.available + stats.in_use >= 3 || !stats.settled, "{stats:?}");
        assert!(stats.total <= 4 || !stats.settled, "{stats:?}");
    }
    assert_eq!(pool.stats().destroyed.total(), pool.stats().destroyed.by(DestroyReason::Worn));
    closes_balanced(&pool);
}

#[test]
fn a_fork_bomb_is_killed_with_all_its_members() {
    if !has_python() {
        return;
    }
    let bomb = "
def op_bomb(args):
    import mmap
    # Each takes a number of its own from what all share: it goes off like any bomb, and stops itself at 200, for who runs beside it.
    made = mmap.mmap(-1, 256)
    for number in range(200):
        if made[number]:
            continue
        made[number] = 1
        try:
            if os.fork() == 0:
                time.sleep(0.001)
        except OSError:
            time.sleep(0.01)
    time.sleep(60)
serve()";
    let pool = pool_of(python(bomb).max_processes(20)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let pid = worker.pid();
    let error = worker.call_within::<_, Value>("bomb", &(), Duration::from_secs(30)).unwrap_err();
    let ProcessError::Died { doom: Some(Doom::TooManyProcesses { seen, limit: 20 }), .. } = error else {
        panic!("{error}")
    };
    assert!(seen > 20);
    drop(worker);
    until(|| pool.stats().destroyed.by(DestroyReason::Broken) == 1);
    until(|| !group_has_members(pid));
    closes_balanced(&pool);
}

/// A memory group of the system's, gone at the end of its test.
struct MemoryGroup(std::path::PathBuf);

impl MemoryGroup {
    /// One of `bytes`, where the system lets this process make one.
    fn new(bytes: u64) -> Option<Self> {
        let path = format!("/sys/fs/cgroup/memory/slackwater-test-{}", std::process::id());
        std::fs::create_dir(&path).ok()?;
        let group = Self(path.into());
        std::fs::write(group.0.join("memory.limit_in_bytes"), bytes.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn who_is_killed_for_lack_of_memory_is_told_so() {
    if !has_python() {
        return;
    }
    let Some(group) = MemoryGroup::new(60 * MIB) else {
        return skipped("no memory group can be made here, so nobody runs out of memory");
    };
    let confined = "
def op_confine(args):
    with open(args, 'w') as procs:
        procs.write(str(os.getpid()))
serve()";
    let pool = pool_of(python(confined)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let _: Value = worker.call("confine", &group.0.join("cgroup.procs")).unwrap();
    let error = worker.call::<_, Value>("grow", &(200 * MIB)).unwrap_err();
    assert!(matches!(error, ProcessError::Died { exit: Exit::LikelyOutOfMemory, doom: None, .. }), "{error}");
    assert!(error.to_string().contains("for lack of memory"), "{error}");
    drop(worker);
    closes_balanced(&pool);
}

fn group_has_members(group: u32) -> bool {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let fields = stats.filter_map(|stat| Some(stat.rsplit_once(") ")?.1.to_owned()));
    fields.into_iter().any(|after| {
        let fields: Vec<_> = after.split(' ').collect();
        fields[0] != "Z" && fields[2] == group.to_string()
    })
}

#[test]
fn the_pool_weighs_groups_so_its_own_limits_hold_for_them() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).max_size(1).memory_budget(4 << 30).build().unwrap();
    let before = pool.memory().total;
    assert!(before > MIB, "{before}");
    let mut worker = pool.checkout().unwrap();
    let _: u64 = worker.call("grow", &(50 * MIB)).unwrap();
    drop(worker);
    assert!(pool.memory().total >= before + 49 * MIB, "{} {before}", pool.memory().total);
    closes_balanced(&pool);
}

/// Promise: the weight of what a worker has started is refreshed by asking for it. Provoked: no limit has anybody look.
#[test]
fn what_a_worker_has_started_is_weighed_once_somebody_asks() {
    if !has_python() {
        return;
    }
    let heavy = "
def op_fork_heavy(args):
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        kept = b'x' * args
        os.write(writes, b'1')
        time.sleep(60)
    os.read(reads, 1)
    return pid
serve()";
    let pool = pool_of(python(heavy)).max_size(1).memory_budget(4 << 30).build().unwrap();
    let before = pool.memory().total;
    let _: u32 = pool.checkout().unwrap().call("fork_heavy", &(50 * MIB)).unwrap();
    until(|| {
        drop(pool.checkout().unwrap());
        pool.memory().total >= before + 49 * MIB
    });
    closes_balanced(&pool);
}
