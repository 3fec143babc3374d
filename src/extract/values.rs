//! What was found on a page.

use std::ops::Range;
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
        let start = self.text.len();
        let mut room = self.room.checked_sub(size_of::<Range<usize>>());
        for piece in pieces {
            room = room.and_then(|room| room.checked_sub(piece.len()));
            if room.is_none() {
                break;
            }
            self.text.push_str(piece);
        }
        match room {
            Some(room) => {
                self.room = room;
                self.found[field].push(start..self.text.len());
            }
            None => {
                self.text.truncate(start);
                self.exceed(Exceeded::Bytes(self.bounds.bytes));
            }
        }
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
        self.bound(Bounds::default());
        (self.deadline, self.exceeded) = (None, None);
    }
}
