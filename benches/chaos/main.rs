//! A backend that refuses, hangs, dawdles and loses connections, and what reaches the callers of a pool in front of it.
//!
//! What a sceptic may ask:
//!
//! - *Do both pools meet the same?* The same backend code, driver timeouts, sizes, patience, retries and plan, blow by blow. Not
//!   the same victims: a blow strikes one of whoever lives, and who lives is the pool's doing.
//! - *Is r2d2 held back?* It has a thread per connection, so that one connect that hangs holds up no other; its pause after a
//!   failed connect, which grows with its `connection_timeout`, is as short as callers this impatient make it; and it runs both
//!   with its test on checkout and without.
//! - *Callers that wait long ask little. Does that not hide failures?* It does, in any share of requests. Hence the time in
//!   which nobody got an answer although the backend served, which weighs them all alike.
//! - *Who says when capacity is back?* The backend: it counts living connections, whatever a pool believes.
//! - *A connection that is killed in a caller's hands?* The request is sent once more, as for any dead connection. Only if that
//!   one too is killed in its hands does the request not count.

mod backend;
mod callers;
mod contestants;
mod down;
#[path = "../harness/mod.rs"]
mod harness;
mod noise;
mod overload;
mod plan;
mod processor;
mod record;
mod report;
mod ride;
mod timeline;

use std::env;
use std::process::exit;
use std::time::Duration;

use contestants::{Contestant, IN_DOWN, IN_OVERLOAD, IN_PLAN};
use harness::{About, Bound, Neighbours, Options, Progress, Verdicts, describe_machine, number};
use plan::Plan;

const ABOUT: About = About {
    name: "chaos",
    text: "\
Two pools in front of one backend that refuses, hangs, answers slowly and loses connections, by a plan that a seed decides:
the same for each, run one after the other. 16 callers, 8 connections, 250 ms of patience, one more try where a connection
turns out dead. Then the backend is merely gone, under 1 caller and under 64; then it is there, and overloaded.

A request counts for availability if a healthy resource could have served it:
- the backend served from its issue on for as long as two tries take that connect first, and 50 ms more,
- and its pool had a living connection at its issue, or had had 500 ms since the last outage to make one,
- and it did not lose its last connection while it had it in hand.
The other two shares, of all requests and of those issued while the backend served, are printed with it.

How long capacity is missing is the backend's own reckoning: it knows who lives. A round is a second of the plan, about.
Filters are plan, down, overload and the contestants' names. Options of this bench:

--seed N       decides the plan, and what each caller thinks between its requests
--seconds N    the same as --rounds N
",
    full: (10, Duration::from_secs(1)),
    quick: (4, Duration::from_secs(1)),
    smoke: (1, Duration::from_millis(300)),
};

const SEED: u64 = 2_026;

/// How long the backend is down, and overloaded, in rounds.
const DOWN: f64 = 0.15;
const OVERLOAD: f64 = 0.15;

fn main() {
    let (options, seed) = arguments();
    let length = options.rounds as u32 * options.lap;
    let plan = Plan::drawn(seed, length);
    println!("{}", describe_machine());
    println!("plan of seed {seed}: {plan}");
    println!("{}", contestants::SETTINGS);
    let neighbours = Neighbours::watch();
    let laps = IN_PLAN.len() + 2 * IN_DOWN.len() + IN_OVERLOAD.len();
    let mut progress = Progress::of(laps);
    let mut lap = |scenario: &str, contestant: &Contestant, run: &mut dyn FnMut()| {
        let name = format!("{scenario}: {}", contestant.name);
        if options.asks_for(&name) {
            run();
        }
        progress.step(&name);
    };
    let (mut rides, mut downs, mut overloads) = (Vec::new(), Vec::new(), Vec::new());
    for each in &IN_PLAN {
        lap("plan", each, &mut || rides.push(ride::run(each, &plan, seed)));
    }
    for (each, callers) in IN_DOWN.iter().flat_map(|each| [(each, down::FEW), (each, down::MANY)]) {
        lap("down", each, &mut || downs.push(down::run(each, callers, length.mul_f64(DOWN), seed)));
    }
    for each in &IN_OVERLOAD {
        lap("overload", each, &mut || overloads.push(overload::run(each, length.mul_f64(OVERLOAD), seed)));
    }
    progress.finish();

    if !rides.is_empty() {
        timeline::print(&plan, &rides);
        report::print(&rides);
    }
    down::print(&downs);
    overload::print(&overloads);
    println!("\n{}", neighbours.describe());
    let mut verdicts = Verdicts::default();
    report::judge(&rides, &mut verdicts);
    report::judge_downs(&downs, &mut verdicts);
    overload::judge(&overloads, &mut verdicts);
    let mistakes = rides.iter().flat_map(|ride| &ride.mistakes);
    let mistakes = mistakes.chain(downs.iter().flat_map(|down| &down.mistakes));
    let mistakes = mistakes.chain(overloads.iter().flat_map(|overload| &overload.mistakes));
    let count = mistakes.inspect(|mistake| println!("does not add up: {mistake}")).count();
    verdicts.wanted("entries that do not add up at the end", count as f64, "", Bound::AtMost(0.0));
    exit(verdicts.status(options.gate).into());
}

/// The shared options, and the seed.
fn arguments() -> (Options, u64) {
    let (mut seed, mut shared) = (SEED, Vec::new());
    let mut given = env::args().skip(1);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--seed" => seed = number(&ABOUT, &argument, given.next()),
            "--seconds" => shared.push("--rounds".to_owned()),
            _ => shared.push(argument),
        }
    }
    (Options::from_these(&ABOUT, shared.into_iter()), seed)
}
