//! The engine: what compiles components, holds their instances and ends their calls in time.

use super::artifact::ArtifactCache;
use super::component::WasmComponent;
use super::error::{WasmBuildError, shared};
use super::limits::MIB;
use super::ticker::{Running, Ticker};
use crate::config::within;
use crate::observe::say;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// What reserves a memory that has its instructions checked by the processor alone: 4 GiB, which 32 bits can reach.
const RESERVED: u64 = 4 << 30;
/// What one reserves that checks for itself, where address space is short.
const RESERVED_LITTLE: u64 = 64 << 20;
const GUARD: u64 = 32 << 20;
const GUARD_LITTLE: u64 = 64 << 10;

/// Compiles components and runs their instances. One serves a whole process: a clone is the same engine.
///
/// Instances come from a reserve that is laid out when the engine is built ([`Allocation::Pooling`]), so that one is made in
/// microseconds; where the address space for that is not to be had, each is mapped by itself ([`Allocation::OnDemand`]).
///
/// While a call is under way, a thread of the engine's counts ticks, by which calls are ended at their deadline. While none is, it
/// sleeps without waking. It starts with the first call and ends with the engine.
///
/// wasmtime handles signals by which the processor reports accesses out of bounds (SIGSEGV and its kin) for the whole process, and passes on
/// those that are not its own.
///
/// A call runs on the thread that makes it, and takes up to the engine's [`stack`](WasmEngineBuilder::stack) of that thread's: give a
/// thread with a stack of its own size that much and half a MiB more.
#[derive(Clone)]
pub struct WasmEngine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) engine: wasmtime::Engine,
    pub(super) cache: Option<ArtifactCache>,
    pub(super) max_component: u64,
    pub(super) stack: usize,
    ticker: Ticker,
    allocation: Allocation,
    slots: usize,
    free: AtomicUsize,
}

/// How instances get their memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allocation {
    /// From a reserve of the engine's.
    Pooling {
        /// Address space it takes, about. It is not memory: only what instances touch is.
        address_space: u64,
    },
    /// Each by itself, with little address space and checks in the code in place of it: calls take half as long again, and making an
    /// instance several times as long.
    OnDemand {
        /// Why there is no reserve.
        why: String,
    },
}

/// An engine in the making. See [`WasmEngine::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct WasmEngineBuilder {
    slots: usize,
    tick: Duration,
    stack: usize,
    keep_resident: Option<usize>,
    source_lines: bool,
    max_component: u64,
    pooling: bool,
    cache: Option<ArtifactCache>,
}

impl WasmEngine {
    /// Starts an engine with 64 slots, ticks of 5 ms, 512 KiB of stack, and no cache.
    pub fn builder() -> WasmEngineBuilder {
        WasmEngineBuilder {
            slots: 64,
            tick: Duration::from_millis(5),
            stack: MIB / 2,
            keep_resident: None,
            source_lines: false,
            max_component: 64 * MIB as u64,
            pooling: true,
            cache: None,
        }
    }

    /// How instances get their memory.
    pub fn allocation(&self) -> &Allocation {
        &self.inner.allocation
    }

    /// Instances there may be at once, of all pools together.
    pub fn slots(&self) -> usize {
        self.inner.slots
    }

    /// Slots that no pool has claimed.
    pub fn free_slots(&self) -> usize {
        self.inner.free.load(Relaxed)
    }

    /// Ticks so far: they are counted while calls are under way.
    pub fn ticks(&self) -> u64 {
        self.inner.ticker.ticks()
    }

    /// Whether nothing of the engine's runs: no call is under way, and its thread sleeps or was never started.
    pub fn is_at_rest(&self) -> bool {
        self.inner.ticker.is_parked()
    }

    /// The cache of artifacts, if it has one.
    pub fn cache(&self) -> Option<&ArtifactCache> {
        self.inner.cache.as_ref()
    }

    /// wasmtime's engine, for a linker or a component of one's own making.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.engine
    }

    /// Begins a call: its deadline in ticks, and what keeps ticks coming until it is dropped.
    pub(super) fn run(&self, timeout: Duration) -> io::Result<(u64, Running<'_>)> {
        let running = self.inner.ticker.run(&self.inner.engine)?;
        Ok((self.inner.ticker.deadline(timeout), running))
    }
}

