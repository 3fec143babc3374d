//! The files of a run: in which of them a page goes, when they are complete, and what is known to be on the disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub mod disk;
mod form;
mod journal;
mod layout;
mod named;
mod names;
mod sink;
pub mod text;

pub use form::{Body, Form, Json};
pub use journal::{Arguments, Checkpoint, Journal, Refusal};
pub use layout::{Division, Layout, size};
pub use named::{Leftovers, NamedFile, hidden, target};
pub use names::{Done, key};
pub use sink::Sink;

use journal::Mark;
use named::Unfinished;

pub struct Files {
    format: Arc<dyn Form>,
    layout: Layout,
    open: Vec<Part>,
    failures: Option<Part>,
    /// The pages in them, and the files that are complete.
    done: Checkpoint,
    /// Pages that did not go to the failures.
    rows: u64,
    resumable: Option<Resumable>,
    leftovers: Leftovers,
}

/// A file that is not complete yet.
struct Part {
    // Before its place, and so dropped before it: on some systems an open file cannot be removed.
    body: Box<dyn Body>,
    place: Place,
    mark: Mark,
}

enum Place {
    /// Goes away with the run, unless it is finished. `None` for what cannot be replaced: a pipe, a device.
    Temporary(Option<Unfinished>),
    /// Stays.
    Kept { part: PathBuf, target: PathBuf, format: Arc<dyn Form> },
}

struct Resumable {
    journal: Journal,
    /// How often there is to be a checkpoint, and how often there is one.
    asked: Duration,
    every: Duration,
    /// The last one, and the pages it has.
    last: Instant,
    pages: u64,
}

/// The file of `--failures`, and its format.
pub type Failures<'a> = Option<(&'a Path, Arc<dyn Form>)>;

impl Files {
    /// Files that are there when the run is complete, and not before.
    pub fn open(
        format: Arc<dyn Form>,
        layout: Layout,
        failures: Failures<'_>,
        leftovers: Leftovers,
    ) -> io::Result<Self> {
        let mut files = Self::none(format, layout, leftovers, None);
        if let Some((path, format)) = failures {
            files.failures = Some(Part::temporary(&*format, path, &files.leftovers)?);
        }
        files.begin()?;
        Ok(files)
    }

    /// No file, but standard output.
    pub fn stdout(format: Arc<dyn Form>, failures: Failures<'_>, leftovers: Leftovers) -> io::Result<Self> {
        let nowhere = Layout::new(PathBuf::new(), Division::Single);
        let mut files = Self::none(format, nowhere, leftovers, None);
        if let Some((path, format)) = failures {
            files.failures = Some(Part::temporary(&*format, path, &files.leftovers)?);
        }
        let body = files.format.body(Sink::Stdout(io::stdout()))?;
        files.open.push(Part { body, place: Place::Temporary(None), mark: Mark::default() });
        Ok(files)
    }

    /// Files that stay, incomplete as they are, for another run to go on with; `from` is where an earlier one came to. `None` if
    /// that one had done everything but say so.
    pub fn resume(
        format: Arc<dyn Form>,
        layout: Layout,
        failures: Failures<'_>,
        (journal, from): (Journal, Option<Checkpoint>),
        every: Option<Duration>,
    ) -> io::Result<Result<Self, Checkpoint>> {
        let from = from.unwrap_or_default();
        let asked = every.unwrap_or(format.pause_every());
        let resumable = Resumable { journal, asked, every: asked, last: Instant::now(), pages: from.pages };
        let mut files = Self::none(format, layout, Leftovers::default(), Some(resumable));
        files.rows = from.pages - if failures.is_some() { from.failed } else { 0 };
        let marks = from.files.clone();
        files.done = from;
        if files.done.published > 0 {
            // It may have been about to get its name.
            files.publish(files.done.published - 1)?;
        }
        let failures = failures.map(|(path, format)| Ok::<_, io::Error>((named::target(path)?, format))).transpose()?;
        if files.done.complete {
            let width = files.layout.width();
            let opened = (0..width).map(|n| (files.layout.name(files.done.published + n), &files.format)).zip(&marks);
            let failed = failures.iter().map(|(target, format)| (target.clone(), format)).zip(&files.done.failures);
            opened.chain(failed).try_for_each(|((target, format), mark)| Place::cut(&target, format, mark))?;
            files.seal(failures.map(|(target, format)| Place::kept(target, format)))?;
            return Ok(Err(files.done));
        }
        if let Some((target, format)) = failures {
            files.failures = Some(Part::kept(format, target, files.done.failures)?);
        }
        for (n, mark) in marks.into_iter().enumerate() {
            let target = files.layout.name(files.done.published + n as u64);
            files.open.push(Part::kept(Arc::clone(&files.format), target, Some(mark))?);
        }
        if files.open.is_empty() {
            files.begin()?;
        }
        Ok(Ok(files))
    }

