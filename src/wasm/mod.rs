//! Components of WebAssembly as pooled resources, confined in memory and time. Feature `wasm`, on wasmtime.
//!
//! A [`WasmEngine`] compiles a [`WasmComponent`], once, and a [`WasmPool`] lends instances of it: by default a new one for each use
//! ([`Isolation::Fresh`]), so that nothing of a page can be seen by the next. What a component exports is said by a [`World`]. Every
//! call has a deadline, and every instance a limit to its memory, tables, stack and results ([`WasmLimits`]), each with an error of its
//! own in [`WasmError`].
//!
//! A component has no files, no clock and no network, unless its world links some: it sees what it is called with.
//!
//! The crate is built on exactly one version of wasmtime, whose types are part of this interface: use it as [`wasmtime`] from here, or
//! depend on the same one.

mod artifact;
mod component;
mod config;
mod engine;
mod error;
mod extractor;
mod instance;
mod limits;
mod manager;
mod pool;
mod stats;
mod ticker;
mod world;

pub use artifact::{ArtifactCache, ArtifactStats, Digest, DirectoryError, Origin, Unfit};
pub use component::WasmComponent;
pub use config::{WasmConfig, WasmConfigError};
pub use engine::{Allocation, WasmEngine, WasmEngineBuilder};
pub use error::{Found, WasmBuildError, WasmError};
pub use extractor::{Css, Extraction, ExtractionError, Extractor, Failure, Mistake, Query, WasmExtractor};
pub use instance::WasmInstance;
pub use limits::WasmLimits;
pub use manager::{Isolation, WasmManager, WasmOptions};
pub use pool::WasmPool;
pub use stats::WasmStats;
/// The wasmtime that all this is built on.
pub use wasmtime;
pub use world::{Held, World};
