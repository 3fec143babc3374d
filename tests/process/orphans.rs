//! What is left when the program is killed that started the workers.

use super::support::{closes_balanced, until};
use super::workers::{has_python, is_known, pool_of, runs, server};
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Set where this test is the program that is to be killed.
const IS_VICTIM: &str = "SLACKWATER_TEST_VICTIM";

#[test]
fn a_program_that_is_killed_leaves_nobody() {
    if !has_python() {
        return;
    }
    if env::var_os(IS_VICTIM).is_some() {
        return be_the_victim();
    }
    let mut victim = Command::new(env::current_exe().unwrap());
    victim.args(["orphans::a_program_that_is_killed_leaves_nobody", "--exact", "--nocapture"]).env(IS_VICTIM, "1");
    let mut victim = Victim(victim.stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(victim.0.stdout.take().unwrap()).lines();
    let told =
        lines.map_while(Result::ok).find_map(|line| line.split_once("left behind: ").map(|(_, pids)| pids.to_owned()));
    let pids: Vec<u32> = told.unwrap().split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 4);
    assert!(pids.iter().all(|pid| runs(*pid)));
    // SIGKILL: it cannot do anything about it.
    drop(victim);
    until(|| !pids.iter().any(|pid| runs(*pid)));
}

/// Killed and waited for, however the test ends.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two workers, each with a process of its own, and nothing that ends them.
fn be_the_victim() {
    let pool = pool_of(server()).max_size(2).build().unwrap();
    let mut held = [pool.checkout().unwrap(), pool.checkout().unwrap()];
    let pids = held.each_mut().map(|worker| {
        let grandchild: u32 = worker.call("fork", &()).unwrap();
        format!("{} {grandchild}", worker.pid())
    });
    println!("left behind: {}", pids.join(" "));
    std::thread::park();
}

/// Promise: where orphans come to this process, as to the first one of a container, none is left as a zombie. Provoked: it asks for
/// them; in a program of its own, for the tests beside this one would lose theirs.
#[cfg(target_os = "linux")]
#[test]
fn who_takes_in_orphans_is_left_with_no_dead_ones() {
    if !has_python() {
        return;
    }
    if env::var_os(IS_VICTIM).is_some() {
        return take_in_orphans();
    }
    let mut program = Command::new(env::current_exe().unwrap());
    program.args(["orphans::who_takes_in_orphans_is_left_with_no_dead_ones", "--exact"]).env(IS_VICTIM, "1");
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[cfg(target_os = "linux")]
fn take_in_orphans() {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let pool = pool_of(server()).max_size(1).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let grandchildren: Vec<u32> = (0..3).map(|_| worker.call("fork", &()).unwrap()).collect();
    drop(worker);
    closes_balanced(&pool);
    assert!(!grandchildren.iter().any(|pid| is_known(*pid)), "{grandchildren:?}");
}
