//! What can go wrong with components, their artifacts and their instances.

use super::artifact::DirectoryError;
use super::limits::Denied;
use crate::error::{BuildError, CheckoutError, ConfigError, SharedError};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Trap;

/// Why there is no engine, component or pool.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WasmBuildError {
    /// A setting is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pool refused a setting, or could make none of its instances.
    #[error(transparent)]
    Pool(#[from] BuildError),
    /// The engine would not start, neither with the pooling allocator nor without.
    #[error("no WebAssembly engine: {cause}; lower its slots or limits")]
    Engine {
        /// What wasmtime says.
        #[source]
        cause: SharedError,
    },
    /// The file cannot be read.
    #[error("cannot read the component {path:?}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: Arc<io::Error>,
    },
    /// The component is larger than the engine takes.
    #[error("the component has {bytes} bytes of {limit} allowed; raise max_component, or make it smaller")]
    TooLarge {
        /// Its bytes.
        bytes: u64,
        /// How many there may be.
        limit: u64,
    },
    /// The bytes are no component.
    #[error("not a component, but {found}")]
    NotAComponent {
        /// What they are.
        found: Found,
    },
    /// They say they are one, and do not compile.
    #[error("the component is not valid: {cause}")]
    Invalid {
        /// Where, and why.
        #[source]
        cause: SharedError,
    },
    /// The component asks for what nobody gives it.
    #[error(
        "the component imports {}, and not all of that is there: {cause}; link it in World::link, or build the component without: \
         one for pages alone needs none",
        .names.join(", ")
    )]
    Imports {
        /// All that it imports.
        names: Vec<String>,
        /// What is missing first.
        #[source]
        cause: SharedError,
    },
    /// The component lacks what the world asks of it.
    #[error("the component is not of the world: {cause}; build it for the world's wit")]
    World {
        /// What it lacks.
        #[source]
        cause: SharedError,
    },
    /// The component cannot be started.
    #[error("the component cannot be started: {cause}")]
    Start {
        /// Why not.
        #[source]
        cause: WasmError,
    },
    /// The component needs more than its limits give it, before it has done anything.
    #[error("the component starts with {needs} {what} of {limit} allowed; raise the limit")]
    Needs {
        /// What it needs too much of.
        what: &'static str,
        /// How much it starts with.
        needs: u64,
        /// How much it may have.
        limit: u64,
    },
    /// The engine has not enough slots left for the pool.
    #[error(
        "the pool needs {wanted} slots of the engine and {free} of {slots} are free; raise the engine's slots, or lower max_size, \
         max_overflow or surge"
    )]
    Slots {
        /// How many the pool may need at once: overflow and successors included.
        wanted: usize,
        /// How many no other pool has.
        free: usize,
        /// How many there are.
        slots: usize,
    },
    /// The component was loaded by another engine.
    #[error("the component was loaded by another engine; load it with the one that runs it")]
    OtherEngine,
    /// The directory for artifacts cannot be trusted, or not be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// What is not a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// A core module.
    Module,
    /// Machine code that was compiled from a component before.
    Artifact,
    /// Neither: it does not begin as WebAssembly does.
    Other,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Found::Module => {
                "a core module; make a component of it, with wasm-component-ld or wasm-tools component new"
            }
            Found::Artifact => "an artifact, which is machine code; give the component that it was compiled from",
            Found::Other => "something else; a component begins with the bytes 00 61 73 6d 0d 00 01 00",
        })
    }
}

