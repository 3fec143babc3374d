//! Callers that ask without end while something happens to their server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crate::until;

/// Why a request got no answer.
#[derive(Clone, Debug)]
pub enum Lost {
    /// The pool lent none, and said why.
    NoConnection(String),
    /// It lent one, and the database did not answer.
    OnConnection(String),
}

/// A request, and what became of it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub asked: Instant,
    pub answered: Instant,
    pub outcome: Result<(), Lost>,
}

impl Answer {
    pub fn took(&self) -> Duration {
        self.answered - self.asked
    }
}

/// What the callers have got so far.
#[derive(Default)]
pub struct Load {
    answers: Mutex<Vec<Answer>>,
    done: AtomicBool,
}

impl Load {
    /// How many of the answers to what was asked from `since` on are of a kind.
    pub fn count(&self, since: Instant, kind: impl Fn(&Answer) -> bool) -> usize {
        let answers = self.answers.lock().expect("nobody panics with it");
        answers.iter().filter(|answer| answer.asked >= since && kind(answer)).count()
    }

    /// Waits until so many that asked from `since` on were served.
    #[track_caller]
    pub fn until_served(&self, since: Instant, many: usize) {
        until("requests are served", || self.count(since, |answer| answer.outcome.is_ok()) >= many);
    }

    /// Waits until the pool has refused so many that asked from `since` on.
    #[track_caller]
    pub fn until_refused(&self, since: Instant, many: usize) {
        let is_refused = |answer: &Answer| matches!(answer.outcome, Err(Lost::NoConnection(_)));
        until("requests are refused", || self.count(since, is_refused) >= many);
    }
}

/// Has `callers` threads call `ask`, a millisecond of thought between two calls, while `happens` goes on. All answers, in order of time.
pub fn under_load<R>(
    callers: usize,
    ask: impl Fn() -> Result<(), Lost> + Sync,
    happens: impl FnOnce(&Load) -> R,
) -> (Vec<Answer>, R) {
    let load = Load::default();
    let result = thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| {
                while !load.done.load(SeqCst) {
                    let asked = Instant::now();
                    let outcome = ask();
                    let answer = Answer { asked, answered: Instant::now(), outcome };
                    load.answers.lock().expect("nobody panics with it").push(answer);
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        // Callers must end even if what happens does not go as it should.
        let _ends = Ends(&load.done);
        happens(&load)
    });
    let mut answers = load.answers.into_inner().expect("nobody panics with it");
    answers.sort_by_key(|answer| answer.answered);
    (answers, result)
}

struct Ends<'l>(&'l AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
