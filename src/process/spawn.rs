//! Starting children, all of them on one thread that lasts as long as the program; should it hang, the next ones on another.
//!
//! The signal by which a child learns that its parent is gone is sent when the *thread* ends that started it. And where close-on-exec
//! cannot be set as a descriptor is made, two starts at once would leak descriptors into each other's children.

use super::builder::{ChannelKind, Codec, Settings};
use super::stderr::Stderr;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use nix::sys::signal::SigSet;
use parking_lot::{Condvar, Mutex};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::mem;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

/// A child that runs, and our ends of what it was given.
pub(super) struct Spawned {
    pub(super) pid: Pid,
    pub(super) channel: OwnedFd,
    pub(super) stderr: Stderr,
}

/// A start, and who waits for it.
struct Start {
    turn: Arc<Mutex<Turn>>,
    answer: Sender<io::Result<Pid>>,
}

/// How far a start has got.
enum Turn {
    /// It waits. The command holds the child's ends of what it is given, and beside it is the one they are copies of: all closed here once
    /// the child has them.
    Queued(Box<Command>, OwnedFd),
    /// The thread of this number starts it.
    Begun(u64),
    GivenUp,
}

/// The threads that start: one serves, those that hang have another in their place, and those that came back stand by.
struct Spawners {
    serving: u64,
    made: u64,
    /// Whether the one that serves hangs, and could not be replaced.
    is_stuck: bool,
    spares: Vec<u64>,
}

static STARTS: LazyLock<(Sender<Start>, Receiver<Start>)> = LazyLock::new(unbounded);
static SPAWNERS: Mutex<Spawners> = Mutex::new(Spawners { serving: 0, made: 0, is_stuck: false, spares: Vec::new() });
static ANOTHER_SERVES: Condvar = Condvar::new();

/// Threads that may hang beside the one that serves. Each has a copy of this process that hangs with it.
const MOST_HANGING: u64 = 4;

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
    let turn = Arc::new(Mutex::new(Turn::Queued(Box::new(command), theirs)));
    SPAWNERS.lock().begin()?;
    let start = Start { turn: Arc::clone(&turn), answer };
    STARTS.0.send(start).expect("the other end is kept beside it");
    answered.recv_timeout(limit).unwrap_or_else(|error| match error {
        RecvTimeoutError::Disconnected => Err(io::Error::other("the thread that starts processes is gone")),
        RecvTimeoutError::Timeout => {
            let given_up = mem::replace(&mut *turn.lock(), Turn::GivenUp);
            let why = if let Turn::Begun(thread) = given_up {
                SPAWNERS.lock().replace(thread);
                format!("the system did not start it within {limit:?}; does the file system that it is on answer?")
            } else {
                format!("its turn to be started did not come within {limit:?}, as another start takes longer than that")
            };
            Err(io::Error::new(io::ErrorKind::TimedOut, why))
        }
    })
}

impl Spawners {
    /// Makes sure that there is somebody who serves.
    fn begin(&mut self) -> io::Result<()> {
        if self.made == 0 { self.make() } else { Ok(()) }
    }

    /// Has a new thread serve.
    fn make(&mut self) -> io::Result<()> {
        let number = self.made + 1;
        thread::Builder::new().name("process-spawner".to_owned()).spawn(move || serve(number))?;
        (self.made, self.serving) = (number, number);
        Ok(())
    }

    /// Those that neither serve nor stand by.
    fn hanging(&self) -> u64 {
        self.made.saturating_sub(1 + self.spares.len() as u64)
    }

    /// Has another serve in place of one that hangs, if it is the one that serves.
    fn replace(&mut self, hangs: u64) {
        if self.serving != hangs {
            return;
        }
        if self.hanging() >= MOST_HANGING {
            self.is_stuck = true;
        } else if let Some(spare) = self.spares.pop() {
            self.serving = spare;
            ANOTHER_SERVES.notify_all();
        } else {
            self.is_stuck = self.make().is_err();
        }
    }

    /// One has done what somebody gave up: whether it serves, or goes on to.
    fn comes_back(&mut self, thread: u64) -> bool {
        if self.serving == thread {
            self.is_stuck = false;
            return true;
        }
        if mem::take(&mut self.is_stuck) {
            // They change places.
            self.serving = thread;
            return true;
        }
        self.spares.push(thread);
        false
    }
}

/// Starts what is asked for, for as long as the program lasts: the end of this thread would be the end of all that it has started.
fn serve(number: u64) {
    for start in &STARTS.1 {
        if !start.run(number) {
            continue;
        }
        let mut spawners = SPAWNERS.lock();
        if !spawners.comes_back(number) {
            ANOTHER_SERVES.wait_while(&mut spawners, |spawners| spawners.serving != number);
        }
    }
}

