//! `slackwater extract`.
//!
//! ```text
//! walker thread --tickets--> workers, a rayon pool --lines--> this thread: reorder, write, count
//!       ^                        ^  wait in the window                |
//!       +-- blocks: few tickets --+-------- written <-----------------+
//! ```
//! Everything between walker and output is bounded, so memory does not depend on the number of pages.

use std::fmt::Display;
use std::io;
use std::mem;
use std::process::ExitCode;
use std::thread;

use clap::ArgMatches;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use hdrhistogram::Histogram;
use slackwater::extract::{Reorder, Window};

mod args;
mod input;
mod output;
mod report;
mod work;

pub use args::Args;
use input::Source;
use output::Output;
use report::{Progress, Summary};
use work::{Line, Shared, Worker, new_waits};

/// Pages are handed on in batches: waking a thread for each made 50 000 to 75 000 context switches over the 48 000 pages of the
/// reference input, batches make 11 000, and the run is some 4 % shorter. A run starts with single pages, so that a few pages
/// use all threads, and grows its batches by one every so many pages, up to the limit.
const BATCH: u64 = 16;
const BATCH_GROWS_EVERY: u64 = 64;

/// Batches found ahead of the workers. Enough to hide a slow folder, small beside one page.
const AHEAD: usize = 64;

/// Bytes of lines after which a worker does not wait for its batch to be complete.
const FULL_BATCH: usize = 64 << 10;

/// Pages a thread may be ahead of the slowest one, and the bytes of lines that may wait for it. The bytes are what bounds
/// memory; the pages only keep the bookkeeping small while one takes as long as thousands of others.
const WINDOW_PAGES_PER_THREAD: u64 = 2048;
const WINDOW_BYTES: u64 = 16 << 20;

const FAILED_PAGES: u8 = 1;
const USAGE: u8 = 2;
const NO_OUTPUT: u8 = 3;
const LOST_PAGES: u8 = 4;

/// Runs the command. `typed` are the raw matches `args` came from.
pub fn run(args: Args, typed: &ArgMatches) -> ExitCode {
    let recipe = match args.recipe(typed) {
        Ok(recipe) => recipe,
        Err((option, mistake)) => return refuse(USAGE, format_args!("{option}: {mistake}")),
    };
    let threads = args.threads();
    let set_up = Shared::build(&recipe, args.pool_size()).and_then(|shared| Ok((shared, work::threads(threads)?)));
    let (shared, rayon) = match set_up {
        Ok(set_up) => set_up,
        Err(why) => return refuse(NO_OUTPUT, why),
    };
    let mut output = match Output::open(args.output.as_deref()) {
        Ok(output) => output,
        Err(error) => return refuse(NO_OUTPUT, no_output(&args, &error)),
    };

    let window = Window::new(threads as u64 * WINDOW_PAGES_PER_THREAD, WINDOW_BYTES);
    let (to_workers, tickets) = bounded(AHEAD);
    let (to_output, lines) = bounded(2 * threads);
    let mut progress = Progress::start(args.quiet, output.is_terminal());
    let (found, skipped, waits, written) = thread::scope(|scope| {
        let walker = scope.spawn(|| walk(&args, to_workers));
        let (window, shared, rayon) = (&window, &shared, &rayon);
        let (names, max_bytes) = (recipe.names(), args.max_bytes);
        let workers = scope.spawn(move || {
            let waits = rayon.broadcast(|_| work(Worker::new(shared, names, max_bytes), &tickets, &to_output, window));
            merged(&waits)
        });
        let written = write(&mut output, lines, args.ordered, window, &mut progress);
        // From here on nobody takes lines: workers and walker find their channels closed and end.
        window.close();
        let (found, skipped) = walker.join().expect("the walker does not panic");
        (found, skipped, workers.join().expect("pages that panic are caught"), written)
    });
    let finished = written.and_then(|()| output.finish());
    let (tally, took) = progress.finish();

    let cut = finished.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    if !args.quiet {
        let summary = Summary { tally, took, skipped, waits: &waits, cut };
        // Standard error may be gone too; there is nobody left to tell.
        let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{summary}\n"));
    }
    match finished {
        _ if cut => ExitCode::SUCCESS,
        Err(error) => refuse(NO_OUTPUT, no_output(&args, &error)),
        Ok(()) if tally.pages != found => refuse(
            LOST_PAGES,
            format_args!("{found} pages were found but {} lines written; please report this bug", tally.pages),
        ),
        Ok(()) if tally.failures > 0 => ExitCode::from(FAILED_PAGES),
        Ok(()) => ExitCode::SUCCESS,
    }
}

