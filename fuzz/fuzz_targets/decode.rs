//! Bytes to text, and whether they are a page. Text that is plain UTF-8 must come through untouched, whatever it declares.

#![no_main]

use slackwater::extract::{NotHtml, decode, sniff};
use std::borrow::Cow;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let decoded = decode(bytes);
    let marked = [&b"\xEF\xBB\xBF"[..], b"\xFF\xFE", b"\xFE\xFF"].iter().any(|mark| bytes.starts_with(mark));
    match std::str::from_utf8(bytes) {
        // Of what is plain ASCII, escapes may say that it stands for something else.
        Ok(text) if !marked && decoded.encoding != "ISO-2022-JP" => {
            assert!(matches!(decoded.text, Cow::Borrowed(same) if same == text));
            assert_eq!(decoded.note, None);
        }
        _ => {
            let broken = decoded.note.as_ref().is_some_and(|note| note.ends_with("U+FFFD"));
            assert!(decoded.note.is_some() || bytes.starts_with(b"\xEF\xBB\xBF") || broken, "{decoded:?}");
            // What was decoded is plain UTF-8 now, unless it begins with another mark.
            if !decoded.text.starts_with('\u{FEFF}') {
                assert_eq!(decode(decoded.text.as_bytes()).note, None);
            }
        }
    }
    match sniff(bytes) {
        Err(NotHtml::Empty) => assert!(bytes.trim_ascii().is_empty()),
        // Elsewhere a declaration can make the tag's bytes parts of other characters.
        Ok(()) if decoded.note.is_none() => assert!(decoded.text.contains('<')),
        _ => {}
    }
});
