//! The `wanted` lines of the soak: figures with units of their own, where those of the other benches are ratios.

use std::fmt;

/// What a figure must not exceed, or must reach.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
}

impl Bound {
    /// Whether the figure keeps to the bound. What could not be measured does not.
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bound) => figure <= bound,
            Self::Below(bound) => figure < bound,
            Self::AtLeast(bound) => figure >= bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "<= {bound}"),
            Self::Below(bound) => write!(f, "< {bound}"),
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
        }
    }
}

/// Prints `wanted` lines and remembers whether any was missed.
#[derive(Default)]
pub struct Verdicts {
    missed: usize,
}

impl Verdicts {
    /// Prints `wanted <what>: <figure><unit> (<bound>) ok`, or `MISS` in place of `ok`. Whole numbers are printed as such.
    pub fn wanted(&mut self, what: &str, figure: f64, unit: &str, bound: Bound) {
        let verdict = if bound.holds(figure) { "ok" } else { "MISS" };
        self.missed += usize::from(!bound.holds(figure));
        let digits = if figure.fract() == 0.0 { 0 } else { 2 };
        println!("wanted {what}: {figure:.digits$}{unit} ({bound}{unit}) {verdict}");
    }

    /// The status to end with: 1 if something was missed and a miss is to count, else 0.
    pub fn status(&self, gate: bool) -> i32 {
        i32::from(gate && self.missed > 0)
    }
}
