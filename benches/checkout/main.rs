//! What one checkout with its return costs while resources are free: beside the floor of any design that claims with a
//! read-modify-write, and beside the pools and queues that can share resources between threads.

mod contestants;
mod guards;
#[path = "../harness/mod.rs"]
mod harness;
mod laps;
mod sessions;

use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use contestants::{Contestant, FACADE, FLOOR, OURS, OURS_FOR, OURS_KEPT, OURS_MANY, R2D2, contestants};
use harness::{About, Bound, Neighbours, Options, Progress, Rounds, Table, Verdicts, describe_machine, ratios};
use laps::Track;

const ABOUT: About = About {
    name: "checkout",
    text: "Nanoseconds for one checkout with its return, by 1 thread and by 2, each on a core of its own: slackwater in its\n\
           default configuration with 16 resources, its floor, and its peers. Short laps in turn, round after round;\n\
           figures are medians over the rounds, ratios are medians of each round's ratio.\n",
    full: (1_000, Duration::from_millis(1)),
    quick: (50, Duration::from_millis(1)),
    smoke: (1, Duration::from_micros(50)),
};

/// The numbers of threads that check out at once.
const THREADS: [u64; 2] = [1, 2];

/// One contestant's nanoseconds, by number of threads.
struct Figures<'a> {
    contestant: &'a Contestant,
    nanoseconds: [Rounds; 2],
}

fn main() {
    let options = Options::from_arguments(&ABOUT);
    let contestants: Arc<[Contestant]> =
        contestants().into_iter().filter(|contestant| options.asks_for(contestant.name)).collect();
    println!("{}", describe_machine());
    println!("{} rounds of laps of {:?}, both numbers of threads in each", options.rounds, options.lap);
    let neighbours = Neighbours::watch();
    let figures = measure(&contestants, &options);
    print_table(&figures);
    let shares = contestants.iter().any(|each| each.name == OURS_FOR).then(|| sessions::measure(options.rounds));
    println!("\n{}", neighbours.describe());
    let mut verdicts = Verdicts::default();
    judge(&figures, &mut verdicts);
    if let Some(shares) = shares {
        sessions::judge(&shares, &mut verdicts);
    }
    exit(verdicts.status(options.gate).into());
}

/// Runs all rounds. Who begins a round changes from one to the next, so that nobody always follows the same neighbour.
fn measure<'a>(contestants: &'a Arc<[Contestant]>, options: &Options) -> Vec<Figures<'a>> {
    let track = Track::new(Arc::clone(contestants));
    let times: Vec<[u64; 2]> =
        (0..contestants.len()).map(|which| THREADS.map(|threads| track.times(which, threads, options.lap))).collect();
    let fresh = |contestant| Figures { contestant, nanoseconds: Default::default() };
    let mut figures: Vec<_> = contestants.iter().map(fresh).collect();
    let mut progress = Progress::of(options.rounds);
    for round in 0..options.rounds {
        for (column, &threads) in THREADS.iter().enumerate() {
            for place in 0..contestants.len() {
                let which = (place + round) % contestants.len();
                let nanoseconds = track.lap(which, threads, times[which][column]);
                figures[which].nanoseconds[column].push(nanoseconds);
            }
        }
        progress.step("rounds");
    }
    progress.finish();
    figures
}

fn print_table(figures: &[Figures<'_>]) {
    let floor = figures.iter().find(|each| each.contestant.name == FLOOR);
    let headings =
        ["checkout + return", "1 thread, ns", "x floor", "spread", "2 threads, ns", "x floor", "spread", "2 vs 1"];
    let mut table = Table::new("16 resources unless told; spread: between the quartiles of the rounds", &headings);
    for each in figures {
        let mut cells = vec![each.contestant.name.to_owned()];
        for (column, rounds) in each.nanoseconds.iter().enumerate() {
            let floors = floor.map(|floor| ratios(rounds, &floor.nanoseconds[column]).median());
            cells.push(format!("{:.2}", rounds.median()));
            cells.push(floors.map_or("-".into(), |floors| format!("{floors:.2}")));
            cells.push(format!("{:.0} %", 100.0 * rounds.spread()));
        }
        cells.push(format!("{:.2}", ratios(&each.nanoseconds[1], &each.nanoseconds[0]).median()));
        table.row(cells);
    }
    table.print();
}

/// The figures wanted of the fast path. A line that lacks a side, because a filter left it out, is not printed.
fn judge(figures: &[Figures<'_>], verdicts: &mut Verdicts) {
    let find = |name| figures.iter().find(|each| each.contestant.name == name);
    if let (Some(facade), Some(r2d2)) = (find(FACADE), find(R2D2)) {
        for (column, threads) in ["1 thread", "2 threads"].into_iter().enumerate() {
            let times = ratios(&r2d2.nanoseconds[column], &facade.nanoseconds[column]).median();
            let what = format!("speed of get+drop by r2d2's names vs r2d2's own, {threads}");
            verdicts.wanted_times(&what, times, Bound::Above(1.0));
        }
    }
    let Some(ours) = find(OURS) else { return };
    for (column, threads) in ["1 thread", "2 threads"].into_iter().enumerate() {
        if let Some(floor) = find(FLOOR) {
            let times = ratios(&ours.nanoseconds[column], &floor.nanoseconds[column]).median();
            verdicts.wanted_times(&format!("checkout+return vs floor, {threads}"), times, Bound::AtMost(1.35));
            if let Some(kept) = find(OURS_KEPT) {
                let times = ratios(&kept.nanoseconds[column], &floor.nanoseconds[column]).median();
                let what = format!("the same with all the keeper's rules on, {threads}");
                verdicts.wanted_times(&what, times, Bound::AtMost(1.35));
            }
        }
    }
    if let Some(keyed) = find(OURS_FOR) {
        let times = |column: usize| ratios(&keyed.nanoseconds[column], &ours.nanoseconds[column]).median();
        println!("checkout_for with its return vs checkout: {:.2} x with 1 thread, {:.2} x with 2", times(0), times(1));
    }
    let times = ratios(&ours.nanoseconds[1], &ours.nanoseconds[0]).median();
    verdicts.wanted_times("checkout+return, 2 threads vs 1", times, Bound::AtMost(1.25));
    for (column, threads) in ["1 thread", "2 threads"].into_iter().enumerate() {
        if let Some(many) = find(OURS_MANY) {
            let times = ratios(&many.nanoseconds[column], &ours.nanoseconds[column]).median();
            verdicts.wanted_times(
                &format!("checkout+return, 4,096 slots vs 16, {threads}"),
                times,
                Bound::AtMost(1.25),
            );
        }
        if let Some(kept) = find(OURS_KEPT) {
            let times = ratios(&kept.nanoseconds[column], &ours.nanoseconds[column]).median();
            verdicts.wanted_times(
                &format!("checkout+return, the keeper's rules on vs off, {threads}"),
                times,
                Bound::AtMost(1.05),
            );
        }
        let peers = figures.iter().filter(|each| each.contestant.peer);
        let closest = peers
            .map(|peer| (ratios(&ours.nanoseconds[column], &peer.nanoseconds[column]).median(), peer.contestant.name))
            .max_by(|one, other| one.0.total_cmp(&other.0));
        if let Some((times, name)) = closest {
            let what = format!("checkout+return vs the best peer ({name}), {threads}");
            verdicts.wanted_times(&what, times, Bound::Below(1.0));
        }
    }
}
