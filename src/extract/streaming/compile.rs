//! Selectors, taken apart so that each start tag can be asked at once.
//!
//! Each part of a selector between two combinators is a test. One that is not the last has a bit: an open element keeps the bits of the
//! tests that it passed, so that the next part asks for a bit of its parent, of any element around it, or of those before it.

use std::fmt;

use cssparser::ToCss;
use selectors::attr::{AttrSelectorOperator, CaseSensitivity, ParsedCaseSensitivity};
use selectors::parser::{AnPlusB, Combinator, Component, NthType, Selector as One};

use super::super::dom::names::{COUNT, NameId};
use super::super::dom::selector::{Dialect, Selector};
use super::super::dom::sight::NeedsTree;

/// A part of a selector, with what has to come before it and what it is good for.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) parts: Box<[Part]>,
    pub(super) after: After,
    pub(super) gives: Gives,
}

/// Where another test has to have been passed.
#[derive(Debug, Clone, Copy)]
pub(super) enum After {
    Nothing,
    /// By an element around this one.
    Above(usize),
    /// By the one right around it.
    Parent(usize),
    /// By an element before it with the same parent.
    Before(usize),
    /// By the last of those.
    Next(usize),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Gives {
    /// A value of this field.
    Field(usize),
    Bit(usize),
}

/// What is asked of one element.
#[derive(Debug)]
pub(super) enum Part {
    Known(NameId),
    /// A name that the rules do not know, in lower case.
    Name(Box<str>),
    Id(Box<str>),
    Class(Box<str>),
    Has(Attribute),
    Value(Attribute, Operator, ParsedCaseSensitivity, Box<str>),
    Nth(AnPlusB),
    /// In nothing but the page.
    Root,
    Any(Box<[Box<[Part]>]>),
    None(Box<[Box<[Part]>]>),
}

/// How a value is compared.
#[derive(Clone, Copy)]
pub(super) struct Operator(pub(super) AttrSelectorOperator);

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_css(f)
    }
}

/// An attribute's place among those that are wanted.
pub(super) type Attribute = u16;

impl Part {
    pub(super) fn case(case: ParsedCaseSensitivity, is_html: bool) -> CaseSensitivity {
        match case {
            ParsedCaseSensitivity::AsciiCaseInsensitive => CaseSensitivity::AsciiCaseInsensitive,
            ParsedCaseSensitivity::AsciiCaseInsensitiveIfInHtmlElementInHtmlDocument if is_html => {
                CaseSensitivity::AsciiCaseInsensitive
            }
            _ => CaseSensitivity::CaseSensitive,
        }
    }
}

/// The tests that an element has to be asked for.
#[derive(Debug, Default, Clone)]
pub(super) struct List {
    pub(super) tests: Vec<usize>,
    /// Whether any of them looks at attributes, or what it gives does.
    pub(super) attributes: bool,
}

/// All selectors of a recipe.
#[derive(Debug)]
pub(super) struct Tests {
    pub(super) all: Vec<Test>,
    /// For each known name the tests that ask for it, and at the end those that ask for another name.
    by_name: Vec<List>,
    pub(super) for_any: List,
    /// How many words the bits of one element take.
    pub(super) words: usize,
    /// Whether any test looks at what comes before an element.
    pub(super) siblings: bool,
    bits: usize,
    /// The attributes looked at, in lower case; of the first two it is known what they are called.
    pub(super) attributes: Vec<Box<str>>,
}

/// Where `id` and `class` stand among the attributes.
pub(super) const ID: Attribute = 0;
pub(super) const CLASS: Attribute = 1;

impl Tests {
    pub(super) fn new() -> Self {
        Self {
            all: Vec::new(),
            by_name: vec![List::default(); COUNT + 1],
            for_any: List::default(),
            words: 0,
            siblings: false,
            bits: 0,
            attributes: vec!["id".into(), "class".into()],
        }
    }

    /// The tests for elements of one name, besides those for any.
    #[inline]
    pub(super) fn by_name(&self, name: NameId) -> &List {
        &self.by_name[(name as usize).min(COUNT)]
    }

    /// The place of an attribute, by its name in any case.
    /// # Panics
    /// If there are more than 65,000 already.
    pub(super) fn attribute(&mut self, name: &str) -> Attribute {
        let name = name.to_ascii_lowercase();
        let at = self.attributes.iter().position(|have| **have == *name).unwrap_or_else(|| {
            self.attributes.push(name.into());
            self.attributes.len() - 1
        });
        Attribute::try_from(at).expect("a recipe that asks for at most 65,000 attributes")
    }

    /// Adds the selectors of a field. If it takes an attribute, its elements' attributes are read in any case.
    /// # Errors
    /// The first thing in them that only a tree can tell.
    pub(super) fn add(&mut self, field: usize, selector: &Selector, takes_attribute: bool) -> Result<(), NeedsTree> {
        selector.0.slice().iter().try_for_each(|one| self.add_one(field, one, takes_attribute))
    }

