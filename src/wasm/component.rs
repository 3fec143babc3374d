//! Components: compiled once, run many times.

use super::artifact::{Digest, Origin, Unfit};
use super::engine::WasmEngine;
use super::error::{Found, WasmBuildError, shared};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use wasmtime::Precompiled;
use wasmtime::component::Component;

/// A component, ready to be run by the engine that loaded it. A clone is the same.
#[derive(Clone)]
pub struct WasmComponent {
    pub(super) component: Component,
    engine: WasmEngine,
    known: Arc<Known>,
}

struct Known {
    digest: Digest,
    origin: Origin,
    imports: Vec<String>,
}

impl WasmEngine {
    /// Loads a component from its bytes: out of the [cache](super::ArtifactCache) if it is there, else by compiling it, which takes
    /// about a second for each MiB.
    ///
    /// # Errors
    /// If it is none, or not a valid one, or larger than the engine takes.
    pub fn component(&self, bytes: &[u8]) -> Result<WasmComponent, WasmBuildError> {
        self.allows(bytes.len() as u64)?;
        // Told before it is looked for: hashing what is none tells nobody anything.
        recognise(bytes)?;
        self.known_component(bytes, Digest::of(bytes))
    }

    /// Loads a component from a file, as [`component`](Self::component) does.
    ///
    /// # Errors
    /// As there, and if the file cannot be read.
    pub fn component_file(&self, path: impl AsRef<Path>) -> Result<WasmComponent, WasmBuildError> {
        let path = path.as_ref();
        let failed = |cause: std::io::Error| WasmBuildError::Read { path: path.to_owned(), cause: cause.into() };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed)?;
        self.allows(file.metadata().map_err(failed)?.len())?;
        // What grows while it is read, or has no length, is not read without end.
        file.take(self.inner.max_component + 1).read_to_end(&mut bytes).map_err(failed)?;
        self.component(&bytes)
    }

    fn allows(&self, bytes: u64) -> Result<(), WasmBuildError> {
        let limit = self.inner.max_component;
        if bytes > limit { Err(WasmBuildError::TooLarge { bytes, limit }) } else { Ok(()) }
    }

    /// Loads a component whose digest is known.
    pub(super) fn known_component(&self, bytes: &[u8], digest: Digest) -> Result<WasmComponent, WasmBuildError> {
        let engine = self.wasmtime();
        let (component, origin) = match self.cache() {
            Some(cache) => cache.component(engine, &digest, bytes)?,
            None => {
                let began = Instant::now();
                (compiled(engine, bytes)?, Origin::Compiled { why: Unfit::NoCache, took: began.elapsed() })
            }
        };
        let ty = component.component_type();
        let imports = ty.imports(engine).map(|(name, _)| name.to_owned()).collect();
        Ok(WasmComponent { component, engine: self.clone(), known: Arc::new(Known { digest, origin, imports }) })
    }
}

/// A component that is kept nowhere.
pub(super) fn compiled(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Component, WasmBuildError> {
    let component = Component::from_binary(engine, bytes).map_err(invalid)?;
    // Else the first instance would pay for it.
    component.initialize_copy_on_write_image().map_err(invalid)?;
    Ok(component)
}

impl WasmComponent {
    /// The SHA-256 of its bytes.
    pub fn digest(&self) -> Digest {
        self.known.digest
    }

    /// Where its machine code came from, and how long that took.
    pub fn origin(&self) -> &Origin {
        &self.known.origin
    }

    /// The names of what it imports.
    pub fn imports(&self) -> &[String] {
        &self.known.imports
    }

    /// Memories that an instance has, one at least.
    pub(super) fn memories(&self) -> usize {
        self.component.resources_required().map_or(1, |required| required.num_memories.max(1) as usize)
    }

    /// The engine that loaded it.
    pub fn engine(&self) -> &WasmEngine {
        &self.engine
    }
}

impl fmt::Debug for WasmComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Known { digest, origin, imports } = &*self.known;
        let mut it = f.debug_struct("WasmComponent");
        it.field("digest", digest).field("origin", origin).field("imports", imports).finish_non_exhaustive()
    }
}

pub(super) fn invalid(error: wasmtime::Error) -> WasmBuildError {
    WasmBuildError::Invalid { cause: shared(error) }
}

/// Tells what is meant as a component from what is not.
fn recognise(bytes: &[u8]) -> Result<(), WasmBuildError> {
    let found = match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => return Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Found::Module,
        _ => match wasmtime::Engine::detect_precompiled(bytes) {
            Some(Precompiled::Component | Precompiled::Module) => Found::Artifact,
            None => Found::Other,
        },
    };
    Err(WasmBuildError::NotAComponent { found })
}
