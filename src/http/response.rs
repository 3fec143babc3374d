//! What is answered, as bytes.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    TooSlow,
    ContentTooLarge,
    Misdirected,
    HeadTooLarge,
    Unavailable,
    VersionNotSupported,
}

impl Status {
    pub(super) fn code(self) -> u16 {
        match self {
            Status::Ok => 200,
            Status::BadRequest => 400,
            Status::NotFound => 404,
            Status::MethodNotAllowed => 405,
            Status::TooSlow => 408,
            Status::ContentTooLarge => 413,
            Status::Misdirected => 421,
            Status::HeadTooLarge => 431,
            Status::Unavailable => 503,
            Status::VersionNotSupported => 505,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::BadRequest => "Bad Request",
            Status::NotFound => "Not Found",
            Status::MethodNotAllowed => "Method Not Allowed",
            Status::TooSlow => "Request Timeout",
            Status::ContentTooLarge => "Content Too Large",
            Status::Misdirected => "Misdirected Request",
            Status::HeadTooLarge => "Request Header Fields Too Large",
            Status::Unavailable => "Service Unavailable",
            Status::VersionNotSupported => "HTTP Version Not Supported",
        }
    }
}

/// A body that is sent once, or to many.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Text(Cow<'static, str>),
    Shared(Arc<str>),
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: Status,
    media_type: &'static str,
    body: Body,
    /// What the page may do; everything else may do nothing.
    policy: Option<&'static str>,
    head_only: bool,
}

pub(super) const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

impl Answer {
    pub(super) fn new(status: Status, media_type: &'static str, body: Body) -> Self {
        Self { status, media_type, body, policy: None, head_only: false }
    }

    pub(super) fn text(status: Status, text: String) -> Self {
        Self::new(status, TEXT, Body::Text(text.into()))
    }

    /// A page that may do what `policy` says.
    pub(super) fn page(html: &'static str, policy: &'static str) -> Self {
        let body = Body::Text(html.into());
        Self { policy: Some(policy), ..Self::new(Status::Ok, HTML, body) }
    }

    /// The same, without its body if `head_only`.
    pub(super) fn head_only(self, head_only: bool) -> Self {
        Self { head_only, ..self }
    }

    /// The bytes after the head.
    pub(super) fn body(&self) -> &[u8] {
        if self.head_only { &[] } else { self.whole_body().as_bytes() }
    }

    fn whole_body(&self) -> &str {
        match &self.body {
            Body::Text(text) => text,
            Body::Shared(text) => text,
        }
    }

    /// The status line and all headers.
    pub(super) fn head(&self) -> Vec<u8> {
        let Answer { status, media_type, policy, .. } = self;
        let mut head = format!("HTTP/1.1 {} {}\r\n", status.code(), status.name());
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        };
        line("Content-Type", media_type);
        line("Content-Length", &self.whole_body().len().to_string());
        line("Content-Security-Policy", policy.unwrap_or("default-src 'none'; frame-ancestors 'none'"));
        line("X-Content-Type-Options", "nosniff");
        line("X-Frame-Options", "DENY");
        line("Referrer-Policy", "no-referrer");
        line("Cross-Origin-Resource-Policy", "same-origin");
        line("Cross-Origin-Opener-Policy", "same-origin");
        line("Cache-Control", "no-store");
        if *status == Status::MethodNotAllowed {
            line("Allow", "GET, HEAD");
        }
        line("Connection", "close");
        head.push_str("\r\n");
        head.into_bytes()
    }
}
