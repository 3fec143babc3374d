//! The watcher: one thread for all workers of the program, asleep until one of them exits, writes to stderr, or is to be weighed.
//!
//! ```text
//! Watcher: W1 sees the exit, sets `gone`   W2 tells the pool, which ends the resource if it is free
//! Return:  R1 reads `gone` in is_broken    R2 opens the slot
//! ```
//! Lost if R1 reads before W1, and the pool looks (W2) while the slot is still busy: then R2 would offer a dead worker to everybody. So
//! the pool keeps what it was told and looks again every 10 ms until the resource has ended, whoever ends it.

use super::child::Child;
use super::exit::Doom;
use super::group::{self, Group};
use crate::error::let_go;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use super::child::{LOOK, timespec};

/// How often groups are weighed and counted while a limit asks for it.
const WEIGH: Duration = Duration::from_secs(1);

/// How often it is looked whether the system starts processes by the dozen, while a limit on their number asks for it.
const GLANCE: Duration = Duration::from_millis(100);

/// So many processes started since the last glance, anywhere, are worth a look at whose they are.
const DOZENS: u32 = 32;

struct Watcher {
    /// Workers that came since the watcher looked.
    new: Vec<Arc<Child>>,
    /// Where to write to wake it.
    bell: Option<OwnedFd>,
}

static WATCHER: Mutex<Watcher> = Mutex::new(Watcher { new: Vec::new(), bell: None });

/// Has a worker watched until it is reaped. Starts the thread if there is none.
pub(super) fn watch(child: &Arc<Child>) -> io::Result<()> {
    let mut watcher = WATCHER.lock();
    if watcher.bell.is_none() {
        let (rings, bell) = io::pipe()?;
        rustix::io::ioctl_fionbio(&rings, true)?;
        rustix::io::ioctl_fionbio(&bell, true)?;
        thread::Builder::new().name("process-watcher".to_owned()).spawn(move || Rounds::new(rings.into()).walk())?;
        watcher.bell = Some(bell.into());
    }
    watcher.new.push(Arc::clone(child));
    ring_at(&watcher);
    Ok(())
}

/// Has the watcher look at its workers again: one has been reaped.
pub(super) fn ring() {
    ring_at(&WATCHER.lock());
}

fn ring_at(watcher: &Watcher) {
    if let Some(bell) = &watcher.bell {
        // A pipe that is full has rung.
        let _ = rustix::io::write(bell, &[0]);
    }
}

/// What the watcher's thread knows.
struct Rounds {
    rings: OwnedFd,
    children: Vec<Arc<Child>>,
    weighed: Instant,
    last_started: Option<u32>,
}

impl Rounds {
    fn new(rings: OwnedFd) -> Self {
        Self { rings, children: Vec::new(), weighed: Instant::now(), last_started: None }
    }

    fn walk(mut self) {
        loop {
            // There is no other thread to do this. What a pool calls when it is told may be the user's.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.round())) {
                let_go(payload);
            }
        }
    }

    fn round(&mut self) {
        self.sleep();
        let mut rung = [0; 64];
        while rustix::io::read(&self.rings, &mut rung).is_ok_and(|n| n == rung.len()) {}
        self.children.append(&mut WATCHER.lock().new);
        self.children.retain(|child| !child.is_reaped());
        self.weigh();
    }

    /// Sleeps until something happens, reads what was written, and tells of who has exited.
    fn sleep(&self) {
        let mut sources = vec![PollFd::new(&self.rings, PollFlags::IN)];
        // Whose each source is, and whether it is its stderr.
        let mut whose = Vec::new();
        let exits: Vec<_> = self.children.iter().map(|child| child.source().filter(|_| !is_told(child))).collect();
        let errors: Vec<_> = self.children.iter().map(|child| child.stderr.source()).collect();
        for (index, (exit, error)) in exits.iter().zip(&errors).enumerate() {
            if let Some(exit) = exit {
                sources.push(PollFd::new(exit, PollFlags::IN));
                whose.push((index, false));
            }
            if let Some(error) = error {
                sources.push(PollFd::new(error, PollFlags::IN));
                whose.push((index, true));
            }
        }
        let span = self.until_next_look().map(timespec);
        let _ = poll(&mut sources, span.as_ref());
        let ready = sources.iter().skip(1).zip(whose).filter(|(source, _)| !source.revents().is_empty());
        for (_, (index, is_stderr)) in ready {
            if is_stderr {
                self.children[index].stderr.drain();
            } else {
                tell_if_gone(&self.children[index]);
            }
        }
        for child in self.children.iter().filter(|child| child.source().is_none() && !is_told(child)) {
            tell_if_gone(child);
        }
    }

    fn until_next_look(&self) -> Option<Duration> {
        let alive = || self.children.iter().filter(|child| !child.is_gone());
        let looks = self.children.iter().any(|child| child.source().is_none() && !is_told(child)).then_some(LOOK);
        let glance = alive().any(|child| child.limits.processes.is_some()).then_some(GLANCE);
        let weigh = alive().any(|child| is_weighed(child)).then(|| WEIGH.saturating_sub(self.weighed.elapsed()));
        looks.into_iter().chain(glance).chain(weigh).min()
    }

    /// Weighs and counts the groups, if it is time.
    fn weigh(&mut self) {
        self.glance();
        let due = self.weighed.elapsed() >= WEIGH && self.children.iter().any(|child| is_weighed(child));
        if !due {
            return;
        }
        self.weighed = Instant::now();
        let mut numbers: Vec<_> = self.children.iter().map(|child| child.number()).collect();
        numbers.sort_unstable();
        let groups = group::look(|group| numbers.binary_search(&group).is_ok());
        for child in &self.children {
            if let Some(group) = groups.get(&child.number()).filter(|_| !child.is_reaped()) {
                judge(child, *group);
            }
        }
    }

    /// Kills a group that has started processes by the dozen since the last glance. Costs a small read, if nobody has.
    fn glance(&mut self) {
        let limited: Vec<_> =
            self.children.iter().filter(|child| child.limits.processes.is_some() && !child.is_gone()).collect();
        if limited.is_empty() {
            self.last_started = None;
            return;
        }
        let now = group::last_started();
        let before = std::mem::replace(&mut self.last_started, now);
        let Some((before, now)) = before.zip(now).filter(|(before, now)| *now >= before.saturating_add(DOZENS)) else {
            return;
        };
        let of = |group: i32| limited.iter().find(|child| child.number() == group);
        if let Some((group, seen)) = group::crowded(before + 1, now, |group| of(group)?.limits.processes)
            && let Some(child) = of(group)
            && let Some(limit) = child.limits.processes
        {
            child.doom(Doom::TooManyProcesses { seen, limit });
        }
    }
}

