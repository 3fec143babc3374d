//! Files that are their rows one after the other: cut anywhere between two of them, they can be gone on with.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::disk;
use super::form::Body;
use super::sink::Sink;

pub const PAUSE_EVERY: Duration = Duration::from_secs(1);

pub struct Text {
    out: BufWriter<Sink>,
    length: u64,
}

impl Text {
    pub fn new(to: Sink, header: &[u8]) -> io::Result<Self> {
        let mut text = Self { out: BufWriter::with_capacity(64 << 10, to), length: 0 };
        text.put(header)?;
        Ok(text)
    }

    /// See [`Form::part`](super::form::Form::part); the mark is the length.
    pub fn part(part: &Path, mark: Option<u64>, header: &[u8]) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(part)?;
        let Some(length) = mark else {
            file.set_len(0)?;
            return Self::new(Sink::File(file), header);
        };
        if file.metadata()?.len() < length {
            return Err(disk::damaged(part));
        }
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        Ok(Self { out: BufWriter::with_capacity(64 << 10, Sink::File(file)), length })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

impl Body for Text {
    fn row(&mut self, row: Vec<u8>) -> io::Result<()> {
        self.put(&row)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn pause(&mut self) -> io::Result<u64> {
        self.out.flush()?;
        self.out.get_mut().sync()?;
        Ok(self.length)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.pause().map(drop)
    }
}

/// See [`Form::publish`](super::form::Form::publish). A part that is not there any more has been through this.
pub fn publish(part: &Path, target: &Path) -> io::Result<()> {
    match fs::exists(part)? {
        true => disk::rename(part, target),
        false => Ok(()),
    }
}
