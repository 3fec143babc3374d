//! Those who wait for a job from inside a job of the same workers.
//!
//! If every worker does, nobody is left to run what they wait for. Whoever would close that circle is refused.

use crate::core::sync::Thread;
use crate::core::sync::around::{Mutex, thread_local};
use crate::observe::ResourceId;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A worker, and its workers' circle.
type Seated = (Box<dyn Member>, Arc<Circle>);

thread_local! {
    /// The worker whose thread this is.
    static INSIDE: RefCell<Option<Seated>> = const { RefCell::new(None) };
}

/// A worker, as one that may wait.
pub(super) trait Member {
    /// Whether it may wait beside those that do: as which of them, or not because there are only so many.
    fn may_wait(&self, waiting: &[ResourceId]) -> Result<ResourceId, usize>;
    /// It waits from now on, maybe for a job that only it would come for: leaves all that it has to others.
    fn gives_way(&self);
}

/// Those of one pool's workers that wait for another's job.
#[derive(Debug)]
pub(super) struct Circle {
    /// No other has the same.
    pub(super) number: u64,
    waiting: Mutex<Vec<ResourceId>>,
}

impl Circle {
    pub(super) fn new() -> Arc<Circle> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Circle { number: NEXT.fetch_add(1, Relaxed), waiting: Mutex::default() })
    }
}

/// Who waits for an answer.
pub(super) struct Waiter {
    thread: Thread,
    inside: Option<Inside>,
}

/// A worker that waits, as long as it does.
pub(super) struct Inside(Arc<Circle>, ResourceId);

/// Waiting would never end: all workers, so many, wait.
pub(super) struct Closes(pub(super) usize);

impl Waiter {
    pub(super) fn new(thread: Thread, inside: Option<Inside>) -> Self {
        Self { thread, inside }
    }

    /// There is an answer. The one who gives it counts it out of the circle: it may take long until it runs. Under the lock that the answer
    /// is given under: whoever finds it may be at its next wait already, and would be counted twice.
    pub(super) fn leave(&mut self) {
        self.inside = None;
    }

    pub(super) fn wake(self) {
        self.thread.unpark();
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        if let Some(at) = waiting.iter().position(|one| *one == self.1) {
            waiting.swap_remove(at);
        }
    }
}

/// The calling thread is one of the workers of this circle.
pub(super) fn enter(circle: &Arc<Circle>, member: impl Member + 'static) {
    INSIDE.with(|inside| *inside.borrow_mut() = Some((Box::new(member), Arc::clone(circle))));
}

/// The calling thread, if it is one of `circle`'s workers, parks until others have done a job. Called under no lock, after it was counted in.
pub(super) fn give_way(circle: u64) {
    INSIDE.with(|inside| {
        if let Some((member, _)) = inside.borrow().as_ref().filter(|(_, mine)| mine.number == circle) {
            member.gives_way();
        }
    });
}

/// Whether the calling thread is one of `circle`'s workers.
pub(super) fn is_inside(circle: u64) -> bool {
    // What a thread drops at its very end may ask too.
    let is_mine =
        |inside: &RefCell<Option<Seated>>| inside.borrow().as_ref().is_some_and(|(_, mine)| mine.number == circle);
    INSIDE.try_with(is_mine).unwrap_or(false)
}

/// Counts the calling thread in, if it is one of `circle`'s workers. Refuses the last of them. Called under the lock of what it waits for:
/// one that has an answer already must not be counted, as another would be refused for it.
pub(super) fn join(circle: u64) -> Result<Option<Inside>, Closes> {
    INSIDE.with(|inside| {
        let inside = inside.borrow();
        let Some((member, circle)) = inside.as_ref().filter(|(_, mine)| mine.number == circle) else {
            return Ok(None);
        };
        let mut waiting = circle.waiting.lock();
        let id = member.may_wait(&waiting).map_err(Closes)?;
        waiting.push(id);
        Ok(Some(Inside(Arc::clone(circle), id)))
    })
}
