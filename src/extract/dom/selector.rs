//! Selectors, in the dialect that scraper reads: no pseudo elements and no states, but `:is`, `:where`, `:not` and `:has`.

use std::fmt;

use cssparser::{ParseErrorKind, ToCss};
use precomputed_hash::PrecomputedHash;
use selectors::parser::{self, Component, ParseRelative, SelectorList, SelectorParseErrorKind};

use super::names::{self, NameId};

/// The types that the `selectors` crate is to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Dialect;

/// A name in a selector, with its number if the rules know it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Name {
    pub(in super::super) text: Box<str>,
    pub(in super::super) known: Option<NameId>,
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self { text: text.into(), known: names::known(text) }
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl PrecomputedHash for Name {
    /// For filters of ancestors, which are not used here.
    fn precomputed_hash(&self) -> u32 {
        self.text.bytes().fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }
}

impl ToCss for Name {
    fn to_css<W: fmt::Write>(&self, dest: &mut W) -> fmt::Result {
        cssparser::serialize_identifier(&self.text, dest)
    }
}

/// A value in a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Value(pub(in super::super) Box<str>);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl AsRef<str> for Value {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl ToCss for Value {
    fn to_css<W: fmt::Write>(&self, dest: &mut W) -> fmt::Result {
        cssparser::serialize_string(&self.0, dest)
    }
}

/// There are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum State {}

impl parser::NonTSPseudoClass for State {
    fn is_active_or_hover(&self) -> bool {
        match *self {}
    }

    fn is_user_action_state(&self) -> bool {
        match *self {}
    }
}

impl ToCss for State {
    fn to_css<W: fmt::Write>(&self, _: &mut W) -> fmt::Result {
        match *self {}
    }
}

/// There are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum PseudoElement {}

impl parser::PseudoElement for PseudoElement {}

impl ToCss for PseudoElement {
    fn to_css<W: fmt::Write>(&self, _: &mut W) -> fmt::Result {
        match *self {}
    }
}

impl parser::SelectorImpl for Dialect {
    type ExtraMatchingData<'a> = ();
    type AttrValue = Value;
    type Identifier = Name;
    type LocalName = Name;
    type NamespaceUrl = Name;
    type NamespacePrefix = Name;
    type BorrowedNamespaceUrl = Name;
    type BorrowedLocalName = Name;
    type NonTSPseudoClass = State;
    type PseudoElement = PseudoElement;
}

struct Parser;

impl<'i> parser::Parser<'i> for Parser {
    type Impl = Dialect;
    type Error = SelectorParseErrorKind;

    fn parse_is_and_where(&self) -> bool {
        true
    }

    fn parse_has(&self) -> bool {
        true
    }
}

/// A list of selectors.
#[derive(Debug, Clone)]
pub(in super::super) struct Selector(pub(in super::super) SelectorList<Dialect>);

/// Why a selector was refused, in a word or a few: `DanglingCombinator`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct SelectorError(pub(in super::super) String);

impl Selector {
    pub(in super::super) fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut input = cssparser::Parser::new(text);
        let list = SelectorList::parse(&Parser, &mut input, ParseRelative::No).map_err(|error| {
            SelectorError(match error.kind {
                ParseErrorKind::Basic(kind) => format!("{kind:?}"),
                ParseErrorKind::Custom(kind) => format!("{kind:?}"),
            })
        })?;
        Ok(Self(list))
    }

    /// Whether a `:has(...)` in it has an answer that depends on `:scope`.
    pub(in super::super) fn has_means_scope(&self) -> bool {
        self.0.slice().iter().any(|one| has_means_scope(one, false))
    }

    /// As it would be typed.
    #[cfg(feature = "wasm")]
    pub(in super::super) fn text(&self) -> String {
        self.0.to_css_string()
    }
}

fn has_means_scope(selector: &parser::Selector<Dialect>, in_has: bool) -> bool {
    selector.iter_raw_match_order().any(|part| match part {
        Component::Scope => in_has,
        Component::Has(list) => list.iter().any(|relative| has_means_scope(&relative.selector, true)),
        Component::Negation(list) | Component::Is(list) | Component::Where(list) => {
            list.slice().iter().any(|one| has_means_scope(one, in_has))
        }
        Component::NthOf(data) => data.selectors().iter().any(|one| has_means_scope(one, in_has)),
        _ => false,
    })
}
