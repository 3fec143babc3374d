//! What is left when the program is killed that started the workers.

use super::support::until;
use super::workers::{has_python, pool_of, runs, server};
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

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
    let mut victim = victim.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let told =
        lines.map_while(Result::ok).find_map(|line| line.split_once("left behind: ").map(|(_, pids)| pids.to_owned()));
    let pids: Vec<u32> = told.unwrap().split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 4);
    assert!(pids.iter().all(|pid| runs(*pid)));
    // SIGKILL: it cannot do anything about it.
    victim.kill().unwrap();
    victim.wait().unwrap();
    until(|| !pids.iter().any(|pid| runs(*pid)));
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
