//! A worker that misbehaves: what its caller is told, how soon, and what is left of it.

use std::time::{Duration, Instant};

use slackwater::Pool;
use slackwater::process::{Doom, ProcessError};

use crate::harness::Bound::AtMost;
use crate::harness::{Options, Table, Wanted};
use crate::look;
use crate::workers::{mark, running};

/// Processes that a worker may have, itself included.
const PROCESSES: u32 = 20;

/// What it is asked, with what, and what is to come of it.
const CASES: [(&str, u64, &str); 5] = [
    ("flood", 4 << 20, "answer"),
    ("noise", 1 << 20, "answer"),
    ("die_with_a_grandchild", 0, "Died"),
    ("hang", 0, "Timeout"),
    ("bomb", 0, "TooManyProcesses"),
];

pub fn measure(_: &Options, wanted: &mut Wanted) {
    let mark = mark("misbehaviour");
    let manager = running("serve()", &mark).max_processes(PROCESSES).build().expect("settings");
    let pool = Pool::builder(manager).max_size(2).build().expect("a pool");
    let mut table =
        Table::new("Misbehaviour", &["told to", "comes of it", "after, ms", "gone after, ms", "members then"]);
    let (mut wrong, mut left, mut slowest) = (0, 0, 0.0_f64);
    for (operation, argument, expected) in CASES {
        let mut worker = pool.checkout().expect("a worker");
        let group = worker.pid();
        let began = Instant::now();
        let outcome = std::thread::scope(|scope| {
            let call = scope.spawn(|| worker.call_within::<_, u64>(operation, &argument, limit(operation)));
            call.join().expect("no panic")
        });
        let told = began.elapsed();
        let is = match &outcome {
            Ok(_) => "answer",
            Err(ProcessError::Died { doom: Some(Doom::TooManyProcesses { .. }), .. }) => "TooManyProcesses",
            Err(ProcessError::Died { .. }) => "Died",
            Err(ProcessError::Timeout { .. }) => "Timeout",
            Err(_) => "another error",
        };
        let seen = look::members(group);
        wrong += usize::from(is != expected);
        let began = Instant::now();
        let is_well = outcome.is_ok();
        drop(worker);
        let gone = if is_well {
            Some(Duration::ZERO)
        } else {
            look::wait(Duration::from_secs(10), || look::members(group) == 0)
        };
        left += if is_well { 0 } else { look::members(group) };
        if let (Some(_), false) = (gone, is_well) {
            slowest = slowest.max(began.elapsed().as_secs_f64() * 1e3);
        }
        let millis = |span: Duration| format!("{:.1}", span.as_secs_f64() * 1e3);
        table.row(vec![
            operation.to_owned(),
            is.to_owned(),
            millis(told),
            gone.map_or("never".to_owned(), millis),
            seen.to_string(),
        ]);
        assert!(pool.checkout().expect("a worker").call::<_, u64>("echo", &1).is_ok(), "the pool goes on");
    }
    assert!(pool.close(Duration::from_secs(20)).is_complete());
    table.print();
    wanted.add("misbehaviour with another outcome than its own", wrong as f64, "", AtMost(0.0));
    wanted.add("processes left of misbehaving groups", left as f64, "", AtMost(0.0));
    wanted.add("workers left after the close", look::marked(&mark).len() as f64, "", AtMost(0.0));
}

fn limit(operation: &str) -> Duration {
    if operation == "hang" { Duration::from_millis(100) } else { Duration::from_secs(10) }
}
