//! Records: the fields below an element, written as a JSON object.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use selectors::Element as _;
use selectors::matching::{MatchingContext, matches_selector};
use selectors::parser::{Component, Selector as One};

use super::element::ElementOf;
use super::selector::{Dialect, Selector};
use super::tree::Kind;
use super::{markup, text};
use crate::extract::what::{From, Over, Record, Take, What, has_named_groups};
use crate::extract::{json_text, search};

/// Values that are searched or written a moment later, in one text.
#[derive(Debug, Default)]
pub(super) struct Found {
    text: String,
    ends: Vec<usize>,
}

/// Room of this kind that is kept from page to page, in bytes.
const KEEP: usize = 1 << 18;

impl Found {
    pub(super) fn weight(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(KEEP);
        self.ends.clear();
        self.ends.shrink_to(KEEP / size_of::<usize>());
    }

    fn end(&mut self) {
        self.ends.push(self.text.len());
    }

    /// The bytes of its values, and some for each.
    fn size(&self) -> usize {
        self.text.len() + size_of_val(&self.ends[..])
    }

    fn values(&self) -> impl Iterator<Item = &str> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }
}

/// Writes records of one page.
pub(super) struct Recorder<'a, 'c> {
    pub(super) context: &'a mut MatchingContext<'c, Dialect>,
    pub(super) free: &'a mut Vec<Found>,
    /// The bytes that values may take.
    pub(super) room: usize,
    /// They were more. What is written then is not all there is.
    pub(super) too_much: bool,
    /// The first field that found nothing although it must, and in which record.
    pub(super) missing: Option<(Arc<str>, usize)>,
}

impl Recorder<'_, '_> {
    /// The record of an element, which is the `number`th, from 1.
    pub(super) fn write(&mut self, row: ElementOf<'_>, number: usize, record: &Record, out: &mut String) {
        let members = record.members.iter().enumerate().map(|(n, member)| (n, member.name.as_str()));
        let start = out.len();
        self.forget_if(record.scoped);
        json_text::object(out, members, |out, n| {
            self.too_much |= out.len() - start > self.room;
            if self.too_much {
                // Nobody sees it; it is too much already.
                return out.push_str("null");
            }
            self.member(row, number, record, n, out);
        });
        self.forget_if(record.scoped);
    }

    /// Answers of `:has(...)` are kept by element and selector. Those that depend on `:scope` are good for one row.
    fn forget_if(&mut self, scoped: bool) {
        if scoped {
            self.context.selector_caches.relative_selector = Default::default();
        }
    }

    fn member(&mut self, row: ElementOf<'_>, number: usize, record: &Record, n: usize, out: &mut String) {
        let member = &record.members[n];
        let mut found = self.free.pop().unwrap_or_default();
        self.find(row, record, n, &mut found);
        if let Some(name) = member.required.as_ref().filter(|_| found.ends.is_empty()) {
            self.missing.get_or_insert_with(|| (Arc::clone(name), number));
        }
        let value = |out: &mut String, value: &str| match member.is_json() {
            true => out.push_str(value),
            false => json_text::string(out, value),
        };
        match member.take {
            Take::Count => write!(out, "{}", found.ends.len()).expect("memory takes every write"),
            Take::First => match found.values().next() {
                Some(first) => value(out, first),
                None => out.push_str("null"),
            },
            Take::All => {
                out.push('[');
                for (n, found) in found.values().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    value(out, found);
                }
                out.push(']');
            }
        }
        self.give_back(found);
    }

    fn is_too_much(&mut self, found: &Found) -> bool {
        self.too_much |= found.size() > self.room;
        self.too_much
    }

    fn give_back(&mut self, mut found: Found) {
        found.clear();
        self.free.push(found);
    }

    /// The values of a member.
    fn find(&mut self, row: ElementOf<'_>, record: &Record, n: usize, found: &mut Found) {
        let member = &record.members[n];
        let first = member.take == Take::First;
        match &member.from {
            From::Css(selector, what) => {
                // The row itself is no part of what is below it, but `:scope` means it.
                let mut at = Some(row.id);
                while let Some(id) = at {
                    if row.document.clock.is_over() || self.is_too_much(found) {
                        return;
                    }
                    let element = ElementOf { id, ..row };
                    if matches!(element.document.tree.node(id).kind, Kind::Element(_))
                        && self.matches(&element, row, selector)
                        && self.take(element, what, found)
                        && first
                    {
                        return;
                    }
                    at = row.document.tree.after(id, row.id);
                }
            }
            From::Regex(regex, over) => {
                let mut searched = self.free.pop().unwrap_or_default();
                match over {
                    Over::Field(beside) => self.find(row, record, *beside, &mut searched),
                    // A record has no source: recipes that ask for one are refused.
                    Over::Text | Over::Source => {
                        text::write(row, Default::default(), &mut searched.text);
                        searched.end();
                    }
                }
                let is_record = has_named_groups(regex);
                let clock = row.document.clock;
                let _ = searched.values().try_for_each(|text| {
                    if !search::has_time(text, clock) {
                        return ControlFlow::Break(());
                    }
                    search::each(regex, is_record, text, clock, |matched| {
                        matched.write(&mut found.text);
                        found.end();
                        if first || self.is_too_much(found) {
                            ControlFlow::Break(())
                        } else {
                            ControlFlow::Continue(())
                        }
                    })
                });
                self.give_back(searched);
            }
        }
    }

    fn matches(&mut self, element: &ElementOf<'_>, row: ElementOf<'_>, selector: &Selector) -> bool {
        let outer = self.context.scope_element.replace(row.opaque());
        let mut selectors = selector.0.slice().iter();
        let matches = selectors.any(|one| {
            (element.id != row.id || means_scope(one)) && matches_selector(one, 0, None, element, self.context)
        });
        self.context.scope_element = outer;
        matches
    }

    /// Takes what is asked for of an element; whether there is any.
    fn take(&mut self, element: ElementOf<'_>, what: &What, found: &mut Found) -> bool {
        match what {
            What::Text(how) => text::write(element, *how, &mut found.text),
            What::Html(how) => markup::write(element, *how, self.room, &mut found.text),
            What::Attribute(name) => match element.attribute(name) {
                Some(value) => found.text.push_str(value),
                None => return false,
            },
            What::Record(record) => self.write(element, found.ends.len() + 1, record, &mut found.text),
        }
        found.end();
        true
    }
}

/// Whether the element that a selector is about is the scope.
fn means_scope(selector: &One<Dialect>) -> bool {
    selector.iter().any(|part| matches!(part, Component::Scope))
}