impl fmt::Debug for WasmEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { allocation, slots, .. } = &*self.inner;
        f.debug_struct("WasmEngine").field("slots", slots).field("allocation", allocation).finish_non_exhaustive()
    }
}

/// Slots of an engine that are a pool's until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    engine: WasmEngine,
    slots: usize,
    /// Slots that an instance takes: one for each of its memories.
    each: usize,
}

impl Claim {
    /// Slots for so many instances of a component.
    pub(super) fn new(component: &WasmComponent, instances: usize) -> Result<Self, WasmBuildError> {
        let mut claim = Self { engine: component.engine().clone(), slots: 0, each: component.memories() };
        claim.extend(instances)?;
        Ok(claim)
    }

    /// Claims slots for more of them.
    pub(super) fn extend(&mut self, instances: usize) -> Result<(), WasmBuildError> {
        let (inner, wanted) = (&self.engine.inner, instances.saturating_mul(self.each));
        // Relaxed: a count of what may be made, which orders nothing.
        match inner.free.fetch_update(Relaxed, Relaxed, |free| free.checked_sub(wanted)) {
            Ok(_) => self.slots += wanted,
            Err(free) => return Err(WasmBuildError::Slots { wanted, free, slots: inner.slots }),
        }
        Ok(())
    }

    /// Whether instances of `component` need no more than those that it was claimed for.
    pub(super) fn suffices(&self, component: &WasmComponent) -> Result<(), WasmBuildError> {
        let (each, needs) = (self.each, component.memories());
        let (inner, wanted) = (&self.engine.inner, self.slots / each * needs);
        let free = || inner.free.load(Relaxed) + self.slots;
        if needs > each { Err(WasmBuildError::Slots { wanted, free: free(), slots: inner.slots }) } else { Ok(()) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.engine.inner.free.fetch_add(self.slots, Relaxed);
    }
}

impl WasmEngineBuilder {
    /// Instances there may be at once, of all pools together: for each pool its `max_size`, `max_overflow` and `surge`, and one. One with
    /// several memories counts as often. 1 to 10,000. Default: 64. Each reserves 4 GiB of address space.
    pub fn slots(mut self, instances: usize) -> Self {
        self.slots = instances;
        self
    }

    /// How precisely calls end at their deadline: 1 ms to 1 s. Default: 5 ms. Twice that is what a call may have too much.
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// Bytes of the calling thread's stack that a call may use: 64 KiB to 1 MiB. Default: 512 KiB.
    pub fn stack(mut self, bytes: usize) -> Self {
        self.stack = bytes;
        self
    }

    /// Bytes of an ended instance's memory that stay with its slot, to be wiped rather than given back to the system: the next one
    /// has them without a page fault, and free instances keep them. Up to 64 MiB.
    ///
    /// Default: 2 MiB of what was written, where the system tells which pages were (Linux 6.7 and later). Elsewhere it would be the
    /// first bytes, written or not, and wiping those takes longer than it saves; so there the default is 0.
    pub fn keep_resident(mut self, bytes: usize) -> Self {
        self.keep_resident = Some(bytes);
        self
    }

    /// Whether the trace of a trap can name lines of a component's source, if it was built with debug information and wasmtime is asked by
    /// `WASMTIME_BACKTRACE_DETAILS=1`. Default: false, which makes what is compiled smaller, and faster to load. Traces
    /// name functions in any case.
    pub fn source_lines(mut self, source_lines: bool) -> Self {
        self.source_lines = source_lines;
        self
    }

    /// Bytes a component may have: 1 KiB to 1 GiB. Default: 64 MiB.
    pub fn max_component(mut self, bytes: u64) -> Self {
        self.max_component = bytes;
        self
    }

    /// Whether to lay out a reserve of address space. Default: true.
    pub fn pooling(mut self, pooling: bool) -> Self {
        self.pooling = pooling;
        self
    }

