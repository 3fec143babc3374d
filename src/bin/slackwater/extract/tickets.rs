//! What was found, on its way to the workers: in batches, and large files before small ones where nobody asked for an order.
//!
//! A large file that is found last would hold up the end of a run by its own time, with one thread at work and the others without. So the
//! walk goes on while the workers have enough to do, and what it finds meanwhile waits in the lobby, the largest in front. A worker that finds
//! nothing handed on looks there itself: the walk may be at a folder, a list or an archive that takes its time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crossbeam_channel::Sender;
use parking_lot::Mutex;

use super::Run;
use super::input::{Finder, Source};
use crate::run::budget::{Budget, Share};
use crate::run::files::{Done, key};

/// Pages are handed on in batches: waking a thread for each made 50 000 to 75 000 context switches over the 48 000 pages of the
/// reference input, batches make 11 000, and the run is some 4 % shorter. A run starts with single pages, so that a few pages
/// use all threads, and grows its batches by one every so many pages, up to the limit.
const BATCH: u64 = 16;
const BATCH_GROWS_EVERY: u64 = 64;

/// Bytes of files after which a batch is large enough: it is one thread's.
const BATCH_BYTES: u64 = 256 << 10;

/// Bytes of files handed on and not begun that are enough for the workers: what a full channel has of ordinary pages.
const ENOUGH_BYTES: u64 = 16 << 20;

/// Files that wait at most, some megabytes of names. Ordinary ones take half a second, in which the largest page that is allowed by default
/// is done.
const LOOK_AHEAD: usize = 16_384;
/// Bytes of their names, at most: a list may have long ones.
const LOOK_AHEAD_BYTES: usize = 8 << 20;

/// Bytes of pages out of archives that wait for a worker. The walker reads these itself, as nobody else can in the midst of a
/// stream; files are only named, and read by who extracts them. Some hundred pages are enough to keep all threads busy.
const WAITING_BYTES: usize = 24 << 20;

/// A page, how many were handed on before it, and what it holds of the memory for those that wait.
pub type Ticket = (u64, Source, Option<Share>);

/// Pages for one worker.
pub struct Batch {
    tickets: Vec<Ticket>,
    bytes: u64,
    queued: Arc<AtomicU64>,
}

impl Batch {
    /// A worker begins with it.
    pub fn begin(mut self) -> Vec<Ticket> {
        mem::take(&mut self.tickets)
    }
}

impl Drop for Batch {
    /// Begun, or dropped with the queue of a run that ends: then whoever walks is to find that out.
    fn drop(&mut self) {
        self.queued.fetch_sub(self.bytes, Relaxed);
    }
}

/// Files that were found and not handed on. The largest is the first to go, and of equal ones the one found first.
#[derive(Default)]
pub struct Lobby {
    files: Mutex<Files>,
    handed_on: AtomicU64,
}

#[derive(Default)]
struct Files {
    /// Size, how manieth it was found, name, and whether it is unpacked.
    by_size: BinaryHeap<(u64, Reverse<u64>, PathBuf, bool)>,
    /// Bytes of the names.
    name_bytes: usize,
}

impl Lobby {
    /// A page for who has nothing else to do.
    pub fn take(&self) -> Option<Ticket> {
        let (source, _) = self.largest(|_| true)?;
        Some((self.number(), source, None))
    }

    /// The number of the next page that is handed on.
    fn number(&self) -> u64 {
        self.handed_on.fetch_add(1, Relaxed)
    }

    fn add(&self, bytes: u64, number: u64, path: PathBuf, packed: bool) {
        let mut files = self.files.lock();
        files.name_bytes += path.as_os_str().len();
        files.by_size.push((bytes, Reverse(number), path, packed));
    }

    /// The largest file and its size, if there are such as `wanted` wants them.
    fn largest(&self, wanted: impl FnOnce(&Files) -> bool) -> Option<(Source, u64)> {
        let mut files = self.files.lock();
        let (bytes, _, path, packed) = if wanted(&files) { files.by_size.pop()? } else { return None };
        files.name_bytes -= path.as_os_str().len();
        Some((Source::File(path, packed), bytes))
    }
}

