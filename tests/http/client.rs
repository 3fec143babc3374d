//! A client that says what it is told to and shows what comes back.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use crate::support::WATCHDOG;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &str| line.split_once(": ").is_some_and(|(its, _)| its.eq_ignore_ascii_case(name));
        self.head.lines().find(|each| line(each)).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }

    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("Content-Type"), Some("application/json"));
        serde_json::from_str(&self.body).expect("it says that it is JSON")
    }
}

/// A connection that fails its test rather than wait for ever.
pub fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("the server listens");
    stream.set_read_timeout(Some(WATCHDOG)).unwrap();
    stream.set_write_timeout(Some(WATCHDOG)).unwrap();
    stream
}

/// Sends `bytes` and takes what comes until the end.
pub fn say(to: SocketAddr, bytes: impl AsRef<[u8]>) -> Answer {
    let mut stream = connect(to);
    stream.write_all(bytes.as_ref()).expect("the server takes it");
    hear(&mut stream)
}

/// What comes until the end.
pub fn hear(stream: &mut TcpStream) -> Answer {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server answers");
    let answer = String::from_utf8(answer).expect("all answers are text");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub fn get(to: SocketAddr, path: &str) -> Answer {
    say(to, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}
