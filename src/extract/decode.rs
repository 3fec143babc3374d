//! Bytes to text, the way a browser would, but saying so.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

/// How far into the page a `<meta charset>` is looked for: the HTML standard's 1024 bytes.
const PRESCAN: usize = 1024;

/// How much of a page the detection reads, from a little before the first byte that tells anything.
const DETECTED: usize = 256 << 10;
const BEFORE: usize = 64;

/// A page's text, and how it was come by if its bytes were not plain UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text, without a byte order mark. Borrowed if the bytes were UTF-8 already.
    pub text: Cow<'a, str>,
    /// For example `decoded as windows-1252`. `None` for UTF-8, with or without a byte order mark.
    pub note: Option<String>,
    /// The encoding's name in the Encoding standard.
    pub encoding: &'static str,
    /// Who said so.
    pub by: EncodingBy,
}

/// What decided on an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodingBy {
    /// A byte order mark.
    Mark,
    /// All bytes are valid in it, which is UTF-8.
    Validity,
    /// What came with the page: the `charset` of an HTTP header.
    Header,
    /// The page's own `<meta>`.
    Meta,
    /// Nobody: it is what the bytes look most like.
    Detection,
}

impl EncodingBy {
    /// One word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Validity => "validity",
            Self::Header => "header",
            Self::Meta => "meta",
            Self::Detection => "detection",
        }
    }
}

/// Turns a page's bytes into text. Never fails: what cannot be read becomes U+FFFD, and the note says so.
///
/// The encoding is the first of: a byte order mark; UTF-8, if all bytes are valid in it; the `<meta charset>` or
/// `http-equiv` declaration within the first 1024 bytes; what the bytes look most like, for which Firefox's detector is asked.
/// UTF-8 comes before the declaration because text in another encoding practically never happens to be valid in it, while
/// declarations are often left over from another page. ISO-2022-JP, whose bytes are all ASCII, is the exception: its declaration is
/// believed where there are its escapes.
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    decode_declared(bytes, None)
}

/// As [`decode`], for a page that came with a `charset`, by HTTP for example: it goes before the page's own declaration.
///
/// A name that is no encoding's is as good as none. UTF-16 is believed where the bytes are of even number and have a zero in one
/// half of the pairs: that is valid UTF-8 too, and no text.
pub fn decode_declared<'a>(bytes: &'a [u8], charset: Option<&str>) -> Decoded<'a> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return with(encoding, EncodingBy::Mark, &bytes[mark..]);
    }
    let header = charset.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    if let Some(encoding) = header.filter(|encoding| [UTF_16LE, UTF_16BE].contains(encoding) && is_wide(bytes)) {
        return with(encoding, EncodingBy::Header, bytes);
    }
    let meta = || declared(&bytes[..bytes.len().min(PRESCAN)]);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if bytes.contains(&0x1B) {
            let header = header.map(|encoding| (encoding, EncodingBy::Header));
            let named = header.or_else(|| Some((meta()?, EncodingBy::Meta)));
            if let Some((encoding, by)) = named.filter(|(encoding, _)| *encoding == ISO_2022_JP) {
                return with(encoding, by, bytes);
            }
        }
        return Decoded { text: Cow::Borrowed(text), note: None, encoding: UTF_8.name(), by: EncodingBy::Validity };
    }
    // Whoever names UTF-16 for bytes that are none lies as a `<meta>` does that could be read byte by byte.
    if let Some(encoding) = header {
        return with(encoding.output_encoding(), EncodingBy::Header, bytes);
    }
    match meta() {
        Some(encoding) => with(encoding, EncodingBy::Meta, bytes),
        None => with(detected(bytes), EncodingBy::Detection, bytes),
    }
}

fn with<'a>(encoding: &'static Encoding, by: EncodingBy, bytes: &'a [u8]) -> Decoded<'a> {
    let (text, broken) = encoding.decode_without_bom_handling(bytes);
    let name = encoding.name();
    let note = match (encoding == UTF_8, broken) {
        (true, false) => None,
        (false, false) => Some(format!("decoded as {name}")),
        (_, true) => Some(format!("decoded as {name}, broken bytes replaced by U+FFFD")),
    };
    Decoded { text, note, encoding: name, by }
}

