//! Character references.

use std::sync::LazyLock;

use memchr::memchr;
use web_atoms::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// What stands after an `&`.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Reference {
    /// What it stands for.
    pub(in super::super) chars: [char; 2],
    /// 1 or 2.
    pub(in super::super) count: usize,
    /// Bytes after the `&` that belong to it.
    pub(in super::super) len: usize,
    /// Whether html5ever reports an error in it.
    pub(in super::super) is_faulty: bool,
}

/// Whole names, sorted. `web_atoms` has them mixed with their beginnings, in a map that hashes every question anew.
static ENTITIES: LazyLock<Vec<(&'static str, (u32, u32))>> = LazyLock::new(|| {
    let whole = NAMED_ENTITIES.entries().filter(|(_, chars)| chars.0 != 0);
    let mut all: Vec<_> = whole.map(|(name, chars)| (*name, *chars)).collect();
    all.sort_unstable();
    all
});

/// Reads what follows an `&`; `None` if that is no character reference and the `&` stands for itself.
pub(in super::super) fn read(after: &[u8], in_attribute: bool) -> Option<Reference> {
    match after.first()? {
        b'#' => numeric(after),
        first if first.is_ascii_alphanumeric() => named(after, in_attribute),
        _ => None,
    }
}

fn named(after: &[u8], in_attribute: bool) -> Option<Reference> {
    for (name, char) in [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("nbsp;", '\u{A0}')] {
        if after.starts_with(name.as_bytes()) {
            return Some(Reference { chars: [char, '\0'], count: 1, len: name.len(), is_faulty: false });
        }
    }
    // The longest name that the text starts with. No name but with its last sign has a semicolon.
    let letters = after.iter().take(32).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let longest = letters + usize::from(after.get(letters) == Some(&b';'));
    let text = std::str::from_utf8(&after[..longest]).ok()?;
    let (len, chars) = (1..=longest).rev().find_map(|len| {
        let at = ENTITIES.binary_search_by(|(name, _)| (*name).cmp(&text[..len])).ok()?;
        Some((len, ENTITIES[at].1))
    })?;
    let is_closed = text[..len].ends_with(';');
    if in_attribute && !is_closed && after.get(len).is_some_and(|&byte| byte == b'=' || byte.is_ascii_alphanumeric()) {
        return None;
    }
    let char = |code| char::from_u32(code).unwrap_or('\u{FFFD}');
    let chars = [char(chars.0), char(chars.1)];
    Some(Reference { chars, count: if chars[1] == '\0' { 1 } else { 2 }, len, is_faulty: !is_closed })
}

fn numeric(after: &[u8]) -> Option<Reference> {
    let (start, base) = if matches!(after.get(1), Some(b'x' | b'X')) { (2, 16) } else { (1, 10) };
    let mut code = Some(0_u32);
    let mut at = start;
    while let Some(digit) = after.get(at).and_then(|&byte| char::from(byte).to_digit(base)) {
        code = code.and_then(|code| code.checked_mul(base)?.checked_add(digit)).filter(|&code| code <= 0x0010_FFFF);
        at += 1;
    }
    if at == start {
        return None;
    }
    let is_closed = after.get(at) == Some(&b';');
    let (char, is_sound) = match code {
        None | Some(0) => ('\u{FFFD}', false),
        Some(code @ 0x80..=0x9F) => (C1_REPLACEMENTS[code as usize - 0x80].unwrap_or_else(|| char(code)), false),
        Some(code) => (char(code), true),
    };
    Some(Reference {
        chars: [char, '\0'],
        count: 1,
        len: at + usize::from(is_closed),
        is_faulty: !is_closed || !is_sound,
    })
}

/// Surrogates are no characters.
fn char(code: u32) -> char {
    char::from_u32(code).unwrap_or('\u{FFFD}')
}

/// Adds a text with its character references resolved.
pub(in super::super) fn resolve(source: &str, in_attribute: bool, text: &mut String) {
    let (bytes, mut from, mut searched) = (source.as_bytes(), 0, 0);
    while let Some(n) = memchr(b'&', &bytes[searched..]) {
        let at = searched + n;
        searched = at + 1;
        if let Some(found) = read(&bytes[searched..], in_attribute) {
            text.push_str(&source[from..at]);
            text.extend(&found.chars[..found.count]);
            from = searched + found.len;
            searched = from;
        }
    }
    text.push_str(&source[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(after: &str, in_attribute: bool) -> Option<(String, usize)> {
        read(after.as_bytes(), in_attribute).map(|found| (found.chars[..found.count].iter().collect(), found.len))
    }

    /// Promise: names and numbers as the standard has them. Provoked: each of its special cases.
    #[test]
    fn references_are_read_as_the_standard_says() {
        let some = |chars: &str, len| Some((chars.to_owned(), len));
        assert_eq!(text("amp;", false), some("&", 4));
        assert_eq!(text("ampx", false), some("&", 3));
        assert_eq!(text("ampx", true), None);
        assert_eq!(text("amp=", true), None);
        assert_eq!(text("amp ", true), some("&", 3));
        assert_eq!(text("amp", true), some("&", 3));
        assert_eq!(text("notit;", false), some("¬", 3));
        assert_eq!(text("notin;", false), some("∉", 6));
        assert_eq!(text("NotEqualTilde;", false), some("≂\u{338}", 14));
        assert_eq!(text("CounterClockwiseContourIntegral;", false), some("∳", 32));
        assert_eq!(text("nosuch;", false), None);
        assert_eq!(text(" ", false), None);
        assert_eq!(text("", false), None);
        assert_eq!(text("#", false), None);
        assert_eq!(text("#x", false), None);
        assert_eq!(text("#xg", false), None);
        assert_eq!(text("#65", false), some("A", 3));
        assert_eq!(text("#x41;1", false), some("A", 5));
        assert_eq!(text("#0;", false), some("\u{FFFD}", 3));
        assert_eq!(text("#128;", false), some("€", 5));
        assert_eq!(text("#129;", false), some("\u{81}", 5));
        assert_eq!(text("#xD800;", false), some("\u{FFFD}", 7));
        assert_eq!(text("#99999999999;", false), some("\u{FFFD}", 13));
    }
}
