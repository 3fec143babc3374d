//! What reading pages takes of memory: counted by the allocator, whatever the machine.
#![cfg(feature = "archives")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use slackwater::extract::input::{Found, InputError, JsonFields, Pages, decode_coding};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: what the system's allocator gives is handed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most that was in use at a time while `work` ran, beyond what was before.
fn most_of(work: impl FnOnce()) -> usize {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    work();
    MOST.load(Relaxed) - before
}

/// The same bytes over and over, `times` times.
struct Again {
    bytes: Vec<u8>,
    at: usize,
    times: usize,
}

impl Read for Again {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.bytes.len() && self.times > 1 {
            (self.at, self.times) = (0, self.times - 1);
        }
        let read = (&self.bytes[self.at..]).read(into)?;
        self.at += read;
        Ok(read)
    }
}

fn again(bytes: Vec<u8>, times: usize) -> Again {
    Again { bytes, at: 0, times }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn record(body: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    let length = head.len() + body.len();
    let kind = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://t.example/";
    let start = format!("{kind}\r\nContent-Length: {length}\r\n\r\n{head}");
    [start.as_bytes(), body, b"\r\n\r\n"].concat()
}

/// Pages and errors of a kind.
fn count(pages: Pages, most: u64) -> (usize, usize, usize) {
    let (mut sound, mut too_large, mut other) = (0, 0, 0);
    for found in pages {
        let Found::Member(member) = found else { continue };
        match member.into_page(most) {
            Ok(_) => sound += 1,
            Err(InputError::TooLarge(_)) => too_large += 1,
            Err(_) => other += 1,
        }
    }
    (sound, too_large, other)
}

/// All in one test: the allocator counts what all threads do.
///
/// Promise: memory depends on what a page may have, not on what there is. Provoked: a WARC of 2 GB, plain and compressed; bombs in
/// each coding; a record, a head, a line, a name in a tar and a list in a zip without end.
#[test]
fn memory_depends_on_the_largest_page_alone() {
    const PAGE: u64 = 1 << 20;
    const FEW: usize = 8 << 20;
    let body = b"<p>tide</p>".repeat(2_000);
    // Unoptimised decoders are slow: the whole 2 GB are for those who ask, and for release builds.
    let times = if cfg!(debug_assertions) { 1_000 } else { 2_000_000_000 / body.len() };
    let plain = again(record(&body), times);
    let mut read = 0;
    let took = most_of(|| read = count(Pages::of_stream(plain, "it", PAGE), PAGE).0);
    assert!(read == times && took < FEW, "{read} pages, {took} bytes");
    println!("{} MB of WARC in {took} bytes of memory", times * body.len() / 1_000_000);

    let packed = again(gzip(&record(&body)), times);
    let took = most_of(|| read = count(Pages::of_stream(packed, "it", PAGE), PAGE).0);
    assert!(read == times && took < FEW, "{read} pages, {took} bytes");
    println!("{} MB of WARC.gz in {took} bytes of memory", times * body.len() / 1_000_000);

    let large = || again(vec![b' '; 1 << 20], 24);
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::copy(&mut large(), &mut bomb).unwrap();
    let bomb = bomb.finish().unwrap();
    let took = most_of(|| assert_eq!(count(Pages::of_stream(&bomb[..], "it", PAGE), PAGE), (0, 1, 0)));
    assert!(took < FEW, "{took} bytes for a bomb of gzip");
    let took = most_of(|| drop(decode_coding("gzip", bomb.clone(), PAGE).unwrap_err()));
    assert!(took < FEW, "{took} bytes for a bomb in a body");
    let zstd = ruzstd::encoding::compress_to_vec(large(), ruzstd::encoding::CompressionLevel::Fastest);
    let took = most_of(|| drop(decode_coding("zstd", zstd.clone(), PAGE).unwrap_err()));
    assert!(took < 2 * FEW, "{took} bytes for a bomb of zstd");

    let endless = "WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 99999999999\r\n\r\n";
    let record_without_end = io::Read::chain(endless.as_bytes(), large());
    let took = most_of(|| assert_eq!(count(Pages::of_stream(record_without_end, "it", PAGE), PAGE), (0, 0, 1)));
    assert!(took < FEW, "{took} bytes for a record without end");
    let head_without_end = io::Read::chain(&b"WARC/1.0\r\nX: "[..], large());
    let took = most_of(|| assert_eq!(count(Pages::of_stream(head_without_end, "it", PAGE), PAGE), (0, 0, 1)));
    assert!(took < FEW, "{took} bytes for a head without end");

    let fields = JsonFields { html: "html".into(), name: None };
    let took = most_of(|| assert_eq!(count(Pages::of_json_lines(large(), "it", fields, PAGE), PAGE), (0, 1, 0)));
    assert!(took < FEW, "{took} bytes for a line without end");

    // A long name of GNU's, of more than anybody has room for.
    let mut header = [0; 512];
    header[..4].copy_from_slice(b"name");
    header[124..135].copy_from_slice(b"77777777777");
    header[156] = b'L';
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let took = most_of(|| {
        let name_without_end = io::Read::chain(&header[..], large());
        assert_eq!(count(Pages::of_stream(name_without_end, "it", PAGE), PAGE), (0, 0, 1));
    });
    assert!(took < FEW, "{took} bytes for a name without end");
}
