//! A page read tag by tag: what is open, what tests its elements pass, and what fields take of them.
//!
//! Watched, it looks meanwhile whether the page is plain: whether it means, by the rules of tree construction, just what its tags say.
//! On a plain page each start tag makes the one element of its name where it stands, and that element ends where its end tag
//! stands, or with the page. Nothing is closed, opened, moved, copied, renamed or dropped but `html`, `head`, `body` and `tbody` opened
//! where they were left out, and that only if nobody can see it. Then who keeps no tree finds what the tree has. What is not
//! known to be plain is not: to be wrong in that direction costs time, and in the other an answer.

use memchr::{memchr, memmem};

use super::super::bounds::Clock;
use super::super::dom::parser::comment_end;
use super::super::dom::sight::Sight;
use super::super::search::BYTES;
use super::not_plain::NotPlain;
use super::plan::Plan;
use super::room::{Inside, Room};
use super::text::decode;

/// Why reading ends before the page does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    /// The tree is to be asked.
    NotPlain(NotPlain),
    Time,
    /// The values are more than there is room for.
    Full,
    /// More is open than may be.
    Deep,
}

impl From<NotPlain> for Stop {
    fn from(why: NotPlain) -> Self {
        Self::NotPlain(why)
    }
}

pub(super) type Read = Result<(), Stop>;

/// Where on the page one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
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

/// A page at work.
pub(super) struct Reader<'a, const WATCHED: bool> {
    pub(super) page: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) plan: &'a Plan,
    pub(super) room: &'a mut Room,
    pub(super) clock: &'a Clock,
    /// The bytes that values may still take, as far as they are known.
    pub(super) left: usize,
    /// They may take no more: nothing is taken, but whether the page is plain is still to be seen.
    pub(super) is_full: bool,
    /// How many elements there were.
    pub(super) elements: u64,
    /// Where the last tag ended after which a newline is no text.
    pub(super) newline_at: usize,
    // What only the watched need.
    pub(super) sight: &'a Sight,
    pub(super) part: Part,
    /// How many `template`s one is in.
    pub(super) templates: usize,
    has_doctype: bool,
}

impl<'a, const WATCHED: bool> Reader<'a, WATCHED> {
    pub(super) fn new(
        plan: &'a Plan,
        page: &'a str,
        room: &'a mut Room,
        (left, clock): (usize, &'a Clock),
        sight: &'a Sight,
    ) -> Self {
        room.tag.clear(plan.tests.attributes.len());
        room.own.resize(plan.tests.words, 0);
        room.bits.resize(plan.stride, 0);
        Self {
            page,
            bytes: page.as_bytes(),
            at: 0,
            plan,
            room,
            clock,
            left,
            is_full: false,
            elements: 0,
            newline_at: usize::MAX,
            sight,
            part: Part::Start,
            templates: 0,
            has_doctype: false,
        }
    }

    /// Reads the page to its end, or to where it must not go on.
    pub(super) fn run(mut self) -> Read {
        let bytes = self.bytes;
        while self.at < bytes.len() {
            self.goes_on()?;
            let start = self.at;
            if bytes[start] != b'<' {
                let end = memchr(b'<', &bytes[start..]).map_or(bytes.len(), |n| start + n);
                self.clock.spend((end - start) / BYTES);
                self.text(start, end)?;
                self.at = end;
                continue;
            }
            match bytes.get(start + 1) {
                Some(byte) if byte.is_ascii_alphabetic() => self.start_tag()?,
                Some(b'/') => self.end_markup(start)?,
                Some(b'!') => self.declaration(start + 2)?,
                Some(b'?') => self.bogus_comment(start + 1)?,
                _ => {
                    // It means itself.
                    self.text(start, start + 1)?;
                    self.at = start + 1;
                }
            }
        }
        self.finish()
    }

    fn finish(&self) -> Read {
        self.goes_on()?;
        if WATCHED {
            self.check_end()?;
        }
        if self.is_full { Err(Stop::Full) } else { Ok(()) }
    }

    pub(super) fn goes_on(&self) -> Read {
        if self.clock.is_over() { Err(Stop::Time) } else { Ok(()) }
    }

    /// The page ends within a tag or a comment, which is then none.
    pub(super) fn unfinished(&mut self) -> Read {
        if WATCHED {
            return Err(NotPlain::Unfinished.into());
        }
        self.at = self.bytes.len();
        Ok(())
    }

    /// Text with character references.
    fn text(&mut self, start: usize, end: usize) -> Read {
        if WATCHED {
            self.check_text(start, end)?;
        }
        self.keep_text(start, end, true);
        Ok(())
    }

    /// Keeps a text if it is in an element whose text is wanted.
    pub(super) fn keep_text(&mut self, start: usize, end: usize, has_references: bool) {
        if self.room.texts.is_empty() || self.is_full {
            return;
        }
        let piece = &self.page[start..end];
        if has_references {
            decode(piece, start == self.newline_at, &mut self.room.text);
        } else {
            self.room.text.push_str(piece);
        }
    }

    /// What follows a `</`.
    fn end_markup(&mut self, start: usize) -> Read {
        match self.bytes.get(start + 2) {
            Some(byte) if byte.is_ascii_alphabetic() => self.end_tag(),
            _ if WATCHED => Err(NotPlain::Markup.into()),
            Some(b'>') => {
                self.at = start + 3;
                Ok(())
            }
            Some(_) => self.bogus_comment(start + 2),
            None => {
                self.text(start, start + 2)?;
                self.at = start + 2;
                Ok(())
            }
        }
    }

    /// What follows a `<!`.
    fn declaration(&mut self, start: usize) -> Read {
        let rest = &self.bytes[start..];
        if rest.starts_with(b"--") {
            let len = comment_end(&rest[2..]);
            self.clock.spend(len / BYTES);
            if WATCHED {
                // As the standard says, which is where everybody would look for the end.
                match memmem::find(&rest[2..], b"-->") {
                    Some(n) if n + 3 == len => {}
                    Some(_) => return Err(NotPlain::Markup.into()),
                    None => return Err(NotPlain::Unfinished.into()),
                }
            }
            self.at = start + 2 + len;
            return Ok(());
        }
        if !WATCHED && rest.starts_with(b"[CDATA[") && self.room.top().inside != Inside::Html {
            let text = start + 7;
            let end = memmem::find(&self.bytes[text..], b"]]>").map(|n| text + n);
            self.keep_text(text, end.unwrap_or(self.bytes.len()), false);
            self.at = end.map_or(self.bytes.len(), |end| end + 3);
            return Ok(());
        }
        if WATCHED {
            let is_doctype = rest.len() >= 7 && rest[..7].eq_ignore_ascii_case(b"doctype");
            if !is_doctype || self.part != Part::Start || self.has_doctype {
                return Err(NotPlain::Markup.into());
            }
            self.has_doctype = true;
        }
        // A quoted identifier may not hold a `>`, so the first one is the end.
        self.skip_past(start)
    }

    fn bogus_comment(&mut self, start: usize) -> Read {
        if WATCHED { Err(NotPlain::Markup.into()) } else { self.skip_past(start) }
    }

    fn skip_past(&mut self, start: usize) -> Read {
        match memchr(b'>', &self.bytes[start..]) {
            Some(n) => {
                self.clock.spend(n / BYTES);
                self.at = start + n + 1;
                Ok(())
            }
            None => self.unfinished(),
        }
    }
}
