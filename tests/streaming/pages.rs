//! Real pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compared::Compared;

fn pages_below(root: &Path, pages: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            pages_below(&path, pages);
        } else if path.extension().is_some_and(|ext| ext == "html") {
            pages.push(path);
        }
    }
}

/// Promise: the bundled pages give what the tree gives, and most of them without one. Provoked: all of them, whole, with other
/// line ends, and cut in many places.
#[test]
fn bundled_pages_give_what_the_tree_gives() {
    let mut pages = Vec::new();
    pages_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pages"), &mut pages);
    let mut compared = Compared::new();
    let sources: Vec<String> =
        pages.iter().map(|path| fs::read_to_string(path).expect("the bundled pages are UTF-8")).collect();
    sources.iter().for_each(|page| compared.check(page));
    let (streamed, all_seen, why) = compared.streamed();
    println!("of {} pages {streamed} and {all_seen} without a tree, others for {why:?}", sources.len());
    assert!(streamed * 2 > sources.len() as u64, "{streamed} of {}: {why:?}", sources.len());
    for page in sources {
        compared.check(&page.replace('\n', "\r\n"));
        for part in 1..8 {
            compared.check(&page[..page.floor_char_boundary(page.len().min(40_000) * part / 8)]);
            compared.check(&page[page.floor_char_boundary(page.len() - page.len().min(20_000) * part / 8)..]);
        }
    }
}

/// Promise: so do thousands of real pages. Provoked: every k-th of the toolchain's documentation, where it is installed. How
/// many is `DOM_PAGES`, 2000 in an optimised build.
#[test]
fn the_toolchains_documentation_gives_what_the_tree_gives() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let Ok(output) = Command::new(rustc).args(["--print", "sysroot"]).output() else { return };
    let root = Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("share/doc/rust/html");
    let mut pages = Vec::new();
    pages_below(&root, &mut pages);
    pages.sort();
    let usual = if cfg!(debug_assertions) { 60 } else { 2_000 };
    let wanted = std::env::var("DOM_PAGES").ok().and_then(|pages| pages.parse().ok()).unwrap_or(usual);
    let mut compared = Compared::new();
    let mut seen = 0;
    for path in pages.iter().step_by((pages.len() / wanted).max(1)) {
        let Ok(page) = fs::read_to_string(path) else { continue };
        if page.len() > 1 << 20 {
            continue;
        }
        seen += 1;
        if let Some(difference) = compared.difference(&page) {
            panic!("{}: {difference}", path.display());
        }
    }
    let (streamed, all_seen, why) = compared.streamed();
    println!("of {seen} pages {streamed} and {all_seen} without a tree, others for {why:?}");
}
