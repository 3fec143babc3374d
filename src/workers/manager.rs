//! What workers are told about the resources of their threads.

use crate::manager::{Manager, ReturnOutcome, Severity};
use crate::pool::Lifeline;
use std::error::Error;

/// [`Manager`] for resources that cannot leave the thread that made them: `Resource` need not be `Send`.
///
/// Every callback runs on the thread that owns the resource, `create` first and `destroy` last, one at a time for each resource; several
/// threads call at once, each for its own. What each is for, and what a panic in it costs, is said at [`Manager`]. Every `Manager`, and
/// so every closure `Fn() -> Result<R, E>` whose `R` is `Send`, is one of these too.
///
/// ```
/// use slackwater::{LocalManager, Workers};
/// use std::{cell::Cell, convert::Infallible, rc::Rc};
///
/// struct Counters;
///
/// impl LocalManager for Counters {
///     type Resource = Rc<Cell<u32>>;
///     type Error = Infallible;
///
///     fn create(&self) -> Result<Rc<Cell<u32>>, Infallible> {
///         Ok(Rc::default())
///     }
/// }
///
/// let workers = Workers::builder(Counters).build()?;
/// for count in 1..4 {
///     let counted = workers.submit(|counter| {
///         counter.set(counter.get() + 1);
///         counter.get()
///     })?;
///     assert_eq!(counted.wait()?, count);
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait LocalManager: Send + Sync + 'static {
    /// What each thread owns. It never leaves that thread.
    type Resource: 'static;

    /// What can go wrong. Turned into a boxed error on the thread where it happened, so it need not be `Send` itself.
    type Error: Into<Box<dyn Error + Send + Sync + 'static>>;

    /// As with [`Manager`].
    #[doc(hidden)]
    const CHECKS: bool = true;

    /// As with [`Manager`].
    #[doc(hidden)]
    const WEIGHS: bool = true;

    /// Makes the resource of a new thread, on that thread.
    ///
    /// # Errors
    /// Whatever prevented it; [`classify`](Self::classify) tells whether trying again can help. The thread ends.
    fn create(&self) -> Result<Self::Resource, Self::Error>;

    /// As [`Manager::warm`].
    ///
    /// # Errors
    /// As [`create`](Self::create): the resource is destroyed, the creation counts as failed.
    fn warm(&self, resource: &mut Self::Resource) -> Result<(), Self::Error> {
        let _ = resource;
        Ok(())
    }

    /// As [`Manager::lifeline`].
    fn lifeline(&self, resource: &mut Self::Resource, lifeline: Lifeline) {
        let _ = (resource, lifeline);
    }

    /// As [`Manager::check`]. The worker takes no job meanwhile.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, resource: &mut Self::Resource) -> Result<(), Self::Error> {
        let _ = resource;
        Ok(())
    }

    /// As [`Manager::is_broken`]: asked after every job.
    fn is_broken(&self, resource: &mut Self::Resource) -> bool {
        let _ = resource;
        false
    }

    /// As [`Manager::recycle`]: called after every job.
    fn recycle(&self, resource: &mut Self::Resource) -> ReturnOutcome {
        let _ = resource;
        ReturnOutcome::Healthy
    }

    /// As [`Manager::destroy`]. The thread ends after it.
    fn destroy(&self, resource: Self::Resource) {
        drop(resource);
    }

    /// As [`Manager::weight`].
    fn weight(&self, resource: &Self::Resource) -> u64 {
        let _ = resource;
        0
    }

    /// As [`Manager::classify`].
    fn classify(&self, error: &Self::Error) -> Severity {
        let _ = error;
        Severity::Transient
    }
}

impl<M: Manager> LocalManager for M {
    type Resource = M::Resource;
    type Error = M::Error;
    const CHECKS: bool = M::CHECKS;
    const WEIGHS: bool = M::WEIGHS;

    fn create(&self) -> Result<M::Resource, M::Error> {
        Manager::create(self)
    }

    fn warm(&self, resource: &mut M::Resource) -> Result<(), M::Error> {
        Manager::warm(self, resource)
    }

    fn lifeline(&self, resource: &mut M::Resource, lifeline: Lifeline) {
        Manager::lifeline(self, resource, lifeline);
    }

    fn check(&self, resource: &mut M::Resource) -> Result<(), M::Error> {
        Manager::check(self, resource)
    }

    fn is_broken(&self, resource: &mut M::Resource) -> bool {
        Manager::is_broken(self, resource)
    }

    fn recycle(&self, resource: &mut M::Resource) -> ReturnOutcome {
        Manager::recycle(self, resource)
    }

    fn destroy(&self, resource: M::Resource) {
        Manager::destroy(self, resource);
    }

    fn weight(&self, resource: &M::Resource) -> u64 {
        Manager::weight(self, resource)
    }

    fn classify(&self, error: &M::Error) -> Severity {
        Manager::classify(self, error)
    }
}
