//! What can be typed after `slackwater map`.

use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use clap::ValueEnum;

use crate::run::{StatsFormat, dashboard, places, seconds};

const AFTER_HELP: &str = "\
Lines: each line of the input is one JSON value, which the operation is called with; each line of
  the output is what it gave. Blank lines are passed over. A line that failed has in its place
    {\"error\": {\"line\": 3, \"kind\": \"...\", \"reason\": \"...\", \"traceback\": \"...\"}}
  or, with --failures, a line of that file with its input, and none in the output. Kinds:
    error      the operation raised one: see reason, and traceback for where
    crashed    the worker ended; the reason has how, and its last words on standard error
    timed_out  it took longer than --timeout
    broken     the worker answered nonsense
    bad_json, too_large   no worker ever saw the line, or its answer is too long

A worker in Python, with slackwater_worker.py (workers/python in the source) beside it:
  from slackwater_worker import worker
  @worker.operation
  def double(value):
      return 2 * value
  worker.serve()

Exit codes:
  0  every line has its answer, or whoever read the output closed it early
  1  some lines failed
  2  usage: a bad option, an unknown operation, --resume with another command or input
  3  no worker can be started (what it said is shown), or no input read, or no output written
  4  lines written differ from lines read; this is a bug, please report it
  130, 143  interrupted (Ctrl-C), terminated: lines in hand had two seconds; a file of -o was not
     written, or with --resume is kept to go on with

Examples:
  slackwater map --worker 'python3 worker.py' < in.jsonl > out.jsonl
  slackwater map -w 'python3 worker.py' --size 8 --failures failed.jsonl < in.jsonl > out.jsonl
  slackwater map -w 'python3 -m slackwater_worker my_module:score' -o out.jsonl --resume in.jsonl
  slackwater map -w 'python3 worker.py' --idempotent --retries 2 --timeout 2m in.jsonl
  slackwater map -w 'sh workers/shell/sizes.sh' --channel stdio < names.jsonl
  jq -c .input failed.jsonl | slackwater map -w 'python3 worker.py'";

/// Answer each line of a JSON Lines file by warm worker processes, in parallel: Python, or any program
///
/// Workers are started once and then take line after line. A worker that crashes, hangs or answers nonsense costs the line it had, and
/// is replaced; its last words are told with that line. Memory stays bounded however many lines there are.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The input, or - for standard input [default: -]
    #[arg(value_name = "FILE")]
    pub input: Option<PathBuf>,

    /// The command that starts a worker, with its arguments, quoted as for a shell
    ///
    /// No shell runs it: no pipes, variables or globs, but NAME=VALUE before the program. With 'sh -c "..."' one does. Workers have this
    /// command's environment.
    #[arg(short, long, value_name = "COMMAND")]
    pub worker: String,

    /// Workers, 1 to 1024 [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub size: Option<u16>,

    /// What the worker is asked to do [default: the only operation it offers]
    #[arg(long, value_name = "NAME")]
    pub operation: Option<String>,

    /// Where the worker finds its channel: descriptors of its own, or standard input and output
    ///
    /// With own, what the worker prints harms nothing. stdio is for ports of Erlang and Elixir ({packet, 4}) and for shell scripts.
    #[arg(long, value_name = "CHANNEL", value_enum, default_value_t)]
    pub channel: Channel,

    /// Write answers in the order of the input; that is the default
    #[arg(long, conflicts_with = "as_completed")]
    pub ordered: bool,

    /// Write answers as they come; have them say what they are of
    #[arg(long, conflicts_with = "resume")]
    pub as_completed: bool,

    /// Try a line again, N times, whose worker crashed, hung or answered nonsense; only with --idempotent
    ///
    /// On another worker. A line whose worker was gone before it had the line is tried again in any case. Errors that the operation
    /// raises are its answer, and are not tried again.
    #[arg(long, value_name = "N", requires = "idempotent", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub retries: Option<u8>,

    /// To do the operation twice is as good as once
    #[arg(long)]
    pub idempotent: bool,

    /// How long a line may take, such as 500ms, 30s, 5m, 1h; then its worker is killed
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub timeout: Duration,

    /// How long a worker may take to start
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub ready_within: Duration,

    /// Refuse lines and answers of more bytes than this, up to 2 GiB
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20, value_parser = clap::value_parser!(u32).range(1024..=2 << 30))]
    pub max_bytes: u32,

    /// Replace a worker after so many lines, for those that leak
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_requests: Option<u64>,

    /// Write to FILE instead of standard output; it appears under its name only when complete
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write lines that failed to FILE, and not to the output: line, kind, reason, input
    #[arg(long, value_name = "FILE")]
    pub failures: Option<PathBuf>,

    /// Keep what is written when the run is cut short, and go on with it when there is such a run
    ///
    /// Needs -o FILE. The same command with the same input again goes on, whatever ended the run: Ctrl-C, kill -9, a full disk, no power.
    /// Each line is in the output once; those that were in hand at the end are done again. What is not complete yet stands in hidden
    /// files beside FILE.
    #[arg(long, requires = "output")]
    pub resume: bool,

    /// With --resume: bring what is written to the disk every so many seconds, which is what a kill may cost [default: 1]
    #[arg(long, value_name = "SECONDS", requires = "resume", value_parser = seconds)]
    pub checkpoint: Option<Duration>,

    /// Say what was done as JSON instead of words, on standard error, also if --quiet
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub stats: Option<StatsFormat>,

    /// Write what was done to FILE, as JSON
    #[arg(long, value_name = "FILE")]
    pub stats_to: Option<PathBuf>,

    /// Show the workers in a browser while the run lasts [default ADDR: 127.0.0.1, any port that is free]
    ///
    /// Prints the page's address. Only programs on this machine can reach it, and it only shows.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true, default_missing_value = dashboard::ANYWHERE)]
    pub dashboard: Option<String>,

    /// Tell of the progress also where there is no terminal: a line at first, then one every five seconds
    #[arg(long, conflicts_with = "quiet")]
    pub progress: bool,

    /// Print neither progress nor summary
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Channel {
    #[default]
    Own,
    Stdio,
}

