//! Bytes to text, the way a browser would, but saying so.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far into the page a `<meta charset>` is looked for: the HTML standard's 1024 bytes.
const PRESCAN: usize = 1024;

/// A page's text, and how it was come by if its bytes were not plain UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text, without a byte order mark. Borrowed if the bytes were UTF-8 already.
    pub text: Cow<'a, str>,
    /// For example `decoded as windows-1252`. `None` for UTF-8, with or without a byte order mark.
    pub note: Option<String>,
}

/// Turns a page's bytes into text. Never fails: what cannot be read becomes U+FFFD, and the note says so.
///
/// The encoding is the first of: a byte order mark; UTF-8, if all bytes are valid in it; the `<meta charset>` or
/// `http-equiv` declaration within the first 1024 bytes; windows-1252, which every byte string can be read as.
/// UTF-8 comes before the declaration because text in another encoding practically never happens to be valid in it.
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return with(encoding, &bytes[mark..]);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Decoded { text: Cow::Borrowed(text), note: None };
    }
    with(declared(&bytes[..bytes.len().min(PRESCAN)]).unwrap_or(WINDOWS_1252), bytes)
}

fn with<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Decoded<'a> {
    let (text, broken) = encoding.decode_without_bom_handling(bytes);
    let name = encoding.name();
    let note = match (encoding == UTF_8, broken) {
        (true, false) => None,
        (false, false) => Some(format!("decoded as {name}")),
        (_, true) => Some(format!("decoded as {name}, broken bytes replaced by U+FFFD")),
    };
    Decoded { text, note }
}

/// The encoding a `<meta>` tag names. Simpler than the standard's prescan: the first `charset=` inside a `<meta` tag that is
/// not in a comment decides, whatever attribute it stands in.
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let head = head.to_ascii_lowercase();
    let mut rest = head.as_slice();
    while let Some(at) = find(rest, b"<") {
        rest = &rest[at..];
        if rest.starts_with(b"<!--") {
            rest = &rest[find(rest, b"-->")?..];
        } else if rest.starts_with(b"<meta") {
            let tag = &rest[..find(rest, b">").unwrap_or(rest.len())];
            if let Some(encoding) = find(tag, b"charset").and_then(|at| label(&tag[at + b"charset".len()..])) {
                return Some(encoding);
            }
        }
        rest = &rest[1..];
    }
    None
}

/// The value after `charset`: `=`, perhaps a quote, the label.
fn label(after: &[u8]) -> Option<&'static Encoding> {
    let value = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let ends = |b: &u8| matches!(b, b'"' | b'\'' | b';' | b'/' | b'>') || b.is_ascii_whitespace();
    let encoding = Encoding::for_label(&value[..value.iter().position(ends).unwrap_or(value.len())])?;
    // A page whose declaration could be read byte by byte is not UTF-16: the standard reads such a lie as UTF-8.
    Some(encoding.output_encoding())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (String, Option<String>) {
        let Decoded { text, note } = decode(bytes);
        (text.into_owned(), note)
    }

    /// Promise: the first rule that applies decides. Provoked: one page for every rule.
    #[test]
    fn every_rule_has_its_page() {
        let note = |text: &str| Some(text.to_owned());
        assert_eq!(decoded("é".as_bytes()), ("é".into(), None));
        assert_eq!(decoded(b"\xEF\xBB\xBFa"), ("a".into(), None));
        assert_eq!(decoded(b"\xFF\xFEa\0"), ("a".into(), note("decoded as UTF-16LE")));
        assert_eq!(decoded(b"\xFE\xFF\0a"), ("a".into(), note("decoded as UTF-16BE")));
        assert_eq!(decoded(b"caf\xE9 \x80"), ("café €".into(), note("decoded as windows-1252")));
        assert_eq!(decoded(b"<META CHARSET='koi8-r'>\xC1").0, "<META CHARSET='koi8-r'>а");
        assert_eq!(decoded(b"<meta content=\"text/html; charset=shift_jis\">\x82\xA0").1, note("decoded as Shift_JIS"));
        assert_eq!(decoded(b"<!-- <meta charset=koi8-r> -->\xE9").1, note("decoded as windows-1252"));
        assert_eq!(decoded(b"<meta charset=nonsense>\xE9").1, note("decoded as windows-1252"));
        assert_eq!(
            decoded(b"<meta charset=utf-8>\xFF!"),
            ("<meta charset=utf-8>\u{FFFD}!".into(), note("decoded as UTF-8, broken bytes replaced by U+FFFD"))
        );
    }

    /// Promise: never panics. Provoked: every cut of a page whose declaration is at the very end of what is looked at.
    #[test]
    fn cut_anywhere_it_does_not_panic() {
        let page = b"<!--x--><meta charset = \"windows-1251\" ><p>\xE9<meta charset=<!--";
        for end in 0..=page.len() {
            decode(&page[..end]);
            declared(&page[..end]);
        }
    }
}
