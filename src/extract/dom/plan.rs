//! All fields of a recipe, matched in one walk over the document.

use std::sync::Arc;

use selectors::context::{MatchingContext, QuirksMode, SelectorCaches};
use selectors::matching::{MatchingForInvalidation, MatchingMode, NeedsSelectorFlags, matches_selector};
use selectors::parser::{Component, Selector as One};

use super::element::ElementOf;
use super::names::NameId;
use super::record::{Found, Recorder};
use super::selector::{Dialect, Name};
use super::tree::{Kind, NONE, NodeId, Space};
use super::wanted::Wanted;
use super::watch::Watch;
use super::{Document, Dom, markup, text};
use crate::extract::bounds::Exceeded;
use crate::extract::what::{From, Member, Record, Take, What};
use crate::extract::{CssField, Values};

/// How deep `:has(...)` looks: the `selectors` crate goes down by calling itself, and ends the process where the stack does. A level
/// takes some 200 bytes of it, and threads have two megabytes. Browsers nest no elements deeper than 512.
const DEEPEST: usize = 2000;

/// What is to be taken, and from which elements.
#[derive(Debug)]
pub(in super::super) struct Plan {
    wanted: Wanted,
    /// Text, and what HTML is made of again.
    keeps: (bool, bool),
    /// Somebody searches the page's text.
    gives_text: bool,
    /// Some selector looks down from an element.
    looks_below: bool,
    fields: Vec<Field>,
    tests: Vec<Test>,
    /// The tests that elements of a known name have to pass, and those for all.
    by_name: Vec<Vec<u32>>,
    for_all: Vec<u32>,
}

#[derive(Debug)]
struct Field {
    index: usize,
    what: What,
    /// No match after the first counts.
    first: bool,
    count: bool,
    required: Option<Arc<str>>,
}

/// One selector of a field's list.
#[derive(Debug)]
struct Test {
    field: u32,
    selector: One<Dialect>,
    /// It asks an HTML element for nothing but this name.
    name_alone: Option<NameId>,
    /// It can match only elements that have one of the wanted attributes.
    needs_attribute: bool,
}

