//! Workers beside rayon, the crate `threadpool`, and boxed jobs in a channel: how many jobs get through, how long one waits for a
//! thread, and what threads cost that have nothing to do.
//! Run: cargo bench --features workers --bench workers

mod ahead;
mod contestants;
#[path = "../harness/mod.rs"]
mod harness;
mod idle;
mod jobs;
mod lanes;
mod laps;
mod report;
mod sessions;
mod tree;

use std::process::exit;
use std::thread;
use std::time::Duration;

use contestants::{Contestant, OURS, contestants};
use harness::{About, Bound, Neighbours, Options, Progress, Rounds, Table, Verdicts, describe_machine};
use jobs::{Scenario, scenarios};
use report::{Figures, judge, judge_rates, print_table};

const ABOUT: About = About {
    name: "workers",
    text: "\
Jobs that do nothing, or keep a processor for 1 us or 100 us, submitted by 1, 2, 4, 16 and 64 threads to as many workers as
there are processors: slackwater's `Workers` (a resource that is a number) by `spawn`, and by `submit` with tickets that are dropped,
rayon's `spawn`, the crate `threadpool`, and boxed jobs in an unbounded channel of crossbeam's.
Throughput: 256 jobs under way among all submitters, 4 for each at least. Submit to start: each submitter has one job under way, and
submits the next when it is done. Both in laps in turn, round after round; figures are medians over the rounds, ratios
medians of each round's ratio.
Trees: jobs that submit two more, ten generations deep, 2,047 a tree; beside them `rayon::join`, whose jobs wait for
their two.
Idle: processor time of a process whose workers have had jobs and have none now, over the first second of that and over the third.
Sessions: four threads, each with a session of its own (`submit_for`) and one job under way, and four workers: which share of the jobs
was run by the worker that the session had last.
Rare jobs: processor time for each empty job, its submitter's included, where one comes each millisecond.
A lap is named like `1 us jobs, 16 submitters: rayon`, `trees: rayon`, `idle: rayon`, `rare jobs: rayon`, `sessions`.
",
    full: (9, Duration::from_millis(100)),
    quick: (2, Duration::from_millis(20)),
    smoke: (1, Duration::from_millis(2)),
};

fn main() {
    let options = Options::from_arguments(&ABOUT);
    let threads = thread::available_parallelism().map_or(2, |cores| cores.get());
    let contestants = contestants(threads);
    println!("{}", describe_machine());
    println!("{threads} workers; {} rounds of laps of {:?}", options.rounds, options.lap);
    let neighbours = Neighbours::watch();
    let idle = measure_idle(&contestants, &options);
    let rare = measure_rare_jobs(&contestants, &options);
    let figures = measure(&contestants, &options);
    let trees = measure_trees(&contestants, threads, &options);
    let of = |scenario| -> Vec<&Figures> { figures.iter().filter(|each| each.scenario == scenario).collect() };
    for scenario in scenarios() {
        print_table(scenario, &of(scenario));
    }
    print_rates("trees of 2,047 jobs", &trees);
    print_idle(&idle);
    print_rare_jobs(&rare);
    println!("\n{}", neighbours.describe());
    let mut verdicts = Verdicts::default();
    for scenario in scenarios() {
        judge(scenario, &of(scenario), &mut verdicts);
    }
    let rates: Vec<_> = trees.iter().map(|(name, rounds)| (*name, rounds)).collect();
    judge_rates("trees", true, &rates, &mut verdicts);
    if let Some(ours) = idle.iter().find(|idle| idle.name == OURS) {
        let spent = ours.rounds[1].0.median().round();
        verdicts.wanted("processor time of an idle second", spent, " us", Bound::AtMost(1_000.0));
    }
    if options.asks_for("sessions") {
        let share = sessions::own_share(4, if options.rounds == 1 { 100 } else { 20_000 });
        verdicts.wanted("jobs of 4 sessions that their own worker of 4 ran", share, " %", Bound::Above(95.0));
    }
    exit(verdicts.status(options.gate).into());
}

/// Runs all rounds of all scenarios. Who begins a scenario changes from one round to the next.
fn measure(contestants: &[Contestant], options: &Options) -> Vec<Figures> {
    let mut figures = Vec::new();
    let mut fields: Vec<(Scenario, Vec<(usize, &Contestant)>)> = Vec::new();
    for scenario in scenarios() {
        let mut field = Vec::new();
        for contestant in contestants {
            if options.asks_for(&format!("{scenario}: {}", contestant.name)) {
                field.push((figures.len(), contestant));
                figures.push(Figures::new(contestant.name, scenario));
            }
        }
        fields.push((scenario, field));
    }
    let mut progress = Progress::of(options.rounds * figures.len());
    for round in 0..options.rounds {
        for (scenario, field) in &mut fields {
            for (index, contestant) in field.iter() {
                let rate = (contestant.throughput)(*scenario, options.lap);
                figures[*index].push(rate, &(contestant.delays)(*scenario, options.lap));
                progress.step(&format!("round {}, {scenario}", round + 1));
            }
            if !field.is_empty() {
                field.rotate_left(1);
            }
        }
    }
    progress.finish();
    figures
}

