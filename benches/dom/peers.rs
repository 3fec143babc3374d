//! Parsers of Python's world, each in a process that runs a lap when it is told to.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::contestants::Found;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/laps.py");
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/python");

/// A Python that has them: the one `PEERS_PYTHON` names, or one that is made for it in the user's cache folder, if it may be.
pub fn python(may_make: bool) -> Result<PathBuf, String> {
    if !may_make {
        return Err("a tiny round goes without".to_owned());
    }
    let output = Command::new(PYTHON).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err("there is no Python for it, as said above".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().into())
}

/// The process, with the pages in its memory.
pub struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// selectolax, which other benches compare with too.
    #[allow(dead_code, reason = "not in every bench")]
    pub fn start(python: &Path, pages: &[PathBuf]) -> Result<Self, String> {
        Self::start_named("selectolax", python, pages)
    }

    pub fn start_named(name: &str, python: &Path, pages: &[PathBuf]) -> Result<Self, String> {
        let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dom-bench-pages.txt");
        let names: String = pages.iter().map(|page| format!("{}\n", page.display())).collect();
        fs::write(&list, names).map_err(|error| error.to_string())?;
        let mut command = Command::new(python);
        command.args([SCRIPT, name]).arg(&list).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| error.to_string())?;
        let input = process.stdin.take().expect("it was asked for");
        let output = BufReader::new(process.stdout.take().expect("it was asked for"));
        let mut peer = Self { process, input, output };
        match peer.line()?.as_str() {
            "ready" => Ok(peer),
            other => Err(format!("it said {other:?}")),
        }
    }

    /// One lap over all pages.
    pub fn lap(&mut self) -> Result<(Duration, Found), String> {
        self.input.write_all(b"\n").map_err(|error| error.to_string())?;
        let line = self.line()?;
        let mut parts = line.split(' ');
        let mut part = || parts.next().ok_or_else(|| format!("it said {line:?}"));
        let seconds: f64 = part()?.parse().map_err(|_| format!("it said {line:?}"))?;
        let mut number = || part()?.parse::<usize>().map_err(|_| format!("it said {line:?}"));
        let found = Found { count: number()?, length: number()? };
        Ok((Duration::from_secs_f64(seconds), found))
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
