//! Any bytes as a file of pages, a WARC for the most part: the reader ends, within the bytes there are, and no page is larger than
//! it may be.

#![no_main]

use std::io::Cursor;

use slackwater::extract::input::{Found, JsonFields, Pages};

const MOST: u64 = 4096;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let fields = JsonFields { html: "html".to_owned(), name: Some("name".to_owned()) };
    let both = [Pages::of_file(Cursor::new(bytes), "it", MOST), Pages::of_json_lines(bytes, "it", fields, MOST)];
    for pages in both {
        let mut members = 0;
        for found in pages {
            members += 1;
            // Each takes a byte of something that took at least one for every thousand.
            assert!(members <= 1024 * (bytes.len() + 1), "{members} members in {} bytes", bytes.len());
            if let Found::Member(member) = found
                && let Ok(page) = member.into_page(MOST)
            {
                assert!(page.bytes.len() as u64 <= MOST, "{} bytes of {}", page.bytes.len(), page.name);
            }
        }
    }
});
