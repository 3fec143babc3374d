//! selectolax, in a Python process that runs a lap when it is told to.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::contestants::Found;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/extract/peers.py");

/// A Python that has selectolax: the one `PEERS_PYTHON` names, the usual one, or one of our own below the target folder, which
/// is made if it may be.
pub fn python(may_make: bool) -> Result<PathBuf, String> {
    let named = std::env::var_os("PEERS_PYTHON").map(PathBuf::from);
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers-venv");
    let usual = [named, Some("python3".into()), Some(own.join("bin/python"))];
    if let Some(found) = usual.into_iter().flatten().find(|python| runs(python, &["-c", "import selectolax.lexbor"])) {
        return Ok(found);
    }
    if !may_make {
        return Err("no python3 has it".to_owned());
    }
    eprintln!("making a Python environment with selectolax ...");
    let python = own.join("bin/python");
    if !runs(Path::new("python3"), &["-m", "venv", &own.to_string_lossy()]) {
        return Err("there is no python3 with venv".to_owned());
    }
    if !runs(&python, &["-m", "pip", "install", "--quiet", "selectolax"]) {
        return Err("pip could not install it".to_owned());
    }
    Ok(python)
}

fn runs(program: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The process, with the pages in its memory.
pub struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub fn start(python: &Path, pages: &[PathBuf]) -> Result<Self, String> {
        let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dom-bench-pages.txt");
        let names: String = pages.iter().map(|page| format!("{}\n", page.display())).collect();
        fs::write(&list, names).map_err(|error| error.to_string())?;
        let mut command = Command::new(python);
        command.arg(SCRIPT).arg(&list).stdin(Stdio::piped()).stdout(Stdio::piped());
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
