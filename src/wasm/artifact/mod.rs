//! Compiled components, kept in a directory for the next process.
//!
//! An artifact's name says all that makes it fit: the SHA-256 of its component, a hash of all that the engine's compiler depends
//! on, and a checksum of its own bytes. So there is nothing beside it that could belong to another, and it comes to be with one
//! `rename`. What does not match its name, or what wasmtime refuses, is compiled anew.

mod directory;
mod name;

pub use directory::DirectoryError;
pub use name::Digest;

use super::error::{WasmBuildError, shared};
use crate::error::SharedError;
use crate::observe::say;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use wasmtime::component::Component;

/// Keeps compiled components in a directory, which it makes if it is missing: private (0700), owned by the user of the process.
///
/// Loading an artifact is running its bytes as machine code, so a directory that others may write to is refused. Whoever may write
/// to it as this user can do anything else as this user too.
///
/// Nothing is ever deleted but what proved unfit: who moves from version to version deletes the directory, which is safe at any
/// time on a local file system.
#[derive(Debug)]
pub struct ArtifactCache {
    directory: PathBuf,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    loaded: AtomicU64,
    compiled: AtomicU64,
    unfit: AtomicU64,
    unstored: AtomicU64,
}

/// What a cache has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArtifactStats {
    /// Components that were there.
    pub loaded: u64,
    /// Components that had to be compiled, for whatever reason.
    pub compiled: u64,
    /// Artifacts that were there and could not be used: damaged, or refused by wasmtime. They were deleted.
    pub unfit: u64,
    /// Artifacts that could not be written. Their components run all the same, and are compiled again next time.
    pub unstored: u64,
}

/// Where a component's machine code came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// From the cache.
    Loaded {
        /// How long that took, the look at its checksum included.
        took: Duration,
    },
    /// From the compiler.
    Compiled {
        /// Why it was not loaded.
        why: Unfit,
        /// How long that took.
        took: Duration,
    },
}

/// Why a component was compiled.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// The engine has no cache.
    #[error("the engine has no cache of artifacts")]
    NoCache,
    /// There was no artifact of this component for this engine.
    #[error("there was none for this component and engine")]
    Absent,
    /// Its bytes are not those that were written.
    #[error("its {bytes} bytes are not those that were written")]
    Damaged {
        /// How many there are.
        bytes: u64,
    },
    /// wasmtime does not take it.
    #[error("wasmtime refuses it: {0}")]
    Refused(SharedError),
    /// It is not a file of this user's alone: whoever put it there may have written anything into it, or may still.
    #[error("it is not a file that this user alone may write to")]
    Foreign,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(std::sync::Arc<io::Error>),
}

impl ArtifactCache {
    /// A cache in `directory`.
    ///
    /// # Errors
    /// If it cannot be made, or others may write to it or replace it.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, DirectoryError> {
        Ok(Self { directory: directory::private(directory.as_ref())?, counts: Counts::default() })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it has done so far.
    pub fn stats(&self) -> ArtifactStats {
        let Counts { loaded, compiled, unfit, unstored } = &self.counts;
        let [loaded, compiled, unfit, unstored] = [loaded, compiled, unfit, unstored].map(|count| count.load(Relaxed));
        ArtifactStats { loaded, compiled, unfit, unstored }
    }

