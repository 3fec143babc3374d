//! What a component is expected to be.

use super::limits::Account;
use std::fmt;
use wasmtime::StoreContextMut;
use wasmtime::component::{Instance, Linker};

/// What a component is expected to export, and what it is given: a world, in the component model's word.
///
/// ```
/// use slackwater::wasm::{Held, World};
/// use wasmtime::StoreContextMut;
/// use wasmtime::component::{Instance, TypedFunc};
///
/// /// `world counter { export next: func() -> u32; }`
/// struct Counter;
///
/// impl World for Counter {
///     type Host = ();
///     type Exports = TypedFunc<(), (u32,)>;
///
///     fn host(&self) {}
///
///     fn bind(&self, instance: &Instance, mut store: StoreContextMut<'_, Held<()>>) -> wasmtime::Result<Self::Exports> {
///         instance.get_typed_func(&mut store, "next")
///     }
/// }
/// ```
pub trait World: Send + Sync + 'static {
    /// What functions of the host have of their own in each instance. `()` for a world without imports.
    type Host: Send + 'static;

    /// The functions of an instance, looked up once.
    type Exports: Send + 'static;

    /// Makes the host's part of an instance.
    fn host(&self) -> Self::Host;

    /// Finds the functions of an instance.
    ///
    /// # Errors
    /// If it lacks one, or one has another type.
    fn bind(
        &self,
        instance: &Instance,
        store: StoreContextMut<'_, Held<Self::Host>>,
    ) -> wasmtime::Result<Self::Exports>;

    /// Gives the component what it imports. Default: nothing, so that a component with imports is refused, with their names.
    ///
    /// A call's deadline does not end a function of the host's: it waits until that comes back.
    ///
    /// # Errors
    /// As the linker says.
    fn link(&self, linker: &mut Linker<Held<Self::Host>>) -> wasmtime::Result<()> {
        let _ = linker;
        Ok(())
    }

    /// Tells whether a free instance is fit for use, when the pool checks it. Default: it is, for nothing happens to it while it is
    /// free. Under [`Isolation::Fresh`](super::Isolation::Fresh) an instance that was asked is made anew.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, exports: &Self::Exports, store: StoreContextMut<'_, Held<Self::Host>>) -> wasmtime::Result<()> {
        let _ = (exports, store);
        Ok(())
    }

    /// Whether [`check`](Self::check) calls the instance.
    const CHECKS: bool = false;
}

/// What a store holds: the host's part, and the account of what the instance has.
pub struct Held<H> {
    pub(super) account: Account,
    /// The host's part.
    pub host: H,
}

impl<H> Held<H> {
    /// Bytes that the instance's memories have now.
    pub fn memory(&self) -> u64 {
        self.account.memory() as u64
    }
}

impl<H> fmt::Debug for Held<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("memory", &self.memory()).finish_non_exhaustive()
    }
}
