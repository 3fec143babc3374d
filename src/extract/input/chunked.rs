//! The transfer coding `chunked`.

use super::error::InputError;

/// Takes the chunks' frames away. Trailers are left out.
/// # Errors
/// Where a chunk's length cannot be read, where it is not what it says, and where the last one is missing.
pub fn dechunk(body: &[u8]) -> Result<Vec<u8>, InputError> {
    let mut rest = body;
    let mut whole = Vec::with_capacity(body.len());
    loop {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(InputError::Cut { what: "chunked body", got: whole.len() as u64 });
        };
        let line = &rest[..end];
        let digits = line.split(|byte| *byte == b';').next().unwrap_or(line).trim_ascii();
        let size = str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
        let size = size.and_then(|text| usize::from_str_radix(text, 16).ok()).ok_or_else(|| {
            let shown = String::from_utf8_lossy(&digits[..digits.len().min(20)]);
            broken(format!("{shown:?} is no length of a chunk"), whole.len())
        })?;
        rest = &rest[end + 1..];
        if size == 0 {
            return Ok(whole);
        }
        let Some((chunk, after)) = rest.split_at_checked(size) else {
            whole.extend_from_slice(rest);
            return Err(InputError::Cut { what: "chunked body", got: whole.len() as u64 });
        };
        whole.extend_from_slice(chunk);
        rest = match after {
            [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => rest,
            [] | [b'\r'] => return Err(InputError::Cut { what: "chunked body", got: whole.len() as u64 }),
            _ => return Err(broken("a chunk is longer than it says".to_owned(), whole.len())),
        };
    }
}

fn broken(why: String, got: usize) -> InputError {
    InputError::damaged("chunked body", format!("{why}, after {got} bytes"))
}
