//! What was found on a page.

use std::ops::Range;

/// Room kept from page to page, in bytes. One huge page must not make every later one pay for its memory.
const KEEP: usize = 1 << 20;

/// The values found on one page, field by field, in page order.
///
/// All text lies in one buffer that is reused from page to page, so a page with a thousand links costs no thousand allocations.
#[derive(Debug, Default)]
pub struct Values {
    text: String,
    found: Vec<Vec<Range<usize>>>,
}

impl Values {
    /// Room for this many fields.
    pub fn new(fields: usize) -> Self {
        Self { text: String::new(), found: vec![Vec::new(); fields] }
    }

    /// Adds one value to a field; its pieces are joined without anything between them.
    /// # Panics
    /// If there is no such field.
    pub fn push<'a>(&mut self, field: usize, pieces: impl IntoIterator<Item = &'a str>) {
        let start = self.text.len();
        self.text.extend(pieces);
        self.found[field].push(start..self.text.len());
    }

    /// The values of one field, in page order.
    /// # Panics
    /// If there is no such field.
    pub fn of(&self, field: usize) -> impl ExactSizeIterator<Item = &str> {
        self.found[field].iter().map(|range| &self.text[range.clone()])
    }

    /// The number of fields.
    pub fn fields(&self) -> usize {
        self.found.len()
    }

    /// Forgets all values, and memory beyond what an ordinary page needs.
    pub fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(KEEP);
        for ranges in &mut self.found {
            ranges.clear();
            ranges.shrink_to(KEEP / size_of::<Range<usize>>());
        }
    }
}
