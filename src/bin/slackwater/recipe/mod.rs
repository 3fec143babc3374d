//! Recipe files: read for a run, and `slackwater recipe check`.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use slackwater::extract::{Engine, Recipe, WhyNot};

/// Look after recipe files, which say in TOML or JSON what to take from pages
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(Check),
}

/// Say of each file that it is sound, or all that is wrong with it, with line, column and a hint
///
/// Exit codes: 0, all are sound; 2, one is not or cannot be read; 3, standard output cannot be written.
#[derive(clap::Args)]
struct Check {
    /// Recipe files, *.toml or *.json; what has another name is JSON if it begins with {
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// A recipe's file is read whole. No recipe comes near this.
const LARGEST: u64 = 16 << 20;

impl Args {
    pub fn run(&self) -> ExitCode {
        let Command::Check(Check { files }) = &self.command;
        let mut code = ExitCode::SUCCESS;
        for file in files {
            let said = match load(file) {
                Ok((recipe, _)) => {
                    let fields = recipe.names().len();
                    let engine = match Engine::choose(&recipe) {
                        Ok(_) => "; --engine auto can do without a tree".to_owned(),
                        Err(WhyNot::NoCss) => String::new(),
                        Err(why) => format!("; --engine auto takes the tree: {why}"),
                    };
                    format!("{}: ok, {fields} field{}{engine}\n", file.display(), if fields == 1 { "" } else { "s" })
                }
                Err(why) => {
                    code = ExitCode::from(2);
                    format!("{why}\n")
                }
            };
            match io::stdout().write_all(said.as_bytes()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
                    return ExitCode::from(3);
                }
                _ => {}
            }
        }
        code
    }
}

/// The recipe in a file, and the file's text.
/// # Errors
/// Why it cannot be read, or all mistakes in it.
pub fn load(file: &Path) -> Result<(Recipe, String), String> {
    let name = file.display().to_string();
    let unreadable = |error| format!("{name}: cannot be read: {error}");
    let mut text = String::new();
    let read = fs::File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    if read.map_err(unreadable)? as u64 > LARGEST {
        return Err(format!("{name}: no recipe: it has more than {LARGEST} bytes; name the recipe's own file"));
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text).to_owned();
    let is_json = match file.extension().and_then(|extension| extension.to_str()) {
        Some(extension) if extension.eq_ignore_ascii_case("json") => true,
        Some(extension) if extension.eq_ignore_ascii_case("toml") => false,
        _ => text.trim_start().starts_with('{'),
    };
    let recipe = if is_json { Recipe::from_json(&text) } else { Recipe::from_toml(&text) };
    recipe.map(|recipe| (recipe, text)).map_err(|errors| errors.named(&name).to_string())
}
