//! What a manager's error is to the pool.

use crate::manager::Severity;
use std::error::Error;
use std::fmt;

/// An error of a [`ManageConnection`](super::ManageConnection), and whether trying again can help. Of [`Adapter::failure`](super::Adapter::failure).
///
/// r2d2's managers may have errors that stay on their thread. The pool's are told to all who wait, on theirs. So what is kept is the
/// error itself if [`Adapter::whole`](super::Adapter::whole) could promise that it may travel, else what it says: its text, its
/// `Debug` text, and the same of all its sources.
#[derive(Debug)]
pub struct Failure {
    pub(super) error: Box<dyn Error + Send + Sync>,
    pub(super) severity: Severity,
}

impl Failure {
    /// Whether trying again can help.
    pub fn severity(&self) -> Severity {
        self.severity
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

// Not an error itself, or it would stand between the pool's error and the manager's.
impl From<Failure> for Box<dyn Error + Send + Sync> {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// What an error says.
struct Said {
    text: String,
    debug: String,
    source: Option<Box<Said>>,
}

/// Sources that are kept: a chain that is longer says nothing more, or has no end.
const MOST_SOURCES: usize = 16;

pub(super) fn said(error: &(dyn Error + 'static)) -> Box<dyn Error + Send + Sync> {
    Box::new(Said::of(error, MOST_SOURCES))
}

impl Said {
    fn of(error: &(dyn Error + 'static), most: usize) -> Self {
        let source = error.source().filter(|_| most > 0).map(|source| Box::new(Self::of(source, most - 1)));
        Self { text: error.to_string(), debug: format!("{error:?}"), source }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.debug)
    }
}

impl Error for Said {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
