//! Where lines go: standard output, or a file that appears only when complete. A report goes to such a file too.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};

/// Where the lines of a run go.
pub enum Output {
    /// Standard output; flushed whenever no further line is ready, for whoever reads along.
    Stdout(BufWriter<StdoutLock<'static>>),
    /// What was named with `-o`.
    Named(NamedFile),
}

impl Output {
    /// Opens standard output (`None` or `-`) or a file.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        match path.filter(|path| *path != Path::new("-")) {
            Some(path) => NamedFile::open(path).map(Self::Named),
            None => Ok(Self::Stdout(BufWriter::with_capacity(64 << 10, io::stdout().lock()))),
        }
    }

    /// What is there until it is finished, under another name.
    pub fn unfinished(&self) -> Option<&Path> {
        match self {
            Self::Stdout(_) => None,
            Self::Named(file) => file.unfinished.as_ref().map(|unfinished| &*unfinished.temporary),
        }
    }

    /// Whether lines go to a terminal.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout(out) if out.get_ref().is_terminal())
    }

    pub fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.write_all(line),
            Self::Named(file) => file.write(line),
        }
    }

    /// No line is ready: lets a reader of standard output have what there is.
    pub fn idle(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Named(_) => Ok(()),
        }
    }

    /// All lines are written: a file gets its name.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush(),
            Self::Named(file) => file.finish(),
        }
    }
}

/// A file under a temporary name beside its own; a pipe or device is written in place, as it cannot be replaced.
pub struct NamedFile {
    out: BufWriter<File>,
    unfinished: Option<Unfinished>,
}

impl NamedFile {
    pub fn open(path: &Path) -> io::Result<Self> {
        // A link stays a link: what it leads to is replaced.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let old = fs::metadata(&target).ok();
        if old.as_ref().is_some_and(|old| old.is_dir()) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            return Ok(Self { out: BufWriter::new(File::create(&target)?), unfinished: None });
        }
        let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
        let temporary = target.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let file = File::create(&temporary)?;
        let unfinished = Unfinished { temporary, target };
        if let Some(old) = old {
            file.set_permissions(old.permissions())?;
        }
        Ok(Self { out: BufWriter::with_capacity(256 << 10, file), unfinished: Some(unfinished) })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Everything is written: the file gets its name.
    pub fn finish(mut self) -> io::Result<()> {
        let Some(unfinished) = self.unfinished else { return self.out.flush() };
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&unfinished.temporary, &unfinished.target)
    }
}

/// Takes the temporary file away again unless it got its name.
struct Unfinished {
    temporary: PathBuf,
    target: PathBuf,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name any more, and that is fine.
        let _ = fs::remove_file(&self.temporary);
    }
}
