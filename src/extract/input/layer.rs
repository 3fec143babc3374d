//! What is inside a compressed file, member by member.
//!
//! A WARC.gz is one gzip member for each record, so where one is damaged the next is found by how it begins. Readers that join
//! the members, as flate2's own does, cannot go on there, and do not say where one ends.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::error::InputError;
use super::format::Format;
use super::rewind::Rewind;

/// The bytes of a file, unpacked if they were packed.
pub(super) struct Layer<'a> {
    inside: Inside<'a>,
    format: Format,
    window: u64,
    /// Decoded since the member's beginning.
    got: u64,
    /// Whether the last member was damaged.
    broken: bool,
    /// Whether any member was sound since the last look back.
    hope: bool,
}

enum Inside<'a> {
    Plain(Rewind<'a>),
    Gzip(Box<GzDecoder<Rewind<'a>>>),
    Zstd(Box<FrameDecoder>, Rewind<'a>),
    /// Between members, and at the end.
    Between(Rewind<'a>),
    /// For the moment in which one becomes the other.
    Nothing,
}

/// What follows a member.
pub(super) enum Next {
    /// Another one, after so many bytes that belong to none.
    Member(u64),
    /// Nothing more, but so many bytes that belong to no member.
    End(u64),
}

impl<'a> Layer<'a> {
    /// Looks at how the bytes begin. `window` is the most that a zstd frame may ask to have remembered; gzip needs 32 KiB.
    pub fn open(from: Box<dyn Read + Send + 'a>, window: u64) -> Result<Self, InputError> {
        let mut from = Rewind::new(from);
        let format = Format::of(from.peek(4).map_err(InputError::Read)?);
        let inside = if format.is_compressed() { Inside::Between(from) } else { Inside::Plain(from) };
        let mut layer = Self { inside, format, window, got: 0, broken: false, hope: true };
        if format.is_compressed() {
            layer.next()?;
        }
        Ok(layer)
    }

    /// What is being unpacked, in words.
    pub fn what(&self) -> &'static str {
        match self.format {
            Format::Gzip => "gzip",
            Format::Zstd => "zstd",
            _ => "the file",
        }
    }

    /// Fills a part of `into`. 0 is the end of the member.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, InputError> {
        let read = match &mut self.inside {
            Inside::Plain(from) => from.read(into).map_err(InputError::Read),
            Inside::Gzip(decoder) => {
                retried(decoder, into).map_err(|error| InputError::of_decoder("gzip", self.got, error))
            }
            Inside::Zstd(decoder, from) => {
                frame(decoder, from, into).map_err(|error| InputError::of_decoder("zstd", self.got, error))
            }
            Inside::Between(_) | Inside::Nothing => Ok(0),
        };
        match &read {
            Ok(read) => self.got += *read as u64,
            Err(_) => {
                self.broken = true;
                self.leave();
            }
        }
        read
    }

    /// Goes to the next member: behind the one that ended, or the next to be found behind the beginning of the damaged one.
    pub fn next(&mut self) -> Result<Next, InputError> {
        self.leave();
        let format = self.format;
        let Inside::Between(from) = &mut self.inside else { return Ok(Next::End(0)) };
        if self.broken {
            // Only once without a sound member between: the time this takes would otherwise be the square of the bytes.
            if self.hope {
                from.rewind();
            }
            self.hope = false;
        } else {
            self.hope = true;
        }
        let (mut gap, found) = from.seek(|head| Format::of(head) == format).map_err(InputError::Read)?;
        if self.broken {
            gap = 0; // Told already, by the error.
        }
        self.broken = false;
        self.got = 0;
        if !found {
            return Ok(Next::End(gap));
        }
        from.mark();
        self.enter()?;
        Ok(Next::Member(gap))
    }

    fn enter(&mut self) -> Result<(), InputError> {
        let Inside::Between(mut from) = std::mem::replace(&mut self.inside, Inside::Nothing) else { return Ok(()) };
        if self.format == Format::Gzip {
            self.inside = Inside::Gzip(Box::new(GzDecoder::new(from)));
            return Ok(());
        }
        loop {
            // Frames to be skipped hold what others want to know; a dictionary for WARC.zst would be one.
            let head = match from.peek(8) {
                Ok(head) => head.to_vec(),
                Err(error) => return Err(self.lost(from, InputError::Read(error))),
            };
            let [kind, 0x2A, 0x4D, 0x18, a, b, c, d] = head[..] else { break };
            let _ = kind;
            let size = 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
            match io::copy(&mut (&mut from).take(size), &mut io::sink()) {
                Ok(skipped) if skipped == size => {}
                Ok(got) => return Err(self.lost(from, InputError::Cut { what: "zstd", got })),
                Err(error) => return Err(self.lost(from, InputError::Read(error))),
            }
            match from.peek(1) {
                Ok([]) => {
                    self.inside = Inside::Between(from);
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) => return Err(self.lost(from, InputError::Read(error))),
            }
        }
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(self.window);
        match decoder.init(&mut from) {
            Ok(()) => {
                self.inside = Inside::Zstd(Box::new(decoder), from);
                Ok(())
            }
            Err(error) => {
                let error = InputError::of_decoder("zstd", 0, io::Error::other(error));
                Err(self.lost(from, error))
            }
        }
    }

    fn lost(&mut self, from: Rewind<'a>, error: InputError) -> InputError {
        self.inside = Inside::Between(from);
        self.broken = true;
        error
    }

    fn leave(&mut self) {
        self.inside = match std::mem::replace(&mut self.inside, Inside::Nothing) {
            Inside::Gzip(decoder) => Inside::Between(decoder.into_inner()),
            Inside::Zstd(_, from) => Inside::Between(from),
            other => other,
        };
    }
}

/// Decodes a part of a frame. ruzstd's own reader does not compare the sum at the end.
fn frame(decoder: &mut FrameDecoder, from: &mut Rewind, into: &mut [u8]) -> io::Result<usize> {
    while decoder.can_collect() == 0 && !decoder.is_finished() {
        decoder.decode_blocks(&mut *from, BlockDecodingStrategy::UptoBlocks(1)).map_err(io::Error::other)?;
    }
    let read = decoder.read(into)?;
    let sums = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum());
    match sums {
        (Some(wanted), Some(got)) if read == 0 && !into.is_empty() && decoder.is_finished() && wanted != got => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the sum at its end is that of other bytes"))
        }
        _ => Ok(read),
    }
}

