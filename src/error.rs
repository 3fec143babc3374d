//! What can go wrong, with cause, numbers and remedy.

mod session;
mod shed;

pub use session::SessionBusy;
pub use shed::{Shed, ShedReason};

use crate::manager::Severity;
use crate::observe::{Holder, Transition};
use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// An error of the user's own making, kept whole and shared by everyone it concerns.
pub type SharedError = Arc<dyn Error + Send + Sync + 'static>;

/// Why a checkout gave no resource.
///
/// The text is one an operator can act on; the values behind it are in each variant. An error of the manager's comes back
/// whole through [`source`](Error::source) and can be downcast there.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// No resource came within the time allowed.
    #[error(transparent)]
    Timeout(Box<Timeout>),
    /// Nothing was free at once, and the caller did not want to wait.
    #[error(transparent)]
    Exhausted(Exhausted),
    /// The queue of waiters is full (`max_waiters`), so this caller was refused at once.
    #[error(transparent)]
    Saturated(Box<Saturated>),
    /// Others wait already, and this caller was refused lest it wait for too long: only with
    /// [`codel`](crate::Builder::codel) or [`refuse_unservable`](crate::Builder::refuse_unservable).
    #[error(transparent)]
    Shed(Box<Shed>),
    /// Every resource is held by a thread that waits for another one of the same pool, this caller included.
    #[error(transparent)]
    WouldDeadlock(Box<WouldDeadlock>),
    /// The resource that the caller's session is bound to is in use, and the caller takes no other
    /// ([`SessionMode`](crate::SessionMode)): at once, or after waiting for as long as it may.
    #[error(transparent)]
    SessionBusy(Box<SessionBusy>),
    /// No resource could be created, and none is alive that could be waited for.
    #[error(transparent)]
    Create(Box<CreateError>),
    /// Creations failed lately, so that none is tried for now, and no resource is alive that could be waited for.
    #[error(transparent)]
    CircuitOpen(Box<CircuitOpen>),
    /// The pool is closed, or was closed while the caller waited.
    #[error(transparent)]
    Closed(Box<Closed>),
}

impl CheckoutError {
    /// Whether the same call may succeed later without anyone changing anything: true for timeouts, exhaustion,
    /// saturation, shedding, a session's resource in use, an open circuit and transient creation failures.
    pub fn is_retryable(&self) -> bool {
        match self {
            CheckoutError::Timeout(_)
            | CheckoutError::Exhausted(_)
            | CheckoutError::Saturated(_)
            | CheckoutError::Shed(_)
            | CheckoutError::CircuitOpen(_) => true,
            CheckoutError::Create(create) => create.retryable,
            CheckoutError::SessionBusy(busy) => !busy.deadlock,
            CheckoutError::WouldDeadlock(_) | CheckoutError::Closed(_) => false,
        }
    }

    /// When the same call may succeed, if the pool knows: once an open circuit lets the next creation through.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            CheckoutError::CircuitOpen(open) => Some(open.retry_after),
            _ => None,
        }
    }
}

/// What happened last, at the end of an error that is one line: `; lately: ..., ...`.
pub(crate) struct Lately<'a>(pub(crate) &'a [Transition]);

impl fmt::Display for Lately<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, transition) in self.0.iter().enumerate() {
            write!(f, "{}{transition}", if at == 0 { "; lately: " } else { ", " })?;
        }
        Ok(())
    }
}

/// The name of a pool in an error: `pool "css"`, or `the pool`.
struct Named<'a>(&'a Option<Arc<str>>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "pool \"{name}\""),
            None => f.write_str("the pool"),
        }
    }
}

