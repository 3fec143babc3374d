//! States of a whole pool that are told once when they begin, and once when they end.

use super::PoolEvent;
use crate::manager::Manager;
use crate::pool::Inner;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

/// What was told of and has not ended.
#[derive(Default)]
pub(crate) struct Told {
    overflow: AtomicBool,
    queue: AtomicBool,
    closing: AtomicBool,
    closed: AtomicBool,
}

impl<M: Manager> Inner<M> {
    /// There are more resources than `max_size`.
    pub(crate) fn overflow_opened(&self, alive: usize) {
        if !self.told.overflow.swap(true, SeqCst) {
            self.subscribers.tell(|| PoolEvent::OverflowOpened { alive, max_size: self.max_size() });
        }
    }

    /// There are no more than `max_size`, or as many as a replacement needs.
    pub(crate) fn overflow_closed(&self) {
        if self.told.overflow.swap(false, SeqCst) {
            self.subscribers.tell(|| PoolEvent::OverflowClosed);
        }
    }

    /// Somebody is about to join the queue.
    pub(crate) fn queue_grows(&self) {
        let Some(threshold) = self.config().queue_alert else { return };
        let waiting = self.shelf.waiting() as usize + 1;
        if waiting >= threshold && !self.told.queue.swap(true, SeqCst) {
            self.subscribers.tell(|| PoolEvent::QueueGrew { waiting, threshold });
        }
    }

    /// Somebody has left the queue.
    pub(crate) fn queue_shrank(&self) {
        if self.told.queue.load(SeqCst) && self.shelf.waiting() == 0 && self.told.queue.swap(false, SeqCst) {
            self.subscribers.tell(|| PoolEvent::QueueEmptied);
        }
    }

    /// From here on nobody gets a resource.
    pub(crate) fn closing(&self) {
        if !self.told.closing.swap(true, SeqCst) {
            let (in_use, waiting) = (self.in_use(), self.shelf.waiting() as usize);
            self.subscribers.tell(|| PoolEvent::Closing { in_use, waiting });
        }
    }

    /// A slot of a closed pool may have been the last one that held anything.
    pub(crate) fn closed_if_empty(&self) {
        if self.is_closed() && self.shelf.occupied() == 0 && !self.told.closed.swap(true, SeqCst) {
            self.subscribers.tell(|| PoolEvent::Closed);
        }
    }
}
