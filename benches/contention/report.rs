//! The figures of all laps, their tables, and what is wanted of them.

use crate::contestants::{OURS, R2D2, STRICT};
use crate::harness::{Bound, Rounds, Table, Verdicts, ratios};
use crate::holds::{Hold, Scenario};
use crate::laps::Tally;

/// What one contestant did in one scenario, round by round.
pub struct Figures {
    /// The contestant's name.
    pub name: &'static str,
    /// Whether it is a peer that lets a running thread overtake waiting ones.
    pub unfair_peer: bool,
    /// In what it did this.
    pub scenario: Scenario,
    rate: Rounds,
    waits: [Rounds; 4],
}

/// Where in `waits` each of the four stands, and its share of the checkouts.
const SHARES: [f64; 4] = [0.5, 0.99, 0.999, 1.0];
const P99: usize = 1;
const P999: usize = 2;
const MAXIMUM: usize = 3;

impl Figures {
    /// No figures yet.
    pub fn new(name: &'static str, unfair_peer: bool, scenario: Scenario) -> Self {
        Self { name, unfair_peer, scenario, rate: Rounds::default(), waits: Default::default() }
    }

    /// Adds a round: the lap its throughput is taken from, and the one its waits are.
    pub fn push(&mut self, throughput: &Tally, recorded: &Tally) {
        self.rate.push(throughput.rate);
        for (rounds, share) in self.waits.iter_mut().zip(SHARES) {
            rounds.push(recorded.waits.value_at_quantile(share) as f64 / 1_000.0);
        }
    }
}

/// Prints one scenario's table.
pub fn print_table(scenario: Scenario, figures: &[&Figures]) {
    let headings = ["contestant", "checkouts/s", "p50", "p99", "p99.9", "max", "max of all rounds"];
    let mut table = Table::new(format!("{scenario}, 2 resources; waits in us"), &headings);
    for each in figures {
        let mut cells = vec![each.name.to_owned(), format!("{:.0}", each.rate.median())];
        cells.extend(each.waits.iter().map(|rounds| format!("{:.1}", rounds.median())));
        cells.push(format!("{:.1}", each.waits[MAXIMUM].greatest()));
        table.row(cells);
    }
    table.print();
}

/// Judges one scenario. A line that lacks a side, because a filter left it out, is not printed.
pub fn judge(scenario: Scenario, figures: &[&Figures], verdicts: &mut Verdicts) {
    let find = |name| figures.iter().find(|each| each.name == name);
    let Some(ours) = find(OURS) else { return };
    let millis = ours.waits[P99].median() / 1_000.0;
    verdicts.wanted(&format!("p99 of waits, {scenario}"), millis, " ms", Bound::Below(100.0));
    if let (Hold::Nothing, Some(r2d2)) = (scenario.hold, find(R2D2)) {
        let times = ratios(&ours.rate, &r2d2.rate).median();
        verdicts.wanted_times(&format!("throughput vs r2d2, {scenario}"), times, Bound::AtLeast(5.0));
    }
    let peers = figures.iter().filter(|each| each.unfair_peer);
    let best = peers.max_by(|one, other| one.rate.median().total_cmp(&other.rate.median()));
    if let (Hold::Busy(_), Some(best)) = (scenario.hold, best) {
        let name = best.name;
        let times = ratios(&ours.rate, &best.rate).median();
        let what = format!("throughput vs the best unfair peer ({name}), {scenario}");
        verdicts.wanted_times(&what, times, Bound::AtLeast(0.8));
        let times = ratios(&ours.waits[MAXIMUM], &best.waits[MAXIMUM]).median();
        let what = format!("maximum wait vs that peer's ({name}), {scenario}");
        verdicts.wanted_times(&what, times, Bound::AtMost(1.0 / 3.0));
    }
    if let (32, Some(strict)) = (scenario.threads, find(STRICT)) {
        for (which, name) in [(P999, "p99.9 wait"), (MAXIMUM, "maximum wait")] {
            let times = ratios(&ours.waits[which], &strict.waits[which]).median();
            let what = format!("{name} vs strict hand-over, {scenario}");
            verdicts.wanted_times(&what, times, Bound::AtMost(1.5));
        }
    }
}
