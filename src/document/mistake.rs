//! What is wrong with something that somebody typed, and where.

use std::fmt;
use std::sync::Arc;

/// Something typed that was refused: what is wrong, at which place, and what to try.
///
/// Displays as the reason with its column, the line that was typed, a caret under the place, and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    input: Arc<str>,
    at: usize,
    what: String,
    hint: String,
}

impl Mistake {
    pub(crate) fn new(input: &str, at: usize, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { input: input.into(), at: at.min(input.len()), what: what.into(), hint: hint.into() }
    }

    #[cfg(feature = "extract")]
    /// The same mistake, seen in a longer text of which the old input is the part from byte `start` on.
    pub(crate) fn within(self, whole: &str, start: usize) -> Self {
        Self { at: start + self.at, input: whole.into(), ..self }
    }

    /// The same mistake at this byte of a text that it is to be given by [`of`](Self::of).
    #[cfg(any(feature = "recipes", feature = "config"))]
    pub(crate) fn placed(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// The same mistake in a text that many of them share.
    #[cfg(any(feature = "recipes", feature = "config"))]
    pub(crate) fn of(self, whole: &Arc<str>) -> Self {
        Self { at: self.at.min(whole.len()), input: Arc::clone(whole), ..self }
    }

    /// What to try.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    #[cfg(feature = "extract")]
    /// The same mistake, seen in the rest of the old input from byte `start` on.
    pub(crate) fn after(self, start: usize, rest: &str) -> Self {
        Self { at: self.at.saturating_sub(start), input: rest.into(), ..self }
    }

    /// The text that was refused, as it was given.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Where the mistake starts: bytes from the start of [`input`](Self::input), its length if the text ends too early.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The line of the mistake, from 1.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// The column of the mistake within its line, in characters from 1.
    pub fn column(&self) -> usize {
        self.before().rsplit('\n').next().unwrap_or("").chars().count() + 1
    }

    /// What is wrong, without place or hint.
    pub fn what(&self) -> &str {
        &self.what
    }

    fn before(&self) -> &str {
        // A place inside a character (no parser here gives one) would be shown at that character.
        &self.input[..self.input.floor_char_boundary(self.at)]
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.line(), self.column());
        write!(f, "{} at column {column}", self.what)?;
        if self.input.contains('\n') {
            write!(f, " of line {line}")?;
        }
        // One column a character, so that the caret stays under its place.
        let shown: String = self
            .input
            .split('\n')
            .nth(line - 1)
            .unwrap_or("")
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        // Spaces by number: a width may not be as large as a line.
        write!(f, "\n    {shown}\n    {}^\n{}", " ".repeat(column.saturating_sub(1)), self.hint)
    }
}

impl std::error::Error for Mistake {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_far_to_the_right_can_be_shown() {
        let line = "a".repeat(70_000);
        let shown = Mistake::new(&line, 69_999, "wrong", "try another").to_string();
        assert_eq!(shown.lines().nth(2).map(str::len), Some(4 + 70_000));
    }
}
