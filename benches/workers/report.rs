//! The figures of all laps, their tables, and what is wanted of them.

use hdrhistogram::Histogram;

use crate::contestants::{CHANNEL, OURS, RAYON, THREADPOOL};
use crate::harness::{Bound, Rounds, Table, Verdicts, ratios};
use crate::jobs::{Job, Scenario};

/// What one contestant did in one scenario, round by round.
pub struct Figures {
    /// The contestant's name.
    pub name: &'static str,
    /// In what it did this.
    pub scenario: Scenario,
    rate: Rounds,
    delays: [Rounds; 4],
}

/// Where in the order of all jobs the delays stand that are told; the last is the longest of all.
const SHARES: [f64; 4] = [0.5, 0.99, 0.999, 1.0];

impl Figures {
    /// No figures yet.
    pub fn new(name: &'static str, scenario: Scenario) -> Self {
        Self { name, scenario, rate: Rounds::default(), delays: Default::default() }
    }

    /// Adds a round: jobs a second, and delays in nanoseconds.
    pub fn push(&mut self, rate: f64, delays: &Histogram<u64>) {
        self.rate.push(rate);
        for (rounds, share) in self.delays.iter_mut().zip(SHARES) {
            rounds.push(delays.value_at_quantile(share) as f64 / 1_000.0);
        }
    }
}

/// Prints one scenario's table.
pub fn print_table(scenario: Scenario, figures: &[&Figures]) {
    let headings = ["contestant", "jobs/s", "spread", "p50", "p99", "p99.9", "max", "max of all rounds"];
    let mut table = Table::new(format!("{scenario}; submit to start in us"), &headings);
    for each in figures {
        let mut cells = vec![each.name.to_owned(), format!("{:.0}", each.rate.median())];
        cells.push(format!("{:.0} %", 100.0 * each.rate.spread()));
        cells.extend(each.delays.iter().map(|rounds| format!("{:.1}", rounds.median())));
        cells.push(format!("{:.1}", each.delays[SHARES.len() - 1].greatest()));
        table.row(cells);
    }
    table.print();
}

/// Judges one scenario. A line that lacks a side, because a filter left it out, is not printed.
pub fn judge(scenario: Scenario, figures: &[&Figures], verdicts: &mut Verdicts) {
    let rates: Vec<_> = figures.iter().map(|each| (each.name, &each.rate)).collect();
    judge_rates(&scenario.to_string(), scenario.job == Job::Empty, &rates, verdicts);
    let find = |name| figures.iter().find(|each| each.name == name).map(|each| &each.delays[0]);
    let Some(ours) = find(OURS) else { return };
    for peer in [THREADPOOL, CHANNEL] {
        if let Some(theirs) = find(peer) {
            let times = ratios(ours, theirs).median();
            verdicts.wanted_times(&format!("median submit to start vs {peer}, {scenario}"), times, Bound::AtMost(1.0));
        }
    }
}

/// Judges rates by name: ahead of the channel and `threadpool`, and near to rayon where the jobs are empty.
pub fn judge_rates(what: &str, empty: bool, rates: &[(&str, &Rounds)], verdicts: &mut Verdicts) {
    let find = |name| rates.iter().find(|each| each.0 == name).map(|each| each.1);
    let Some(ours) = find(OURS) else { return };
    for peer in [THREADPOOL, CHANNEL] {
        if let Some(theirs) = find(peer) {
            let times = ratios(ours, theirs).median();
            verdicts.wanted_times(&format!("throughput vs {peer}, {what}"), times, Bound::AtLeast(1.0));
        }
    }
    if let (true, Some(theirs)) = (empty, find(RAYON)) {
        let times = ratios(theirs, ours).median();
        verdicts.wanted_times(&format!("time a job vs {RAYON}, {what}"), times, Bound::AtMost(1.3));
    }
}
