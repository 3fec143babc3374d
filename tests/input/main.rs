//! Pages out of archives: formats, damage.
#![cfg(feature = "archives")]

mod damage;
mod formats;
mod http;

use std::io::Cursor;
use std::path::Path;

use slackwater::extract::decode_declared;
use slackwater::extract::input::{Found, Pages};

/// A page's name, and its text or why it has none.
type Outcome = (String, Result<String, String>);

/// The most that a page of these tests may have.
const MOST: u64 = 1 << 20;

fn data(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/input/data").join(name)).unwrap()
}

/// Name and text, or name and error, of each page, and how many members were no page.
fn all(pages: Pages) -> (Vec<Outcome>, usize) {
    let (mut got, mut skipped) = (Vec::new(), 0);
    for found in pages {
        match found {
            Found::Member(member) => {
                let name = member.name().to_owned();
                got.push(match member.into_page(MOST) {
                    Ok(page) => {
                        (page.name, Ok(decode_declared(&page.bytes, page.charset.as_deref()).text.into_owned()))
                    }
                    Err(error) => (name, Err(error.to_string())),
                });
            }
            Found::Skipped => skipped += 1,
            other => panic!("{other:?}"),
        }
        assert!(got.len() < 100_000, "no end of it");
    }
    (got, skipped)
}

fn of_file(bytes: Vec<u8>) -> (Vec<Outcome>, usize) {
    all(Pages::of_file(Cursor::new(bytes), "it", MOST))
}

fn of_stream(bytes: &[u8]) -> (Vec<Outcome>, usize) {
    all(Pages::of_stream(bytes, "it", MOST))
}

/// The page that `make.py` writes as number `n`.
fn page(n: u32) -> String {
    format!("<!doctype html><title>{n}</title><p>tide {n}</p>")
}

/// A WARC record of a response with this HTTP message.
fn record(uri: &str, message: &[u8]) -> Vec<u8> {
    let head = format!(
        "WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {uri}\r\nContent-Type: application/http; msgtype=response\r\n\
         Content-Length: {}\r\n\r\n",
        message.len()
    );
    [head.as_bytes(), message, b"\r\n\r\n"].concat()
}

/// A response of HTML with this body.
fn response(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}
