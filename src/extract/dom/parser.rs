//! From text to tokens, by the HTML standard's tokenization.
//!
//! The whole page is at hand, so this looks ahead where the standard keeps a state, and works on bytes: everything that ends a
//! token is ASCII. Newlines have been normalised before. Comments become nothing, but the rules hear of them.

use memchr::memchr;

use super::build::Builder;
use super::entities;
use super::tree::Span;
use crate::extract::bounds::Exceeded;

/// Nodes that a page may have besides one a byte. What has more has made them out of nothing: a formatting element that is never
/// closed is opened again in each paragraph.
const MOST_NODES: usize = 4 << 20;

/// What ends a run of text.
static ENDS_TEXT: [bool; 256] = {
    let mut ends = [false; 256];
    (ends[b'<' as usize], ends[b'&' as usize], ends[0]) = (true, true, true);
    ends
};

pub(in super::super) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0C | b' ')
}

impl Builder<'_> {
    /// Reads the page to its end. If time is over before, the rest is left out.
    /// # Errors
    /// If it makes more nodes than any page needs.
    pub(super) fn run(&mut self) -> Result<(), Exceeded> {
        self.skip_mark();
        let most = self.bytes.len() + MOST_NODES;
        while self.at < self.bytes.len() && !self.clock.is_over() {
            match self.raw.take() {
                Some(raw) => self.raw_text(raw),
                None => self.data(),
            }
            if self.tree.nodes.len() > most {
                return Err(Exceeded::Nodes(most));
            }
        }
        if !self.clock.was_over() {
            self.end_of_file();
        }
        Ok(())
    }

    /// html5ever drops a U+FEFF not only at the start, but wherever it starts to read again: after a script, and after a
    /// declaration of the encoding.
    pub(super) fn skip_mark(&mut self) {
        if self.bytes[self.at..].starts_with("\u{FEFF}".as_bytes()) {
            self.at += 3;
        }
    }

    /// A run of text, then what ended it.
    fn data(&mut self) {
        let start = self.at;
        let mut at = start;
        while at < self.bytes.len() && !ENDS_TEXT[usize::from(self.bytes[at])] {
            at += 1;
        }
        if at > start {
            self.at = at;
            self.characters(Span::of_page(start, at));
        }
        match self.bytes.get(at) {
            None => {}
            Some(b'<') => self.markup(at),
            Some(b'&') => self.reference(at),
            Some(_) => {
                self.at = at + 1;
                self.null();
            }
        }
    }

    /// What follows a `<`.
    fn markup(&mut self, start: usize) {
        match self.bytes.get(start + 1) {
            Some(byte) if byte.is_ascii_alphabetic() => {
                self.at = start + 1;
                let name = self.tag_name();
                if let Some(tag) = self.tag(name) {
                    self.start_tag(tag);
                }
            }
            Some(b'/') => match self.bytes.get(start + 2) {
                Some(byte) if byte.is_ascii_alphabetic() => {
                    self.at = start + 2;
                    let name = self.tag_name();
                    if let Some(tag) = self.tag(name) {
                        self.forget(&tag);
                        self.end_tag(name);
                    }
                }
                Some(b'>') => {
                    // The error that html5ever reports here counts as a token where a newline might be dropped.
                    self.ignore_newline = false;
                    self.at = start + 3;
                }
                Some(_) => self.bogus_comment(start + 2),
                None => self.literal(start, start + 2),
            },
            Some(b'!') => self.declaration(start + 2),
            Some(b'?') => self.bogus_comment(start + 1),
            _ => self.literal(start, start + 1),
        }
    }

    /// Markup that means itself.
    fn literal(&mut self, start: usize, end: usize) {
        self.at = end;
        self.characters(Span::of_page(start, end));
    }

    fn reference(&mut self, start: usize) {
        let Some(found) = entities::read(&self.bytes[start + 1..], false) else {
            return self.literal(start, start + 1);
        };
        self.at = start + 1 + found.len;
        if found.is_faulty {
            self.ignore_newline = false;
        }
        for char in &found.chars[..found.count] {
            let span = self.tree.put_aside(char.encode_utf8(&mut [0; 4]));
            self.characters(span);
        }
    }

    /// What follows `<!`.
    fn declaration(&mut self, start: usize) {
        let rest = &self.bytes[start..];
        if rest.starts_with(b"--") {
            let text = start + 2;
            self.at = text + comment_end(&rest[2..]);
            self.comment(text, text + comment_text(&self.bytes[text..self.at]));
        } else if rest.len() >= 7 && rest[..7].eq_ignore_ascii_case(b"doctype") {
            self.ignore_newline = false;
            self.at = start + 7;
            self.doctype();
        } else if rest.starts_with(b"[CDATA[") && self.is_foreign() {
            let text = start + 7;
            let end = memchr::memmem::find(&self.bytes[text..], b"]]>").map(|n| text + n);
            self.at = end.map_or(self.bytes.len(), |end| end + 3);
            let mut from = text;
            let end = end.unwrap_or(self.bytes.len());
            while let Some(n) = memchr(0, &self.bytes[from..end]) {
                self.characters(Span::of_page(from, from + n));
                self.null();
                from += n + 1;
            }
            self.characters(Span::of_page(from, end));
        } else {
            self.bogus_comment(start);
        }
    }

    fn bogus_comment(&mut self, start: usize) {
        let end = memchr(b'>', &self.bytes[start..]).map(|n| start + n);
        self.at = end.map_or(self.bytes.len(), |end| end + 1);
        self.comment(start, end.unwrap_or(self.bytes.len()));
    }
}

/// How many bytes a comment takes after its `<!--`, with its end.
pub(in super::super) fn comment_end(rest: &[u8]) -> usize {
    if rest.starts_with(b">") {
        return 1;
    }
    if rest.starts_with(b"->") {
        return 2;
    }
    let mut at = 0;
    while let Some(n) = memchr(b'-', &rest[at..]) {
        let start = at + n;
        let dashes = rest[start..].iter().take_while(|&&byte| byte == b'-').count();
        at = start + dashes;
        if dashes >= 2 {
            if rest[at..].starts_with(b">") {
                return at + 1;
            }
            if rest[at..].starts_with(b"!>") {
                return at + 2;
            }
        }
    }
    rest.len()
}

/// How many bytes of a comment come before what ends it, if anything does.
fn comment_text(whole: &[u8]) -> usize {
    if matches!(whole, b">" | b"->") {
        return 0;
    }
    let ends: [&[u8]; 5] = [b"-->", b"--!>", b"--!", b"--", b"-"];
    ends.iter().find(|end| whole.ends_with(end)).map_or(whole.len(), |end| whole.len() - end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: a comment ends where the standard says. Provoked: every way to end one.
    #[test]
    fn comments_end() {
        for (rest, len) in [
            (">x", 1),
            ("->x", 2),
            ("-->x", 3),
            ("--!>x", 4),
            (" a -->x", 6),
            ("a--b-->x", 7),
            ("--!-->x", 6),
            ("<!-->x", 5),
            ("<!->x-->", 8),
            ("---->x", 5),
            ("a--!x", 5),
        ] {
            assert_eq!(comment_end(rest.as_bytes()), len, "{rest}");
        }
    }
}
