//! Workers that are replaced after so many requests, under load: what callers see of it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use slackwater::{DestroyReason, Pool};

use crate::harness::Bound::{AtLeast, AtMost};
use crate::harness::{Options, Table, Wanted};
use crate::load::{ECHO, Seen, ask};
use crate::look;
use crate::workers::{mark, running};

const WORKERS: usize = 4;

pub fn measure(options: &Options, wanted: &mut Wanted) {
    let mark = mark("recycling");
    let manager = running("serve()", &mark).max_requests(200).build().expect("settings");
    let pool = Pool::builder(manager).max_size(WORKERS).build().expect("a pool");
    let over = AtomicBool::new(false);
    let mut seen = Seen::new();
    let mut fewest = WORKERS;
    thread::scope(|scope| {
        let callers: Vec<_> = (1..=3)
            .map(|caller| {
                scope.spawn({
                    let (pool, over) = (&pool, &over);
                    move || ask(pool, caller, over, &ECHO)
                })
            })
            .collect();
        let span = options.lap * 2 * options.rounds as u32;
        let _ = look::wait(span.min(Duration::from_secs(6)), || {
            let stats = pool.stats();
            if stats.settled {
                fewest = fewest.min(stats.available + stats.in_use);
            }
            false
        });
        over.store(true, Relaxed);
        callers.into_iter().for_each(|caller| seen.add(caller.join().expect("no panic")));
    });
    let recycled = pool.stats().destroyed.by(DestroyReason::Worn);
    assert!(pool.close(Duration::from_secs(20)).is_complete());
    let mut table = Table::new("Workers replaced after 200 requests", &["what", "figure"]);
    let mut row = |what: &str, figure: String| table.row(vec![what.to_owned(), figure]);
    row("requests", (seen.answered + seen.told).to_string());
    row("workers replaced", recycled.to_string());
    row("fewest in service", fewest.to_string());
    table.print();
    if recycled == 0 {
        println!("none was replaced: too short a run to say anything");
        return;
    }
    wanted.add("calls lost to recycling", (seen.told + seen.again + seen.lost + seen.wrong) as f64, "", AtMost(0.0));
    wanted.add("fewest workers in service while they are recycled", fewest as f64, "", AtLeast(WORKERS as f64));
}
