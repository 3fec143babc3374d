//! Tar: what ustar, pax, GNU and the old ones have in common.
//!
//! Own code: the `tar` crate reads a long name or a pax header into memory however long it says it is, which in a compressed
//! archive is a bomb.

use std::io::{self, Read};

use super::error::InputError;
use super::layer::Joined;
use super::member::{Member, Raw};
use super::names::is_page_name;
use super::pages::Found;

const BLOCK: usize = 512;

/// A name, or a pax header around it, of more than this is none.
const NAMES: u64 = 1 << 20;

pub(super) struct Tar<'a> {
    from: Joined<'a>,
    name: String,
    max_bytes: u64,
    members: u64,
    over: bool,
}

impl<'a> Tar<'a> {
    pub fn new(from: Joined<'a>, name: String, max_bytes: u64) -> Self {
        Self { from, name, max_bytes, members: 0, over: false }
    }

    /// The next page, or what stands in its place. `None` at the end.
    pub fn next(&mut self) -> Option<Found> {
        if self.over {
            return None;
        }
        self.member().unwrap_or_else(|error| {
            // What comes next is not known where a length or a byte is not to be believed.
            self.over = true;
            let name = format!("{}#{}", self.name, self.members + 1);
            Some(Found::Member(Member::new(name, Err(error))))
        })
    }

    fn member(&mut self) -> Result<Option<Found>, InputError> {
        let (mut long_name, mut long_size) = (None, None);
        loop {
            let mut block = [0; BLOCK];
            let got = self.read(&mut block)?;
            if got == 0 || block.iter().all(|byte| *byte == 0) {
                self.over = true;
                return Ok(None);
            }
            if got < BLOCK {
                return Err(self.cut(got as u64));
            }
            if !sum_is_right(&block) {
                return Err(self.damaged("the sum of a header is not right"));
            }
            let size = number(&block[124..136]).ok_or_else(|| self.damaged("a size is no number"))?;
            match block[156] {
                b'L' => long_name = Some(text(&self.extension(size)?)),
                b'x' => {
                    let records = self.extension(size)?;
                    long_name = pax(&records, b"path").map(text).or(long_name);
                    long_size = pax(&records, b"size").and_then(|size| str::from_utf8(size).ok()?.parse().ok());
                }
                kind => {
                    let size = long_size.take().unwrap_or(size);
                    // Neither links nor folders have content, whatever size they claim.
                    let size = if matches!(kind, b'1'..=b'6') { 0 } else { size };
                    let name = long_name.take().unwrap_or_else(|| short_name(&block));
                    return self.content(kind, &name, size).map(Some);
                }
            }
        }
    }

    fn content(&mut self, kind: u8, name: &str, size: u64) -> Result<Found, InputError> {
        let found = if !matches!(kind, 0 | b'0' | b'7') || !is_page_name(name) {
            self.skip(size)?;
            Found::Skipped
        } else if size > self.max_bytes {
            self.skip(size)?;
            Found::Member(Member::new(self.named(name), Err(InputError::TooLarge(self.max_bytes))))
        } else {
            let mut bytes = Vec::new();
            let read = (&mut self.from).take(size).read_to_end(&mut bytes);
            let got = read.map_err(|error| self.from.explain(error))? as u64;
            if got < size {
                return Err(self.cut(got));
            }
            let raw = Raw::Bytes { bytes, content_type: None };
            Found::Member(Member::new(self.named(name), Ok(raw)))
        };
        self.members += 1;
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        // The last one's may be missing: nothing of a page is.
        io::copy(&mut (&mut self.from).take(padding), &mut io::sink()).map_err(|error| self.from.explain(error))?;
        Ok(found)
    }

    fn skip(&mut self, size: u64) -> Result<(), InputError> {
        let got = io::copy(&mut (&mut self.from).take(size), &mut io::sink());
        let got = got.map_err(|error| self.from.explain(error))?;
        if got < size { Err(self.cut(got)) } else { Ok(()) }
    }

    /// The content of a header that is about the next one.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>, InputError> {
        if size > NAMES {
            return Err(self.damaged("a name of more than a megabyte"));
        }
        let mut bytes = vec![0; (size as usize).next_multiple_of(BLOCK)];
        if self.read(&mut bytes)? < bytes.len() {
            return Err(self.cut(0));
        }
        bytes.truncate(size as usize);
        Ok(bytes)
    }

    /// Fills `into` as far as there is something.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, InputError> {
        let mut got = 0;
        while got < into.len() {
            match self.from.read(&mut into[got..]) {
                Ok(0) => break,
                Ok(read) => got += read,
                Err(error) => return Err(self.from.explain(error)),
            }
        }
        Ok(got)
    }

    fn named(&self, member: &str) -> String {
        format!("{}#{member}", self.name)
    }

    fn cut(&self, got: u64) -> InputError {
        InputError::Cut { what: "tar", got }
    }

    fn damaged(&self, why: &str) -> InputError {
        InputError::damaged("tar", format!("{why}, behind {} members; what follows is lost", self.members))
    }
}

/// Whether the sum in a header is that of its bytes, with the sum itself as blanks.
pub(super) fn sum_is_right(block: &[u8]) -> bool {
    let Some(wanted) = number(&block[148..156]) else { return false };
    let sum = block.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let own = block[148..156].iter().map(|byte| u64::from(*byte)).sum::<u64>();
    block[0] != 0 && sum - own + 8 * u64::from(b' ') == wanted
}

/// Octal, or with the first bit set the rest in base 256.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(field.len() - 8);
        let is_small = high.iter().enumerate().all(|(at, byte)| *byte == if at == 0 { 0x80 } else { 0 });
        return is_small.then(|| u64::from_be_bytes(low.try_into().expect("eight bytes")));
    }
    let digits = field.split(|byte| *byte == 0).next().unwrap_or(field).trim_ascii();
    u64::from_str_radix(str::from_utf8(digits).ok()?, 8).ok()
}

fn short_name(block: &[u8; BLOCK]) -> String {
    let name = text(&block[..100]);
    let prefix = if &block[257..263] == b"ustar\0" { text(&block[345..500]) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or(bytes)).into_owned()
}

/// The value of a key: records are `LENGTH KEY=VALUE\n`.
fn pax<'a>(records: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut rest = records;
    let mut found = None;
    while let Some(blank) = rest.iter().position(|byte| *byte == b' ') {
        let length: usize = str::from_utf8(&rest[..blank]).ok()?.parse().ok()?;
        let record = rest.get(blank + 1..length)?;
        if let Some(value) = record.strip_prefix(key).and_then(|value| value.strip_prefix(b"=")) {
            found = value.strip_suffix(b"\n");
        }
        rest = &rest[length..];
    }
    found
}
