//! Starting children, all of them on one thread that lasts as long as the program; should it hang, the next ones on another.
//!
//! The signal by which a child learns that its parent is gone is sent when the *thread* ends that started it. And where close-on-exec
//! cannot be set as a descriptor is made, two starts at once would leak descriptors into each other's children.

use super::builder::{ChannelKind, Codec, Settings};
use super::stderr::Stderr;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded, unbounded};
use nix::sys::signal::SigSet;
use parking_lot::Mutex;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

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
    /// Whether its turn has come, told to who waits for it, if anybody does still.
    begun: Weak<AtomicBool>,
}

/// Threads that hang in a start and were left alone, and how many there may be.
static HANGING: AtomicUsize = AtomicUsize::new(0);
const MOST_HANGING: usize = 4;

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
    let pid = start(command, theirs, settings.ready_within)?;
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

/// Starts it, within `limit`: what a program is read from, or where it is to run, may not answer.
fn start(command: Command, theirs: OwnedFd, limit: Duration) -> io::Result<Pid> {
    // Without room: what was answered is in the hands of who asked, or known to be in nobody's.
    let (answer, answered) = bounded(0);
    let state = Arc::new(AtomicBool::new(false));
    let mut start = Start { command, theirs, answer, begun: Arc::downgrade(&state) };
    // A thread that is gone is replaced, once. What it calls is caught, so nothing is known that ends it.
    for _ in 0..2 {
        let spawner = spawner()?;
        match spawner.send(start) {
            Ok(()) => {
                return answered.recv_timeout(limit).unwrap_or_else(|error| match error {
                    RecvTimeoutError::Disconnected => Err(io::Error::other("starting it panicked")),
                    // Its turn did not come, if it is another's that hangs: who asked for that has the thread replaced.
                    RecvTimeoutError::Timeout => {
                        if state.load(Relaxed) {
                            leave_alone(&spawner);
                        }
                        let why = format!(
                            "the system did not start it within {limit:?}; does the file system that it is on answer?"
                        );
                        Err(io::Error::new(io::ErrorKind::TimedOut, why))
                    }
                });
            }
            Err(back) => {
                start = back.0;
                SPAWNER.lock().take_if(|current| current.same_channel(&spawner));
            }
        }
    }
    Err(io::Error::other("the thread that starts processes is gone"))
}

/// Leaves a thread that hangs to itself: the next start has another. Not if too many hang: each has a copy of this process that hangs with it.
fn leave_alone(hung: &Sender<Start>) {
    let mut spawner = SPAWNER.lock();
    let is_current = spawner.as_ref().is_some_and(|current| current.same_channel(hung));
    if is_current && HANGING.load(Relaxed) < MOST_HANGING {
        HANGING.fetch_add(1, Relaxed);
        *spawner = None;
    }
}

fn spawner() -> io::Result<Sender<Start>> {
    let mut spawner = SPAWNER.lock();
    if let Some(sender) = &*spawner {
        return Ok(sender.clone());
    }
    let (sender, starts) = unbounded::<Start>();
    let work = move || {
        let mut has_children = false;
        for start in starts {
            has_children |= start.run();
        }
        // It was left alone, and goes on. Its end would be the end of all that it has started.
        HANGING.fetch_sub(1, Relaxed);
        if has_children {
            loop {
                thread::park();
            }
        }
    };
    thread::Builder::new().name("process-spawner".to_owned()).spawn(work)?;
    *spawner = Some(sender.clone());
    Ok(sender)
}

impl Start {
    /// Whether there is a child now that somebody has.
    fn run(self) -> bool {
        let Self { mut command, theirs, answer, begun } = self;
        match begun.upgrade() {
            Some(begun) => begun.store(true, Relaxed),
            // Who asked has given up.
            None => return false,
        }
        let started = catch_unwind(AssertUnwindSafe(|| command.spawn()));
        // The command has the child's ends too.
        drop((command, theirs));
        let Ok(started) = started else { return false };
        let numbered = started.and_then(|child| {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            pid.map(|pid| (pid, child)).ok_or_else(|| io::Error::other("it has no number"))
        });
        match numbered {
            Ok((pid, mut child)) => {
                let is_had = answer.send(Ok(pid)).is_ok();
                if !is_had {
                    // It came too late: it ends, with what it may have started.
                    let _ = kill_process_group(pid, Signal::KILL);
                    let _ = child.wait();
                }
                is_had
            }
            Err(error) => {
                let _ = answer.send(Err(error));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{WaitOptions, test_kill_process, waitpid};
    use std::io::{PipeReader, PipeWriter, Read, Write};
    use std::time::Instant;

    const WATCHDOG: Duration = Duration::from_secs(60);

    /// `program`, after `more` in the child.
    fn begun(program: &str, more: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> (Command, OwnedFd) {
        let mut command = Command::new(program);
        command.process_group(0).stdin(Stdio::piped());
        before_its_program(&mut command, more);
        (command, socket_pair().unwrap().0)
    }

    /// A program whose child tells its number and then waits at a gate: the command, where the number comes from, and the gate.
    fn gated() -> ((Command, OwnedFd), PipeReader, PipeWriter) {
        let (tells, told) = io::pipe().unwrap();
        let (gate, opens) = io::pipe().unwrap();
        let hangs = begun("true", move || {
            let number = rustix::process::getpid().as_raw_nonzero().get();
            rustix::io::write(&told, &number.to_ne_bytes())?;
            rustix::io::read(&gate, &mut [0]).map(drop).map_err(io::Error::from)
        });
        (hangs, tells, opens)
    }

    fn until(holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < WATCHDOG, "it did not come to that");
            thread::yield_now();
        }
    }

    /// Promise: a program that the system neither starts nor refuses holds up nobody but who asked for it, and ends when it begins after all; what
    /// its thread had started before lives on. Provoked: a child that waits before its program, until another is there.
    #[test]
    fn a_start_that_hangs_is_given_up_and_holds_nobody_up() {
        let sleeps = |limit| {
            let (mut command, theirs) = begun("sleep", || Ok(()));
            command.arg("600");
            start(command, theirs, limit)
        };
        let earlier = sleeps(WATCHDOG).unwrap();
        let (hangs, mut tells, mut opens) = gated();
        let asks = thread::spawn(move || start(hangs.0, hangs.1, Duration::from_secs(1)));
        let mut number = [0; 4];
        // Its turn has come, unless its second was over before that.
        let has_begun = tells.read_exact(&mut number).is_ok();
        let error = asks.join().unwrap().unwrap_err();
        assert!(error.kind() == io::ErrorKind::TimedOut && error.to_string().contains("did not start it"), "{error}");
        let later = sleeps(WATCHDOG).unwrap();
        if has_begun {
            let late = Pid::from_raw(i32::from_ne_bytes(number)).unwrap();
            test_kill_process(late).unwrap();
            opens.write_all(&[1]).unwrap();
            until(|| test_kill_process(late).is_err());
            until(|| HANGING.load(Relaxed) == 0);
        }
        // Neither has ended with the thread that started it.
        for pid in [earlier, later] {
            assert!(waitpid(Some(pid), WaitOptions::NOHANG).unwrap().is_none());
            kill_process_group(pid, Signal::KILL).unwrap();
            waitpid(Some(pid), WaitOptions::empty()).unwrap();
        }
    }
}