    /// Keeps compiled components. Default: none are kept.
    pub fn cache(mut self, cache: ArtifactCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Builds the engine. Says in the log if it had to do without a reserve.
    ///
    /// # Errors
    /// For a setting that is refused, and if wasmtime does not run here.
    pub fn build(self) -> Result<WasmEngine, WasmBuildError> {
        within("engine.slots", self.slots, 1..=10_000)?;
        within("engine.tick", self.tick, Duration::from_millis(1)..=Duration::from_secs(1))?;
        within("engine.stack", self.stack, 64 * 1024..=MIB)?;
        within("engine.keep_resident", self.kept(), 0..=64 * MIB)?;
        within("engine.max_component", self.max_component, 1024..=1024 * MIB as u64)?;
        let (engine, allocation) = match self.reserve() {
            Ok(engine) => (engine, Allocation::Pooling { address_space: self.address_space() }),
            Err(why) => {
                if self.pooling {
                    say(log::Level::Warn, &"wasm engine", format_args!("instances are made without a reserve: {why}"));
                }
                let engine = wasmtime::Engine::new(&self.on_demand());
                (engine.map_err(|error| WasmBuildError::Engine { cause: shared(error) })?, Allocation::OnDemand { why })
            }
        };
        let Self { slots, tick, stack, max_component, cache, .. } = self;
        let (ticker, free) = (Ticker::new(tick), AtomicUsize::new(slots));
        let inner = Inner { engine, cache, max_component, stack, ticker, allocation, slots, free };
        Ok(WasmEngine { inner: Arc::new(inner) })
    }

    fn address_space(&self) -> u64 {
        self.slots as u64 * (RESERVED + GUARD)
    }

    /// The engine with a reserve, or why there is none.
    fn reserve(&self) -> Result<wasmtime::Engine, String> {
        if !self.pooling {
            return Err("it was built so".to_owned());
        }
        let wanted = self.address_space();
        // What remains is for everything else that the process does.
        if let Some(limit) = address_space_limit().filter(|limit| *limit / 2 < wanted) {
            return Err(format!(
                "{} slots reserve {wanted} bytes of address space, and the process may have {limit}; lower slots, or raise RLIMIT_AS",
                self.slots
            ));
        }
        wasmtime::Engine::new(&self.pooled()).map_err(|error| format!("{error:#}"))
    }

    fn kept(&self) -> usize {
        let written = PoolingAllocationConfig::is_pagemap_scan_available();
        self.keep_resident.unwrap_or(if written { 2 * MIB } else { 0 })
    }

    fn common(&self) -> Config {
        let mut config = Config::new();
        config.wasm_component_model(true).epoch_interruption(true).memory_init_cow(true).max_wasm_stack(self.stack);
        // What only other unwinders than wasmtime's read, and what only source lines are told by.
        config.native_unwind_info(cfg!(windows)).generate_address_map(self.source_lines);
        config
    }

    fn pooled(&self) -> Config {
        let slots = self.slots as u32;
        let mut reserve = PoolingAllocationConfig::new();
        // A component with glue is many core instances with one memory, and several tables.
        reserve
            .total_component_instances(slots)
            .total_core_instances(slots * 40)
            .max_core_instances_per_component(1_000);
        reserve.total_memories(slots).total_tables(slots * 4).max_tables_per_component(100);
        // A module's own instances are its account's business too.
        reserve.max_memories_per_module(100).max_tables_per_module(100);
        reserve.max_core_instance_size(8 * MIB).max_component_instance_size(8 * MIB);
        // How much of it an instance may have is its limits' business.
        reserve.max_memory_size(RESERVED as usize).table_elements(100_000);
        reserve.linear_memory_keep_resident(self.kept()).table_keep_resident(self.kept().min(MIB / 16));
        reserve.pagemap_scan(wasmtime::Enabled::Auto);
        let mut config = self.common();
        config.memory_reservation(RESERVED).memory_guard_size(GUARD);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(reserve));
        config
    }

    fn on_demand(&self) -> Config {
        let mut config = self.common();
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        config.memory_reservation(RESERVED_LITTLE).memory_reservation_for_growth(RESERVED_LITTLE);
        config.memory_guard_size(GUARD_LITTLE).guard_before_linear_memory(false).memory_may_move(true);
        config
    }
}

/// The address space that the process may have, if there is a limit.
#[cfg(unix)]
fn address_space_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

#[cfg(not(unix))]
fn address_space_limit() -> Option<u64> {
    None
}
