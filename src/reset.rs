//! Resources that look after themselves.

use crate::manager::{Manager, ReturnOutcome};
use std::fmt;
use std::marker::PhantomData;

/// A resource that knows how to be reset between two users, and whether it is fit for use. With [`Default`] it needs no manager of its
/// own: [`Resets`] is one.
///
/// ```
/// use slackwater::{Pool, Reset, Resets};
///
/// #[derive(Default)]
/// struct Page(Vec<u8>);
///
/// impl Reset for Page {
///     fn reset(&mut self) {
///         self.0.clear();
///     }
///
///     // One that has grown out of proportion is not kept.
///     fn is_healthy(&mut self) -> bool {
///         self.0.capacity() < 1 << 20
///     }
/// }
///
/// let pool = Pool::builder(Resets::<Page>::new()).max_size(2).build()?;
/// pool.checkout()?.0.extend(b"<p>left behind");
/// assert!(pool.checkout()?.0.is_empty());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait Reset {
    /// Makes it as its next user is to find it. Runs on the returning thread, after [`is_healthy`](Self::is_healthy).
    ///
    /// # Panics
    /// If it panics, the resource is destroyed, and the pool makes another when it needs one.
    fn reset(&mut self);

    /// Whether it is fit for use: asked at each return, where one that is not is destroyed, and by the checks of those that are free,
    /// as [`Manager::check`] is. It should be quick. Default: it is.
    fn is_healthy(&mut self) -> bool {
        true
    }
}

/// The manager of resources that are made by [`Default`] and look after themselves by [`Reset`].
pub struct Resets<T>(PhantomData<fn() -> T>);

impl<T> Resets<T> {
    /// A manager of `T`s.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Resets<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Resets<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resets")
    }
}

/// A resource said of itself that it is not fit for use: [`Reset::is_healthy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the resource says that it is not healthy; Reset::is_healthy of its type tells what that means")]
#[non_exhaustive]
pub struct Unhealthy;

impl<T: Default + Reset + Send + 'static> Manager for Resets<T> {
    type Resource = T;
    type Error = Unhealthy;
    const WEIGHS: bool = false;

    fn create(&self) -> Result<T, Unhealthy> {
        Ok(T::default())
    }

    fn check(&self, resource: &mut T) -> Result<(), Unhealthy> {
        if resource.is_healthy() { Ok(()) } else { Err(Unhealthy) }
    }

    fn is_broken(&self, resource: &mut T) -> bool {
        !resource.is_healthy()
    }

    fn recycle(&self, resource: &mut T) -> ReturnOutcome {
        resource.reset();
        ReturnOutcome::Healthy
    }
}
