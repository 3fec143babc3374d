//! Pools of instances.

use super::component::WasmComponent;
use super::engine::Claim;
use super::error::{WasmBuildError, WasmError};
use super::instance::WasmInstance;
use super::manager::{WasmManager, WasmOptions};
use super::stats::WasmStats;
use super::world::{Held, World};
use crate::config::PoolConfig;
use crate::pool::{Builder, Pool, Rollout};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use wasmtime::StoreContextMut;

/// A pool of instances of one component. All that a [`Pool`] does, it does: it dereferences to one.
///
/// ```
/// use slackwater::wasm::{Held, WasmEngine, WasmOptions, WasmPool, World};
/// use wasmtime::StoreContextMut;
/// use wasmtime::component::{Instance, TypedFunc};
/// # struct Counter;
/// # impl World for Counter {
/// #     type Host = ();
/// #     type Exports = TypedFunc<(), (u32,)>;
/// #     fn host(&self) {}
/// #     fn bind(&self, instance: &Instance, mut store: StoreContextMut<'_, Held<()>>) -> wasmtime::Result<Self::Exports> {
/// #         instance.get_typed_func(&mut store, "next")
/// #     }
/// # }
/// # let bytes = wat::parse_str(
/// #     r#"(component
/// #         (core module $m
/// #             (global $n (mut i32) (i32.const 0))
/// #             (func (export "next") (result i32)
/// #                 (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))
/// #         (core instance $i (instantiate $m))
/// #         (func (export "next") (result u32) (canon lift (core func $i "next"))))"#,
/// # )?;
///
/// let engine = WasmEngine::builder().slots(8).build()?;
/// let component = engine.component(&bytes)?;
/// let pool = WasmPool::build(&component, Counter, WasmOptions::default(), |pool| pool.max_size(2))?;
/// // Each use has an instance of its own: what it counts, nobody else sees.
/// for _ in 0..3 {
///     let (count,) = pool.call(|next, store| next.call(store, ()))?;
///     assert_eq!(count, 1);
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct WasmPool<W: World> {
    pool: Pool<WasmManager<W>>,
}

impl<W: World> WasmPool<W> {
    /// Builds a pool. `configure` sets what is a pool's own; before it, the pool has twice as many instances as processors, no
    /// [`check_interval`](Builder::check_interval) (nothing happens to an instance that is free), and destroys an instance whose check
    /// fails. If [`total_memory`](super::WasmLimits::total_memory) is set, it is the pool's `memory_budget`.
    ///
    /// # Blocking
    /// As [`Builder::build`].
    ///
    /// # Errors
    /// If the component is not of the world, or the engine has too few slots left, or the pool does not build.
    pub fn build(
        component: &WasmComponent,
        world: W,
        options: WasmOptions,
        configure: impl FnOnce(Builder<WasmManager<W>>) -> Builder<WasmManager<W>>,
    ) -> Result<Self, WasmBuildError> {
        // For the instance that is made to see whether one can be, here and at each swap.
        let mut claim = Claim::new(component, 1)?;
        let manager = WasmManager::new(component, world, options)?;
        let shared = Arc::clone(&manager.shared);
        let mut config = PoolConfig { check_interval: None, remove_after: 1, ..PoolConfig::per_core() };
        config.memory_budget = options.limits.total_memory.map(|bytes| bytes as u64);
        let builder = configure(Pool::builder(manager).config(config));
        claim.extend(builder.places())?;
        shared.claim.get_or_init(|| claim);
        Ok(Self { pool: builder.build()? })
    }

    /// Calls an instance: checks one out, runs `f` on its functions and its store, under all limits, and gives it back.
    ///
    /// Calls that fail make no breaker open: mostly it is the input that ends them. Where the component may be to blame for all of
    /// them, put a [`Breaker`](crate::Breaker) around this.
    ///
    /// # Blocking
    /// As [`Pool::checkout`], and for as long as the call takes.
    ///
    /// # Errors
    /// Of the checkout, and of the call.
    #[track_caller]
    pub fn call<T>(
        &self,
        f: impl FnOnce(&W::Exports, StoreContextMut<'_, Held<W::Host>>) -> wasmtime::Result<T>,
    ) -> Result<T, WasmError> {
        let mut instance = self.pool.checkout()?;
        WasmInstance::call(&mut instance, f)
    }

    /// Puts `component` in the place of the one there is, under load: instances of the old one go on until they are given back, and
    /// no call fails for it. The new one is tried first; if it is refused, all stays as it is.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn swap(&self, component: &WasmComponent) -> Result<Rollout<WasmManager<W>>, WasmBuildError> {
        self.pool.manager().switch(component)?;
        // Whatever is begun from here on is of the new one.
        Ok(self.pool.retire_older_than(self.pool.epoch()))
    }

    /// What the instances have done, and what they have.
    pub fn usage(&self) -> WasmStats {
        self.pool.manager().usage()
    }
}

impl<W: World> Deref for WasmPool<W> {
    type Target = Pool<WasmManager<W>>;

    fn deref(&self) -> &Pool<WasmManager<W>> {
        &self.pool
    }
}

impl<W: World> Clone for WasmPool<W> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone() }
    }
}

impl<W: World> fmt::Debug for WasmPool<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmPool").field("pool", &self.pool).field("usage", &self.usage()).finish_non_exhaustive()
    }
}
