//! Aside: where the program's own code runs that only listens, its logger and its recorder of metrics. Should it hang, it takes
//! this place with it and nothing else.
//!
//! Not the crew: there it would stand in the way of creations. A thread starts when there is something to tell, one at a time,
//! and ends when that is told.

use super::Clock;
use crate::core::sync::around::thread::{self, ThreadId};
use crate::core::sync::around::{Condvar, Mutex};
use crate::error::let_go;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(crate) struct Aside {
    state: Mutex<State>,
    rests: Condvar,
}

#[derive(Default)]
struct State {
    at_work: bool,
    by: Option<ThreadId>,
    next: Option<Job>,
}

impl Aside {
    /// Whether nothing waits for its turn.
    #[cfg(feature = "metrics")]
    pub(crate) fn takes(&self) -> bool {
        self.state.lock().next.is_none()
    }

    /// Has a thread called `name` do `job`, after the one it may be at, in the place of one that may wait. Without a thread it is
    /// not done.
    pub(crate) fn ask(self: &Arc<Self>, name: String, job: Job) {
        let displaced = {
            let mut state = self.state.lock();
            if state.at_work {
                state.next.replace(job)
            } else {
                let aside = Arc::clone(self);
                state.by =
                    thread::Builder::new().name(name).spawn(move || aside.work(job)).ok().map(|it| it.thread().id());
                state.at_work = state.by.is_some();
                None
            }
        };
        let_go(displaced);
    }

    /// Does `job` on this thread, unless it is at one already, further up.
    pub(crate) fn here(&self, job: impl FnOnce()) {
        if !std::mem::replace(&mut self.state.lock().at_work, true) {
            self.state.lock().by = Some(thread::current().id());
            run(job);
            self.state.lock().at_work = false;
            self.rests.notify_all();
        }
    }

    /// Waits until nothing is left to do, at most until `deadline`, and not for what this thread is at itself.
    pub(crate) fn wait(&self, clock: &Clock, deadline: u64) {
        let mut state = self.state.lock();
        let me = thread::current().id();
        while state.at_work && state.by.is_some_and(|thread| thread != me) && clock.now() < deadline {
            clock.wait(&self.rests, &mut state, Some(deadline));
        }
    }

    /// Has who waits look at the clock again.
    pub(crate) fn time_moved(&self) {
        drop(self.state.lock());
        self.rests.notify_all();
    }

    fn work(&self, mut job: Job) {
        loop {
            run(job);
            let mut state = self.state.lock();
            match state.next.take() {
                Some(next) => job = next,
                None => {
                    state.at_work = false;
                    self.rests.notify_all();
                    return;
                }
            }
        }
    }
}

fn run(job: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
        let_go(payload);
    }
}