fn retried(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// All members as one run of bytes, for formats that know nothing of members.
pub(super) struct Joined<'a> {
    /// What was read of it already.
    ahead: Vec<u8>,
    at: usize,
    wrong: Option<InputError>,
    layer: Layer<'a>,
    ended: bool,
    /// Why the last read failed: an `io::Error` cannot say it as well.
    pub why: Option<InputError>,
}

impl<'a> Joined<'a> {
    pub fn new(layer: Layer<'a>) -> Self {
        Self::behind(Vec::new(), None, layer)
    }

    /// `ahead` was read already, and then `wrong` happened.
    pub fn behind(ahead: Vec<u8>, wrong: Option<InputError>, layer: Layer<'a>) -> Self {
        Self { ahead, at: 0, wrong, layer, ended: false, why: None }
    }

    /// What `error` of a read was about.
    pub fn explain(&mut self, error: io::Error) -> InputError {
        self.why.take().unwrap_or(InputError::Read(error))
    }

    fn step(&mut self, into: &mut [u8]) -> Result<usize, InputError> {
        if self.at < self.ahead.len() {
            let n = into.len().min(self.ahead.len() - self.at);
            into[..n].copy_from_slice(&self.ahead[self.at..self.at + n]);
            self.at += n;
            return Ok(n);
        }
        if let Some(error) = self.wrong.take() {
            self.ended = true;
            return Err(error);
        }
        while !self.ended {
            let read = self.layer.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            match self.layer.next()? {
                Next::Member(0) => {}
                // Some writers pad, and some append: what gzip itself passes over.
                Next::Member(_) | Next::End(_) => self.ended = true,
            }
        }
        Ok(0)
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.step(into).map_err(|why| {
            self.why = Some(why);
            io::Error::from(io::ErrorKind::InvalidData)
        })
    }
}
