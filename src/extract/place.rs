//! Where a refused selector goes wrong.
//!
//! The parser says what is wrong, not where. So the place is found by asking it again: the selector is cut after
//! each token, and a cut is sound if some short completion of it parses. The mistake is the first token whose cut is not.
//! That costs a few dozen parses of a short text, once, for an error message.

use std::ops::Range;

use super::dom::Selector;

/// One of these makes any sound beginning whole: a name, a pseudo class, an attribute's value, arguments, a number.
const COMPLETIONS: [&str; 8] = ["", "x", "root", "=x", "(x)", "(1)", "1", " x"];

/// The first token of `selector` that cannot stand where it is, or an empty range at the end if only something is missing.
pub(super) fn of_mistake(selector: &str) -> Range<usize> {
    tokens(selector).find(|token| !is_sound(&selector[..token.end])).unwrap_or(selector.len()..selector.len())
}

fn is_sound(beginning: &str) -> bool {
    let closing = closing(beginning);
    COMPLETIONS.iter().any(|middle| Selector::parse(&format!("{beginning}{middle}{closing}")).is_ok())
}

/// The first bracket or quote that is never closed. CSS closes them silently at the end; in one typed line it is a slip.
pub(super) fn of_unclosed(selector: &str) -> Option<usize> {
    let mut open = Vec::new();
    for token in tokens(selector) {
        match selector.as_bytes()[token.start] {
            b'(' | b'[' => open.push(token.start),
            b')' | b']' => drop(open.pop()),
            b'"' | b'\'' if string_end(selector, token.start).is_none() => open.push(token.start),
            _ => {}
        }
    }
    open.first().copied()
}

/// The brackets `beginning` leaves open, closed in the right order.
fn closing(beginning: &str) -> String {
    let mut open = Vec::new();
    for token in tokens(beginning) {
        match &beginning[token] {
            "(" => open.push(')'),
            "[" => open.push(']'),
            ")" | "]" => drop(open.pop()),
            _ => {}
        }
    }
    open.into_iter().rev().collect()
}

/// Names and numbers, strings, runs of white space (comments with it) and single signs, in order and without gaps.
fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let first = text[start..].chars().next()?;
        at += first.len_utf8();
        match first {
            '"' | '\'' => at = string_end(text, start).unwrap_or(text.len()),
            '/' if text[at..].starts_with('*') => {
                at = text[at..].find("*/").map_or(text.len(), |end| at + end + 2);
            }
            c if c.is_whitespace() => at = end_of(text, at, char::is_whitespace),
            '\\' => at = end_of_name(text, start),
            c if is_name(c) => at = end_of_name(text, start),
            _ => {}
        }
        Some(start..at)
    })
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-' || !c.is_ascii()
}

fn end_of(text: &str, from: usize, belongs: impl Fn(char) -> bool) -> usize {
    text[from..].find(|c| !belongs(c)).map_or(text.len(), |n| from + n)
}

fn end_of_name(text: &str, from: usize) -> usize {
    let mut at = end_of(text, from, is_name);
    while text[at..].starts_with('\\') {
        let escaped = text[at + 1..].chars().next().map_or(0, char::len_utf8);
        at = end_of(text, at + 1 + escaped, is_name);
    }
    at
}

/// The end of the string that starts here with its quote.
fn string_end(text: &str, start: usize) -> Option<usize> {
    let mut chars = text[start..].char_indices();
    let (_, quote) = chars.next()?;
    while let Some((n, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return Some(start + n + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: the caret stands under the first thing that is wrong. Provoked: one selector for every kind of mistake.
    #[test]
    fn the_place_is_the_first_token_that_cannot_stand() {
        for (selector, wrong) in [
            ("h1 >> b", 4..5),
            ("a:foo", 2..5),
            ("a::before", 2..3),
            ("h1,,h2", 3..4),
            ("..a", 1..2),
            (":not(b:foo) c", 7..10),
            ("a[href=x y]", 9..10),
            ("a:nth-child(z)", 12..13),
            ("a b $ c", 4..5),
            ("x, y[z=\"1\" q], w", 11..12),
            ("1a", 0..2),
            ("é > !b", 5..6),
            ("p{color:red}", 1..2),
            ("a)", 1..2),
            ("a /* > > */ $", 12..13),
            ("div > [", 7..7),
            ("p >", 3..3),
            ("h1, ", 4..4),
            ("", 0..0),
        ] {
            assert!(Selector::parse(selector).is_err(), "{selector:?} is sound");
            assert_eq!(of_mistake(selector), wrong, "{selector:?}");
        }
    }

    /// Promise: a bracket or quote left open is found, a closed one not. Provoked: both, nested and escaped.
    #[test]
    fn what_stays_open_is_found() {
        for (selector, open) in [
            ("a[href", Some(1)),
            ("a:not(b", Some(5)),
            ("a:not(b[c", Some(5)),
            ("a[b='c", Some(1)),
            ("a[b='c\\']", Some(1)),
            ("a[b='(']", None),
            ("a:not([b])", None),
            (r"a\[b", None),
        ] {
            assert_eq!(of_unclosed(selector), open, "{selector:?}");
        }
    }

    /// Promise: tokens cover the text. Provoked: escapes, strings left open, a comment left open, a lone backslash.
    #[test]
    fn tokens_leave_no_gap() {
        for text in ["a\\@b c", "[x='y\\'", "a /* b", "a\\", "\\", "日本 > 'é\"'"] {
            let mut at = 0;
            for token in tokens(text) {
                assert_eq!(token.start, at, "{text:?}");
                assert!(token.end > at, "{text:?}");
                at = token.end;
            }
            assert_eq!(at, text.len(), "{text:?}");
        }
    }
}
