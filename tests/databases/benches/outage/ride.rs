//! One outage, and what it was to the callers.

use crate::harness::Rounds;
use crate::lenders::{Lender, SIZE};
use slackwater_databases::{Answer, Lost, Server, under_load, until};
use std::thread;
use std::time::{Duration, Instant};

const CALLERS: usize = 16;
/// Callers in calm weather, who do nothing but ask.
const BUSY: usize = 4;
/// How long a pool may take to be whole again before it counts as never.
const NEVER: Duration = Duration::from_secs(8);

/// What an outage was to the callers; times in milliseconds.
#[derive(Default)]
pub struct Figures {
    pub first_error: Rounds,
    pub first_refusal: Rounds,
    pub longest_wait: Rounds,
    pub recovery: Rounds,
    pub whole: Rounds,
    pub on_dead: Rounds,
    pub refused_down: Rounds,
    pub refused_late: Rounds,
    pub untold: Rounds,
    /// Requests a second in calm weather.
    pub served: Rounds,
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Kills the server, has it gone for `down`, and starts it again.
pub fn outage(server: &mut Server, lender: &dyn Lender, down: Duration, figures: &mut Figures) {
    until("the pool is full", || lender.idle() == SIZE);
    let (answers, (killed, back)) = under_load(
        CALLERS,
        || lender.ask(),
        |load| {
            load.until_served(Instant::now(), 20 * CALLERS);
            let killed = Instant::now();
            server.kill();
            thread::sleep(down);
            server.restart();
            let back = Instant::now();
            // Whoever takes a while still has requests under way from before: they are its own.
            let is_over = || load.count(back, |answer| answer.outcome.is_ok()) >= 20 * CALLERS;
            while !is_over() && back.elapsed() < NEVER {
                thread::sleep(Duration::from_millis(1));
            }
            (killed, back)
        },
    );
    let began_whole = Instant::now();
    while lender.idle() < SIZE && began_whole.elapsed() < NEVER {
        thread::sleep(Duration::from_millis(1));
    }
    let whole_after = back.elapsed();
    let since = |time: Instant| milliseconds(time.saturating_duration_since(killed));
    let lost = || answers.iter().filter(|answer| answer.answered >= killed && answer.outcome.is_err());
    let refused = || lost().filter(|answer| matches!(answer.outcome, Err(Lost::NoConnection(_))));
    let first = lost().map(|answer| since(answer.answered)).next();
    let first_refused = refused().map(|answer| since(answer.answered)).next();
    figures.first_error.push(first.unwrap_or(milliseconds(NEVER)));
    figures.first_refusal.push(first_refused.unwrap_or(milliseconds(NEVER)));
    let during = answers.iter().filter(|answer| answer.answered >= killed && answer.asked < back);
    figures.longest_wait.push(during.map(|answer| milliseconds(answer.took())).fold(0.0, f64::max));
    let served = answers.iter().find(|answer| answer.answered >= back && answer.outcome.is_ok());
    figures.recovery.push(served.map_or(milliseconds(NEVER), |answer| milliseconds(answer.answered - back)));
    figures.whole.push(milliseconds(whole_after));
    figures.on_dead.push(lost().count() as f64 - refused().count() as f64);
    figures.refused_down.push(refused().filter(|answer| answer.answered <= back).count() as f64);
    figures.refused_late.push(refused().filter(|answer| answer.answered > back).count() as f64);
    let names_the_cause =
        |text: &str| ["refused", "reset", "the database system is", "closed"].iter().any(|it| text.contains(it));
    let untold = |answer: &&Answer| match &answer.outcome {
        Err(Lost::NoConnection(text)) => !names_the_cause(text),
        _ => false,
    };
    figures.untold.push(refused().filter(untold).count() as f64);
}

/// Requests a second of a few callers that do nothing else.
pub fn calm(lender: &dyn Lender, lap: Duration) -> f64 {
    let began = Instant::now();
    let all: usize = thread::scope(|scope| {
        let ask = || {
            let mut served = 0;
            while began.elapsed() < lap {
                lender.ask().expect("nothing is wrong with the server");
                served += 1;
            }
            served
        };
        let threads: Vec<_> = (0..BUSY).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("it counts")).sum()
    });
    all as f64 / began.elapsed().as_secs_f64()
}