/// A lap by name, and jobs a second in each of its rounds.
type Rates = Vec<(&'static str, Rounds)>;

fn measure_trees(contestants: &[Contestant], threads: usize, options: &Options) -> Rates {
    type Lap<'a> = Box<dyn Fn(Duration) -> f64 + 'a>;
    let mut laps: Vec<(&'static str, Lap<'_>)> = Vec::new();
    for contestant in contestants {
        laps.push((contestant.name, Box::new(&contestant.tree)));
    }
    laps.push(("rayon::join", Box::new(move |lap| tree::grow_joined(&lanes::Rayon::with(threads).0, lap))));
    laps.retain(|(name, _)| options.asks_for(&format!("trees: {name}")));
    let mut rates: Rates = laps.iter().map(|(name, _)| (*name, Rounds::default())).collect();
    for round in 0..options.rounds {
        for place in 0..laps.len() {
            let which = (place + round) % laps.len();
            rates[which].1.push(laps[which].1(options.lap));
        }
    }
    rates
}

/// What one contestant took while it had nothing to do: in the first second and in a later one, processor time in microseconds and
/// wake-ups.
struct Idles {
    name: &'static str,
    rounds: [(Rounds, Rounds); 2],
}

/// Three times for each, or as many as there are rounds; a single round is not for figures, and spares the time.
fn measure_idle(contestants: &[Contestant], options: &Options) -> Vec<Idles> {
    if options.rounds == 1 {
        return Vec::new();
    }
    let asked = |contestant: &&Contestant| options.asks_for(&format!("idle: {}", contestant.name));
    let mut idles = Vec::new();
    for contestant in contestants.iter().filter(asked) {
        let mut rounds: [(Rounds, Rounds); 2] = Default::default();
        for _ in 0..options.rounds.min(3) {
            for (rounds, second) in rounds.iter_mut().zip((contestant.idle)()) {
                rounds.0.push(second.processor);
                rounds.1.push(second.woken);
            }
        }
        idles.push(Idles { name: contestant.name, rounds });
    }
    idles
}

/// A name, and microseconds of processor time for a job in each round.
type Costs = Vec<(&'static str, Rounds)>;

/// In turn, three times or as often as there are rounds; a single round is not for figures.
fn measure_rare_jobs(contestants: &[Contestant], options: &Options) -> Costs {
    if options.rounds == 1 {
        return Vec::new();
    }
    let asked = |contestant: &&Contestant| options.asks_for(&format!("rare jobs: {}", contestant.name));
    let asked: Vec<_> = contestants.iter().filter(asked).collect();
    let mut costs: Costs = asked.iter().map(|contestant| (contestant.name, Rounds::default())).collect();
    for _ in 0..options.rounds.min(3) {
        for (contestant, (_, rounds)) in asked.iter().zip(&mut costs) {
            rounds.push((contestant.rare_jobs)());
        }
    }
    costs
}

fn print_rare_jobs(costs: &Costs) {
    let mut table = Table::new("jobs that come rarely", &["contestant", "processor us a job", "spread"]);
    for (name, rounds) in costs {
        let spread = format!("{:.0} %", 100.0 * rounds.spread());
        table.row(vec![(*name).to_owned(), format!("{:.1}", rounds.median()), spread]);
    }
    table.print();
}

fn print_rates(title: &str, rates: &Rates) {
    let mut table = Table::new(title, &["contestant", "jobs/s", "spread"]);
    for (name, rounds) in rates {
        let spread = format!("{:.0} %", 100.0 * rounds.spread());
        table.row(vec![(*name).to_owned(), format!("{:.0}", rounds.median()), spread]);
    }
    table.print();
}

fn print_idle(idles: &[Idles]) {
    let headings = ["contestant", "first: processor us", "wake-ups", "later: processor us", "wake-ups"];
    let mut table =
        Table::new("an idle second of the process, the first after the last job and a later one", &headings);
    for idle in idles {
        let mut cells = vec![idle.name.to_owned()];
        for (spent, woken) in &idle.rounds {
            cells.extend([spent, woken].map(|rounds| format!("{:.0}", rounds.median())));
        }
        table.row(cells);
    }
    table.print();
}
