//! `slackwater extract`.
//!
//! ```text
//! walker thread --tickets--> workers, a rayon pool --lines--> this thread: reorder, write, count
//!       ^                        ^  wait in the window                |
//!       +-- blocks: few tickets --+-------- written <-----------------+
//! ```
//! Everything between walker and output is bounded, so memory does not depend on the number of pages.

use std::mem;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Instant;

use clap::ArgMatches;
use crossbeam_channel::{Receiver, Sender, bounded};
use slackwater::extract::Window;

mod ahead;
mod args;
mod closing;
mod component;
mod engine;
mod failure;
pub mod fields;
mod glob;
mod input;
mod list;
mod options;
mod output;
mod record;
mod report;
mod stats;
mod tickets;
mod work;

use crate::run::closing::Closing;
use crate::run::dashboard::Dashboard;
use crate::run::ending;
use crate::run::interrupt::Signals;
use crate::run::output::Opened;
use crate::run::stats::Wanted;
use crate::run::terminal::{Progress, Total};
use crate::run::writing::{self, Order};
use crate::run::{NO_OUTPUT, Noun, USAGE, complain};
use ahead::Ahead;
pub use args::{Args, timeout};
use closing::Extraction;
use input::Walk;
use list::List;
use record::Record;
use tickets::{Batch, Lobby, Ticket, Tickets};
use work::{Line, Shared, Worker};

/// The progress is formatted once in so many pages.
const SHOWN_ONE_IN: u64 = 32;

type Run = ending::Run<Extraction>;

const PAGES: Noun = Noun { one: "page", many: "pages" };

/// Batches found ahead of the workers. Enough to hide a slow folder, small beside one page.
const AHEAD: usize = 64;

/// Bytes of lines after which a worker does not wait for its batch to be complete.
const FULL_BATCH: usize = 64 << 10;

/// Pages a thread may be ahead of the slowest one, and the bytes of lines that may wait for it. The bytes are what bounds
/// memory; the pages only keep the bookkeeping small while one takes as long as thousands of others.
const WINDOW_PAGES_PER_THREAD: u64 = 2048;
const WINDOW_BYTES: u64 = 16 << 20;

/// Runs the command. `typed` are the raw matches `args` came from.
pub fn run(args: Args, typed: &ArgMatches) -> ExitCode {
    ExitCode::from(started(args, typed).unwrap_or_else(|(code, why)| complain(code, why)))
}

