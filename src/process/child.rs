//! One child process with its group: signals that cannot hit a stranger, and the one place where it is waited for.
//!
//! ```text
//! alive -> exited    the system's word, seen through the pidfd; the number stays the child's, for nobody has waited for it
//! exited -> reaped   by `reap` alone, once
//! ```
//! A signal goes out under the same lock under which the child is reaped, and only before. Until then neither the child's number nor
//! its group's can belong to anybody else, so a signal finds the child, its group, or nobody. A child that has joined another group is
//! signalled alone.

use super::exit::{Doom, Exit};
use super::group::out_of_memory_kills;
use super::guardian;
use super::stderr::Stderr;
use crate::pool::Lifeline;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpgid, kill_process, kill_process_group, test_kill_process_group, waitid,
};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Pause between two looks at a child where the system has nothing to wait at.
pub(super) const LOOK: Duration = Duration::from_millis(10);

/// Members of a group that was killed are gone within microseconds, unless nobody waits for them: not waited for longer than this.
const LINGER: Duration = Duration::from_millis(100);

/// A child, its group, and what is known of both.
#[derive(Debug)]
pub(super) struct Child {
    pid: Pid,
    /// None where the system has none: then it is looked at every so often.
    pidfd: Option<OwnedFd>,
    fate: Mutex<Fate>,
    /// It has exited. Read without the lock; set under it.
    gone: AtomicBool,
    /// The watcher has told its pool so. Whoever sees an exit first sets `gone`; this the watcher alone.
    pub(super) told: AtomicBool,
    pub(super) stderr: Stderr,
    /// Why it was killed from here, if it was.
    pub(super) doom: OnceLock<Doom>,
    /// By which its pool hears of its end.
    pub(super) lifeline: OnceLock<Lifeline>,
    /// Bytes of its group without itself, as the watcher saw it last.
    pub(super) others_weigh: AtomicU64,
    pub(super) members: AtomicU32,
    /// Somebody asked for the weight since the watcher looked.
    pub(super) weight_wanted: AtomicBool,
    pub(super) limits: Limits,
    kills_before: Option<u64>,
}

/// What a group may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) processes: Option<u32>,
    pub(super) memory: Option<u64>,
    /// Above this a worker is replaced, not killed.
    pub(super) recycle_above: Option<u64>,
}

#[derive(Debug, Default)]
struct Fate {
    exit: Option<Exit>,
    reaped: bool,
    /// The last signal sent from here.
    sent: Option<Signal>,
}

impl Child {
    /// Takes over a child that nobody has waited for yet, and that leads its own group.
    pub(super) fn new(pid: Pid, stderr: Stderr, limits: Limits) -> Self {
        guardian::guard(pid.as_raw_nonzero().get());
        Self {
            pid,
            pidfd: pidfd(pid),
            fate: Mutex::default(),
            gone: AtomicBool::new(false),
            told: AtomicBool::new(false),
            stderr,
            doom: OnceLock::new(),
            lifeline: OnceLock::new(),
            others_weigh: AtomicU64::new(0),
            members: AtomicU32::new(1),
            weight_wanted: AtomicBool::new(false),
            limits,
            kills_before: out_of_memory_kills(),
        }
    }

    pub(super) fn number(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// What becomes readable when it exits.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// Whether it is known to have exited. No system call.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(SeqCst)
    }

    pub(super) fn is_reaped(&self) -> bool {
        self.fate.lock().reaped
    }

    /// How it exited, if it has. It stays to be waited for.
    pub(super) fn look(&self) -> Option<Exit> {
        self.look_at(&mut self.fate.lock())
    }

