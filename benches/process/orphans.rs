//! What is left when a program is killed that has workers, looked at from outside.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slackwater::Pool;

use crate::harness::Bound::AtMost;
use crate::harness::{Options, Rounds, Table, Wanted};
use crate::look;
use crate::workers::{mark, running};

/// Set where this program is the one that is to be killed, to the mark of its workers.
pub const IS_VICTIM: &str = "SLACK_BENCH_VICTIM";

const WORKERS: usize = 8;

pub fn measure(options: &Options, wanted: &mut Wanted) {
    let (mut times, mut left, mut helpers) = (Rounds::default(), 0, 0);
    let kills = options.rounds.min(5);
    for kill in 0..kills {
        let mark = format!("{}-{kill}", mark("orphans"));
        let mut victim = Command::new(env::current_exe().expect("this program"));
        let mut victim = victim.env(IS_VICTIM, &mark).stdout(Stdio::piped()).spawn().expect("this program again");
        let mut lines = BufReader::new(victim.stdout.take().expect("piped")).lines();
        let is_ready = |line: std::io::Result<String>| line.is_ok_and(|line| line == "ready");
        assert!(lines.any(is_ready), "it says that it has its workers");
        let children: Vec<u32> =
            look::all().iter().filter(|one| one.parent == victim.id()).map(|one| one.pid).collect();
        assert_eq!(look::marked(&mark).len(), 2 * WORKERS, "each with a process of its own");
        let began = Instant::now();
        victim.kill().expect("it is ours");
        let gone = look::wait(Duration::from_secs(10), || look::marked(&mark).is_empty());
        times.push(gone.map_or(f64::NAN, |_| began.elapsed().as_secs_f64() * 1e3));
        left += look::marked(&mark).len();
        victim.wait().expect("it is dead");
        // The guardian too.
        let alive = || look::all().iter().filter(|one| !one.is_dead && children.contains(&one.pid)).count();
        look::wait(Duration::from_secs(5), || alive() == 0);
        helpers += alive();
    }
    let mut table = Table::new(
        format!("A program with {WORKERS} workers, each with a process of its own, killed with SIGKILL {kills} times"),
        &["what", "figure"],
    );
    table.row(vec!["all gone after, median, ms".to_owned(), format!("{:.1}", times.median())]);
    table.row(vec!["all gone after, most, ms".to_owned(), format!("{:.1}", times.greatest())]);
    table.print();
    wanted.add("processes left after SIGKILL of the program", left as f64, "", AtMost(0.0));
    wanted.add("guardians left after it", helpers as f64, "", AtMost(0.0));
}

/// Has workers that have started something each, under load, until it is killed.
pub fn be_the_victim(mark: &str) -> ! {
    let manager = running("serve()", mark).build().expect("settings");
    let pool = Pool::builder(manager).max_size(WORKERS).create_parallelism(WORKERS).build().expect("a pool");
    let mut held: Vec<_> = (0..WORKERS).map(|_| pool.checkout().expect("a worker")).collect();
    for worker in &mut held {
        let _: u64 = worker.call("fork", &()).expect("it starts one");
    }
    drop(held);
    println!("ready");
    loop {
        let _ = pool.checkout().map(|mut worker| worker.call::<_, u64>("echo", &1));
    }
}
