//! `--stats json` and `--stats-to`: where what a run did is said, for programs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use slackwater::Distribution;

use super::files::NamedFile;
use super::{NO_OUTPUT, complain};

/// Where they are to go.
pub struct Wanted {
    pub on_stderr: bool,
    file: Option<(PathBuf, NamedFile)>,
}

impl Wanted {
    /// Opens the file of `--stats-to`, so that a place that cannot be written is known before the run and not after it.
    /// # Errors
    /// Why not, with what to try.
    pub fn open(on_stderr: bool, file: Option<&Path>) -> Result<Self, String> {
        let open = |path: &Path| NamedFile::open(path).map_err(|error| not_written(path, &error));
        let file = file.map(|path| open(path).map(|file| (path.to_owned(), file))).transpose()?;
        Ok(Self { on_stderr, file })
    }

    /// Says what was done, wherever it is wanted: `line` gives it for the exit code there will be. Returns that code, which is another
    /// one if it cannot be written.
    pub fn write(self, mut code: u8, line: impl Fn(u8) -> String) -> u8 {
        if let Some((path, mut file)) = self.file {
            let written = file.write(line(code).as_bytes()).and_then(|()| file.finish());
            if let Err(error) = written {
                code = code.max(complain(NO_OUTPUT, not_written(&path, &error)));
            }
        }
        if self.on_stderr {
            // Standard error may be gone too; there is nobody left to tell.
            let _ = io::stderr().write_all(line(code).as_bytes());
        }
        code
    }
}

fn not_written(path: &Path, error: &io::Error) -> String {
    format!("cannot write the statistics {}: {error}; choose another place with --stats-to", path.display())
}

/// Times in nanoseconds.
pub fn times(times: &Distribution) -> Value {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let percentile = |percent| nanoseconds(times.percentile(percent));
    json!({
        "count": times.count(),
        "p50_ns": percentile(50.0),
        "p99_ns": percentile(99.0),
        "p999_ns": percentile(99.9),
        "max_ns": nanoseconds(times.max()),
    })
}
