//! Elements whose content is text, whatever it looks like: scripts, styles, titles.

use memchr::{memchr, memchr2};

use super::build::Builder;
use super::entities;
use super::names::{self, NameId};
use super::tags::ends_name;
use super::tree::Span;

/// How the content of an element is read whose start tag came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raw {
    /// Text with character references, up to the end tag of this name.
    WithReferences(NameId),
    /// Text up to the end tag of this name.
    Text(NameId),
    /// A script: its end tag does not count within `<!-- <script> -->`.
    Script,
    /// Text up to the end of the page.
    Plain,
}

impl Builder<'_> {
    pub(super) fn raw_text(&mut self, raw: Raw) {
        let (name, references) = match raw {
            Raw::Plain => {
                let (start, end) = (self.at, self.bytes.len());
                self.at = end;
                return self.raw_piece(start, end, false);
            }
            Raw::Script => (names::SCRIPT, false),
            Raw::Text(name) => (name, false),
            Raw::WithReferences(name) => (name, true),
        };
        let start = self.at;
        let found = match raw {
            Raw::Script => script_end(self.bytes, start),
            _ => raw_end(self.bytes, start, names::text_of_known(name).as_bytes()),
        };
        let Some(end) = found else {
            self.at = self.bytes.len();
            return self.raw_piece(start, self.bytes.len(), references);
        };
        self.raw_piece(start, end, references);
        self.at = end + 2 + names::text_of_known(name).len();
        if let Some(tag) = self.tag(name) {
            self.forget(&tag);
            self.end_tag(name);
            if name == names::SCRIPT {
                self.skip_mark();
            }
        }
    }

    fn raw_piece(&mut self, start: usize, end: usize, references: bool) {
        let mut from = start;
        let bytes = self.bytes;
        let stop = |from: usize| {
            if references { memchr2(b'&', 0, &bytes[from..end]) } else { memchr(0, &bytes[from..end]) }
        };
        let mut searched = from;
        while let Some(n) = stop(searched) {
            let at = searched + n;
            if bytes[at] == 0 {
                self.characters(Span::of_page(from, at));
                let span = self.tree.put_aside("\u{FFFD}");
                self.ignore_newline = false;
                self.characters(span);
                from = at + 1;
            } else if let Some(found) = entities::read(&bytes[at + 1..end], false) {
                self.characters(Span::of_page(from, at));
                if found.is_faulty {
                    self.ignore_newline = false;
                }
                for char in &found.chars[..found.count] {
                    let span = self.tree.put_aside(char.encode_utf8(&mut [0; 4]));
                    self.characters(span);
                }
                from = at + 1 + found.len;
            } else {
                searched = at + 1;
                continue;
            }
            searched = from;
        }
        self.characters(Span::of_page(from, end));
    }
}

/// Whether `</name` stands here, as an end tag.
fn is_end_tag(bytes: &[u8], at: usize, name: &[u8]) -> bool {
    let end = at + 2 + name.len();
    bytes.get(at + 1) == Some(&b'/')
        && bytes.get(at + 2..end).is_some_and(|have| have.eq_ignore_ascii_case(name))
        && bytes.get(end).is_some_and(|&byte| ends_name(byte))
}

pub(in super::super) fn raw_end(bytes: &[u8], from: usize, name: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr(b'<', &bytes[at..])?;
        if is_end_tag(bytes, at, name) {
            return Some(at);
        }
        at += 1;
    }
}

/// Where a script's own end tag stands.
pub(in super::super) fn script_end(bytes: &[u8], from: usize) -> Option<usize> {
    const NAME: &[u8] = b"script";
    let mut at = from;
    loop {
        at += memchr(b'<', &bytes[at..])?;
        if is_end_tag(bytes, at, NAME) {
            return Some(at);
        }
        if bytes[at..].starts_with(b"<!--") {
            // The two dashes may already be those of a `-->`.
            at += 4;
            let mut dashes = 2;
            let mut is_double = false;
            loop {
                match *bytes.get(at)? {
                    b'-' => dashes += 1,
                    b'>' if dashes >= 2 => break,
                    b'<' if !is_double && is_end_tag(bytes, at, NAME) => return Some(at),
                    b'<' => {
                        dashes = 0;
                        let is_end = bytes.get(at + 1) == Some(&b'/');
                        let name = at + 1 + usize::from(is_end);
                        let letters = bytes[name..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                        let is_script = bytes[name..name + letters].eq_ignore_ascii_case(NAME)
                            && bytes.get(name + letters).is_some_and(|&byte| ends_name(byte));
                        if is_script && is_end == is_double {
                            is_double = !is_double;
                            at = name + letters;
                        }
                    }
                    _ => dashes = 0,
                }
                // Between two signs there is nothing else to see.
                at += 1;
                if dashes == 0 {
                    at += memchr2(b'-', b'<', &bytes[at..])?;
                }
            }
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: a script ends where the standard says. Provoked: comments in it, scripts in them.
    #[test]
    fn scripts_end() {
        for (text, end) in [
            ("a</script>", Some(1)),
            ("a</SCRIPT x>", Some(1)),
            ("</scripty></script>", Some(10)),
            ("<!--</script>", Some(4)),
            ("<!--<script></script></script>", Some(21)),
            ("<!--<script>--></script>", Some(15)),
            ("<!--><script></script>", Some(13)),
            ("<!-- <script </script> --></script>", Some(26)),
            ("<!--<script></script>", None),
            ("<!--<scripty></script>", Some(13)),
        ] {
            assert_eq!(script_end(text.as_bytes(), 0), end, "{text}");
        }
    }
}