impl Start {
    /// Whether it has begun, and who asked has given it up since.
    fn run(self, thread: u64) -> bool {
        // Nobody looks at the turn of what was given up.
        let turn = mem::replace(&mut *self.turn.lock(), Turn::Begun(thread));
        let Turn::Queued(mut command, theirs) = turn else { return false };
        let started = catch_unwind(AssertUnwindSafe(|| command.spawn()));
        // The command has the child's ends too.
        drop((command, theirs));
        let started = started.unwrap_or_else(|_| Err(io::Error::other("starting it panicked")));
        let numbered = started.and_then(|child| {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            pid.map(|pid| (pid, child)).ok_or_else(|| io::Error::other("it has no number"))
        });
        match numbered {
            Ok((pid, mut child)) => {
                let is_given_up = self.answer.send(Ok(pid)).is_err();
                if is_given_up {
                    // It came too late: it ends, with what it may have started.
                    let _ = kill_process_group(pid, Signal::KILL);
                    let _ = child.wait();
                }
                is_given_up
            }
            Err(error) => self.answer.send(Err(error)).is_err(),
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

    /// Children that end with their test.
    #[derive(Default)]
    struct Children(Vec<Pid>);

    impl Children {
        fn all_live(&self) -> bool {
            self.0.iter().all(|pid| waitpid(Some(*pid), WaitOptions::NOHANG).is_ok_and(|status| status.is_none()))
        }
    }

    impl Drop for Children {
        fn drop(&mut self) {
            for pid in &self.0 {
                let _ = kill_process_group(*pid, Signal::KILL);
                let _ = waitpid(Some(*pid), WaitOptions::empty());
            }
        }
    }

    /// A program as workers are started, after `more` in the child.
    fn command(program: &str, more: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> (Command, OwnedFd) {
        let mut command = Command::new(program);
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        prepare(&mut command, Vec::new());
        before_its_program(&mut command, more);
        (command, socket_pair().unwrap().0)
    }

    fn sleeps() -> Pid {
        let (mut command, theirs) = command("sleep", || Ok(()));
        command.arg("600");
        start(command, theirs, WATCHDOG).unwrap()
    }

    /// A start that hangs, given up after a second: the child's number, if its turn came, and what lets it go on.
    fn hangs() -> (Option<Pid>, PipeWriter) {
        let (mut tells, told): (PipeReader, _) = io::pipe().unwrap();
        let (gate, opens) = io::pipe().unwrap();
        let (command, theirs) = command("true", move || {
            let number = rustix::process::getpid().as_raw_nonzero().get();
            rustix::io::write(&told, &number.to_ne_bytes())?;
            rustix::io::read(&gate, &mut [0]).map(drop).map_err(io::Error::from)
        });
        let error = start(command, theirs, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        let mut number = [0; 4];
        let has_begun = error.to_string().contains("did not start it") && tells.read_exact(&mut number).is_ok();
        (has_begun.then(|| Pid::from_raw(i32::from_ne_bytes(number)).unwrap()), opens)
    }

    fn until(holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < WATCHDOG, "it did not come to that");
            thread::yield_now();
        }
    }

    /// Promise: a program that the system neither starts nor refuses holds up nobody for longer than who asked for it waits, and ends when it begins
    /// after all; what its thread has started lives on, and the thread serves again. Provoked: children that wait before their program, twice.
    #[test]
    fn a_start_that_hangs_is_given_up_and_holds_nobody_up() {
        let mut children = Children(vec![sleeps()]);
        for _ in 0..2 {
            let (late, mut opens) = hangs();
            // Another thread serves: the one that hangs does not.
            children.0.push(sleeps());
            let Some(late) = late else { continue };
            test_kill_process(late).unwrap();
            assert!(SPAWNERS.lock().hanging() > 0);
            opens.write_all(&[1]).unwrap();
            until(|| test_kill_process(late).is_err() && !SPAWNERS.lock().spares.is_empty());
            assert!(children.all_live(), "none has ended with the thread that started it");
        }
    }

    /// Promise: where as many hang as may, those that come back serve. Provoked: by hand.
    #[test]
    fn threads_that_come_back_serve_where_the_one_that_serves_is_stuck() {
        let mut spawners = Spawners { serving: 5, made: 5, is_stuck: false, spares: Vec::new() };
        spawners.replace(5);
        assert!(spawners.is_stuck && spawners.serving == 5);
        // One of those that were replaced changes places with it.
        assert!(spawners.comes_back(2));
        assert!(!spawners.is_stuck && spawners.serving == 2 && spawners.hanging() == MOST_HANGING);
        assert!(!spawners.comes_back(5));
        assert_eq!((spawners.hanging(), &spawners.spares), (MOST_HANGING - 1, &vec![5]));
        // A spare is taken before another is made.
        spawners.replace(2);
        assert_eq!((spawners.serving, spawners.made, spawners.hanging()), (5, 5, MOST_HANGING));
        // Whoever hangs and comes back before anybody has noticed goes on.
        assert!(spawners.comes_back(5));
    }
}