    fn none(format: Arc<dyn Form>, layout: Layout, leftovers: Leftovers, resumable: Option<Resumable>) -> Self {
        let done = Checkpoint::default();
        Self { format, layout, open: Vec::new(), failures: None, done, rows: 0, resumable, leftovers }
    }

    /// Opens the next files.
    fn begin(&mut self) -> io::Result<()> {
        for n in 0..self.layout.width() {
            let target = self.layout.name(self.done.published + n);
            self.open.push(match self.resumable {
                Some(_) => Part::kept(Arc::clone(&self.format), target, None)?,
                None => Part::temporary(&*self.format, &target, &self.leftovers)?,
            });
        }
        Ok(())
    }

    /// What is done, of this run and those it goes on from.
    pub fn done(&self) -> &Checkpoint {
        &self.done
    }

    pub fn leftovers(&self) -> Leftovers {
        self.leftovers.clone()
    }

    pub fn is_resumable(&self) -> bool {
        self.resumable.is_some()
    }

    /// Adds a page; its key says which.
    pub fn write(&mut self, key: u64, row: Vec<u8>, failed: bool) -> io::Result<()> {
        match &mut self.failures {
            Some(failures) if failed => failures.row(row)?,
            _ => {
                let n = self.place_for(row.len() as u64)?;
                self.rows += 1;
                self.open[n].row(row)?;
            }
        }
        self.done.pages += 1;
        self.done.failed += u64::from(failed);
        self.done.names.add(key);
        self.pause_if_due()
    }

    /// The place in `open` of the file in which the next row goes.
    fn place_for(&mut self, bytes: u64) -> io::Result<usize> {
        match self.layout.division {
            Division::Single => Ok(0),
            Division::Spread(n) => Ok((self.rows % n) as usize),
            Division::Roll { pages, bytes: limit } => {
                let Mark { pages: has, bytes: long, .. } = self.open[0].mark;
                if has >= pages || (has > 0 && long.saturating_add(bytes) > limit) {
                    self.next_file()?;
                }
                Ok(0)
            }
        }
    }

    /// The open file is complete. With a journal its bytes come to the disk first, then the word that it is complete, then its
    /// name: a kill after the word and before the name is made good by the next run.
    fn next_file(&mut self) -> io::Result<()> {
        let Some(mut full) = self.open.pop() else { return Ok(()) };
        self.done.published += 1;
        if self.resumable.is_some() {
            full.pause()?;
            self.pause()?;
            full.publish()?;
        } else {
            full.finish()?;
        }
        self.begin()
    }

    /// Lets a reader have what there is.
    pub fn flush(&mut self) -> io::Result<()> {
        self.open.iter_mut().try_for_each(|part| part.body.flush())
    }

    /// A checkpoint, if the last one is long enough ago.
    pub fn pause_if_due(&mut self) -> io::Result<()> {
        if self.pause_due_in() == Some(Duration::ZERO) { self.pause() } else { Ok(()) }
    }

    /// When the next checkpoint is due. `None` if there is nothing that the last one has not.
    pub fn pause_due_in(&self) -> Option<Duration> {
        let resumable = self.resumable.as_ref().filter(|resumable| resumable.pages < self.done.pages)?;
        Some(resumable.every.saturating_sub(resumable.last.elapsed()))
    }

