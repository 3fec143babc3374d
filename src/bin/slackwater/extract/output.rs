//! Where lines go: standard output, or a file that appears only when complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};

/// Where the lines of a run go.
pub enum Output {
    /// Standard output; flushed whenever no further line is ready, for whoever reads along.
    Stdout(BufWriter<StdoutLock<'static>>),
    /// A pipe or device named with `-o`: written in place, as it cannot be replaced.
    Device(BufWriter<File>),
    /// A file under a temporary name beside its own.
    File(BufWriter<File>, Unfinished),
}

impl Output {
    /// Opens standard output (`None` or `-`) or a file.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Stdout(BufWriter::with_capacity(64 << 10, io::stdout().lock())));
        };
        // A link stays a link: what it leads to is replaced.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let old = fs::metadata(&target).ok();
        if old.as_ref().is_some_and(|old| old.is_dir()) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            return Ok(Self::Device(BufWriter::new(File::create(&target)?)));
        }
        let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
        let temporary = target.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let file = File::create(&temporary)?;
        let unfinished = Unfinished { temporary, target };
        if let Some(old) = old {
            file.set_permissions(old.permissions())?;
        }
        Ok(Self::File(BufWriter::with_capacity(256 << 10, file), unfinished))
    }

    /// Whether lines go to a terminal.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout(out) if out.get_ref().is_terminal())
    }

    pub fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.write_all(line),
            Self::Device(out) | Self::File(out, _) => out.write_all(line),
        }
    }

    /// No line is ready: lets a reader of standard output have what there is.
    pub fn idle(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Device(_) | Self::File(..) => Ok(()),
        }
    }

    /// All lines are written: a file gets its name.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush(),
            Self::Device(mut out) => out.flush(),
            Self::File(out, unfinished) => {
                out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
                fs::rename(&unfinished.temporary, &unfinished.target)
            }
        }
    }
}

/// Takes the temporary file away again unless it got its name.
pub struct Unfinished {
    temporary: PathBuf,
    target: PathBuf,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name any more, and that is fine.
        let _ = fs::remove_file(&self.temporary);
    }
}