    fn look_at(&self, fate: &mut Fate) -> Option<Exit> {
        if fate.exit.is_some() {
            return fate.exit;
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let exit = loop {
            match waitid(WaitId::Pid(self.pid), options) {
                Ok(None) => return None,
                Ok(Some(status)) => {
                    break match (status.exit_status(), status.terminating_signal()) {
                        (Some(code), _) => Exit::Code(code),
                        (None, Some(number)) => self.killed_by(number, status.dumped(), fate),
                        (None, None) => return None,
                    };
                }
                Err(Errno::INTR) => {}
                // Somebody waited for it, or the program ignores SIGCHLD. Its number may be anybody's.
                Err(_) => {
                    fate.reaped = true;
                    break Exit::Unknown;
                }
            }
        };
        fate.exit = Some(exit);
        self.gone.store(true, SeqCst);
        Some(exit)
    }

    fn waits_to_be_reaped(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        matches!(waitid(WaitId::Pid(self.pid), options), Ok(_) | Err(Errno::INTR))
    }

    fn killed_by(&self, number: i32, dumped: bool, fate: &Fate) -> Exit {
        if fate.sent.is_some_and(|signal| signal.as_raw() == number) {
            return Exit::Ended { number };
        }
        let more_kills = self.kills_before.zip(out_of_memory_kills()).is_some_and(|(before, now)| now > before);
        if number == Signal::KILL.as_raw() && more_kills {
            return Exit::LikelyOutOfMemory;
        }
        Exit::Signal { number, dumped }
    }

    /// Sends a signal to the whole group, unless the child has been waited for. True if it went out.
    pub(super) fn signal(&self, signal: Signal) -> bool {
        self.signal_under(&mut self.fate.lock(), signal)
    }

    fn signal_under(&self, fate: &mut Fate, signal: Signal) -> bool {
        if fate.reaped {
            return false;
        }
        if self.look_at(fate).is_none() {
            fate.sent = Some(signal);
        } else if !fate.reaped && !self.waits_to_be_reaped() {
            // Somebody else has waited for it since its exit was seen. Its number may be anybody's.
            fate.reaped = true;
        }
        if fate.reaped {
            return false;
        }
        let went_to_group = kill_process_group(self.pid, signal).is_ok();
        // Who has joined another group is not reached so. Twice it does no harm to be killed; anything else is sent once.
        let has_left = signal == Signal::KILL || getpgid(Some(self.pid)) != Ok(self.pid);
        let went_to_child = has_left && kill_process(self.pid, signal).is_ok();
        went_to_group || went_to_child
    }

    /// Kills the whole group, for a reason that errors tell, unless the child has exited for one of its own.
    pub(super) fn doom(&self, doom: Doom) {
        let mut fate = self.fate.lock();
        if self.look_at(&mut fate).is_none() {
            // Before the signal: who sees the exit finds the reason.
            let _ = self.doom.set(doom);
        }
        self.signal_under(&mut fate, Signal::KILL);
    }

    /// Waits until the child has exited, at most until `deadline`; without one, for as long as it takes.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Option<Exit> {
        loop {
            if let Some(exit) = self.look() {
                return Some(exit);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            match self.source() {
                Some(source) => {
                    let left = left.map(timespec);
                    let _ = poll(&mut [PollFd::new(&source, PollFlags::IN)], left.as_ref());
                }
                None => std::thread::sleep(left.map_or(LOOK, |left| left.min(LOOK))),
            }
        }
    }

    /// Waits for the exit, kills what is left of the group, and takes the child out of the system's table. Afterwards its number and
    /// its group's may be anybody's.
    pub(super) fn reap(&self) -> Exit {
        let exit = self.wait(None).unwrap_or(Exit::Unknown);
        // The child is dead and not yet waited for, so the group is its own. A group is killed as one: no member can start another that
        // would escape.
        self.signal(Signal::KILL);
        guardian::forget(self.number());
        let mut fate = self.fate.lock();
        while !fate.reaped {
            match waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED) {
                Err(Errno::INTR) => {}
                _ => fate.reaped = true,
            }
        }
        drop(fate);
        self.wait_for_members();
        exit
    }

    /// Waits until nobody of the group is left, for a moment. Sends nothing: the number may be anybody's.
    fn wait_for_members(&self) {
        let until = Instant::now() + LINGER;
        let mut pause = Duration::from_micros(50);
        while test_kill_process_group(self.pid).is_ok() && Instant::now() < until {
            // Where this process takes in orphans, as the first one of a container does, nobody else waits for them.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            while matches!(waitid(WaitId::Pgid(Some(self.pid)), options), Ok(Some(_))) {}
            std::thread::sleep(pause);
            pause = (2 * pause).min(LOOK);
        }
    }

    /// Bytes of its group.
    pub(super) fn weight(&self) -> u64 {
        if !self.weight_wanted.swap(true, Relaxed) {
            super::watch::ring();
        }
        super::group::weight_of(self.number()).unwrap_or(0) + self.others_weigh.load(Relaxed)
    }
}

pub(super) fn timespec(span: Duration) -> Timespec {
    let nanos = i64::from(span.subsec_nanos());
    Timespec { tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX), tv_nsec: nanos as _ }
}

