//! What a field takes: of each match, and of how many.

use std::sync::Arc;

use regex::Regex;

use super::dom::Selector;

/// What is taken of an element.
#[derive(Debug, Clone)]
pub(super) enum What {
    Text(Text),
    Attribute(String),
    Html(Html),
    /// A record of fields below it.
    Record(Record),
}

/// How text is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Text {
    /// As it stands.
    #[default]
    Raw,
    /// Without white space at its ends.
    Trimmed,
    /// The same, and with one space for each white space within.
    Normalised,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Html {
    Inner,
    Outer,
}

/// How many matches count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Take {
    #[default]
    All,
    First,
    /// Their number is what is taken.
    Count,
}

/// What a regex field of a recipe searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Over {
    /// The page's source. Records have none.
    #[default]
    Source,
    /// The text of the page, or of the record's element.
    Text,
    /// Each value of the field with this index beside it.
    Field(usize),
}

/// The fields of a record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) members: Vec<Member>,
    /// Whether a `:has(...)` in a member means the row by `:scope`: then what it found for one row is no other row's answer.
    pub(super) scoped: bool,
}

impl Record {
    pub(super) fn new(members: Vec<Member>) -> Self {
        let looks = |member: &Member| matches!(&member.from, From::Css(selector, _) if selector.has_means_scope());
        Self { scoped: members.iter().any(looks), members }
    }
}

/// A field within a record.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    /// Its name with those of the fields around it, if it must find something.
    pub(super) required: Option<Arc<str>>,
    pub(super) take: Take,
    pub(super) from: From,
}

/// Where a record's field has its values from.
#[derive(Debug, Clone)]
pub(super) enum From {
    Css(Selector, What),
    Regex(Regex, Over),
}

impl Member {
    /// Whether its values are JSON already.
    pub(super) fn is_json(&self) -> bool {
        match &self.from {
            From::Css(_, what) => matches!(what, What::Record(_)),
            From::Regex(regex, _) => has_named_groups(regex),
        }
    }
}

/// A pattern with named groups gives records in a recipe.
pub(super) fn has_named_groups(regex: &Regex) -> bool {
    regex.capture_names().flatten().next().is_some()
}

/// What a field gives for a page, for whoever writes it down; see [`Values::of`](super::Values::of).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// Any number of texts.
    List,
    /// A text, or none (`take = "first"`).
    One,
    /// One value, a number in decimal digits (`take = "count"`).
    Count,
    /// Any number of records, each a JSON object.
    Records,
    /// A record as a JSON object, or none.
    Record,
}

impl Shape {
    pub(super) fn of(take: Take, is_record: bool) -> Self {
        match (take, is_record) {
            (Take::Count, _) => Self::Count,
            (Take::All, false) => Self::List,
            (Take::All, true) => Self::Records,
            (Take::First, false) => Self::One,
            (Take::First, true) => Self::Record,
        }
    }
}
