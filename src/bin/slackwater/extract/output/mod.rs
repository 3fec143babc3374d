//! Where lines go: standard output, a file that appears only when complete, several of them, or files that another run can go on
//! with.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use slackwater::extract::Recipe;

use super::args::Args;
use super::work::Line;
use super::{NO_OUTPUT, USAGE};

mod arguments;
mod disk;
mod files;
mod format;
mod journal;
mod json;
mod layout;
mod lists;
mod named;
mod names;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod sink;
mod table;
mod text;

pub use format::Page;
pub use named::{Leftovers, NamedFile};
pub use names::{Done, key};
pub use options::{Options, seconds};

use files::{Failures, Files};
use format::{Format, FormatName};
use journal::{Checkpoint, Journal, Refusal};
use layout::Layout;

/// Where the lines of a run go.
pub struct Output {
    files: Files,
    /// For whoever reads along, it is flushed whenever no further line is ready.
    is_stdout: bool,
    /// What came after an error is not as it should be, and nothing more is said to be done.
    is_broken: bool,
}

/// How pages become lines: the part of an output that all threads share.
pub struct Encoder {
    format: Arc<dyn Format>,
    failures_apart: bool,
}

impl Encoder {
    pub fn row(&self, page: &Page<'_>) -> Vec<u8> {
        match page.outcome {
            Err(failure) if self.failures_apart => json::failure(page.source, failure),
            _ => self.format.row(page),
        }
    }
}

pub enum Opened {
    Ready(Encoder, Box<Output>),
    /// An earlier run had written everything, and was ended before it could say so.
    Complete {
        pages: u64,
        failed: u64,
    },
}

/// Opens what was asked for. `files` are those that the lines depend on, by what they are and what is in them.
/// # Errors
/// Why not, with what to try and the exit code for that.
pub fn open(
    args: &Args,
    typed: &ArgMatches,
    recipe: &Recipe,
    files: &[(&str, String)],
) -> Result<Opened, (u8, String)> {
    let no_output = args.no_output();
    let options = &args.out;
    let path = args.output.as_deref().filter(|path| *path != Path::new("-"));
    options.check(path).map_err(|why| (USAGE, why))?;
    let name = options.format(path);
    let is_terminal = path.is_none() && io::stdout().is_terminal();
    if name == FormatName::Parquet && is_terminal {
        return Err((USAGE, "--format: Parquet is nothing for a terminal; name a file with -o".to_owned()));
    }
    let format =
        name.build(recipe, options.list.unwrap_or_default(), options.division().width()).map_err(|why| (USAGE, why))?;
    let failures: Failures<'_> =
        options.failures.as_deref().map(|path| (path, Arc::new(json::Json) as Arc<dyn Format>));
    let encoder = Encoder { format: Arc::clone(&format), failures_apart: failures.is_some() };
    let ready = |files, is_stdout| Opened::Ready(encoder, Box::new(Output { files, is_stdout, is_broken: false }));
    let refused = |refusal| match refusal {
        Refusal::Other(why) => (USAGE, why),
        Refusal::Io(error) => (NO_OUTPUT, no_output(&error)),
    };
    let Some(path) = path else {
        let files = Files::stdout(format, failures, Leftovers::default());
        return Ok(ready(files.map_err(|error| refused(error.into()))?, true));
    };
    let opened = || -> Result<_, Refusal> {
        let target = named::target(path)?;
        let layout = Layout::new(target.clone(), options.division());
        let (journal, from) = if options.resume {
            let arguments = arguments::of(typed, recipe.names(), files);
            let (journal, from) = Journal::open(&named::hidden(&target, "resume"), &arguments)?;
            (Some(journal), from)
        } else {
            (None, None)
        };
        if from.is_none()
            && let Some(taken) = layout.in_the_way()?
        {
            // Begun for nothing, and nobody shall find it.
            journal.map_or(Ok(()), Journal::remove)?;
            return Err(Refusal::Other(format!(
                "-o: {} is there already, and could be taken for one of the files of this run; remove those of the earlier run, \
                 or choose another name",
                taken.display()
            )));
        }
        match journal {
            Some(journal) => Ok(Files::resume(format, layout, failures, (journal, from), options.checkpoint)?),
            None => Ok(Ok(Files::open(format, layout, failures, Leftovers::default())?)),
        }
    };
    Ok(match opened().map_err(refused)? {
        Ok(files) => ready(files, false),
        Err(Checkpoint { pages, failed, .. }) => Opened::Complete { pages, failed },
    })
}

impl Output {
    /// What to take away if this cannot.
    pub fn leftovers(&self) -> Leftovers {
        self.files.leftovers()
    }

    /// Whether lines go to a terminal.
    pub fn is_terminal(&self) -> bool {
        self.is_stdout && io::stdout().is_terminal()
    }

    /// Whether lines go to a file, and whether what is in it stays when the run is cut short.
    pub fn kept(&self) -> Kept {
        match (self.is_stdout, self.files.is_resumable()) {
            (true, _) => Kept::Elsewhere,
            (false, false) => Kept::Nothing,
            (false, true) => Kept::ForResume,
        }
    }

    /// The pages that need not be done again, and how many they are.
    pub fn done(&self) -> (u64, Done) {
        let done = self.files.done();
        (done.pages, Done::new(done.pages, done.names))
    }

    /// Pages that failed in earlier runs, whose lines are there.
    pub fn failed_before(&self) -> u64 {
        self.files.done().failed
    }

    pub fn write(&mut self, line: &mut Line) -> io::Result<()> {
        let row = std::mem::take(&mut line.row);
        let written = self.files.write(line.key, row, line.failure.is_some());
        self.is_broken |= written.is_err();
        written
    }

    /// No line is ready: time for what can wait. Gives how long it is until there is more to be done, even if no line comes.
    pub fn idle(&mut self) -> io::Result<Option<Duration>> {
        let done = if self.is_stdout { self.files.flush() } else { self.files.pause_if_due() };
        self.is_broken |= done.is_err();
        done.map(|()| self.files.pause_due_in())
    }

    /// The run ends before its time: what is there is kept if another run can go on with it.
    pub fn pause(mut self) -> io::Result<()> {
        match (self.is_stdout, self.is_broken) {
            (_, true) => Ok(()),
            (true, _) => self.files.flush(),
            (false, _) => self.files.pause(),
        }
    }

    /// All lines are written: files get their names.
    pub fn finish(self) -> io::Result<()> {
        self.files.finish()
    }
}

/// What becomes of lines written so far when a run is cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// They are with whoever reads standard output.
    Elsewhere,
    Nothing,
    ForResume,
}

impl Kept {
    pub fn how_to_go_on(self) -> &'static str {
        match self {
            Self::Elsewhere => "",
            Self::Nothing => "; the file of -o was not written (with --resume a run keeps what it has)",
            Self::ForResume => "; what was written is kept: run the same command again to go on",
        }
    }
}
