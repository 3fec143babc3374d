//! The lines of the input, one after the other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Lines of a file or standard input, each of so many bytes at most.
pub struct Lines {
    from: Box<dyn BufRead + Send>,
    /// Of the last line.
    number: u64,
    max_bytes: u64,
}

/// A line of the input that is not blank.
pub struct Line {
    /// From 1, blank lines counted.
    pub number: u64,
    /// Without its end and white space around it; only the beginning of one that is too long.
    pub text: Vec<u8>,
    pub is_whole: bool,
    /// Bytes of it in the input.
    pub bytes: u64,
}

/// What is kept of a line that is too long, to be known by.
const BEGINNING: usize = 400;

impl Lines {
    /// # Errors
    /// If there is no such file.
    pub fn open(path: Option<&Path>, max_bytes: u64) -> io::Result<Self> {
        let from: Box<dyn BufRead + Send> = match path {
            Some(path) => Box::new(BufReader::with_capacity(256 << 10, File::open(path)?)),
            None => Box::new(BufReader::with_capacity(256 << 10, io::stdin())),
        };
        Ok(Self { from, number: 0, max_bytes })
    }

    fn line(&mut self) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        loop {
            text.clear();
            // The line end beside.
            let mut bytes = (&mut self.from).take(self.max_bytes + 1).read_until(b'\n', &mut text)? as u64;
            if bytes == 0 {
                return Ok(None);
            }
            let is_whole = bytes <= self.max_bytes || text.ends_with(b"\n");
            if !is_whole {
                bytes += self.from.skip_until(b'\n')? as u64;
                text.truncate(BEGINNING);
                text.shrink_to_fit();
            }
            self.number += 1;
            if self.number == 1 && text.starts_with(b"\xef\xbb\xbf") {
                text.drain(..3);
            }
            let end = text.trim_ascii_end().len();
            text.truncate(end);
            let begin = end - text.trim_ascii_start().len();
            text.drain(..begin);
            if !text.is_empty() {
                return Ok(Some(Line { number: self.number, text, is_whole, bytes }));
            }
        }
    }
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], max_bytes: u64) -> Vec<(u64, String, bool, u64)> {
        let from = Box::new(BufReader::with_capacity(7, io::Cursor::new(text.to_vec())));
        let lines = Lines { from, number: 0, max_bytes };
        lines.map(Result::unwrap).map(|l| (l.number, String::from_utf8(l.text).unwrap(), l.is_whole, l.bytes)).collect()
    }

    /// Promise: lines are what stands between line ends, blank ones counted and not given. Provoked: a mark of UTF-8, CR LF, blank lines,
    /// no end at the end.
    #[test]
    fn blank_lines_count_and_are_passed_over() {
        let found = lines(b"\xef\xbb\xbf1\r\n\n  \t\n [2, 3] \n\"x\"", 100);
        assert_eq!(found, [(1, "1".into(), true, 6), (4, "[2, 3]".into(), true, 9), (5, "\"x\"".into(), true, 3)]);
        assert!(lines(b"", 100).is_empty() && lines(b"\n\n", 100).is_empty());
    }

    /// Promise: a line that is too long is known by its beginning, and the next one is whole. Provoked: at the limit, above it, far above
    /// it, and last without an end.
    #[test]
    fn long_lines_are_cut_and_the_next_is_whole() {
        let long = "y".repeat(5_000);
        let found = lines(format!("12345\n123456\n{long}\n1\n{long}").as_bytes(), 5);
        let expected = [(1, 5, true, 6), (2, 6, false, 7), (3, 6, false, 5_001), (4, 1, true, 2), (5, 6, false, 5_000)];
        assert_eq!(
            found.iter().map(|(n, text, whole, bytes)| (*n, text.len(), *whole, *bytes)).collect::<Vec<_>>(),
            expected
        );
    }
}
