//! The pool's side of a worker: its resource is a seat, which stands for a thread.

use super::circle;
use super::desk::{Desk, hold, take_held, with_held};
use super::hall::Hall;
use super::manager::LocalManager;
use super::thread::{Place, Worker};
use crate::core::sync::around::AtomicU64;
use crate::core::sync::around::mpsc::sync_channel;
use crate::core::sync::around::thread::{Builder, JoinHandle};
use crate::manager::{Manager, ReturnOutcome, Severity};
use crate::observe::ResourceId;
use crate::pool::{Attendant, Inner, Lifeline};
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock, Weak};

type Boxed = Box<dyn Error + Send + Sync>;

/// The manager of the [`Workers`](crate::Workers)' pool: makes threads, each of which makes, checks, resets and ends its own resource with
/// the [`LocalManager`] of the program.
pub struct Threads<M: LocalManager> {
    pub(super) manager: Arc<M>,
    pub(super) hall: Arc<Hall<M::Resource>>,
    started: AtomicU64,
}

/// A worker's thread, as the pool has it. Checked out of [`Workers::pool`](crate::Workers::pool), it takes no jobs until it is given back.
pub struct Seat<M: LocalManager> {
    pub(super) desk: Arc<Desk>,
    pub(super) place: Arc<OnceLock<Place<M>>>,
    thread: Option<JoinHandle<()>>,
    manager: Arc<M>,
}

/// An error from a worker's thread: the manager's own, boxed there, and how it is classed.
pub struct ThreadError {
    error: Boxed,
    severity: Severity,
}

#[derive(Debug, thiserror::Error)]
#[error("no thread could be started: {0}; run fewer threads, or raise the system's limit")]
struct NoThread(#[source] io::Error);

#[derive(Debug, thiserror::Error)]
#[error("the worker's thread has ended; another takes its place")]
struct Gone;

impl ThreadError {
    fn of<M: LocalManager>(manager: &M, error: M::Error) -> Self {
        let severity = manager.classify(&error);
        Self { error: error.into(), severity }
    }

    fn from_us(error: impl Error + Send + Sync + 'static) -> Self {
        Self { error: Box::new(error), severity: Severity::Transient }
    }
}

impl From<ThreadError> for Boxed {
    fn from(error: ThreadError) -> Boxed {
        error.error
    }
}

impl fmt::Debug for ThreadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// A worker whose resource is being made. Whoever waits for that may wait for it too.
struct Unborn;

impl circle::Member for Unborn {
    fn may_wait(&self, _: &[ResourceId]) -> Result<ResourceId, usize> {
        Err(1)
    }

    fn gives_way(&self) {}
}

impl<M: LocalManager> Threads<M> {
    pub(super) fn new(manager: M, hall: Arc<Hall<M::Resource>>) -> Self {
        Self { manager: Arc::new(manager), hall, started: AtomicU64::new(0) }
    }

    /// The program's own manager.
    pub fn manager(&self) -> &M {
        &self.manager
    }
}

impl<M: LocalManager> Seat<M> {
    /// Runs `f` on the worker's thread, and waits for what it says.
    fn ask<T, F>(&self, f: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce(&M, &mut M::Resource) -> T + Send + 'static,
    {
        if self.desk.is_here() {
            return with_held(|resource| f(&self.manager, resource));
        }
        let manager = Arc::clone(&self.manager);
        self.ask_there(move || with_held(|resource| f(&manager, resource))).flatten()
    }

    fn ask_there<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = sync_channel(1);
        let letter = move || {
            let said = catch_unwind(AssertUnwindSafe(f));
            let _ = answer.send(said);
        };
        if !self.desk.post(Box::new(letter)) {
            return None;
        }
        match answered.recv() {
            Ok(Ok(said)) => Some(said),
            // The callback's panic is one of the thread that called it, as with any pool.
            Ok(Err(payload)) => resume_unwind(payload),
            Err(_) => None,
        }
    }

    /// Ends the resource on its thread, and the thread.
    fn end(mut self) {
        let desk = Arc::clone(&self.desk);
        let manager = Arc::clone(&self.manager);
        if self.desk.is_here() {
            return end_here(&*manager, &desk);
        }
        let thread = self.thread.take();
        let ended = catch_unwind(AssertUnwindSafe(|| self.ask_there(move || end_here(&*manager, &desk))));
        if let Some(thread) = thread {
            // It catches what it runs.
            let _ = thread.join();
        }
        if let Err(payload) = ended {
            resume_unwind(payload);
        }
    }
}

fn end_here<M: LocalManager>(manager: &M, desk: &Desk) {
    // Whatever becomes of the resource, the thread ends.
    desk.end();
    if let Some(resource) = take_held::<M::Resource>() {
        manager.destroy(resource);
    }
}

impl<M: LocalManager> Drop for Seat<M> {
    /// One that was taken out of its pool ends like any other; nobody waits for that.
    fn drop(&mut self) {
        if self.desk.is_ended() {
            return;
        }
        let (manager, desk) = (Arc::clone(&self.manager), Arc::clone(&self.desk));
        self.desk.post(Box::new(move || {
            let _ = catch_unwind(AssertUnwindSafe(|| end_here(&*manager, &desk)));
        }));
    }
}

impl<M: LocalManager> fmt::Debug for Seat<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("thread", &self.desk.number).finish_non_exhaustive()
    }
}

