//! A manager that does as it is told, and counts what it made.

use parking_lot::Mutex;
use r2d2::{HandleError, ManageConnection};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// What a manager was told to fail with.
#[derive(Debug)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the line is dead")
    }
}

impl std::error::Error for Refused {}

/// Counted for as long as it lives.
pub struct Line {
    pub number: usize,
    its: Arc<Told>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.number)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.its.alive.fetch_sub(1, SeqCst);
    }
}

/// The manager. Clones share everything, so that a test keeps one.
#[derive(Clone)]
pub struct Fake(pub Arc<Told>);

#[derive(Default)]
pub struct Told {
    /// Connects that fail, and those after which all do; none if it is 0.
    pub failures: AtomicUsize,
    pub most: AtomicUsize,
    /// The numbers of connections that `is_valid` finds unfit, and of those that are broken; and whether all are.
    pub unfit: Mutex<HashSet<usize>>,
    pub all_are_broken: AtomicBool,
    pub connects: AtomicUsize,
    pub made: AtomicUsize,
    pub alive: AtomicUsize,
    pub tests: AtomicUsize,
}

impl Fake {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// One whose connects fail from the `most`th on.
    pub fn at_most(most: usize) -> Self {
        let fake = Self::new();
        fake.0.most.store(most, SeqCst);
        fake
    }

    /// One whose first connects fail.
    pub fn failing(failures: usize) -> Self {
        let fake = Self::new();
        fake.0.failures.store(failures, SeqCst);
        fake
    }

    /// One whose connections do not outlive a use.
    pub fn broken() -> Self {
        let fake = Self::new();
        fake.0.all_are_broken.store(true, SeqCst);
        fake
    }

    pub fn alive(&self) -> usize {
        self.0.alive.load(SeqCst)
    }

    pub fn made(&self) -> usize {
        self.0.made.load(SeqCst)
    }

    pub fn connects(&self) -> usize {
        self.0.connects.load(SeqCst)
    }

    pub fn tests(&self) -> usize {
        self.0.tests.load(SeqCst)
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl ManageConnection for Fake {
    type Connection = Line;
    type Error = Refused;

    fn connect(&self) -> Result<Line, Refused> {
        let told = &self.0;
        told.connects.fetch_add(1, SeqCst);
        let fails = told.failures.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        let most = told.most.load(SeqCst);
        let take = |made| (most == 0 || made < most).then_some(made + 1);
        let number = if fails { None } else { told.made.fetch_update(SeqCst, SeqCst, take).ok() };
        let number = number.ok_or(Refused)? + 1;
        told.alive.fetch_add(1, SeqCst);
        Ok(Line { number, its: Arc::clone(told) })
    }

    fn is_valid(&self, line: &mut Line) -> Result<(), Refused> {
        self.0.tests.fetch_add(1, SeqCst);
        if self.0.unfit.lock().contains(&line.number) { Err(Refused) } else { Ok(()) }
    }

    fn has_broken(&self, _: &mut Line) -> bool {
        self.0.all_are_broken.load(SeqCst)
    }
}

/// Keeps what each error said.
#[derive(Clone, Debug, Default)]
pub struct Errors(pub Arc<Mutex<Vec<String>>>);

impl<E: std::error::Error> HandleError<E> for Errors {
    fn handle_error(&self, error: E) {
        self.0.lock().push(error.to_string());
    }
}