impl Plan {
    /// A plan for fields, each with its index, and perhaps for the page's text.
    pub(in super::super) fn new<'a>(fields: impl Iterator<Item = (usize, &'a CssField)>, gives_text: bool) -> Self {
        Self::of(fields, Needs { text: gives_text, ..Needs::default() })
    }

    /// A plan that can tell where values come from.
    pub(super) fn watched<'a>(fields: impl Iterator<Item = (usize, &'a CssField)>) -> Self {
        Self::of(fields, Needs { text: true, markup: true, ..Needs::default() })
    }

    fn of<'a>(fields: impl Iterator<Item = (usize, &'a CssField)>, mut needs: Needs) -> Self {
        let gives_text = needs.text;
        let mut plan = Self {
            wanted: Wanted::default(),
            keeps: (false, false),
            gives_text,
            looks_below: false,
            fields: Vec::new(),
            tests: Vec::new(),
            by_name: Vec::new(),
            for_all: Vec::new(),
        };
        for (index, CssField { selector, what, take, required, .. }) in fields {
            needs.of_what(what);
            let field = plan.fields.len() as u32;
            let (first, count) = (*take == Take::First, *take == Take::Count);
            plan.fields.push(Field { index, what: what.clone(), first, count, required: required.clone() });
            for selector in selector.0.slice() {
                needs.of(selector);
                plan.add(field, selector);
            }
        }
        plan.wanted = Wanted::new(needs.attributes.iter().map(String::as_str));
        (plan.keeps, plan.looks_below) = ((needs.text, needs.markup), needs.below);
        plan
    }

    fn add(&mut self, field: u32, selector: &One<Dialect>) {
        let test = self.tests.len() as u32;
        let mut names = None;
        let (mut parts, mut needs_attribute) = (0, false);
        for part in selector.iter() {
            parts += 1;
            match part {
                Component::LocalName(name) => names = Some((name.name.clone(), name.lower_name.clone())),
                Component::ID(_)
                | Component::Class(_)
                | Component::AttributeInNoNamespaceExists { .. }
                | Component::AttributeInNoNamespace { .. } => needs_attribute = true,
                _ => {}
            }
        }
        let lower = names.as_ref().and_then(|(_, lower): &(Name, Name)| lower.known);
        let name_alone = lower.filter(|_| parts == 1 && selector.len() == 1);
        self.tests.push(Test { field, selector: selector.clone(), name_alone, needs_attribute });
        // An HTML element is asked for the name in lower case, others for the name as it was typed.
        match names {
            Some((Name { known: Some(name), .. }, Name { known: Some(lower), .. })) => {
                self.list(name).push(test);
                if lower != name {
                    self.list(lower).push(test);
                }
            }
            _ => self.for_all.push(test),
        }
    }

    fn list(&mut self, name: NameId) -> &mut Vec<u32> {
        let name = name as usize;
        if name >= self.by_name.len() {
            self.by_name.resize(name + 1, Vec::new());
        }
        &mut self.by_name[name]
    }

    /// The records of its fields, with patterns whose caches are their own: those of the plan are shared by all threads.
    pub(in super::super) fn records(&self) -> Vec<Option<Record>> {
        let record = |field: &Field| if let What::Record(record) = &field.what { Some(record.clone()) } else { None };
        self.fields.iter().map(record).collect()
    }

    /// Takes all fields from a page. The values of a field come in the order in which the parser created the elements, which
    /// is that of the page.
    pub(in super::super) fn run(&self, dom: &mut Dom, records: &[Option<Record>], page: &str, values: &mut Values) {
        self.run_watched(dom, records, page, values, None);
    }

    /// The same under the eyes of somebody.
    pub(super) fn run_watched(
        &self,
        dom: &mut Dom,
        records: &[Option<Record>],
        page: &str,
        values: &mut Values,
        watch: Option<&mut Watch>,
    ) {
        // Per field, the last element it took: no field takes one twice.
        let mut taken = std::mem::take(&mut dom.taken);
        taken.clear();
        taken.resize(self.fields.len(), NONE);
        let mut free = std::mem::take(&mut dom.found);
        let clock = values.clock();
        let document = match dom.parse(page, &self.wanted, self.keeps, &clock) {
            Ok(document) if self.looks_below && document.tree.is_deeper_than(DEEPEST) => Err(Exceeded::Depth(DEEPEST)),
            parsed => parsed,
        };
        match document {
            Ok(document) => self.walk(document, records, (&mut taken, &mut free, watch), values),
            Err(exceeded) => values.exceed(exceeded),
        }
        values.heed(&clock);
        (dom.taken, dom.found) = (taken, free);
        dom.clear();
    }

    /// Takes all fields from a document, as far as there is time, and room for the values.
    fn walk(
        &self,
        document: Document<'_>,
        records: &[Option<Record>],
        (taken, free, mut watch): (&mut [NodeId], &mut Vec<Found>, Option<&mut Watch>),
        values: &mut Values,
    ) {
        let mut caches = SelectorCaches::default();
        let mut context = MatchingContext::new(
            MatchingMode::Normal,
            None,
            &mut caches,
            QuirksMode::NoQuirks,
            NeedsSelectorFlags::No,
            MatchingForInvalidation::No,
        );
        for (id, node) in document.tree.nodes.iter().enumerate() {
            let Kind::Element(space) = node.kind else { continue };
            let by_name = self.by_name.get(node.name as usize).map_or(&[][..], Vec::as_slice);
            if by_name.is_empty() && self.for_all.is_empty() || node.parent == NONE {
                continue;
            }
            if document.clock.is_over() || values.exceeded().is_some() {
                return;
            }
            let element = ElementOf { document, wanted: &self.wanted, id: id as NodeId };
            for &test in by_name.iter().chain(&self.for_all) {
                let test = &self.tests[test as usize];
                let field = &self.fields[test.field as usize];
                let taken = &mut taken[test.field as usize];
                if *taken == element.id
                    || test.needs_attribute && node.has_no_attributes()
                    || field.first && values.of(field.index).len() > 0
                {
                    continue;
                }
                let matches = test.name_alone == Some(node.name) && space == Space::Html
                    || matches_selector(&test.selector, 0, None, &element, &mut context);
                if matches && !document.clock.was_over() {
                    *taken = element.id;
                    let before = values.of(field.index).len();
                    match &records[test.field as usize] {
                        None => field.take(element, values),
                        Some(record) => {
                            let room = values.room();
                            let mut recorder =
                                Recorder { context: &mut context, free, room, missing: None, too_much: false };
                            let number = values.of(field.index).len() + 1;
                            values.push_with(field.index, |out| recorder.write(element, number, record, out));
                            if recorder.too_much {
                                values.exceed_room();
                            }
                            if let Some((name, number)) = recorder.missing {
                                values.is_missing(&name, Some(number));
                            }
                        }
                    }
                    if let Some(watch) = watch.as_deref_mut().filter(|_| values.of(field.index).len() > before) {
                        watch.saw(field.index, element, &field.what);
                    }
                }
            }
        }
        if self.gives_text {
            values.set_page_text(text::of_page(document));
        }
        for Field { index, required, count, .. } in &self.fields {
            values.finish(*index, required.as_ref(), *count);
        }
    }
}

