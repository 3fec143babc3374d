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

use super::spawn;
use crate::observe::say;
use parking_lot::Mutex;
use rustix::fd::OwnedFd;
use rustix::net::{SendFlags, send};
use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

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

struct Guardian {
    /// The shell, and where it reads.
    shell: Option<(Child, OwnedFd)>,
    /// Those it is to know of.
    groups: BTreeSet<i32>,
    /// It cannot be had, which was said once.
    hopeless: bool,
}

static GUARDIAN: Mutex<Guardian> = Mutex::new(Guardian { shell: None, groups: BTreeSet::new(), hopeless: false });

/// Has the group killed if this process ends before it is [forgotten](forget).
pub(super) fn guard(group: i32) {
    let mut guardian = GUARDIAN.lock();
    guardian.groups.insert(group);
    let refused = guardian.tell('+', group).err().filter(|_| !guardian.hopeless);
    guardian.hopeless |= refused.is_some();
    drop(guardian);
    if let Some(error) = refused {
        let text =
            format_args!("what workers start is left over if this process is killed: no sh to see to it: {error}");
        say(log::Level::Warn, &"process", text);
    }
}

/// The group has been killed, and its number is about to be given back.
pub(super) fn forget(group: i32) {
    let mut guardian = GUARDIAN.lock();
    if guardian.groups.remove(&group) && guardian.shell.is_some() {
        // One that is gone is replaced by the next that has to know of something.
        let _ = guardian.tell('-', group);
    }
}

impl Guardian {
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
        if let Some((mut shell, _)) = self.shell.take() {
            let _ = shell.kill();
            let _ = shell.wait();
        }
        let (ours, theirs) = spawn::socket_pair()?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "slackwater-guardian"]).env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        let shell = command.spawn()?;
        for group in &self.groups {
            put(&ours, &format!("+ {group}\n"))?;
        }
        self.shell = Some((shell, ours));
        Ok(())
    }
}

/// Whole or not at all: it is short, and nobody else writes there.
fn put(channel: &OwnedFd, text: &str) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    #[cfg(not(target_os = "linux"))]
    let flags = SendFlags::DONTWAIT;
    let sent = send(channel, text.as_bytes(), flags)?;
    if sent == text.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

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
        let mut guardian = Guardian { shell: None, groups: BTreeSet::new(), hopeless: false };
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
        guardian.tell('+', groups[2]).unwrap();
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
}
