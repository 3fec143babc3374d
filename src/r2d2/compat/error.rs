//! What goes wrong, as r2d2 has it: one type for all of it.

use crate::error::{BuildError, CheckoutError};
use std::error;
use std::fmt;
use std::time::Duration;

/// Why there was no connection, or no pool.
///
/// Under [`Rules::short_errors`](super::Rules::short_errors) the text is r2d2's; else it says who holds the connections and what to do
/// next. `source()` is this crate's error, whose own source is the manager's.
#[derive(Debug)]
pub struct Error {
    what: What,
    is_short: bool,
    /// What `is_valid` said of the last connection that was tested and not lent.
    tested: Option<String>,
}

#[derive(Debug)]
enum What {
    Checkout(CheckoutError),
    Build(BuildError),
    /// Some were made, not all.
    Incomplete {
        ready: usize,
        asked: usize,
        waited: Duration,
        cause: CheckoutCause,
    },
    /// All that could be had were unfit.
    Unfit {
        waited: Duration,
    },
    /// No thread for the event handler.
    Thread(std::io::Error),
}

type CheckoutCause = Option<crate::error::SharedError>;

impl Error {
    fn new(what: What, is_short: bool) -> Self {
        Self { what, is_short, tested: None }
    }

    pub(super) fn checkout(error: CheckoutError, is_short: bool) -> Self {
        Self::new(What::Checkout(error), is_short)
    }

    pub(super) fn build(error: BuildError, is_short: bool) -> Self {
        Self::new(What::Build(error), is_short)
    }

    pub(super) fn incomplete(
        (ready, asked): (usize, usize),
        waited: Duration,
        cause: CheckoutCause,
        is_short: bool,
    ) -> Self {
        Self::new(What::Incomplete { ready, asked, waited, cause }, is_short)
    }

    pub(super) fn unfit(waited: Duration, is_short: bool) -> Self {
        Self::new(What::Unfit { waited }, is_short)
    }

    pub(super) fn thread(error: std::io::Error) -> Self {
        Self::new(What::Thread(error), false)
    }

    pub(super) fn after_test(self, tested: Option<String>) -> Self {
        Self { tested, ..self }
    }

    /// The manager's error, or what stands for it.
    fn cause(&self) -> Option<String> {
        let deepest = match &self.what {
            What::Checkout(error) => error::Error::source(error).map(ToString::to_string),
            What::Build(error) => error::Error::source(error).map(ToString::to_string),
            What::Incomplete { cause, .. } => cause.as_ref().map(ToString::to_string),
            What::Unfit { .. } | What::Thread(_) => None,
        };
        deepest.or_else(|| self.tested.clone())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_refused_setting = matches!(self.what, What::Build(BuildError::Config(_) | BuildError::Thread { .. }));
        if self.is_short && !is_refused_setting {
            f.write_str("timed out waiting for connection")?;
            return self.cause().map_or(Ok(()), |cause| write!(f, ": {cause}"));
        }
        match &self.what {
            What::Checkout(error) => error.fmt(f)?,
            What::Build(error) => error.fmt(f)?,
            What::Incomplete { ready, asked, waited, cause } => {
                write!(f, "only {ready} of {asked} connections were ready after {waited:.1?}")?;
                if let Some(cause) = cause {
                    write!(f, "; the last that failed: {cause}")?;
                }
                f.write_str("; mend that, raise connection_timeout, or lower min_idle")?;
            }
            What::Unfit { waited } => {
                write!(f, "each connection that could be had within {waited:.1?} failed its test; see to the server")?;
            }
            What::Thread(error) => {
                write!(f, "no thread for the event handler: {error}; run fewer threads, or set synchronous_events")?;
            }
        }
        match &self.tested {
            Some(tested) => write!(f, "; the last connection tested failed: {tested}"),
            None => Ok(()),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.what {
            What::Checkout(error) => Some(error),
            What::Build(error) => Some(error),
            What::Incomplete { cause, .. } => cause.as_deref().map(|cause| cause as _),
            What::Unfit { .. } => None,
            What::Thread(error) => Some(error),
        }
    }
}
