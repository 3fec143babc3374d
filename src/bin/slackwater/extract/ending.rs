//! How a run ends: the summary, the report, the exit code. Whatever ends it, that is said once.

use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use slackwater::extract::Window;

use super::dashboard::Dashboard;
use super::interrupt::{Signal, Signals};
use super::output::{Kept, Leftovers, NamedFile, Output};
use super::record::Record;
use super::report::{self, Setting};
use super::stats::{self, Stats};
use super::terminal::{Progress, Summary};
use super::work::Shared;
use super::{FAILED_PAGES, LOST_PAGES, NO_OUTPUT, USAGE, complain};

/// How long an interrupted run may take over the pages in hand and the lines that wait. Some never end: standard input that
/// nobody writes to, an output that nobody reads.
const GRACE: Duration = Duration::from_secs(2);

/// For how long of that nothing is said.
const SILENCE: Duration = Duration::from_millis(300);
const STOPPING: &str = "stopping: the pages in hand have two seconds; once more ends it at once\n";

/// A run, as seen by all its threads.
pub struct Run {
    pub window: Window,
    pub record: Mutex<Record>,
    /// Pages found, files of folders that are no pages, and whether the walk came to its end.
    pub found: AtomicU64,
    pub skipped: AtomicU64,
    pub walked: AtomicBool,
    signal: OnceLock<Signal>,
    /// Why the input is not one that the run could go on with.
    refused: OnceLock<String>,
    /// How to say that the output could not be written.
    no_output: Box<dyn Fn(&io::Error) -> String + Send + Sync>,
    closing: Mutex<Option<Closing>>,
}

/// What it takes to end a run. Whoever takes it ends it: the main thread, or the one that waits for signals if that one is stuck.
pub struct Closing {
    pub quiet: bool,
    pub progress: Progress,
    pub shared: Arc<Shared>,
    pub report: Option<(Setting, NamedFile)>,
    pub dashboard: Option<Dashboard>,
    pub stats: stats::Wanted,
    /// What to take away if the main thread cannot.
    pub leftovers: Leftovers,
    pub kept: Kept,
    /// Pages that earlier runs did.
    pub resumed: u64,
    /// Those of them that failed.
    pub failed_before: u64,
}

/// What ended a run.
#[derive(Debug)]
pub enum End {
    /// All pages found are lines.
    Complete,
    /// Whoever read the output closed it.
    Closed,
    /// The output could not be written.
    NoOutput(String),
    Interrupted(Signal),
    /// The input is not that of the run that was to be gone on with.
    Refused(String),
    /// Fewer lines than pages: a bug.
    Lost,
}

impl End {
    /// Its name for programs.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Closed => "closed",
            Self::NoOutput(_) => "no_output",
            Self::Interrupted(Signal::Interrupt) => "interrupted",
            Self::Interrupted(Signal::Terminate) => "terminated",
            Self::Refused(_) => "refused",
            Self::Lost => "lost",
        }
    }
}

impl Run {
    pub fn new(
        window: Window,
        record: Record,
        closing: Closing,
        no_output: Box<dyn Fn(&io::Error) -> String + Send + Sync>,
    ) -> Self {
        Self {
            window,
            record: Mutex::new(record),
            found: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            walked: AtomicBool::new(false),
            signal: OnceLock::new(),
            refused: OnceLock::new(),
            no_output,
            closing: Mutex::new(Some(closing)),
        }
    }

    /// Stops this run at a signal. Pages in hand are finished; if that takes too long, the run ends without them.
    pub fn stop_at(self: &Arc<Self>, signals: Signals) {
        let run = Arc::clone(self);
        let stop = move || {
            let Some(signal) = signals.wait() else { return };
            signals.let_through();
            let _ = run.signal.set(signal);
            // Nobody starts another page: workers, walker and at last the main thread find nothing to do any more.
            run.window.close();
            thread::sleep(SILENCE);
            if run.closing.lock().is_some() {
                let _ = io::Write::write_all(&mut io::stderr(), STOPPING.as_bytes());
            }
            thread::sleep(GRACE - SILENCE);
            let stuck = run.closing.lock().take();
            if let Some(closing) = stuck {
                let leftovers = closing.leftovers.clone();
                let code = run.end(closing, &End::Interrupted(signal));
                // The report went by its own way; the lines never will.
                leftovers.remove();
                process::exit(code.into());
            }
        };
        // Without that thread a signal could not stop the run at all.
        if thread::Builder::new().name("signals".to_owned()).spawn(stop).is_err() {
            Signals::hold_back().let_through();
        }
    }

