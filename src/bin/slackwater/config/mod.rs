//! `slackwater config`: the settings of a pool, as files and variables have them.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use slackwater::{Load, Origin, PoolConfig, Settings, SettingsError};

use crate::run::{USAGE, complain, print};

const AFTER_HELP: &str = "\
Layers: a preset, over it a file, over that the environment, over that what --set says. Times have units (250ms, 1m 30s), sizes may (512MB, 2GiB).

Exit codes: 0, the settings are sound; 2, they are not, and it says what is wrong and where; 3, standard output cannot be written.

Examples:
  slackwater config show --file pool.toml
  slackwater config show --file services.toml --table pools.orders --env ORDERS --set max_size=32
  ORDERS_MAX_SIZE=16 slackwater config show --env ORDERS --said
  NATIVE_MAX_INSTANCES=50 CB_TIMEOUT_MS=30000 slackwater config show --preset native-medium --native --said
  slackwater config schema > pool.schema.json";

/// Show what settings a pool would have, and where each comes from
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Read settings, check them, and print each with its value and where it came from
    #[command(after_help = AFTER_HELP)]
    Show(Show),
    /// Print all settings there are, with what each is, its default, and what it is good for, in Markdown
    Options,
    /// Print a JSON schema, by which editors complete and check files of settings
    Schema,
}

/// Sizes to begin with: of cheap resources in this process, or of those that take memory of their own, at a low, medium or high load.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Preset {
    NativeLow,
    NativeMedium,
    NativeHigh,
    ComponentsLow,
    ComponentsMedium,
    ComponentsHigh,
}

impl Preset {
    fn config(self) -> PoolConfig {
        match self {
            Self::NativeLow => PoolConfig::native(Load::Low),
            Self::NativeMedium => PoolConfig::native(Load::Medium),
            Self::NativeHigh => PoolConfig::native(Load::High),
            Self::ComponentsLow => PoolConfig::components(Load::Low),
            Self::ComponentsMedium => PoolConfig::components(Load::Medium),
            Self::ComponentsHigh => PoolConfig::components(Load::High),
        }
    }
}

#[derive(clap::Args)]
struct Show {
    /// Sizes to begin with, in place of the defaults
    #[arg(long, value_enum, value_name = "PRESET")]
    preset: Option<Preset>,

    /// A file of settings, TOML, or JSON if it ends in .json
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// The table of the file that has them, such as pools.orders [default: the whole file]
    #[arg(long, value_name = "NAME", requires = "file")]
    table: Option<String>,

    /// Read variables of the environment that begin with PREFIX_, such as PREFIX_MAX_SIZE
    #[arg(long, value_name = "PREFIX")]
    env: Option<String>,

    /// Read the variables of deployments of extractor pools, such as NATIVE_POOL_SIZE, CB_TIMEOUT_MS, HEALTH_CHECK_ENABLED
    #[arg(long)]
    native: bool,

    /// Set one on top of all others; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,

    /// Only those that somebody said
    #[arg(long)]
    said: bool,

    /// As a JSON file of settings, which can be read again
    #[arg(long, conflicts_with = "said")]
    json: bool,
}

impl Args {
    pub fn run(&self) -> ExitCode {
        let said = match &self.command {
            Command::Show(show) => show.say(),
            Command::Options => Ok(Settings::table()),
            Command::Schema => Ok(format!("{:#}\n", Settings::schema())),
        };
        match said {
            Ok(text) => print(text.as_bytes()),
            Err(why) => ExitCode::from(complain(USAGE, why)),
        }
    }
}

impl Show {
    fn say(&self) -> Result<String, String> {
        let settings = self.settings()?;
        let config = settings.config().map_err(|error| error.to_string())?;
        if self.json {
            return serde_json::to_string_pretty(&config).map(|text| text + "\n").map_err(|error| error.to_string());
        }
        let all = settings.all().map_err(|error| error.to_string())?;
        let shown = all.iter().filter(|setting| !self.said || setting.origin != Origin::Default);
        let mut text = String::new();
        for setting in shown {
            let value = setting.value.as_deref().unwrap_or("-");
            let _ = writeln!(text, "{:<32} {value:<14} {}", setting.name, setting.origin);
        }
        Ok(text)
    }

    fn settings(&self) -> Result<Settings, String> {
        let told = |error: SettingsError| error.to_string();
        let mut settings = self.preset.map_or_else(Settings::new, |preset| Settings::over(preset.config()));
        if let Some(file) = &self.file {
            settings = settings.file_table(file, self.table.as_deref().unwrap_or_default()).map_err(told)?;
        }
        if self.native {
            settings = settings.native_env().map_err(told)?;
        }
        if let Some(prefix) = &self.env {
            settings = settings.env(prefix).map_err(told)?;
        }
        for set in &self.set {
            let Some((name, value)) = set.split_once('=') else {
                return Err(format!("--set {set}: there is no '=' in it; such as --set max_size=8"));
            };
            settings = settings.set(name, value).map_err(|error| format!("--set {set}: {error}"))?;
        }
        Ok(settings)
    }
}
