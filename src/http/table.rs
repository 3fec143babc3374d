//! Who is connected, and who has to go when all places are taken.

use parking_lot::{Condvar, Mutex};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections at once. Each has a thread.
pub(super) const PLACES: usize = 64;

/// How long whoever has come may keep a place that another wants: a request that is sent at all is sent at once.
const TO_ASK: Duration = Duration::from_millis(50);

/// And whoever asks properly, from then on.
const TO_BE_ANSWERED: Duration = Duration::from_secs(1);

/// How often it is looked again whether somebody's time is up.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(super) struct Table {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    taken: Vec<Place>,
    stopped: bool,
}

struct Place {
    number: u64,
    stream: Arc<TcpStream>,
    /// When it may be taken away.
    safe_until: Instant,
    cut: bool,
}

impl Place {
    /// Whoever reads or writes there finds the end.
    fn cut(&mut self) {
        self.cut = true;
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Table {
    /// A place for `stream`; None once the server has stopped. Waits until there is one: at most for as long as `TO_ASK` if
    /// nobody but bad clients is here, and then in their stead.
    pub(super) fn seat(self: &Arc<Self>, stream: TcpStream) -> Option<Seat> {
        let stream = Arc::new(stream);
        let mut state = self.state.lock();
        while !state.stopped {
            let now = Instant::now();
            if state.taken.len() < PLACES {
                let number = state.next;
                state.next += 1;
                let stream = Arc::clone(&stream);
                state.taken.push(Place { number, stream, safe_until: now + TO_ASK, cut: false });
                break;
            }
            let unsafe_first = state.taken.iter_mut().filter(|place| !place.cut).min_by_key(|place| place.safe_until);
            if let Some(place) = unsafe_first.filter(|place| place.safe_until <= now) {
                place.cut();
            }
            self.changed.wait_for(&mut state, LOOK);
        }
        if state.stopped {
            return None;
        }
        Some(Seat { table: Arc::clone(self), number: state.next - 1, stream })
    }

    /// Cuts every connection, and takes no more.
    pub(super) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        state.taken.iter_mut().for_each(Place::cut);
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    /// Waits until something has changed, for `at_most`.
    pub(super) fn pause(&self, at_most: Duration) {
        let mut state = self.state.lock();
        if !state.stopped {
            self.changed.wait_for(&mut state, at_most);
        }
    }
}

/// A connection's place, for as long as this lives.
pub(super) struct Seat {
    table: Arc<Table>,
    number: u64,
    pub(super) stream: Arc<TcpStream>,
}

impl Seat {
    /// A proper request has come: it may take some time to answer.
    pub(super) fn asked(&self) {
        self.safe_until(Instant::now() + TO_BE_ANSWERED);
    }

    /// The answer has gone out.
    pub(super) fn answered(&self) {
        self.safe_until(Instant::now());
    }

    fn safe_until(&self, safe_until: Instant) {
        let mut state = self.table.state.lock();
        let ours = state.taken.iter_mut().find(|place| place.number == self.number);
        ours.into_iter().for_each(|place| place.safe_until = safe_until);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.table.state.lock().taken.retain(|place| place.number != self.number);
        self.table.changed.notify_all();
    }
}
