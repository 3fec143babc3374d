//! What a pool of instances has done.

use super::error::WasmError;
use super::limits::Together;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of a manager. Relaxed: each is a number for itself.
        #[derive(Debug, Default)]
        pub(super) struct Counts {
            $(pub(super) $name: AtomicU64,)*
        }

        /// What a pool of instances has done so far, and what its instances have. See [`WasmPool::usage`](super::WasmPool::usage).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct WasmStats {
            $($(#[$doc])* pub $name: u64,)*
            /// Bytes that the memories of all instances have now, those in use included, and the one that a component was tried out with, as long
            /// as there is one.
            pub memory: u64,
            /// The most they ever had together.
            pub memory_peak: u64,
            /// The most one instance ever had.
            pub memory_largest: u64,
        }

        impl Counts {
            pub(super) fn stats(&self, together: &Together) -> WasmStats {
                WasmStats {
                    $($name: self.$name.load(Relaxed),)*
                    memory: together.used() as u64,
                    memory_peak: together.peak() as u64,
                    memory_largest: together.largest(),
                }
            }
        }
    };
}

counts! {
    /// Calls, whatever became of them.
    calls,
    /// Calls that were ended at their deadline.
    timeouts,
    /// Calls that ended for want of memory.
    out_of_memory,
    /// Calls that ended for want of table entries.
    out_of_table,
    /// Calls that gave back too much.
    results_too_large,
    /// Calls that needed too much stack.
    stack_overflows,
    /// Calls that trapped otherwise.
    traps,
    /// Calls that failed otherwise.
    failed,
    /// Instances made: first ones and those that took the place of another in its slot.
    made,
    /// Instances that took the place of another in its slot.
    renewed,
    /// Those of them that were made in the background, because making one takes long.
    renewed_aside,
    /// Instances renewed because they had grown beyond [`retire_above`](super::WasmOptions::retire_above).
    renewed_grown,
    /// Instances renewed because they had grown and then idled for the [`gc_interval`](super::WasmOptions::gc_interval).
    collected,
}

impl Counts {
    pub(super) fn one(count: &AtomicU64) {
        count.fetch_add(1, Relaxed);
    }

    pub(super) fn call_failed(&self, error: &WasmError) {
        Self::one(match error {
            WasmError::Timeout { .. } => &self.timeouts,
            WasmError::MemoryLimitExceeded { .. } | WasmError::TotalMemoryExceeded { .. } => &self.out_of_memory,
            WasmError::TableLimitExceeded { .. } => &self.out_of_table,
            WasmError::ResultTooLarge { .. } => &self.results_too_large,
            WasmError::StackOverflow { .. } => &self.stack_overflows,
            WasmError::Trap { .. } => &self.traps,
            _ => &self.failed,
        });
    }
}
