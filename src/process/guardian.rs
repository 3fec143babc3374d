//! The guardian: one small process that outlives this one for a moment, to kill what it leaves behind.
//!
//! A worker hears of its parent's death from the system. What the worker has started does not: it would be left over if this process
//! were killed. So a shell reads, from a channel whose other end only this process has, which groups there are; when that ends, so has
//! this process, and the shell kills those that are left.
//!
//! ```text
//! Start:    S1 the child runs     S2 "+ group"
//! End:      E1 kill the group     E2 "- group"      E3 wait for the child, after which the number may be anybody's
//! ```
//! Death between S1 and S2 leaves what the child started within that moment; between E2 and E3 nothing, for all are killed. The shell
//! never has a number whose child was waited for by this process. Once this process is gone, init waits for its children, and a number
//! whose whole group is gone could be given away before the shell has read its end: numbers go round, so thousands of processes
//! would have to start in that millisecond.

use super::child::timespec;
use super::spawn;
use crate::observe::say;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
while read -r what group; do
    case $what in
        +) groups="$groups$group " ;;
        -) case $groups in *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;; esac ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
"#;

/// How long the shell may take to make room for what it is told, before it is replaced.
const PATIENCE: Duration = Duration::from_secs(1);

struct Guardian {
    /// Whose it is: a copy of this process that a fork has made has no business with the original's.
    process: u32,
    /// The shell, and where it reads. One that somebody kills is waited for when it is next told something.
    shell: Option<(Child, OwnedFd)>,
    /// Those it is to know of.
    groups: BTreeSet<i32>,
    /// It cannot be had, which was said once.
    hopeless: bool,
    /// It could not be had the last time, which was said.
    refused: bool,
}

static GUARDIAN: Mutex<Guardian> = Mutex::new(Guardian::new());

/// Has the group killed if this process ends before it is [forgotten](forget).
pub(super) fn guard(group: i32) {
    let mut guardian = GUARDIAN.lock();
    if !guardian.is_ours() {
        return;
    }
    guardian.groups.insert(group);
    let Err(error) = guardian.tell('+', group) else { return };
    let is_news = !std::mem::replace(&mut guardian.refused, true);
    drop(guardian);
    if is_news {
        let text = format_args!("what workers start is left over if this process is killed: no sh sees to it: {error}");
        say(log::Level::Warn, &"process", text);
    }
}

/// The group has been killed, and its number is about to be given back.
pub(super) fn forget(group: i32) {
    let mut guardian = GUARDIAN.lock();
    if guardian.is_ours() && guardian.groups.remove(&group) && guardian.shell.is_some() {
        // Without one, the next that has to know of something is told of all.
        let _ = guardian.tell('-', group);
    }
}

impl Guardian {
    const fn new() -> Self {
        Self { process: 0, shell: None, groups: BTreeSet::new(), hopeless: false, refused: false }
    }

    fn is_ours(&mut self) -> bool {
        let me = std::process::id();
        if self.process == 0 {
            self.process = me;
        }
        self.process == me
    }

    fn tell(&mut self, what: char, group: i32) -> io::Result<()> {
        if self.hopeless {
            return Ok(());
        }
        if let Some((_, channel)) = &self.shell
            && put(channel, &format!("{what} {group}\n")).is_ok()
        {
            return Ok(());
        }
        // It is gone, or there was none: the new one is told of all.
        if let Some((shell, channel)) = self.shell.take() {
            end(shell, channel);
        }
        let started = start(&mut shell(), &self.groups);
        // What the system lacks at the moment it may have at the next start.
        self.hopeless = started
            .as_ref()
            .is_err_and(|error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied));
        self.shell = Some(started?);
        self.refused = false;
        Ok(())
    }
}

fn shell() -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT, "slackwater-guardian"]).env_clear().current_dir("/");
    command
}

