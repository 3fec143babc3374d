//! How many pages there will be, counted by names ahead of the walk: that one keeps only a few pages ahead of the workers, so its own
//! count says nothing of the end. Only for the person at the terminal; a run nobody looks at does without.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use slackwater::extract::input::is_archive_name;
use walkdir::WalkDir;

use super::glob::Glob;
use super::input::{Kind, Walk};
use crate::run::terminal::Total;

/// Pages counted up to now.
#[derive(Default)]
pub struct Ahead {
    pages: AtomicU64,
    /// Everything was counted, and nothing in it can be more than one page.
    exact: AtomicBool,
    over: AtomicBool,
}

impl Ahead {
    /// Counts what `walk` will find, until it is `stop`ped. A list besides is read once, by the walk, and so is not counted.
    pub fn count(&self, walk: &Walk, listed: bool) {
        let mut exact = !listed;
        let mut one = |kind: Kind| {
            match kind {
                Kind::Page => drop(self.pages.fetch_add(1, Relaxed)),
                Kind::Many => exact = false,
                Kind::Other => {}
            }
            !self.over.load(Relaxed)
        };
        let to_the_end = walk.paths.iter().all(|path| {
            let named = |path: &Path| match path.to_string_lossy() {
                name if walk.json.is_some() || walk.archives && is_archive_name(&name) => Kind::Many,
                _ => Kind::Page,
            };
            if path == Path::new("-") {
                one(Kind::Many)
            } else if path.is_dir() {
                let mut entries = WalkDir::new(path).follow_links(true).into_iter();
                entries.all(|entry| one(entry.map_or(Kind::Page, |entry| walk.kind(&entry))))
            } else if let Some(glob) = Glob::of(path) {
                let Ok(glob) = glob else { return one(Kind::Page) };
                let mut entries = glob.walk().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
                entries.all(|entry| glob.matched(entry.path()).is_none_or(|path| one(named(path))))
            } else {
                one(named(path))
            }
        });
        self.exact.store(to_the_end && exact, Relaxed);
    }

    /// Nobody wants to know any more.
    pub fn stop(&self) {
        self.over.store(true, Relaxed);
    }

    pub fn total(&self) -> Total {
        match self.exact.load(Relaxed) {
            true => Total::Exactly(self.pages.load(Relaxed)),
            false => Total::AtLeast(self.pages.load(Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    fn total(paths: &[PathBuf]) -> Total {
        let ahead = Ahead::default();
        ahead.count(&Walk { paths, list: None, json: None, archives: true, max_bytes: 1 }, false);
        ahead.total()
    }

    /// Promise: pages are counted as the walk will find them, and an archive, which has nobody knows how many, is said not to be
    /// counted. Provoked: a folder with other files, a glob, a file twice, an archive by its name, standard input.
    #[test]
    fn names_are_counted_and_archives_are_not() {
        let folder = std::env::temp_dir().join(format!("slackwater-ahead-{}", std::process::id()));
        fs::create_dir_all(folder.join("deep")).unwrap();
        for name in ["a.html", "b.HTM", "c.txt", "deep/d.xhtml", "deep/e.html.gz"] {
            fs::write(folder.join(name), "").unwrap();
        }
        assert_eq!(total(std::slice::from_ref(&folder)), Total::Exactly(4));
        assert_eq!(total(&[folder.join("**/*.html"), folder.join("c.txt"), folder.join("c.txt")]), Total::Exactly(3));
        assert_eq!(total(&[folder.join("a.html"), "-".into()]), Total::AtLeast(1));
        fs::write(folder.join("deep/f.warc.gz"), "").unwrap();
        assert_eq!(total(std::slice::from_ref(&folder)), Total::AtLeast(4));
        let ahead = Ahead::default();
        ahead.stop();
        let paths = std::slice::from_ref(&folder);
        ahead.count(&Walk { paths, list: None, json: None, archives: true, max_bytes: 1 }, false);
        assert!(matches!(ahead.total(), Total::AtLeast(_)));
        fs::remove_dir_all(folder).unwrap();
    }
}
