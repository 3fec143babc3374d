//! The figures side by side, and what is wanted of ours.

use crate::backend::Condition;
use crate::callers::Outcome;
use crate::contestants::OURS;
use crate::down::{Down, FEW, MANY};
use crate::harness::{Bound, Table, Verdicts};
use crate::ride::{Ride, Share};

/// Two probes for each of the shortest spans for which the breaker stays open.
const MOST_ATTEMPTS: f64 = 20.0;

/// A line of the table: what it says, and how it is found.
type Line = (&'static str, fn(&Ride) -> String);

const LINES: [Line; 18] = [
    ("requests", |ride| ride.requests.len().to_string()),
    ("  % answered", |ride| percent(ride.share(|_| true))),
    ("  % answered, issued while the backend served", |ride| percent(ride.share(|request| ride.met_service(request)))),
    ("  % answered, a healthy resource could have served it", |ride| percent(ride.servable())),
    ("    of these not answered", |ride| {
        let share = ride.servable();
        (share.of - share.answered).to_string()
    }),
    ("      no connection by the deadline", |ride| ride.unanswered(Outcome::TimedOut).to_string()),
    ("      refused before it", |ride| ride.unanswered(Outcome::Refused).to_string()),
    ("      one dead connection after another", |ride| ride.unanswered(Outcome::Unanswered).to_string()),
    ("ms without any answer while the backend served", |ride| format!("{:.0}", ride.silence())),
    ("ms a killed connection is missing, mean", |ride| format!("{:.0}", ride.recovery().mean)),
    ("  longest", |ride| format!("{:.0}", ride.recovery().longest)),
    ("  never made good", |ride| ride.recovery().never.to_string()),
    ("ms to the first answer after an outage", |ride| list(ride, |comeback| comeback.first_answer)),
    ("ms to all connections after an outage", |ride| list(ride, |comeback| comeback.whole)),
    ("connects tried a second while refused", |ride| format!("{:.1}", ride.attempts_while_refused())),
    ("ms to the error while refused, median", |ride| format!("{:.0}", ride.time_to_error())),
    ("ms beyond the caller's deadline, longest", |ride| format!("{:.2}", ride.latest())),
    ("  the machine's own, meanwhile", |ride| format!("{:.2}", ride.noise_ms())),
];

fn percent(share: Share) -> String {
    format!("{:.3}", share.percent())
}

/// What never came is a dash.
pub fn ms_or_never(figure: f64) -> String {
    if figure.is_finite() { format!("{figure:.0}") } else { "-".to_owned() }
}

/// Each outage's, in their order, with what it was.
fn list(ride: &Ride, figure: fn(&crate::ride::Comeback) -> f64) -> String {
    let mut texts = Vec::new();
    for comeback in ride.comebacks() {
        let letter = if comeback.kind == Condition::Hanging { "h" } else { "r" };
        let figure = figure(&comeback);
        texts.push(format!("{letter} {}", ms_or_never(figure)));
    }
    texts.join(", ")
}

/// Prints the plan's figures, a column for each contestant.
pub fn print(rides: &[Ride]) {
    let mut headings = vec![""];
    headings.extend(rides.iter().map(|ride| ride.name));
    let mut table = Table::new(
        "16 callers, 8 connections, the plan (r: refused, h: hung, -: not before the next outage or the end)",
        &headings,
    );
    for (what, figure) in LINES {
        let mut cells = vec![what.to_owned()];
        cells.extend(rides.iter().map(figure));
        table.row(cells);
    }
    table.print();
}

/// Judges the plan.
pub fn judge(rides: &[Ride], verdicts: &mut Verdicts) {
    let Some(ours) = rides.iter().find(|ride| ride.name == OURS) else { return };
    let answered = ours.servable().percent();
    verdicts.wanted("availability of requests a healthy resource could serve", answered, " %", Bound::AtLeast(99.9));
    let mean = ours.recovery().mean;
    verdicts.wanted("mean recovery of a killed connection beyond the factory's time", mean, " ms", Bound::Below(500.0));
    let comebacks = ours.comebacks();
    let mean = comebacks.iter().map(|comeback| comeback.whole).sum::<f64>() / comebacks.len() as f64;
    let what = "mean recovery of all capacity after an outage beyond the factory's time";
    verdicts.wanted(what, mean, " ms", Bound::Below(500.0));
    let what = format!("longest delay beyond a caller's own deadline (the machine's own: {:.1} ms)", ours.noise_ms());
    verdicts.wanted(&what, ours.latest(), " ms", Bound::Below(5.0));
}

/// Judges what is asked of a backend that is gone.
pub fn judge_downs(downs: &[Down], verdicts: &mut Verdicts) {
    let of = |callers| downs.iter().find(|down| down.name == OURS && down.callers == callers);
    let (Some(few), Some(many)) = (of(FEW), of(MANY)) else { return };
    let what = format!("connects tried while down, {MANY} callers vs {FEW}");
    verdicts.wanted_times(&what, many.attempts / few.attempts, Bound::AtMost(2.0));
    let what = format!("connects tried a second while down, {MANY} callers");
    verdicts.wanted(&what, many.attempts, "", Bound::AtMost(MOST_ATTEMPTS));
    // Of what many callers use, half is their own: they wake, ask, and sleep again.
    verdicts.wanted("processor used while down, of a core", few.processor, " %", Bound::Below(1.0));
}
