//! A run from its beginning to its end.

use std::fs;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Instant;

use clap::{ArgMatches, Args as _, Command};
use crossbeam_channel::{Receiver, Sender, bounded};
use slackwater::extract::Window;
use slackwater::http::Server;

use super::args::Args;
use super::call::{Caller, NoWorker};
use super::closing::Mapping;
use super::input::{Line, Lines};
use super::record::{Done, Record};
use super::workers::Workers;
use crate::run::budget::{Budget, Share};
use crate::run::closing::Closing;
use crate::run::dashboard::Dashboard;
use crate::run::ending::{self, was_complete};
use crate::run::files::{self, Division, Form, Json, key};
use crate::run::interrupt::Signals;
use crate::run::output::{Opened, Output, Wanted, not_written};
use crate::run::terminal::{Progress, Total};
use crate::run::writing::{self, Order};
use crate::run::{NO_OUTPUT, Noun, USAGE, arguments, stats};

type Run = ending::Run<Mapping>;

const LINES: Noun = Noun { one: "line", many: "lines" };

/// Lines read ahead of the workers, and their bytes: enough that none waits, little beside what a worker takes.
const AHEAD: usize = 256;
const WAITING_BYTES: usize = 24 << 20;

/// Lines a worker may be ahead of the slowest, and the bytes of answers that may wait for that one.
const WINDOW_LINES_PER_WORKER: u64 = 2048;
const WINDOW_BYTES: u64 = 64 << 20;

/// What may be different from one run to the next that goes on with it.
const MAY_CHANGE: [&str; 13] = [
    "input",
    "size",
    "ordered",
    "retries",
    "idempotent",
    "timeout",
    "ready_within",
    "progress",
    "quiet",
    "dashboard",
    "stats",
    "stats_to",
    "checkpoint",
];

/// A line and its place in the input, and what it holds of the memory for those that wait.
type Ticket = (u64, Line, Share);

/// Sets a run up and carries it out. Returns its exit code.
/// # Errors
/// What stands in the way of its start, with the exit code for that.
pub fn started(args: Args, typed: &ArgMatches) -> Result<u8, (u8, String)> {
    args.check().map_err(|why| (USAGE, why))?;
    let lines = Lines::open(args.input(), args.max_bytes.into()).map_err(|error| {
        let path = args.input().unwrap_or(Path::new("-"));
        (NO_OUTPUT, format!("cannot read {}: {error}; check the path", path.display()))
    })?;
    // Before there are threads: each has the signals held back that the one had which started it.
    let signals = Signals::hold_back();
    let no_output = not_written(args.output.clone(), args.resume);
    let command = Args::augment_args(Command::new("map"));
    let wanted = Wanted {
        path: args.lines_to(),
        form: Arc::new(Json),
        division: Division::Single,
        failures: args.failures.as_deref().map(|path| (path, Arc::new(Json) as Arc<dyn Form>)),
        resume: args.resume.then(|| arguments::of(&command, typed, &MAY_CHANGE)),
        checkpoint: args.checkpoint,
    };
    let mut output = match wanted.open(&no_output)? {
        Opened::Ready(output) => *output,
        Opened::Complete { lines, failed } => return Ok(was_complete(args.quiet, LINES, lines, failed)),
    };
    let stats = stats::Wanted::open(args.stats.is_some(), args.stats_to.as_deref()).map_err(|why| (NO_OUTPUT, why))?;
    let workers = Arc::new(Workers::start(&args)?);
    let served = args.dashboard.as_ref().map(|address| Server::bind(address)?.pool(&workers.pool).start());
    let dashboard = served.map(Dashboard::open).transpose()?;
    let (resumed, done) = output.done(LINES);

    let progress = Progress::start(args.quiet, output.is_terminal(), LINES);
    let progress = if args.progress { progress.in_lines() } else { progress };
    let window = Window::new(args.size() as u64 * WINDOW_LINES_PER_WORKER, WINDOW_BYTES);
    let closing = Closing {
        quiet: args.quiet,
        progress: progress.clone(),
        dashboard,
        stats,
        leftovers: output.leftovers(),
        kept: output.kept(),
        resumed,
        failed_before: output.failed_before(),
        job: Mapping { workers: Arc::clone(&workers) },
    };
    let run = Arc::new(Run::new(window, Record::new(Instant::now()), closing, LINES, Box::new(no_output)));
    run.stop_at(signals);

    let (to_callers, tickets) = bounded(AHEAD);
    let (to_output, answers) = bounded(AHEAD);
    let reader = {
        let run = Arc::clone(&run);
        move || read(lines, &run, done, &to_callers)
    };
    // Not waited for at the end: it may wait for lines that nobody writes, when nobody wants them any more.
    thread::Builder::new()
        .name("reader".to_owned())
        .spawn(reader)
        .map_err(|error| (NO_OUTPUT, format!("cannot start a thread: {error}; try again with less going on")))?;
    let caller = Caller {
        workers: &workers,
        retries: args.retries.unwrap_or(0).into(),
        failures_apart: args.failures.is_some(),
    };
    let written = thread::scope(|scope| {
        let (run, caller) = (&*run, &caller);
        for _ in 0..args.size() {
            let (tickets, to_output) = (tickets.clone(), to_output.clone());
            scope.spawn(move || work(caller, &tickets, &to_output, run));
        }
        // Those of the callers are what keeps the channels open.
        drop((tickets, to_output));
        let total = total(args.input(), resumed);
        let order = match (args.resume, args.as_completed) {
            (true, _) => Order::Resumable,
            (false, false) => Order::Input,
            (false, true) => Order::AsReady,
        };
        let written = writing::write(&mut output, &answers, order, |output: &mut Output, mut line: Done| {
            output.write(line.key, mem::take(&mut line.row), line.failure.is_some())?;
            run.window.written(line.size);
            let mut record = run.record.lock();
            record.line(line);
            let (tally, started) = (record.sums.tally, record.sums.started);
            let slow = tally.pages < 32 * started.elapsed().as_secs();
            progress.show(tally, started, if slow { 1 } else { 32 }, || total(tally.pages, tally.bytes));
            Ok(())
        });
        // From here on nobody takes answers: callers find their channel closed and end.
        drop(answers);
        run.window.close();
        written
    });
    Ok(run.close(output, written))
}

