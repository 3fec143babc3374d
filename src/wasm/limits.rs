//! What an instance may take, and the account of what it has.

use crate::config::within;
use crate::error::ConfigError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use wasmtime::ResourceLimiter;

/// Bytes of a mebibyte.
pub(super) const MIB: usize = 1 << 20;

/// What an instance may take. Each has a limit always; none is ever off.
///
/// ```
/// use slackwater::wasm::WasmLimits;
/// use std::time::Duration;
///
/// let limits = WasmLimits { memory: 32 << 20, timeout: Duration::from_millis(200), ..WasmLimits::default() };
/// # assert!(limits.validate().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasmLimits {
    /// Bytes that all linear memories of an instance may have together. Default: 64 MiB. 64 KiB to 4 GiB.
    pub memory: usize,
    /// Bytes that all instances of a pool may have together, those in use and those that are free. Default: no limit but
    /// theirs, each. From `memory` on.
    pub total_memory: Option<usize>,
    /// How long a call may take, by the clock on the wall. It is never ended before, and within two ticks of the
    /// [engine](super::WasmEngine) after. Default: 1 s. 1 ms to an hour.
    pub timeout: Duration,
    /// Bytes that a call may give back, counted as they lie in the host's memory: 16 to 24 for each string or list and
    /// its content. Default: 32 MiB. 1 KiB to 1 GiB.
    pub result: usize,
    /// Entries that all tables of an instance may have together. Default: 100,000. Up to 10,000,000.
    pub table_entries: usize,
    /// Core instances that make up one instance of the component, and memories and tables, each. Default: 50. 1 to 10,000.
    pub instances: usize,
}

impl Default for WasmLimits {
    fn default() -> Self {
        Self {
            memory: 64 * MIB,
            total_memory: None,
            timeout: Duration::from_secs(1),
            result: 32 * MIB,
            table_entries: 100_000,
            instances: 50,
        }
    }
}

impl WasmLimits {
    /// Checks each limit.
    ///
    /// # Errors
    /// The first that is out of its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        within("limits.memory", self.memory, 64 * 1024..=4096 * MIB)?;
        if let Some(total) = self.total_memory {
            within("limits.total_memory", total, self.memory..=usize::MAX / 2)?;
        }
        within("limits.timeout", self.timeout, Duration::from_millis(1)..=Duration::from_secs(3600))?;
        within("limits.result", self.result, 1024..=1024 * MIB)?;
        within("limits.table_entries", self.table_entries, 0..=10_000_000)?;
        within("limits.instances", self.instances, 1..=10_000)
    }
}

/// What all instances of a manager have together: exact, because whoever grows adds before it grows and takes back at its end.
#[derive(Debug, Default)]
pub(super) struct Together {
    used: AtomicUsize,
    peak: AtomicUsize,
    largest: AtomicU64,
}

impl Together {
    pub(super) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    pub(super) fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    /// The most that one instance ever had.
    pub(super) fn largest(&self) -> u64 {
        self.largest.load(Relaxed)
    }

    /// Adds `more`, unless that is more than `limit` allows: then says how much there is.
    fn add(&self, more: usize, limit: Option<usize>) -> Result<(), usize> {
        let fits = |used: usize| used.checked_add(more).filter(|sum| limit.is_none_or(|limit| *sum <= limit));
        // Relaxed: a sum, which orders nothing.
        let before = self.used.fetch_update(Relaxed, Relaxed, fits)?;
        self.peak.fetch_max(before + more, Relaxed);
        Ok(())
    }

    fn take(&self, less: usize) {
        self.used.fetch_sub(less, Relaxed);
    }
}

/// What was refused to an instance in the present call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Memory { used: usize, wanted: usize, limit: usize, together: bool },
    Table { used: usize, wanted: usize, limit: usize },
}

/// The account of one store.
#[derive(Debug)]
pub(super) struct Account {
    limits: WasmLimits,
    together: Arc<Together>,
    /// Bytes of all memories, and entries of all tables.
    memory: usize,
    entries: usize,
    /// What the growth allowed last added, in case it fails all the same.
    last: usize,
    denied: Option<Denied>,
}

impl Account {
    pub(super) fn new(limits: WasmLimits, together: Arc<Together>) -> Self {
        Self { limits, together, memory: 0, entries: 0, last: 0, denied: None }
    }

    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    pub(super) fn denied(&self) -> Option<Denied> {
        self.denied
    }

    pub(super) fn call_begins(&mut self) {
        self.denied = None;
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.together.take(self.memory);
    }
}

impl ResourceLimiter for Account {
    /// Called for what a memory has at first too, with nothing before it.
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let wanted = self.memory.saturating_add(more);
        self.last = 0;
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The component's own maximum, or the allocator's, which the engine was built with.
            let limit = self.limits.memory.min(maximum.unwrap_or(usize::MAX));
            self.denied = Some(Denied::Memory { used: self.memory, wanted, limit, together: false });
            return Ok(false);
        }
        if wanted > self.limits.memory {
            let limit = self.limits.memory;
            self.denied = Some(Denied::Memory { used: self.memory, wanted, limit, together: false });
            return Ok(false);
        }
        if let Err(used) = self.together.add(more, self.limits.total_memory) {
            let limit = self.limits.total_memory.unwrap_or(usize::MAX);
            self.denied = Some(Denied::Memory { used, wanted: used.saturating_add(more), limit, together: true });
            return Ok(false);
        }
        (self.memory, self.last) = (wanted, more);
        self.together.largest.fetch_max(wanted as u64, Relaxed);
        Ok(true)
    }

    /// It was allowed, and the system had none. What fails for another reason (more than any memory can have) comes here without
    /// having asked before: to take that back would let an instance talk its account down.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if error.is::<std::io::Error>() {
            let last = std::mem::take(&mut self.last);
            self.memory -= last;
            self.together.take(last);
        }
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.entries.saturating_add(desired.saturating_sub(current));
        let limit = self.limits.table_entries;
        if wanted > limit {
            self.denied = Some(Denied::Table { used: self.entries, wanted, limit });
            return Ok(false);
        }
        self.entries = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }

    fn tables(&self) -> usize {
        self.limits.instances
    }

    fn memories(&self) -> usize {
        self.limits.instances
    }
}
