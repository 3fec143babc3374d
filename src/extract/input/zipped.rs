//! A member of a zip, not unpacked yet.

use std::io::Read;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::coding::unpack_page;
use super::error::InputError;

#[derive(Debug)]
pub(super) struct Zipped {
    pub bytes: Vec<u8>,
    pub method: u16,
    pub sum: u32,
    pub size: u64,
}

impl Zipped {
    pub fn unpack(self, max_bytes: u64) -> Result<Vec<u8>, InputError> {
        let Self { bytes, method, sum, size } = self;
        let page = match method {
            0 => bytes,
            8 => {
                let mut page = Vec::new();
                // Not one byte more than was announced: that alone would prove it wrong.
                let most = size.saturating_add(1).min(max_bytes.saturating_add(1));
                let read = DeflateDecoder::new(&bytes[..]).take(most).read_to_end(&mut page);
                read.map_err(|error| InputError::of_decoder("zip", page.len() as u64, error))?;
                page
            }
            93 => unpack_page(bytes, max_bytes)?,
            other => {
                let why = format!("method {other} of zip is not known; stored, deflate and zstd are");
                return Err(InputError::Unsupported(why));
            }
        };
        if page.len() as u64 > max_bytes {
            return Err(InputError::TooLarge(max_bytes));
        }
        let mut crc = Crc::new();
        crc.update(&page);
        if page.len() as u64 != size || crc.sum() != sum {
            return Err(InputError::damaged("zip", "the member is not what its list says: another length or sum"));
        }
        unpack_page(page, max_bytes)
    }
}
