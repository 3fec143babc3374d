//! One element, and what tests ask of it.

use std::borrow::Cow;

use memchr::memchr2;

use super::super::bounds::Clock;
use super::super::dom::names::NameId;
use super::super::dom::tags::decode_value;
use super::super::search::BYTES;
use super::compile::{Attribute, CLASS, ID, Part};

/// The wanted attributes of the tag at hand.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// Where the value of each stands.
    values: Vec<Option<(u32, u32)>>,
    /// Those that this tag has.
    has: Vec<Attribute>,
}

impl Attributes {
    pub(super) fn clear(&mut self, wanted: usize) {
        self.has.clear();
        self.values.clear();
        self.values.resize(wanted, None);
    }

    /// Another tag.
    pub(super) fn next(&mut self) {
        while let Some(at) = self.has.pop() {
            self.values[usize::from(at)] = None;
        }
    }

    /// The first of several of the same name counts.
    pub(super) fn add(&mut self, at: Attribute, value: (usize, usize)) {
        let have = &mut self.values[usize::from(at)];
        if have.is_none() {
            *have = Some((value.0 as u32, value.1 as u32));
            self.has.push(at);
        }
    }

    /// Where a value stands in the page.
    pub(super) fn range(&self, at: Attribute) -> Option<(usize, usize)> {
        self.values[usize::from(at)].map(|(start, end)| (start as usize, end as usize))
    }
}

/// An element whose start tag has been read.
pub(super) struct Asked<'a> {
    pub(super) page: &'a str,
    pub(super) name: NameId,
    /// Where the name stands.
    pub(super) text: (usize, usize),
    pub(super) is_html: bool,
    pub(super) is_root: bool,
    /// From 1, among the elements of its parent.
    pub(super) index: u32,
    pub(super) attributes: &'a Attributes,
    pub(super) clock: &'a Clock,
}

impl<'a> Asked<'a> {
    pub(super) fn passes(&self, parts: &[Part]) -> bool {
        parts.iter().all(|part| self.has(part))
    }

    fn has(&self, part: &Part) -> bool {
        match part {
            Part::Known(name) => *name == self.name,
            Part::Name(name) => self.page[self.text.0..self.text.1].eq_ignore_ascii_case(name),
            Part::Id(id) => self.value(ID).is_some_and(|value| *value == **id),
            Part::Class(class) => {
                self.value(CLASS).is_some_and(|value| value.split_ascii_whitespace().any(|have| *have == **class))
            }
            Part::Has(attribute) => self.attributes.range(*attribute).is_some(),
            Part::Value(attribute, operator, case, value) => {
                let case = Part::case(*case, self.is_html);
                self.value(*attribute).is_some_and(|have| operator.0.eval_str(&have, value, case))
            }
            Part::Nth(formula) => i32::try_from(self.index).is_ok_and(|index| formula.matches_index(index)),
            Part::Root => self.is_root,
            Part::Any(lists) => lists.iter().any(|parts| self.passes(parts)),
            Part::None(lists) => !lists.iter().any(|parts| self.passes(parts)),
        }
    }

    /// A value with its references resolved.
    fn value(&self, attribute: Attribute) -> Option<Cow<'a, str>> {
        let (start, end) = self.attributes.range(attribute)?;
        let value = &self.page[start..end];
        self.clock.spend(value.len() / BYTES);
        Some(resolved(value))
    }
}

pub(super) fn resolved(value: &str) -> Cow<'_, str> {
    if memchr2(b'&', 0, value.as_bytes()).is_none() {
        return Cow::Borrowed(value);
    }
    let mut text = String::new();
    decode_value(value, &mut text);
    Cow::Owned(text)
}
