//! The figures as a table, and what is wanted of them.

use crate::harness::{Bound, Rounds, Table, Verdicts, ratios};
use crate::lenders::CONTESTANTS;
use crate::ride::Figures;

/// Medians of all rounds.
pub fn print(database: &str, all: &[Figures; CONTESTANTS.len()]) {
    let headings = [
        "medians; times in ms",
        "requests/s",
        "first error",
        "first refusal",
        "longest wait",
        "recovery",
        "whole",
        "on dead ones",
        "refused down",
        "refused late",
        "without cause",
    ];
    let mut table = Table::new(format!("{database}: killed, down, back"), &headings);
    for (name, figures) in CONTESTANTS.iter().zip(all) {
        let columns = [
            &figures.served,
            &figures.first_error,
            &figures.first_refusal,
            &figures.longest_wait,
            &figures.recovery,
            &figures.whole,
            &figures.on_dead,
            &figures.refused_down,
            &figures.refused_late,
            &figures.untold,
        ];
        let cells = columns.iter().map(|rounds| format!("{:.1}", rounds.median()));
        table.row(std::iter::once((*name).to_owned()).chain(cells).collect());
    }
    table.print();
}

/// What comes with a changed `use`, beside r2d2 as it comes.
pub fn judge(database: &str, all: &[Figures; CONTESTANTS.len()], verdicts: &mut Verdicts) {
    let [ours, keeping, _, theirs, _] = all;
    let of_theirs = |figure: fn(&Figures) -> &Rounds| ratios(figure(ours), figure(theirs)).median();
    let mut times = |what: &str, figure: fn(&Figures) -> &Rounds, bound: Bound| {
        verdicts.wanted_times(&format!("{database}: {what} in r2d2's"), of_theirs(figure), bound);
    };
    times("requests a second", |figures| &figures.served, Bound::AtLeast(1.0));
    times("time to the first refusal", |figures| &figures.first_refusal, Bound::AtMost(0.5));
    times("longest wait while it is down", |figures| &figures.longest_wait, Bound::AtMost(0.5));
    times("time to recovery", |figures| &figures.recovery, Bound::AtMost(1.0));
    times("time until all connections are there", |figures| &figures.whole, Bound::AtMost(1.0));
    let mut count = |what: &str, figure: f64, most: f64| {
        verdicts.wanted(&format!("{database}: {what}"), figure, "", Bound::AtMost(most));
    };
    // A server dies once: each connection there was can cost one request.
    let most = f64::from(crate::lenders::SIZE);
    count("requests lost on dead connections", ours.on_dead.greatest(), most);
    count("requests lost on dead connections, transactions kept", keeping.on_dead.greatest(), most);
    count("refusals that do not name the cause", ours.untold.greatest(), 0.0);
}
