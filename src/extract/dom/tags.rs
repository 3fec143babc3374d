//! Tags: their names, and those of their attributes that somebody asks for.

use memchr::{memchr, memchr2};

use super::build::{Builder, Tag};
use super::entities;
use super::names::NameId;
use super::parser::is_space;
use super::tree::Span;

/// What ends a tag's name.
pub(in super::super) fn ends_name(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0C | b' ' | b'/' | b'>')
}

impl Builder<'_> {
    /// The name of the tag that starts here, in lower case.
    pub(super) fn tag_name(&mut self) -> NameId {
        let start = self.at;
        let mut is_plain = true;
        while let Some(&byte) = self.bytes.get(self.at) {
            if ends_name(byte) {
                break;
            }
            is_plain &= !byte.is_ascii_uppercase() && byte != 0;
            self.at += 1;
        }
        let name = &self.page[start..self.at];
        if is_plain { self.names.id(name) } else { self.names.id(&name.to_ascii_lowercase().replace('\0', "\u{FFFD}")) }
    }

    /// The rest of a tag after its name. `None` if the page ends within it: then there is no tag.
    pub(super) fn tag(&mut self, name: NameId) -> Option<Tag> {
        let source = self.at;
        let attributes = self.tree.attributes.len();
        let mut reader = Attributes { bytes: self.bytes, at: source };
        let is_self_closing = loop {
            match reader.next() {
                Next::Attribute(name, value) => {
                    if let Some(wanted) = self.wanted_name(name) {
                        self.keep_attribute(attributes, wanted, value);
                    }
                }
                Next::End { self_closing } => break self_closing,
                Next::Nothing => {
                    self.at = self.bytes.len();
                    self.tree.attributes.truncate(attributes);
                    return None;
                }
            }
        };
        self.at = reader.at;
        Some(Tag {
            name,
            attributes: attributes as u32,
            count: (self.tree.attributes.len() - attributes) as u16,
            source: (source as u32, self.at as u32),
            is_self_closing,
        })
    }

    fn wanted_name(&self, name: (usize, usize)) -> Option<u16> {
        let name = &self.bytes[name.0..name.1];
        let found = self.wanted.find(name);
        if found.is_none() && self.has_nulls && memchr(0, name).is_some() {
            return self.wanted.find(String::from_utf8_lossy(name).replace('\0', "\u{FFFD}").as_bytes());
        }
        found
    }

    /// The first of several of the same name counts.
    fn keep_attribute(&mut self, from: usize, wanted: u16, value: (usize, usize)) {
        if self.tree.attributes[from..].iter().any(|attribute| attribute.wanted == wanted) {
            return;
        }
        let value = match memchr2(b'&', 0, &self.bytes[value.0..value.1]) {
            None => Span::of_page(value.0, value.1),
            Some(_) => {
                let start = self.tree.aside.len();
                decode_value(&self.page[value.0..value.1], &mut self.tree.aside);
                self.tree.aside_since(start)
            }
        };
        self.tree.attributes.push(super::tree::Attribute { wanted, value });
    }

    /// All attributes of a tag as html5ever would have them, by name, for the few rules that ask.
    pub(super) fn all_attributes(&self, tag: (u32, u32)) -> Vec<(String, String)> {
        let mut reader = Attributes { bytes: self.bytes, at: tag.0 as usize };
        let mut all: Vec<(String, String)> = Vec::new();
        while let Next::Attribute(name, value) = reader.next() {
            let name = self.page[name.0..name.1].to_ascii_lowercase().replace('\0', "\u{FFFD}");
            let mut text = String::new();
            decode_value(&self.page[value.0..value.1], &mut text);
            all.push((name, text));
        }
        // Of several of the same name the first counts, and the sort leaves it first.
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all.dedup_by(|second, first| second.0 == first.0);
        all
    }

    /// One attribute of a tag.
    pub(super) fn attribute(&self, tag: &Tag, name: &str) -> Option<String> {
        self.all_attributes(tag.source).into_iter().find(|(have, _)| have == name).map(|(_, value)| value)
    }
}

/// An attribute's value with its character references resolved, and U+FFFD for each NUL.
pub(in super::super) fn decode_value(value: &str, text: &mut String) {
    let mut rest = value;
    while let Some(at) = memchr(0, rest.as_bytes()) {
        entities::resolve(&rest[..at], true, text);
        text.push('\u{FFFD}');
        rest = &rest[at + 1..];
    }
    entities::resolve(rest, true, text);
}

