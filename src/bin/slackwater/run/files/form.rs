//! What a file of rows is, in bytes.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::sink::Sink;
use super::text::{self, Text};

/// How rows make a file.
pub trait Form: Send + Sync {
    /// Bytes of a file before its first row, as far as they count for `--shard-bytes`.
    fn overhead(&self) -> u64;

    /// The contents of a pipe, or of a file that is there as a whole or not at all.
    fn body(&self, to: Sink) -> io::Result<Box<dyn Body>>;

    /// What is to be a file, under the name `part` or names that begin so. `mark` is what [`Body::pause`] gave: whatever was
    /// written after that is forgotten. Without a mark it begins anew, whatever lies there.
    fn part(&self, part: &Path, mark: Option<u64>) -> io::Result<Box<dyn Body>>;

    /// Makes the file `target` of a part that was paused after its last row. Doing it again, after a kill at any moment of it,
    /// does no harm.
    fn publish(&self, part: &Path, target: &Path) -> io::Result<()>;

    /// How much work a kill may cost. Each pause has its price.
    fn pause_every(&self) -> Duration;
}

/// The contents of one file.
pub trait Body {
    fn row(&mut self, row: Vec<u8>) -> io::Result<()>;

    /// Lets whoever reads along have what there is.
    fn flush(&mut self) -> io::Result<()>;

    /// Sees to it that all rows are on the disk, and says where to go on from.
    fn pause(&mut self) -> io::Result<u64>;

    /// There are no more rows: all is on the disk, in its final form.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// JSON Lines: rows, and nothing else.
pub struct Json;

impl Form for Json {
    fn overhead(&self) -> u64 {
        0
    }

    fn body(&self, to: Sink) -> io::Result<Box<dyn Body>> {
        Ok(Box::new(Text::new(to, b"")?))
    }

    fn part(&self, part: &Path, mark: Option<u64>) -> io::Result<Box<dyn Body>> {
        Ok(Box::new(Text::part(part, mark, b"")?))
    }

    fn publish(&self, part: &Path, target: &Path) -> io::Result<()> {
        text::publish(part, target)
    }

    fn pause_every(&self) -> Duration {
        text::PAUSE_EVERY
    }
}
