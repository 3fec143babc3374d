//! The figures that are wanted, kept until the end.

use crate::harness::{Bound, Verdicts};

#[derive(Default)]
pub struct Wanted(Vec<(String, f64, &'static str, Bound)>);

impl Wanted {
    pub fn add(&mut self, what: impl Into<String>, figure: f64, unit: &'static str, bound: Bound) {
        self.0.push((what.into(), figure, unit, bound));
    }

    pub fn print(self, verdicts: &mut Verdicts) {
        for (what, figure, unit, bound) in self.0 {
            verdicts.wanted(&what, figure, unit, bound);
        }
    }
}
