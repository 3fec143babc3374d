//! All fields of a recipe, matched in one walk over the document.

use selectors::context::{MatchingContext, QuirksMode, SelectorCaches};
use selectors::matching::{MatchingForInvalidation, MatchingMode, NeedsSelectorFlags, matches_selector};
use selectors::parser::{Component, Selector as One};

use super::element::ElementOf;
use super::names::NameId;
use super::selector::{Dialect, Name, Selector};
use super::tree::{Kind, NONE, NodeId, Space};
use super::wanted::Wanted;
use super::{Document, Dom};
use crate::extract::Values;
use crate::extract::bounds::Exceeded;

/// How deep `:has(...)` looks: the `selectors` crate goes down by calling itself, and ends the process where the stack does. A level
/// takes some 200 bytes of it, and threads have two megabytes. Browsers nest no elements deeper than 512.
const DEEPEST: usize = 2000;

/// What is to be taken, and from which elements.
#[derive(Debug)]
pub(in super::super) struct Plan {
    wanted: Wanted,
    keeps_text: bool,
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
    attribute: Option<Box<str>>,
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
    /// A plan for fields: the index of each, what it selects and which attribute it takes.
    pub(in super::super) fn new<'a>(fields: impl Iterator<Item = (usize, &'a Selector, Option<&'a str>)>) -> Self {
        let mut needs = Needs::default();
        let mut plan = Self {
            wanted: Wanted::default(),
            keeps_text: false,
            looks_below: false,
            fields: Vec::new(),
            tests: Vec::new(),
            by_name: Vec::new(),
            for_all: Vec::new(),
        };
        for (index, selector, attribute) in fields {
            match attribute {
                Some(name) => needs.attributes.push(name.to_owned()),
                None => needs.text = true,
            }
            let field = plan.fields.len() as u32;
            plan.fields.push(Field { index, attribute: attribute.map(Into::into) });
            for selector in selector.0.slice() {
                needs.of(selector);
                plan.add(field, selector);
            }
        }
        plan.wanted = Wanted::new(needs.attributes.iter().map(String::as_str));
        (plan.keeps_text, plan.looks_below) = (needs.text, needs.below);
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

    /// Takes all fields from a page. The values of a field come in the order in which the parser created the elements, which
    /// is that of the page.
    pub(in super::super) fn run(&self, dom: &mut Dom, page: &str, values: &mut Values) {
        // Per field, the last element it took: no field takes one twice.
        let mut taken = std::mem::take(&mut dom.taken);
        taken.clear();
        taken.resize(self.fields.len(), NONE);
        let clock = values.clock();
        let document = match dom.parse(page, &self.wanted, self.keeps_text, &clock) {
            Ok(document) if self.looks_below && document.tree.is_deeper_than(DEEPEST) => Err(Exceeded::Depth(DEEPEST)),
            parsed => parsed,
        };
        match document {
            Ok(document) => self.walk(document, &mut taken, values),
            Err(exceeded) => values.exceed(exceeded),
        }
        values.heed(&clock);
        dom.taken = taken;
        dom.clear();
    }

    /// Takes all fields from a document, as far as there is time, and room for the values.
    fn walk(&self, document: Document<'_>, taken: &mut [NodeId], values: &mut Values) {
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
                if *taken == element.id || test.needs_attribute && node.has_no_attributes() {
                    continue;
                }
                let matches = test.name_alone == Some(node.name) && space == Space::Html
                    || matches_selector(&test.selector, 0, None, &element, &mut context);
                if matches && !document.clock.was_over() {
                    *taken = element.id;
                    self.take(field, &element, values);
                }
            }
        }
    }

    fn take(&self, field: &Field, element: &ElementOf<'_>, values: &mut Values) {
        let document = element.document;
        match &field.attribute {
            None => {
                let pieces =
                    document.tree.texts(element.id, document.clock).map(|span| document.tree.text(document.page, span));
                values.push(field.index, pieces);
            }
            Some(name) => {
                if let Some(value) = element.attribute(name) {
                    values.push(field.index, [value]);
                }
            }
        }
    }
}

/// What selectors look at.
#[derive(Default)]
struct Needs {
    attributes: Vec<String>,
    text: bool,
    below: bool,
}

impl Needs {
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
