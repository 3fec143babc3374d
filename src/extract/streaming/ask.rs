//! What is asked of each element, and what is taken of those that match.

use std::ops::Range;

use super::super::dom::names::{BODY, HEAD, HTML};
use super::asked::resolved;
use super::compile::{After, Gives};
use super::field::Taken;
use super::not_plain::NotPlain;
use super::reader::{Reader, Stop};
use super::room::Found;
use super::tags::Tag;

/// The end of a text whose element is open.
const OPEN: usize = usize::MAX;

/// Which of its bits an open element keeps: its own, those with all around it, and of the elements in it those of the last and of all.
const OWN: usize = 0;
const ABOVE: usize = 1;
const LAST: usize = 2;
const BEFORE: usize = 3;

impl<const WATCHED: bool> Reader<'_, WATCHED> {
    /// Asks the element of a tag all there is to ask. Gives how many texts begin with it.
    pub(super) fn ask(&mut self, tag: Tag, is_html: bool) -> Result<u32, Stop> {
        let parent = self.room.stack.last_mut().expect("the page is open to its end");
        parent.children += 1;
        let index = parent.children;
        self.elements += 1;
        let plan = self.plan;
        let (named, any) = (&plan.tests.by_name(tag.name).tests, &plan.tests.for_any.tests);
        if plan.stride > 0 {
            self.room.own.fill(0);
        }
        let mut texts = 0;
        if !(named.is_empty() && any.is_empty() || self.is_full) {
            self.clock.spend((named.len() + any.len()) / 8);
            for &test in named.iter().chain(any) {
                let test = &plan.tests.all[test];
                if !self.follows(test.after) || self.is_taken(test.gives) {
                    continue;
                }
                if !self.asked(tag, is_html, index).passes(&test.parts) {
                    continue;
                }
                match test.gives {
                    Gives::Bit(bit) => self.room.own[bit / 64] |= 1 << (bit % 64),
                    Gives::Field(field) => {
                        self.room.taken[field] = self.elements;
                        texts += self.take(field, tag, is_html)?;
                    }
                }
            }
        }
        if plan.tests.siblings {
            self.note_sibling();
        }
        Ok(texts)
    }

    fn is_taken(&self, gives: Gives) -> bool {
        match gives {
            Gives::Bit(_) => false,
            Gives::Field(field) => {
                self.room.taken[field] == self.elements
                    || self.plan.fields[field].is_first() && self.room.any[field]
                    || self.is_full
            }
        }
    }

    // The bits of elements.

    fn follows(&self, after: After) -> bool {
        let (kind, bit) = match after {
            After::Nothing => return true,
            After::Above(bit) => (ABOVE, bit),
            After::Parent(bit) => (OWN, bit),
            After::Before(bit) => (BEFORE, bit),
            After::Next(bit) => (LAST, bit),
        };
        let parent = self.room.bits.len() - self.plan.stride;
        self.room.bits[parent + kind * self.plan.tests.words + bit / 64] >> (bit % 64) & 1 == 1
    }

    fn note_sibling(&mut self) {
        let words = self.plan.tests.words;
        let parent = self.room.bits.len() - self.plan.stride;
        for (n, own) in self.room.own.iter().enumerate() {
            self.room.bits[parent + LAST * words + n] = *own;
            self.room.bits[parent + BEFORE * words + n] |= own;
        }
    }

    /// The element at hand is open.
    #[inline]
    pub(super) fn push_bits(&mut self) {
        let (words, stride) = (self.plan.tests.words, self.plan.stride);
        if stride == 0 {
            return;
        }
        let above = self.room.bits.len() - stride + ABOVE * words;
        self.room.bits.extend_from_slice(&self.room.own);
        for n in 0..words {
            let bits = self.room.bits[above + n] | self.room.own[n];
            self.room.bits.push(bits);
        }
        let len = self.room.bits.len() + stride - 2 * words;
        self.room.bits.resize(len, 0);
    }

    // What is taken.

    /// Takes what a field wants of the element at hand. Gives how many texts begin with it, one or none.
    fn take(&mut self, field: usize, tag: Tag, is_html: bool) -> Result<u32, Stop> {
        match self.plan.fields[field].what {
            Taken::Nothing => self.found(field, false, 0..0)?,
            Taken::Attribute(attribute) => {
                if let Some((start, end)) = self.room.tag.range(attribute) {
                    self.attribute(field, start..end)?;
                }
            }
            Taken::Text(_) => {
                // White space outside of these may belong to their text.
                if WATCHED && is_html && matches!(tag.name, HTML | HEAD | BODY) {
                    return Err(NotPlain::Root.into());
                }
                let (at, start) = (self.room.found.len(), self.room.text.len());
                self.found(field, false, start..OPEN)?;
                self.room.texts.push(at);
                return Ok(1);
            }
        }
        Ok(0)
    }

    fn attribute(&mut self, field: usize, place: Range<usize>) -> Result<(), Stop> {
        match resolved(&self.page[place.clone()]) {
            std::borrow::Cow::Borrowed(_) => {
                self.takes(place.len())?;
                self.found(field, true, place)
            }
            std::borrow::Cow::Owned(value) => {
                let start = self.room.attributes.len();
                self.takes(value.len())?;
                self.room.attributes.push_str(&value);
                self.found(field, false, start..start + value.len())
            }
        }
    }

    fn found(&mut self, field: usize, in_page: bool, place: Range<usize>) -> Result<(), Stop> {
        self.room.any[field] = true;
        self.room.found.push(Found { field: field as u32, in_page, start: place.start, end: place.end });
        self.takes(size_of::<Range<usize>>())
    }

    /// Takes bytes of a value off what is left. They are counted again when values are given, so that to count some of them twice
    /// would be wrong, and to forget some costs memory alone.
    fn takes(&mut self, bytes: usize) -> Result<(), Stop> {
        self.clock.spend(bytes / super::super::search::BYTES);
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            // Whether the page is plain is not known yet.
            None if WATCHED => self.is_full = true,
            None => return Err(Stop::Full),
        }
        self.goes_on()
    }
}