/// See [`CheckoutError::Timeout`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Timeout {
    /// The pool's name.
    pub pool: Option<Arc<str>>,
    /// How long the caller waited.
    pub waited: Duration,
    /// Resources checked out when the wait ended.
    pub in_use: usize,
    /// Resources the pool may have at most, overflow included.
    pub capacity: usize,
    /// Threads in the queue when the wait ended, the caller included.
    pub waiting: usize,
    /// The caller's place in the queue, from 1.
    pub position: usize,
    /// Who has held a resource for longest.
    pub oldest: Option<Holder>,
    /// Whether every resource was held by a thread that waited here too: almost certainly a deadlock.
    pub deadlock: bool,
    /// The last creation that failed, if none has succeeded since.
    pub last_create: Option<SharedError>,
    /// What happened last in the pool, the oldest first: the end of its flight recorder.
    pub lately: Vec<Transition>,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timeout { waited, in_use, capacity, waiting, position, .. } = self;
        write!(f, "{}: no resource within {waited:.1?}: {in_use} of {capacity} in use, ", Named(&self.pool))?;
        write!(f, "{waiting} waiting, this caller was number {position}")?;
        if let Some(oldest) = &self.oldest {
            write!(f, "; held longest: {oldest}")?;
        }
        if let Some(cause) = &self.last_create {
            write!(f, "; the last creation failed: {cause}; mend that first")?;
        } else if self.deadlock {
            f.write_str("; every holder waits here for a second resource: check out one at a time per thread")?;
        } else {
            f.write_str("; raise max_size or checkout_timeout, or hold resources for less time")?;
        }
        write!(f, "{}", Lately(&self.lately))
    }
}

impl Error for Timeout {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.last_create.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// See [`CheckoutError::Exhausted`]. Small and without the pool's name, so that trying in vain allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exhausted {
    /// Resources checked out at that moment.
    pub in_use: u32,
    /// Resources being created at that moment.
    pub creating: u32,
    /// Resources the pool may have at most, overflow included.
    pub capacity: u32,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exhausted { in_use, creating, capacity } = self;
        write!(f, "nothing free at once: {in_use} of {capacity} in use")?;
        if *creating > 0 {
            write!(f, ", {creating} being created")?;
        }
        f.write_str("; wait with checkout(), or raise max_size or max_overflow")
    }
}

impl Error for Exhausted {}

/// See [`CheckoutError::Saturated`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Saturated {
    /// The pool's name.
    pub pool: Option<Arc<str>>,
    /// Threads in the queue.
    pub waiting: usize,
    /// The most the queue takes.
    pub max_waiters: usize,
}

impl fmt::Display for Saturated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Saturated { waiting, max_waiters, .. } = self;
        write!(f, "{}: {waiting} threads wait already, of {max_waiters} allowed; ", Named(&self.pool))?;
        f.write_str("shed load, or raise max_size or max_waiters")
    }
}

impl Error for Saturated {}

/// See [`CheckoutError::WouldDeadlock`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WouldDeadlock {
    /// The pool's name.
    pub pool: Option<Arc<str>>,
    /// Who holds what: every one of them waits here, or is the caller.
    pub holders: Vec<Holder>,
}

impl fmt::Display for WouldDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: waiting would never end, because every holder waits here for a second resource: ",
            Named(&self.pool)
        )?;
        for (at, holder) in self.holders.iter().enumerate() {
            write!(f, "{}{holder}", if at == 0 { "" } else { ", " })?;
        }
        f.write_str("; return the first resource before asking for another, or raise max_size")
    }
}

impl Error for WouldDeadlock {}

/// See [`CheckoutError::Create`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreateError {
    /// The pool's name.
    pub pool: Option<Arc<str>>,
    /// Attempts of the pool that failed in a row, this one included. Creations that failed at the same time are one.
    pub attempts: u32,
    /// How long the caller waited meanwhile.
    pub waited: Duration,
    /// Whether trying again can help: the manager classed the error as transient.
    pub retryable: bool,
    /// How the manager classed the error.
    pub severity: Severity,
    /// The manager's own error, whole; [`Panicked`] if it panicked.
    pub error: SharedError,
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CreateError { attempts, waited, error, .. } = self;
        let times = if *attempts == 1 { "attempt" } else { "attempts" };
        write!(f, "{}: could not create a resource ({attempts} {times}, {waited:.1?}): {error}; ", Named(&self.pool))?;
        f.write_str(if self.retryable { "try again once what it needs is back" } else { "mend the manager's settings" })
    }
}

impl Error for CreateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

