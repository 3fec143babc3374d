//! What shells and `man` want to know of the command line, made from its own definition.

use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;

use crate::run::{print, unwritten};

/// Print completions for a shell: slackwater completions bash > /etc/bash_completion.d/slackwater
#[derive(clap::Args)]
pub struct Completions {
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(&self, mut command: Command) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "slackwater", &mut script);
        print(&script)
    }
}

/// Print a manual page: slackwater man extract | man -l -
#[derive(clap::Args)]
pub struct Man {
    /// The command it is about [default: slackwater as a whole]
    #[arg(value_name = "COMMAND", value_parser = ["extract", "map", "config", "recipe", "try", "completions", "man"])]
    about: Option<String>,
}

impl Man {
    pub fn run(&self, mut command: Command) -> ExitCode {
        // What clap adds by itself, such as --help, is there only once it is built.
        command.build();
        let about = self.about.as_ref().and_then(|name| command.find_subcommand(name).cloned());
        let mut page = Vec::new();
        let man =
            clap_mangen::Man::new(about.unwrap_or(command)).source(concat!("slackwater ", env!("CARGO_PKG_VERSION")));
        match man.render(&mut page) {
            Ok(()) => print(&page),
            Err(error) => unwritten(&error),
        }
    }
}