    /// The run cannot go on with this input. Says so at its end; `false`, for whoever walks.
    pub fn refuse(&self, why: String) -> bool {
        let _ = self.refused.set(why);
        false
    }

    /// What came in between, unless everything was done by then.
    fn interrupted(&self) -> Option<Signal> {
        let is_complete = self.walked.load(Relaxed) && self.record.lock().tally.pages == self.found.load(Relaxed);
        self.signal.get().copied().filter(|_| !is_complete)
    }

    /// Ends the run: all threads are through, and this is what became of the lines. Returns the exit code.
    pub fn close(&self, output: Output, written: io::Result<()>) -> u8 {
        // The output first: while it is stuck, the thread that waits for signals can still end the run.
        let end = match (self.refused.get(), self.interrupted()) {
            // What is on the disk stays as it is.
            (Some(why), _) => End::Refused(why.clone()),
            // An unfinished file goes away with it, unless it is kept to go on with.
            (None, Some(signal)) => match output.pause() {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => End::NoOutput((self.no_output)(&error)),
                _ => End::Interrupted(signal),
            },
            (None, None) => match written.and_then(|()| output.finish()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => End::Closed,
                Err(error) => End::NoOutput((self.no_output)(&error)),
                Ok(()) if self.record.lock().tally.pages != self.found.load(Relaxed) => End::Lost,
                Ok(()) => End::Complete,
            },
        };
        let Some(closing) = self.closing.lock().take() else {
            // The other thread is at it and will end the process.
            loop {
                thread::park();
            }
        };
        self.end(closing, &end)
    }

    fn end(&self, closing: Closing, end: &End) -> u8 {
        let Closing { quiet, progress, shared, report, dashboard, stats, kept, resumed, failed_before, .. } = closing;
        let record = self.record.lock();
        let took = record.started.elapsed();
        let (found, skipped) = (self.found.load(Relaxed), self.skipped.load(Relaxed));
        progress.finish();
        let cut = match end {
            End::Closed => Some("the output was closed early"),
            End::Interrupted(Signal::Interrupt) => Some("interrupted"),
            End::Interrupted(Signal::Terminate) => Some("terminated"),
            End::Complete | End::NoOutput(_) | End::Refused(_) | End::Lost => None,
        };
        if !quiet && !stats.on_stderr {
            let summary =
                Summary { tally: record.tally, took, skipped, waits: record.waits.distribution(), resumed, cut };
            // Standard error may be gone too; there is nobody left to tell.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{summary}{}\n", shared.css()));
        }
        dashboard.into_iter().for_each(|dashboard| dashboard.close(quiet));
        let code = match end {
            End::Closed => 0,
            End::NoOutput(why) => complain(NO_OUTPUT, why),
            End::Interrupted(signal) => {
                let left = kept.how_to_go_on();
                complain(signal.exit_code(), format_args!("{signal} after {} pages{left}", record.tally.pages))
            }
            End::Refused(why) => complain(USAGE, why),
            End::Lost => complain(
                LOST_PAGES,
                format_args!(
                    "{found} pages were found but {} lines written; please report this bug",
                    record.tally.pages
                ),
            ),
            // Of the whole output: lines of an earlier run are in it too.
            End::Complete if record.tally.failures + failed_before > 0 => FAILED_PAGES,
            End::Complete => 0,
        };
        let code = match report {
            None => code,
            Some((setting, output)) => {
                let run = report::Outcome { end, record: &record, took, found, skipped, pools: shared.snapshots() };
                match report::write(output, &setting, &run) {
                    Ok(()) => code,
                    Err(error) => code.max(complain(NO_OUTPUT, report::not_written(&setting.path, &error))),
                }
            }
        };
        let (engine, component) = (shared.css(), shared.component());
        stats.write(Stats { end, exit_code: code, record: &record, took, skipped, resumed, engine, component })
    }
}

/// The end of a run that had nothing to do but to give files their names, as the one before was killed in the midst of that.
/// Returns the exit code.
pub fn was_complete(quiet: bool, pages: u64, failed: u64) -> u8 {
    if !quiet {
        let told = format!("{pages} pages, {failed} failed; an earlier run did them all\n");
        let _ = io::Write::write_all(&mut io::stderr(), told.as_bytes());
    }
    if failed > 0 { FAILED_PAGES } else { 0 }
}
