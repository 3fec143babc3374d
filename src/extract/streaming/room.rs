//! Lists of a page that are reused for the next.

/// Room kept from page to page, in bytes of each kind.
const KEEP: usize = 1 << 20;

/// Lists that are reused from page to page.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The text of all open elements, once, however many of them it is in.
    pub(super) text: String,
    pub(super) attributes: String,
    pub(super) found: Vec<Found>,
    /// A text that is not whole yet.
    pub(super) pending: String,
    /// Per field, whether it has found anything.
    pub(super) any: Vec<bool>,
}

impl Room {
    pub(super) fn weight(&self) -> usize {
        self.text.capacity()
            + self.attributes.capacity()
            + self.pending.capacity()
            + self.found.capacity() * size_of::<Found>()
    }

    pub(super) fn clear(&mut self) {
        for text in [&mut self.text, &mut self.attributes, &mut self.pending] {
            text.clear();
            text.shrink_to(KEEP);
        }
        self.found.clear();
        self.found.shrink_to(KEEP / size_of::<Found>());
    }
}

/// A value, in the order of the start tags.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) field: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}
