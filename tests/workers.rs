//! Workers: threads that own resources which never leave them, and the jobs they run.

#[path = "support/mod.rs"]
mod support;

#[path = "workers/answers.rs"]
mod answers;
#[path = "workers/closing.rs"]
mod closing;
#[path = "workers/inside.rs"]
mod inside;
#[path = "workers/local.rs"]
mod local;
#[path = "workers/map.rs"]
mod map;
#[path = "workers/mechanism.rs"]
mod mechanism;
#[path = "workers/order.rs"]
mod order;
#[path = "workers/scope.rs"]
mod scope;
#[path = "workers/sessions.rs"]
mod sessions;
#[path = "workers/storm.rs"]
mod storm;
#[path = "workers/time.rs"]
mod time;
#[path = "workers/trays.rs"]
mod trays;

use slackwater::{LocalManager, Ticket, Workers};
use std::sync::mpsc;
use support::WATCHDOG;

/// Closes `workers` and holds them to the promise every test ends with.
#[track_caller]
fn closes_balanced<M: LocalManager>(workers: &Workers<M>) {
    let report = workers.close(WATCHDOG);
    assert!(report.is_complete(), "{report}");
    support::closes_balanced(workers.pool());
}

/// A job that holds its worker until it is let go of: has begun once this returns.
struct Held {
    go: mpsc::Sender<()>,
    ticket: Ticket<()>,
}

impl Held {
    #[track_caller]
    fn at<M: LocalManager>(workers: &Workers<M>) -> Held {
        let (begun, has_begun) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let ticket = workers.submit(move |_| {
            begun.send(()).unwrap();
            // An error is the end of a test that failed.
            let _ = may_go.recv_timeout(3 * WATCHDOG);
        });
        let ticket = ticket.unwrap();
        has_begun.recv_timeout(WATCHDOG).unwrap();
        Held { go, ticket }
    }

    #[track_caller]
    fn end(self) {
        self.go.send(()).unwrap();
        self.ticket.wait().unwrap();
    }
}
