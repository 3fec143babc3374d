//! Paths out of a file or standard input, read as they are needed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// No path is longer; a list that is none ends here.
const LONGEST: u64 = 64 << 10;

/// A list of paths, each ended by a line end or a NUL.
pub struct List {
    from: Box<dyn BufRead + Send>,
    name: PathBuf,
    end: u8,
    number: u64,
    over: bool,
}

impl List {
    /// # Errors
    /// If there is no such file.
    pub fn open(path: &Path, null: bool) -> io::Result<Self> {
        let from: Box<dyn BufRead + Send> = if path == Path::new("-") {
            Box::new(BufReader::new(io::stdin()))
        } else {
            Box::new(BufReader::new(File::open(path)?))
        };
        Ok(Self { from, name: path.to_owned(), end: if null { 0 } else { b'\n' }, number: 0, over: false })
    }
}

impl Iterator for List {
    /// A path, or where there is none, and why.
    type Item = Result<PathBuf, (PathBuf, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            let mut path = Vec::new();
            self.number += 1;
            let read = (&mut self.from).take(LONGEST).read_until(self.end, &mut path);
            let why = match read {
                Ok(0) => break,
                Ok(_) if path.last() != Some(&self.end) && path.len() as u64 == LONGEST => {
                    format!(
                        "entry {} is longer than any path; with -0 entries end with a NUL, without it with a line",
                        self.number
                    )
                }
                Ok(_) => {
                    path.pop_if(|last| *last == self.end);
                    if path.is_empty() {
                        continue;
                    }
                    return Some(as_path(path).map_err(|why| (self.name.clone(), why)));
                }
                Err(error) => format!("cannot read the list: {error}"),
            };
            self.over = true;
            return Some(Err((self.name.clone(), why)));
        }
        None
    }
}

#[cfg(unix)]
fn as_path(bytes: Vec<u8>) -> Result<PathBuf, String> {
    use std::os::unix::ffi::OsStringExt;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn as_path(bytes: Vec<u8>) -> Result<PathBuf, String> {
    String::from_utf8(bytes).map(PathBuf::from).map_err(|error| error.to_string())
}