#[cfg(target_os = "linux")]
fn pidfd(pid: Pid) -> Option<OwnedFd> {
    // Close-on-exec by itself. The child is not waited for yet, so the number is its own.
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_: Pid) -> Option<OwnedFd> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    /// A shell that leads its own group and runs `script`, once as the system has it and once without a pidfd.
    fn each_way(script: &str, test: impl Fn(&Child, &mut std::process::Child)) {
        for has_pidfd in [true, false] {
            let mut command = Command::new("sh");
            command.args(["-c", script]).process_group(0).stderr(Stdio::piped());
            let mut shell = command.spawn().unwrap();
            let stderr = Stderr::new(shell.stderr.take().unwrap().into(), 100).unwrap();
            let pid = Pid::from_raw(shell.id().cast_signed()).unwrap();
            let mut child = Child::new(pid, stderr, Limits::default());
            if !has_pidfd {
                child.pidfd = None;
            }
            test(&child, &mut shell);
            child.reap();
        }
    }

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_secs(10))
    }

    #[test]
    fn an_exit_is_seen_before_anybody_waits_for_it() {
        each_way("echo words >&2; exit 3", |child, _| {
            assert_eq!(child.wait(soon()), Some(Exit::Code(3)));
            assert!(child.is_gone() && !child.is_reaped());
            assert_eq!(child.stderr.words().as_str(), "words\n");
            assert_eq!(child.reap(), Exit::Code(3));
            assert!(child.is_reaped());
        });
    }

    #[test]
    fn waiting_ends_in_time_and_a_signal_from_here_is_told_from_others() {
        each_way("exec sleep 60", |child, _| {
            assert_eq!(child.wait(Some(Instant::now() + Duration::from_millis(30))), None);
            assert!(!child.is_gone() && child.signal(Signal::TERM));
            assert_eq!(child.wait(soon()), Some(Exit::Ended { number: 15 }));
        });
        each_way("kill -s KILL $$", |child, _| {
            assert!(matches!(child.wait(soon()), Some(Exit::Signal { number: 9, .. } | Exit::LikelyOutOfMemory)));
        });
    }

    /// Promise: a child can be ended wherever it has gone. Provoked: it joins its parent's group, which leaves its own empty.
    #[test]
    fn a_child_that_has_joined_another_group_is_signalled_all_the_same() {
        let joins =
            "import os; os.setpgid(0, os.getpgid(os.getppid())); os.write(2, b'joined'); import time; time.sleep(60)";
        if Command::new("python3").arg("--version").output().is_err() {
            return eprintln!("SKIPPED for want of python3: joining another group");
        }
        for signal in [Signal::TERM, Signal::KILL] {
            each_way(&format!("exec python3 -c \"{joins}\""), |child, _| {
                let until = soon();
                while child.stderr.words().as_str() != "joined" {
                    assert!(Some(Instant::now()) < until, "{}", child.stderr.words());
                    std::thread::yield_now();
                }
                assert!(child.signal(signal));
                assert_eq!(child.wait(soon()), Some(Exit::Ended { number: signal.as_raw() }));
            });
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_that_is_dead_already_was_not_doomed() {
        each_way("exit 0", |child, _| {
            // Not seen by anybody here yet.
            let until = soon();
            while state_of(child) != Some('Z') {
                assert!(Some(Instant::now()) < until);
                std::thread::yield_now();
            }
            child.doom(Doom::TooManyProcesses { seen: 2, limit: 1 });
            assert_eq!((child.look(), child.doom.get()), (Some(Exit::Code(0)), None));
        });
    }

    #[cfg(target_os = "linux")]
    fn state_of(child: &Child) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.number())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    #[test]
    fn after_the_wait_no_signal_goes_out() {
        each_way("exit 0", |child, _| {
            assert_eq!(child.reap(), Exit::Code(0));
            assert!(!child.signal(Signal::KILL));
            child.doom(Doom::TooManyProcesses { seen: 2, limit: 1 });
            assert_eq!(child.reap(), Exit::Code(0), "again, for who asks twice");
        });
    }

    #[test]
    fn a_child_that_somebody_else_waited_for_is_nobody_to_signal() {
        each_way("exit 5", |child, shell| {
            shell.wait().unwrap();
            assert!(!child.signal(Signal::KILL));
            assert_eq!(child.look(), Some(Exit::Unknown));
            assert_eq!(child.reap(), Exit::Unknown);
        });
    }

    /// Promise: the same if it was seen dead before. Provoked: its number may be another's by now, so nothing is sent to it.
    #[test]
    fn a_child_that_somebody_else_waited_for_once_it_was_seen_dead_is_nobody_to_signal() {
        each_way("exit 5", |child, shell| {
            assert_eq!(child.wait(soon()), Some(Exit::Code(5)));
            shell.wait().unwrap();
            assert!(!child.is_reaped() && !child.signal(Signal::KILL) && child.is_reaped());
            assert_eq!(child.reap(), Exit::Code(5));
        });
    }

    #[test]
    fn what_is_left_of_the_group_goes_with_its_leader() {
        each_way("sleep 60 & exit 0", |child, _| {
            assert_eq!(child.wait(soon()), Some(Exit::Code(0)));
            assert!(test_kill_process_group(child.pid).is_ok(), "the other one is there");
            child.reap();
            // Init waits for it when it gets to it: a dead one may be left, and none that runs.
            let alive = super::super::group::look(|group| group == child.number());
            assert!(alive.is_empty(), "{alive:?}");
        });
    }
}
