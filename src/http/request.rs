//! The head of a request, read and judged.

use super::hosts::Hosts;
use super::response::{Answer, Status};

/// Bytes that a head may have.
pub(super) const MOST_BYTES: usize = 8 * 1024;

/// Header lines that it may have.
const MOST_LINES: usize = 64;

/// A request that may be answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// What is asked for, without what follows a `?`.
    pub(super) path: String,
    /// Whether the body is to be left out: `HEAD`.
    pub(super) head_only: bool,
}

/// Why it is not answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: Status,
    what: &'static str,
}

impl Refusal {
    pub(super) fn new(status: Status, what: &'static str) -> Self {
        Self { status, what }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Answer {
        Answer::text(refusal.status, format!("{}: {}\n", refusal.status.name(), refusal.what))
    }
}

/// The request at the start of `bytes`; None as long as its head is not whole.
///
/// # Errors
/// What is wrong with it, as soon as that shows.
pub(super) fn parse(bytes: &[u8], hosts: &Hosts) -> Result<Option<Request>, Refusal> {
    let mut lines = [httparse::EMPTY_HEADER; MOST_LINES];
    let mut head = httparse::Request::new(&mut lines);
    match head.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if bytes.len() < MOST_BYTES => return Ok(None),
        Ok(httparse::Status::Partial) => return Err(Refusal::new(Status::HeadTooLarge, "the head has 8 KiB at most")),
        Err(error) => return Err(malformed(error)),
    }
    let all = |name: &'static str| head.headers.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
    let head_only = match head.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Refusal::new(Status::MethodNotAllowed, "this server only shows things; ask with GET")),
    };
    if all("transfer-encoding").next().is_some() || all("content-length").any(|line| line.value != b"0") {
        return Err(Refusal::new(Status::ContentTooLarge, "no body is taken"));
    }
    let mut named = all("host");
    let (Some(host), None) = (named.next(), named.next()) else {
        return Err(Refusal::new(Status::BadRequest, "there is to be one Host"));
    };
    if !hosts.allow(host.value) {
        let what =
            "this server does not go by that Host; ask for localhost, or start it with allow_remote for that name";
        return Err(Refusal::new(Status::Misdirected, what));
    }
    // Anything but a path names a host of its own: those are for proxies.
    let path = head.path.filter(|path| path.starts_with('/'));
    let path = path.ok_or(Refusal::new(Status::BadRequest, "what is asked for is to be a path"))?;
    let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
    Ok(Some(Request { path, head_only }))
}

fn malformed(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal::new(Status::HeadTooLarge, "the head has 64 lines at most"),
        httparse::Error::Version => Refusal::new(Status::VersionNotSupported, "ask with HTTP/1.1"),
        _ => Refusal::new(Status::BadRequest, "that is no head of a request"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(head: &str) -> Result<Option<Request>, u16> {
        parse(head.as_bytes(), &Hosts::default()).map_err(|refusal| refusal.status.code())
    }

    fn get(path: &str) -> Result<Option<Request>, u16> {
        Ok(Some(Request { path: path.to_owned(), head_only: false }))
    }

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let whole = "GET /health?now=1 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
        for length in 0..whole.len() {
            assert_eq!(parsed(&whole[..length]), Ok(None), "{length}");
        }
        assert_eq!(parsed(whole), get("/health"));
        assert_eq!(parsed("GET / HTTP/1.0\nhost:127.0.0.1:8\n\n"), get("/"));
        let asked = parsed("HEAD / HTTP/1.1\r\nHost: localhost\r\ncontent-length: 0\r\n\r\n").unwrap().unwrap();
        assert!(asked.head_only);
    }

    #[test]
    fn each_fault_has_its_status() {
        let host = "Host: localhost\r\n";
        for (head, status) in [
            (format!("POST / HTTP/1.1\r\n{host}\r\n"), 405),
            (format!("BREW / HTTP/1.1\r\n{host}\r\n"), 405),
            (format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nabcde"), 413),
            (format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n"), 413),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
            (format!("GET / HTTP/1.1\r\n{host}{host}\r\n"), 400),
            ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), 421),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n".to_owned(), 421),
            (format!("GET http://evil.example/ HTTP/1.1\r\n{host}\r\n"), 400),
            (format!("GET * HTTP/1.1\r\n{host}\r\n"), 400),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505),
            ("\u{16}\u{3}\u{1}".to_owned(), 400),
            ("GET / HTTP/1.1\r\nHost localhost\r\n\r\n".to_owned(), 400),
            (format!("GET / HTTP/1.1\r\n{}", "x: y\r\n".repeat(65)), 431),
            (format!("GET /{} HTTP/1.1\r\n", "a".repeat(MOST_BYTES)), 431),
        ] {
            assert_eq!(parsed(&head), Err(status), "{head:?}");
        }
    }
}