/// Sets a run up and carries it out. Returns its exit code.
/// # Errors
/// What stands in the way of its start, with the exit code for that.
fn started(args: Args, typed: &ArgMatches) -> Result<u8, (u8, String)> {
    let fields = args.fields(typed);
    let (recipe, recipe_text) = fields::recipe(args.recipe.as_deref(), &fields).map_err(|why| (USAGE, why))?;
    args.check_places().map_err(|why| (USAGE, why))?;
    let engines = args.engine.over(&recipe).map_err(|why| {
        (USAGE, format!("--engine streaming: {why}; leave the field out, or run with --engine auto or dom"))
    })?;
    let list = args.input.list().map_err(|why| (NO_OUTPUT, why))?;
    // Before there are threads: each has the signals held back that the one had which started it.
    let signals = Signals::hold_back();
    let threads = args.threads();
    let component = args.component.build(&recipe, args.pool_size(), args.page_timeout).map_err(|why| (USAGE, why))?;
    let shared = Shared::build(&recipe, engines, component, args.pool_size()).map_err(|why| (NO_OUTPUT, why))?;
    let shared = Arc::new(shared);
    let rayon = work::threads(threads).map_err(|why| (NO_OUTPUT, why))?;
    let dashboard = args.dashboard.as_ref().map(|address| Dashboard::open(shared.served_at(address))).transpose()?;
    let no_output = args.no_output();
    let recipe_file = recipe_text.map(|text| ("the recipe", text));
    let files: Vec<_> =
        recipe_file.into_iter().chain(shared.digest().map(|digest| ("the component", digest))).collect();
    let (encoder, mut output) = match output::open(&args, typed, &recipe, &files)? {
        (encoder, Opened::Ready(output)) => (encoder, *output),
        (_, Opened::Complete { lines, failed }) => return Ok(ending::was_complete(args.quiet, PAGES, lines, failed)),
    };
    let report = report::open(&args, &fields).map_err(|why| (NO_OUTPUT, why))?;
    let (resumed, done) = output.done(PAGES);

    let progress = Progress::start(args.quiet, output.is_terminal(), PAGES);
    let window = Window::new(threads as u64 * WINDOW_PAGES_PER_THREAD, WINDOW_BYTES);
    let record = Record::new(Instant::now(), report.is_some());
    let closing = Closing {
        quiet: args.quiet,
        progress: progress.clone(),
        dashboard,
        stats: Wanted::open(args.out.stats.is_some(), args.out.stats_to.as_deref()).map_err(|why| (NO_OUTPUT, why))?,
        leftovers: output.leftovers(),
        kept: output.kept(),
        resumed,
        failed_before: output.failed_before(),
        job: Extraction { shared: Arc::clone(&shared), report },
    };
    let run = Arc::new(Run::new(window, record, closing, PAGES, Box::new(no_output)));
    run.stop_at(signals);

    let (to_workers, tickets) = bounded(AHEAD);
    let (to_output, lines) = bounded(2 * threads);
    let (ahead, lobby) = (Ahead::default(), Lobby::default());
    let order = match (args.out.resume, args.ordered) {
        (true, _) => Order::Resumable,
        (false, true) => Order::Input,
        (false, false) => Order::AsReady,
    };
    let written = thread::scope(|scope| {
        let (args, run, shared, rayon, encoder) = (&args, &*run, &*shared, &rayon, &encoder);
        let (ahead, lobby) = (&ahead, &lobby);
        let (recipe, limits) = (&recipe, (args.max_bytes, args.page_timeout));
        let listed = list.is_some();
        if progress.is_shown() {
            scope.spawn(move || ahead.count(&input_of(args, None), listed));
        }
        let in_order = order != Order::AsReady;
        scope.spawn(move || walk(args, list, run, Tickets::new(run, done, lobby, in_order, to_workers)));
        scope.spawn(move || {
            rayon.broadcast(|_| {
                work(Worker::new(shared, recipe, encoder, limits), &tickets, lobby, &to_output, &run.window)
            });
        });
        let total = || match run.walked.load(Relaxed) {
            true => Total::Exactly(run.found.load(Relaxed)),
            false => ahead.total().after(resumed),
        };
        let written = writing::write(&mut output, &lines, order, |output, mut line: Line| {
            output.write(line.key, mem::take(&mut line.row), line.failure.is_some())?;
            run.window.written(line.size);
            let mut record = run.record.lock();
            record.line(line);
            progress.show(record.sums.tally, record.sums.started, SHOWN_ONE_IN, total);
            Ok(())
        });
        // Workers find nobody to take their lines.
        drop(lines);
        ahead.stop();
        // From here on nobody takes lines: workers and walker find their channels closed and end.
        run.window.close();
        written
    });
    Ok(run.close(output, written))
}

/// The input as it was typed.
fn input_of(args: &Args, list: Option<List>) -> Walk<'_> {
    Walk {
        paths: &args.paths,
        list,
        json: args.input.json_fields(),
        archives: !args.input.no_archives,
        max_bytes: args.max_bytes,
    }
}

/// Gives every page found its ticket, but those that were done by an earlier run.
fn walk(args: &Args, list: Option<List>, run: &Run, mut tickets: Tickets) {
    let walk = input_of(args, list);
    let to_the_end = walk.run(&mut tickets);
    run.walked.store(to_the_end, Relaxed);
    if let Err(changed) = tickets.end(to_the_end) {
        run.refuse(changed);
    }
}

/// What a worker does next: what was handed on, else what waits; else it waits for what is handed on. Nothing once all is done.
fn next(tickets: &Receiver<Batch>, lobby: &Lobby) -> Option<Vec<Ticket>> {
    match tickets.try_recv() {
        Ok(batch) => Some(batch.begin()),
        Err(_) => match lobby.take() {
            Some(ticket) => Some(vec![ticket]),
            None => tickets.recv().ok().map(Batch::begin),
        },
    }
}

/// One worker's run, until there are no more tickets or nobody wants lines.
fn work(
    mut worker: Worker,
    tickets: &Receiver<Batch>,
    lobby: &Lobby,
    to_output: &Sender<Vec<(u64, Line)>>,
    window: &Window,
) {
    while let Some(batch) = next(tickets, lobby) {
        let mut done = Vec::new();
        let mut bytes = 0;
        for (ticket, source, share) in batch {
            if bytes >= FULL_BATCH || !window.is_open_for(ticket) {
                bytes = 0;
                if to_output.send(mem::take(&mut done)).is_err() {
                    return;
                }
            }
            if !window.enters(ticket) {
                // If it was a signal that closed the window, what is finished is still wanted.
                let _ = to_output.send(done);
                return;
            }
            let line = worker.page(source);
            drop(share);
            window.finished(line.size);
            bytes += line.row.len();
            done.push((ticket, line));
        }
        if to_output.send(done).is_err() {
            break;
        }
    }
}
