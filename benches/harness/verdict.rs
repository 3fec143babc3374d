//! The last lines of a bench: one for each figure that is wanted of the crate, and whether it was reached.

use std::fmt;

/// What a figure must not exceed, or must reach.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// At most this.
    AtMost(f64),
    /// Less than this.
    Below(f64),
    /// At least this.
    AtLeast(f64),
    /// More than this.
    Above(f64),
}

impl Bound {
    /// Whether the figure keeps to the bound. What could not be measured does not.
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bound) => figure <= bound,
            Self::Below(bound) => figure < bound,
            Self::AtLeast(bound) => figure >= bound,
            Self::Above(bound) => figure > bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "<= {bound}"),
            Self::Below(bound) => write!(f, "< {bound}"),
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::Above(bound) => write!(f, "> {bound}"),
        }
    }
}

/// Prints `wanted` lines and remembers whether any was missed.
#[derive(Default)]
pub struct Verdicts {
    missed: usize,
}

impl Verdicts {
    /// Prints `wanted <what>: <figure><unit> (<bound>) ok`, or `MISS` in place of `ok`. Whole numbers are printed as such. The
    /// figure is judged as measured, not as rounded for printing.
    pub fn wanted(&mut self, what: &str, figure: f64, unit: &str, bound: Bound) {
        let digits = if figure.fract() == 0.0 { 0 } else { 3 };
        let verdict = if bound.holds(figure) { "ok" } else { "MISS" };
        self.missed += usize::from(!bound.holds(figure));
        println!("wanted {what}: {figure:.digits$}{unit} ({bound}{unit}) {verdict}");
    }

    /// Prints `wanted <what>: <figure> x (<bound> x) ok`, or `MISS` in place of `ok`: how many times something else it is.
    pub fn wanted_times(&mut self, what: &str, figure: f64, bound: Bound) {
        self.wanted(what, figure, " x", bound);
    }

    /// The status to end with: 1 if something was missed and a miss is to count, else 0.
    pub fn status(&self, gate: bool) -> u8 {
        u8::from(gate && self.missed > 0)
    }
}
