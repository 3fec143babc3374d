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
            Self::AtMost(bound) => write!(f, "<= {bound:.2} x"),
            Self::Below(bound) => write!(f, "< {bound:.2} x"),
            Self::AtLeast(bound) => write!(f, ">= {bound:.2} x"),
        }
    }
}

/// Prints `wanted` lines and remembers whether any was missed.
#[derive(Default)]
pub struct Verdicts {
    missed: usize,
}

impl Verdicts {
    /// Prints `wanted <what>: <figure> x (<bound>) ok`, or `MISS` in place of `ok`. The figure is judged as measured, not
    /// as rounded for printing.
    pub fn wanted(&mut self, what: &str, figure: f64, bound: Bound) {
        let verdict = if bound.holds(figure) { "ok" } else { "MISS" };
        self.missed += usize::from(!bound.holds(figure));
        println!("wanted {what}: {figure:.3} x ({bound}) {verdict}");
    }

    /// The status to end with: 1 if something was missed and a miss is to count, else 0.
    pub fn status(&self, gate: bool) -> i32 {
        i32::from(gate && self.missed > 0)
    }
}
