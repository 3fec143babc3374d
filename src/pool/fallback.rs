//! Fallback: another resource where the pool has none.

use super::Request;
use super::checkout::Patient;
use crate::error::CheckoutError;
use crate::guard::Lent;
use crate::manager::Manager;
use crate::observe::{Line, PoolEvent, kind};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

impl<'p, M: Manager> Request<'p, M> {
    /// Does not wait: as [`Pool::try_checkout`](crate::Pool::try_checkout), with a priority of no consequence.
    pub fn no_wait(mut self) -> Self {
        self.ask.patient = Patient::Never;
        self
    }

    /// Checks out, and has `fallback` make a resource of its own if the pool has none: one without what makes the pool's
    /// dear, or an older answer, so that the caller can go on with less.
    ///
    /// The pool does not know what `fallback` makes: it is never lent to anybody else, counts for no limit, and its own drop
    /// ends it. Each is counted in [`Stats::fallbacks`](crate::Stats::fallbacks) and told as
    /// [`PoolEvent::FellBack`](crate::PoolEvent::FellBack), after the event of the error that is its cause.
    ///
    /// ```
    /// use slackwater::{CheckoutError, Lent, Pool};
    ///
    /// let parsers = Pool::builder(|| Ok::<_, String>("thorough")).build()?;
    /// let quick = |cause: &CheckoutError| {
    ///     eprintln!("parsing quickly: {cause}");
    ///     "quick"
    /// };
    ///
    /// let first = parsers.request().no_wait().or_else(quick)?;
    /// assert_eq!(*first, "thorough");
    /// let second = parsers.request().no_wait().or_else(quick)?;
    /// assert_eq!(*second, "quick");
    ///
    /// assert!(matches!(second, Lent::Fallback(_)));
    /// assert_eq!(parsers.stats().fallbacks, 1);
    /// # drop((first, second));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Blocking
    /// As [`Pool::checkout`](crate::Pool::checkout), unless [`no_wait`](Self::no_wait) is asked for.
    ///
    /// # Errors
    /// [`Closed`](CheckoutError::Closed) and [`WouldDeadlock`](CheckoutError::WouldDeadlock), which are the program's own doing:
    /// a fallback would hide them.
    ///
    /// # Panics
    /// If `fallback` panics, with its panic.
    #[track_caller]
    pub fn or_else(self, fallback: impl FnOnce(&CheckoutError) -> M::Resource) -> Result<Lent<'p, M>, CheckoutError> {
        let cause = match self.pool.ask(|| self.ask, Location::caller()) {
            Ok(checkout) => return Ok(Lent::Pooled(checkout)),
            Err(error @ (CheckoutError::Closed(_) | CheckoutError::WouldDeadlock(_))) => return Err(error),
            Err(cause) => cause,
        };
        let inner = &self.pool.inner;
        let made = catch_unwind(AssertUnwindSafe(|| fallback(&cause)));
        if made.is_ok() {
            inner.counts.fallbacks.add_one();
            inner.subscribers.journal.note(Line::FellBack(kind(&cause)));
            inner.subscribers.tell_subscribers(|| PoolEvent::FellBack { cause: cause.clone() });
        }
        // It may hold an error of the manager's, whose drop may panic: neither what was made nor another panic may meet it.
        inner.let_go(cause);
        match made {
            Ok(resource) => Ok(Lent::Fallback(resource)),
            Err(panic) => resume_unwind(panic),
        }
    }
}
