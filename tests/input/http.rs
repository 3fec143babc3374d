//! Bodies: transfer and content codings, and what is wrong with them.

use slackwater::extract::input::{Message, dechunk, decode_coding};

use crate::{MOST, gzip};

fn page_of(head: &str, body: &[u8]) -> Result<String, String> {
    let message = [format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes(), body].concat();
    let page = Message::read(message, false).and_then(|message| message.into_page("it".into(), MOST));
    page.map(|page| String::from_utf8(page.bytes).unwrap()).map_err(|error| error.to_string())
}

/// Promise: chunks are put together, and every way to break them is told. Provoked: extensions, capitals, trailers; cuts at every byte;
/// lengths that are none, too long, too short.
#[test]
fn broken_chunks_are_told() {
    let whole = b"4;name=value\r\n<p>t\r\nA\r\nide and ti\r\n2\nde\n0\r\nTrailer: x\r\n\r\n";
    assert_eq!(dechunk(whole).unwrap(), b"<p>tide and tide");
    let end = whole.len() - b"\r\nTrailer: x\r\n\r\n".len();
    for cut in 0..end {
        let error = dechunk(&whole[..cut]).unwrap_err().to_string();
        assert!(error.contains("chunked body ends in the middle"), "{cut}: {error}");
    }
    for (body, why) in [
        (&b"zz\r\nab"[..], "\"zz\" is no length"),
        (b"-1\r\nab", "\"-1\" is no length"),
        (b"+1\r\na\r\n0\r\n", "\"+1\" is no length"),
        (b"\r\n", "\"\" is no length"),
        (b"1\r\nab\r\n0\r\n", "longer than it says"),
        (b"FFFFFFFFFFFFFFFFFF\r\n", "is no length"),
        (b"FFFFFFFFFFFFFFFF\r\nab", "ends in the middle, after 2 bytes"),
    ] {
        let error = dechunk(body).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// Promise: what is cut is never a page, and never a panic. Provoked: each coding's data cut at every byte.
#[test]
fn cut_bodies_are_told() {
    let page = b"<p>ebb and flow and ebb and flow</p>".repeat(3);
    let zstd = ruzstd::encoding::compress_to_vec(&page[..], ruzstd::encoding::CompressionLevel::Fastest);
    for (coding, packed) in [("gzip", gzip(&page)), ("zstd", zstd)] {
        assert_eq!(decode_coding(coding, packed.clone(), MOST).unwrap(), page);
        for cut in 4..packed.len() {
            let error = decode_coding(coding, packed[..cut].to_vec(), MOST).unwrap_err().to_string();
            assert!(error.contains("ends in the middle"), "{coding} {cut}: {error}");
        }
    }
    for coding in ["gzip", "zstd", "br", "deflate"] {
        assert_eq!(decode_coding(coding, Vec::new(), MOST).unwrap(), b"", "{coding}: nothing is cut from nothing");
    }
    for (coding, packed) in [("br", BROTLI), ("deflate", ZLIB)] {
        assert_eq!(decode_coding(coding, packed.to_vec(), MOST).unwrap(), page, "{coding}");
        for cut in 1..packed.len() {
            let error = decode_coding(coding, packed[..cut].to_vec(), MOST).unwrap_err().to_string();
            assert!(error.contains("ends in the middle") || error.contains("is damaged"), "{coding} {cut}: {error}");
        }
    }
}

/// Promise: one flipped bit is an error or another page, never a panic, and a sum that is there is compared. Provoked: every bit.
#[test]
fn flipped_bits_are_told() {
    let page = b"<p>ebb and flow and ebb and flow</p>".repeat(3);
    let mut same = 0;
    let packed = gzip(&page);
    for bit in 0..packed.len() * 8 {
        let mut flipped = packed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // Of the head, the time, the system and flags that mean nothing are no part of the sum.
        if let Ok(got) = decode_coding("gzip", flipped, MOST) {
            assert_eq!(got, page, "{bit}");
            same += 1;
        }
    }
    assert!(same < 80, "{same} of {} bits make no difference", packed.len() * 8);
    for bit in 0..BROTLI.len() * 8 {
        let mut flipped = BROTLI.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = decode_coding("br", flipped, MOST);
    }
}

/// Promise: heads as servers and archives write them are understood, others are told. Provoked: each of them.
#[test]
fn heads_are_read_as_they_come() {
    assert_eq!(page_of("", b"<p>").unwrap(), "<p>");
    assert_eq!(page_of("content-encoding : identity\r\n", b"<p>").unwrap(), "<p>");
    assert_eq!(page_of("X: a\r\n b\r\nno colon\r\nContent-Length: 3\r\n", b"<p>").unwrap(), "<p>");
    let twice = gzip(&gzip(b"<p>"));
    assert_eq!(page_of("Content-Encoding: gzip, GZIP\r\n", &twice).unwrap(), "<p>");
    // Kept unpacked under the old head.
    assert_eq!(page_of("Content-Encoding: br\r\nContent-Length: 1\r\n", b"<p>").unwrap(), "<p>");
    assert_eq!(page_of("Transfer-Encoding: chunked\r\n", b"<p>").unwrap(), "<p>");
    for (head, body, why) in [
        ("Content-Length: 4\r\n", &b"<p>"[..], "3 bytes, and Content-Length says 4"),
        ("Content-Length: 2\r\n", b"<p>", "1 bytes more than the 2 of Content-Length"),
        ("Content-Encoding: compress\r\n", b"<p>", "\"compress\" is not known"),
        ("Content-Encoding: gzip\r\n", b"torn", "does not begin as its content coding does"),
        ("Content-Encoding: br,br,br,br,br\r\n", b"x", "5 content codings"),
    ] {
        let error = page_of(head, body).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    for (message, why) in [
        (&b"HTTP/1.1 200 OK\r\nContent-"[..], "an HTTP head ends in the middle"),
        (b"SSH-2.0-server\r\n\r\n", "an HTTP head is damaged"),
        (b"", "an HTTP head ends in the middle"),
    ] {
        assert!(Message::read(message.to_vec(), false).unwrap_err().to_string().contains(why));
    }
}

/// By Google's brotli.
const BROTLI: &[u8] = &[
    27, 107, 0, 248, 29, 7, 118, 108, 177, 78, 108, 77, 151, 207, 99, 205, 83, 230, 6, 39, 125, 94, 194, 26, 132, 71,
    140, 76, 6, 35, 16, 106, 9, 194, 12, 12, 21, 179, 184, 89, 35, 14, 54, 2,
];
/// By zlib.
const ZLIB: &[u8] = &[
    120, 156, 179, 41, 176, 75, 77, 74, 82, 72, 204, 75, 81, 72, 203, 201, 47, 7, 51, 144, 5, 108, 244, 11, 236, 108,
    168, 164, 6, 0, 191, 6, 36, 91,
];