/// A page and its place in the input.
type Ticket = (u64, Source);

/// Gives every page found its ticket. Returns the pages found and the files skipped.
fn walk(args: &Args, to_workers: Sender<Vec<Ticket>>) -> (u64, u64) {
    let mut found = 0;
    let mut batch = Vec::new();
    let skipped = input::walk(&args.paths, |source| {
        batch.push((found, source));
        found += 1;
        let enough = (1 + found / BATCH_GROWS_EVERY).min(BATCH);
        (batch.len() as u64) < enough || to_workers.send(mem::take(&mut batch)).is_ok()
    });
    // Nobody to take it is the end of a run whose output was closed.
    let _ = to_workers.send(batch);
    (found, skipped)
}

/// One worker's run, until there are no more tickets or nobody wants lines.
fn work(
    mut worker: Worker,
    tickets: &Receiver<Vec<Ticket>>,
    to_output: &Sender<Vec<(u64, Line)>>,
    window: &Window,
) -> Histogram<u64> {
    for batch in tickets {
        let mut done = Vec::new();
        let mut bytes = 0;
        for (ticket, source) in batch {
            if bytes >= FULL_BATCH || !window.is_open_for(ticket) {
                bytes = 0;
                if to_output.send(mem::take(&mut done)).is_err() {
                    return worker.waits;
                }
            }
            if !window.enters(ticket) {
                return worker.waits;
            }
            let line = worker.page(&source);
            window.finished(line.json.len() as u64);
            bytes += line.json.len();
            done.push((ticket, line));
        }
        if to_output.send(done).is_err() {
            break;
        }
    }
    worker.waits
}

/// Writes lines as they come, or in order. Returns at the end of lines or at the first error.
fn write(
    output: &mut Output,
    lines: Receiver<Vec<(u64, Line)>>,
    ordered: bool,
    window: &Window,
    progress: &mut Progress,
) -> io::Result<()> {
    let mut put = |output: &mut Output, line: Line| -> io::Result<()> {
        output.write(&line.json)?;
        window.written(line.json.len() as u64);
        progress.line(&line);
        Ok(())
    };
    let mut reorder = Reorder::new();
    loop {
        let batch = match lines.try_recv() {
            Ok(batch) => batch,
            Err(TryRecvError::Empty) => {
                output.idle()?;
                let Ok(batch) = lines.recv() else { break };
                batch
            }
            Err(TryRecvError::Disconnected) => break,
        };
        for (ticket, line) in batch {
            if !ordered {
                put(output, line)?;
                continue;
            }
            reorder.put(ticket, line);
            while let Some(line) = reorder.pop() {
                put(output, line)?;
            }
        }
    }
    // Only a lost page leaves anything here. What is there is written, and the count at the end tells.
    reorder.into_rest().try_for_each(|line| put(output, line))
}

fn merged(parts: &[Histogram<u64>]) -> Histogram<u64> {
    let mut all = new_waits();
    for part in parts {
        all.add(part).expect("histograms that grow take each other");
    }
    all
}

fn no_output(args: &Args, error: &io::Error) -> String {
    match &args.output {
        Some(path) => format!("cannot write {}: {error}; choose another place with -o", path.display()),
        None => format!("cannot write to standard output: {error}; write to a file with -o"),
    }
}

/// Says why and with which code it ends.
fn refuse(code: u8, why: impl Display) -> ExitCode {
    let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("error: {why}\n"));
    ExitCode::from(code)
}
