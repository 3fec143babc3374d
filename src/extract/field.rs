//! One named field, as it is typed: `NAME=SELECTOR`, `NAME=SELECTOR@ATTR`, `NAME=PATTERN`.

use std::sync::Arc;

use regex::Regex;

use super::dom::{Selector, SelectorError};
use super::what::{Over, Take, Text, What};
use super::{Mistake, place};

const NAME_HINT: &str = "write NAME=..., the name of letters, digits, '_', '-' and '.', for example title=h1";

const ATTRIBUTE_HINT: &str = "write the attribute's name after '@', for example a@href";

/// What a CSS field takes from every element its selector matches: the text, or one attribute.
#[derive(Debug, Clone)]
pub struct CssField {
    pub(super) name: String,
    pub(super) selector: Selector,
    pub(super) what: What,
    pub(super) take: Take,
    pub(super) required: Option<Arc<str>>,
}

impl CssField {
    /// Reads `NAME=SELECTOR` or `NAME=SELECTOR@ATTR`.
    ///
    /// Only an `@` outside brackets, parentheses and quotes starts the attribute; `a[href="x@y"]` has none. In a selector's
    /// own name an `@` is written `\@`. Attribute names match without regard to ASCII case.
    /// # Errors
    /// [`Mistake`] for a missing or strange name, a selector that has no meaning here or that leaves a bracket or quote open, and an
    /// attribute that is no name.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let (name, start) = split_name(text)?;
        let body = &text[start..];
        let (selector_text, attribute) = match attribute_sign(body) {
            Some(at) => (&body[..at], Some(parse_attribute(text, start + at + 1)?)),
            None => (body, None),
        };
        let selector = parse_selector(selector_text).map_err(|mistake| mistake.within(text, start))?;
        let what = attribute.map_or(What::Text(Text::Raw), What::Attribute);
        Ok(Self { name, selector, what, take: Take::All, required: None })
    }

    /// The field's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The attribute it takes; `None` takes the element's text, or what else a recipe asks for.
    pub fn attribute(&self) -> Option<&str> {
        match &self.what {
            What::Attribute(name) => Some(name),
            _ => None,
        }
    }

    /// Whether this is all that it does: untouched text, or an attribute, of every match. What is typed as [`parse`](Self::parse) reads it
    /// always is; a recipe's file can ask for more.
    pub fn is_plain(&self) -> bool {
        matches!(self.what, What::Text(Text::Raw) | What::Attribute(_))
            && self.take == Take::All
            && self.required.is_none()
    }
}

/// What a regex field takes from the page's source: group 1 of every match, or the whole match if the pattern has no group.
#[derive(Debug, Clone)]
pub struct RegexField {
    pub(super) name: String,
    pub(super) regex: Regex,
    /// Each match is a record of its named groups.
    pub(super) is_record: bool,
    pub(super) over: Over,
    pub(super) take: Take,
    pub(super) required: Option<Arc<str>>,
}

impl RegexField {
    /// Reads `NAME=PATTERN`; the pattern is in the syntax of the `regex` crate and may hold further `=`.
    /// # Errors
    /// [`Mistake`] for a missing or strange name, and for a pattern that is wrong or compiles to more than 10 MB.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let (name, start) = split_name(text)?;
        let pattern = &text[start..];
        let regex = Regex::new(pattern).map_err(|error| pattern_mistake(pattern, &error).within(text, start))?;
        Ok(Self { name, regex, is_record: false, over: Over::Source, take: Take::All, required: None })
    }

    /// The field's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is all that it does: group 1 or the whole of every match in the source. What is typed as [`parse`](Self::parse) reads it
    /// always is; a recipe's file can ask for more.
    pub fn is_plain(&self) -> bool {
        !self.is_record && self.over == Over::Source && self.take == Take::All && self.required.is_none()
    }
}