fn is_weighed(child: &Child) -> bool {
    let limits = &child.limits;
    let limited = limits.memory.is_some() || limits.recycle_above.is_some() || limits.processes.is_some();
    !child.is_gone() && (limited || child.weight_wanted.load(Relaxed))
}

fn is_told(child: &Child) -> bool {
    child.told.load(Relaxed)
}

/// Tells the pool of an exit, whoever saw it first.
fn tell_if_gone(child: &Child) {
    if child.look().is_none() {
        return;
    }
    child.told.store(true, Relaxed);
    // One that has none yet is told of by who gives it one, and looks after that.
    if let Some(lifeline) = child.lifeline.get() {
        lifeline.ended();
    }
}

/// What follows from what a group has.
fn judge(child: &Child, group: Group) {
    child.weight_wanted.store(false, Relaxed);
    child.others_weigh.store(group.weight.saturating_sub(group::weight_of(child.number()).unwrap_or(0)), Relaxed);
    child.members.store(group.members, Relaxed);
    let limits = &child.limits;
    if let Some(limit) = limits.processes.filter(|limit| group.members > *limit) {
        child.doom(Doom::TooManyProcesses { seen: group.members, limit });
    } else if let Some(limit) = limits.memory.filter(|limit| group.weight > *limit) {
        child.doom(Doom::TooMuchMemory { seen: group.weight, limit });
    } else if limits.recycle_above.is_some_and(|limit| group.weight > limit)
        && let Some(lifeline) = child.lifeline.get()
    {
        lifeline.replace();
    }
}

#[cfg(test)]
mod tests {
    use super::super::child::Limits;
    use super::super::stderr::Stderr;
    use super::*;
    use crate::observe::DestroyReason;
    use crate::{Lifeline, Manager, Pool};
    use rustix::process::Pid;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    /// A manager that keeps the lifeline of its first resource.
    #[derive(Clone, Default)]
    struct Watched(Arc<Mutex<Option<Lifeline>>>);

    impl Manager for Watched {
        type Resource = ();
        type Error = std::convert::Infallible;

        fn create(&self) -> Result<(), Self::Error> {
            Ok(())
        }

        fn lifeline(&self, (): &mut (), lifeline: Lifeline) {
            self.0.lock().get_or_insert(lifeline);
        }
    }

    /// Promise: the pool hears of every death. Provoked: somebody else has seen it before the watcher looks.
    #[test]
    #[expect(clippy::zombie_processes, reason = "`Child::reap` waits for it")]
    fn a_death_that_somebody_else_saw_first_is_told_all_the_same() {
        let watched = Watched::default();
        let pool = Pool::builder(watched.clone()).build().unwrap();
        let mut shell = Command::new("sh");
        let mut shell = shell.args(["-c", "exit 0"]).process_group(0).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = Stderr::new(shell.stderr.take().unwrap().into(), 100).unwrap();
        let pid = Pid::from_raw(shell.id().cast_signed()).unwrap();
        let child = Arc::new(Child::new(pid, stderr, Limits::default()));
        let _ = child.lifeline.set(watched.0.lock().take().unwrap());
        assert!(child.wait(Some(Instant::now() + Duration::from_secs(10))).is_some() && child.is_gone());
        let (rings, bell) = io::pipe().unwrap();
        let rounds = Rounds { children: vec![Arc::clone(&child)], ..Rounds::new(rings.into()) };
        let began = Instant::now();
        while pool.stats().destroyed.by(DestroyReason::Broken) == 0 {
            assert!(began.elapsed() < Duration::from_secs(10));
            if !is_told(&child) {
                // It does not sleep for ever, whatever it waits for.
                rustix::io::write(&bell, &[0]).unwrap();
                rounds.sleep();
            }
            thread::yield_now();
        }
        child.reap();
        assert!(pool.close(Duration::from_secs(10)).is_complete());
    }
}
