//! The options that say where lines go and what they look like.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::format::FormatName;
use super::lists::Lists;
use crate::run::files::{Division, size};
use crate::run::{StatsFormat, seconds};

#[derive(clap::Args)]
#[group(skip)]
pub struct Options {
    /// What to write [default: by the ending of -o, .jsonl .csv .tsv .parquet; else jsonl]
    ///
    /// csv and tsv have a header and a line a page: source, the fields, error, note; quoted as RFC 4180 has it, lines ended by LF.
    /// parquet has the same columns, each field a list of strings.
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<FormatName>,

    /// How csv and tsv have the values of a field: first, json or join=SEP [default: join=|]
    ///
    /// join=SEP puts SEP between them, and a backslash before each SEP and backslash in them, so that they can be split again; no
    /// value is an empty cell, one empty value is \e. json is a JSON array. first is the first value alone, or an empty cell.
    #[arg(long, value_name = "RULE", value_parser = Lists::parse)]
    pub list: Option<Lists>,

    /// Divide the pages among N files, in turn: FILE-00000-of-0000N.csv for -o FILE.csv
    #[arg(long, value_name = "N", group = "division", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub shards: Option<u64>,

    /// Begin another file after so many pages: FILE-00000.csv, FILE-00001.csv for -o FILE.csv
    #[arg(long, value_name = "N", group = "division", value_parser = clap::value_parser!(u64).range(1..))]
    pub shard_pages: Option<u64>,

    /// Begin another file before one is larger than SIZE, such as 256M; for parquet before compression
    #[arg(long, value_name = "SIZE", group = "division", value_parser = size)]
    pub shard_bytes: Option<u64>,

    /// Write pages that failed to FILE, and not to the output: a JSON line each, with source, kind and reason
    #[arg(long, value_name = "FILE")]
    pub failures: Option<PathBuf>,

    /// Keep what is written when the run is cut short, and go on with it when there is such a run
    ///
    /// Needs -o FILE. Lines come in the order of the input, as with --ordered. The same command again goes on, whatever ended the run:
    /// Ctrl-C, kill -9, a full disk, no power. Each page is in the output once. What is not complete yet stands in hidden files beside FILE.
    #[arg(long)]
    pub resume: bool,

    /// With --resume: bring what is written to the disk every so many seconds, which is what a kill may cost [default: 1; parquet: 30]
    ///
    /// A slow disk makes it less often, so that no more than a tenth of the time goes into it. For parquet each is a row group.
    #[arg(long, value_name = "SECONDS", requires = "resume", value_parser = seconds)]
    pub checkpoint: Option<Duration>,

    /// Say what was done as JSON instead of words, on standard error, also if --quiet
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub stats: Option<StatsFormat>,

    /// Write what was done to FILE, as JSON
    #[arg(long, value_name = "FILE")]
    pub stats_to: Option<PathBuf>,
}

impl Options {
    pub fn format(&self, path: Option<&Path>) -> FormatName {
        self.format.or_else(|| FormatName::of(path?)).unwrap_or(FormatName::Jsonl)
    }

    pub fn division(&self) -> Division {
        match *self {
            Self { shards: Some(n), .. } => Division::Spread(n),
            Self { shard_pages: Some(pages), .. } => Division::Roll { pages, bytes: u64::MAX },
            Self { shard_bytes: Some(bytes), .. } => Division::Roll { pages: u64::MAX, bytes },
            _ => Division::Single,
        }
    }

    /// Refuses what does not go together; `path` is the file of `-o`.
    /// # Errors
    /// What is wrong, with what to try.
    pub fn check(&self, path: Option<&Path>) -> Result<(), String> {
        if self.list.is_some() && !self.format(path).has_lists() {
            return Err("--list: only csv and tsv have lists in cells; add --format csv, or leave it out".to_owned());
        }
        if path.is_none() && self.division() != Division::Single {
            let option = match self {
                Self { shards: Some(_), .. } => "--shards",
                Self { shard_pages: Some(_), .. } => "--shard-pages",
                _ => "--shard-bytes",
            };
            return Err(format!("{option}: several files need a name to begin with; name one with -o"));
        }
        if path.is_none() && self.resume {
            return Err("--resume: standard output cannot be gone on with; name a file with -o".to_owned());
        }
        Ok(())
    }
}
