//! A file that appears under its name only when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::disk;
use super::sink::Sink;

/// A report, or statistics.
pub struct NamedFile {
    out: BufWriter<Sink>,
    unfinished: Option<Unfinished>,
}

impl NamedFile {
    pub fn open(path: &Path) -> io::Result<Self> {
        let (sink, unfinished) = open(path, &Leftovers::default())?;
        Ok(Self { out: BufWriter::new(sink), unfinished })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Everything is written: the file gets its name.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_mut().sync()?;
        self.unfinished.map_or(Ok(()), Unfinished::finish)
    }
}

/// Opens a temporary file beside the one of this name; a pipe or device is written in place, as it cannot be replaced.
pub fn open(path: &Path, leftovers: &Leftovers) -> io::Result<(Sink, Option<Unfinished>)> {
    let target = target(path)?;
    let old = fs::metadata(&target).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return Ok((Sink::Device(File::create(&target)?), None));
    }
    let temporary = hidden(&target, &format!("{}.part", std::process::id()));
    let file = File::create(&temporary)?;
    let unfinished = leftovers.unfinished(temporary, target);
    if let Some(old) = old {
        file.set_permissions(old.permissions())?;
    }
    Ok((Sink::File(file), Some(unfinished)))
}

/// What a name stands for. A link stays a link: what it leads to is replaced.
/// # Errors
/// If it is a folder, or no name of a file.
pub fn target(path: &Path) -> io::Result<PathBuf> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    Ok(target)
}

/// `.NAME.ENDING` beside a file.
pub fn hidden(target: &Path, ending: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{ending}"))
}

/// The temporary files there are, for whoever has to take them away because their owner is stuck.
#[derive(Clone, Default)]
pub struct Leftovers(Arc<Mutex<Vec<PathBuf>>>);

impl Leftovers {
    fn unfinished(&self, temporary: PathBuf, target: PathBuf) -> Unfinished {
        self.0.lock().push(temporary.clone());
        Unfinished { temporary, target, leftovers: self.clone() }
    }

    pub fn remove(&self) {
        for path in self.0.lock().drain(..) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Takes the temporary file away again unless it got its name.
pub struct Unfinished {
    temporary: PathBuf,
    target: PathBuf,
    leftovers: Leftovers,
}

impl Unfinished {
    /// What was written is on the disk: it gets its name.
    pub fn finish(self) -> io::Result<()> {
        disk::rename(&self.temporary, &self.target)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name any more, and that is fine.
        let _ = fs::remove_file(&self.temporary);
        self.leftovers.0.lock().retain(|path| *path != self.temporary);
    }
}
