//! Where pages come from: files, folders, standard input, the pages bundled with the program.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::failure::{Failure, FailureKind};

/// One page to be extracted.
pub enum Source {
    /// A file, not opened yet.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// A bundled page: its name and bytes.
    Bundled(&'static str, &'static [u8]),
    /// Something the walk could not enter or follow, and why.
    Unreachable(PathBuf, String),
}

impl Source {
    /// What stands in the line's `source`. Bytes of a path that are no UTF-8 are shown as U+FFFD.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) | Source::Unreachable(path, _) => path.to_string_lossy().into_owned(),
            Source::Stdin => "-".to_owned(),
            Source::Bundled(name, _) => format!("bundled:{name}"),
        }
    }

    /// Fills `page` with the page's bytes.
    /// # Errors
    /// Why not, fit for the line's `error`.
    pub fn read(&self, page: &mut Vec<u8>, max_bytes: u64) -> Result<(), Failure> {
        page.clear();
        let read = match self {
            Source::File(path) => File::open(path).and_then(|file| {
                let size = file.metadata()?.len().min(max_bytes);
                page.reserve(usize::try_from(size).unwrap_or(0) + 1);
                read_up_to(file, page, max_bytes)
            }),
            Source::Stdin => read_up_to(io::stdin().lock(), page, max_bytes),
            Source::Bundled(_, bytes) => read_up_to(*bytes, page, max_bytes),
            Source::Unreachable(_, why) => return Err(FailureKind::Unreachable.because(why)),
        };
        match read {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(FailureKind::TooLarge
                    .because(format!("larger than {max_bytes} bytes; raise --max-bytes to take it")))
            }
            Err(error) => Err(FailureKind::Unreadable
                .because(format!("cannot read: {error}; check the path, and the link if it is one"))),
        }
    }
}

/// `false` if there was more to read.
fn read_up_to(from: impl Read, page: &mut Vec<u8>, max_bytes: u64) -> io::Result<bool> {
    let read = from.take(max_bytes.saturating_add(1)).read_to_end(page)?;
    Ok(read as u64 <= max_bytes)
}

/// Hands every page to `found` until it says stop, and every file of a folder that is no page to `skipped`. Returns whether it
/// came to the end.
pub fn walk(paths: &[PathBuf], mut skipped: impl FnMut(), mut found: impl FnMut(Source) -> bool) -> bool {
    if paths.is_empty() {
        return BUNDLED.iter().all(|(name, bytes)| found(Source::Bundled(name, bytes)));
    }
    paths.iter().all(|path| {
        if path == Path::new("-") {
            found(Source::Stdin)
        } else if path.is_dir() {
            walk_folder(path, &mut skipped, &mut found)
        } else {
            // Also what does not exist: the line says so.
            found(Source::File(path.clone()))
        }
    })
}

fn walk_folder(folder: &Path, skipped: &mut impl FnMut(), found: &mut impl FnMut(Source) -> bool) -> bool {
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let source = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) if is_page(&entry) => Source::File(entry.into_path()),
            Ok(_) => {
                skipped();
                continue;
            }
            Err(error) => unreachable_source(folder, &error),
        };
        if !found(source) {
            return false;
        }
    }
    true
}

fn unreachable_source(folder: &Path, error: &walkdir::Error) -> Source {
    let why = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!(
            "directory loop: the link leads back to {}; remove the link or name the folders to walk",
            ancestor.display()
        ),
        (None, Some(io)) => format!("cannot enter or follow: {io}; check its permissions, and the link if it is one"),
        (None, None) => error.to_string(),
    };
    Source::Unreachable(error.path().unwrap_or(folder).to_owned(), why)
}

/// Pipes and devices are left out: opening one could wait for ever.
fn is_page(entry: &DirEntry) -> bool {
    let extension = entry.path().extension().and_then(OsStr::to_str).unwrap_or("");
    entry.file_type().is_file() && ["html", "htm", "xhtml"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

macro_rules! bundled {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../examples/pages/", $name)))),*]
    };
}

/// Real pages, so that the command shows something anywhere. Where they come from: `examples/pages/README.md`.
const BUNDLED: &[(&str, &[u8])] = bundled![
    "book-ownership.html",
    "edition-2024.html",
    "error-E0382.html",
    "error-E0499.html",
    "example-hello.html",
    "nomicon-send-and-sync.html",
    "reference-lifetime-elision.html",
    "reference-slice.html",
    "source-bool.html",
    "std-mem-swap.html",
    "std-option.html",
    "std-vec.html",
];
