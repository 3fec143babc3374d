//! A server that is started, killed, frozen and started again, on the same port and data.

use crate::until;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

/// A server of one test's own. Ends, with all its processes and data, when it is dropped.
pub struct Server {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) command: fn(&Path, u16) -> Command,
    pub(crate) answers: fn(u16) -> bool,
    child: Option<Child>,
}

impl Server {
    /// Starts one, and waits until it answers.
    pub(crate) fn started(folder: PathBuf, command: fn(&Path, u16) -> Command, answers: fn(u16) -> bool) -> Self {
        let mut server = Self { folder, port: free_port(), command, answers, child: None };
        server.restart();
        server
    }

    /// Its port on loopback, which stays the same.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it and all that it started, as a power cut would, and waits until nothing is left of it.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let workers = children(child.id());
        let _ = child.kill();
        let _ = child.wait();
        for worker in &workers {
            let _ = kill_process(*worker, Signal::KILL);
        }
        until("its processes end", || workers.iter().all(|worker| has_ended(*worker)));
        let _ = fs::remove_file(self.folder.join("pid"));
    }

    /// Starts it again, and waits until it answers.
    pub fn restart(&mut self) {
        self.kill();
        let log = fs::File::create(self.folder.join("log")).expect("its folder takes a log");
        let mut command = (self.command)(&self.folder, self.port);
        command.stdin(std::process::Stdio::null()).stdout(log.try_clone().expect("a file has two handles")).stderr(log);
        let child = self.child.insert(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let _ = fs::write(self.folder.join("pid"), child.id().to_string());
        let (port, answers, log) = (self.port, self.answers, self.folder.join("log"));
        until("the server answers", || {
            let ended = child.try_wait().expect("it is our child");
            assert!(ended.is_none(), "it ended: {}", fs::read_to_string(&log).unwrap_or_default());
            answers(port)
        });
    }

    /// Stops it and all that it started in mid-step: who is connected stays so, and hears nothing.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        let itself = Pid::from_raw(child.id() as i32);
        for process in itself.into_iter().chain(children(child.id())) {
            let _ = kill_process(process, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The processes that `parent` started.
fn children(parent: u32) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    // `1234 (name) S 1233 ...`, and a name may have anything in it.
    let parent_of = |number: &i32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    numbers.filter(|number| parent_of(number) == Some(parent)).filter_map(Pid::from_raw).collect()
}

/// Whether nothing of a process is left but, where nobody waits for it, its entry.
fn has_ended(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    test_kill_process(process).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

/// A port below those that the system gives to whoever connects: a client that connects again and again to a port that nobody listens
/// on would be given that port itself at last, and so be connected to itself.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 1_000) as u16 * 12;
    let ports = (0..12_000).map(|_| 12_000 + (first + NEXT.fetch_add(1, Relaxed)) % 12_000);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.into_iter().find(is_free).expect("some port is free")
}
