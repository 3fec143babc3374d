//! The pages of a file, whatever it is.

use std::io::{self, Read, Seek, SeekFrom};

use super::error::InputError;
use super::flow::Flow;
use super::format::{Format, HEAD};
use super::layer::{Joined, Layer};
use super::lines::{JsonFields, Lines};
use super::member::{Member, Raw};
use super::tar::Tar;
use super::warc::Warc;
use super::zip::{ReadSeek, Zip, no_way_back};

/// The most a zstd frame may ask to have remembered: what `zstd --long` asks for.
const WINDOW: u64 = 128 << 20;

/// What a reader comes across.
#[derive(Debug)]
#[non_exhaustive]
pub enum Found {
    /// A page, or why there is none.
    Member(Member),
    /// A member that is not meant to be a page: a picture, a folder, a redirection.
    Skipped,
}

/// Reads the pages of a file, an archive or a stream one after the other.
///
/// Memory holds one page at a time, of at most `max_bytes`, and what decoders need: no list of members, and no name or header
/// of more than a megabyte.
pub struct Pages<'a>(State<'a>);

enum State<'a> {
    /// A single page, or an error that is all there is.
    One(Option<Member>),
    Warc(Box<Warc<'a>>),
    Tar(Box<Tar<'a>>),
    Zip(Box<Zip<'a>>),
    Lines(Box<Lines<'a>>),
}

impl<'a> Pages<'a> {
    /// Reads what `from` has, by what it begins with: WARC or tar, a page, or any of these in gzip or zstd.
    ///
    /// A page is named `name`, a member `name#MEMBER`, a record of a WARC as its WARC-Target-URI says. A zip cannot be read so;
    /// see [`of_file`](Self::of_file).
    pub fn of_stream(from: impl Read + Send + 'a, name: impl Into<String>, max_bytes: u64) -> Self {
        let name = name.into();
        Self(open(Box::new(from), &name, max_bytes).unwrap_or_else(|error| one(name, Err(error))))
    }

    /// Reads a file, which may be all that [`of_stream`](Self::of_stream) reads, or a zip.
    pub fn of_file(mut from: impl Read + Seek + Send + 'a, name: impl Into<String>, max_bytes: u64) -> Self {
        let name = name.into();
        let mut head = Vec::new();
        let looked = (&mut from).take(4).read_to_end(&mut head);
        if let Err(error) = looked.and_then(|_| from.seek(SeekFrom::Start(0))) {
            return Self(one(name, Err(InputError::Read(error))));
        }
        if Format::of(&head) != Format::Zip {
            return Self::of_stream(from, name, max_bytes);
        }
        let from: Box<dyn ReadSeek + 'a> = Box::new(from);
        Self(match Zip::open(from, name.clone(), max_bytes) {
            Ok(zip) => State::Zip(Box::new(zip)),
            Err(error) => one(name, Err(error)),
        })
    }

    /// Reads JSON Lines, perhaps compressed, with a page in one field of each.
    pub fn of_json_lines(
        from: impl Read + Send + 'a,
        name: impl Into<String>,
        fields: JsonFields,
        max_bytes: u64,
    ) -> Self {
        let name = name.into();
        Self(match Layer::open(Box::new(from), WINDOW) {
            Ok(layer) => State::Lines(Box::new(Lines::new(Joined::new(layer), name, fields, max_bytes))),
            Err(error) => one(name, Err(error)),
        })
    }
}

impl Iterator for Pages<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        match &mut self.0 {
            State::One(member) => member.take().map(Found::Member),
            State::Warc(warc) => warc.next(),
            State::Tar(tar) => tar.next(),
            State::Zip(zip) => zip.next(),
            State::Lines(lines) => lines.next(),
        }
    }
}

/// Whether there may be many pages in a file, or what packs them: by its first bytes, unpacked if need be. The file is at its
/// beginning again afterwards.
/// # Errors
/// As reading is. What cannot be unpacked is no archive, and a page with an error when it is read.
pub fn is_archive(file: &mut (impl Read + Seek + Send)) -> io::Result<bool> {
    let mut head = Vec::new();
    (&mut *file).take(HEAD as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let mut format = Format::of(&head);
    if format.is_compressed() {
        format = Layer::open(Box::new(&mut *file), WINDOW)
            .map(|layer| inner_head(Joined::new(layer)))
            .map_or(Format::Plain, |head| Format::of(&head));
        file.seek(SeekFrom::Start(0))?;
    }
    Ok(format.is_archive())
}

fn open<'a>(from: Box<dyn Read + Send + 'a>, name: &str, max_bytes: u64) -> Result<State<'a>, InputError> {
    let layer = Layer::open(from, WINDOW)?;
    let what = layer.what();
    let mut flow = Flow::new(layer);
    let format = Format::of(flow.ensure(HEAD));
    if format == Format::Warc {
        return Ok(State::Warc(Box::new(Warc::new(flow, name.to_owned(), max_bytes))));
    }
    let mut inside = flow.into_joined();
    Ok(match format {
        Format::Zip => return Err(no_way_back()),
        Format::Tar => State::Tar(Box::new(Tar::new(inside, name.to_owned(), max_bytes))),
        _ => {
            let mut bytes = Vec::new();
            let read = (&mut inside).take(max_bytes.saturating_add(1)).read_to_end(&mut bytes);
            let raw = match read {
                Ok(read) if read as u64 > max_bytes => Err(InputError::TooLarge(max_bytes)),
                Ok(_) => Ok(Raw::Plain(bytes)),
                Err(error) => Err(inside.why.take().unwrap_or_else(|| InputError::of_decoder(what, 0, error))),
            };
            one(name.to_owned(), raw)
        }
    })
}

fn one<'a>(name: String, raw: Result<Raw, InputError>) -> State<'a> {
    State::One(Some(Member::new(name, raw)))
}

/// The first bytes inside, as far as they can be unpacked.
fn inner_head(mut inside: Joined) -> Vec<u8> {
    let mut head = Vec::new();
    let _ = (&mut inside).take(HEAD as u64).read_to_end(&mut head);
    head
}