impl Files {
    fn are_too_many(&self) -> bool {
        self.by_size.len() > LOOK_AHEAD || self.name_bytes > LOOK_AHEAD_BYTES
    }
}

pub struct Tickets<'a> {
    found: u64,
    batch: Vec<Ticket>,
    batch_bytes: u64,
    /// Bytes of files that no worker has begun with.
    queued: Arc<AtomicU64>,
    lobby: &'a Lobby,
    in_order: bool,
    budget: Arc<Budget>,
    run: &'a Run,
    done: Done,
    to_workers: Sender<Batch>,
}

impl<'a> Tickets<'a> {
    /// Tickets for the pages that no earlier run has `done`; in the order in which they are found if `in_order`.
    pub fn new(run: &'a Run, done: Done, lobby: &'a Lobby, in_order: bool, to_workers: Sender<Batch>) -> Self {
        Self {
            found: 0,
            batch: Vec::new(),
            batch_bytes: 0,
            queued: Arc::default(),
            lobby,
            in_order,
            budget: Budget::new(WAITING_BYTES),
            run,
            done,
            to_workers,
        }
    }

    /// Hands on what is left. `complete` says that the walk came to its end. Fails if the input is not that of the run that is gone on with.
    pub fn end(mut self, complete: bool) -> Result<(), String> {
        // Nobody to take it is the end of a run whose output was closed, or that was interrupted.
        let _ = self.hand_on_waiting(true) && self.send();
        if complete { self.done.end() } else { Ok(()) }
    }

    fn send(&mut self) -> bool {
        let (tickets, bytes) = (mem::take(&mut self.batch), mem::take(&mut self.batch_bytes));
        if tickets.is_empty() {
            return true;
        }
        self.queued.fetch_add(bytes, Relaxed);
        self.to_workers.send(Batch { tickets, bytes, queued: Arc::clone(&self.queued) }).is_ok()
    }

    fn push(&mut self, source: Source, bytes: u64, share: Option<Share>) -> bool {
        let number = self.lobby.number();
        self.batch.push((number, source, share));
        self.batch_bytes += bytes;
        let enough = (1 + number / BATCH_GROWS_EVERY).min(BATCH);
        (self.batch.len() as u64) < enough && self.batch_bytes < BATCH_BYTES || self.send()
    }

    fn workers_have_enough(&self) -> bool {
        self.to_workers.is_full() || self.queued.load(Relaxed) >= ENOUGH_BYTES
    }

    /// Hands on files out of the lobby until the workers have enough; with `all`, every one.
    fn hand_on_waiting(&mut self, all: bool) -> bool {
        loop {
            let enough = !all && self.workers_have_enough();
            let Some((source, bytes)) = self.lobby.largest(|files| !enough || files.are_too_many()) else {
                return true;
            };
            if !self.push(source, bytes, None) {
                return false;
            }
        }
    }
}

impl Finder for Tickets<'_> {
    fn found(&mut self, source: Source) -> bool {
        match self.done.next(|| key(source.name())) {
            Ok(false) => {}
            Ok(true) => return true,
            Err(changed) => return self.run.refuse(changed),
        }
        self.found += 1;
        self.run.found.store(self.found, Relaxed);
        let source = match source {
            Source::File(path, packed) if !self.in_order => {
                // What cannot be looked at is told by who opens it.
                let bytes = path.metadata().map_or(0, |about| about.len());
                self.lobby.add(bytes, self.found, path, packed);
                return self.hand_on_waiting(false);
            }
            source => source,
        };
        let weight = source.weight();
        let share = match self.budget.try_take(weight) {
            Some(share) => share,
            // What waits here would never be given back.
            None if !self.send() => return false,
            None => self.budget.take(weight),
        };
        self.push(source, 0, Some(share))
    }

    fn skipped(&mut self) {
        self.run.skipped.fetch_add(1, Relaxed);
    }

    fn waits(&mut self) -> bool {
        self.hand_on_waiting(false) && self.send()
    }
}
