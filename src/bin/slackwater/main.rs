//! The command line of slackwater.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod config;
mod extract;
mod map;
mod recipe;
mod run;
mod shell;
mod trial;

/// Work with pooled resources from the command line.
#[derive(Parser)]
#[command(name = "slackwater", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Extract(Box<extract::Args>),
    Map(Box<map::Args>),
    Config(config::Args),
    Recipe(recipe::Args),
    #[command(name = "try")]
    Try(trial::Args),
    Completions(shell::Completions),
    Man(shell::Man),
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match (cli.command, matches.subcommand()) {
        // The raw matches know what the derived struct does not: in which order options were typed.
        (Command::Extract(args), Some((_, typed))) => extract::run(*args, typed),
        (Command::Map(args), Some((_, typed))) => map::run(*args, typed),
        (Command::Try(args), Some((_, typed))) => trial::run(&args, typed),
        (Command::Config(args), _) => args.run(),
        (Command::Recipe(args), _) => args.run(),
        (Command::Completions(wanted), _) => wanted.run(Cli::command()),
        (Command::Man(wanted), _) => wanted.run(Cli::command()),
        (Command::Extract(_) | Command::Map(_) | Command::Try(_), None) => unreachable!("clap parsed a subcommand"),
    }
}
