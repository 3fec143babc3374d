//! Telling the program what happens: its log, and its recorder of metrics. Neither is waited for, but at the very end.

use super::Aside;
use crate::manager::Manager;
use crate::pool::{Inner, KEEPER_GRACE};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

impl<M: Manager> Inner<M> {
    /// Has the lines said that were noted. Without threads they wait for the end of the tick.
    pub(super) fn tell_aside(&self) -> Option<u64> {
        if !self.is_manual() && self.subscribers.journal.has_news() {
            let (journal, pool) = (Arc::clone(&self.subscribers.journal), self.to_string());
            self.herald.ask(self.thread_called("log"), Box::new(move || journal.tell(&pool)));
        }
        None
    }

    /// Says and reports what there is, on this thread, for a pool that has no others. Nothing is held here.
    pub(crate) fn tell_here(&self) {
        if !self.is_manual() {
            return;
        }
        if self.subscribers.journal.has_news() {
            self.herald.here(|| self.subscribers.journal.tell(&self.to_string()));
        }
        #[cfg(feature = "metrics")]
        self.report_here();
    }

    /// The last lines and the last report of a pool whose threads have ended. A `deadline` is waited for, though not for long: the
    /// program may end next.
    pub(crate) fn tell_the_end(&self, deadline: Option<u64>) {
        self.told.ended.store(true, SeqCst);
        self.tell_what_is_left();
        self.tell_here();
        if let Some(deadline) = deadline {
            let most = deadline.min(self.now().saturating_add(KEEPER_GRACE));
            let wait = |aside: &Aside| aside.wait(&self.clock, most);
            wait(&self.herald);
            #[cfg(feature = "metrics")]
            wait(&self.reports.aside);
        }
    }

    /// As much for what came back after that.
    pub(crate) fn tell_what_is_left(&self) {
        if self.told.ended.load(SeqCst) {
            self.tell_aside();
            #[cfg(feature = "metrics")]
            self.report_the_end();
        }
    }

    pub(super) fn thread_called(&self, what: &str) -> String {
        format!("{}-{what}", self.config().name.as_deref().unwrap_or("pool"))
    }
}
