//! Bytes of a layer with a look ahead that is as long as it has to be.

use std::collections::VecDeque;

use super::error::InputError;
use super::layer::{Joined, Layer, Next};

const STEP: usize = 32 << 10;

/// How many beginnings of members are remembered. Those behind a record's end are what matters, and no more of these are read than
/// there are bytes between two records.
const STARTS: usize = 16;

/// What of a layer is not taken yet. Knows where a compressed member begins with a record: no record goes on beyond that place,
/// whatever length it claims.
pub(super) struct Flow<'a> {
    layer: Layer<'a>,
    bytes: Vec<u8>,
    at: usize,
    /// Where in `bytes` the next record's member begins.
    border: Option<usize>,
    /// Where in `bytes` the last members began, with whatever.
    starts: VecDeque<usize>,
    /// Whether what was taken last ended at a border.
    pub at_border: bool,
    ended: bool,
    /// What went wrong at the end of `bytes`, to be said by whoever gets there.
    wrong: Option<InputError>,
    /// Bytes between members that belong to none, not told yet.
    gap: u64,
}

impl<'a> Flow<'a> {
    pub fn new(layer: Layer<'a>) -> Self {
        Self {
            layer,
            bytes: Vec::new(),
            at: 0,
            border: None,
            starts: VecDeque::new(),
            at_border: false,
            ended: false,
            wrong: None,
            gap: 0,
        }
    }

    /// All of it without members, for other formats.
    pub fn into_joined(self) -> Joined<'a> {
        Joined::behind(self.bytes, self.wrong, self.layer)
    }

    pub fn what(&self) -> &'static str {
        self.layer.what()
    }

    /// What is there up to the border, without reading more.
    pub fn there(&self) -> &[u8] {
        &self.bytes[self.at..self.border.unwrap_or(self.bytes.len())]
    }

    /// Reads until `n` bytes are there, or as many as there are up to the border, the end, or what went wrong.
    pub fn ensure(&mut self, n: usize) -> &[u8] {
        while self.border.is_none() && self.bytes.len() - self.at < n && !self.ended && self.wrong.is_none() {
            if let Err(error) = self.step() {
                self.wrong = Some(error);
            }
        }
        let there = self.there();
        &there[..there.len().min(n)]
    }

    /// Whether there is nothing more at all.
    pub fn is_over(&mut self) -> bool {
        self.ensure(1).is_empty() && self.ended && self.border.is_none() && self.wrong.is_none()
    }

    /// What went wrong right here. From then on the flow goes on with the next member, if there is one.
    pub fn trouble(&mut self) -> Option<InputError> {
        if self.border.is_some() || self.at < self.bytes.len() {
            return None;
        }
        let error = self.wrong.take()?;
        if matches!(error, InputError::Read(_)) {
            self.ended = true; // It would fail for ever.
        } else if let Err(again) = self.next_member() {
            self.wrong = Some(again);
        }
        Some(error)
    }

    /// Whether a compressed member ends where nothing but white space follows these `n` bytes.
    pub fn member_ends_at(&self, n: usize) -> bool {
        let end = self.at + n;
        let next = self.starts.iter().find(|start| **start >= end);
        next.is_some_and(|start| self.bytes[end..*start].trim_ascii().is_empty())
    }

    /// What will go wrong at the end of what is there.
    pub fn trouble_ahead(&self) -> Option<InputError> {
        if self.border.is_some() { None } else { self.wrong.as_ref().map(InputError::again) }
    }

    /// Bytes that were passed over because they were no member, if that is news.
    pub fn gap(&mut self) -> Option<InputError> {
        let gap = std::mem::take(&mut self.gap);
        (gap > 0)
            .then(|| InputError::damaged(self.what(), format!("{gap} bytes between or behind its members are none")))
    }

    pub fn take(&mut self, n: usize) {
        self.at += n;
        self.at_border = self.border == Some(self.at);
        if self.border.is_some_and(|border| border <= self.at) {
            self.border = None;
        }
        if self.at * 2 > self.bytes.len() {
            self.bytes.drain(..self.at);
            self.border = self.border.map(|border| border - self.at);
            self.starts.retain(|start| *start >= self.at);
            self.starts.iter_mut().for_each(|start| *start -= self.at);
            self.at = 0;
            self.bytes.shrink_to(4 << 20);
        }
    }

    fn step(&mut self) -> Result<(), InputError> {
        if self.read()? == 0 {
            self.next_member()?;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<usize, InputError> {
        let old = self.bytes.len();
        self.bytes.resize(old + STEP, 0);
        let read = self.layer.read(&mut self.bytes[old..]);
        self.bytes.truncate(old + *read.as_ref().unwrap_or(&0));
        read
    }

    fn next_member(&mut self) -> Result<(), InputError> {
        self.gap += match self.layer.next()? {
            Next::End(gap) => {
                self.ended = true;
                gap
            }
            Next::Member(gap) => {
                let start = self.bytes.len();
                if self.starts.back() != Some(&start) {
                    if self.starts.len() == STARTS {
                        self.starts.pop_front();
                    }
                    self.starts.push_back(start);
                }
                while self.bytes.len() - start < 5 && self.read()? > 0 {}
                if self.bytes[start..].starts_with(b"WARC/") && start > self.at {
                    self.border = Some(start);
                }
                gap
            }
        };
        Ok(())
    }
}
