//! A server that is killed under load and started again, and what its callers have to say of it.

use crate::{Answer, Lost, Server, under_load};
use std::time::{Duration, Instant};

/// Callers at once.
const CALLERS: usize = 8;

/// What befell the callers of a server that was gone for a while.
pub struct Outage {
    answers: Vec<Answer>,
    killed: Instant,
    back: Instant,
}

impl Outage {
    /// Kills the server while it is asked, has it gone until 30 requests found no connection, and starts it again.
    pub fn of(server: &mut Server, ask: impl Fn() -> Result<(), Lost> + Sync) -> Self {
        let (answers, (killed, back)) = under_load(CALLERS, ask, |load| {
            load.until_served(Instant::now(), 100);
            let killed = Instant::now();
            server.kill();
            load.until_refused(killed, 30);
            let back = Instant::now();
            server.restart();
            load.until_served(Instant::now(), 100);
            (killed, back)
        });
        Self { answers, killed, back }
    }

    /// Holds them to what is promised: nobody lost before the kill; nobody waited half a `patience` for a server known to be dead; who
    /// got no connection heard one of the `causes`; at most `lost` requests went to connections that were dead, and none once the
    /// server was back.
    #[track_caller]
    pub fn was_true_and_early(&self, patience: Duration, causes: &[&str], lost: usize) {
        let slowest = self.answers.iter().map(Answer::took).max().expect("somebody asked");
        assert!(slowest < patience / 2, "somebody waited {slowest:?}, with a patience of {patience:?}");
        let mut on_connection = Vec::new();
        for answer in &self.answers {
            let Err(lost) = &answer.outcome else { continue };
            assert!(answer.answered >= self.killed, "before the kill: {lost:?}");
            match lost {
                Lost::NoConnection(text) => {
                    assert!(causes.iter().any(|cause| text.contains(cause)), "{text}");
                }
                Lost::OnConnection(text) => {
                    assert!(answer.asked < self.back, "once the server was back: {text}");
                    on_connection.push(text);
                }
            }
        }
        assert!(on_connection.len() <= lost, "lost on dead connections: {on_connection:#?}");
    }
}

/// An error with all that it stands on.
pub fn whole(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
