//! The words of chaos: where it strikes, what it does, and what comes of it.

use crate::manager::Severity;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A callback of a [`Manager`](crate::Manager).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Callback {
    /// [`Manager::create`](crate::Manager::create).
    Create,
    /// [`Manager::warm`](crate::Manager::warm).
    Warm,
    /// [`Manager::check`](crate::Manager::check).
    Check,
    /// [`Manager::is_broken`](crate::Manager::is_broken). Failing, it says yes.
    IsBroken,
    /// [`Manager::recycle`](crate::Manager::recycle). Failing, it says [`Broken`](crate::ReturnOutcome::Broken).
    Recycle,
    /// [`Manager::destroy`](crate::Manager::destroy). It cannot fail.
    Destroy,
    /// [`Manager::weight`](crate::Manager::weight). It cannot fail.
    Weight,
    /// [`Manager::classify`](crate::Manager::classify). It cannot fail.
    Classify,
}

impl Callback {
    /// Every callback.
    pub const ALL: [Callback; 8] = [
        Callback::Create,
        Callback::Warm,
        Callback::Check,
        Callback::IsBroken,
        Callback::Recycle,
        Callback::Destroy,
        Callback::Weight,
        Callback::Classify,
    ];

    /// Whether it has a way to say that something failed.
    pub(super) fn can_fail(self) -> bool {
        !matches!(self, Callback::Destroy | Callback::Weight | Callback::Classify)
    }
}

impl fmt::Display for Callback {
    /// The method's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Callback::Create => "create",
            Callback::Warm => "warm",
            Callback::Check => "check",
            Callback::IsBroken => "is_broken",
            Callback::Recycle => "recycle",
            Callback::Destroy => "destroy",
            Callback::Weight => "weight",
            Callback::Classify => "classify",
        })
    }
}

/// What one call of a callback suffers. After a `Slow` or a released `Hang` it goes on as it would have without; a `Fail`
/// or a `Panic` comes in place of the manager's own callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It says that it failed, with [`Injected`] where it has an error to give.
    Fail,
    /// It takes this long. See [`Chaos::waits_on`](super::Chaos::waits_on) for whose time that is.
    Slow(Duration),
    /// It does not return before [`ChaosHandle::release_hung`](super::ChaosHandle::release_hung).
    Hang,
    /// It panics, with a text that names seed, callback and call.
    Panic,
}

/// Why a fault was injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The seed would have it so.
    Drawn,
    /// The test asked for it, by [`on`](super::Chaos::on), [`checks_of`](super::Chaos::checks_of) or
    /// [`checks_of_each`](super::Chaos::checks_of_each).
    Scripted,
    /// [`ChaosHandle::backend_down`](super::ChaosHandle::backend_down).
    BackendDown,
    /// The resource had died of [`die`](super::Chaos::die) or [`kill`](super::ChaosResource::kill).
    Dead,
}

/// A failure that was injected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("injected: call {call} of `{callback}` failed ({})", Why(.cause, *.seed))]
#[non_exhaustive]
pub struct Injected {
    /// Where.
    pub callback: Callback,
    /// Which call of that callback, from 1.
    pub call: u64,
    /// Why.
    pub cause: Cause,
    /// What [`Chaos::seeded`](super::Chaos::seeded) was given.
    pub seed: u64,
}

struct Why<'a>(&'a Cause, u64);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Cause::Drawn => write!(f, "seed {}", self.1),
            Cause::Scripted => f.write_str("as scripted"),
            Cause::BackendDown => f.write_str("the backend is down"),
            Cause::Dead => f.write_str("the resource is dead"),
        }
    }
}

/// The error of a [`ChaosManager`](super::ChaosManager): injected, or the wrapped manager's own.
///
/// It is no `Error` itself but becomes one, of the one kind or the other: so `source()` of a
/// [`CheckoutError`](crate::CheckoutError) can be downcast to [`Injected`], and to the manager's own type as without chaos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChaosError<E> {
    /// A fault.
    Injected(Injected),
    /// The manager failed all by itself.
    Own(E),
}

impl<E> ChaosError<E> {
    pub(super) fn severity(&self, injected: Severity, own: impl FnOnce(&E) -> Severity) -> Severity {
        match self {
            ChaosError::Injected(_) => injected,
            ChaosError::Own(error) => own(error),
        }
    }
}

impl<E> From<Injected> for ChaosError<E> {
    fn from(injected: Injected) -> Self {
        ChaosError::Injected(injected)
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<ChaosError<E>> for Box<dyn Error + Send + Sync> {
    fn from(error: ChaosError<E>) -> Self {
        match error {
            ChaosError::Injected(injected) => Box::new(injected),
            ChaosError::Own(error) => error.into(),
        }
    }
}
