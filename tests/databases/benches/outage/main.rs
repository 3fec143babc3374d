//! Real servers that are killed under load and started again, in front of them this crate's pool and r2d2.
//!
//! What a sceptic may ask:
//!
//! - *Do both meet the same?* The same server, its data, its port, the same manager, size, patience and callers, one after the other,
//!   round after round. "slackwater" is `r2d2::compat` as it comes: a program that changed its `use`.
//! - *Is r2d2 held back?* Its pauses after a failed connect grow with its `connection_timeout`, up to half of it. That is 2 s here, where
//!   its default is 30 s; it runs with its test on checkout, which is its default, and without.
//! - *What is a request lost?* Callers ask again a millisecond later, so who is told early asks, and is refused, more often: refusals
//!   while the server is down are counted apart. What a pool can help is a request that it sent to a dead connection, and one that it
//!   failed although the server was back.

#[path = "../../../../benches/harness/mod.rs"]
mod harness;

mod lenders;
mod report;
mod ride;

use std::process::exit;
use std::time::Duration;

use harness::{About, Neighbours, Options, Verdicts, describe_machine};
use lenders::{CONTESTANTS, DATABASES};
use ride::Figures;

const ABOUT: About = About {
    name: "outage",
    text: "\
A server of PostgreSQL, or Redis, is killed under the load of 16 callers on 8 connections, is down for a lap, and is started
again: with this crate's pool behind r2d2's names, with r2d2's rules, and with r2d2. Callers wait 2 s for a connection.
Filters are postgres, diesel and redis.
",
    full: (3, Duration::from_millis(1500)),
    quick: (1, Duration::from_millis(1500)),
    smoke: (1, Duration::from_millis(100)),
};

fn main() {
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    let neighbours = Neighbours::watch();
    let mut verdicts = Verdicts::default();
    for database in DATABASES.iter().filter(|database| options.asks_for(database.name)) {
        let Some(mut server) = (database.start)() else { continue };
        let mut all: [Figures; CONTESTANTS.len()] = Default::default();
        for _ in 0..options.rounds {
            for (contestant, figures) in CONTESTANTS.iter().zip(&mut all) {
                let lender = (database.pool)(contestant, &server);
                figures.served.push(ride::calm(&*lender, options.lap / 4));
                ride::outage(&mut server, &*lender, options.lap, figures);
            }
        }
        report::print(database.name, &all);
        report::judge(database.name, &all, &mut verdicts);
    }
    println!("\n{}", neighbours.describe());
    exit(verdicts.status(options.gate).into());
}
