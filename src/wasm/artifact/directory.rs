//! The directory that artifacts lie in: nobody else may write to it, because what lies in it is run as machine code.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a directory is not used for artifacts.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// It cannot be made, or not be looked at.
    #[error("cannot use the directory {path:?} for artifacts: {cause}")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        cause: Arc<io::Error>,
    },
    /// It is not a directory.
    #[error("{path:?} is not a directory; name another for artifacts")]
    NotADirectory {
        /// What was named.
        path: PathBuf,
    },
    /// It belongs to another user, who may write to it.
    #[error(
        "the directory {path:?} belongs to user {owner}, and this process is user {user}: artifacts are run as machine code; \
         name one that this user owns"
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose the process is.
        user: u32,
    },
    /// Others may write to it.
    #[error(
        "others may write to the directory {path:?} (mode {mode:o}): artifacts are run as machine code; empty it and run \
         chmod 700 on it, or name another"
    )]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Others may put another in its place, because they may write to a directory above it.
    #[error(
        "others may replace the directory {path:?}: they may write to {above:?} (mode {mode:o}), and artifacts are run as \
         machine code; name one that lies elsewhere"
    )]
    Replaceable {
        /// The directory.
        path: PathBuf,
        /// The one above it.
        above: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// This system has no notion of a private directory that is known here.
    #[error("artifacts are kept on Unix alone; do without a directory")]
    Unsupported,
}

/// Makes the directory if it is missing, private from the start, and looks whether it can be trusted. Gives its real path.
///
/// A group that may write to a directory *above* is trusted: that is common where each user has a group of their own.
#[cfg(unix)]
pub(super) fn private(path: &Path) -> Result<PathBuf, DirectoryError> {
    use std::fs::DirBuilder;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    let unusable = |path: &Path, cause| DirectoryError::Unusable { path: path.to_owned(), cause: Arc::new(cause) };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => DirectoryError::NotADirectory { path: path.to_owned() },
        _ => unusable(path, error),
    })?;
    // The path that links lead to is looked at, and used.
    let path = path.canonicalize().map_err(|error| unusable(path, error))?;
    let user = rustix::process::geteuid().as_raw();
    let own = path.metadata().map_err(|error| unusable(&path, error))?;
    if own.uid() != user {
        return Err(DirectoryError::Foreign { path, owner: own.uid(), user });
    }
    if own.mode() & 0o022 != 0 {
        return Err(DirectoryError::Open { path, mode: own.mode() & 0o7777 });
    }
    for above in path.ancestors().skip(1) {
        let its = above.metadata().map_err(|error| unusable(above, error))?;
        // In a sticky one only the owner of an entry may move it.
        let replaceable = its.mode() & 0o002 != 0 && its.mode() & 0o1000 == 0;
        if replaceable || (its.uid() != user && its.uid() != 0) {
            let (above, mode) = (above.to_owned(), its.mode() & 0o7777);
            return Err(DirectoryError::Replaceable { path, above, mode });
        }
    }
    Ok(path)
}

#[cfg(not(unix))]
pub(super) fn private(_path: &Path) -> Result<PathBuf, DirectoryError> {
    Err(DirectoryError::Unsupported)
}

/// Opens a file of a private directory, if it is a regular one of this user's with no other name, that nobody else may write to.
#[cfg(unix)]
pub(super) fn own_file(path: &Path) -> io::Result<Option<File>> {
    use rustix::fs::OFlags;
    use std::fs::OpenOptions;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    // A link leads elsewhere, and a pipe has whoever opens it wait.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => return Ok(None),
        opened => opened?,
    };
    let its = file.metadata()?;
    let is_own = its.is_file()
        && its.uid() == rustix::process::geteuid().as_raw()
        && its.mode() & 0o022 == 0
        && its.nlink() == 1;
    Ok(is_own.then_some(file))
}

#[cfg(not(unix))]
pub(super) fn own_file(_path: &Path) -> io::Result<Option<File>> {
    Ok(None)
}
