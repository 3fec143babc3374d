//! Where a value came from, and what was wrong with it.

use crate::document::FileErrors;
use crate::error::ConfigError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the value of a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A file.
    File {
        /// Its name.
        name: Arc<str>,
        /// The line of the value, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Variable(String),
    /// The program, or its command line.
    Program,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { name, line } => write!(f, "{name}:{line}"),
            Origin::Variable(name) => f.write_str(name),
            Origin::Program => f.write_str("program"),
        }
    }
}

/// Why settings are refused.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A file that cannot be read.
    #[error("cannot read {}: {cause}; check the path and who may read it", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Arc<io::Error>,
    },
    /// What is wrong with a file: all of it.
    #[error("{}", errors.named(name))]
    File {
        /// Its name.
        name: Arc<str>,
        /// Its mistakes, each with its place and what to try.
        errors: FileErrors,
    },
    /// A name that no setting has.
    #[error("{origin}: there is no setting {name}; {hint}")]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// The name.
        name: String,
        /// What to try.
        hint: String,
    },
    /// A value that is none of its setting.
    #[error("{origin}: {name} is {value}; it is {what}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// The setting.
        name: &'static str,
        /// The value.
        value: String,
        /// What it has to be.
        what: String,
    },
    /// Two settings of one layer that cannot both stand.
    #[error("{origin}: {name} and {other} ({other_origin}) contradict each other; leave one of the two out")]
    Contradiction {
        /// Where the one stands.
        origin: Origin,
        /// The one.
        name: &'static str,
        /// The other.
        other: &'static str,
        /// Where that stands.
        other_origin: Origin,
    },
    /// A value that the pool refuses, alone or beside the others.
    #[error("{origin}: {error}")]
    Refused {
        /// Where it stands.
        origin: Origin,
        /// What is wrong with it.
        #[source]
        error: ConfigError,
    },
}
