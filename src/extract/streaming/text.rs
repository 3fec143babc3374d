//! Text as the tree would have it.

use super::super::dom::entities;

/// Adds a text with its character references resolved. `after_tag` is set right behind the tag of a `pre` or `textarea`, where a newline
/// is not part of the text.
pub(super) fn decode(source: &str, after_tag: bool, text: &mut String) {
    let mut rest = source;
    if after_tag {
        if let Some(behind) = rest.strip_prefix('\n') {
            rest = behind;
        } else if let Some(found) = rest.strip_prefix('&').and_then(|after| entities::read(after.as_bytes(), false))
            && !found.is_faulty
            && found.chars[0] == '\n'
        {
            rest = &rest[1 + found.len..];
        }
    }
    entities::resolve(rest, false, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: references and the first newline of a `pre` are read as the tree reads them. Provoked: each kind, at both ends.
    #[test]
    fn text_is_decoded() {
        for (source, after_tag, text) in [
            ("a &amp; b", false, "a & b"),
            ("&lt;&gt", false, "<>"),
            ("&nope; &", false, "&nope; &"),
            ("\nx", true, "x"),
            ("\n\nx", true, "\nx"),
            ("\nx", false, "\nx"),
            ("&#10;x", true, "x"),
            ("&#10x", true, "\nx"),
            ("&NotEqualTilde;", false, "≂\u{338}"),
        ] {
            let mut out = String::new();
            decode(source, after_tag, &mut out);
            assert_eq!(out, text, "{source:?}");
        }
    }
}
