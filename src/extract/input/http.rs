//! An HTTP response as it came over the wire: head, transfer coding, content codings.

use httparse::{EMPTY_HEADER, ParserConfig, Response, Status};

use super::chunked::dechunk;
use super::coding::{as_markup, decode_coding};
use super::error::InputError;
use super::format::Format;
use super::page::Page;

/// Fields of a head. Servers send thirty; a hundred is where others give up.
const FIELDS: usize = 256;

/// Codings one over the other. More than two is an attack.
const CODINGS: usize = 4;

/// A response with its body still as it was sent.
#[derive(Debug)]
pub struct Message {
    /// The status, 200 for example.
    pub status: u16,
    /// `Content-Type`, if there is one.
    pub content_type: Option<String>,
    codings: Vec<String>,
    chunked: bool,
    length: Option<u64>,
    /// Whether somebody said that the body is not all there.
    truncated: bool,
    message: Vec<u8>,
    body: usize,
}

impl Message {
    /// Reads the head. `truncated` is for bodies that are known to be incomplete, so that their length proves nothing.
    /// # Errors
    /// A head that is none, with the reason.
    pub fn read(message: Vec<u8>, truncated: bool) -> Result<Self, InputError> {
        let mut fields = [EMPTY_HEADER; FIELDS];
        let mut head = Response::new(&mut fields);
        let mut config = ParserConfig::default();
        config
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_multiple_spaces_in_response_status_delimiters(true)
            .ignore_invalid_headers_in_responses(true);
        // Those who archive later protocols write them down in the form of the old one.
        let mut old = Vec::new();
        let as_old = match &message[..] {
            [b'H', b'T', b'T', b'P', b'/', b'2' | b'3', rest @ ..] => {
                old.extend_from_slice(b"HTTP/1.1");
                old.extend_from_slice(rest.strip_prefix(b".0").unwrap_or(rest));
                &old
            }
            _ => &message,
        };
        let size = match config.parse_response(&mut head, as_old) {
            Ok(Status::Complete(size)) => size,
            Ok(Status::Partial) => return Err(InputError::Cut { what: "an HTTP head", got: message.len() as u64 }),
            Err(error) => return Err(InputError::damaged("an HTTP head", error.to_string())),
        };
        let size = size + message.len() - as_old.len();
        let mut read = Self {
            status: head.code.unwrap_or(0),
            content_type: None,
            codings: Vec::new(),
            chunked: false,
            length: None,
            truncated,
            body: size,
            message: Vec::new(),
        };
        for field in head.headers.iter() {
            let value = String::from_utf8_lossy(field.value);
            match &*field.name.to_ascii_lowercase() {
                "content-type" => read.content_type = Some(value.into_owned()),
                "content-encoding" => read.codings.extend(value.split(',').map(|one| one.trim().to_owned())),
                "transfer-encoding" => {
                    for one in value.split(',').map(str::trim) {
                        if one.eq_ignore_ascii_case("chunked") {
                            read.chunked = true;
                        } else {
                            read.codings.push(one.to_owned());
                        }
                    }
                }
                // Two that differ are an error of their own, but not of this page's bytes.
                "content-length" if read.length.is_none() => read.length = value.trim().parse().ok(),
                _ => {}
            }
        }
        read.message = message;
        Ok(read)
    }

    /// Whether this can be a page: a success, with a body that nobody calls something else than HTML.
    pub fn is_page(&self) -> bool {
        (200..300).contains(&self.status)
            && ![204, 205].contains(&self.status)
            && may_be_page(self.content_type.as_deref())
    }

    /// Bytes this takes.
    pub fn weight(&self) -> usize {
        self.message.len()
    }

    /// The page, its codings undone.
    /// # Errors
    /// As the body is: shorter or longer than announced, chunked wrongly, cut, damaged, too large, of a coding that is not known.
    pub fn into_page(self, name: String, max_bytes: u64) -> Result<Page, InputError> {
        let Self { content_type, codings, chunked, length, truncated, mut message, body, .. } = self;
        message.drain(..body);
        let mut bytes = message;
        if codings.len() > CODINGS {
            return Err(InputError::Unsupported(format!("{} content codings one over the other", codings.len())));
        }
        // Many archives keep bodies unpacked under the head that came with them: neither frames nor lengths say anything then.
        let unpacked = as_markup(&bytes);
        let framed = chunked && !unpacked && Format::of(&bytes) == Format::Plain;
        if framed {
            bytes = dechunk(&bytes)?;
        } else if let Some(length) = length
            && !chunked
            && !truncated
            && !(unpacked
                && codings.iter().any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")))
        {
            let got = bytes.len() as u64;
            if got < length {
                return Err(InputError::damaged("the body", format!("{got} bytes, and Content-Length says {length}")));
            }
            if got > length {
                let more = got - length;
                return Err(InputError::damaged(
                    "the body",
                    format!("{more} bytes more than the {length} of Content-Length"),
                ));
            }
        }
        for coding in codings.iter().rev() {
            bytes = decode_coding(coding, bytes, max_bytes)?;
        }
        if bytes.len() as u64 > max_bytes {
            return Err(InputError::TooLarge(max_bytes));
        }
        let charset = content_type.as_deref().and_then(charset);
        Ok(Page { name, bytes, charset, content_type })
    }
}

/// Whether bytes of this type may be a page. What nobody named may.
pub(super) fn may_be_page(content_type: Option<&str>) -> bool {
    let Some(full) = content_type else { return true };
    let kind = full.split(';').next().unwrap_or(full).trim();
    kind.is_empty() || ["text/html", "application/xhtml+xml"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// The `charset` of a content type.
pub(super) fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']).trim();
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then(|| value.to_owned())
    })
}
