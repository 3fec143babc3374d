//! States of a whole pool that are told once when they begin, and once when they end.

use super::PoolEvent;
use crate::core::sync::around::Mutex;
use crate::manager::Manager;
use crate::pool::Inner;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

/// What was told of and has not ended.
#[derive(Default)]
pub(crate) struct Told {
    /// Held while it is told, so that beginning and end come in their order.
    overflow: Mutex<bool>,
    queue: Mutex<bool>,
    closing: Mutex<bool>,
    closed: AtomicBool,
    /// The pool's threads have ended.
    pub(crate) ended: AtomicBool,
}

impl<M: Manager> Inner<M> {
    /// There are more resources than `max_size`.
    pub(crate) fn overflow_opened(&self, alive: usize) {
        let mut is_open = self.told.overflow.lock();
        if !std::mem::replace(&mut *is_open, true) {
            self.subscribers.tell(|| PoolEvent::OverflowOpened { alive, max_size: self.max_size() });
        }
    }

    /// There are no more than `max_size`, or as many as a replacement needs.
    pub(crate) fn overflow_closed(&self) {
        let mut is_open = self.told.overflow.lock();
        if std::mem::replace(&mut *is_open, false) {
            self.subscribers.tell(|| PoolEvent::OverflowClosed);
        }
    }

    /// Somebody has joined the queue, or left it. Whoever changes its length asks afterwards, so the last one sees what is.
    pub(crate) fn queue_changed(&self) {
        let Some(threshold) = self.config().queue_alert else { return };
        let mut is_long = self.told.queue.lock();
        let waiting = self.shelf.waiting_in_all() as usize;
        if waiting >= threshold && !*is_long {
            *is_long = true;
            self.subscribers.tell(|| PoolEvent::QueueGrew { waiting, threshold });
        } else if waiting == 0 && *is_long {
            *is_long = false;
            self.subscribers.tell(|| PoolEvent::QueueEmptied);
        }
    }

    /// From here on nobody gets a resource.
    pub(crate) fn closing(&self) {
        // Whoever else closes it waits here, lest it be Closed before it is Closing.
        let mut is_told = self.told.closing.lock();
        if !std::mem::replace(&mut *is_told, true) {
            let (in_use, waiting) = (self.in_use(), self.shelf.waiting_in_all() as usize);
            self.subscribers.tell(|| PoolEvent::Closing { in_use, waiting });
        }
    }

    /// A slot of a closed pool may have been the last one that held anything.
    pub(crate) fn closed_if_empty(&self) {
        if self.is_closed() && self.shelf.occupied() == 0 {
            self.nothing_is_left();
        }
    }

    /// The last event but for errors.
    pub(crate) fn nothing_is_left(&self) {
        if *self.told.closing.lock() && !self.told.closed.swap(true, SeqCst) {
            self.overflow_closed();
            self.subscribers.tell(|| PoolEvent::Closed);
            self.tell_what_is_left();
        }
    }
}
