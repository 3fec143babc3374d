//! What workers write to stderr: read as it comes, so that no worker ever waits for it, and its end kept.

use super::error::Words;
use parking_lot::Mutex;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Read in one go, from one worker: a flood from one does not keep the others waiting for long.
const AT_ONCE: usize = 64 * 1024;

/// The reading end of one worker's stderr.
#[derive(Debug)]
pub(super) struct Stderr {
    pipe: OwnedFd,
    ring: Mutex<Ring>,
    ended: AtomicBool,
}

#[derive(Debug)]
struct Ring {
    bytes: VecDeque<u8>,
    room: usize,
    /// What fell out at the front.
    lost: u64,
}

impl Stderr {
    pub(super) fn new(pipe: OwnedFd, room: usize) -> io::Result<Self> {
        // Ours alone: the worker has the other end, whose flags are its own.
        rustix::io::ioctl_fionbio(&pipe, true)?;
        let ring = Ring { bytes: VecDeque::new(), room, lost: 0 };
        Ok(Self { pipe, ring: Mutex::new(ring), ended: AtomicBool::new(false) })
    }

    /// What to wait at, until nobody can write any more.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        (!self.ended.load(SeqCst)).then(|| self.pipe.as_fd())
    }

    /// Reads what is there, up to a bound. True if there may be more.
    pub(super) fn drain(&self) -> bool {
        let mut ring = self.ring.lock();
        let mut chunk = [0; 4_096];
        let mut left = AT_ONCE;
        while left > 0 {
            match rustix::io::read(&self.pipe, &mut chunk) {
                Ok(0) => {
                    self.ended.store(true, SeqCst);
                    return false;
                }
                Ok(n) => {
                    ring.put(&chunk[..n]);
                    left = left.saturating_sub(n);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return false,
                Err(_) => {
                    self.ended.store(true, SeqCst);
                    return false;
                }
            }
        }
        true
    }

    /// The end of what was written up to now.
    pub(super) fn words(&self) -> Words {
        // A pipe holds at most 1 MiB, so what a dead worker left is all here after that; one that goes on writing has no last word.
        for _ in 0..(1 << 20) / AT_ONCE + 1 {
            if !self.drain() {
                break;
            }
        }
        self.ring.lock().words()
    }
}

impl Ring {
    fn put(&mut self, new: &[u8]) {
        let new_lost = new.len().saturating_sub(self.room);
        let new = &new[new_lost..];
        let old_lost = (self.bytes.len() + new.len()).saturating_sub(self.room);
        self.bytes.drain(..old_lost);
        self.bytes.extend(new);
        self.lost += (new_lost + old_lost) as u64;
    }

    fn words(&mut self) -> Words {
        let lost = self.lost;
        let text = String::from_utf8_lossy(self.bytes.make_contiguous());
        if lost == 0 {
            return Words(text.into());
        }
        Words(format!("({lost} bytes before) {text}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_end_and_counts_what_it_lost() {
        let mut ring = Ring { bytes: VecDeque::new(), room: 5, lost: 0 };
        ring.put(b"abc");
        assert_eq!(ring.words().as_str(), "abc");
        ring.put(b"defg");
        assert_eq!(ring.words().as_str(), "(2 bytes before) cdefg");
        ring.put(b"0123456789");
        assert_eq!(ring.words().as_str(), "(12 bytes before) 56789");
    }
}
