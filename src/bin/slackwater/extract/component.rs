//! `--wasm`: a component takes the fields, in place of this process's own extractors.

use std::path::PathBuf;
use std::time::Duration;

use slackwater::extract::Recipe;

use super::args::timeout;

#[cfg(feature = "wasm")]
mod pooled;
#[cfg(not(feature = "wasm"))]
#[path = "component/absent.rs"]
mod pooled;

pub use pooled::Component;

/// A component that takes the fields.
#[derive(clap::Args)]
#[group(skip)]
pub struct Options {
    /// Have a component of WebAssembly take the fields [default FILE: the one that comes with the command]
    ///
    /// FILE is a component of the world in wit/extract.wit; docs/wasm.md tells how one is written. Each page has an instance of its own, which
    /// sees the page and the fields and nothing else, and which --wasm-memory and --wasm-timeout hold. Fields are those of --css and --regex,
    /// and of a recipe's file those that ask for no more.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with = "engine")]
    pub wasm: Option<Option<PathBuf>>,

    /// MiB of memory that the component may have for a page, 1 to 4096
    #[arg(long, value_name = "MIB", default_value_t = 256, requires = "wasm", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub wasm_memory: u16,

    /// Give a page up when the component has had it for longer than this; --page-timeout holds too
    #[arg(long, value_name = "SECONDS", default_value = "10", requires = "wasm", value_parser = timeout)]
    pub wasm_timeout: Duration,
}

impl Options {
    /// The component in a pool of so many instances, if one was asked for. A page has `page_timeout` at most.
    /// # Errors
    /// Why it cannot be had, or not be asked for these fields.
    pub fn build(&self, recipe: &Recipe, size: usize, page_timeout: Duration) -> Result<Option<Component>, String> {
        let file = self.wasm.as_ref().map(Option::as_deref);
        file.map(|file| Component::build(self, file, recipe, size, page_timeout))
            .transpose()
            .map_err(|why| format!("--wasm: {why}"))
    }
}
