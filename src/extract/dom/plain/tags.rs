//! Tags: what each does to the elements that are open.

use memchr::memchr;

use super::super::markup::VOID;
use super::super::names::*;
use super::super::not_plain::NotPlain;
use super::super::raw::{raw_end, script_end};
use super::super::tags::{Attributes, Next, ends_name};
use super::{DEEPEST, Look, OTHER, Open, Part, Plain};
use crate::extract::search::BYTES;

impl Look<'_> {
    /// Where the name that starts here ends.
    fn name_end(&self, start: usize) -> usize {
        self.bytes[start..].iter().position(|&byte| ends_name(byte)).map_or(self.bytes.len(), |n| start + n)
    }

    pub(super) fn end_tag(&mut self) -> Plain {
        let start = self.at + 2;
        let end = self.name_end(start);
        let name = &self.bytes[start..end];
        self.at = end;
        self.attributes(false)?;
        if self.part == Part::AfterBody && name.eq_ignore_ascii_case(b"html") && self.top() == HTML {
            self.part = Part::AfterHtml;
            self.stack.pop();
            return Ok(());
        }
        let Some(&open) = self.stack.last() else { return Err(NotPlain::EndTag) };
        if !self.bytes[open.start..open.start + open.len].eq_ignore_ascii_case(name) {
            return Err(NotPlain::EndTag);
        }
        if matches!(self.part, Part::AfterBody | Part::AfterHtml) {
            return Err(NotPlain::EndTag);
        }
        if self.svg.is_none() {
            match open.name {
                HEAD => self.part = Part::AfterHead,
                BODY => self.part = Part::AfterBody,
                // The body is still open, if only by implication.
                HTML => return Err(NotPlain::EndTag),
                TEMPLATE => self.templates -= 1,
                _ => {}
            }
        }
        self.stack.pop();
        if self.svg == Some(self.stack.len()) {
            self.svg = None;
        }
        Ok(())
    }

    /// Reads the rest of a tag. Gives whether it closes itself.
    fn attributes(&mut self, is_start: bool) -> Result<bool, NotPlain> {
        let from = self.at;
        let mut reader = Attributes { bytes: self.bytes, at: from };
        let closes_itself = loop {
            match reader.next() {
                Next::Attribute(name, value) => {
                    if let Some(wanted) = self.sight.wanted.as_ref().filter(|_| is_start)
                        && memchr(b'&', &self.bytes[value.0..value.1]).is_some()
                        && wanted.find(&self.bytes[name.0..name.1]).is_some()
                    {
                        return Err(NotPlain::Reference);
                    }
                }
                Next::End { self_closing } => break self_closing,
                Next::Nothing => return Err(NotPlain::Unfinished),
            }
        };
        self.clock.spend((reader.at - from) / BYTES);
        self.at = reader.at;
        Ok(closes_itself)
    }

    pub(super) fn start_tag(&mut self) -> Plain {
        let start = self.at + 1;
        let end = self.name_end(start);
        let text = &self.bytes[start..end];
        let name = if text.iter().any(u8::is_ascii_uppercase) {
            known_bytes(&text.to_ascii_lowercase())
        } else {
            known_bytes(text)
        };
        let name = name.unwrap_or(OTHER);
        self.at = end;
        let closes_itself = self.attributes(true)?;
        if self.svg.is_some() {
            return self.start_in_svg(name, (start, end), closes_itself);
        }
        match name {
            HTML | HEAD | BODY if self.templates > 0 => return Err(NotPlain::Misplaced),
            _ if self.templates > 0 => {}
            _ => self.check_part(name)?,
        }
        self.check_place(name)?;
        if name == TEMPLATE {
            self.templates += 1;
        }
        if name == SVG {
            return self.start_svg((start, end), closes_itself);
        }
        match name {
            _ if VOID.contains(&name) => Ok(()),
            SCRIPT | STYLE | TITLE | TEXTAREA | XMP | IFRAME | NOEMBED | NOSCRIPT | NOFRAMES => self.raw(name),
            _ => self.push(name, (start, end)),
        }
    }

    pub(super) fn push(&mut self, name: NameId, (start, end): (usize, usize)) -> Plain {
        if self.stack.len() >= DEEPEST {
            return Err(NotPlain::Deep);
        }
        self.stack.push(Open { name, start, len: end - start });
        Ok(())
    }

    /// Content that is text, with its end tag.
    fn raw(&mut self, name: NameId) -> Plain {
        // After `=>` lol_html 3.0 forgets that text comes, and looks for tags in it.
        if self.bytes[..self.at - 1].trim_ascii_end().ends_with(b"=") {
            return Err(NotPlain::Markup);
        }
        let text = text_of_known(name);
        let end = raw_end(self.bytes, self.at, text.as_bytes()).ok_or(NotPlain::Unfinished)?;
        if name == SCRIPT && script_end(self.bytes, self.at) != Some(end) {
            return Err(NotPlain::Markup);
        }
        self.clock.spend((end - self.at) / BYTES);
        self.at = end + 2 + text.len();
        self.attributes(false).map(|_| ())
    }
}
