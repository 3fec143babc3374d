//! One page through one pooled extractor.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::{Exceeded, Missing, Values};
use crate::{CheckoutError, Manager, Pool};

/// What a pooled extractor does with a page.
pub trait Extractor {
    /// Adds what it finds in the page's text to `values`.
    ///
    /// May panic: [`extract_page`] reports that as the page's error, and the pool discards this extractor.
    fn extract(&mut self, page: &str, values: &mut Values);
}

/// Why a page could not be extracted. The next page is not affected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// No extractor could be had from the pool.
    #[error("no extractor: {0}")]
    Checkout(#[from] CheckoutError),
    /// The extractor panicked on this page, with this message. The pool has discarded it.
    #[error("the extractor panicked on this page: {0}; leave the page out, and report it with the fields in use")]
    Panicked(String),
    /// The page took more than it may, in time or memory.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// A required field found nothing.
    #[error("{0}; if pages may be without it, take `required` away")]
    Missing(Missing),
}

/// Checks an extractor out, lets it work on the page and returns it.
///
/// Gives the time the checkout took, for histograms, beside the outcome. After an error `values` may hold a part of the page's
/// values; clear it.
/// # Blocking
/// Waits for a free extractor, at most the pool's checkout timeout.
/// # Errors
/// [`PageError::Checkout`] if there was none in time, [`PageError::Panicked`] if it panicked, [`PageError::Exceeded`] if the page took
/// more than its [`Bounds`](super::Bounds), [`PageError::Missing`] if a field that a recipe requires found nothing.
/// # Panics
/// Does not: a panic of the extractor is caught here (and still reported by the process's panic hook).
pub fn extract_page<M>(pool: &Pool<M>, page: &str, values: &mut Values) -> (Duration, Result<(), PageError>)
where
    M: Manager,
    M::Resource: Extractor,
{
    let asked = Instant::now();
    let checkout = pool.checkout();
    let waited = asked.elapsed();
    let outcome = checkout.map_err(PageError::from).and_then(|mut extractor| {
        // The guard moves in, so that it drops while the panic unwinds: that tells the pool to discard the extractor.
        // What else the closure touches is `values`, which the caller clears.
        let all = &mut *values;
        let extract = || all.timed(move |values| extractor.extract(page, values));
        catch_unwind(AssertUnwindSafe(extract)).map_err(|panic| PageError::Panicked(message(&*panic)))?;
        if let Some(exceeded) = values.exceeded() {
            return Err(exceeded.into());
        }
        values.missing().map_or(Ok(()), |missing| Err(PageError::Missing(missing.clone())))
    });
    (waited, outcome)
}

fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "without a message".to_owned()
    }
}
