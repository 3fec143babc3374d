//! Bounded memory for pages that are worked on in parallel and written in order.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

/// Keeps workers from running ahead of the output.
///
/// Pages carry tickets 0, 1, 2, ... and workers take them up in that order. A worker calls [`enters`](Self::enters) before it starts a
/// page; it waits while its ticket is `pages` or more beyond what has been written, or while finished, unwritten lines hold
/// `bytes` or more. The page that is next in line never waits for bytes: in ordered output all others wait for it.
///
/// So at most `pages` pages are between start and written line, and the lines among them hold less than `bytes`, plus one line
/// a worker.
#[derive(Debug)]
pub struct Window {
    state: Mutex<State>,
    moved: Condvar,
    pages: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    written: u64,
    /// Bytes in lines that are finished and not yet written.
    held: u64,
    closed: bool,
}

impl Window {
    /// A window of this many pages (at least 1) and this many bytes of finished lines.
    pub fn new(pages: u64, bytes: u64) -> Self {
        Self { state: Mutex::default(), moved: Condvar::new(), pages: pages.max(1), bytes }
    }

    /// Whether the page with this ticket may start now, without waiting for it. False when closed.
    pub fn is_open_for(&self, ticket: u64) -> bool {
        let state = self.state.lock();
        !state.closed && self.admits(&state, ticket)
    }

    /// Waits until the page with this ticket may start; `false` once the window is closed.
    ///
    /// Hand finished lines on before you wait here: they may be what everyone waits for.
    /// # Blocking
    /// Until enough lines were [`written`](Self::written), or [`close`](Self::close). Every worker must enter its tickets in
    /// order, or the page all others wait for may never come.
    pub fn enters(&self, ticket: u64) -> bool {
        let mut state = self.state.lock();
        while !state.closed && !self.admits(&state, ticket) {
            self.moved.wait(&mut state);
        }
        !state.closed
    }

    fn admits(&self, state: &State, ticket: u64) -> bool {
        let near = ticket < state.written.saturating_add(self.pages);
        near && (state.held < self.bytes || ticket <= state.written)
    }

    /// A page is done; its line of this many bytes now waits for the output.
    pub fn finished(&self, bytes: u64) {
        self.state.lock().held += bytes;
    }

    /// The output has written one line of this many bytes. Call once for every page, after [`finished`](Self::finished).
    pub fn written(&self, bytes: u64) {
        let mut state = self.state.lock();
        state.written += 1;
        state.held = state.held.saturating_sub(bytes);
        drop(state);
        self.moved.notify_all();
    }

    /// Lets nobody in any more and wakes all who wait: the output is gone.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.moved.notify_all();
    }
}

/// Puts things that arrive in any order back into the order of their tickets.
///
/// Holds what came too early, and no more; bounding that is the business of a [`Window`].
#[derive(Debug)]
pub struct Reorder<T> {
    next: u64,
    waiting: VecDeque<Option<T>>,
}

impl<T> Default for Reorder<T> {
    fn default() -> Self {
        Self { next: 0, waiting: VecDeque::new() }
    }
}

impl<T> Reorder<T> {
    /// Waits for ticket 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the thing with this ticket. One whose turn is over is dropped.
    pub fn put(&mut self, ticket: u64, thing: T) {
        let Some(ahead) = ticket.checked_sub(self.next) else {
            return;
        };
        let ahead = usize::try_from(ahead).expect("tickets ahead of the output fit into memory");
        if self.waiting.len() <= ahead {
            self.waiting.resize_with(ahead + 1, || None);
        }
        self.waiting[ahead] = Some(thing);
    }

    /// The thing whose turn it is, if it has arrived.
    pub fn pop(&mut self) -> Option<T> {
        let thing = self.waiting.front_mut()?.take()?;
        self.waiting.pop_front();
        self.next += 1;
        Some(thing)
    }

    /// How many things wait for their turn.
    pub fn len(&self) -> usize {
        self.waiting.iter().flatten().count()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that still waits, in order, gaps left out: for an end in which some ticket never came.
    pub fn into_rest(self) -> impl Iterator<Item = T> {
        self.waiting.into_iter().flatten()
    }
}
