//! Is this a page at all?

use encoding_rs::Encoding;

/// How many bytes are looked at for control bytes, as in the MIME sniffing standard.
const BINARY: usize = 1445;

/// How many bytes are looked at for a tag.
const MARKUP: usize = 64 * 1024;

/// A tag with one of these names makes a text HTML. Names that XML vocabularies or type parameters in source code like to
/// use too (`item`, `string`, `t`) are not here; a page has at least one of these.
const NAMES: [&str; 51] = [
    "html",
    "head",
    "body",
    "title",
    "meta",
    "link",
    "base",
    "script",
    "style",
    "noscript",
    "div",
    "span",
    "p",
    "a",
    "b",
    "i",
    "em",
    "strong",
    "code",
    "pre",
    "br",
    "hr",
    "img",
    "ul",
    "ol",
    "li",
    "dl",
    "table",
    "tr",
    "td",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "footer",
    "main",
    "nav",
    "section",
    "article",
    "blockquote",
    "form",
    "input",
    "button",
    "label",
    "iframe",
    "frameset",
    "center",
    "font",
];

/// Why some bytes are not taken for an HTML page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotHtml {
    /// No bytes, or white space only.
    #[error("not HTML: the page is empty; check what wrote it")]
    Empty,
    /// Control bytes that no text has.
    #[error("not HTML: binary data (control bytes near the start); give text, unpacked if it was compressed")]
    Binary,
    /// Text without a tag HTML knows.
    #[error("not HTML: text without an HTML tag in its first 64 KiB; leave the file out or check what wrote it")]
    NoTags,
}

/// Says whether bytes look like an HTML page.
///
/// They do not if they are empty or white space; if the first 1445 bytes hold a control byte that the MIME sniffing standard
/// calls binary (NUL among them), unless a byte order mark announces text; or if the first 64 KiB hold neither `<!doctype html`
/// nor a tag with a common HTML name. Fragments count as pages: no `<html>` is asked for.
/// # Errors
/// [`NotHtml`] says which of the three it was.
pub fn sniff(bytes: &[u8]) -> Result<(), NotHtml> {
    if bytes.trim_ascii().is_empty() {
        return Err(NotHtml::Empty);
    }
    let head = &bytes[..bytes.len().min(MARKUP)];
    match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => {
            let (text, _) = encoding.decode_without_bom_handling(&head[mark..]);
            has_tag(text.as_bytes())
        }
        None if head.iter().take(BINARY).any(is_binary) => return Err(NotHtml::Binary),
        None => has_tag(head),
    }
    .then_some(())
    .ok_or(NotHtml::NoTags)
}

fn is_binary(byte: &u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F)
}

fn has_tag(text: &[u8]) -> bool {
    text.iter().enumerate().filter(|&(_, &b)| b == b'<').any(|(at, _)| is_tag(&text[at + 1..]))
}

fn is_tag(after: &[u8]) -> bool {
    const DOCTYPE: &[u8] = b"!doctype html";
    if after.len() >= DOCTYPE.len() && after[..DOCTYPE.len()].eq_ignore_ascii_case(DOCTYPE) {
        return true;
    }
    let end = after.iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(after.len());
    let closed = matches!(after.get(end), Some(b'>' | b'/')) || after.get(end).is_some_and(u8::is_ascii_whitespace);
    closed && NAMES.iter().any(|name| after[..end].eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: pages pass. Provoked: fragments, capitals, byte order marks, a tag at the very end.
    #[test]
    fn pages_are_pages() {
        for page in [
            &b"<!DOCTYPE HTML>"[..],
            b"x <B>y</B> <P>",
            b"\xFF\xFE<\0p\0>\0",
            b"\xEF\xBB\xBF<br/>",
            b"\xE9 <a href=x>",
            b"<title\n>",
        ] {
            assert_eq!(sniff(page), Ok(()), "{page:?}");
        }
    }

    /// Promise: what is no page is named as what it is. Provoked: nothing, a picture, prose, source code, a cut tag.
    #[test]
    fn other_things_are_not() {
        assert_eq!(sniff(b""), Err(NotHtml::Empty));
        assert_eq!(sniff(b" \r\n"), Err(NotHtml::Empty));
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n\0\0<p>"), Err(NotHtml::Binary));
        for text in [
            &b"just words"[..],
            b"#include <vector>",
            b"a < b",
            b"Vec<T>",
            b"<?xml version=\"1.0\"?><item/>",
            b"\xEF\xBB\xBFx",
            b"<p",
            b"<",
        ] {
            assert_eq!(sniff(text), Err(NotHtml::NoTags), "{text:?}");
        }
    }
}
