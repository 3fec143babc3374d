//! How many instructions, and how many allocations, one use of a pool takes on each of the ways to it, counted by valgrind: the same on
//! every run and on a busy machine, which no time is. So it can stand guard where a time cannot.
//!
//! What each way took when it was last looked at stands in `benches/instructions.table`. More than a twentieth above that is a miss, and
//! so is one allocation more. Whoever makes a way shorter writes the new number there.

#[path = "harness/mod.rs"]
mod harness;

use harness::{About, Bound, Options, Table, Verdicts, describe_machine};
use slackwater::{Builder, Keeper, Manager, Pool};
use std::convert::Infallible;
use std::hint::black_box;
use std::process::{Command, exit};
use std::time::Duration;

const ABOUT: About = About {
    name: "instructions",
    text: "Instructions and allocations for one use, by one thread, in a pool of 16: this program runs itself under `valgrind`,\n\
           with callgrind and with memcheck, for two numbers of rounds, and divides the difference. Rounds and laps have no meaning here.\n",
    full: (1, Duration::from_micros(1)),
    quick: (1, Duration::from_micros(1)),
    smoke: (1, Duration::from_micros(1)),
};

/// Tells the program that it is the one that is counted: `LOOP ROUNDS` follow.
const COUNTED: &str = "--counted";
/// Rounds whose difference is counted. The keeper's thread is counted too, and wakes by time: among so many it is lost.
const FEWER: u64 = 50_000;
const MORE: u64 = 250_000;

/// As many are enough for allocations: they are whole numbers.
const FEW: u64 = 1_000;
const SOME: u64 = 3_000;

/// What is counted: a name, and a loop of so many rounds.
type Loop = (&'static str, fn(u64));

const LOOPS: [Loop; 10] = [
    ("guard in registers", in_registers),
    ("guard in memory, as one that is passed on", in_memory),
    ("a function that checks out, called each time", in_a_function),
    ("a closure", in_a_closure),
    ("try_checkout", tried),
    ("a guard that keeps the pool", owned),
    ("max_uses", with_max_uses),
    ("memory_budget", with_a_budget),
    ("a session", in_a_session),
    ("a refusal, since nothing is free", refused),
];

/// The bounds of the fast path, which never move. At 4d45b3a it took 49, 52 and 60, which missed the bound of the bench
/// `checkout`; one commit later 43, 48 and 55, which keeps it. Since then four more count down to the next use that is timed; no time
/// shows them. The bounds are what was taken then and the half of what was lost before.
const MOST: [f64; 3] = [50.0, 55.0, 61.0];

/// How many times what stands in the table a way may take.
const TOLERANCE: f64 = 1.05;

/// Of each loop, the instructions and the allocations it took when it was last looked at.
fn table() -> Vec<(f64, f64)> {
    let lines = include_str!("instructions.table").lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<_> = lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>()).collect();
    let number = |text: &str| text.parse().expect("the table has numbers");
    let of = |name| rows.iter().find(|row| row[0] == name).expect("the table has every way");
    LOOPS.iter().map(|(name, _)| of(*name)).map(|row| (number(row[1]), number(row[2]))).collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(COUNTED) {
        let mut number = || arguments.next().and_then(|text| text.parse().ok()).expect("a loop and its rounds");
        let (which, rounds) = (number() as usize, number());
        return LOOPS[which].1(rounds);
    }
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    let mut printed = Table::new("one use", &["", "instructions", "as it was", "allocations"]);
    let mut verdicts = Verdicts::default();
    let table = table();
    for which in (0..LOOPS.len()).filter(|which| options.asks_for(LOOPS[*which].0)) {
        let name = LOOPS[which].0;
        let (instructions, allocations) = (per_round(which, CALLGRIND), per_round(which, MEMCHECK));
        let (were, allocations_were) = table[which];
        let cells =
            [name.to_owned(), format!("{instructions:.1}"), format!("{were:.1}"), format!("{:.0}", allocations.abs())];
        printed.row(cells.to_vec());
        if let Some(most) = MOST.get(which) {
            verdicts.wanted(&format!("instructions, {name}"), instructions, "", Bound::AtMost(*most));
        }
        let times = Bound::AtMost(TOLERANCE);
        verdicts.wanted_times(&format!("instructions, {name}, vs the table"), instructions / were, times);
        let least = Bound::AtMost(allocations_were);
        verdicts.wanted(&format!("allocations, {name}"), allocations.round() + 0.0, "", least);
    }
    printed.print();
    exit(verdicts.status(options.gate).into());
}

/// A tool of valgrind's, what it is asked, what it says before the number, and the two numbers of rounds.
type Tool = (&'static [&'static str], &'static str, u64, u64);

