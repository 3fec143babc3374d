//! Which file is which: two things must not be written to one place.

use std::fs;
use std::path::{self, Path, PathBuf};

/// Refuses to write two things to one place. `lines` is where the lines go, if that is a file; the others are the option, what goes
/// there, and the file.
/// # Errors
/// What is wrong, with what to try.
pub fn check(lines: Option<&Path>, others: &[(&str, &'static str, &Option<PathBuf>)]) -> Result<(), String> {
    let mut taken: Vec<(&str, &Path)> = lines.map(|path| ("the lines of -o go", path)).into_iter().collect();
    for (option, what, path) in others {
        let Some(path) = path else { continue };
        if path == Path::new("-") {
            return Err(format!("{option}: this is a file, - is where the lines go; give it a name"));
        }
        if let Some((other, _)) = taken.iter().find(|(_, other)| place(other) == place(path)) {
            return Err(format!("{option}: {other} to {} already; give it another name", path.display()));
        }
        taken.push((what, path));
    }
    Ok(())
}

/// Where a file is, or would be: by whatever name, the same place.
pub fn place(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let would_be = || Some(fs::canonicalize(folder).ok()?.join(path.file_name()?));
    fs::canonicalize(path).ok().or_else(would_be).or_else(|| path::absolute(path).ok())
}
