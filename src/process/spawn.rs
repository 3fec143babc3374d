//! Starting children, all of them on one thread that lasts as long as the program.
//!
//! The signal by which a child learns that its parent is gone is sent when the *thread* ends that started it. And where close-on-exec
//! cannot be set as a descriptor is made, two starts at once would leak descriptors into each other's children.

use super::builder::{ChannelKind, Codec, Settings};
use super::stderr::Stderr;
use crossbeam_channel::{Sender, bounded, unbounded};
use nix::sys::signal::SigSet;
use parking_lot::Mutex;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec};
use rustix::process::Pid;
use std::io;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::thread;

/// A child that runs, and our ends of what it was given.
pub(super) struct Spawned {
    pub(super) pid: Pid,
    pub(super) channel: OwnedFd,
    pub(super) stderr: Stderr,
}

/// A command, which holds the child's ends of what it is given, and the one they are copies of: closed here once the child has them.
struct Start {
    command: Command,
    theirs: OwnedFd,
    answer: Sender<io::Result<Pid>>,
}

static SPAWNER: Mutex<Option<Sender<Start>>> = Mutex::new(None);

/// Starts a child as `settings` say.
pub(super) fn spawn(settings: &Settings) -> io::Result<Spawned> {
    let (ours, theirs) = socket_pair()?;
    let (stderr, their_stderr) = io::pipe()?;
    // Whatever can fail does so before there is a child.
    let stderr = Stderr::new(stderr.into(), settings.stderr_tail)?;
    let mut command = Command::new(&settings.program);
    command.args(&settings.arguments).env_clear().envs(settings.environment.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = &settings.directory {
        command.current_dir(directory);
    }
    // What a worker may say, and how, so that it can tell its own caller what does not fit.
    command.env("SLACKWATER_MAX_FRAME", settings.max_frame.to_string());
    command.env("SLACKWATER_CODEC", if settings.codec == Codec::Raw { "raw" } else { "json" });
    // Set before the program runs, so that nothing it starts can be outside.
    command.process_group(0);
    let mut descriptors = Vec::new();
    match settings.channel {
        ChannelKind::Own => {
            // Not among 0, 1 and 2, which are given away below.
            let (reads, writes) = (fcntl_dupfd_cloexec(&theirs, 3)?, fcntl_dupfd_cloexec(&theirs, 3)?);
            command.env("SLACKWATER_IN", reads.as_raw_fd().to_string());
            command.env("SLACKWATER_OUT", writes.as_raw_fd().to_string());
            descriptors.extend([reads, writes]);
            command.stdin(Stdio::null()).stdout(Stdio::from(their_stderr.try_clone()?));
        }
        ChannelKind::Stdio => {
            command.stdin(Stdio::from(theirs.try_clone()?)).stdout(Stdio::from(theirs.try_clone()?));
        }
    }
    command.stderr(Stdio::from(their_stderr));
    prepare(&mut command, descriptors);
    let pid = start(command, theirs)?;
    Ok(Spawned { pid, channel: ours, stderr })
}

/// A pair of connected sockets, neither of which a program that is started inherits.
pub(super) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    #[cfg(target_os = "linux")]
    let pair = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    #[cfg(not(target_os = "linux"))]
    let pair = {
        let pair = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty(), None)?;
        for socket in [&pair.0, &pair.1] {
            rustix::io::fcntl_setfd(socket, FdFlags::CLOEXEC)?;
            #[cfg(target_os = "macos")]
            rustix::net::sockopt::set_socket_nosigpipe(socket, true)?;
        }
        pair
    };
    Ok(pair)
}

/// What the child does between its beginning and its program, which gets `keep` and, but for its first three, nothing else.
fn prepare(command: &mut Command, keep: Vec<OwnedFd>) {
    let parent = rustix::process::getpid();
    before_its_program(command, move || {
        // What this process holds back, as one does that waits for signals on a thread of its own, would be handed on, and a worker
        // could not be asked to end.
        SigSet::empty().thread_set_mask()?;
        for descriptor in &keep {
            rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
        }
        #[cfg(target_os = "linux")]
        {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
            // The parent may have ended before that.
            if rustix::process::getppid() != Some(parent) {
                return Err(io::Error::from(rustix::io::Errno::SRCH));
            }
        }
        let _ = parent;
        Ok(())
    });
}

/// Has the program that `command` starts get no descriptors but its first three.
pub(super) fn close_all(command: &mut Command) {
    before_its_program(command, || Ok(()));
}

/// Has the child close what is not its own at the start of its program, and then do `more`: only what may be done after a fork.
fn before_its_program(command: &mut Command, more: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
    let prepare = move || {
        close_all_on_exec();
        more()
    };
    // SAFETY: after a fork in a program with threads only what is async-signal-safe may run. Both callers are above: system calls
    // (close_range, sigprocmask, fcntl, prctl, getppid), errors that hold a number, and a read of a vector made before: no allocation, no
    // lock. Neither closure is dropped in the child.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Whatever this process was left with by others, or opened without care, is not the worker's. What is to be kept is said after this.
#[cfg(target_os = "linux")]
fn close_all_on_exec() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: it touches no memory: it marks descriptors as closed by the program's start, none of which this copy uses after that.
    // Without it (before Linux 5.11) what others left open stays open.
    unsafe {
        libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
}

#[cfg(not(target_os = "linux"))]
fn close_all_on_exec() {}

fn start(command: Command, theirs: OwnedFd) -> io::Result<Pid> {
    let (answer, answered) = bounded(1);
    let mut start = Start { command, theirs, answer };
    // A thread that is gone is replaced, once. What it calls is caught, so nothing is known that ends it.
    for _ in 0..2 {
        let spawner = spawner()?;
        match spawner.send(start) {
            Ok(()) => return answered.recv().unwrap_or_else(|_| Err(io::Error::other("starting it panicked"))),
            Err(back) => {
                start = back.0;
                *SPAWNER.lock() = None;
            }
        }
    }
    Err(io::Error::other("the thread that starts processes is gone"))
}

fn spawner() -> io::Result<Sender<Start>> {
    let mut spawner = SPAWNER.lock();
    if let Some(sender) = &*spawner {
        return Ok(sender.clone());
    }
    let (sender, starts) = unbounded::<Start>();
    let work = move || {
        for Start { mut command, theirs, answer } in starts {
            let started = catch_unwind(AssertUnwindSafe(|| command.spawn()));
            // The command has the child's ends too.
            drop((command, theirs));
            let Ok(started) = started else { continue };
            let pid = started.and_then(|child| {
                let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                pid.ok_or_else(|| io::Error::other("it has no number"))
            });
            let _ = answer.send(pid);
        }
    };
    thread::Builder::new().name("process-spawner".to_owned()).spawn(work)?;
    *spawner = Some(sender.clone());
    Ok(sender)
}
