//! The channel to one worker: frames with deadlines, in both directions.
//!
//! It waits at the socket and at the child together: a child that is dead is seen although somebody it started holds the channel open.

use super::child::{Child, LOOK, timespec};
use super::frame::{FrameError, FrameReader};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use std::io;
use std::time::{Duration, Instant};

/// Memory of the reading buffer that is kept from request to request.
const KEEP: usize = 1 << 20;

/// Why there is nothing more to be had of a channel.
#[derive(Debug)]
pub(super) enum Broken {
    /// The deadline has passed.
    Late,
    /// The worker has exited.
    Gone,
    /// The worker closed its end.
    Closed,
    Frame(FrameError),
    Io(io::Error),
}

impl From<FrameError> for Broken {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// What to wait for at the socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ready {
    Socket,
    Child,
}

/// While bytes keep coming nobody waits, so nobody would look at the time.
fn in_time(done: bool, deadline: Instant) -> Result<(), Broken> {
    if done || Instant::now() < deadline { Ok(()) } else { Err(Broken::Late) }
}

#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
    reader: FrameReader,
}

/// Without a signal if nobody reads any more. Elsewhere the socket is set so when it is made.
#[cfg(target_os = "linux")]
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(not(target_os = "linux"))]
const SEND: SendFlags = SendFlags::DONTWAIT;

impl Channel {
    pub(super) fn new(socket: OwnedFd, max_frame: u32) -> Self {
        Self { socket, reader: FrameReader::new(max_frame) }
    }

    /// Hands `bytes` over. Ends in time although the worker reads nothing.
    pub(super) fn send(&self, mut bytes: &[u8], child: &Child, deadline: Instant) -> Result<(), Broken> {
        while !bytes.is_empty() {
            match send(&self.socket, bytes, SEND) {
                Ok(n) => {
                    bytes = &bytes[n..];
                    in_time(bytes.is_empty(), deadline)?;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if self.wait(PollFlags::OUT, child, deadline)? == Ready::Child {
                        return Err(Broken::Gone);
                    }
                }
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(Broken::Closed),
                Err(error) => return Err(Broken::Io(error.into())),
            }
        }
        Ok(())
    }

    /// The next frame.
    pub(super) fn receive(&mut self, child: &Child, deadline: Instant) -> Result<&[u8], Broken> {
        while !self.reader.has_frame()? {
            let ready = self.wait(PollFlags::IN, child, deadline)?;
            // What a child wrote before it died counts.
            match recv(&self.socket, self.reader.space(), RecvFlags::DONTWAIT) {
                Ok((_, 0)) => {
                    self.reader.ended()?;
                    return Err(Broken::Closed);
                }
                Ok((_, n)) => {
                    self.reader.filled(n);
                    in_time(self.reader.has_frame()?, deadline)?;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if ready == Ready::Child => {
                    self.reader.ended()?;
                    return Err(Broken::Gone);
                }
                Err(Errno::AGAIN) => {}
                Err(Errno::CONNRESET) => {
                    self.reader.ended()?;
                    return Err(Broken::Closed);
                }
                Err(error) => return Err(Broken::Io(error.into())),
            }
        }
        Ok(self.reader.next_frame()?.expect("it is whole"))
    }

    /// Bytes that came and nobody asked for, as far as they were read.
    pub(super) fn pending(&self) -> usize {
        self.reader.pending()
    }

    /// The same, with what has come since, or that nothing will. One system call: a fiftieth of what a request takes.
    pub(super) fn unasked(&mut self) -> Result<usize, Broken> {
        if self.pending() == 0 {
            match recv(&self.socket, self.reader.space(), RecvFlags::DONTWAIT) {
                Ok((_, 0)) | Err(Errno::CONNRESET) => return Err(Broken::Closed),
                Ok((_, n)) => self.reader.filled(n),
                // What else is wrong with it, the request will find.
                Err(_) => {}
            }
        }
        Ok(self.pending())
    }

    /// Tells the worker that nothing more comes.
    pub(super) fn finish(&self) {
        let _ = shutdown(&self.socket, Shutdown::Write);
    }

    /// Gives back what one large answer took.
    pub(super) fn shrink(&mut self) {
        self.reader.shrink(KEEP);
    }

    /// Waits until the socket is ready, or the child has exited.
    fn wait(&self, what: PollFlags, child: &Child, deadline: Instant) -> Result<Ready, Broken> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let source = child.source();
            let span = if source.is_some() { left } else { left.min(LOOK) };
            let socket = PollFd::new(&self.socket, what);
            // Without anything to wait at, the socket stands in for the child and says nothing of it.
            let other = source
                .as_ref()
                .map_or(PollFd::new(&self.socket, PollFlags::empty()), |source| PollFd::new(source, PollFlags::IN));
            let mut both = [socket, other];
            match poll(&mut both, Some(&timespec(span))) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(Broken::Io(error.into())),
            }
            let is_ready = !both[0].revents().is_empty();
            let is_gone = if source.is_some() { !both[1].revents().is_empty() } else { child.look().is_some() };
            match (is_gone, is_ready) {
                (true, _) => return Ok(Ready::Child),
                (false, true) => return Ok(Ready::Socket),
                (false, false) if left == Duration::ZERO => return Err(Broken::Late),
                (false, false) => {}
            }
        }
    }
}
