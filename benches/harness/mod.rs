//! What every bench of this crate shares: its command line, the line that says which machine it ran on, figures that
//! stand on a noisy machine, a table, and the `wanted` lines at the end.
//!
//! Nothing here measures. A bench brings its own laps; it hands their figures over and gets them printed.
#![allow(dead_code, unused_imports, reason = "each bench takes the parts it needs")]

mod dice;
mod figures;
mod machine;
mod neighbours;
mod options;
mod parts;
mod placement;
mod progress;
mod table;
mod verdict;

pub use dice::Dice;
pub use figures::{Rounds, ratios};
pub use machine::describe_machine;
pub use neighbours::Neighbours;
pub use options::{About, Options, number};
pub use parts::{Part, Wanted, measure};
pub use placement::stay_on_core;
pub use progress::Progress;
pub use table::Table;
pub use verdict::{Bound, Verdicts};
