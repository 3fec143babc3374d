//! Where tests of extraction have their pages from.

mod dice;
#[path = "../support/skipped.rs"]
mod skipped;

pub use dice::Dice;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use skipped::skipped;

/// The pages that come with the program.
pub fn bundled() -> Vec<String> {
    let pages = below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pages"));
    assert!(pages.len() >= 10);
    pages.iter().map(|path| fs::read_to_string(path).expect("the bundled pages are UTF-8")).collect()
}

/// A page as it is, with other line ends, and cut in many places.
pub fn variants(page: &str) -> impl Iterator<Item = String> {
    let cuts = (1..8).flat_map(|part| {
        let front = &page[..page.floor_char_boundary(page.len().min(40_000) * part / 8)];
        let back = &page[page.floor_char_boundary(page.len() - page.len().min(20_000) * part / 8)..];
        [front.to_owned(), back.to_owned()]
    });
    [page.to_owned(), page.replace('\n', "\r\n")].into_iter().chain(cuts)
}

/// Every k-th page of the toolchain's documentation: about `DOM_PAGES` of them, by default 60, and 2000 in an optimised build. None where it
/// is not installed, which is said.
///
/// Without the few indices of tens of megabytes: asking them eighty selectors twice says no more.
pub fn documentation() -> impl Iterator<Item = (PathBuf, String)> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        Command::new(rustc).args(["--print", "sysroot"]).output().expect("there is a compiler where there is a test");
    let pages = below(&Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("share/doc/rust/html"));
    if pages.is_empty() {
        skipped("the toolchain's documentation is not installed; `rustup component add rust-docs` brings it");
    }
    let usual = if cfg!(debug_assertions) { 60 } else { 2_000 };
    let wanted = std::env::var("DOM_PAGES").ok().and_then(|pages| pages.parse().ok()).unwrap_or(usual);
    let step = (pages.len() / wanted).max(1);
    let read = |path: PathBuf| fs::read_to_string(&path).ok().map(|page| (path, page));
    pages.into_iter().step_by(step).filter_map(read).filter(|(_, page)| page.len() <= 1 << 20)
}

/// All pages in a folder and those in it, in order.
fn below(root: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    collect(root, &mut pages);
    pages.sort();
    pages
}

fn collect(root: &Path, pages: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|ext| ext == "html") {
            pages.push(path);
        }
    }
}