/// The end of a tag whose attributes nobody asks for, and whether it closes itself; from behind its name. `None` if the page ends within it.
#[cfg(feature = "streaming")]
#[inline]
pub(in super::super) fn skip(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut at = from;
    loop {
        match *bytes.get(at)? {
            b'>' => return Some((at + 1, bytes[at - 1] == b'/' && at > from)),
            // Behind anything else it may not be what comes before a value.
            b'=' if !bytes[at - 1].is_ascii_alphanumeric() => return skip_slowly(bytes, from),
            b'=' => {
                at += 1;
                while is_space(*bytes.get(at)?) {
                    at += 1;
                }
                match bytes[at] {
                    quote @ (b'"' | b'\'') => at += 2 + memchr(quote, &bytes[at + 1..])?,
                    _ => {
                        while !matches!(*bytes.get(at)?, b'\t' | b'\n' | 0x0C | b' ' | b'>') {
                            at += 1;
                        }
                        if bytes[at] == b'>' {
                            return Some((at + 1, false));
                        }
                    }
                }
            }
            _ => at += 1,
        }
    }
}

#[cfg(feature = "streaming")]
#[cold]
fn skip_slowly(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut reader = Attributes { bytes, at: from };
    loop {
        match reader.next() {
            Next::Attribute(..) => {}
            Next::End { self_closing } => return Some((reader.at, self_closing)),
            Next::Nothing => return None,
        }
    }
}

/// Reads the attributes of one tag.
pub(in super::super) struct Attributes<'a> {
    pub(in super::super) bytes: &'a [u8],
    pub(in super::super) at: usize,
}

pub(in super::super) enum Next {
    /// Where its name and its value stand.
    Attribute((usize, usize), (usize, usize)),
    /// The tag is over.
    End { self_closing: bool },
    /// The page is over.
    Nothing,
}

impl Attributes<'_> {
    fn skip_spaces(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if !is_space(byte) {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[inline]
    pub(in super::super) fn next(&mut self) -> Next {
        self.read().unwrap_or(Next::Nothing)
    }

    #[inline]
    fn read(&mut self) -> Option<Next> {
        loop {
            match self.skip_spaces()? {
                b'>' => {
                    self.at += 1;
                    return Some(Next::End { self_closing: false });
                }
                b'/' => {
                    self.at += 1;
                    if *self.bytes.get(self.at)? == b'>' {
                        self.at += 1;
                        return Some(Next::End { self_closing: true });
                    }
                }
                _ => break,
            }
        }
        let start = self.at;
        // A name may start with any sign, even with one that would end it.
        self.at += 1;
        while !matches!(*self.bytes.get(self.at)?, b'\t' | b'\n' | 0x0C | b' ' | b'/' | b'>' | b'=') {
            self.at += 1;
        }
        let name = (start, self.at);
        if self.skip_spaces()? != b'=' {
            return Some(Next::Attribute(name, (start, start)));
        }
        self.at += 1;
        let value = match self.skip_spaces()? {
            quote @ (b'"' | b'\'') => {
                let start = self.at + 1;
                let end = start + memchr(quote, &self.bytes[start..])?;
                self.at = end + 1;
                (start, end)
            }
            b'>' => (start, start),
            _ => {
                let start = self.at;
                while !matches!(*self.bytes.get(self.at)?, b'\t' | b'\n' | 0x0C | b' ' | b'>') {
                    self.at += 1;
                }
                (start, self.at)
            }
        };
        Some(Next::Attribute(name, value))
    }
}

#[cfg(all(test, feature = "streaming"))]
mod tests {
    use super::*;

    /// Promise: a tag ends in the same place, and closes itself or not, whether its attributes are read or skipped. Provoked: all tags of up to
    /// seven signs that mean something in one.
    #[test]
    fn tags_that_are_skipped_end_where_those_that_are_read_do() {
        const SIGNS: &[u8] = b"a />='\"";
        let mut seen = 0;
        for len in 0..=7 {
            for number in 0..SIGNS.len().pow(len) {
                // The name comes before, and more of the page behind.
                let mut page = b"<x ".to_vec();
                page.extend((0..len).map(|at| SIGNS[number / SIGNS.len().pow(at) % SIGNS.len()]));
                for behind in ["", "b='>'>"] {
                    let mut page = page.clone();
                    page.extend(behind.as_bytes());
                    assert_eq!(skip(&page, 2), skip_slowly(&page, 2), "{:?}", String::from_utf8_lossy(&page));
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 2 * (0..=7).map(|len| SIGNS.len().pow(len)).sum::<usize>());
    }
}
