//! Tags: what each opens and closes.

use super::super::dom::names::*;
use super::super::dom::raw::{raw_end, script_end};
use super::super::dom::tags::{Attributes, Next, skip};
use super::super::search::BYTES;
use super::asked::Asked;
use super::not_plain::NotPlain;
use super::reader::{Reader, Stop};
use super::room::{Inside, OTHER, Open};

/// A start tag: its name, and where that stands.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    pub(super) name: NameId,
    pub(super) hash: usize,
    pub(super) text: (usize, usize),
    pub(super) closes_itself: bool,
}

impl<const WATCHED: bool> Reader<'_, WATCHED> {
    pub(super) fn start_tag(&mut self) -> Result<(), Stop> {
        let start = self.at + 1;
        let read = read_name(self.bytes, start);
        let name = read.known.unwrap_or(OTHER);
        let tests = &self.plan.tests;
        let (named, any) = (tests.by_name(name), &tests.for_any);
        let wants = (named.attributes || any.attributes) && !self.is_full;
        let rest = if wants { self.attributes(read.end) } else { skip(self.bytes, read.end) };
        let Some((end, closes_itself)) = rest else { return self.unfinished() };
        self.clock.spend((end - start) / BYTES);
        self.at = end;
        let tag = Tag { name, hash: read.hash, text: (start, read.end), closes_itself };
        let (own, inside) = if WATCHED { self.check_start(tag)? } else { self.spaces(tag) };

        let is_html = own == Inside::Html;
        let texts = self.ask(tag, is_html)?;
        if is_html && groups(name) & (EMPTY | TEXT_ONLY) != 0 {
            if groups(name) & TEXT_ONLY != 0 {
                self.text_only(name)?;
            }
            self.room.close(texts);
            return Ok(());
        }
        if !is_html && closes_itself {
            self.room.close(texts);
            return Ok(());
        }
        if is_html && matches!(name, PRE | LISTING) {
            self.newline_at = self.at;
        }
        self.push(tag, texts, inside)?;
        if !WATCHED && is_html && name == PLAINTEXT {
            self.keep_text(self.at, self.bytes.len(), false);
            self.at = self.bytes.len();
        }
        Ok(())
    }

    fn push(&mut self, tag: Tag, texts: u32, inside: Inside) -> Result<(), Stop> {
        if self.room.depth() >= self.plan.deepest {
            return Err(Stop::Deep);
        }
        self.room.push(Open::new(tag.name, tag.hash, tag.text, texts, inside));
        self.push_bits();
        Ok(())
    }

    /// The rest of a start tag, with the attributes that are wanted.
    fn attributes(&mut self, from: usize) -> Option<(usize, bool)> {
        self.room.tag.next();
        let mut reader = Attributes { bytes: self.bytes, at: from };
        loop {
            match reader.next() {
                Next::Attribute(name, value) => {
                    if let Some(place) = self.plan.wanted.find(&self.bytes[name.0..name.1]) {
                        self.room.tag.add(self.plan.places[usize::from(place)], value);
                    }
                }
                Next::End { self_closing } => return Some((reader.at, self_closing)),
                Next::Nothing => return None,
            }
        }
    }

    /// What a tag's element is an element of, and what those in it are: without the rules that would move it.
    fn spaces(&mut self, tag: Tag) -> (Inside, Inside) {
        let inside = |own: Inside| {
            let text = &self.page[tag.text.0..tag.text.1];
            match (own, tag.name) {
                (Inside::Svg, DESC | TITLE) => Inside::Html,
                (Inside::Svg, _) if text.eq_ignore_ascii_case("foreignObject") => Inside::Html,
                (Inside::MathMl, MI | MN | MO | MS | MTEXT) => Inside::Html,
                _ => own,
            }
        };
        let top = *self.room.top();
        let own = match (top.inside, tag.name) {
            (Inside::Html, SVG) => Inside::Svg,
            (Inside::Html, MATH) => Inside::MathMl,
            (Inside::Html, MGLYPH | MALIGNMARK) if matches!(top.name, MI | MN | MO | MS | MTEXT) => Inside::MathMl,
            (Inside::Html, _) => Inside::Html,
            // HTML in SVG or MathML ends it.
            (_, name) if groups(name) & BREAKS_OUT != 0 => {
                while self.room.top().inside != Inside::Html {
                    self.room.pop(self.plan.stride);
                }
                return (Inside::Html, Inside::Html);
            }
            (Inside::MathMl, SVG) if self.is_annotation(top) => Inside::Svg,
            (foreign, _) => foreign,
        };
        (own, inside(own))
    }

    fn is_annotation(&self, open: Open) -> bool {
        let start = open.start as usize;
        self.page[start..start + open.len as usize].eq_ignore_ascii_case("annotation-xml")
    }

    /// The content of an element that has nothing but text, with its end tag.
    fn text_only(&mut self, name: NameId) -> Result<(), Stop> {
        let (start, text) = (self.at, text_of_known(name));
        let found = match name {
            SCRIPT => script_end(self.bytes, start),
            _ => raw_end(self.bytes, start, text.as_bytes()),
        };
        if WATCHED && found.is_none() {
            return Err(NotPlain::Unfinished.into());
        }
        let end = found.unwrap_or(self.bytes.len());
        self.clock.spend((end - start) / BYTES);
        if name == TEXTAREA {
            self.newline_at = start;
        }
        self.keep_text(start, end, matches!(name, TITLE | TEXTAREA));
        self.at = end;
        if found.is_none() {
            return Ok(());
        }
        match skip(self.bytes, end + 2 + text.len()) {
            Some((behind, _)) => {
                self.at = behind;
                Ok(())
            }
            None => self.unfinished(),
        }
    }

    pub(super) fn end_tag(&mut self) -> Result<(), Stop> {
        let start = self.at + 2;
        let read = read_name(self.bytes, start);
        let Some((end, _)) = skip(self.bytes, read.end) else { return self.unfinished() };
        self.clock.spend((end - start) / BYTES);
        self.at = end;
        let name = read.known.unwrap_or(OTHER);
        let is_it = |open: &Open| {
            let (from, len) = (open.start as usize, open.len as usize);
            open.name == name
                && (name != OTHER || self.bytes[from..from + len].eq_ignore_ascii_case(&self.bytes[start..read.end]))
        };
        if WATCHED {
            let open = *self.room.top();
            return if self.room.depth() > 0 && is_it(&open) {
                self.check_close(open)?;
                self.room.pop(self.plan.stride);
                Ok(())
            } else {
                Err(NotPlain::EndTag.into())
            };
        }
        if is_it(self.room.top()) && self.room.depth() > 0 {
            self.room.pop(self.plan.stride);
            return Ok(());
        }
        // What is open of a name that the rules know is found, and all that was passed over is closed. Of other names it may not be.
        if self.room.may_have(name, read.hash)
            && let Some(n) = self.room.stack[1..].iter().rev().position(is_it)
        {
            self.clock.spend(n);
            (0..=n).for_each(|_| self.room.pop(self.plan.stride));
        } else if name == OTHER && self.room.may_have(name, read.hash) {
            self.clock.spend(self.room.depth());
        }
        Ok(())
    }

    /// The element of a tag, as tests see it.
    pub(super) fn asked(&self, tag: Tag, is_html: bool, index: u32) -> Asked<'_> {
        let (attributes, is_root) = (&self.room.tag, self.room.depth() == 0);
        Asked {
            page: self.page,
            name: tag.name,
            text: tag.text,
            is_html,
            is_root,
            index,
            attributes,
            clock: self.clock,
        }
    }
}
