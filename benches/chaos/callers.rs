//! The callers: each makes one request after another, keeps to its own deadline, and writes down how it went.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::{Backend, Fault};
use crate::contestants::Lender;
use crate::harness::Dice;

/// How long a caller waits for its answer, checkout included.
pub const PATIENCE: Duration = Duration::from_millis(250);

/// Times a request is sent: a connection that turns out dead is given back, and the request sent once more on another.
pub const TRIES: usize = 2;

/// What a caller thinks before its next request, at most.
const THINKS: Duration = Duration::from_millis(10);

/// Its pause after a checkout that gave nothing, if the error names none.
const PAUSE: Duration = Duration::from_millis(10);

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    /// The pool gave no connection by the deadline.
    TimedOut,
    /// The pool said no before that.
    Refused,
    /// It got connections, and no answer on any.
    Unanswered,
    /// The same, but the last one was alive when it was lent: no pool could have known.
    Struck,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub issued: Instant,
    pub ended: Instant,
    pub outcome: Outcome,
    /// Whether the pool had a living connection when it was issued.
    pub had_living: bool,
    /// How long after the caller's deadline a checkout came back, at the most.
    pub late: Duration,
}

/// Makes requests until `stop` says so, and a last one after that is not begun.
pub fn call(pool: &dyn Lender, backend: &Backend, stop: &AtomicBool, seed: u64) -> Vec<Request> {
    let mut dice = Dice::seeded(seed);
    let mut requests = Vec::with_capacity(1 << 12);
    // Not all at once.
    thread::sleep(THINKS.mul_f64(dice.share()));
    while !stop.load(Relaxed) {
        let (request, pause) = ask(pool, backend);
        requests.push(request);
        thread::sleep(pause.unwrap_or_else(|| THINKS.mul_f64(dice.share())));
    }
    requests
}

/// One request, and how long to pause after it if the pool refused it.
fn ask(pool: &dyn Lender, backend: &Backend) -> (Request, Option<Duration>) {
    let had_living = backend.living() > 0;
    let issued = Instant::now();
    let deadline = issued + PATIENCE;
    let (mut late, mut outcome, mut pause) = (Duration::ZERO, Outcome::Unanswered, None);
    for _ in 0..TRIES {
        match attempt(pool, deadline, &mut late) {
            ControlFlow::Continue(unanswered) => outcome = unanswered,
            ControlFlow::Break((end, retry_after)) => {
                (outcome, pause) = (end, retry_after);
                break;
            }
        }
        if Instant::now() >= deadline {
            break;
        }
    }
    (Request { issued, ended: Instant::now(), outcome, had_living, late }, pause)
}

/// A checkout and what is done with it: `Continue` if another may help.
fn attempt(
    pool: &dyn Lender,
    deadline: Instant,
    late: &mut Duration,
) -> ControlFlow<(Outcome, Option<Duration>), Outcome> {
    let mut answer = None;
    let mut came_back = |now: Instant| *late = (*late).max(now.saturating_duration_since(deadline));
    let lent = pool.lend(deadline.saturating_duration_since(Instant::now()), &mut |connection| {
        came_back(Instant::now());
        let was_alive = connection.is_alive();
        answer = Some((connection.request(deadline), was_alive));
    });
    match (lent, answer) {
        (Ok(()), Some((Ok(()), _))) => ControlFlow::Break((Outcome::Answered, None)),
        (Ok(()), Some((Err(Fault::Dead), true))) => ControlFlow::Continue(Outcome::Struck),
        (Ok(()), _) => ControlFlow::Continue(Outcome::Unanswered),
        (Err(refusal), _) => {
            came_back(Instant::now());
            let outcome = if refusal.timed_out { Outcome::TimedOut } else { Outcome::Refused };
            ControlFlow::Break((outcome, Some(refusal.retry_after.unwrap_or(PAUSE))))
        }
    }
}
