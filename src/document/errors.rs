//! All that is wrong with a file.

use std::fmt::{self, Display, Formatter};

use super::Mistake;

/// Mistakes that are told; a file has no more than that before somebody looks.
const MOST: usize = 100;

/// Signs of a line that are shown on either side of a mistake.
const AROUND: usize = 70;

/// Why a file was refused: all of its mistakes, in the order of the file.
///
/// Displays each as `LINE:COLUMN: what; hint` with the line and a caret below; [`named`](Self::named) puts the file's name before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileErrors {
    mistakes: Vec<Mistake>,
    left_out: usize,
}

impl FileErrors {
    pub(crate) fn new(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(Mistake::offset);
        // What the parser stumbled over comes first, and means nothing because of it.
        mistakes.dedup_by_key(|mistake| mistake.offset());
        let left_out = mistakes.len().saturating_sub(MOST);
        mistakes.truncate(MOST);
        Self { mistakes, left_out }
    }

    /// The mistakes, at least one and at most a hundred.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// How many there are beyond those.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The same, each with the name of the file before its place.
    pub fn named<'a>(&'a self, file: &'a str) -> impl Display + 'a {
        fmt::from_fn(move |f| self.write(f, Some(file)))
    }

    fn write(&self, f: &mut Formatter<'_>, file: Option<&str>) -> fmt::Result {
        for (n, mistake) in self.mistakes.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            if let Some(file) = file {
                write!(f, "{file}:")?;
            }
            let (line, column) = (mistake.line(), mistake.column());
            writeln!(f, "{line}:{column}: {}; {}", mistake.what(), mistake.hint())?;
            let signs = mistake.input().split('\n').nth(line - 1).unwrap_or("").chars();
            let from = column.saturating_sub(AROUND);
            write!(f, "    ")?;
            for sign in signs.skip(from).take(2 * AROUND) {
                write!(f, "{}", if sign.is_control() { ' ' } else { sign })?;
            }
            write!(f, "\n    {:>width$}", '^', width = column - from)?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl Display for FileErrors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}

impl std::error::Error for FileErrors {}
