//! A bench in parts: each adds the figures it is wanted to show, and all are told at the end.

use super::{Bound, Neighbours, Options, Verdicts};
use std::process::ExitCode;

/// The figures that are wanted, kept until the end.
#[derive(Default)]
pub struct Wanted(Vec<(String, f64, &'static str, Bound)>);

impl Wanted {
    pub fn add(&mut self, what: impl Into<String>, figure: f64, unit: &'static str, bound: Bound) {
        self.0.push((what.into(), figure, unit, bound));
    }
}

/// What is measured by itself, under its name.
pub type Part = (&'static str, fn(&Options, &mut Wanted));

/// Measures the parts that the command line asks for, in this order, and says how the run is to end.
pub fn measure(options: &Options, parts: &[Part]) -> ExitCode {
    let neighbours = Neighbours::watch();
    let mut wanted = Wanted::default();
    for (name, measure) in parts {
        if options.asks_for(name) {
            measure(options, &mut wanted);
        }
    }
    println!("\n{}", neighbours.describe());
    let mut verdicts = Verdicts::default();
    for (what, figure, unit, bound) in wanted.0 {
        verdicts.wanted(&what, figure, unit, bound);
    }
    ExitCode::from(verdicts.status(options.gate))
}