/// Whether bytes that are said to be UTF-16 can be: markup has a zero in every other place.
fn is_wide(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(PRESCAN)];
    let zeros = |start: usize| head.iter().skip(start).step_by(2).filter(|byte| **byte == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    first.max(second) > head.len() / 8 && first.min(second) * 8 < first.max(second)
}

/// What the bytes look most like. Called for bytes that are no UTF-8.
fn detected(bytes: &[u8]) -> &'static Encoding {
    let telling = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    let start = telling.saturating_sub(BEFORE);
    let part = &bytes[start..bytes.len().min(start + DETECTED)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(part, start + part.len() == bytes.len());
    detector.guess(None, Utf8Detection::Allow)
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
        let Decoded { text, note, .. } = decode(bytes);
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

    /// Promise: a header goes before the page's own word, and bytes before both. Provoked: contradictions of all three.
    #[test]
    fn a_header_goes_before_the_page() {
        let by = |bytes: &[u8], charset: &str| {
            let Decoded { text, encoding, by, .. } = decode_declared(bytes, Some(charset));
            (text.into_owned(), encoding, by)
        };
        let page = b"<meta charset=windows-1251>\xC1";
        let told = |text: &str| format!("<meta charset=windows-1251>{text}");
        assert_eq!(by(page, "koi8-r"), (told("а"), "KOI8-R", EncodingBy::Header));
        assert_eq!(by(page, " \tKOI8-R "), (told("а"), "KOI8-R", EncodingBy::Header));
        assert_eq!(by(page, "nonsense"), (told("Б"), "windows-1251", EncodingBy::Meta));
        assert_eq!(by("é".as_bytes(), "iso-8859-1"), ("é".into(), "UTF-8", EncodingBy::Validity));
        assert_eq!(by(b"\xEF\xBB\xBF\xC3\xA9", "koi8-r"), ("é".into(), "UTF-8", EncodingBy::Mark));
        assert_eq!(by(b"<\0p\0>\0", "utf-16le"), ("<p>".into(), "UTF-16LE", EncodingBy::Header));
        assert_eq!(by(b"\0<\0p\0>", "utf-16be"), ("<p>".into(), "UTF-16BE", EncodingBy::Header));
        assert_eq!(by(b"<p>", "utf-16"), ("<p>".into(), "UTF-8", EncodingBy::Validity));
        assert_eq!(by(b"<p>\x1B$B$\"\x1B(B", "iso-2022-jp"), ("<p>あ".into(), "ISO-2022-JP", EncodingBy::Header));
        assert_eq!(by(b"<p>\x1B$B$\"\x1B(B", "utf-8").2, EncodingBy::Validity);
        assert_eq!(decode(b"<meta charset=iso-2022-jp>\x1B$B$\"\x1B(B").text, "<meta charset=iso-2022-jp>あ");
    }

    /// Promise: what nobody names is detected. Provoked: real sentences in encodings of four scripts, far behind plain ASCII too.
    #[test]
    fn unnamed_encodings_are_detected() {
        for (encoding, text) in [
            ("windows-1251", "Прилив начинается в полдень, отлив после шести часов вечера."),
            ("Shift_JIS", "満潮は正午に始まり、干潮は夕方の六時過ぎです。"),
            ("EUC-KR", "밀물은 정오에 시작되고 썰물은 저녁 여섯 시 이후입니다."),
            ("windows-1253", "Η παλίρροια αρχίζει το μεσημέρι και τελειώνει το βράδυ."),
            ("windows-1252", "La marée commence à midi et finit après six heures du soir, là où l'été s'achève."),
        ] {
            let (bytes, _, lost) = Encoding::for_label(encoding.as_bytes()).unwrap().encode(text);
            assert!(!lost);
            for before in [0, 3_000_000] {
                let page = [b"<p>".repeat(before / 3), bytes.to_vec()].concat();
                let decoded = decode(&page);
                assert_eq!((decoded.encoding, decoded.by), (encoding, EncodingBy::Detection), "{before}");
                assert!(decoded.text.ends_with(text), "{encoding}");
            }
        }
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
