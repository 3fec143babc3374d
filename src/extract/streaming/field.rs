//! One field: what is taken of an element, and what is made of it.

use std::sync::Arc;

use super::super::dom::text;
use super::super::what::{Take, Text, What};
use super::super::{CssField, Values};
use super::WhyNot;
use super::compile::{Attribute, Tests};

#[derive(Debug)]
pub(super) struct Field {
    index: usize,
    take: Take,
    pub(super) what: Taken,
    required: Option<Arc<str>>,
}

/// What is taken of an element.
#[derive(Debug, Clone, Copy)]
pub(super) enum Taken {
    Attribute(Attribute),
    Text(Text),
    /// It is only counted.
    Nothing,
}

impl Field {
    /// Adds what it asks of elements to the tests, as the `field`th.
    pub(super) fn new(field: usize, (index, asked): &(usize, CssField), tests: &mut Tests) -> Result<Self, WhyNot> {
        let what = match &asked.what {
            What::Attribute(name) => Taken::Attribute(tests.attribute(name)),
            What::Text(_) | What::Html(_) if asked.take == Take::Count => Taken::Nothing,
            What::Text(how) => Taken::Text(*how),
            What::Html(_) => return Err(WhyNot::Html { name: asked.name.clone() }),
            What::Record(_) => return Err(WhyNot::Record { name: asked.name.clone() }),
        };
        tests
            .add(field, &asked.selector, matches!(what, Taken::Attribute(_)))
            .map_err(|needs| WhyNot::Field { name: asked.name.clone(), needs })?;
        Ok(Self { index: *index, take: asked.take, what, required: asked.required.clone() })
    }

    /// Whether no element after the first counts.
    pub(super) fn is_first(&self) -> bool {
        self.take == Take::First
    }

    pub(super) fn takes_attribute(&self) -> bool {
        matches!(self.what, Taken::Attribute(_))
    }

    /// Adds one of its values, as it was found.
    pub(super) fn give(&self, found: &str, values: &mut Values) {
        match self.what {
            Taken::Attribute(_) | Taken::Text(Text::Raw) => values.push(self.index, [found]),
            Taken::Text(how) => values.push_with(self.index, |out| text::join([found].into_iter(), how, out)),
            Taken::Nothing => values.push(self.index, []),
        }
    }

    /// The page is over.
    pub(super) fn finish(&self, values: &mut Values) {
        values.finish(self.index, self.required.as_ref(), self.take == Take::Count);
    }
}
