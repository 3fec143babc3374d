//! Any bytes as a request to the live page's server. Whatever comes is answered with a whole answer, or waited on for more, but not
//! beyond the most that a head may have.

#![no_main]

use slackwater::http::answer_to;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(answer) = answer_to(bytes) else {
        return assert!(bytes.len() < 8 * 1024, "{} bytes, and no end of the head", bytes.len());
    };
    let answer = std::str::from_utf8(&answer).expect("all answers are text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head, and what follows it");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).expect("a status line");
    let code = &status[..3];
    assert!(["200", "400", "404", "405", "413", "421", "431", "503", "505"].contains(&code), "{status}");
    let length = lines.clone().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
    let length: usize = length.parse().expect("a number");
    assert!(lines.all(|line| line.contains(": ") && !line.contains('\n')), "{head:?}");
    // Nothing of a request comes back in its answer, so none can smuggle anything in.
    // Empty lines before a request are no part of it.
    let request = bytes.trim_ascii_start();
    assert!(body.is_empty() && request.starts_with(b"HEAD ") || body.len() == length, "{length}, but {}", body.len());
    if code == "200" {
        let says = |what: &str| bytes.windows(what.len()).any(|part| part.eq_ignore_ascii_case(what.as_bytes()));
        assert!(says("host:") && (says("localhost") || says("127.") || says("::1") || says("[")), "{bytes:?}");
    }
});
