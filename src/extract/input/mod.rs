//! Pages out of whatever they come in: WARC, tar, zip, gzip, zstd, JSON Lines (feature `archives`).
//!
//! [`Pages`] reads them one after the other in bounded memory, and hands out [`Member`]s; what takes time, the codings of HTTP
//! and of single members, is left to [`Member::into_page`], which another thread can call. Formats are recognised by their
//! content. A page that is damaged is an error of its own, and the reader goes on where the format allows to:
//!
//! | format | behind a damaged member |
//! |---|---|
//! | WARC | the next record, also where a record lies about its length |
//! | WARC.gz, WARC.zst | the next gzip member or zstd frame that begins with a record |
//! | zip | the next member of the list at its end; without that list there is nothing |
//! | tar | nothing, and the error says how far it came; inside a compressed one likewise |
//! | JSON Lines | the next line |
//!
//! ```
//! use slackwater::extract::input::{Found, Pages};
//!
//! let warc = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://tides.example/\r\nContent-Length: 68\r\n\r\n\
//!     HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=koi8-r\r\n\r\n<p>\xC1</p>\r\n\r\n";
//! for found in Pages::of_stream(&warc[..], "crawl.warc", 1 << 20) {
//!     let Found::Member(member) = found else { continue };
//!     let page = member.into_page(1 << 20)?;
//!     assert_eq!(page.name, "http://tides.example/");
//!     assert_eq!(page.charset.as_deref(), Some("koi8-r"));
//!     assert_eq!(page.bytes, b"<p>\xC1</p>");
//! }
//! # Ok::<(), slackwater::extract::input::InputError>(())
//! ```

mod chunked;
mod coding;
mod error;
mod flow;
mod format;
mod http;
mod layer;
mod lines;
mod member;
mod names;
mod page;
mod pages;
mod rewind;
mod tar;
mod warc;
mod zip;
mod zipped;

pub use chunked::dechunk;
pub use coding::{decode_coding, unpack_page};
pub use error::InputError;
pub use format::Format;
pub use http::Message;
pub use lines::JsonFields;
pub use member::Member;
pub use names::{is_archive_name, is_page_name};
pub use page::Page;
pub use pages::{Found, Pages, is_archive};