/// Why a call gave no result. Whatever it is, but for `Checkout`, the instance is not used again.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WasmError {
    /// The pool gave no instance.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// It took longer than it may.
    #[error("the call was ended after {ran:.1?} of {limit:?} allowed; raise limits.timeout, or leave the input out")]
    Timeout {
        /// How long it may take.
        limit: Duration,
        /// How long it took, by the clock.
        ran: Duration,
        /// The engine's ticks in that time.
        ticks: u64,
    },
    /// The instance wanted more memory than it may have, and did not go on without.
    #[error(
        "the instance wanted {wanted} bytes of memory, had {used}, and {limit} are allowed; raise limits.memory, or leave the \
         input out"
    )]
    MemoryLimitExceeded {
        /// What it had.
        used: u64,
        /// What it would have had.
        wanted: u64,
        /// What it may have.
        limit: u64,
    },
    /// All instances of the pool together would have had more memory than they may.
    #[error(
        "all instances of the pool together have {used} bytes of memory, one wanted {more} more, and {limit} are allowed; raise \
         limits.total_memory, or lower the pool's max_size"
    )]
    TotalMemoryExceeded {
        /// What they had.
        used: u64,
        /// What one of them wanted more.
        more: u64,
        /// What they may have.
        limit: u64,
    },
    /// The instance wanted more table entries than it may have, and did not go on without.
    #[error(
        "the instance wanted {wanted} table entries, had {used}, and {limit} are allowed; raise limits.table_entries"
    )]
    TableLimitExceeded {
        /// What it had.
        used: u64,
        /// What it would have had.
        wanted: u64,
        /// What it may have.
        limit: u64,
    },
    /// It gave back more than it may.
    #[error("the call gave back more than {limit} bytes; raise limits.result, or ask for less")]
    ResultTooLarge {
        /// How much it may give back.
        limit: u64,
    },
    /// It called itself too deeply.
    #[error("the call needed more than {limit} bytes of stack; raise the engine's stack, or leave the input out")]
    StackOverflow {
        /// How much there is.
        limit: u64,
    },
    /// It trapped: a panic, an access out of bounds, a division by zero.
    #[error("the call trapped: {trap}; this is a fault in the component, or an input it was not made for")]
    Trap {
        /// Which trap.
        trap: Trap,
        /// The same, with the functions it happened in.
        #[source]
        cause: SharedError,
    },
    /// The call failed otherwise: it gave back what is no value of its type, or a function of the host failed.
    #[error("the call failed: {cause}")]
    Failed {
        /// Why.
        #[source]
        cause: SharedError,
    },
    /// There was no instance to call: one was to be made, and could not.
    #[error("no instance: {cause}")]
    Instantiate {
        /// Why not.
        #[source]
        cause: SharedError,
    },
    /// An earlier call on this instance failed: it is to be given back, and another to be checked out.
    #[error("an earlier call on this instance failed, so it is not entered again; check out another")]
    Spent,
    /// The thread that ends calls at their deadline did not start, so none may begin.
    #[error("no thread to end calls at their deadline: {cause}; end other threads, or raise the limit")]
    Ticker {
        /// What the system says.
        cause: Arc<io::Error>,
    },
}

impl WasmError {
    /// Whether the input or the component brought it about, rather than the pool or the system.
    pub fn is_guests(&self) -> bool {
        !matches!(self, Self::Checkout(_) | Self::Instantiate { .. } | Self::Spent | Self::Ticker { .. })
    }
}

/// wasmtime's own error, as one that can be kept and shared.
pub(super) fn shared(error: wasmtime::Error) -> SharedError {
    SharedError::from(Box::<dyn std::error::Error + Send + Sync>::from(Whole(error)))
}

/// An error that says all it knows: wasmtime's own says only what it was about, and the reasons are its sources.
#[derive(Debug)]
struct Whole(wasmtime::Error);

impl std::fmt::Display for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Whole {}

/// What is known of a call that failed.
pub(super) struct Failed {
    pub(super) denied: Option<Denied>,
    pub(super) ran: Duration,
    pub(super) ticks: u64,
    pub(super) timeout: Duration,
    pub(super) result: usize,
    pub(super) stack: usize,
    /// The instance was being made: a denial is why it was not.
    pub(super) starts: bool,
}

/// How wasmtime says that a result is too large; it has no type for that. `a_result_too_large_has_its_own_error` holds it to it.
const RESULT_TOO_LARGE: &str = "too much data is being copied between the host and the guest";

impl Failed {
    /// The error with its numbers. A denial counts if the guest gave up after it: with a trap that guests end themselves with.
    pub(super) fn name(self, error: wasmtime::Error) -> WasmError {
        match (error.downcast_ref::<Trap>().copied(), self.denied) {
            (Some(Trap::Interrupt), _) => WasmError::Timeout { limit: self.timeout, ran: self.ran, ticks: self.ticks },
            (Some(Trap::StackOverflow), _) => WasmError::StackOverflow { limit: self.stack as u64 },
            (None, _) if error.root_cause().to_string().starts_with(RESULT_TOO_LARGE) => {
                WasmError::ResultTooLarge { limit: self.result as u64 }
            }
            (Some(Trap::UnreachableCodeReached), Some(denied)) => WasmError::from(denied),
            (None, Some(denied)) if self.starts => WasmError::from(denied),
            // A trap before, which whoever called it kept to themselves.
            (Some(Trap::CannotEnterComponent), _) => WasmError::Spent,
            (Some(trap), _) => WasmError::Trap { trap, cause: shared(error) },
            (None, _) => WasmError::Failed { cause: shared(error) },
        }
    }
}

/// Why an instance that could be made is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotOfTheWorld(pub(super) SharedError);

impl From<Denied> for WasmError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Memory { used, wanted, limit, together: false } => {
                WasmError::MemoryLimitExceeded { used: used as u64, wanted: wanted as u64, limit: limit as u64 }
            }
            Denied::Memory { used, wanted, limit, together: true } => {
                WasmError::TotalMemoryExceeded { used: used as u64, more: (wanted - used) as u64, limit: limit as u64 }
            }
            Denied::Table { used, wanted, limit } => {
                WasmError::TableLimitExceeded { used: used as u64, wanted: wanted as u64, limit: limit as u64 }
            }
        }
    }
}
