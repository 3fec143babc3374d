//! Whether a page is plain: whether it means, by the rules of tree construction, just what its tags say.
//!
//! On a plain page each start tag makes the one element of its name where it stands, and that element ends where its end tag
//! stands, or with the page. Nothing is closed, opened, moved, copied, renamed or dropped but `html`, `head`, `body` and `tbody` opened
//! where they were left out, and that only if nobody can see it. Then who keeps no tree finds what the tree has. What is not
//! known to be plain is not: to be wrong in that direction costs time, and in the other an answer.

mod places;
mod svg;
mod tags;

use memchr::{memchr, memmem};

use super::names::*;
use super::not_plain::NotPlain;
use super::parser::{comment_end, is_space};
use super::sight::Sight;
use crate::extract::bounds::Clock;
use crate::extract::search::BYTES;

/// The most elements that may be open. It bounds the searches for an open element, too.
const DEEPEST: usize = 400;

/// A name the rules do not know.
const OTHER: NameId = NameId::MAX;

#[derive(Debug, Clone, Copy)]
struct Open {
    name: NameId,
    /// Where the name stands in the page.
    start: usize,
    len: usize,
}

/// Where on the page one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    BeforeHead,
    InHead,
    /// In a head that has no tag.
    ImpliedHead,
    AfterHead,
    InBody,
    AfterBody,
    AfterHtml,
}

/// Looks through pages; keeps its list from page to page.
#[derive(Debug, Default)]
pub(in super::super) struct Lookout {
    stack: Vec<Open>,
}

impl Lookout {
    /// Looks through a page without carriage returns, as far as there is time. If there is not enough, nobody may ask what it found.
    pub(in super::super) fn look(&mut self, page: &str, sight: &Sight, clock: &Clock) -> Result<(), NotPlain> {
        let bytes = page.as_bytes();
        // U+FEFF begins with a byte that ordinary text seldom has.
        if memchr(0, bytes).is_some() || memmem::find(bytes, "\u{FEFF}".as_bytes()).is_some() {
            return Err(NotPlain::Markup);
        }
        self.stack.clear();
        Look {
            bytes,
            at: 0,
            sight,
            stack: &mut self.stack,
            part: Part::Start,
            svg: None,
            templates: 0,
            has_doctype: false,
            clock,
        }
        .run()
    }

    pub(in super::super) fn weight(&self) -> usize {
        self.stack.capacity() * size_of::<Open>()
    }
}

struct Look<'a> {
    bytes: &'a [u8],
    at: usize,
    sight: &'a Sight,
    stack: &'a mut Vec<Open>,
    part: Part,
    /// How many elements were open before the `svg` that one is in.
    svg: Option<usize>,
    /// How many `template`s one is in.
    templates: usize,
    has_doctype: bool,
    clock: &'a Clock,
}

type Plain = Result<(), NotPlain>;

impl Look<'_> {
    fn run(mut self) -> Plain {
        while self.at < self.bytes.len() {
            let start = self.at;
            // What is open is searched for most tags.
            self.clock.spend(self.stack.len() / 8);
            if self.clock.is_over() {
                return Ok(());
            }
            let end = memchr(b'<', &self.bytes[start..]).map_or(self.bytes.len(), |n| start + n);
            self.clock.spend((end - start) / BYTES);
            self.text(start, end)?;
            self.at = end;
            if end == self.bytes.len() {
                break;
            }
            match self.bytes.get(end + 1) {
                Some(byte) if byte.is_ascii_alphabetic() => self.start_tag()?,
                Some(b'/') => match self.bytes.get(end + 2) {
                    Some(byte) if byte.is_ascii_alphabetic() => self.end_tag()?,
                    _ => return Err(NotPlain::Markup),
                },
                Some(b'!') => self.declaration()?,
                Some(b'?') => return Err(NotPlain::Markup),
                _ => {
                    // It means itself.
                    self.text(end, end + 1)?;
                    self.at = end + 1;
                }
            }
        }
        // Without any content the tree has all three of its own.
        if self.templates > 0 {
            return Err(NotPlain::Unfinished);
        }
        let is_whole = matches!(self.part, Part::InBody | Part::AfterBody | Part::AfterHtml);
        if is_whole || !self.sight.implied { Ok(()) } else { Err(NotPlain::Implied) }
    }

    /// The innermost open element, or `OTHER`.
    fn top(&self) -> NameId {
        self.stack.last().map_or(OTHER, |open| open.name)
    }

    fn has(&self, name: NameId) -> bool {
        self.stack.iter().any(|open| open.name == name)
    }

    fn text(&mut self, start: usize, end: usize) -> Plain {
        let text = &self.bytes[start..end];
        let anywhere = (self.part == Part::InBody || self.templates > 0)
            && !matches!(self.top(), TABLE | TBODY | THEAD | TFOOT | TR | COLGROUP);
        if anywhere || text.iter().all(|&byte| is_space(byte)) {
            return Ok(());
        }
        match self.part {
            Part::Start | Part::BeforeHead | Part::ImpliedHead | Part::AfterHead if !self.sight.implied => {
                self.part = Part::InBody;
                Ok(())
            }
            _ => Err(NotPlain::Text),
        }
    }

    fn declaration(&mut self) -> Plain {
        let start = self.at + 2;
        let rest = &self.bytes[start..];
        if rest.starts_with(b"--") {
            // As the standard says, which is where everybody would look for the end.
            let len = comment_end(&rest[2..]);
            match memmem::find(&rest[2..], b"-->") {
                Some(n) if n + 3 == len => self.at = start + 2 + len,
                Some(_) => return Err(NotPlain::Markup),
                None => return Err(NotPlain::Unfinished),
            }
            return Ok(());
        }
        let is_doctype = rest.len() >= 7 && rest[..7].eq_ignore_ascii_case(b"doctype");
        if !is_doctype || self.part != Part::Start || self.has_doctype {
            return Err(NotPlain::Markup);
        }
        self.has_doctype = true;
        // A quoted identifier may not hold a `>`, so the first one is the end.
        match memchr(b'>', rest) {
            Some(n) => self.at = start + n + 1,
            None => return Err(NotPlain::Unfinished),
        }
        Ok(())
    }
}
