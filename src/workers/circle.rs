//! Those who wait for a job from inside a job of the same workers.
//!
//! If every worker does, nobody is left to run what they wait for. Whoever would close that circle is refused.

use crate::core::sync::Thread;
use crate::core::sync::around::AtomicUsize;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

thread_local! {
    /// Of the worker whose thread this is: how many it is one of, and its workers' circle.
    static INSIDE: RefCell<Option<(Box<Count>, Arc<Circle>)>> = const { RefCell::new(None) };
}

/// How many workers there may be.
type Count = dyn Fn() -> usize;

/// How many of one pool's workers wait for another's job.
#[derive(Debug)]
pub(super) struct Circle {
    /// No other has the same.
    pub(super) number: u64,
    waiting: AtomicUsize,
}

impl Circle {
    pub(super) fn new() -> Arc<Circle> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Circle { number: NEXT.fetch_add(1, Relaxed), waiting: AtomicUsize::new(0) })
    }
}

/// Who waits for an answer.
pub(super) struct Waiter {
    thread: Thread,
    _inside: Option<Inside>,
}

/// A worker that waits, as long as it does.
pub(super) struct Inside(Arc<Circle>);

/// Waiting would never end: all workers, so many, wait.
pub(super) struct Closes(pub(super) usize);

impl Waiter {
    pub(super) fn new(thread: Thread, inside: Option<Inside>) -> Self {
        Self { thread, _inside: inside }
    }

    /// There is an answer. The one who gives it counts it out of the circle: it may take long until it runs.
    pub(super) fn wake(self) {
        let Self { thread, _inside: inside } = self;
        drop(inside);
        thread.unpark();
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, SeqCst);
    }
}

/// The calling thread is one of the workers of this circle, of as many as `count` says.
pub(super) fn enter(circle: &Arc<Circle>, count: impl Fn() -> usize + 'static) {
    INSIDE.set(Some((Box::new(count), Arc::clone(circle))));
}

/// Whether the calling thread is one of `circle`'s workers.
pub(super) fn is_inside(circle: u64) -> bool {
    INSIDE.with_borrow(|inside| inside.as_ref().is_some_and(|(_, mine)| mine.number == circle))
}

/// Counts the calling thread in, if it is one of `circle`'s workers. Refuses the last of them.
pub(super) fn join(circle: u64) -> Result<Option<Inside>, Closes> {
    INSIDE.with_borrow(|inside| {
        let Some((count, circle)) = inside.as_ref().filter(|(_, mine)| mine.number == circle) else { return Ok(None) };
        let waiting = circle.waiting.fetch_add(1, SeqCst) + 1;
        let one = Inside(Arc::clone(circle));
        let all = count();
        if waiting >= all { Err(Closes(all)) } else { Ok(Some(one)) }
    })
}
