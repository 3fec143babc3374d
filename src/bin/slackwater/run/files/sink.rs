//! Where bytes go in the end.

use std::fs::File;
use std::io::{self, Write};

pub enum Sink {
    Stdout(io::Stdout),
    /// A pipe or device that was named.
    Device(File),
    File(File),
}

impl Sink {
    /// All bytes are on the disk, if that is where they go.
    pub fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync_all(),
            Self::Stdout(_) | Self::Device(_) => self.flush(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Device(file) | Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Device(file) | Self::File(file) => file.flush(),
        }
    }
}
