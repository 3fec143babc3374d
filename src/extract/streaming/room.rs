//! Lists of a page that are reused for the next.

use super::super::dom::names::{COUNT, NameId};
use super::asked::Attributes;

/// Room kept from page to page, in bytes of each kind.
const KEEP: usize = 1 << 20;

/// Open elements of names that the rules do not know are counted by so many hashes.
const HASHES: usize = 64;

/// A name the rules do not know.
pub(super) const OTHER: NameId = NameId::MAX;

/// An element whose end has not come. The first one on the list is the page itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub(super) name: NameId,
    /// Where the name stands in the page.
    pub(super) start: u32,
    pub(super) len: u32,
    /// Elements in it so far.
    pub(super) children: u32,
    /// Texts that end with it.
    pub(super) texts: u32,
    /// Where it is counted.
    counted: u16,
    pub(super) inside: Inside,
}

/// What the tags in an element are tags of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Html,
    Svg,
    MathMl,
}

impl Open {
    pub(super) const PAGE: Self =
        Self { name: OTHER, start: 0, len: 0, children: 0, texts: 0, counted: COUNT as u16, inside: Inside::Html };

    pub(super) fn new(name: NameId, hash: usize, (start, end): (usize, usize), texts: u32, inside: Inside) -> Self {
        let counted = place(name, hash) as u16;
        Self { name, start: start as u32, len: (end - start) as u32, children: 0, texts, counted, inside }
    }
}

fn place(name: NameId, hash: usize) -> usize {
    if name == OTHER { COUNT + hash % HASHES } else { name as usize }
}

/// Lists that are reused from page to page.
#[derive(Debug)]
pub(super) struct Room {
    /// The text of all open elements, once, however many of them it is in.
    pub(super) text: String,
    /// Attributes that are not in the page as they are to be given.
    pub(super) attributes: String,
    pub(super) found: Vec<Found>,
    /// Those of them that are texts whose elements are open.
    pub(super) texts: Vec<usize>,
    /// Per field, the number of the element it took last; no field takes one twice, and none has the number 0.
    pub(super) taken: Vec<u64>,
    pub(super) any: Vec<bool>,
    pub(super) stack: Vec<Open>,
    /// The bits of each open element.
    pub(super) bits: Vec<u64>,
    /// Those of the element at hand.
    pub(super) own: Vec<u64>,
    pub(super) tag: Attributes,
    /// Open elements by name.
    counts: Box<[u32]>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            text: String::new(),
            attributes: String::new(),
            found: Vec::new(),
            texts: Vec::new(),
            taken: Vec::new(),
            any: Vec::new(),
            stack: Vec::new(),
            bits: Vec::new(),
            own: Vec::new(),
            tag: Attributes::default(),
            counts: vec![0; COUNT + HASHES].into(),
        }
    }
}

impl Room {
    pub(super) fn weight(&self) -> usize {
        self.text.capacity()
            + self.attributes.capacity()
            + self.found.capacity() * size_of::<Found>()
            + (self.texts.capacity() + self.bits.capacity()) * size_of::<u64>()
            + self.stack.capacity() * size_of::<Open>()
    }

    /// For a page of which so many fields are to be taken.
    pub(super) fn begin(&mut self, fields: usize) {
        self.any.clear();
        self.any.resize(fields, false);
        self.taken.clear();
        self.taken.resize(fields, 0);
        self.stack.push(Open::PAGE);
    }

    pub(super) fn clear(&mut self) {
        for text in [&mut self.text, &mut self.attributes] {
            text.clear();
            text.shrink_to(KEEP);
        }
        self.found.clear();
        self.found.shrink_to(KEEP / size_of::<Found>());
        self.stack.clear();
        self.stack.shrink_to(KEEP / size_of::<Open>());
        for list in [&mut self.bits, &mut self.own] {
            list.clear();
            list.shrink_to(KEEP / size_of::<u64>());
        }
        self.texts.clear();
        self.texts.shrink_to(KEEP / size_of::<usize>());
        self.counts.fill(0);
    }

    #[inline]
    pub(super) fn top(&self) -> &Open {
        self.stack.last().expect("the page is open to its end")
    }

    /// How many elements are open.
    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.stack.len() - 1
    }

    #[inline]
    pub(super) fn push(&mut self, open: Open) {
        self.counts[usize::from(open.counted)] += 1;
        self.stack.push(open);
    }

    /// Closes the innermost element, with its texts.
    #[inline]
    pub(super) fn pop(&mut self, bits: usize) {
        let open = self.stack.pop().expect("the page is never closed");
        self.counts[usize::from(open.counted)] -= 1;
        self.bits.truncate(self.bits.len() - bits);
        self.close(open.texts);
    }

    /// The last so many texts are whole.
    #[inline]
    pub(super) fn close(&mut self, texts: u32) {
        for _ in 0..texts {
            if let Some(at) = self.texts.pop() {
                self.found[at].end = self.text.len();
            }
        }
    }

    /// Whether an element of a name that the rules know is open.
    #[inline]
    pub(super) fn has(&self, name: NameId) -> bool {
        self.counts[name as usize] > 0
    }

    /// Whether one of this name may be.
    #[inline]
    pub(super) fn may_have(&self, name: NameId, hash: usize) -> bool {
        self.counts[place(name, hash)] > 0
    }
}

/// A value, in the order of the start tags.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) field: u32,
    /// Whether it is a part of the page as it is, and not of what is kept beside it.
    pub(super) in_page: bool,
    pub(super) start: usize,
    pub(super) end: usize,
}
