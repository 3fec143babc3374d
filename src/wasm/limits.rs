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

/// Bytes that are added to what all have together, until it is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    together: Arc<Together>,
    bytes: usize,
}

impl Charge {
    pub(super) fn new(together: &Arc<Together>) -> Self {
        Self { together: Arc::clone(together), bytes: 0 }
    }

    fn sink_to(&mut self, bytes: usize) {
        self.together.take(self.bytes.saturating_sub(bytes));
        self.bytes = self.bytes.min(bytes);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.together.take(self.bytes);
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
    /// At least `memory`: what the instance before had at its start is there from the beginning.
    charge: Charge,
    /// Bytes of all memories, and entries of all tables.
    memory: usize,
    entries: usize,
    /// What the growth allowed last added, in case it fails all the same.
    last: usize,
    denied: Option<Denied>,
    failed: bool,
}

impl Account {
    pub(super) fn new(limits: WasmLimits, charge: Charge) -> Self {
        Self { limits, charge, memory: 0, entries: 0, last: 0, denied: None, failed: false }
    }

    /// What of its charge a new instance begins with, which has at most `initial` bytes.
    pub(super) fn into_charge(mut self, initial: usize) -> Charge {
        self.charge.sink_to(initial);
        self.charge
    }

    /// Notes that a call failed, whatever becomes of its error.
    pub(super) fn fails(&mut self) {
        self.failed = true;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed
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

/// How wasmtime says so; it has no type for that. `what_no_memory_can_have_does_not_talk_the_account_down` holds it to it.
const NEVER_ASKED: &str = "memory growth exceeds memory type's limits";

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
        let beyond = wanted.saturating_sub(self.charge.bytes);
        if let Err(used) = self.charge.together.add(beyond, self.limits.total_memory) {
            let limit = self.limits.total_memory.unwrap_or(usize::MAX);
            self.denied = Some(Denied::Memory { used, wanted: used.saturating_add(beyond), limit, together: true });
            return Ok(false);
        }
        self.charge.bytes += beyond;
        (self.memory, self.last) = (wanted, more);
        self.charge.together.largest.fetch_max(wanted as u64, Relaxed);
        Ok(true)
    }

    /// It was allowed, and the system had none. What is more than the memory's type can have comes here without having asked before: to
    /// take that back would let an instance talk its account down.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if error.to_string() != NEVER_ASKED {
            self.memory -= std::mem::take(&mut self.last);
            self.charge.sink_to(self.memory);
        }
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.entries.saturating_add(desired.saturating_sub(current));
        let limit = self.limits.table_entries;
        // The component's own maximum, or the reserve's: the table does not grow, and nothing is to be counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
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
