//! Content codings, and files that are compressed: all of it in memory, and no more of it than a page may have.

use std::io::Read;

use brotli_decompressor::BrotliDecoderParameter;
use brotli_decompressor::Decompressor;
use flate2::bufread::{DeflateDecoder, ZlibDecoder};

use super::error::InputError;
use super::format::Format;
use super::layer::{Joined, Layer};

/// What RFC 9659 lets a zstd frame ask for in HTTP.
const HTTP_WINDOW: u64 = 8 << 20;

/// Undoes one content coding of HTTP.
/// # Errors
/// As the bytes are: cut, damaged, too large unpacked, or of a coding that is not known here.
pub fn decode_coding(coding: &str, bytes: Vec<u8>, max_bytes: u64) -> Result<Vec<u8>, InputError> {
    let coding = coding.trim().to_ascii_lowercase();
    match &*coding {
        "" | "identity" | "none" | "utf-8" | "binary" => Ok(bytes),
        // What was sent of an empty page, in whatever coding.
        "gzip" | "x-gzip" | "deflate" | "br" | "zstd" if bytes.is_empty() => Ok(bytes),
        // Many archives keep the body unpacked and the head as it was.
        "gzip" | "x-gzip" if Format::of(&bytes) != Format::Gzip => as_it_is(bytes),
        "zstd" if Format::of(&bytes) != Format::Zstd => as_it_is(bytes),
        "gzip" | "x-gzip" | "zstd" => unpack(&bytes, max_bytes, HTTP_WINDOW),
        "deflate" if as_markup(&bytes) => Ok(bytes),
        // The standard means zlib's form; some servers never did.
        "deflate" if is_zlib(&bytes) => all_of("deflate", ZlibDecoder::new(&bytes[..]), max_bytes),
        "deflate" => all_of("deflate", DeflateDecoder::new(&bytes[..]), max_bytes),
        "br" if as_markup(&bytes) => Ok(bytes),
        "br" => {
            let mut decoder = Decompressor::new(&bytes[..], 8 << 10);
            // Windows of up to 1 GB are no part of `br`.
            decoder.set_parameter(BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW, 0);
            all_of("br", decoder, max_bytes)
        }
        other => Err(InputError::Unsupported(format!(
            "the content coding {other:?} is not known; gzip, deflate, br and zstd are"
        ))),
    }
}

/// Unpacks a page if it is compressed. What is inside is not unpacked again.
/// # Errors
/// As [`decode_coding`].
pub fn unpack_page(bytes: Vec<u8>, max_bytes: u64) -> Result<Vec<u8>, InputError> {
    if Format::of(&bytes).is_compressed() { unpack(&bytes, max_bytes, max_bytes.max(HTTP_WINDOW)) } else { Ok(bytes) }
}

fn unpack(bytes: &[u8], max_bytes: u64, window: u64) -> Result<Vec<u8>, InputError> {
    let layer = Layer::open(Box::new(bytes), window)?;
    let what = layer.what();
    let mut inside = Joined::new(layer);
    let mut page = Vec::new();
    let read = (&mut inside).take(max_bytes.saturating_add(1)).read_to_end(&mut page);
    match read {
        Ok(read) if read as u64 > max_bytes => Err(InputError::TooLarge(max_bytes)),
        Ok(_) => Ok(page),
        Err(error) => Err(inside.why.take().unwrap_or_else(|| InputError::of_decoder(what, page.len() as u64, error))),
    }
}

fn all_of(what: &'static str, from: impl Read, max_bytes: u64) -> Result<Vec<u8>, InputError> {
    let mut page = Vec::new();
    let read = from.take(max_bytes.saturating_add(1)).read_to_end(&mut page);
    match read {
        Ok(read) if read as u64 > max_bytes => Err(InputError::TooLarge(max_bytes)),
        Ok(_) => Ok(page),
        Err(error) => Err(InputError::of_decoder(what, page.len() as u64, error)),
    }
}

/// A body that was unpacked already has markup at its beginning; anything else is as damaged as it looks.
fn as_it_is(bytes: Vec<u8>) -> Result<Vec<u8>, InputError> {
    if as_markup(&bytes) {
        return Ok(bytes);
    }
    Err(InputError::damaged("the body", "it does not begin as its content coding does, nor as markup"))
}

/// Whether this begins with `<`: no compressed body of a page does that and is one.
pub(super) fn as_markup(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    bytes.trim_ascii_start().first() == Some(&b'<')
}

fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [cmf, flags, ..] if cmf & 0x0F == 8 && (u16::from(*cmf) << 8 | u16::from(*flags)) % 31 == 0)
}
