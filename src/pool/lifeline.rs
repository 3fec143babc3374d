//! What those who made a resource can tell its pool about it, from any thread and at any time.
//!
//! A pool asks about a resource when it is returned or checked. One that dies while it is free would be lent once more before anybody
//! noticed: what sees it die can say so here.

use super::Inner;
use crate::manager::Manager;
use crate::observe::{DestroyReason, ResourceId};
use std::fmt;
use std::sync::Weak;

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
        }
    }

    /// The resource is to be replaced, at the pool's pace: its successor is made first, unless the pool is set otherwise, and it serves
    /// until then. Saying so again has no effect.
    pub fn replace(&self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.is_to_be_replaced(self.id);
        }
    }
}

impl<M: Manager> Hears for Inner<M> {
    fn ended(&self, id: ResourceId) {
        self.keeper.lock().ended.push(id);
        self.alarm.ring();
    }

    fn is_to_be_replaced(&self, id: ResourceId) {
        self.ask_for_successors([id], DestroyReason::Worn);
        self.alarm.ring();
    }
}

impl fmt::Debug for Lifeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lifeline").field(&self.id).finish()
    }
}
