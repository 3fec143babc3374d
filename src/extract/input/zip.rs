//! Zip, by the list at its end.
//!
//! Own code: the `zip` crate keeps the whole list in memory, some hundred bytes a member and its name. Here it is read as it is
//! needed, and an archive of ten million pages takes what one of ten does.

use std::io::{Read, Seek, SeekFrom};

use super::error::InputError;
use super::member::{Member, Raw};
use super::names::is_page_name;
use super::pages::Found;
use super::zipped::Zipped;

/// What the list is read in.
const STEP: usize = 64 << 10;
/// The end of the list, and the longest comment behind it.
const END: u64 = 22 + 0xFFFF;

pub(super) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

pub(super) struct Zip<'a> {
    from: Box<dyn ReadSeek + 'a>,
    name: String,
    max_bytes: u64,
    /// Bytes in front of the archive, as a program that unpacks itself has.
    base: u64,
    /// Where the rest of the list is, how much of it is left, and what of it was read.
    list: u64,
    left: u64,
    ahead: Vec<u8>,
    members: u64,
    over: bool,
}

/// An entry of the list.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    sum: u32,
    packed: u64,
    size: u64,
    at: u64,
}

impl<'a> Zip<'a> {
    pub fn open(mut from: Box<dyn ReadSeek + 'a>, name: String, max_bytes: u64) -> Result<Self, InputError> {
        let (base, list, left) = find_list(&mut from)?;
        Ok(Self { from, name, max_bytes, base, list, left, ahead: Vec::new(), members: 0, over: false })
    }

    /// The next page, or what stands in its place. `None` at the end.
    pub fn next(&mut self) -> Option<Found> {
        if self.over {
            return None;
        }
        let entry = match self.entry() {
            Ok(Some(entry)) => entry,
            Ok(None) => {
                self.over = true;
                return None;
            }
            Err(error) => {
                self.over = true;
                let name = format!("{}#{}", self.name, self.members + 1);
                return Some(Found::Member(Member::new(name, Err(error))));
            }
        };
        self.members += 1;
        if !is_page_name(&entry.name) {
            return Some(Found::Skipped);
        }
        let name = format!("{}#{}", self.name, entry.name);
        let raw = self.content(&entry).map(Raw::Zipped);
        Some(Found::Member(Member::new(name, raw)))
    }

    /// The next entry of the list.
    fn entry(&mut self) -> Result<Option<Entry>, InputError> {
        if self.left == 0 {
            return Ok(None);
        }
        let head = self.list(46)?;
        if !head.starts_with(b"PK\x01\x02") {
            let why = format!("its list is no list behind {} members; the rest is lost", self.members);
            return Err(InputError::damaged("zip", why));
        }
        let (names, extras, comments) = (u16_at(head, 28), u16_at(head, 30), u16_at(head, 32));
        let mut entry = Entry {
            name: String::new(),
            flags: u16_at(head, 8) as u16,
            method: u16_at(head, 10) as u16,
            sum: u32_at(head, 16) as u32,
            packed: u32_at(head, 20),
            size: u32_at(head, 24),
            at: u32_at(head, 42),
        };
        let all = 46 + names + extras + comments;
        let head = self.list(all)?;
        entry.name = String::from_utf8_lossy(&head[46..46 + names]).into_owned();
        large_numbers(&head[46 + names..46 + names + extras], &mut entry);
        self.ahead.drain(..all);
        self.left = self.left.saturating_sub(all as u64);
        Ok(Some(entry))
    }

    /// The next `n` bytes of the list.
    fn list(&mut self, n: usize) -> Result<&[u8], InputError> {
        if self.ahead.len() < n {
            let more = STEP.max(n - self.ahead.len()) as u64;
            self.from.seek(SeekFrom::Start(self.list)).map_err(InputError::Read)?;
            let got = (&mut self.from).take(more).read_to_end(&mut self.ahead).map_err(InputError::Read)?;
            self.list += got as u64;
        }
        self.ahead.get(..n).ok_or(InputError::Cut { what: "the list of a zip", got: self.members })
    }

