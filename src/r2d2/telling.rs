//! How a handler is told: where it happens, or by a thread of its own that nobody waits for.

use super::event::{AcquireEvent, CheckinEvent, CheckoutEvent, HandleEvent, ReleaseEvent, TimeoutEvent};
use crate::error::let_go;
use crossbeam_channel::{Sender, bounded};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

/// Something that happened, until the handler is told.
pub(super) enum Event {
    Acquire(AcquireEvent),
    Release(ReleaseEvent),
    Checkout(CheckoutEvent),
    Timeout(TimeoutEvent),
    Checkin(CheckinEvent),
}

impl Event {
    fn tell(self, handler: &dyn HandleEvent) {
        match self {
            Event::Acquire(event) => handler.handle_acquire(event),
            Event::Release(event) => handler.handle_release(event),
            Event::Checkout(event) => handler.handle_checkout(event),
            Event::Timeout(event) => handler.handle_timeout(event),
            Event::Checkin(event) => handler.handle_checkin(event),
        }
    }
}

/// A handler, and the way to it.
#[derive(Debug)]
pub(super) enum Telling {
    /// On the thread on which it happens, which waits.
    Here(Box<dyn HandleEvent>),
    /// On another, in the same order. What its queue cannot take is lost, and counted.
    Elsewhere { queue: Sender<Event>, lost: AtomicU64 },
}

impl Telling {
    /// Starts the thread. It ends when all that can tell it something is gone, after the last event; a panic in the handler costs
    /// that event.
    pub(super) fn elsewhere(handler: Box<dyn HandleEvent>, capacity: usize) -> io::Result<Self> {
        let (queue, events) = bounded::<Event>(capacity);
        thread::Builder::new().name("pool-events".to_owned()).spawn(move || {
            for event in events {
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| event.tell(&*handler))) {
                    let_go(payload);
                }
            }
        })?;
        Ok(Telling::Elsewhere { queue, lost: AtomicU64::new(0) })
    }

    pub(super) fn tell(&self, event: Event) {
        match self {
            Telling::Here(handler) => event.tell(&**handler),
            Telling::Elsewhere { queue, lost } => {
                if queue.try_send(event).is_err() {
                    lost.fetch_add(1, Relaxed);
                }
            }
        }
    }

    pub(super) fn lost(&self) -> u64 {
        match self {
            Telling::Here(_) => 0,
            Telling::Elsewhere { lost, .. } => lost.load(Relaxed),
        }
    }
}
