//! Reports to the `metrics` facade: every so often while the pool is in use, once when it falls asleep, and once at its end.

use super::{Aside, QUIET, nanos};
use crate::core::sync::around::Mutex;
use crate::error::let_go;
use crate::manager::Manager;
use crate::observe::{MetricsReporter, Snapshot, say};
use crate::pool::Inner;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

#[derive(Default)]
pub(crate) struct Reports {
    pub(crate) aside: Arc<Aside>,
    /// Taken out while it reports: the recorder runs under no lock.
    reporter: Arc<Mutex<Option<MetricsReporter>>>,
    /// Whether a pool without threads is to report at the end of its tick.
    due: AtomicBool,
}

/// The last report: when, of what, and whether the pool was at rest.
#[derive(Clone, Copy)]
pub(super) struct Reported {
    at: u64,
    look: u64,
    at_rest: bool,
}

impl<M: Manager> Inner<M> {
    /// Reports if it is time to. Returns when it next is: never for a pool at rest whose last report still holds.
    pub(super) fn report_metrics(&self, now: u64) -> Option<u64> {
        let interval = nanos(self.config().metrics_interval?);
        let (last, at_rest) = {
            let state = self.keeper.lock();
            (state.reported, now.saturating_sub(state.last_use.max(state.last_wait)) >= QUIET)
        };
        // Before the snapshot is taken: what moves meanwhile is news.
        let look = self.look_of_all();
        if let Some(last) = last {
            let due = last.at.saturating_add(interval);
            if at_rest && last.at_rest && look == last.look {
                return None;
            }
            let falls_asleep = at_rest && !last.at_rest;
            if now < due && !falls_asleep {
                return Some(due);
            }
        }
        self.keeper.lock().reported = Some(Reported { at: now, look, at_rest });
        if self.is_manual() {
            self.reports.due.store(true, SeqCst);
        } else if self.reports.aside.takes() {
            self.ask_for_report();
        }
        // At rest nobody wakes for the next one, unless there is something new.
        (!at_rest).then(|| now.saturating_add(interval))
    }

    fn ask_for_report(&self) {
        let (snapshot, reporter, pool) = (self.snapshot(), Arc::clone(&self.reports.reporter), self.to_string());
        self.reports.aside.ask(self.thread_called("metrics"), Box::new(move || report(&reporter, snapshot, &pool)));
    }

    pub(super) fn report_here(&self) {
        if self.reports.due.swap(false, SeqCst) {
            self.reports.aside.here(|| report(&self.reports.reporter, self.snapshot(), &self.to_string()));
        }
    }

    pub(super) fn report_the_end(&self) {
        if self.config().metrics_interval.is_none() {
            return;
        }
        if self.is_manual() {
            self.reports.due.store(true, SeqCst);
        } else {
            self.ask_for_report();
        }
    }
}

/// The recorder is the program's: it may panic, and then has lost what it was told just then.
fn report(reporter: &Mutex<Option<MetricsReporter>>, snapshot: Snapshot, pool: &str) {
    let mut mine = reporter.lock().take().unwrap_or_default();
    let reported = catch_unwind(AssertUnwindSafe(|| mine.report(&snapshot)));
    *reporter.lock() = Some(mine);
    if let Err(payload) = reported {
        let_go(payload);
        say(log::Level::Warn, &pool, format_args!("the recorder of metrics panicked"));
    }
    // It may hold the last copy of an error of the manager's.
    let_go(snapshot);
}

#[cfg(test)]
mod tests {
    use crate::{Keeper, Pool};
    use std::time::Duration;

    #[test]
    fn a_pool_at_rest_asks_for_no_wake_on_account_of_reports() {
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0))).keeper(Keeper::Manual);
        let pool = pool.metrics_interval(Duration::from_secs(10)).build().unwrap();
        let (inner, second) = (&pool.inner, 1_000_000_000);
        let my_turn = inner.turns.take();
        let now = inner.now() + second / 2;
        assert_eq!(inner.report_metrics(now), Some(now + 10 * second), "just built");
        assert_eq!(inner.report_metrics(now + second / 4), Some(now + 10 * second));
        // It comes to rest, and then nothing happens.
        for rest in 2..100 {
            assert_eq!(inner.report_metrics(now + rest * second), None);
        }
        // What happens all the same is told in time, once.
        inner.counts.long_holds.add_one();
        assert_eq!(inner.report_metrics(now + 3 * second), Some(now + 12 * second));
        assert_eq!(inner.report_metrics(now + 12 * second), None);
        assert_eq!(inner.report_metrics(now + 13 * second), None);
        drop(my_turn);
        assert_eq!(pool.close(Duration::from_secs(10)).destroyed, 1);
    }
}
