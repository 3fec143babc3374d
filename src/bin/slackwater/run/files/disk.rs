//! What it takes for a name to outlive a power cut.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Gives a file that is on the disk its name, in place of the file that has it.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    if let Ok(old) = fs::metadata(to) {
        fs::set_permissions(from, old.permissions())?;
    }
    fs::rename(from, to)?;
    sync_folder_of(to)
}

/// New names and new places of a folder are on the disk.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and the file system sees to it.
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Removes a file that may not be there.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A part that is shorter than it was when it was last said to be on the disk.
pub fn damaged(part: &Path) -> io::Error {
    let part = part.display();
    io::Error::other(format!("{part} is not as the unfinished run left it, and that run cannot be gone on with"))
}
