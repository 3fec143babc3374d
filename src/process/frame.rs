//! Frames: a length of four bytes, the greatest first, and as many bytes. What Erlang calls `{packet, 4}`.
//!
//! The reader does no I/O: whoever has bytes puts them in. So it can be fuzzed, and a child written in Rust can use it too.

use std::ops::Range;

/// Bytes of the length before each frame.
pub const HEADER: usize = 4;

/// Room that is offered for reading when nothing is known of what comes: as much as most answers take.
const ROOM: usize = 16 * 1024;

/// What is wrong with a stream of frames. Nothing after it can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame of no bytes: no message is that.
    #[error("an empty frame came, which is no message; have the worker write whole messages only")]
    Empty,
    /// A length above the most that is allowed: a message too large, or something that is no frame at all.
    #[error("a frame of {length} bytes was announced, of {max} allowed{}", .text.as_deref().map_or_else(
        || "; answer with less, or raise max_frame".to_owned(),
        |text| format!("; its length reads {text:?} as text, so something printed into the channel: send that to stderr"),
    ))]
    TooLarge {
        /// The announced length in bytes.
        length: u32,
        /// The most that is allowed.
        max: u32,
        /// The length's own bytes, if they read as text.
        text: Option<String>,
    },
    /// The stream ended within a length.
    #[error(
        "the channel ended after {got} of the 4 bytes of a frame's length; the worker died or closed it while it wrote"
    )]
    TornHeader {
        /// Bytes of the length that came.
        got: u32,
    },
    /// The stream ended within a frame.
    #[error("the channel ended after {got} of a frame's {length} bytes; the worker died or closed it while it wrote")]
    Torn {
        /// Bytes of the frame that came.
        got: u32,
        /// Bytes that were announced.
        length: u32,
    },
}

/// Puts bytes together to frames. Takes memory as bytes come, not as lengths announce.
#[derive(Debug)]
pub struct FrameReader {
    buffer: Vec<u8>,
    /// What came and has not been taken: within `buffer`.
    here: Range<usize>,
    max: u32,
}

impl FrameReader {
    /// A reader for frames of up to `max` bytes.
    pub fn new(max: u32) -> Self {
        Self { buffer: Vec::new(), here: 0..0, max }
    }

    /// Where the next bytes are to be put: at least one. Call [`filled`](Self::filled) with how many came.
    pub fn space(&mut self) -> &mut [u8] {
        let have = self.here.len();
        if self.here.start > 0 && have == 0 {
            self.here = 0..0;
        }
        let room = match self.announced() {
            // As much again as there is, so that a length alone takes no memory, and few looks suffice for a long frame.
            Some(length) if length > 0 && length <= self.max => {
                (length as usize + HEADER).saturating_sub(have).clamp(1, ROOM.max(have))
            }
            _ => ROOM,
        };
        if self.buffer.len() - self.here.end < room {
            self.buffer.copy_within(self.here.clone(), 0);
            self.here = 0..have;
            if self.buffer.len() < have + room {
                self.buffer.resize(have + room, 0);
            }
        }
        &mut self.buffer[self.here.end..]
    }

    /// So many bytes were put at the beginning of the [`space`](Self::space).
    ///
    /// # Panics
    /// If it has not so many.
    pub fn filled(&mut self, bytes: usize) {
        assert!(bytes <= self.buffer.len() - self.here.end, "{bytes} bytes are more than the space has");
        self.here.end += bytes;
    }

