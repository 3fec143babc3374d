//! What is not answered, and how.

use crate::client::{connect, get, hear, say};
use slackwater::http::{Server, ServerHandle};
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

fn server() -> ServerHandle {
    Server::bind("127.0.0.1:0").unwrap().start().unwrap()
}

#[test]
fn each_refusal_has_its_status_and_says_what_helps() {
    let server = server();
    let host = "Host: localhost\r\n";
    for (request, status, says) in [
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n"), 405, "GET"),
        (format!("GET /nothing HTTP/1.1\r\n{host}\r\n"), 404, "/health"),
        (format!("GET / HTTP/1.1\r\n{host}Content-Length: 3\r\n\r\nabc"), 413, "no body"),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), 421, "allow_remote"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "Host"),
        ("\0\u{1}\u{2}".to_owned(), 400, "head"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505, "HTTP/1.1"),
        (format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "y".repeat(9_000)), 431, "8 KiB"),
        (format!("GET / HTTP/1.1\r\n{host}{}\r\n", "x: y\r\n".repeat(100)), 431, "64 lines"),
        // More than any buffer on the way takes: it is cut, and the answer arrives all the same.
        (format!("GET /{} HTTP/1.1\r\n", "a".repeat(100_000)), 431, "8 KiB"),
    ] {
        let answer = say(server.addr(), &request);
        let begin = &request[..request.len().min(60)];
        assert_eq!(answer.status, status, "{begin:?}: {answer:?}");
        assert!(answer.body.contains(says), "{begin:?}: {answer:?}");
        assert_eq!(answer.header("Allow"), (status == 405).then_some("GET, HEAD"));
    }
    assert_eq!(get(server.addr(), "/health").status, 200);
}

#[test]
fn every_answer_forbids_what_it_does_not_need() {
    let server = server();
    for path in ["/", "/health", "/pools.json", "/nothing"] {
        let answer = get(server.addr(), path);
        let policy = answer.header("Content-Security-Policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        for (name, value) in [
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("Connection", "close"),
            ("Content-Length", &answer.body.len().to_string()),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {}", answer.head);
        }
        assert_eq!(answer.header("Access-Control-Allow-Origin"), None);
    }
}

#[test]
fn a_head_is_answered_without_its_body() {
    let server = server();
    for path in ["/", "/health", "/nothing"] {
        let (whole, head) = (get(server.addr(), path), format!("HEAD {path} HTTP/1.1\r\nHost: [::1]\r\n\r\n"));
        let head = say(server.addr(), head);
        assert_eq!((head.status, &head.head, head.body.as_str()), (whole.status, &whole.head, ""));
    }
}

#[test]
fn one_byte_at_a_time_does_not_buy_more_time() {
    let server = server();
    let mut slow = connect(server.addr());
    // How long it pauses between two bytes: much less than the server gives, which is for all of them.
    slow.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut first = [0];
    let mut sent = 0;
    loop {
        slow.write_all(b"G").expect("it is still listening");
        sent += 1;
        match slow.read(&mut first) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            other => break assert_eq!(other.unwrap(), 1),
        }
        assert!(sent < 1_000, "it listens for ever");
    }
    let rest = hear(&mut slow);
    assert_eq!((first, rest.status), (*b"H", 408));
}

#[test]
fn the_page_is_one_file_and_wants_nothing_from_elsewhere() {
    let server = server();
    let page = get(server.addr(), "/");
    assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
    for foreign in ["http://", "https://", "//cdn", "src=", "@import", "url(", "innerHTML", "eval(", "onclick"] {
        assert!(!page.body.contains(foreign), "{foreign}");
    }
    // Two parts, both in place.
    assert!(page.body.starts_with("<!doctype html>"));
    assert!(!page.body.contains("<style></style>") && !page.body.contains("<script></script>"));
}