const CALLGRIND: Tool = (&["--tool=callgrind", "--callgrind-out-file=/dev/null"], "Collected :", FEWER, MORE);
const MEMCHECK: Tool = (&["--tool=memcheck", "--leak-check=no"], "total heap usage:", FEW, SOME);

fn per_round(which: usize, tool: Tool) -> f64 {
    let (_, _, fewer, more) = tool;
    (counted(which, tool, more) - counted(which, tool, fewer)) / (more - fewer) as f64
}

/// What a tool counts of this program.
fn counted(which: usize, (asked, before, ..): Tool, rounds: u64) -> f64 {
    let program = std::env::current_exe().expect("a program knows where it is");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(asked).arg(program);
    let output = match valgrind.args([COUNTED, &which.to_string(), &rounds.to_string()]).output() {
        Ok(output) => output,
        Err(error) => fail(&format!("cannot run valgrind: {error}; install it (Debian: apt-get install valgrind)")),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let word = said.split(before).nth(1).and_then(|rest| rest.split_whitespace().next());
    let count = word.and_then(|word| word.replace(',', "").parse().ok());
    match count {
        Some(count) if output.status.success() => count,
        _ => fail(&format!("valgrind ended with {} and counted nothing; it said:\n{said}", output.status)),
    }
}

fn fail(why: &str) -> ! {
    eprintln!("{}: {why}", ABOUT.name);
    exit(2);
}

/// The fast path's pool, as it is built by default.
fn pool() -> Pool<impl Manager<Resource = u64>> {
    build(Pool::builder(|| Ok::<u64, Infallible>(0)).max_size(16))
}

/// A pool without a keeper's thread: on a busy machine valgrind is slow enough for its wakes to be seen.
fn kept_by_hand() -> Builder<impl Manager<Resource = u64>> {
    Pool::builder(|| Ok::<u64, Infallible>(0)).max_size(16).keeper(Keeper::Manual)
}

fn build<M: Manager<Resource = u64>>(builder: Builder<M>) -> Pool<M> {
    builder.build().expect("nothing can fail in making a number")
}

fn rounds_on<M: Manager<Resource = u64>>(pool: &Pool<M>, rounds: u64) {
    for _ in 0..rounds {
        let mut guard = pool.checkout().expect("more resources than threads");
        *guard += 1;
    }
}

fn in_registers(rounds: u64) {
    let pool = pool();
    for _ in 0..rounds {
        let mut guard = pool.checkout().expect("more resources than threads");
        *guard += 1;
    }
}

fn in_memory(rounds: u64) {
    let pool = pool();
    for _ in 0..rounds {
        let mut guard = black_box(pool.checkout().expect("more resources than threads"));
        *guard += 1;
    }
}

fn in_a_function(rounds: u64) {
    #[inline(never)]
    fn once<M: Manager<Resource = u64>>(pool: &Pool<M>) {
        let mut guard = pool.checkout().expect("more resources than threads");
        *guard += 1;
    }
    let pool = pool();
    for _ in 0..rounds {
        once(&pool);
    }
}

fn in_a_closure(rounds: u64) {
    let pool = build(kept_by_hand());
    for _ in 0..rounds {
        pool.with(|number| *number += 1).expect("more resources than threads");
    }
}

fn tried(rounds: u64) {
    let pool = build(kept_by_hand());
    for _ in 0..rounds {
        let mut guard = pool.try_checkout().expect("more resources than threads");
        *guard += 1;
    }
}

fn owned(rounds: u64) {
    let pool = build(kept_by_hand());
    for _ in 0..rounds {
        let mut guard = pool.checkout_owned().expect("more resources than threads");
        *guard += 1;
    }
}

fn with_max_uses(rounds: u64) {
    rounds_on(&build(kept_by_hand().max_uses(u64::MAX - 1)), rounds);
}

/// Numbers that weigh something.
struct Weighed;

impl Manager for Weighed {
    type Resource = u64;
    type Error = Infallible;

    fn create(&self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn weight(&self, _: &u64) -> u64 {
        8
    }
}

fn with_a_budget(rounds: u64) {
    rounds_on(&build(Pool::builder(Weighed).max_size(16).keeper(Keeper::Manual).memory_budget(1 << 40)), rounds);
}

fn in_a_session(rounds: u64) {
    let pool = build(kept_by_hand());
    for _ in 0..rounds {
        let mut guard = pool.checkout_for(&7_u32).expect("more resources than threads");
        *guard += 1;
    }
}

fn refused(rounds: u64) {
    let pool = build(kept_by_hand().max_size(1));
    let _held = pool.checkout().expect("there is one");
    for _ in 0..rounds {
        black_box(pool.try_checkout().is_err());
    }
}