impl<M: LocalManager> Manager for Threads<M> {
    type Resource = Seat<M>;
    type Error = ThreadError;
    const CHECKS: bool = M::CHECKS;
    const WEIGHS: bool = M::WEIGHS;
    /// It waits for another thread.
    const ENDS_SLOWLY: bool = true;

    fn create(&self) -> Result<Seat<M>, ThreadError> {
        let number = self.started.fetch_add(1, Relaxed);
        let (made, is_made) = sync_channel(1);
        let (manager, hall, place) = (Arc::clone(&self.manager), Arc::clone(&self.hall), Arc::new(OnceLock::new()));
        let its_place = Arc::clone(&place);
        let run = move || {
            let desk = Desk::here();
            // Whoever waits in `create` for a job of these workers may wait for the worker that it is about to be.
            circle::enter(&hall.circle, Unborn);
            let make = || manager.create().map(hold).map_err(|error| ThreadError::of(&*manager, error));
            let outcome = catch_unwind(AssertUnwindSafe(make)).map(|outcome| outcome.map(|()| Arc::clone(&desk)));
            let is_there = matches!(outcome, Ok(Ok(_)));
            if made.send(outcome).is_ok() && is_there {
                drop((made, manager));
                Worker::new(desk, hall, its_place).run();
            }
        };
        let thread = Builder::new()
            .name(format!("{}-{number}", self.hall.name.get().map_or("worker", |name| &**name)))
            .spawn(run);
        let thread = thread.map_err(|error| ThreadError::from_us(NoThread(error)))?;
        match is_made.recv() {
            Ok(Ok(Ok(desk))) => Ok(Seat { desk, place, thread: Some(thread), manager: Arc::clone(&self.manager) }),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(payload)) => resume_unwind(payload),
            Err(_) => Err(ThreadError::from_us(Gone)),
        }
    }

    fn warm(&self, seat: &mut Seat<M>) -> Result<(), ThreadError> {
        let warm = |manager: &M, resource: &mut M::Resource| {
            manager.warm(resource).map_err(|error| ThreadError::of(manager, error))
        };
        seat.ask(warm).unwrap_or_else(|| Err(ThreadError::from_us(Gone)))
    }

    fn lifeline(&self, seat: &mut Seat<M>, lifeline: Lifeline) {
        seat.ask(|manager, resource| manager.lifeline(resource, lifeline));
    }

    #[allow(private_interfaces)]
    fn seated(&self, seat: &mut Seat<M>, pool: &Weak<Inner<Self>>, id: ResourceId) {
        self.hall.seat(id, &seat.desk);
        seat.place.get_or_init(|| Place { pool: Weak::clone(pool), id });
    }

    fn check(&self, seat: &mut Seat<M>) -> Result<(), ThreadError> {
        let check = |manager: &M, resource: &mut M::Resource| {
            manager.check(resource).map_err(|error| ThreadError::of(manager, error))
        };
        seat.ask(check).unwrap_or_else(|| Err(ThreadError::from_us(Gone)))
    }

    #[inline]
    fn is_broken(&self, seat: &mut Seat<M>) -> bool {
        seat.ask(|manager, resource| manager.is_broken(resource)).unwrap_or(true)
    }

    #[inline]
    fn recycle(&self, seat: &mut Seat<M>) -> ReturnOutcome {
        seat.ask(|manager, resource| manager.recycle(resource)).unwrap_or(ReturnOutcome::Broken)
    }

    fn destroy(&self, seat: Seat<M>) {
        seat.end();
    }

    fn weight(&self, seat: &Seat<M>) -> u64 {
        seat.ask(|manager, resource| manager.weight(resource)).unwrap_or(0)
    }

    fn classify(&self, error: &ThreadError) -> Severity {
        error.severity
    }

    #[allow(private_interfaces)]
    fn attendant(&self) -> Option<&dyn Attendant> {
        Some(&*self.hall)
    }
}