/// Reads a time, such as 30s or 1.5 (seconds).
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("units are ms, s, m and h; such as 500ms or 30s".to_owned()),
    };
    let time = digits.parse::<f64>().ok().and_then(|number| Duration::try_from_secs_f64(number * unit).ok());
    match time.ok_or("that is no time; such as 500ms or 30s")? {
        time if time < Duration::from_millis(1) => Err("nothing can be done in less than 1ms".to_owned()),
        time if time > Duration::from_secs(86_400) => Err("more than a day (24h) is not allowed".to_owned()),
        time => Ok(time),
    }
}

#[cfg_attr(not(feature = "process"), allow(dead_code, reason = "nothing is mapped without"))]
impl Args {
    pub fn size(&self) -> usize {
        self.size.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from)
    }

    /// The file of `-o`, if lines go to one.
    pub fn lines_to(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// The input, if it is a file.
    pub fn input(&self) -> Option<&Path> {
        self.input.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// Refuses what cannot go together.
    /// # Errors
    /// What is wrong, with what to try.
    pub fn check(&self) -> Result<(), String> {
        if self.resume && self.lines_to().is_none() {
            return Err("--resume: standard output cannot be gone on with; name a file with -o".to_owned());
        }
        let others =
            [("--failures", "failures go", &self.failures), ("--stats-to", "the statistics go", &self.stats_to)];
        places::check(self.lines_to(), &others)?;
        let read = self.input().and_then(places::place);
        let written = [("-o", &self.output), ("--failures", &self.failures), ("--stats-to", &self.stats_to)];
        for (option, path) in written {
            if read.is_some() && path.as_deref().and_then(places::place) == read {
                return Err(format!("{option}: this is the input; give it another name"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: times are read with their unit, seconds without one. Provoked: each unit, fractions, what is no time, too short, too long.
    #[test]
    fn times_have_units() {
        for (text, milliseconds) in
            [("30s", 30_000), ("500ms", 500), ("1.5", 1_500), ("2m", 120_000), ("24h", 86_400_000)]
        {
            assert_eq!(time(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "5x", "-1s", "nan", "inf", "0", "0.1ms", "25h", "1e300h", "1 s"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
