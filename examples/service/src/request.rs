//! As much of HTTP/1.1 as the service needs: one request for a connection, with limits on what strangers may send.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Bytes of a head, and of a body.
const MOST_HEAD: usize = 8 * 1024;
const MOST_BODY: usize = 64 * 1024;
/// How long a client may take to say what it wants, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is asked.
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
}

/// Reads one. An error if it is none, is too long, or takes too long.
pub fn read(stream: &mut TcpStream) -> io::Result<Request> {
    let refused = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let end = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(length) = head.parse(&bytes).map_err(|error| refused(&error.to_string()))? {
            let named = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let body: usize = match named.map(|header| std::str::from_utf8(header.value).unwrap_or("").parse()) {
                None => 0,
                Some(length) => length.map_err(|_| refused("content-length is no number"))?,
            };
            if body > MOST_BODY {
                return Err(refused("the body is too long"));
            }
            if bytes.len() >= length + body {
                let (method, path) = (head.method.unwrap_or("").to_owned(), head.path.unwrap_or("").to_owned());
                return Ok(Request { method, path, body: bytes[length..length + body].to_vec() });
            }
        } else if bytes.len() > MOST_HEAD {
            return Err(refused("the head is too long"));
        }
        let left = end.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let mut more = [0; 4096];
        match stream.read(&mut more)? {
            0 => return Err(refused("it ended early")),
            read if left > Duration::ZERO => bytes.extend_from_slice(&more[..read]),
            _ => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Answers, and is done with the connection.
pub fn answer(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}
