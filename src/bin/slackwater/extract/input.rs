//! Where pages come from: files, folders, globs, lists, archives, standard input, the pages bundled with the program.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use slackwater::extract::input::{
    Found, InputError, JsonFields, Member, Pages, is_archive, is_archive_name, is_page_name, unpack_page,
};
use walkdir::{DirEntry, WalkDir};

use super::failure::{Failure, FailureKind};
use super::glob::Glob;
use super::list::List;
pub use super::options::Options;

/// One page to be extracted.
pub enum Source {
    /// A file, not opened yet, and whether it is unpacked if it is compressed.
    File(PathBuf, bool),
    /// Standard input as it is.
    Stdin,
    /// A bundled page: its name and bytes.
    Bundled(&'static str, &'static [u8]),
    /// What an archive, a stream or a line of JSON had, still packed.
    Member(Box<Member>),
    /// Something the walk could not enter or follow, and why.
    Unreachable(PathBuf, String),
}

/// What came with a page besides its bytes.
#[derive(Default)]
pub struct Declared {
    /// A name of its own, in place of the one it was found by.
    pub name: Option<String>,
    pub charset: Option<String>,
}

impl Source {
    /// The name it is found by, which stands in the line's `source` unless it brings another. Bytes of a path that are no UTF-8 are shown as U+FFFD.
    pub fn name(&self) -> String {
        match self {
            Self::File(path, _) | Self::Unreachable(path, _) => path.to_string_lossy().into_owned(),
            Self::Stdin => "-".to_owned(),
            Self::Bundled(name, _) => format!("bundled:{name}"),
            Self::Member(member) => member.name().to_owned(),
        }
    }

    /// Bytes that it takes while it waits.
    pub fn weight(&self) -> usize {
        if let Self::Member(member) = self { member.weight() } else { 0 }
    }

    /// Fills `page` with the page's bytes.
    /// # Errors
    /// Why not, fit for the line's `error`.
    pub fn read(self, page: &mut Vec<u8>, max_bytes: u64) -> Result<Declared, Failure> {
        page.clear();
        let read = match self {
            Self::File(path, packed) => {
                let read = File::open(path).and_then(|file| {
                    let size = file.metadata()?.len().min(max_bytes);
                    page.reserve(usize::try_from(size).unwrap_or(0) + 1);
                    read_up_to(file, page, max_bytes)
                });
                if packed && matches!(read, Ok(true)) {
                    *page = unpack_page(std::mem::take(page), max_bytes).map_err(|error| because(&error))?;
                }
                read
            }
            Self::Stdin => read_up_to(io::stdin().lock(), page, max_bytes),
            Self::Bundled(_, bytes) => read_up_to(bytes, page, max_bytes),
            Self::Member(member) => {
                let read = member.into_page(max_bytes).map_err(|error| because(&error))?;
                *page = read.bytes;
                return Ok(Declared { name: Some(read.name), charset: read.charset });
            }
            Self::Unreachable(_, why) => return Err(FailureKind::Unreachable.because(why)),
        };
        match read {
            Ok(true) => Ok(Declared::default()),
            Ok(false) => Err(because(&InputError::TooLarge(max_bytes))),
            Err(error) => Err(FailureKind::Unreadable
                .because(format!("cannot read: {error}; check the path, and the link if it is one"))),
        }
    }
}

fn because(error: &InputError) -> Failure {
    match error {
        InputError::TooLarge(_) => FailureKind::TooLarge.because(format!("{error}; raise --max-bytes to take it")),
        InputError::Read(_) => FailureKind::Unreadable.because(error.to_string()),
        _ => FailureKind::Damaged.because(error.to_string()),
    }
}

/// `false` if there was more to read.
fn read_up_to(from: impl Read, page: &mut Vec<u8>, max_bytes: u64) -> io::Result<bool> {
    let read = from.take(max_bytes.saturating_add(1)).read_to_end(page)?;
    Ok(read as u64 <= max_bytes)
}

/// What to walk, and how.
pub struct Walk<'a> {
    pub paths: &'a [PathBuf],
    pub list: Option<List>,
    pub json: Option<JsonFields>,
    pub archives: bool,
    pub max_bytes: u64,
}

/// What a walk tells.
pub trait Finder {
    /// A page was found. `false` to stop.
    fn found(&mut self, source: Source) -> bool;
    /// A file of a folder, or a member, that is no page.
    fn skipped(&mut self);
    /// What comes next may take long to come. `false` to stop.
    fn waits(&mut self) -> bool;
}