    /// Takes the next frame, if all of it is here.
    ///
    /// # Errors
    /// [`Empty`](FrameError::Empty) and [`TooLarge`](FrameError::TooLarge), each time anew.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let Some(frame) = self.whole()? else { return Ok(None) };
        self.here.start = frame.end;
        Ok(Some(&self.buffer[frame]))
    }

    /// Whether all of the next frame is here.
    ///
    /// # Errors
    /// As [`next_frame`](Self::next_frame).
    pub fn has_frame(&self) -> Result<bool, FrameError> {
        Ok(self.whole()?.is_some())
    }

    fn whole(&self) -> Result<Option<Range<usize>>, FrameError> {
        let Some(length) = self.announced() else { return Ok(None) };
        if length == 0 {
            return Err(FrameError::Empty);
        }
        if length > self.max {
            let bytes = length.to_be_bytes();
            let is_text = bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
            let text = is_text.then(|| String::from_utf8_lossy(&bytes).into_owned());
            return Err(FrameError::TooLarge { length, max: self.max, text });
        }
        let (from, length) = (self.here.start + HEADER, length as usize);
        let is_whole = self.here.len() - HEADER >= length;
        Ok(is_whole.then(|| from..from + length))
    }

    /// What the end of the stream means here.
    ///
    /// # Errors
    /// [`TornHeader`](FrameError::TornHeader) or [`Torn`](FrameError::Torn), unless it ended between two frames.
    pub fn ended(&self) -> Result<(), FrameError> {
        match (self.here.len(), self.announced()) {
            (0, _) => Ok(()),
            (got, None) => Err(FrameError::TornHeader { got: got as u32 }),
            (got, Some(length)) => Err(FrameError::Torn { got: (got - HEADER) as u32, length }),
        }
    }

    /// Bytes that came and have not been taken.
    pub fn pending(&self) -> usize {
        self.here.len()
    }

    /// Gives memory above `bytes` back, if nothing is pending.
    pub fn shrink(&mut self, bytes: usize) {
        if self.here.is_empty() && self.buffer.len() > bytes {
            self.here = 0..0;
            self.buffer.truncate(bytes);
            self.buffer.shrink_to_fit();
        }
    }

    fn announced(&self) -> Option<u32> {
        let header = self.buffer.get(self.here.start..self.here.start + HEADER)?;
        (self.here.len() >= HEADER).then(|| u32::from_be_bytes(header.try_into().expect("four bytes")))
    }
}

/// `message` as a frame.
///
/// # Panics
/// If it has 4 GiB or more.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a frame is shorter than 4 GiB");
    [&length.to_be_bytes(), message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All frames of `bytes` that come in pieces of `piece`, and how the stream ended.
    fn read(bytes: &[u8], piece: usize, max: u32) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
        let mut reader = FrameReader::new(max);
        let (mut frames, mut rest) = (Vec::new(), bytes);
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) if rest.is_empty() => return (frames, reader.ended()),
                Ok(None) => {
                    let space = reader.space();
                    let n = piece.min(space.len()).min(rest.len());
                    space[..n].copy_from_slice(&rest[..n]);
                    reader.filled(n);
                    rest = &rest[n..];
                }
                Err(error) => return (frames, Err(error)),
            }
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let messages: Vec<Vec<u8>> = [1, 3, 4, 5, 70_000, 2, 16 * 1024].iter().map(|&n| vec![n as u8; n]).collect();
        let bytes: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
        for piece in [1, 2, 3, 5, 7, 4_096, usize::MAX] {
            assert_eq!(read(&bytes, piece, 100_000), (messages.clone(), Ok(())), "in pieces of {piece}");
        }
    }

    #[test]
    fn each_way_to_end_has_its_own_error() {
        assert_eq!(read(&[], 9, 10), (vec![], Ok(())));
        assert_eq!(read(&[0, 0, 0], 9, 10).1, Err(FrameError::TornHeader { got: 3 }));
        assert_eq!(read(&[0, 0, 0, 5, b'a'], 9, 10).1, Err(FrameError::Torn { got: 1, length: 5 }));
        assert_eq!(read(&[0, 0, 0, 5], 9, 10).1, Err(FrameError::Torn { got: 0, length: 5 }));
        assert_eq!(read(&[0, 0, 0, 0, 9], 9, 10).1, Err(FrameError::Empty));
        assert_eq!(read(&[0, 0, 0, 11], 9, 10).1, Err(FrameError::TooLarge { length: 11, max: 10, text: None }));
        assert!(
            matches!(read(b"Error: no", 9, 1 << 20).1, Err(FrameError::TooLarge { text: Some(text), .. }) if text == "Erro")
        );
    }

    #[test]
    fn a_length_alone_takes_no_memory() {
        let mut reader = FrameReader::new(u32::MAX);
        let space = reader.space();
        space[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        reader.filled(4);
        assert!(reader.next_frame().unwrap().is_none());
        assert!(reader.space().len() <= 2 * ROOM);
    }

    #[test]
    fn memory_of_a_long_frame_is_given_back() {
        let mut reader = FrameReader::new(1 << 24);
        let mut rest = &frame(&vec![7; 1 << 22])[..];
        while !rest.is_empty() {
            let n = reader.space().len().min(rest.len());
            reader.space()[..n].copy_from_slice(&rest[..n]);
            reader.filled(n);
            rest = &rest[n..];
        }
        reader.shrink(1_000);
        assert_eq!(reader.pending(), (1 << 22) + HEADER, "nothing that is pending goes");
        assert!(reader.next_frame().unwrap().is_some());
        reader.shrink(1_000);
        assert!(reader.buffer.capacity() < 1 << 16);
    }
}
