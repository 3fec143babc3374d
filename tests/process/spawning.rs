//! What a worker is started with, and what it is kept from.

use super::support::{closes_balanced, until};
use super::workers::{has_python, pool_of, python, runs, server};
use serde_json::Value;
use slackwater::process::{ProcessError, ProcessManager};
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn the_environment_is_empty_but_for_what_was_listed() {
    if !has_python() {
        return;
    }
    // What is set wins over what is let through, and what is not set here is not set there.
    let workers =
        server().env("MINE", "1").env("HOME", "/nowhere").inherit("PATH").inherit("HOME").inherit("NO_SUCH_VARIABLE");
    let pool = pool_of(workers).build().unwrap();
    let mut environment: BTreeMap<String, String> = pool.checkout().unwrap().call("environment", &()).unwrap();
    // Python sets this one itself.
    environment.remove("LC_CTYPE");
    let names: Vec<_> = environment.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["HOME", "MINE", "PATH", "SLACKWATER_CODEC", "SLACKWATER_IN", "SLACKWATER_MAX_FRAME", "SLACKWATER_OUT"]
    );
    assert_eq!((environment["MINE"].as_str(), environment["HOME"].as_str()), ("1", "/nowhere"));
    closes_balanced(&pool);
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_has_no_descriptors_but_its_own() {
    if !has_python() {
        return;
    }
    // One that the program it starts would have, if nobody saw to it.
    let ours = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::empty()).unwrap();
    let pool = pool_of(server()).max_size(3).build().unwrap();
    let workers: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
    for mut worker in workers {
        let environment: BTreeMap<String, String> = worker.call("environment", &()).unwrap();
        let mut own = vec![0, 1, 2];
        own.extend(["SLACKWATER_IN", "SLACKWATER_OUT"].map(|name| environment[name].parse::<i32>().unwrap()));
        own.sort_unstable();
        assert_eq!(worker.call::<_, Vec<i32>>("descriptors", &()).unwrap(), own);
    }
    closes_balanced(&pool);
}

#[test]
fn a_worker_leads_a_group_of_its_own() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    assert_eq!(worker.call::<_, u32>("group", &()).unwrap(), worker.pid());
    drop(worker);
    closes_balanced(&pool);
}

#[test]
fn what_is_printed_is_no_answer_and_a_flood_on_stderr_holds_up_nobody() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server().stderr_tail(100)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let _: Value = worker.call("print", "{\"id\":2,\"epoch\":1,\"ok\":0}").unwrap();
    // More than any pipe holds.
    assert_eq!(worker.call::<_, u32>("stderr", &(3 << 20)).unwrap(), 3 << 20);
    let error = worker.call::<_, Value>("exit", &1).unwrap_err();
    let ProcessError::Died { words, .. } = &error else { panic!("{error}") };
    assert!(words.as_str().ends_with("xxxthe end") && words.as_str().len() < 200, "{words}");
    drop(worker);
    closes_balanced(&pool);
}

#[test]
fn workers_outlive_the_thread_that_asked_for_them() {
    if !has_python() {
        return;
    }
    // Their parent's death would be told to them when the thread ends that started them.
    let pool = std::thread::spawn(|| pool_of(server()).max_size(2).build().unwrap()).join().unwrap();
    let pid = std::thread::scope(|scope| scope.spawn(|| pool.checkout().unwrap().pid()).join().unwrap());
    for _ in 0..20 {
        assert!(runs(pid));
        let _: u32 = pool.checkout().unwrap().call("echo", &1).unwrap();
    }
    assert_eq!(pool.stats().destroyed.total(), 0);
    closes_balanced(&pool);
}

#[test]
fn the_directory_is_the_one_that_was_set() {
    if !has_python() {
        return;
    }
    let pool =
        pool_of(python("globals()['op_where'] = lambda args: os.getcwd()\nserve()").directory("/")).build().unwrap();
    assert_eq!(pool.checkout().unwrap().call::<_, String>("where", &()).unwrap(), "/");
    closes_balanced(&pool);
}

#[test]
fn settings_are_refused_by_name() {
    let sh = || ProcessManager::builder("sh");
    let field = |builder: slackwater::process::ProcessBuilder| builder.build().unwrap_err().field;
    assert_eq!(field(ProcessManager::builder("no-such-program-anywhere")), "program");
    assert_eq!(field(ProcessManager::builder("/etc/passwd")), "program");
    assert_eq!(field(sh().env("A=B", "1")), "env");
    assert_eq!(field(sh().env("SLACKWATER_IN", "3")), "env");
    assert_eq!(field(sh().inherit("SLACKWATER_IN")), "inherit");
    assert_eq!(field(sh().arg("a\0b")), "args");
    assert_eq!(field(sh().directory("/no/such/place")), "directory");
    assert_eq!(field(sh().ready_within(Duration::ZERO)), "ready_within");
    assert_eq!(field(sh().request_timeout(Duration::MAX)), "request_timeout");
    assert_eq!(field(sh().max_frame(3)), "max_frame");
    assert_eq!(field(sh().max_requests(0)), "max_requests");
    assert_eq!(field(sh().grace(Duration::MAX)), "grace");
    assert_eq!(field(sh().max_processes(0)), "max_processes");
    assert_eq!(field(sh().recycle_above(10).memory_limit(10)), "recycle_above");
    assert!(sh().build().is_ok());
}

/// A pool that is closed while its workers start has them ended like any other.
#[test]
fn closing_while_workers_start_leaves_nobody() {
    if !has_python() {
        return;
    }
    let place = std::env::temp_dir().join(format!("slackwater-starting-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir(&place).unwrap();
    let (note, gate) = (place.join("note"), place.join("gate"));
    // It is ready once the gate is there, which is not before the pool is closed.
    let slow = format!(
        "open({:?}, 'w').write(str(os.getpid()))\nwhile not os.path.exists({:?}): time.sleep(0.005)\nserve()",
        note.display().to_string(),
        gate.display().to_string()
    );
    let pool = pool_of(python(&slow)).min_idle(0).build().unwrap();
    let began = || std::fs::read_to_string(&note).ok().and_then(|text| text.parse::<u32>().ok());
    std::thread::scope(|scope| {
        scope.spawn(|| pool.checkout().map(|worker| worker.pid()).unwrap_err());
        until(|| began().is_some());
        scope.spawn(|| {
            until(|| pool.is_closed());
            std::fs::write(&gate, "").unwrap();
        });
        closes_balanced(&pool);
    });
    assert!(!runs(began().unwrap()));
    let _ = std::fs::remove_dir_all(&place);
}