impl Walk<'_> {
    /// Tells `finder` of every page until it says stop. Returns whether it came to the end.
    pub fn run(mut self, finder: &mut impl Finder) -> bool {
        let list = self.list.take();
        if self.paths.is_empty() && list.is_none() {
            return BUNDLED.iter().all(|(name, bytes)| finder.found(Source::Bundled(name, bytes)));
        }
        self.paths.iter().all(|path| self.path(path, finder))
            && list.into_iter().flatten().all(|path| match path {
                // A line of a list is a name, whatever is in it.
                Ok(path) if path.is_dir() => self.folder(&path, finder),
                Ok(path) => self.file(&path, finder),
                Err((place, why)) => finder.found(Source::Unreachable(place, why)),
            })
    }

    fn path(&self, path: &Path, finder: &mut impl Finder) -> bool {
        if path == Path::new("-") {
            self.stdin(finder)
        } else if path.is_dir() {
            self.folder(path, finder)
        } else if let Some(glob) = Glob::of(path) {
            self.glob(path, glob, finder)
        } else {
            // Also what does not exist: the line says so.
            self.file(path, finder)
        }
    }

    fn stdin(&self, finder: &mut impl Finder) -> bool {
        if !finder.waits() {
            return false;
        }
        match &self.json {
            Some(fields) => members(Pages::of_json_lines(io::stdin(), "-", fields.clone(), self.max_bytes), finder),
            None if self.archives => members(Pages::of_stream(io::stdin(), "-", self.max_bytes), finder),
            None => finder.found(Source::Stdin),
        }
    }

    fn file(&self, path: &Path, finder: &mut impl Finder) -> bool {
        // Opening anything else could wait for ever, and a worker can do that as well.
        let is_file = path.metadata().is_ok_and(|about| about.is_file());
        if is_file
            && (self.json.is_some() || self.archives)
            && let Ok(mut file) = File::open(path)
        {
            let name = path.to_string_lossy();
            if let Some(fields) = &self.json {
                return members(Pages::of_json_lines(file, name, fields.clone(), self.max_bytes), finder);
            }
            if is_archive(&mut file).unwrap_or(false) {
                return members(Pages::of_file(file, name, self.max_bytes), finder);
            }
        }
        finder.found(Source::File(path.to_owned(), self.archives))
    }

    fn folder(&self, folder: &Path, finder: &mut impl Finder) -> bool {
        for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
            let goes_on = match entry {
                Ok(entry) if entry.file_type().is_dir() => true,
                Ok(entry) => match self.kind(&entry) {
                    Kind::Page => finder.found(Source::File(entry.into_path(), self.archives)),
                    Kind::Many => self.file(entry.path(), finder),
                    Kind::Other => {
                        finder.skipped();
                        true
                    }
                },
                Err(error) => finder.found(unreachable_source(folder, &error)),
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    fn glob(&self, typed: &Path, glob: Result<Glob, String>, finder: &mut impl Finder) -> bool {
        let glob = match glob {
            Ok(glob) => glob,
            Err(why) => return finder.found(Source::Unreachable(typed.to_owned(), why)),
        };
        let mut any = false;
        for entry in glob.walk() {
            let goes_on = match entry {
                Ok(entry) if entry.file_type().is_file() => match glob.matched(entry.path()) {
                    Some(path) => {
                        any = true;
                        self.file(path, finder)
                    }
                    None => true,
                },
                Ok(_) => true,
                Err(error) => {
                    any = true;
                    finder.found(unreachable_source(typed, &error))
                }
            };
            if !goes_on {
                return false;
            }
        }
        let nothing = "no file matches this; check it, and that the shell left it as it was typed";
        any || finder.found(Source::Unreachable(typed.to_owned(), nothing.to_owned()))
    }

    /// Pipes and devices are left out: opening one could wait for ever.
    pub fn kind(&self, entry: &DirEntry) -> Kind {
        let name = entry.file_name().to_string_lossy();
        let has = |known: &[&str]| {
            let extension = entry.path().extension().and_then(OsStr::to_str).unwrap_or("");
            known.iter().any(|known| extension.eq_ignore_ascii_case(known))
        };
        match &self.json {
            _ if !entry.file_type().is_file() => Kind::Other,
            Some(_) => {
                let name = name.to_ascii_lowercase();
                let inner = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
                if inner.ends_with(".jsonl") || inner.ends_with(".ndjson") { Kind::Many } else { Kind::Other }
            }
            None if has(&["html", "htm", "xhtml"]) || self.archives && is_page_name(&name) => Kind::Page,
            None if self.archives && is_archive_name(&name) => Kind::Many,
            None => Kind::Other,
        }
    }
}

/// What a file of a folder is meant to be, by its name.
pub enum Kind {
    Page,
    Many,
    Other,
}

fn members(pages: Pages, finder: &mut impl Finder) -> bool {
    for found in pages {
        match found {
            Found::Member(member) => {
                if !finder.found(Source::Member(Box::new(member))) {
                    return false;
                }
            }
            _ => finder.skipped(),
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
