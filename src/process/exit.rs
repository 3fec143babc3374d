//! How a worker ended.

use std::fmt;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal that this crate did not send.
    Signal {
        /// Its number.
        number: i32,
        /// Whether the system wrote the process's memory to a file.
        dumped: bool,
    },
    /// By SIGKILL, which nobody here sent, and since the worker started the system has ended something for lack of memory: likely this.
    /// On a machine that has been short of memory in a worker's life, every later SIGKILL of that worker is told so.
    LikelyOutOfMemory,
    /// By a signal that this crate sent.
    Ended {
        /// Its number.
        number: i32,
    },
    /// Somebody else in this process waited for it, so nobody knows.
    Unknown,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exited with code {code}"),
            Exit::Signal { number, dumped } => {
                write!(f, "was killed by {}{}", Named(*number), if *dumped { ", with a core dump" } else { "" })
            }
            Exit::LikelyOutOfMemory => f.write_str("was killed by SIGKILL, likely by the system for lack of memory"),
            Exit::Ended { number } => write!(f, "was ended with {}", Named(*number)),
            Exit::Unknown => f.write_str("is gone, and somebody else took its exit status"),
        }
    }
}

/// A signal by its name.
struct Named(i32);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The numbers that are the same on Linux and macOS; the others stay numbers.
        let name = match self.0 {
            1 => "SIGHUP",
            2 => "SIGINT",
            3 => "SIGQUIT",
            4 => "SIGILL",
            5 => "SIGTRAP",
            6 => "SIGABRT",
            8 => "SIGFPE",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            13 => "SIGPIPE",
            14 => "SIGALRM",
            15 => "SIGTERM",
            number => return write!(f, "signal {number}"),
        };
        f.write_str(name)
    }
}

/// Why this crate ended a worker while it was at work, or idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doom {
    /// Its process group had more processes than it may.
    TooManyProcesses {
        /// As many were seen.
        seen: u32,
        /// As many are allowed.
        limit: u32,
    },
    /// Its process group had more memory than it may.
    TooMuchMemory {
        /// Bytes that were seen.
        seen: u64,
        /// Bytes that are allowed.
        limit: u64,
    },
}

impl fmt::Display for Doom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doom::TooManyProcesses { seen, limit } => {
                write!(f, "its group had {seen} processes, of {limit} allowed: start fewer, or raise max_processes")
            }
            Doom::TooMuchMemory { seen, limit } => {
                write!(f, "its group had {seen} bytes of memory, of {limit} allowed: use less, or raise memory_limit")
            }
        }
    }
}
