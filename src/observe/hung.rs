//! Background jobs that hang.

use std::fmt;
use std::time::Duration;

/// What a background job does. Each kind has a timeout of its own among the pool's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobKind {
    /// Makes a resource: `create` and `warm`. See [`create_timeout`](crate::Builder::create_timeout).
    Create,
    /// Checks a resource: `check`. See [`check_timeout`](crate::Builder::check_timeout).
    Check,
    /// Ends a resource: `destroy`. See [`destroy_timeout`](crate::Builder::destroy_timeout).
    Destroy,
}

impl JobKind {
    /// Every kind, those first that go first.
    pub const ALL: [JobKind; 3] = [JobKind::Create, JobKind::Check, JobKind::Destroy];
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JobKind::Create => "create",
            JobKind::Check => "check",
            JobKind::Destroy => "destroy",
        })
    }
}

/// A background job that has run for longer than its timeout and still does. It costs its slot and one thread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HungJob {
    /// What it does.
    pub kind: JobKind,
    /// The place of its slot in the pool, from 0. `None` if it hangs before it has one, or has given it back.
    pub slot: Option<usize>,
    /// For how long it has run.
    pub running_for: Duration,
}

impl fmt::Display for HungJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a background {}", self.kind)?;
        if let Some(slot) = self.slot {
            write!(f, " in slot {slot}")?;
        }
        write!(f, " has run for {:.1?}", self.running_for)
    }
}
