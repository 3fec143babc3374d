//! The resources of a parallel call: the one it begins with, and those that are to be had without waiting.

use crate::core::Lease;
use crate::error::CheckoutError;
use crate::guard::Checkout;
use crate::keeper::nanos;
use crate::manager::Manager;
use crate::pool::checkout::{Ask, Patient};
use crate::pool::{Pool, Priority};
use rayon::Yield;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// How long one of rayon's threads is parked before it looks again whether there is other work for it.
const NAP: u64 = 1_000_000;

/// A resource, if one is to be had at once. If not, nobody was refused: somebody else does the work.
pub(super) fn at_once<'p, M: Manager>(pool: &'p Pool<M>, site: &'static Location<'static>) -> Option<Checkout<'p, M>> {
    within(pool, site, Patient::Never).ok()
}

/// The resource to begin with.
pub(super) fn checkout<'p, M: Manager>(
    pool: &'p Pool<M>,
    site: &'static Location<'static>,
) -> Result<Checkout<'p, M>, CheckoutError> {
    if rayon::current_thread_index().is_none() {
        // Nothing of rayon's waits for this thread.
        return pool.ask(|| Ask { patient: Patient::Default, lane: Priority::Normal }, site);
    }
    wait(pool, site).inspect_err(|error| pool.inner.refused(error))
}

/// Waits on one of rayon's threads, which does other work meanwhile: those who hold the resources may need it done.
fn wait<'p, M: Manager>(pool: &'p Pool<M>, site: &'static Location<'static>) -> Result<Checkout<'p, M>, CheckoutError> {
    let depth = Depth::down();
    let began = pool.inner.now();
    let deadline = began.saturating_add(nanos(pool.inner.config().checkout_timeout));
    let mut found = within(pool, site, Patient::Never);
    loop {
        let left = deadline.saturating_sub(pool.inner.now());
        match found {
            // Nobody but the frames below this one could give any back.
            Err(CheckoutError::Exhausted(full)) if Below::count(pool) >= full.capacity as usize => {
                return Err(pool.inner.would_deadlock());
            }
            Err(CheckoutError::Exhausted(_)) => {}
            Err(CheckoutError::Timeout(_)) if left > 0 => {}
            Err(CheckoutError::Timeout(mut timeout)) => {
                timeout.waited = Duration::from_nanos(pool.inner.now().saturating_sub(began));
                return Err(CheckoutError::Timeout(timeout));
            }
            // What could not be created now may come back, which is for the queue to know.
            Err(CheckoutError::Create(failure)) if failure.retryable && left > 0 => {}
            found => return found,
        }
        found = match if depth.is_deep() { None } else { rayon::yield_now() } {
            Some(Yield::Executed) if left > 0 => within(pool, site, Patient::Never),
            _ => within(pool, site, Patient::For(left.min(NAP))),
        };
    }
}

fn within<'p, M: Manager>(
    pool: &'p Pool<M>,
    site: &'static Location<'static>,
    patient: Patient,
) -> Result<Checkout<'p, M>, CheckoutError> {
    Lease::try_new(&*pool.inner, |inner| inner.claim_untold(site, patient)).map(Checkout::new)
}

/// Waits of one thread on top of each other: the work that one of them does meanwhile may wait too, and each takes its part of
/// the stack. Beyond so many a thread sleeps while it waits.
const DEEPEST: usize = 16;

/// A wait of this thread.
struct Depth(usize);

impl Depth {
    fn down() -> Self {
        Self(WAITS.replace(WAITS.get() + 1))
    }

    fn is_deep(&self) -> bool {
        self.0 >= DEEPEST
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        WAITS.set(self.0);
    }
}

thread_local! {
    static WAITS: Cell<usize> = const { Cell::new(0) };
    /// The pools whose resources the frames of this thread's stack work with.
    static STACK: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// A frame that works with a resource of a pool, on the thread it was made on.
pub(super) struct Below(#[allow(dead_code, reason = "it must not move to another thread")] *const ());

impl Below {
    pub(super) fn new<M: Manager>(pool: &Pool<M>) -> Self {
        STACK.with_borrow_mut(|stack| stack.push(Arc::as_ptr(&pool.inner).addr()));
        Self(std::ptr::null())
    }

    /// How many of them this thread's stack has.
    pub(super) fn count<M: Manager>(pool: &Pool<M>) -> usize {
        let this = Arc::as_ptr(&pool.inner).addr();
        STACK.with_borrow(|stack| stack.iter().filter(|&&pool| pool == this).count())
    }
}

impl Drop for Below {
    fn drop(&mut self) {
        STACK.with_borrow_mut(Vec::pop);
    }
}
