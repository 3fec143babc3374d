//! The backend that everything here connects to: it answers, dawdles, refuses or hangs as it is told, and loses connections.
//!
//! It is not a thread but a clock and a state: an operation waits out what it takes, and is woken early when its connection
//! dies or the backend changes. Nothing in it depends on how a pool goes about things.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::record::{Cause, Record};

/// How long the driver waits for a connection, and for an answer where the caller says nothing else.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
pub const READ_TIMEOUT: Duration = Duration::from_millis(250);

/// What the backend is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Up,
    /// Answers, but takes its time.
    Slow,
    /// Has its hands full: a request takes 10 ms, connecting no longer than ever.
    Laden,
    /// Gone: all connections are dead, and new ones are refused at once.
    Refusing,
    /// Accepts everything and answers nothing until it goes on.
    Hanging,
}

impl Condition {
    pub fn serves(self) -> bool {
        matches!(self, Self::Up | Self::Slow | Self::Laden)
    }

    /// What connecting takes.
    pub fn connecting(self) -> Duration {
        if self == Self::Slow { Duration::from_millis(100) } else { Duration::from_millis(5) }
    }

    /// What a request takes on an open connection, a ping included.
    pub fn answering(self) -> Duration {
        Duration::from_millis(match self {
            Self::Laden => 10,
            Self::Slow => 5,
            _ => 1,
        })
    }
}

/// Which connections a blow strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victims {
    /// One of the living, the drawn number modulo how many there are.
    One(usize),
    All,
}

/// What a connection's user gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Refused,
    Dead,
    TimedOut,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Dead => "connection reset by peer",
            Self::TimedOut => "no answer in time",
        })
    }
}

impl std::error::Error for Fault {}

pub struct Backend {
    state: Mutex<State>,
    changed: Condvar,
    /// Living connections, for those who only look.
    living: AtomicUsize,
}

struct State {
    condition: Condition,
    living: Vec<Arc<AtomicBool>>,
    record: Record,
}

impl Backend {
    /// One that is up, for a pool of `size`.
    pub fn new(size: usize) -> Arc<Self> {
        let state = State { condition: Condition::Up, living: Vec::new(), record: Record::new(size) };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), living: AtomicUsize::new(0) })
    }

    pub fn living(&self) -> usize {
        self.living.load(Relaxed)
    }

    /// Becomes different. Going down takes all connections along.
    pub fn turn(&self, condition: Condition) {
        let mut state = self.state.lock();
        let now = Instant::now();
        if condition == Condition::Refusing {
            self.lose(&mut state, Victims::All, Cause::Outage, now);
        }
        state.condition = condition;
        let living = state.living.len();
        state.record.turned(condition, living, now);
        self.changed.notify_all();
    }

    /// Kills connections.
    pub fn strike(&self, victims: Victims) {
        let mut state = self.state.lock();
        self.lose(&mut state, victims, Cause::Killed, Instant::now());
        self.changed.notify_all();
    }

    fn lose(&self, state: &mut State, victims: Victims, cause: Cause, now: Instant) {
        let lost = match victims {
            Victims::All => std::mem::take(&mut state.living),
            Victims::One(_) if state.living.is_empty() => Vec::new(),
            Victims::One(drawn) => {
                let at = drawn % state.living.len();
                vec![state.living.swap_remove(at)]
            }
        };
        for alive in lost {
            alive.store(false, Relaxed);
            state.record.lost(cause, now);
        }
        self.living.store(state.living.len(), Relaxed);
    }

    /// Opens a connection, as a driver would.
    pub fn connect(self: &Arc<Self>) -> Result<Connection, Fault> {
        self.state.lock().record.attempted();
        self.operate(Condition::connecting, None, Instant::now() + CONNECT_TIMEOUT)?;
        let alive = Arc::new(AtomicBool::new(true));
        let mut state = self.state.lock();
        if state.condition == Condition::Refusing {
            return Err(Fault::Refused);
        }
        state.living.push(Arc::clone(&alive));
        let (condition, living) = (state.condition, state.living.len());
        state.record.born(condition, living, Instant::now());
        self.living.store(living, Relaxed);
        drop(state);
        Ok(Connection { backend: Arc::clone(self), alive, failed: false })
    }

    /// Waits out what an operation takes. What hangs goes on, from its beginning, when the backend does.
    fn operate(
        &self,
        takes: fn(Condition) -> Duration,
        alive: Option<&AtomicBool>,
        until: Instant,
    ) -> Result<(), Fault> {
        let mut state = self.state.lock();
        let mut began = Instant::now();
        loop {
            let now = Instant::now();
            let condition = state.condition;
            if alive.is_some_and(|alive| !alive.load(Relaxed)) {
                return Err(Fault::Dead);
            }
            let wake = match condition {
                Condition::Refusing => return Err(Fault::Refused),
                Condition::Hanging => until,
                Condition::Up | Condition::Slow | Condition::Laden => {
                    let due = began + takes(condition);
                    if due <= now {
                        return Ok(());
                    }
                    due.min(until)
                }
            };
            if until <= now {
                return Err(Fault::TimedOut);
            }
            self.changed.wait_until(&mut state, wake);
            if condition == Condition::Hanging && state.condition != Condition::Hanging {
                began = Instant::now();
            }
        }
    }

    /// The plan is over: what is missing now was not made good.
    pub fn finish(&self) {
        self.state.lock().record.finish(Instant::now());
    }

    /// What happened until now.
    pub fn record(&self) -> Record {
        self.state.lock().record.clone()
    }
}

/// A connection, with what a driver knows of it.
pub struct Connection {
    backend: Arc<Backend>,
    alive: Arc<AtomicBool>,
    failed: bool,
}

impl Connection {
    /// A request, answered until then or not at all. As with any driver, a connection that failed once is not to be trusted.
    pub fn request(&mut self, until: Instant) -> Result<(), Fault> {
        let answer = self.backend.operate(Condition::answering, Some(&self.alive), until);
        self.failed |= answer.is_err();
        answer
    }

    /// A round trip, to see whether the other side is there: what a check does.
    pub fn ping(&mut self) -> Result<(), Fault> {
        self.request(Instant::now() + READ_TIMEOUT)
    }

    /// What the driver knows without asking.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// What only the backend knows.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Relaxed)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut state = self.backend.state.lock();
        let Some(at) = state.living.iter().position(|each| Arc::ptr_eq(each, &self.alive)) else { return };
        state.living.swap_remove(at);
        state.record.lost(Cause::Closed, Instant::now());
        self.backend.living.store(state.living.len(), Relaxed);
    }
}
