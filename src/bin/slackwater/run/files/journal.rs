//! What a run with `--resume` has to know about the one before it.
//!
//! Pages are written in the order of the input, so "the first N pages" says all that was done. From time to time the parts are
//! brought to the disk, and then a line here says how many pages they hold and how long they are: a checkpoint. Going on is to
//! cut the parts to what the last checkpoint says and to skip its pages. What a kill leaves behind after it, torn or not, is
//! cut off and done again; what came before it is never touched.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk;
use super::names::Names;

/// What was typed, by option; see [`arguments`](super::arguments).
pub type Arguments = BTreeMap<String, Vec<String>>;

#[derive(Serialize, Deserialize)]
struct Header {
    journal: u32,
    arguments: Arguments,
}

/// How the journal is written. Another number is another way.
const VERSION: u32 = 1;

/// What is on the disk for certain.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Pages of the input that are done with: the first so many.
    pub pages: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// What they are called.
    pub names: Names,
    /// The files that have their names already.
    pub published: u64,
    /// The open ones. None, if the next one has not been begun.
    pub files: Vec<Mark>,
    pub failures: Option<Mark>,
    /// Whether these are all pages.
    pub complete: bool,
}

/// How far a file has come.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Mark {
    pub at: u64,
    pub pages: u64,
    pub bytes: u64,
}

pub struct Journal {
    path: PathBuf,
    file: File,
}

/// Why a run cannot go on.
pub enum Refusal {
    /// It is not the run that was begun here.
    Other(String),
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Journal {
    /// Opens the journal of a run with these arguments, or begins one. Gives the last checkpoint, if there is one.
    pub fn open(path: &Path, arguments: &Arguments) -> Result<(Self, Option<Checkpoint>), Refusal> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        // Held until this process ends, however it ends. A run that has just finished takes the file away.
        if file.try_lock().is_err() || !path.exists() {
            return Err(Refusal::Other(format!(
                "--resume: another run is at work on it, by its journal {}",
                path.display()
            )));
        }
        let (header, checkpoint, length) = read(&file)?;
        match header {
            Some(header) => same(&header, arguments, path)?,
            None => {
                file.set_len(0)?;
                file.rewind()?;
                let mut line = serde_json::to_vec(&Header { journal: VERSION, arguments: arguments.clone() })
                    .map_err(io::Error::from)?;
                line.push(b'\n');
                file.write_all(&line)?;
                file.sync_all()?;
                disk::sync_folder_of(path)?;
                return Ok((Self { path: path.to_owned(), file }, None));
            }
        }
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        Ok((Self { path: path.to_owned(), file }, checkpoint))
    }

    /// Adds a checkpoint. Whatever it speaks of is on the disk.
    pub fn add(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        let mut line = serde_json::to_vec(checkpoint)?;
        line.push(b'\n');
        // In one call: a line of which a part failed is torn, and nothing may come after that.
        let before = self.file.stream_position()?;
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if written.is_err() {
            let _ = self.file.set_len(before).and_then(|()| self.file.seek(SeekFrom::Start(before)));
        }
        written
    }

    /// There is nothing to go on with any more.
    pub fn remove(self) -> io::Result<()> {
        disk::remove(&self.path)?;
        disk::sync_folder_of(&self.path)
    }
}

/// The header, the last checkpoint, and the bytes up to there. A last line that was torn is no line.
fn read(file: &File) -> io::Result<(Option<Header>, Option<Checkpoint>, u64)> {
    let (mut header, mut checkpoint, mut length) = (None, None, 0);
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        if header.is_none() {
            let Ok(read) = serde_json::from_slice::<Header>(&line) else { break };
            header = Some(read);
        } else {
            let Ok(read) = serde_json::from_slice(&line) else { break };
            checkpoint = Some(read);
        }
        length += line.len() as u64;
        line.clear();
    }
    Ok((header, checkpoint, length))
}

/// Whether these arguments are those of the run that was begun.
fn same(header: &Header, arguments: &Arguments, path: &Path) -> Result<(), Refusal> {
    let anew = format!("type the same again, or remove {} to begin anew", path.display());
    if header.journal != VERSION {
        return Err(Refusal::Other(format!("--resume: another version of this program began it; {anew}")));
    }
    let names = header.arguments.keys().chain(arguments.keys());
    for name in names {
        let (then, now) = (header.arguments.get(name), arguments.get(name));
        if then != now {
            let say = |values: Option<&Vec<String>>| match values.map(|it| it.join(" ")) {
                None => "nothing".to_owned(),
                Some(it) if it.contains('\n') => format!("another text, of {} bytes,", it.len()),
                Some(it) => format!("{it:?}"),
            };
            let (then, now) = (say(then), say(now));
            return Err(Refusal::Other(format!(
                "--resume: this is not the run that was begun: {name} was {then} and is {now} now; {anew}"
            )));
        }
    }
    Ok(())
}