/// See [`CheckoutError::CircuitOpen`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CircuitOpen {
    /// The pool's name.
    pub pool: Option<Arc<str>>,
    /// How long until the next creation is tried.
    pub retry_after: Duration,
    /// Failures since creation last worked.
    pub failures: u32,
    /// The last of them, whole: the manager's own error, or what the pool saw.
    pub error: Option<SharedError>,
}

impl fmt::Display for CircuitOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CircuitOpen { retry_after, failures, error, .. } = self;
        write!(f, "{}: the circuit is open", Named(&self.pool))?;
        match failures {
            0 => {}
            1 => f.write_str(" after a failure")?,
            more => write!(f, " after {more} failures")?,
        }
        f.write_str(" and no resource is alive")?;
        if let Some(error) = error {
            write!(f, ": {error}")?;
        }
        write!(f, "; mend that, creation is tried again in {retry_after:.1?}")
    }
}

impl Error for CircuitOpen {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.as_deref().map(|error| error as &(dyn Error + 'static))
    }
}

/// See [`CheckoutError::Closed`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Closed {
    /// The pool's name.
    pub pool: Option<Arc<str>>,
    /// The fatal error that closed it, if that was no decision of the program's.
    pub cause: Option<SharedError>,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is closed", Named(&self.pool))?;
        match &self.cause {
            Some(cause) => write!(f, " because of a fatal error: {cause}; mend that, and build a new one"),
            None => f.write_str("; build a new one to go on"),
        }
    }
}

impl Error for Closed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// A panic in one of the manager's callbacks, as an error. The resource it concerned is lost, its slot is not.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the manager's `{callback}` panicked: {message}")]
#[non_exhaustive]
pub struct Panicked {
    /// The callback's name.
    pub callback: &'static str,
    /// The panic's message, if it was text.
    pub message: Cow<'static, str>,
}

/// Why a pool could not be built.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting is out of range, or contradicts another.
    Config(ConfigError),
    /// Not one of the `min_idle` resources could be made before the pool was to be ready.
    WarmUp {
        /// The pool's name.
        pool: Option<Arc<str>>,
        /// What was tried. Its first failure is this error's `source()`.
        report: crate::WarmUpReport,
    },
    /// The operating system gave no thread for the keeper.
    Thread {
        /// The pool's name.
        pool: Option<Arc<str>>,
        /// The system's error.
        error: Arc<std::io::Error>,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Config(config) => config.fmt(f),
            BuildError::WarmUp { pool, report } => write!(f, "no resource could be made for {}: {report}", Named(pool)),
            BuildError::Thread { pool, error } => {
                write!(f, "could not start the keeper thread of {}: {error}; ", Named(pool))?;
                f.write_str("run fewer threads, or use Keeper::Manual")
            }
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BuildError::Config(_) => None,
            BuildError::WarmUp { report, .. } => report.first_failure.as_deref().map(|error| error as _),
            BuildError::Thread { error, .. } => Some(&**error),
        }
    }
}

impl From<ConfigError> for BuildError {
    fn from(error: ConfigError) -> Self {
        BuildError::Config(error)
    }
}

/// A setting that cannot be accepted. Nothing is repaired in silence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} = {value} is refused: {rule}")]
#[non_exhaustive]
pub struct ConfigError {
    /// The setting's name, as the builder's method is called.
    pub field: &'static str,
    /// The value it was given.
    pub value: String,
    /// What is allowed.
    pub rule: Cow<'static, str>,
}

/// Drops what holds an error of the user's, whose own drop is the user's code like any callback: its panic must not take
/// a slot, or a thread, with it.
pub(crate) fn dropped<T>(theirs: T) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| drop(theirs)))
}

/// What the queue of waiters tells those whose wait it ends.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    Closed,
    /// For those who wait for one resource: it has changed, and they are to look.
    LookAgain,
    Create {
        error: SharedError,
        attempts: u32,
        severity: Severity,
    },
    CircuitOpen(Box<CircuitOpen>),
}

/// As [`dropped`], for what no pool is there to count, and for what a panic carried, whose drop may panic too.
pub(crate) fn let_go<T>(theirs: T) {
    if let Err(payload) = dropped(theirs)
        && let Err(its) = dropped(payload)
    {
        std::mem::forget(its);
    }
}
