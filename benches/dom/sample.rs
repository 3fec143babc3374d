//! The pages that are measured on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The sample: the paths, and what stands there. A tiny round takes few.
pub fn pages(rounds: usize) -> Option<(Vec<PathBuf>, Vec<String>)> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let root = Path::new(String::from_utf8(output.stdout).ok()?.trim()).join("share/doc/rust/html");
    let mut paths = Vec::new();
    below(&root, &mut paths);
    paths.sort();
    let named = std::env::var("DOM_PAGES").ok().and_then(|pages| pages.parse().ok());
    let wanted: usize = named.unwrap_or(if rounds == 1 { 20 } else { 1_000 });
    let paths = paths.into_iter();
    let step = (paths.len() / wanted.max(1)).max(1);
    let sample = paths.step_by(step).filter_map(|path| Some((fs::read_to_string(&path).ok()?, path)));
    let (pages, paths): (Vec<String>, Vec<PathBuf>) = sample.unzip();
    (!pages.is_empty()).then_some((paths, pages))
}

fn below(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            below(&path, paths);
        } else if path.extension().is_some_and(|ext| ext == "html") {
            paths.push(path);
        }
    }
}
