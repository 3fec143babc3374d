//! A small server that shows pools as they are: a live page, JSON, and a health check.
//!
//! ```
//! use slackwater::{Pool, http::Server};
//!
//! let pool = Pool::builder(|| Ok::<_, std::io::Error>(String::new())).name("texts").max_size(4).build()?;
//! let server = Server::bind("127.0.0.1:0")?.pool(&pool).start()?;
//! println!("watch it at {}", server.url());
//! # use std::io::{Read, Write};
//! # let mut asking = std::net::TcpStream::connect(server.addr())?;
//! # asking.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
//! # let mut answer = String::new();
//! # asking.read_to_string(&mut answer)?;
//! # assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"texts\""), "{answer}");
//! // Dropping the handle, or `server.stop()`, ends it.
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! | route | answers |
//! |---|---|
//! | `/` | the page: one HTML file without anything from outside |
//! | `/pools.json` | each pool in full |
//! | `/health` | level, score and reasons of each pool; 200 if all are healthy or degraded, 503 if one is not, or is closed |
//! | `/metrics` | the text for Prometheus: see [`Scrape`](crate::Scrape) |
//!
//! It only reads, with `GET` and `HEAD`. It watches pools and keeps none of them: a pool that closes or is dropped while it is
//! watched is shown as closed, or gone. What it reads, it reads as [`Pool::snapshot`](crate::Pool::snapshot) does, at most 20 times
//! a second whoever asks how often, on threads of its own.
//!
//! # Who may ask
//! It has no passwords and no encryption. So it listens on loopback only, unless [`Server::allow_remote`] says otherwise, and answers
//! only requests whose `Host` names loopback or was allowed: a page from elsewhere cannot have a browser read it by a name that
//! points here (DNS rebinding).
//!
//! # What bad clients can do
//! Very little: at most 64 connections at once, 8 KiB and 2 s for the whole head of a request, 5 s for the whole answer, one request for a
//! connection, and no body. When all 64 are taken, whoever has had time enough makes room for whoever comes.

mod connection;
mod error;
mod hosts;
mod json;
mod page;
mod request;
mod response;
mod routes;
mod server;
mod table;
mod watch;

pub use error::ServeError;
pub use server::{Server, ServerHandle};
pub(crate) use watch::{Look, look_at};

/// What a server without pools answers to these bytes, if they are a whole head or beyond help. For fuzzing.
#[doc(hidden)]
pub fn answer_to(bytes: &[u8]) -> Option<Vec<u8>> {
    let watch = watch::Watch::default();
    let answer = match request::parse(bytes, &hosts::Hosts::default()) {
        Ok(None) => return None,
        Ok(Some(request)) => routes::answer(&request, &watch),
        Err(refusal) => refusal.into(),
    };
    let mut head = answer.head();
    head.extend_from_slice(answer.body());
    Some(head)
}