/// Gives every line its ticket, but those that were done by an earlier run.
fn read(lines: Lines, run: &Run, mut done: files::Done, to_callers: &Sender<Ticket>) {
    let budget = Budget::new(WAITING_BYTES);
    let mut found = 0;
    for line in lines {
        let line = match line {
            Ok(line) => line,
            Err(error) => return run.give_up(format!("cannot read the input: {error}; what was read is answered")),
        };
        match done.next(|| key(&line.text)) {
            Ok(true) => continue,
            Ok(false) => {}
            Err(changed) => {
                run.refuse(changed);
                return;
            }
        }
        let share = budget.take(line.text.len());
        // Before it can be written.
        run.found.fetch_add(1, Relaxed);
        if to_callers.send((found, line, share)).is_err() {
            return;
        }
        found += 1;
    }
    match done.end() {
        Ok(()) => run.walked.store(true, Relaxed),
        Err(changed) => drop(run.refuse(changed)),
    }
}

/// One caller's run, until there are no more lines or nobody wants answers.
fn work(caller: &Caller<'_>, tickets: &Receiver<Ticket>, to_output: &Sender<Vec<(u64, Done)>>, run: &Run) {
    for (ticket, line, share) in tickets {
        if !run.window.enters(ticket) {
            return;
        }
        let done = match caller.line(&line) {
            Ok(done) => done,
            Err(NoWorker(why)) => return run.give_up(why),
        };
        drop((line, share));
        run.window.finished(done.size);
        if to_output.send(vec![(ticket, done)]).is_err() {
            return;
        }
    }
}

/// How many lines there will be, by how many bytes those done had, of a file.
fn total(path: Option<&Path>, resumed: u64) -> impl Fn(u64, u64) -> Total + Copy {
    let file = path.and_then(|path| fs::metadata(path).ok()).filter(fs::Metadata::is_file).map(|file| file.len());
    move |lines, bytes| match file {
        // Of those that were done before, the bytes are not known.
        Some(size) if bytes > 0 && resumed == 0 => Total::About((lines as f64 * size as f64 / bytes as f64) as u64),
        _ => Total::AtLeast(0),
    }
}
