//! Warm, supervised child processes as pooled resources. Feature `process`, on Linux and macOS.
//!
//! A [`ProcessManager`] starts workers: programs that say when they are ready and then answer one request at a time over a framed
//! channel of their own. A [`Pool`](crate::Pool) of them lends a [`Worker`], which is called like a function with a deadline. What a
//! worker can do wrong (die, hang, write nonsense, grow without end) has its own [`ProcessError`], and costs that worker alone.
//!
//! A call past its deadline returns at once. Its worker never serves anybody again: it is ended with its whole process group, on a thread
//! that nobody waits for, and its place is free once the system has confirmed its end.
//!
//! What is promised, what is not, and the wire: `docs/process.md`.

mod builder;
mod channel;
mod child;
mod error;
mod exit;
mod frame;
mod group;
mod guardian;
mod manager;
mod message;
mod spawn;
mod stderr;
mod watch;
mod worker;

pub use builder::{ChannelKind, Codec, ProcessBuilder, StopSignal};
pub use error::{ChildError, ProcessError, Words};
pub use exit::{Doom, Exit};
pub use frame::{FrameError, FrameReader, HEADER, frame};
pub use manager::ProcessManager;
pub use worker::Worker;
