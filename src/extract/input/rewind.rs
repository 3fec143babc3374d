//! Compressed bytes that can be gone back in, a little.

use std::io::{self, BufRead, Read};

/// Bytes kept since the mark. A record of a crawl is rarely larger; after a larger one that is damaged the search for the next
/// goes on from where its decoder gave up.
const KEPT: usize = 1 << 20;
const STEP: usize = 64 << 10;

/// A reader that remembers what it gave since a mark, as far as that is not much.
pub(super) struct Rewind<'a> {
    from: Box<dyn Read + Send + 'a>,
    bytes: Vec<u8>,
    at: usize,
    mark: Option<usize>,
}

impl<'a> Rewind<'a> {
    pub fn new(from: Box<dyn Read + Send + 'a>) -> Self {
        Self { from, bytes: Vec::new(), at: 0, mark: None }
    }

    /// Remembers this place.
    pub fn mark(&mut self) {
        self.mark = Some(self.at);
    }

    /// Goes back to just behind the mark, once, if that is still known.
    pub fn rewind(&mut self) {
        if let Some(mark) = self.mark.take() {
            self.at = mark + 1;
        }
    }

    /// The next `n` bytes, or as many as there are, without taking them.
    pub fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        while self.bytes.len() - self.at < n && self.more()? {}
        let end = self.bytes.len().min(self.at + n);
        Ok(&self.bytes[self.at..end])
    }

    /// Skips to the next place that begins as `wanted` says, of four bytes. Gives back how many bytes that were not zero were
    /// skipped, and whether there is such a place.
    pub fn seek(&mut self, wanted: impl Fn(&[u8]) -> bool) -> io::Result<(u64, bool)> {
        let mut skipped = 0;
        loop {
            let there = self.peek(STEP)?;
            let found = there.windows(4).position(&wanted);
            // The last three may be the beginning of what is looked for.
            let end = found.unwrap_or(there.len().saturating_sub(3));
            let end = if there.len() < 4 { there.len() } else { end };
            skipped += there[..end].iter().filter(|byte| **byte != 0).count() as u64;
            let dry = there.len() < STEP;
            self.at += end;
            if found.is_some() {
                return Ok((skipped, true));
            }
            if dry {
                skipped += self.bytes[self.at..].iter().filter(|byte| **byte != 0).count() as u64;
                self.at = self.bytes.len();
                return Ok((skipped, false));
            }
        }
    }

    /// `false` at the end.
    fn more(&mut self) -> io::Result<bool> {
        if self.mark.is_some_and(|mark| self.at - mark > KEPT) {
            self.mark = None;
        }
        let keep = self.mark.unwrap_or(self.at);
        // Not before half of it is of no use any more: to move the rest costs.
        if keep > 0 && keep * 2 >= self.bytes.len() {
            self.bytes.drain(..keep);
            self.at -= keep;
            self.mark = self.mark.map(|_| 0);
        }
        let old = self.bytes.len();
        self.bytes.resize(old + STEP, 0);
        let read = loop {
            match self.from.read(&mut self.bytes[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.bytes.truncate(old + *read.as_ref().unwrap_or(&0));
        Ok(read? > 0)
    }
}

impl Read for Rewind<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let n = there.len().min(into.len());
        into[..n].copy_from_slice(&there[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Rewind<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.bytes.len() {
            self.more()?;
        }
        Ok(&self.bytes[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at += n;
    }
}
