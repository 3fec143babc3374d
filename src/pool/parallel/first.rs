//! The resources of a parallel call: the one it begins with, and those that are to be had without waiting.

use crate::core::Lease;
use crate::error::CheckoutError;
use crate::guard::Checkout;
use crate::manager::Manager;
use crate::pool::Pool;
use crate::pool::checkout::{Ask, Meanwhile, Patient};
use rayon::Yield;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::Arc;

/// A resource, if one is to be had at once. If not, nobody was refused: somebody else does the work.
pub(super) fn at_once<'p, M: Manager>(pool: &'p Pool<M>, site: &'static Location<'static>) -> Option<Checkout<'p, M>> {
    Lease::try_new(&*pool.inner, |inner| inner.claim_untold(site)).map(Checkout::new).ok()
}

/// The resource to begin with.
pub(super) fn checkout<'p, M: Manager>(
    pool: &'p Pool<M>,
    site: &'static Location<'static>,
) -> Result<Checkout<'p, M>, CheckoutError> {
    if Below::count(pool) >= pool.inner.capacity() {
        let at_once = Lease::try_new(&*pool.inner, |inner| inner.claim_untold(site)).map(Checkout::new);
        match at_once {
            Ok(resource) => return Ok(resource),
            // Nobody but the frames below this one could give any back.
            Err(CheckoutError::Exhausted(_)) => {
                let error = pool.inner.would_deadlock();
                pool.inner.waited_in_vain(0);
                pool.inner.refused(&error);
                return Err(error);
            }
            Err(_) => {}
        }
    }
    pool.ask(|| Ask::new(Patient::Default).meanwhile(meanwhile()), site)
}

/// Waits of one thread on top of each other: the work that one of them does meanwhile may wait too, and each takes its part of
/// the stack. Beyond so many a thread sleeps while it waits.
const DEEPEST: usize = 16;

/// What a wait on this thread is to do meanwhile. Those who hold the resources may need what rayon's threads have to do; for any
/// other thread nothing of rayon's waits.
fn meanwhile() -> Option<Meanwhile> {
    let may = rayon::current_thread_index().is_some() && WAITS.get() < DEEPEST;
    may.then_some(|| {
        let _depth = Depth(WAITS.replace(WAITS.get() + 1));
        rayon::yield_now() == Some(Yield::Executed)
    })
}

/// The waits below what this thread does meanwhile.
struct Depth(usize);

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
