//! Where the servers' programs are, and as whom they run.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../../support/skipped.rs"]
mod skipped;

use skipped::skipped;

/// Who runs what must not run as root: `nobody`, which every system has.
const NOBODY: u32 = 65_534;

/// A program in `PATH`.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The folder of PostgreSQL's programs: Debian keeps it out of `PATH`, one for each version.
pub fn postgresql() -> Option<PathBuf> {
    if let Some(found) = in_path("initdb") {
        return Some(found.parent()?.to_owned());
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("initdb").is_file()).max()
}

/// A command of Redis's server. Debian's package `redis-tools` has the program too, under the name by which it only checks files: it
/// goes by what it is called. So no package is needed that starts a service.
pub fn redis() -> Option<Command> {
    if let Some(found) = in_path("redis-server") {
        return Some(Command::new(found));
    }
    let mut command = Command::new(in_path("redis-check-rdb")?);
    command.arg0("redis-server");
    Some(command)
}

/// Has `command` run as nobody, in a `folder` of theirs, if this is root. A process group of its own: an interrupt is for the tests.
pub fn unprivileged<'c>(command: &'c mut Command, folder: &Path) -> &'c mut Command {
    if rustix::process::geteuid().is_root() {
        let given = chown(folder, Some(NOBODY), Some(NOBODY));
        given.unwrap_or_else(|error| panic!("could not give away {}: {error}", folder.display()));
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir(folder).process_group(0)
}

/// Says that a test does nothing for want of a program, past the test runner's capture, to be counted.
///
/// # Panics
/// Where that is not to happen: if `SLACKWATER_DATABASES` is `required`.
pub fn absent(what: &str, package: &str) {
    let required = std::env::var_os("SLACKWATER_DATABASES").is_some_and(|value| value == "required");
    assert!(!required, "there is no {what}; install {package}, or run tests/databases/run, which does");
    skipped(&format!("there is no {what}; install {package}"));
}
