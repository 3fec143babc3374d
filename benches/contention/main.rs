//! Many threads on two resources: how much gets through, and how long the unlucky wait, beside strict hand-over and beside
//! what lets running threads overtake waiting ones.

mod contestants;
#[path = "../harness/mod.rs"]
mod harness;
mod holds;
mod laps;
mod peers;
mod quiet;
mod report;

use std::process::exit;
use std::time::Duration;

use contestants::{Contestant, contestants};
use harness::{About, Neighbours, Options, Progress, Verdicts, describe_machine};
use holds::{Hold, Scenario, scenarios};
use quiet::Quiet;
use report::{Figures, judge, print_table};

const ABOUT: About = About {
    name: "contention",
    text: "\
8 and 32 threads on 2 resources, held 0, 2 and 50 us busy and 100 us asleep: checkouts a second, and the wait from calling
to having. slackwater in its default configuration, with strict hand-over and barging, beside r2d2, a channel, and mutex
with condvar. Laps in turn, round after round; figures are medians over the rounds, ratios are medians of each round's
ratio. Where nothing is held, throughput comes from laps of its own that leave the clock alone.
A lap is named like `held 50 us busy, 32 threads: r2d2`.
",
    full: (7, Duration::from_millis(250)),
    quick: (2, Duration::from_millis(60)),
    smoke: (1, Duration::from_millis(2)),
};

fn main() {
    let options = Options::from_arguments(&ABOUT);
    let contestants = contestants();
    let scenarios = scenarios();
    println!("{}", describe_machine());
    println!("{} rounds of laps of {:?}", options.rounds, options.lap);
    let neighbours = Neighbours::watch();
    let (figures, quiet) = measure(&contestants, &scenarios, &options);
    let of = |scenario| -> Vec<&Figures> { figures.iter().filter(|each| each.scenario == scenario).collect() };
    for &scenario in &scenarios {
        print_table(scenario, &of(scenario));
    }
    println!("\n{}; {}", neighbours.describe(), quiet.describe());
    let mut verdicts = Verdicts::default();
    for &scenario in &scenarios {
        judge(scenario, &of(scenario), &mut verdicts);
    }
    exit(verdicts.status(options.gate).into());
}

/// Runs all rounds. Who begins a scenario changes from one round to the next.
fn measure(contestants: &[Contestant], scenarios: &[Scenario], options: &Options) -> (Vec<Figures>, Quiet) {
    let mut figures = Vec::new();
    let mut fields: Vec<(Scenario, Vec<(usize, &Contestant)>)> = Vec::new();
    for &scenario in scenarios {
        let mut field = Vec::new();
        for contestant in contestants {
            if options.asks_for(&format!("{scenario}: {}", contestant.name)) {
                field.push((figures.len(), contestant));
                figures.push(Figures::new(contestant.name, contestant.unfair_peer, scenario));
            }
        }
        fields.push((scenario, field));
    }
    let mut quiet = Quiet::for_laps(options.rounds * figures.len());
    let mut progress = Progress::of(options.rounds * figures.len());
    for round in 0..options.rounds {
        for (scenario, field) in &mut fields {
            for (index, contestant) in field.iter() {
                let recorded = quiet.run(contestant, *scenario, options.lap, true);
                if scenario.hold == Hold::Nothing {
                    let unrecorded = quiet.run(contestant, *scenario, options.lap, false);
                    figures[*index].push(&unrecorded, &recorded);
                } else {
                    figures[*index].push(&recorded, &recorded);
                }
                progress.step(&format!("round {}, {scenario}", round + 1));
            }
            if !field.is_empty() {
                field.rotate_left(1);
            }
        }
    }
    progress.finish();
    (figures, quiet)
}
