//! What can be typed after `slackwater extract`.

use std::io;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use clap::ArgMatches;

use super::engine::Choice;
use super::fields::{self, Kind};
use super::{component, input, output};
use crate::run::output::not_written;
use crate::run::{dashboard, places, seconds};

const AFTER_HELP: &str = "\
Output, one line a page, as JSON unless --format or the name of -o says otherwise:
  {\"source\": \"<path>\", \"fields\": {\"<name>\": [\"...\"]}, \"error\": null}
  The fields stand in the order of the command line. A page that failed has empty fields and says why in \"error\".
  A page that was not UTF-8 has a \"note\", such as \"decoded as windows-1252\", and an \"encoding\" with its name and what it is by.
  A page out of an archive goes by ARCHIVE#MEMBER, one out of a WARC by its address.

Exit codes:
  0  every page was extracted, or whoever read the output closed it early
  1  some pages failed; their lines carry \"error\"
  2  usage: a bad option, selector or pattern, --resume with another command or input; nothing was started, nothing written
  3  the output could not be written, or the run could not be set up
  4  lines written differ from pages read; this is a bug, please report it
  130, 143  interrupted (Ctrl-C), terminated: pages in hand were finished, a report was written; a file of -o was not, or with
     --resume is kept to go on with

Examples:
  slackwater extract
  slackwater extract --css title=title --css 'links=a[href]@href' -o pages.jsonl site/
  slackwater extract --recipe products.toml -o products.jsonl shop/
  slackwater extract -o pages.jsonl --report run.html site/
  slackwater extract -o pages.jsonl crawl-*.warc.gz 'site/**/*.html' pages.zip
  find site -name '*.html' -print0 | slackwater extract --files-from - -0
  zstdcat crawl.jsonl.zst | slackwater extract --json-lines html --name-field url -
  slackwater extract -o pages.parquet --resume --failures failed.jsonl site/
  curl -s https://example.org | slackwater extract --regex 'years=\\b(?:19|20)\\d\\d\\b' -";

/// Extract fields from HTML pages with pooled CSS and regex extractors, to JSON lines, CSV, TSV or Parquet
///
/// Walks files and folders on all cores and writes a line for every page. Memory stays bounded however many pages there are.
/// A page that cannot be read or is not HTML is a line with an error; the run goes on.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP, after_long_help = AFTER_HELP)]
pub struct Args {
    /// Files, folders, globs, archives, or - for standard input [default: pages bundled with the program]
    ///
    /// A folder gives its *.html, *.htm and *.xhtml files and its archives, in sorted order, links followed. A file named here, or by
    /// a glob in quotes ('site/**/*.html'), is always tried. WARC, tar, zip, gzip and zstd are recognised by their content, in
    /// standard input too (but for zip, which has its list at its end), and each page in them gets its line.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub input: input::Options,

    /// Take the text of every element SELECTOR matches, or its attribute ATTR; repeatable
    ///
    /// The text is that of all descendants, untouched. Only an @ outside brackets and quotes starts ATTR. Without any --css or
    /// --regex the fields are: title=title, headings='h1, h2', links=a@href and the pattern codes='\bE[0-9]{4}\b'.
    #[arg(long, value_name = "NAME=SELECTOR[@ATTR]")]
    pub css: Vec<String>,

    /// Take group 1 of every match of PATTERN in the page's source, or the whole match if it has no group; repeatable
    #[arg(long, value_name = "NAME=PATTERN")]
    pub regex: Vec<String>,

    /// Take the fields that FILE describes, TOML or JSON; those of --css and --regex come after them
    ///
    /// A file can ask for more: text without white space around it, inner or outer HTML, the first match or their number, required
    /// fields, records, patterns over the text or another field. docs/extract.md has all of it; slackwater recipe check FILE says what
    /// is wrong with one, and slackwater try --recipe FILE PAGE what it finds.
    #[arg(long, value_name = "FILE")]
    pub recipe: Option<PathBuf>,

    /// Write the lines in the order of the input
    #[arg(long)]
    pub ordered: bool,

    /// Threads that extract, 1 to 1024 [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// Extractors of each kind, 1 to 1024; fewer than threads makes threads wait [default: as many as threads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub pool_size: Option<u16>,

    /// What takes the CSS fields: a document tree (dom), or what tags say, without one (streaming)
    ///
    /// With auto, pages go without a tree where the answer is the same by rule: the recipe must not ask for what only a tree has, and
    /// a page that turns out to be one whose tags do not say it all goes through the tree. It is faster, and saves what a tree takes, 15 to
    /// 35 times a page's size in memory. With streaming every page goes without, and answers are those of tags: elements without end tags go on.
    #[arg(long, value_name = "ENGINE", value_enum, default_value_t)]
    pub engine: Choice,

    #[command(flatten)]
    pub component: component::Options,

    /// Refuse pages of more bytes than this
    ///
    /// Parsing takes 15 to 35 times a page's size in memory. Pages above 1 MiB are extracted at most two at a time.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_bytes: u64,

    /// Give a page up when its extraction takes longer than this; its line says so, and the run goes on
    ///
    /// Looked at while a page is parsed, searched and its values are taken, and not while it is read or waits for an extractor.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = timeout)]
    pub page_timeout: Duration,

    /// Write to FILE instead of standard output; it appears under its name only when complete
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub out: output::Options,

    /// Write a report on the run to FILE, an HTML page that needs nothing else
    ///
    /// Shows pages a second over time, percentiles of what pages took and waited, failures by kind with examples, the slowest pages,
    /// and how the pools of extractors fared. Written at the end, also of a run that failed or was interrupted (Ctrl-C), as far
    /// as it came. What is shown is counted in bounded memory, however long the run is.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,

    /// Show the pools of extractors in a browser while the run lasts [default ADDR: 127.0.0.1, any port that is free]
    ///
    /// Prints the page's address. Only programs on this machine can reach it, and it only shows: who holds an extractor since when,
    /// how long pages wait, how well the pools are. It is gone when the run is over; --report is what stays.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true, default_missing_value = dashboard::ANYWHERE)]
    pub dashboard: Option<String>,

    /// Print neither progress nor summary
    #[arg(short, long)]
    pub quiet: bool,
}

impl Args {
    /// Threads to extract on.
    pub fn threads(&self) -> usize {
        self.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from)
    }

    /// Extractors in each pool.
    pub fn pool_size(&self) -> usize {
        self.pool_size.map_or_else(|| self.threads(), usize::from)
    }

    /// The fields as typed, in the order they were typed across both options.
    pub fn fields(&self, typed: &ArgMatches) -> Vec<(Kind, &str)> {
        fields::in_order(typed, &self.css, &self.regex, self.recipe.is_none())
    }

    /// Whatever was named as input, for whoever tells of it.
    pub fn inputs(&self) -> Vec<PathBuf> {
        self.paths.iter().chain(&self.input.files_from).cloned().collect()
    }

    /// Refuses to write two things to one place, and to read twice what can be had only once.
    /// # Errors
    /// What is wrong, with what to try.
    pub fn check_places(&self) -> Result<(), String> {
        self.input.check(&self.paths)?;
        let output = self.output.as_deref().filter(|path| *path != Path::new("-"));
        let others = [
            ("--report", "the report goes", &self.report),
            ("--failures", "failures go", &self.out.failures),
            ("--stats-to", "the statistics go", &self.out.stats_to),
        ];
        places::check(output, &others)
    }

    /// How to say that the lines could not be written.
    pub fn no_output(&self) -> impl Fn(&io::Error) -> String + Send + Sync + use<> {
        not_written(self.output.clone(), self.out.resume)
    }
}

/// The time that a page may take.
pub fn timeout(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    if time.is_zero() { Err("no page can be extracted in no time; such as 0.5 or 60".to_owned()) } else { Ok(time) }
}