/// Whether a field's name may have this in it.
pub(super) fn belongs_in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The name before the first `=`, and the byte where the rest starts.
fn split_name(text: &str) -> Result<(String, usize), Mistake> {
    let end = text.find(|c| !belongs_in_name(c)).unwrap_or(text.len());
    match text[end..].chars().next() {
        Some('=') if end > 0 => Ok((text[..end].to_owned(), end + 1)),
        Some('=') => Err(Mistake::new(text, 0, "the name is missing", NAME_HINT)),
        Some(c) => Err(Mistake::new(text, end, format!("{c:?} cannot stand in a name"), NAME_HINT)),
        None => Err(Mistake::new(text, end, "no '=' after the name", NAME_HINT)),
    }
}

/// The last `@` outside brackets, parentheses and quotes. No selector has a bare one, so it always means an attribute.
pub(super) fn attribute_sign(body: &str) -> Option<usize> {
    let (mut found, mut depth, mut quote, mut escaped) = (None, 0_usize, None, false);
    for (at, c) in body.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, '@') if depth == 0 => found = Some(at),
            _ => {}
        }
    }
    found
}

fn parse_attribute(text: &str, start: usize) -> Result<String, Mistake> {
    let name = text[start..].trim_ascii();
    let start = text.len() - text[start..].trim_ascii_start().len();
    if name.is_empty() {
        return Err(Mistake::new(text, start, "no attribute after '@'", ATTRIBUTE_HINT));
    }
    check_attribute(name).map(|()| name.to_owned()).map_err(|mistake| mistake.within(text, start))
}

/// Refuses what cannot be an attribute's name.
pub(super) fn check_attribute(name: &str) -> Result<(), Mistake> {
    // No name that a page or a person would use has any of these.
    let wrong = |c: char| c.is_whitespace() || c.is_control() || "\"'<>/=[](),#+~|".contains(c);
    if name.is_empty() {
        return Err(Mistake::new(name, 0, "the attribute's name is empty", ATTRIBUTE_HINT));
    }
    match name.char_indices().find(|&(_, c)| wrong(c)) {
        Some((at, c)) => {
            let what = format!("{c:?} cannot stand in an attribute's name");
            Err(Mistake::new(name, at, what, ATTRIBUTE_HINT))
        }
        None => Ok(()),
    }
}

pub(super) fn parse_selector(selector: &str) -> Result<Selector, Mistake> {
    let parsed = Selector::parse(selector).map_err(|error| selector_mistake(selector, &error))?;
    match place::of_unclosed(selector) {
        Some(at) => {
            let sign = char::from(selector.as_bytes()[at]);
            Err(Mistake::new(selector, at, format!("{sign:?} is never closed"), "close it"))
        }
        None => Ok(parsed),
    }
}

fn selector_mistake(selector: &str, error: &SelectorError) -> Mistake {
    let place = place::of_mistake(selector);
    let why = in_words(&error.0);
    let what = match &selector[place.clone()] {
        "" => format!("the selector ends too early ({why})"),
        token => format!("{token:?} cannot stand here ({why})"),
    };
    Mistake::new(
        selector,
        place.start,
        what,
        "correct the selector; pseudo elements and states such as :hover have no meaning in a file",
    )
}

pub(super) fn pattern_mistake(pattern: &str, error: &regex::Error) -> Mistake {
    const HINT: &str = "correct the pattern, or put a backslash before a sign that is meant literally";
    match regex_syntax::parse(pattern) {
        Err(regex_syntax::Error::Parse(e)) => Mistake::new(pattern, e.span().start.offset, e.kind().to_string(), HINT),
        Err(regex_syntax::Error::Translate(e)) => {
            Mistake::new(pattern, e.span().start.offset, e.kind().to_string(), HINT)
        }
        // The syntax is sound, so it is the compiled size.
        _ => {
            let why = error.to_string().replace('\n', " ");
            Mistake::new(
                pattern,
                0,
                why,
                "make the pattern smaller: fewer or shorter repetitions, (?-u) for plain ASCII classes",
            )
        }
    }
}

/// `ClassNeedsIdent` as `class needs ident`: the parser's reasons carry no text of their own.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}