    fn add_one(&mut self, field: usize, selector: &One<Dialect>, takes_attribute: bool) -> Result<(), NeedsTree> {
        // From the last part to the first, and between two of them the combinator.
        let mut compounds = vec![Vec::new()];
        let mut combinators = Vec::new();
        for part in selector.iter_raw_match_order() {
            match part {
                Component::Combinator(combinator) => {
                    combinators.push(*combinator);
                    compounds.push(Vec::new());
                }
                part => compounds.last_mut().expect("there is one from the start").extend(self.part(part)?),
            }
        }
        let mut before = None;
        for (n, parts) in compounds.into_iter().enumerate().rev() {
            let after = match (before, combinators.get(n)) {
                (Some(bit), Some(combinator)) => self.after(*combinator, bit)?,
                _ => After::Nothing,
            };
            let gives = if n == 0 { Gives::Field(field) } else { Gives::Bit(self.bits) };
            if n > 0 {
                before = Some(self.bits);
                self.bits += 1;
                self.words = self.bits.div_ceil(64);
            }
            self.list(Test { parts: parts.into(), after, gives }, n == 0 && takes_attribute);
        }
        Ok(())
    }

    fn after(&mut self, combinator: Combinator, bit: usize) -> Result<After, NeedsTree> {
        Ok(match combinator {
            Combinator::Descendant => After::Above(bit),
            Combinator::Child => After::Parent(bit),
            Combinator::LaterSibling => After::Before(bit),
            Combinator::NextSibling => After::Next(bit),
            _ => return Err(NeedsTree::PseudoClass),
        })
        .inspect(|after| self.siblings |= matches!(after, After::Before(_) | After::Next(_)))
    }

    /// Puts a test where elements of its name find it.
    fn list(&mut self, test: Test, takes_attribute: bool) {
        let name = test.parts.iter().find_map(|part| match part {
            Part::Known(name) => Some(*name as usize),
            Part::Name(_) => Some(COUNT),
            _ => None,
        });
        let list = name.map_or(&mut self.for_any, |name| &mut self.by_name[name]);
        list.tests.push(self.all.len());
        list.attributes |= takes_attribute || test.parts.iter().any(looks_at_attributes);
        self.all.push(test);
    }

    /// What one component asks; nothing if every element has it.
    fn part(&mut self, part: &Component<Dialect>) -> Result<Option<Part>, NeedsTree> {
        Ok(Some(match part {
            Component::LocalName(name) => match name.lower_name.known {
                Some(known) => Part::Known(known),
                None => Part::Name(name.lower_name.text.clone()),
            },
            Component::ExplicitUniversalType => return Ok(None),
            Component::ID(id) => Part::Id(id.text.clone()),
            Component::Class(class) => Part::Class(class.text.clone()),
            Component::AttributeInNoNamespaceExists { local_name_lower, .. } => {
                Part::Has(self.attribute(&local_name_lower.text))
            }
            Component::AttributeInNoNamespace { local_name, operator, value, case_sensitivity } => {
                Part::Value(self.attribute(&local_name.text), Operator(*operator), *case_sensitivity, value.0.clone())
            }
            Component::Root => Part::Root,
            Component::Nth(data) if data.ty == NthType::Child => Part::Nth(data.an_plus_b),
            Component::Nth(data) if data.ty == NthType::OfType => return Err(NeedsTree::Types),
            Component::Nth(_) | Component::Empty | Component::Has(_) => return Err(NeedsTree::Ahead),
            Component::Negation(list) => Part::None(self.lists(list.slice())?),
            Component::Is(list) | Component::Where(list) => Part::Any(self.lists(list.slice())?),
            Component::AttributeOther(_)
            | Component::Namespace(..)
            | Component::DefaultNamespace(_)
            | Component::ExplicitAnyNamespace
            | Component::ExplicitNoNamespace => return Err(NeedsTree::Namespace),
            _ => return Err(NeedsTree::PseudoClass),
        }))
    }

    /// Selectors that ask one element only.
    fn lists(&mut self, list: &[One<Dialect>]) -> Result<Box<[Box<[Part]>]>, NeedsTree> {
        let one = |selector: &One<Dialect>| {
            let parts = selector.iter_raw_match_order().filter_map(|part| self.part(part).transpose());
            parts.collect::<Result<Box<[Part]>, _>>()
        };
        list.iter().map(one).collect()
    }
}

fn looks_at_attributes(part: &Part) -> bool {
    match part {
        Part::Id(_) | Part::Class(_) | Part::Has(_) | Part::Value(..) => true,
        Part::Any(lists) | Part::None(lists) => lists.iter().flatten().any(looks_at_attributes),
        Part::Known(_) | Part::Name(_) | Part::Nth(_) | Part::Root => false,
    }
}
