//! Where lines go: standard output, a file that appears only when complete, several of them, or files that another run can go on
//! with.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::files::{
    Arguments, Checkpoint, Division, Done, Failures, Files, Form, Journal, Layout, Leftovers, Refusal, hidden, target,
};
use super::{NO_OUTPUT, Noun, USAGE};

/// Where the lines of a run go.
pub struct Output {
    files: Files,
    /// For whoever reads along, it is flushed whenever no further line is ready.
    is_stdout: bool,
    /// What came after an error is not as it should be, and nothing more is said to be done.
    is_broken: bool,
}

/// What is wanted of an output.
pub struct Wanted<'a> {
    /// The file of `-o`; standard output without one.
    pub path: Option<&'a Path>,
    pub form: Arc<dyn Form>,
    pub division: Division,
    pub failures: Failures<'a>,
    /// What was typed, if the run can be gone on with by who types the same.
    pub resume: Option<Arguments>,
    pub checkpoint: Option<Duration>,
}

pub enum Opened {
    Ready(Box<Output>),
    /// An earlier run had written everything, and was ended before it could say so.
    Complete {
        lines: u64,
        failed: u64,
    },
}

impl Wanted<'_> {
    /// Opens it. `no_output` says that it cannot be written.
    /// # Errors
    /// Why not, with what to try and the exit code for that.
    pub fn open(self, no_output: impl Fn(&io::Error) -> String) -> Result<Opened, (u8, String)> {
        let ready = |files, is_stdout| Opened::Ready(Box::new(Output { files, is_stdout, is_broken: false }));
        let refused = |refusal| match refusal {
            Refusal::Other(why) => (USAGE, why),
            Refusal::Io(error) => (NO_OUTPUT, no_output(&error)),
        };
        let Some(path) = self.path else {
            let files = Files::stdout(self.form, self.failures, Leftovers::default());
            return Ok(ready(files.map_err(|error| refused(error.into()))?, true));
        };
        Ok(match self.in_files(path).map_err(refused)? {
            Ok(files) => ready(files, false),
            Err(Checkpoint { pages, failed, .. }) => Opened::Complete { lines: pages, failed },
        })
    }

    fn in_files(self, path: &Path) -> Result<Result<Files, Checkpoint>, Refusal> {
        let target = target(path)?;
        let layout = Layout::new(target.clone(), self.division);
        let (journal, from) = match self.resume {
            Some(arguments) => {
                let (journal, from) = Journal::open(&hidden(&target, "resume"), &arguments)?;
                (Some(journal), from)
            }
            None => (None, None),
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
            Some(journal) => Ok(Files::resume(self.form, layout, self.failures, (journal, from), self.checkpoint)?),
            None => Ok(Ok(Files::open(self.form, layout, self.failures, Leftovers::default())?)),
        }
    }
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

    /// What need not be done again, and how much it is.
    pub fn done(&self, noun: Noun) -> (u64, Done) {
        let done = self.files.done();
        (done.pages, Done::new(done.pages, done.names, noun))
    }

    /// What failed in earlier runs, whose lines are there.
    pub fn failed_before(&self) -> u64 {
        self.files.done().failed
    }

    /// Writes the line of what is known by this key.
    pub fn write(&mut self, key: u64, row: Vec<u8>, failed: bool) -> io::Result<()> {
        let written = self.files.write(key, row, failed);
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

/// How to say that the lines could not be written, to the file of `-o` if there is one.
pub fn not_written(path: Option<PathBuf>, resume: bool) -> impl Fn(&io::Error) -> String + Send + Sync + use<> {
    move |error| match &path {
        Some(path) if resume => format!(
            "cannot write {}: {error}; what was written is kept: make room and run the same command again",
            path.display()
        ),
        Some(path) => format!("cannot write {}: {error}; choose another place with -o", path.display()),
        None => format!("cannot write to standard output: {error}; write to a file with -o"),
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