impl Field {
    fn take(&self, element: ElementOf<'_>, values: &mut Values) {
        match &self.what {
            // Nobody looks at what is only counted.
            What::Text(_) | What::Html(_) if self.count => values.push(self.index, []),
            What::Text(how) => values.push_with(self.index, |out| text::write(element, *how, out)),
            What::Html(how) => {
                let room = values.room();
                values.push_with(self.index, |out| markup::write(element, *how, room, out));
            }
            What::Attribute(name) => {
                if let Some(value) = element.attribute(name) {
                    values.push(self.index, [value]);
                }
            }
            What::Record(_) => unreachable!("records are written by the recorder"),
        }
    }
}

/// What selectors look at.
#[derive(Default)]
struct Needs {
    attributes: Vec<String>,
    text: bool,
    below: bool,
    /// Of whole elements, with all that stands in their tags.
    markup: bool,
}

impl Needs {
    fn of_what(&mut self, what: &What) {
        match what {
            What::Attribute(name) => self.attributes.push(name.to_owned()),
            What::Text(_) => self.text = true,
            What::Html(_) => (self.text, self.markup) = (true, true),
            What::Record(Record { members, .. }) => members.iter().for_each(|Member { from, .. }| match from {
                From::Regex(..) => self.text = true,
                From::Css(selector, what) => {
                    selector.0.slice().iter().for_each(|selector| self.of(selector));
                    self.of_what(what);
                }
            }),
        }
    }

    fn of(&mut self, selector: &One<Dialect>) {
        for part in selector.iter_raw_match_order() {
            match part {
                Component::ID(_) => self.attributes.push("id".to_owned()),
                Component::Class(_) => self.attributes.push("class".to_owned()),
                Component::AttributeInNoNamespaceExists { local_name, .. }
                | Component::AttributeInNoNamespace { local_name, .. } => {
                    self.attributes.push(local_name.text.to_string());
                }
                Component::AttributeOther(other) => self.attributes.push(other.local_name.text.to_string()),
                // Text makes an element one that is not empty.
                Component::Empty => self.text = true,
                Component::Negation(list) | Component::Is(list) | Component::Where(list) => {
                    list.slice().iter().for_each(|selector| self.of(selector));
                }
                Component::NthOf(data) => data.selectors().iter().for_each(|selector| self.of(selector)),
                Component::Has(relative) => {
                    self.below = true;
                    relative.iter().for_each(|relative| self.of(&relative.selector));
                }
                Component::LocalName(_)
                | Component::ExplicitUniversalType
                | Component::ExplicitAnyNamespace
                | Component::ExplicitNoNamespace
                | Component::DefaultNamespace(_)
                | Component::Namespace(..)
                | Component::Combinator(_)
                | Component::Root
                | Component::Scope
                | Component::ImplicitScope
                | Component::ParentSelector
                | Component::Nth(_)
                | Component::RelativeSelectorAnchor
                | Component::Invalid(_) => {}
                // The dialect has none of these.
                Component::NonTSPseudoClass(_)
                | Component::Slotted(_)
                | Component::Part(_)
                | Component::Host(_)
                | Component::PseudoElement(_) => {}
            }
        }
    }
}
