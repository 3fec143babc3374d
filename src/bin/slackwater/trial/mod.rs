//! `slackwater try`: what fields find on one page, and where.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, ValueEnum};
use slackwater::extract::{Bounds, Recipe, Trial, decode, sniff};

use crate::extract::{fields, timeout};

mod show;

/// Show what fields find on one page: each match with its line and column, and what is taken of it highlighted
///
/// Nothing is written but this. Exit codes: 0, also if nothing was found; 2, a mistake in a field or recipe, or no such page; 3, standard output
/// cannot be written.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  slackwater try --css 'name=li.product > h3' page.html\n  slackwater try --recipe products.toml page.html"
)]
pub struct Args {
    /// The page, or - for standard input
    #[arg(value_name = "PAGE")]
    page: PathBuf,

    /// A field as extract takes it; repeatable
    #[arg(long, value_name = "NAME=SELECTOR[@ATTR]")]
    css: Vec<String>,

    /// A field as extract takes it; repeatable
    #[arg(long, value_name = "NAME=PATTERN")]
    regex: Vec<String>,

    /// A recipe's file; its fields come first
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,

    /// Whether to highlight with colours [default: on a terminal, unless NO_COLOR is set]
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Colour::Auto, hide_default_value = true)]
    color: Colour,

    /// Matches of a field that are shown; all are counted
    #[arg(long, value_name = "N", default_value_t = 10)]
    matches: usize,

    /// Stop when it takes longer than this, and say so
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = timeout)]
    page_timeout: Duration,
}

#[derive(Clone, Copy, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

impl Colour {
    fn is_on(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                io::stdout().is_terminal() && !refused
            }
        }
    }
}

/// Runs the command. `typed` are the raw matches `args` came from.
pub fn run(args: &Args, typed: &ArgMatches) -> ExitCode {
    let shown = match looked_at(args, typed) {
        Ok((recipe, trial)) => show::all(&recipe, &trial, args.matches, args.color.is_on()),
        Err(why) => {
            let _ = writeln!(io::stderr(), "error: {why}");
            return ExitCode::from(2);
        }
    };
    match io::stdout().write_all(shown.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
            ExitCode::from(3)
        }
        _ => ExitCode::SUCCESS,
    }
}

fn looked_at(args: &Args, typed: &ArgMatches) -> Result<(Recipe, Trial), String> {
    let fields = fields::in_order(typed, &args.css, &args.regex, args.recipe.is_none());
    let (recipe, _) = fields::recipe(args.recipe.as_deref(), &fields)?;
    let bytes = read(&args.page).map_err(|error| format!("{}: cannot be read: {error}", args.page.display()))?;
    sniff(&bytes).map_err(|error| format!("{}: {error}", args.page.display()))?;
    let bounds = Bounds { time: Some(args.page_timeout), ..Bounds::default() };
    let trial = Trial::new(&recipe, &decode(&bytes).text, bounds);
    Ok((recipe, trial))
}

fn read(page: &Path) -> io::Result<Vec<u8>> {
    if page != Path::new("-") {
        return fs::read(page);
    }
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map(|_| bytes)
}