    /// The component with these bytes: loaded if it is there, else compiled, and kept.
    ///
    /// # Blocking
    /// While another thread or process compiles the same component: it is waited for, and its artifact loaded.
    pub(super) fn component(
        &self,
        engine: &wasmtime::Engine,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<(Component, Origin), WasmBuildError> {
        let stem = name::stem(digest, engine);
        let began = Instant::now();
        let first = match self.load(engine, &stem) {
            Ok(component) => return Ok((component, self.loaded(began))),
            Err(why) => why,
        };
        // Held until the artifact is written: whoever waits finds it. Gone with the process, whatever becomes of that.
        let lock = self.lock(digest);
        let why = match self.load(engine, &stem) {
            Ok(component) => return Ok((component, self.loaded(began))),
            // What was unfit is deleted by now.
            Err(Unfit::Absent) => first,
            Err(why) => why,
        };
        let began = Instant::now();
        let artifact = engine.precompile_component(bytes).map_err(super::component::invalid)?;
        self.counts.compiled.fetch_add(1, Relaxed);
        let kept = self.store(&stem, &artifact).inspect_err(|error| {
            self.counts.unstored.fetch_add(1, Relaxed);
            let directory = &self.directory;
            say(log::Level::Warn, &LABEL, format_args!("cannot keep an artifact in {directory:?}: {error}"));
        });
        // As any other: what was written is looked at before it is run. Where it cannot be kept, the compiler goes twice, and
        // no bytes have to be believed.
        let mapped = kept.ok().and_then(|()| self.load(engine, &stem).ok());
        let component = mapped.map_or_else(|| super::component::compiled(engine, bytes), Ok)?;
        drop(lock);
        Ok((component, Origin::Compiled { why, took: began.elapsed() }))
    }

    fn loaded(&self, began: Instant) -> Origin {
        self.counts.loaded.fetch_add(1, Relaxed);
        Origin::Loaded { took: began.elapsed() }
    }

    /// Loads the first artifact whose name begins so, whose bytes are those it is named for, and which nobody else may write to. Others
    /// are deleted, unless they only cannot be read for now.
    fn load(&self, engine: &wasmtime::Engine, stem: &str) -> Result<Component, Unfit> {
        let mut why = Unfit::Absent;
        let entries = fs::read_dir(&self.directory).map_err(|error| Unfit::Unreadable(error.into()))?;
        for entry in entries.flatten() {
            let file_name = entry.file_name();
            let Some(file_name) = file_name.to_str().filter(|name| is_of(name, stem)) else { continue };
            let path = entry.path();
            let named = |file| name::full(stem, file).map(Some);
            why = match directory::own_file(&path).and_then(|file| file.map_or(Ok(None), named)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => Unfit::Unreadable(error.into()),
                Ok(None) => Unfit::Foreign,
                Ok(Some((name, bytes))) if name != file_name => Unfit::Damaged { bytes },
                // SAFETY: Nobody but this user may put files into the directory, since the cache was opened, and this file was just
                // seen to be a regular one of this user's with no other name, which nobody else may write to: so nobody else can
                // change it, or put another in its place. This user's processes give files such a name in `store` alone, after
                // `precompile_component` of the same wasmtime, and the checksum in it has just been found to match: so the bytes
                // are those that the compiler made. They stay so while they are mapped: files get such a name by `rename` only,
                // are never opened for writing again, and a deleted one lives on under its mapping.
                Ok(Some(_)) => match unsafe { Component::deserialize_file(engine, &path) } {
                    Ok(component) => return Ok(component),
                    Err(error) => Unfit::Refused(shared(error)),
                },
            };
            let is_passing = matches!(why, Unfit::Unreadable(_));
            self.counts.unfit.fetch_add(1, Relaxed);
            say(log::Level::Warn, &LABEL, format_args!("artifact {path:?} is compiled anew: {why}"));
            if !is_passing {
                let _ = fs::remove_file(&path);
            }
        }
        Err(why)
    }

    /// Writes an artifact: whole under its name, or not at all.
    fn store(&self, stem: &str, artifact: &[u8]) -> io::Result<()> {
        let path = self.directory.join(name::full(stem, artifact)?.0);
        // By chance: the numbers of processes are the same in containers that share a directory.
        let unfinished = self.directory.join(format!("{stem}{:016x}.unfinished", RandomState::new().hash_one(stem)));
        let mut file = private_file().create_new(true).open(&unfinished)?;
        // It is ours from here on.
        let written = file.write_all(artifact).and_then(|()| file.sync_all());
        written.and_then(|()| fs::rename(&unfinished, &path)).inspect_err(|_| drop(fs::remove_file(&unfinished)))
    }

    /// The right to compile a component. Without it (a file system that has no locks) several may compile it at once.
    fn lock(&self, digest: &Digest) -> Option<File> {
        let file = private_file().create(true).open(self.directory.join(format!("{digest}.lock"))).ok()?;
        file.lock().ok()?;
        Some(file)
    }
}

/// Who is named in the log.
const LABEL: &str = "wasm artifacts";

fn is_of(name: &str, stem: &str) -> bool {
    name.len() == stem.len() + 32 + name::SUFFIX.len() && name.starts_with(stem) && name.ends_with(name::SUFFIX)
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
