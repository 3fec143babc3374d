//! What was found on a page.

use std::fmt::{self, Write};
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bounds::{Bounds, Clock, Exceeded};

/// Room kept from page to page, in bytes. One huge page must not make every later one pay for its memory.
const KEEP: usize = 1 << 20;

/// The values found on one page, field by field, in page order.
///
/// All text lies in one buffer that is reused from page to page, so a page with a thousand links costs no thousand allocations.
#[derive(Debug, Default)]
pub struct Values {
    text: String,
    found: Vec<Vec<Range<usize>>>,
    bounds: Bounds,
    /// Bytes that are left of those.
    room: usize,
    /// When the extractor that has the page must be done, and what time that leaves to the next one.
    deadline: Option<Instant>,
    left: Option<Duration>,
    exceeded: Option<Exceeded>,
    /// The page's text, for patterns that search it.
    page_text: String,
    /// Room for a value that is searched while others are added.
    aside: String,
    missing: Option<Missing>,
}

/// A field that must find something on every page, and did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    field: Arc<str>,
    record: Option<usize>,
}

impl Missing {
    /// Its name; of a field in a record after the names of those around it, such as `products.name`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// In which record of the innermost field around it, from 1; `None` for a field of the page.
    pub fn record(&self) -> Option<usize> {
        self.record
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the field {} is required and found nothing", self.field)?;
        self.record.map_or(Ok(()), |n| write!(f, " in record {n}"))
    }
}

impl Values {
    /// Room for this many fields.
    pub fn new(fields: usize) -> Self {
        let mut values = Self { found: vec![Vec::new(); fields], ..Self::default() };
        values.bound(Bounds::default());
        values
    }

    /// Adds one value to a field; its pieces are joined without anything between them. Not if that is more than the page's
    /// [`Bounds`] allow: then it is [`exceeded`](Self::exceeded).
    /// # Panics
    /// If there is no such field.
    pub fn push<'a>(&mut self, field: usize, pieces: impl IntoIterator<Item = &'a str>) {
        let room = self.room;
        self.push_with(field, |text| {
            let start = text.len();
            for piece in pieces {
                text.push_str(piece);
                if text.len() - start > room {
                    break;
                }
            }
        });
    }

    /// What the page whose values come next may take. It holds until [`clear`](Self::clear).
    pub fn bound(&mut self, bounds: Bounds) {
        (self.bounds, self.left, self.room) = (bounds, bounds.time, bounds.bytes);
    }

    /// What the page took too much of, if it did. Its values are then not all there are.
    pub fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded
    }

    /// Of several reasons the first one counts.
    pub(super) fn exceed(&mut self, what: Exceeded) {
        self.exceeded.get_or_insert(what);
    }

    /// Lets an extractor work on the page in the time that is left, and takes that time off.
    pub(super) fn timed(&mut self, work: impl FnOnce(&mut Self)) {
        let begun = Instant::now();
        self.deadline = self.left.and_then(|left| begun.checked_add(left));
        work(self);
        self.deadline = None;
        self.left = self.left.map(|left| left.saturating_sub(begun.elapsed()));
    }

    /// A clock for the extractor that has the page.
    pub(super) fn clock(&self) -> Clock {
        Clock::new(self.deadline)
    }

    /// Takes note of what a clock says.
    pub(super) fn heed(&mut self, clock: &Clock) {
        if clock.was_over() {
            self.exceed(Exceeded::Time(self.bounds.time.unwrap_or_default()));
        }
    }

    /// Adds one value to a field, as it is written to the end of the text; not if that is more than there is room for.
    pub(super) fn push_with(&mut self, field: usize, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        write(&mut self.text);
        match self.room.checked_sub(size_of::<Range<usize>>() + self.text.len() - start) {
            Some(room) => {
                self.room = room;
                self.found[field].push(start..self.text.len());
            }
            None => {
                self.text.truncate(start);
                self.exceed_room();
            }
        }
    }

    /// The bytes that its values may still take.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    pub(super) fn exceed_room(&mut self) {
        self.exceed(Exceeded::Bytes(self.bounds.bytes));
    }

    /// The values of one field, in page order.
    ///
    /// A record is a JSON object, and a count a number in decimal digits; see [`Shape`](super::Shape).
    /// # Panics
    /// If there is no such field.
    pub fn of(&self, field: usize) -> impl ExactSizeIterator<Item = &str> {
        self.found[field].iter().map(|range| &self.text[range.clone()])
    }

    /// The number of fields.
    pub fn fields(&self) -> usize {
        self.found.len()
    }

    /// The first field that found nothing although it must.
    pub fn missing(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }

    pub(super) fn is_missing(&mut self, field: &Arc<str>, record: Option<usize>) {
        self.missing.get_or_insert_with(|| Missing { field: Arc::clone(field), record });
    }

    /// A field has found all there is on the page: notes it if that is nothing although it is `required`, and makes of a count its number.
    pub(super) fn finish(&mut self, field: usize, required: Option<&Arc<str>>, counts: bool) {
        if let Some(name) = required.filter(|_| self.found[field].is_empty()) {
            self.is_missing(name, None);
        }
        if counts {
            self.count(field);
        }
    }

    /// Makes of the values of a field their number.
    fn count(&mut self, field: usize) {
        let count = self.found[field].len();
        self.found[field].clear();
        self.push_with(field, |text| write!(text, "{count}").expect("memory takes every write"));
    }

    pub(super) fn set_page_text<'a>(&mut self, pieces: impl Iterator<Item = &'a str>) {
        self.page_text.clear();
        self.page_text.extend(pieces);
    }

    /// Calls with the page's text, which is not to be set meanwhile.
    pub(super) fn with_page_text(&mut self, search: impl FnOnce(&str, &mut Self)) {
        let text = mem::take(&mut self.page_text);
        search(&text, self);
        self.page_text = text;
    }

    /// Calls with each value of a field, which is not to be given more meanwhile.
    pub(super) fn with_each(&mut self, field: usize, mut search: impl FnMut(&str, &mut Self)) {
        let mut aside = mem::take(&mut self.aside);
        for n in 0..self.found[field].len() {
            aside.clear();
            aside.push_str(&self.text[self.found[field][n].clone()]);
            search(&aside, self);
        }
        self.aside = aside;
    }

    /// Forgets all values, and memory beyond what an ordinary page needs.
    pub fn clear(&mut self) {
        for text in [&mut self.text, &mut self.page_text, &mut self.aside] {
            text.clear();
            text.shrink_to(KEEP);
        }
        for ranges in &mut self.found {
            ranges.clear();
            ranges.shrink_to(KEEP / size_of::<Range<usize>>());
        }
        self.bound(Bounds::default());
        (self.deadline, self.exceeded) = (None, None);
        self.missing = None;
    }
}
