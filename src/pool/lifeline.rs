//! What those who made a resource can tell its pool about it, from any thread and at any time.
//!
//! A pool asks about a resource when it is returned or checked. One that dies while it is free would be lent once more before anybody
//! noticed: what sees it die can say so here.

use super::Inner;
use crate::keeper::Kept;
use crate::manager::Manager;
use crate::observe::{DestroyReason, ResourceId};
use std::fmt;
use std::sync::{Arc, Weak};

/// By which the maker of one resource tells the pool that has it of its end. Handed out by
/// [`Manager::lifeline`]; good from any thread, and without effect once the resource or the pool is gone.
#[derive(Clone)]
pub struct Lifeline {
    pool: Weak<dyn Hears>,
    id: ResourceId,
}

/// A pool, as its resources' makers see it.
trait Hears: Send + Sync {
    fn ended(&self, id: ResourceId);
    fn is_to_be_replaced(&self, id: ResourceId);
    #[cfg(feature = "process")]
    fn note(&self, id: ResourceId, word: String);

    /// Lets go of what was held to tell it. Should it be the last, its end is the user's code, and not for this thread.
    fn let_go(self: Arc<Self>);
}

impl Lifeline {
    pub(super) fn new<M: Manager>(pool: Weak<Inner<M>>, id: ResourceId) -> Self {
        Self { pool, id }
    }

    /// Which resource of its pool it is.
    pub fn id(&self) -> ResourceId {
        self.id
    }

    /// The resource is beyond use: it is destroyed now if it is free, with reason [`Broken`](DestroyReason::Broken), else as soon as it
    /// is. Whoever holds it finds out by its own means; [`Manager::is_broken`] should say so too.
    ///
    /// Takes a lock for a moment; the pool's keeper does the rest. With [`Keeper::Manual`](crate::Keeper::Manual), its next tick.
    pub fn ended(&self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.ended(self.id);
            pool.let_go();
        }
    }

    /// The resource is to be replaced, at the pool's pace: its successor is made first, unless the pool is set otherwise, and it serves
    /// until then. Saying so again has no effect.
    pub fn replace(&self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.is_to_be_replaced(self.id);
            pool.let_go();
        }
    }
}

#[cfg(feature = "process")]
impl Lifeline {
    /// Has the pool's log say `word` of the resource, as a warning.
    pub(crate) fn note(&self, word: String) {
        if let Some(pool) = self.pool.upgrade() {
            pool.note(self.id, word);
            pool.let_go();
        }
    }
}

impl<M: Manager> Hears for Inner<M> {
    fn ended(&self, id: ResourceId) {
        let mut keeper = self.keeper.lock();
        if !keeper.ended.contains(&id) {
            keeper.ended.push(id);
        }
        drop(keeper);
        self.alarm.ring();
    }

    fn is_to_be_replaced(&self, id: ResourceId) {
        self.ask_for_successors([id], DestroyReason::Worn);
        self.alarm.ring();
    }

    #[cfg(feature = "process")]
    fn note(&self, id: ResourceId, word: String) {
        self.subscribers.journal.note(crate::observe::Line::Word { id, word });
    }

    fn let_go(self: Arc<Self>) {
        Kept::let_go(self);
    }
}

impl fmt::Debug for Lifeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lifeline").field(&self.id).finish()
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;
    use crate::Pool;
    use parking_lot::Mutex;
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    /// A pool that is let go of by everybody else while it hears.
    #[derive(Default)]
    struct Last {
        own: Mutex<Option<Arc<Last>>>,
        heard: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Hears for Last {
        fn ended(&self, _: ResourceId) {
            self.heard.lock().push("ended");
            drop(self.own.lock().take());
        }

        fn is_to_be_replaced(&self, _: ResourceId) {
            self.heard.lock().push("replace");
        }
        #[cfg(feature = "process")]
        fn note(&self, _: ResourceId, _: String) {}

        fn let_go(self: Arc<Self>) {
            let heard = Arc::clone(&self.heard);
            let is_last = Arc::into_inner(self).is_some();
            heard.lock().push(if is_last { "the last" } else { "one more" });
        }
    }

    struct Ends(mpsc::Sender<Option<String>>);

    impl Manager for Ends {
        type Resource = ();
        type Error = std::convert::Infallible;

        fn create(&self) -> Result<(), Self::Error> {
            Ok(())
        }
    }

    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().name().map(str::to_owned));
        }
    }

    /// Promise: who tells never runs what the user has for the end of a pool. Provoked: everybody else lets go while it is told.
    #[test]
    fn a_pool_that_ends_while_it_is_told_ends_elsewhere() {
        let (sender, ends) = mpsc::channel();
        let pool = Pool::builder(Ends(sender)).build().unwrap();
        let id = pool.checkout().unwrap().id();
        let inner = Arc::clone(&pool.inner);
        assert!(pool.close(Duration::from_secs(10)).is_complete());
        drop(pool);
        // Threads of the pool that have nothing more to do let go of it a moment later.
        let began = Instant::now();
        while Arc::strong_count(&inner) > 1 && began.elapsed() < Duration::from_secs(10) {
            thread::yield_now();
        }
        Hears::let_go(inner);
        assert_eq!(ends.recv_timeout(Duration::from_secs(10)).unwrap().as_deref(), Some("pool-end"));
        let last = Arc::new(Last::default());
        let heard = Arc::clone(&last.heard);
        let pool: Arc<dyn Hears> = last.clone();
        let lifeline = Lifeline { pool: Arc::downgrade(&pool), id };
        drop(pool);
        lifeline.replace();
        *last.own.lock() = Some(Arc::clone(&last));
        drop(last);
        lifeline.ended();
        lifeline.ended();
        assert_eq!(*heard.lock(), ["replace", "one more", "ended", "the last"]);
    }
}