/// Starts a guardian that knows of `groups`.
fn start(command: &mut Command, groups: &BTreeSet<i32>) -> io::Result<(Child, OwnedFd)> {
    let (ours, theirs) = spawn::socket_pair()?;
    command.process_group(0).stdin(Stdio::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
    // It outlives this process, and would keep open for others whatever it has.
    spawn::close_all(command);
    let shell = command.spawn()?;
    let all: String = groups.iter().map(|group| format!("+ {group}\n")).collect();
    match put(&ours, &all) {
        Ok(()) => Ok((shell, ours)),
        Err(error) => {
            end(shell, ours);
            Err(error)
        }
    }
}

/// Ends a shell while its channel is open: one that read the end of it would kill those it knows of, who are alive.
fn end(mut shell: Child, channel: OwnedFd) {
    // Only while nobody has waited for it: after that its number may be anybody's.
    if matches!(shell.try_wait(), Ok(None)) {
        let _ = shell.kill();
        let _ = shell.wait();
    }
    drop(channel);
}

/// Hands `text` over. After an error some of it may have been.
fn put(channel: &OwnedFd, text: &str) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    #[cfg(not(target_os = "linux"))]
    let flags = SendFlags::DONTWAIT;
    let deadline = Instant::now() + PATIENCE;
    let mut left = text.as_bytes();
    while !left.is_empty() {
        match send(channel, left, flags) {
            Ok(n) => left = &left[n..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let span = deadline.saturating_duration_since(Instant::now());
                if span.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                let _ = poll(&mut [PollFd::new(channel, PollFlags::OUT)], Some(&timespec(span)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that no process has, on any system.
    const NOBODY: std::ops::Range<i32> = 1_000_000_000..1_000_040_000;

    fn sleeper() -> (Child, i32) {
        let sleeper = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let group = sleeper.id().cast_signed();
        (sleeper, group)
    }

    /// Whether it ended, within a time that is long enough.
    fn ends(sleeper: &mut Child) -> bool {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if sleeper.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    #[test]
    fn one_that_is_gone_is_replaced_by_one_that_knows_all_and_what_was_forgotten_is_left_alone() {
        let mut guardian = Guardian::new();
        let (mut sleepers, groups): (Vec<_>, Vec<_>) = (0..3).map(|_| sleeper()).unzip();
        for group in &groups[..2] {
            guardian.groups.insert(*group);
            guardian.tell('+', *group).unwrap();
        }
        let (shell, _) = guardian.shell.as_mut().unwrap();
        let first = shell.id();
        shell.kill().unwrap();
        shell.wait().unwrap();
        guardian.groups.insert(groups[2]);
        // A child that another test starts has the channel's other end too, between its fork and its program: told again, then.
        let began = Instant::now();
        while guardian.shell.as_ref().unwrap().0.id() == first && began.elapsed() < Duration::from_secs(10) {
            guardian.tell('+', groups[2]).unwrap();
        }
        assert_ne!(guardian.shell.as_ref().unwrap().0.id(), first);
        guardian.groups.remove(&groups[1]);
        guardian.tell('-', groups[1]).unwrap();
        // As if this process ended.
        let (mut shell, channel) = guardian.shell.take().unwrap();
        drop(channel);
        assert!(shell.wait().is_ok());
        assert!(ends(&mut sleepers[0]) && ends(&mut sleepers[2]));
        assert!(sleepers[1].try_wait().unwrap().is_none());
        sleepers[1].kill().unwrap();
        sleepers[1].wait().unwrap();
    }

    /// Promise: one that is replaced kills nobody, however many it has to be told of. Provoked: more than its channel holds at once.
    #[test]
    fn one_that_is_told_of_very_many_has_them_all_and_nobody_is_killed_meanwhile() {
        let mut guardian = Guardian::new();
        let (mut sleeper, group) = sleeper();
        guardian.groups.extend(NOBODY.take(5_000));
        guardian.groups.insert(group);
        guardian.tell('+', group).unwrap();
        let (shell, channel) = guardian.shell.take().unwrap();
        end(shell, channel);
        assert!(sleeper.try_wait().unwrap().is_none());
        guardian.tell('+', group).unwrap();
        let (mut shell, channel) = guardian.shell.take().unwrap();
        assert!(sleeper.try_wait().unwrap().is_none());
        drop(channel);
        assert!(ends(&mut sleeper));
        assert!(shell.wait().is_ok());
    }

    /// Promise: one that cannot be told of all is ended before it sees the end of its channel. Provoked: it reads nothing.
    #[test]
    fn one_that_cannot_be_told_of_all_is_ended() {
        let note = std::env::temp_dir().join(format!("slackwater-guardian-{}", std::process::id()));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo $$ > \"$0\"; exec sleep 60"]).arg(&note);
        assert_eq!(start(&mut command, &NOBODY.collect()).unwrap_err().kind(), io::ErrorKind::TimedOut);
        // On a busy machine it may have been ended before it came to its note.
        let pid = std::fs::read_to_string(&note).ok().and_then(|text| text.trim().parse().ok());
        let _ = std::fs::remove_file(&note);
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            assert_eq!(rustix::process::test_kill_process(pid), Err(Errno::SRCH));
        }
    }

    #[test]
    fn a_copy_of_this_process_tells_nothing_to_the_guardian_of_the_original() {
        let mut guardian = Guardian::new();
        assert!(guardian.is_ours() && guardian.is_ours());
        guardian.process = std::process::id() + 1;
        assert!(!guardian.is_ours());
    }
}