    /// A checkpoint.
    pub fn pause(&mut self) -> io::Result<()> {
        let Some(resumable) = &mut self.resumable else { return Ok(()) };
        let begun = Instant::now();
        self.done.files = self.open.iter_mut().map(Part::pause).collect::<io::Result<_>>()?;
        self.done.failures = self.failures.as_mut().map(Part::pause).transpose()?;
        resumable.journal.add(&self.done)?;
        resumable.last = Instant::now();
        resumable.pages = self.done.pages;
        // A slow disk must not make a run wait for more than a tenth of its time.
        resumable.every = resumable.asked.max(9 * begun.elapsed());
        Ok(())
    }

    /// All pages are in: the files get their names.
    pub fn finish(mut self) -> io::Result<()> {
        if self.resumable.is_none() {
            // The failures first: whoever waits for the lines finds both.
            return self.failures.into_iter().chain(self.open).try_for_each(Part::finish);
        }
        self.done.complete = true;
        self.pause()?;
        let failures = self.failures.take().map(|part| part.place);
        self.open.clear();
        self.seal(failures)
    }

    /// Names for the files of a run that is complete by its journal, as often as it takes.
    fn seal(&mut self, failures: Option<Place>) -> io::Result<()> {
        failures.map_or(Ok(()), |place| place.publish())?;
        for n in 0..self.layout.width() {
            self.publish(self.done.published + n)?;
        }
        self.resumable.take().map_or(Ok(()), |resumable| resumable.journal.remove())
    }

    fn publish(&self, n: u64) -> io::Result<()> {
        Place::kept(self.layout.name(n), Arc::clone(&self.format)).publish()
    }
}

impl Place {
    fn kept(target: PathBuf, format: Arc<dyn Form>) -> Self {
        Self::Kept { part: named::hidden(&target, "part"), target, format }
    }

    /// Takes off what came behind the last checkpoint, if the part has not been through this and got its name.
    fn cut(target: &Path, format: &Arc<dyn Form>, mark: &Mark) -> io::Result<()> {
        let part = named::hidden(target, "part");
        if part.try_exists()? { format.part(&part, Some(mark.at)).map(drop) } else { Ok(()) }
    }

    fn publish(&self) -> io::Result<()> {
        match self {
            Self::Kept { part, target, format } => format.publish(part, target),
            Self::Temporary(_) => Ok(()),
        }
    }
}

impl Part {
    fn temporary(format: &dyn Form, path: &Path, leftovers: &Leftovers) -> io::Result<Self> {
        let (sink, unfinished) = named::open(path, leftovers)?;
        let mark = Mark { bytes: format.overhead(), ..Mark::default() };
        Ok(Self { body: format.body(sink)?, place: Place::Temporary(unfinished), mark })
    }

    fn kept(format: Arc<dyn Form>, target: PathBuf, mark: Option<Mark>) -> io::Result<Self> {
        if target.exists() && !target.is_file() {
            let what = "a pipe or device has nothing that another run could go on with";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let part = named::hidden(&target, "part");
        let body = format.part(&part, mark.map(|mark| mark.at))?;
        let mark = mark.unwrap_or(Mark { bytes: format.overhead(), ..Mark::default() });
        Ok(Self { body, place: Place::Kept { part, target, format }, mark })
    }

    fn row(&mut self, row: Vec<u8>) -> io::Result<()> {
        self.mark.pages += 1;
        self.mark.bytes += row.len() as u64;
        self.body.row(row)
    }

    fn pause(&mut self) -> io::Result<Mark> {
        self.mark.at = self.body.pause()?;
        Ok(self.mark)
    }

    fn publish(self) -> io::Result<()> {
        drop(self.body);
        self.place.publish()
    }

    fn finish(self) -> io::Result<()> {
        self.body.finish()?;
        match self.place {
            Place::Temporary(Some(unfinished)) => unfinished.finish(),
            Place::Temporary(None) | Place::Kept { .. } => Ok(()),
        }
    }
}
