//! Any bytes as an HTTP response, and as a body in each coding: an error, or a page no larger than it may be. What chunks frame
//! comes out of them as it went in.

#![no_main]

use slackwater::extract::input::{Message, dechunk, decode_coding};

const MOST: u64 = 4096;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::read(bytes.to_vec(), false)
        && let Ok(page) = message.into_page("it".to_owned(), MOST)
    {
        assert!(page.bytes.len() as u64 <= MOST);
    }
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let as_it_is = bytes.trim_ascii_start().first() == Some(&b'<') || bytes.is_empty();
        match decode_coding(coding, bytes.to_vec(), MOST) {
            Ok(page) => assert!(page.len() as u64 <= MOST || page == bytes, "{coding}: {}", page.len()),
            Err(error) => assert!(!as_it_is, "{coding}: {error}"),
        }
    }
    if let Ok(whole) = dechunk(bytes) {
        assert!(whole.len() < bytes.len());
    }
    let framed: Vec<u8> =
        bytes.chunks(7).flat_map(|part| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat()).collect();
    assert_eq!(dechunk(&[&framed, &b"0\r\n\r\n"[..]].concat()).expect("whole chunks"), bytes);
});
