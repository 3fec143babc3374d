//! What a pool is told about its resources.

use crate::observe::ResourceId;
use crate::pool::{Attendant, Inner, Lifeline};
use std::error::Error;
use std::fmt;
use std::sync::Weak;

/// Makes, checks, resets and ends the resources of a pool.
///
/// **You** allow calls from several threads at once, each on another resource; keep [`is_broken`](Self::is_broken) free of
/// I/O, because it runs at every return; and give [`create`](Self::create) a deadline of its own if it can hang.
///
/// **The pool** calls nothing under a lock, ends each resource exactly once and never while it is checked out, and goes on
/// working after your errors, panics and hangs: a panic in any callback costs that one resource, one in the drop of an
/// error nothing, a hang one slot and one helper thread, all counted in [`Stats`](crate::Stats).
///
/// The life of a resource: `create`, `warm`, then any number of uses, each followed by `is_broken` and `recycle`; `check`
/// when it is suspect; `destroy`.
///
/// A closure `Fn() -> Result<R, E>` is a manager too, with the defaults for everything but `create`; settings that are about
/// checks or weights are refused with one.
///
/// ```
/// use slackwater::{Manager, ReturnOutcome};
///
/// struct Buffers;
///
/// impl Manager for Buffers {
///     type Resource = Vec<u8>;
///     type Error = std::convert::Infallible;
///
///     fn create(&self) -> Result<Vec<u8>, Self::Error> {
///         Ok(Vec::with_capacity(64 * 1024))
///     }
///
///     fn recycle(&self, buffer: &mut Vec<u8>) -> ReturnOutcome {
///         buffer.clear();
///         ReturnOutcome::Healthy
///     }
/// }
/// ```
pub trait Manager: Send + Sync + 'static {
    /// What is lent. It need not be `Sync`: one thread has it at a time.
    type Resource: Send + 'static;

    /// What can go wrong. Any error type, and `String` or `Box<dyn Error + Send + Sync>`; it comes back whole through
    /// [`CheckoutError`](crate::CheckoutError)'s `source()`.
    type Error: Into<Box<dyn Error + Send + Sync + 'static>>;

    /// Whether [`check`](Self::check) does anything, so that the keeper need not wake for it.
    #[doc(hidden)]
    const CHECKS: bool = true;

    /// Whether [`weight`](Self::weight) says anything, so that settings that rely on it are not set in vain.
    #[doc(hidden)]
    const WEIGHS: bool = true;

    /// Whether ending a resource waits for something, so that no return does it on its own thread, however fast it was lately.
    #[doc(hidden)]
    const ENDS_SLOWLY: bool = false;

    /// Makes a new resource. May take its time: the pool calls it where nobody else waits for it.
    ///
    /// # Errors
    /// Whatever prevented it; [`classify`](Self::classify) tells whether trying again can help.
    fn create(&self) -> Result<Self::Resource, Self::Error>;

    /// Prepares a new resource before its first use, out of everyone's sight. Default: nothing.
    ///
    /// # Errors
    /// As [`create`](Self::create): the resource is destroyed, the creation counts as failed.
    fn warm(&self, resource: &mut Self::Resource) -> Result<(), Self::Error> {
        let _ = resource;
        Ok(())
    }

    /// Hears by which handle the pool can be told of this resource's end at any time, once, before its first use. For resources that
    /// something watches, and that can die while they are free. Default: lets go of it.
    fn lifeline(&self, resource: &mut Self::Resource, lifeline: Lifeline) {
        let _ = (resource, lifeline);
    }

    /// Tells whether a resource is fit for use. May do I/O: runs in the background, except with
    /// [`Keeper::Manual`](crate::Keeper::Manual), where [`tick`](crate::Pool::tick) runs it, or the checkout that needs it.
    /// Default: it is.
    ///
    /// # Errors
    /// What is wrong with it. After one failure the resource is degraded (lent only as a last resort), after three in a
    /// row it is destroyed.
    fn check(&self, resource: &mut Self::Resource) -> Result<(), Self::Error> {
        let _ = resource;
        Ok(())
    }

    /// Tells quickly whether a returned resource is beyond use. Runs on the returning thread. Default: it is not.
    fn is_broken(&self, resource: &mut Self::Resource) -> bool {
        let _ = resource;
        false
    }

    /// Resets a returned resource for its next user and says what is to become of it. Runs on the returning thread.
    /// Default: nothing to reset, healthy.
    fn recycle(&self, resource: &mut Self::Resource) -> ReturnOutcome {
        let _ = resource;
        ReturnOutcome::Healthy
    }

    /// Ends a resource. Its slot is free for another only once this has returned. Default: drops it.
    fn destroy(&self, resource: Self::Resource) {
        drop(resource);
    }

    /// Whether who finds that a resource is to end, ends it there and then, however long that takes.
    #[doc(hidden)]
    fn ends_where_found(&self) -> bool {
        false
    }

    /// What a resource costs, in a unit of your choice (bytes, say). Asked after `warm`, and at every return if there is a
    /// [`memory_budget`](crate::Builder::memory_budget) or [`max_growth`](crate::Builder::max_growth); summed over living
    /// resources in [`Stats::weight`](crate::Stats::weight). More than 2^46 counts as 2^46, so that sums of many have room.
    /// Default: 0.
    fn weight(&self, resource: &Self::Resource) -> u64 {
        let _ = resource;
        0
    }

    /// Who keeps a queue of its own for these resources, which take what is in it by themselves.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn attendant(&self) -> Option<&dyn Attendant> {
        None
    }

    /// Hears where a new resource is about to be, before its first use.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn seated(&self, resource: &mut Self::Resource, pool: &Weak<Inner<Self>>, id: ResourceId)
    where
        Self: Sized,
    {
        let _ = (resource, pool, id);
    }

    /// Tells whether trying again can help after `error`. Default: [`Severity::Transient`].
    fn classify(&self, error: &Self::Error) -> Severity {
        let _ = error;
        Severity::Transient
    }
}

impl<F, R, E> Manager for F
where
    F: Fn() -> Result<R, E> + Send + Sync + 'static,
    R: Send + 'static,
    E: Into<Box<dyn Error + Send + Sync + 'static>>,
{
    type Resource = R;
    type Error = E;
    const CHECKS: bool = false;
    const WEIGHS: bool = false;

    fn create(&self) -> Result<R, E> {
        self()
    }
}

/// What is to become of a returned resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReturnOutcome {
    /// Fit for the next user.
    #[default]
    Healthy,
    /// Doubtful: [`Manager::check`] decides, in the background, before anyone else gets it.
    Suspect,
    /// Beyond use: destroyed, its slot freed for another.
    Broken,
    /// Still at work on the last user's behalf. Kept out of service and checked again, 8 times over about 2.5 s; back in
    /// service once a check passes, destroyed if none does.
    StillBusy,
}

/// Whether trying again can help. What follows from each is [`RecoveryTable`](crate::RecoveryTable)'s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// It can.
    #[default]
    Transient,
    /// It cannot: callers are told at once, a resource is destroyed.
    Permanent,
    /// Nothing the pool does can help any more: it closes.
    Fatal,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Transient => "transient",
            Severity::Permanent => "permanent",
            Severity::Fatal => "fatal",
        })
    }
}
