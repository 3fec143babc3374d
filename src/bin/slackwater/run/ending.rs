//! How a run ends: what ended it, the exit code. Whatever ends it, that is said once; see `closing` for what is said.

use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use slackwater::extract::Window;

use super::closing::{Closing, Job, Record};
use super::interrupt::{Signal, Signals};
use super::output::{Kept, Output};
use super::series::Counts;
use super::{FAILED, LOST, NO_OUTPUT, Noun, USAGE, complain};

/// How long an interrupted run may take over what is in hand and the lines that wait. Some never end: standard input that
/// nobody writes to, an output that nobody reads.
const GRACE: Duration = Duration::from_secs(2);

/// For how long of that nothing is said.
const SILENCE: Duration = Duration::from_millis(300);

/// A run, as seen by all its threads.
pub struct Run<J: Job> {
    pub window: Window,
    pub record: Mutex<J::Record>,
    /// What was found in the input, what there was besides, and whether all was looked at.
    pub found: AtomicU64,
    pub skipped: AtomicU64,
    pub walked: AtomicBool,
    pub noun: Noun,
    signal: OnceLock<Signal>,
    /// Why the input is not one that the run could go on with.
    refused: OnceLock<String>,
    /// Why nothing more can be done.
    gave_up: OnceLock<String>,
    /// How to say that the output could not be written.
    no_output: Box<dyn Fn(&io::Error) -> String + Send + Sync>,
    closing: Mutex<Option<Closing<J>>>,
}

/// What ended a run.
#[derive(Debug)]
pub enum End {
    /// All that was found is lines.
    Complete,
    /// Whoever read the output closed it.
    Closed,
    /// The output could not be written.
    NoOutput(String),
    Interrupted(Signal),
    /// The input is not that of the run that was to be gone on with.
    Refused(String),
    /// There was nothing to go on with.
    GaveUp(String),
    /// Fewer lines than were found: a bug.
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
            Self::GaveUp(_) => "gave_up",
            Self::Lost => "lost",
        }
    }

    /// What cut the run short, in a few words, if it is not said as an error of its own.
    pub fn cut(&self) -> Option<&'static str> {
        match self {
            Self::Closed => Some("the output was closed early"),
            Self::Interrupted(Signal::Interrupt) => Some("interrupted"),
            Self::Interrupted(Signal::Terminate) => Some("terminated"),
            Self::Complete | Self::NoOutput(_) | Self::Refused(_) | Self::GaveUp(_) | Self::Lost => None,
        }
    }
}

impl<J: Job> Run<J> {
    pub fn new(
        window: Window,
        record: J::Record,
        closing: Closing<J>,
        noun: Noun,
        no_output: Box<dyn Fn(&io::Error) -> String + Send + Sync>,
    ) -> Self {
        Self {
            window,
            record: Mutex::new(record),
            found: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            walked: AtomicBool::new(false),
            noun,
            signal: OnceLock::new(),
            refused: OnceLock::new(),
            gave_up: OnceLock::new(),
            no_output,
            closing: Mutex::new(Some(closing)),
        }
    }

    /// Stops this run at a signal. What is in hand is finished; if that takes too long, the run ends without them.
    pub fn stop_at(self: &Arc<Self>, signals: Signals) {
        let run = Arc::clone(self);
        let stop = move || {
            let Some(signal) = signals.wait() else { return };
            signals.let_through();
            let _ = run.signal.set(signal);
            // Nobody starts anything more: workers, walker and at last the main thread find nothing to do any more.
            run.window.close();
            thread::sleep(SILENCE);
            if run.closing.lock().is_some() {
                let said =
                    format!("stopping: the {} in hand have two seconds; once more ends it at once\n", run.noun.many);
                let _ = io::Write::write_all(&mut io::stderr(), said.as_bytes());
            }
            thread::sleep(GRACE - SILENCE);
            let stuck = run.closing.lock().take();
            if let Some(closing) = stuck {
                let leftovers = closing.leftovers.clone();
                let code = closing.end(&run, &End::Interrupted(signal));
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

    /// Nothing more can be done. Says so at the end.
    #[cfg_attr(not(feature = "process"), allow(dead_code, reason = "nothing is mapped without"))]
    pub fn give_up(&self, why: String) {
        let _ = self.gave_up.set(why);
        self.window.close();
    }

    /// What came in between, unless everything was done by then.
    fn interrupted(&self) -> Option<Signal> {
        let is_complete =
            self.walked.load(Relaxed) && self.record.lock().sums().tally.pages == self.found.load(Relaxed);
        self.signal.get().copied().filter(|_| !is_complete)
    }

    /// Ends the run: all threads are through, and this is what became of the lines. Returns the exit code.
    pub fn close(&self, output: Output, written: io::Result<()>) -> u8 {
        // The output first: while it is stuck, the thread that waits for signals can still end the run.
        let pause = |output: Output, end| match output.pause() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => End::NoOutput((self.no_output)(&error)),
            _ => end,
        };
        let end = match (self.refused.get(), self.gave_up.get(), self.interrupted()) {
            // What is on the disk stays as it is.
            (Some(why), ..) => End::Refused(why.clone()),
            // An unfinished file goes away with it, unless it is kept to go on with.
            (None, Some(why), _) => pause(output, End::GaveUp(why.clone())),
            (None, None, Some(signal)) => pause(output, End::Interrupted(signal)),
            (None, None, None) => match written.and_then(|()| output.finish()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => End::Closed,
                Err(error) => End::NoOutput((self.no_output)(&error)),
                Ok(()) if self.record.lock().sums().tally.pages != self.found.load(Relaxed) => End::Lost,
                Ok(()) => End::Complete,
            },
        };
        let Some(closing) = self.closing.lock().take() else {
            // The other thread is at it and will end the process.
            loop {
                thread::park();
            }
        };
        closing.end(self, &end)
    }

    /// Says what ended the run, if that is an error. Returns the exit code: of the whole output, as lines of an earlier run are in it too.
    pub fn told(&self, end: &End, record: &J::Record, kept: Kept, failed_before: u64) -> u8 {
        let Counts { pages: written, failures: failed, .. } = record.sums().tally;
        let (left, many) = (kept.how_to_go_on(), self.noun.many);
        match end {
            End::Closed => 0,
            End::NoOutput(why) => complain(NO_OUTPUT, why),
            End::Interrupted(signal) => {
                complain(signal.exit_code(), format_args!("{signal} after {written} {}{left}", self.noun.of(written)))
            }
            End::Refused(why) => complain(USAGE, why),
            End::GaveUp(why) => complain(NO_OUTPUT, format_args!("{why}{left}")),
            End::Lost => {
                let found = self.found.load(Relaxed);
                complain(
                    LOST,
                    format_args!("{found} {many} were found but {written} lines written; please report this bug"),
                )
            }
            End::Complete if failed + failed_before > 0 => FAILED,
            End::Complete => 0,
        }
    }
}

/// The end of a run that had nothing to do but to give files their names, as the one before was killed in the midst of that.
/// Returns the exit code.
pub fn was_complete(quiet: bool, noun: Noun, lines: u64, failed: u64) -> u8 {
    if !quiet {
        let told = format!("{lines} {}, {failed} failed; an earlier run did them all\n", noun.of(lines));
        let _ = io::Write::write_all(&mut io::stderr(), told.as_bytes());
    }
    if failed > 0 { FAILED } else { 0 }
}