    fn content(&mut self, entry: &Entry) -> Result<Zipped, InputError> {
        if entry.flags & 1 != 0 {
            return Err(InputError::Unsupported("the member is encrypted; unpack it with its password".to_owned()));
        }
        if entry.size > self.max_bytes || entry.packed > self.max_bytes.saturating_add(64 << 10) {
            return Err(InputError::TooLarge(self.max_bytes));
        }
        let at = self.base.saturating_add(entry.at);
        self.from.seek(SeekFrom::Start(at)).map_err(InputError::Read)?;
        let mut head = [0; 30];
        self.from.read_exact(&mut head).map_err(|error| InputError::of_decoder("zip", 0, error))?;
        if !head.starts_with(b"PK\x03\x04") {
            return Err(InputError::damaged("zip", "there is no member where its list says"));
        }
        let skip = (u16_at(&head, 26) + u16_at(&head, 28)) as i64;
        self.from.seek(SeekFrom::Current(skip)).map_err(InputError::Read)?;
        let mut bytes = Vec::new();
        let got = (&mut self.from).take(entry.packed).read_to_end(&mut bytes).map_err(InputError::Read)?;
        if (got as u64) < entry.packed {
            return Err(InputError::Cut { what: "zip", got: got as u64 });
        }
        Ok(Zipped { bytes, method: entry.method, sum: entry.sum, size: entry.size })
    }
}

/// Bytes in front of the archive, where its list begins, and how long it is.
fn find_list(from: &mut (impl Read + Seek + ?Sized)) -> Result<(u64, u64, u64), InputError> {
    let length = from.seek(SeekFrom::End(0)).map_err(InputError::Read)?;
    let start = length.saturating_sub(END + 20);
    from.seek(SeekFrom::Start(start)).map_err(InputError::Read)?;
    let mut tail = Vec::new();
    from.take(END + 20).read_to_end(&mut tail).map_err(InputError::Read)?;
    let ends = |at: &usize| tail[*at..].starts_with(b"PK\x05\x06") && tail.len() - at >= 22 + u16_at(&tail[*at..], 20);
    let at = (0..(tail.len() + 1).saturating_sub(22))
        .rev()
        .find(ends)
        .ok_or(InputError::Cut { what: "zip", got: length })?;
    let end = &tail[at..];
    let (mut size, mut list, mut behind) = (u32_at(end, 12), u32_at(end, 16), start + at as u64);
    if at >= 20
        && tail[at - 20..].starts_with(b"PK\x06\x07")
        && (list == u64::from(u32::MAX) || size == u64::from(u32::MAX) || u16_at(end, 10) == 0xFFFF)
    {
        let large = u64_at(&tail[at - 20..], 8);
        let mut head = [0; 56];
        let read = from.seek(SeekFrom::Start(large)).and_then(|_| from.read_exact(&mut head));
        read.map_err(|error| InputError::of_decoder("zip", length, error))?;
        if !head.starts_with(b"PK\x06\x06") {
            return Err(InputError::damaged("zip", "the end of its list is not where it says"));
        }
        (size, list, behind) = (u64_at(&head, 40), u64_at(&head, 48), large);
    }
    let begin = behind.checked_sub(size).filter(|begin| *begin >= list);
    let begin = begin.ok_or_else(|| InputError::damaged("zip", "its list does not fit into it"))?;
    Ok((begin - list, begin, size))
}

/// The extra field with what does not fit into 32 bits.
fn large_numbers(mut extras: &[u8], entry: &mut Entry) {
    while extras.len() >= 4 {
        let (kind, size) = (u16_at(extras, 0), u16_at(extras, 2));
        let Some(mut field) = extras.get(4..4 + size) else { return };
        if kind == 1 {
            for number in [&mut entry.size, &mut entry.packed, &mut entry.at] {
                if *number == u64::from(u32::MAX) && field.len() >= 8 {
                    *number = u64_at(field, 0);
                    field = &field[8..];
                }
            }
        }
        extras = &extras[4 + size..];
    }
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// What a reader that cannot go back says to a zip.
pub(super) fn no_way_back() -> InputError {
    let why = "a zip has its list at its end, so it must be a file; from a pipe take tar, or write it to a file first";
    InputError::Unsupported(why.to_owned())
}
