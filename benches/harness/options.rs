//! The command line all benches share.

use std::process::exit;
use std::time::Duration;

/// What a bench is, and how long it measures unless told otherwise.
pub struct About {
    /// The bench's name, as in `cargo bench --bench NAME`.
    pub name: &'static str,
    /// What it measures and how, for `--help`.
    pub text: &'static str,
    /// How many rounds, and how long a lap, of a full run.
    pub full: (usize, Duration),
    /// The same for `--quick`.
    pub quick: (usize, Duration),
    /// The same for the one tiny round that only shows that the bench still runs.
    pub smoke: (usize, Duration),
}

/// What the command line asks for.
pub struct Options {
    /// How often every lap is run.
    pub rounds: usize,
    /// How long one lap is meant to take.
    pub lap: Duration,
    /// Whether a `MISS` ends the program with status 1.
    pub gate: bool,
    filters: Vec<String>,
}

impl Options {
    /// Reads the program's arguments; prints help, or what is wrong with them, and ends the program where that is due.
    pub fn from_arguments(about: &About) -> Self {
        Self::from_these(about, std::env::args().skip(1))
    }

    /// As `from_arguments`, for a bench that has taken options of its own out of them.
    pub fn from_these(about: &About, mut arguments: impl Iterator<Item = String>) -> Self {
        let (mut gate, mut filters) = (false, Vec::new());
        let (mut bench, mut smoke, mut quick, mut rounds, mut lap) = (false, false, false, None, None);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "-h" | "--help" => {
                    print!("{}", help(about));
                    exit(0);
                }
                "--bench" => bench = true,
                "--test" => smoke = true,
                "--quick" => quick = true,
                "--gate" => gate = true,
                "--rounds" => rounds = Some(number(about, &argument, arguments.next())),
                "--lap-us" => lap = Some(number(about, &argument, arguments.next())),
                flag if flag.starts_with('-') => refuse(about, &format!("unknown option {flag}")),
                _ => filters.push(argument),
            }
        }
        // `cargo bench` says --bench. `cargo test --benches` says nothing, so nothing asks for the tiny round.
        smoke |= !bench && !quick && rounds.is_none() && lap.is_none();
        let (usual_rounds, usual_lap) = match (smoke, quick) {
            (true, _) => about.smoke,
            (_, true) => about.quick,
            _ => about.full,
        };
        Self {
            rounds: rounds.map_or(usual_rounds, |rounds| rounds as usize),
            lap: lap.map_or(usual_lap, Duration::from_micros),
            gate,
            filters,
        }
    }

    /// Whether something of this name is to be measured: always without filters, else if one of them is part of it.
    pub fn asks_for(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter.as_str()))
    }
}

fn help(about: &About) -> String {
    let About { name, text, full, quick, .. } = about;
    format!(
        "{text}\n\
         Usage: cargo bench --bench {name} -- [OPTIONS] [FILTER]...\n\n\
         FILTER         measure only what has one of these in its name; a `wanted` line that lacks a side is left out\n\
         --quick        {} rounds of {:?} laps in place of {} of {:?}: to see that it runs, not to quote\n\
         --rounds N     how many rounds\n\
         --lap-us N     how long one lap takes, in microseconds\n\
         --gate         end with status 1 if any `wanted` line says MISS\n\
         --help         this text\n\n\
         Without --bench, which cargo bench passes, or any of these it runs one tiny round, as cargo test --benches wants.\n",
        quick.0, quick.1, full.0, full.1
    )
}

/// The whole number above 0 that an option wants; ends the program if it is none.
pub fn number(about: &About, option: &str, value: Option<String>) -> u64 {
    match value.as_deref().map(str::parse) {
        Some(Ok(number)) if number > 0 => number,
        _ => refuse(about, &format!("{option} wants a whole number above 0")),
    }
}

fn refuse(about: &About, why: &str) -> ! {
    eprintln!("{}: {why}; see --help", about.name);
    exit(2);
}
