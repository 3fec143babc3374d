//! A page on its way from the reader to who unpacks it.

use super::coding::unpack_page;
use super::error::InputError;
use super::http::{Message, charset};
use super::lines::Line;
use super::page::Page;
use super::zipped::Zipped;

/// One page, or why there is none. What takes time is done in [`into_page`](Self::into_page), so that it can be another thread's
/// work.
#[derive(Debug)]
pub struct Member {
    name: String,
    raw: Result<Raw, InputError>,
}

/// A page as it lay in its file.
#[derive(Debug)]
pub(super) enum Raw {
    /// A page that was unpacked while it was read.
    Plain(Vec<u8>),
    /// A member of a zip.
    Zipped(Zipped),
    /// Bytes that may be compressed.
    Bytes { bytes: Vec<u8>, content_type: Option<String> },
    /// A response.
    Http(Box<Message>),
    /// A line of JSON.
    Json(Line),
}

impl Member {
    pub(super) fn new(name: String, raw: Result<Raw, InputError>) -> Self {
        Self { name, raw }
    }

    /// What to call it, if it does not say so itself, as a line of JSON may.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes that it takes while it waits.
    pub fn weight(&self) -> usize {
        let raw = match &self.raw {
            Ok(Raw::Bytes { bytes, .. }) => bytes.len(),
            Ok(Raw::Plain(bytes)) => bytes.len(),
            Ok(Raw::Zipped(zipped)) => zipped.bytes.len(),
            Ok(Raw::Http(message)) => message.weight(),
            Ok(Raw::Json(line)) => line.weight(),
            Err(_) => 0,
        };
        raw + self.name.len()
    }

    /// Undoes what the page was packed in. `max_bytes` holds for the page and for every step on the way to it.
    /// # Errors
    /// Why there is no page.
    pub fn into_page(self, max_bytes: u64) -> Result<Page, InputError> {
        let name = self.name;
        match self.raw? {
            Raw::Bytes { bytes, content_type } => {
                let bytes = unpack_page(bytes, max_bytes)?;
                if bytes.len() as u64 > max_bytes {
                    return Err(InputError::TooLarge(max_bytes));
                }
                let charset = content_type.as_deref().and_then(charset);
                Ok(Page { name, bytes, charset, content_type })
            }
            Raw::Plain(bytes) => Ok(Page { name, bytes, charset: None, content_type: None }),
            Raw::Zipped(zipped) => {
                let bytes = zipped.unpack(max_bytes)?;
                Ok(Page { name, bytes, charset: None, content_type: None })
            }
            Raw::Http(message) => message.into_page(name, max_bytes),
            Raw::Json(line) => line.into_page(name, max_bytes),
        }
    }
}
