//! What it costs a checkout with its return that some uses are timed.

mod contestants;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../checkout/laps.rs"]
mod laps;
#[cfg(feature = "http")]
mod watched;

use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use contestants::{AGAIN, Contestant, OFF, ON, contestants};
use harness::{About, Bound, Neighbours, Options, Progress, Rounds, Table, Verdicts, describe_machine};
use laps::Track;

const ABOUT: About = About {
    name: "observe",
    text: "Nanoseconds for one checkout with its return, by 1 thread and by 2, each on a core of its own, in pools that time\n\
           more and fewer of their uses. Short laps in turn, round after round; figures are medians over the rounds,\n\
           differences are medians of each round's difference.\n",
    full: (1_000, Duration::from_millis(1)),
    quick: (100, Duration::from_millis(1)),
    smoke: (1, Duration::from_micros(50)),
};

/// The numbers of threads that check out at once.
const THREADS: [u64; 2] = [1, 2];

/// One contestant's nanoseconds, by number of threads: all rounds, and how much more than with nothing timed in each.
struct Figures<'a> {
    contestant: &'a Contestant,
    nanoseconds: [Rounds; 2],
    more: [Rounds; 2],
}

fn main() {
    let options = Options::from_arguments(&ABOUT);
    let contestants: Arc<[Contestant]> = contestants().into();
    println!("{}", describe_machine());
    println!("{} rounds of laps of {:?}, both numbers of threads in each", options.rounds, options.lap);
    let neighbours = Neighbours::watch();
    let figures = measure(&contestants, &options);
    print_table(&figures);
    println!("\n{}", neighbours.describe());
    let mut verdicts = Verdicts::default();
    judge(&figures, &mut verdicts);
    #[cfg(feature = "http")]
    watched::measure(&options, &mut verdicts);
    exit(verdicts.status(options.gate).into());
}

/// Runs all rounds. Who begins a round changes from one to the next, so that nobody always follows the same neighbour.
fn measure<'a>(contestants: &'a Arc<[Contestant]>, options: &Options) -> Vec<Figures<'a>> {
    let track = Track::new(Arc::clone(contestants));
    let times: Vec<[u64; 2]> =
        (0..contestants.len()).map(|which| THREADS.map(|threads| track.times(which, threads, options.lap))).collect();
    let fresh = |contestant| Figures { contestant, nanoseconds: Default::default(), more: Default::default() };
    let mut figures: Vec<_> = contestants.iter().map(fresh).collect();
    let off = contestants.iter().position(|each| each.name == OFF).expect("it is one of them");
    let mut progress = Progress::of(options.rounds);
    for round in 0..options.rounds {
        for (column, &threads) in THREADS.iter().enumerate() {
            let mut laps = vec![0.0; contestants.len()];
            for place in 0..contestants.len() {
                let which = (place + round) % contestants.len();
                laps[which] = track.lap(which, threads, times[which][column]);
            }
            for (figures, lap) in figures.iter_mut().zip(&laps) {
                figures.nanoseconds[column].push(*lap);
                figures.more[column].push(lap - laps[off]);
            }
        }
        progress.step("rounds");
    }
    progress.finish();
    figures
}

fn print_table(figures: &[Figures<'_>]) {
    let headings = ["checkout + return", "1 thread, ns", "more", "2 threads, ns", "more"];
    let mut table = Table::new("more: than with no use timed, in the same round", &headings);
    for each in figures {
        let mut cells = vec![each.contestant.name.to_owned()];
        for (rounds, more) in each.nanoseconds.iter().zip(&each.more) {
            cells.push(format!("{:.2}", rounds.median()));
            cells.push(format!("{:+.2}", more.median()));
        }
        table.row(cells);
    }
    table.print();
}

/// The figure wanted of the default, and what the same pool measured twice differs by.
fn judge(figures: &[Figures<'_>], verdicts: &mut Verdicts) {
    let find = |name| figures.iter().find(|each| each.contestant.name == name);
    let (Some(on), Some(again)) = (find(ON), find(AGAIN)) else { return };
    for (column, threads) in ["1 thread", "2 threads"].into_iter().enumerate() {
        println!("noise, {threads}: {:+.2} ns between two pools that time nothing", again.more[column].median());
        let what = format!("sampling on vs off, per checkout, {threads}");
        verdicts.wanted(&what, on.more[column].median(), " ns", Bound::Below(0.5));
    }
}
