//! An instance: what a pool lends.

use super::error::{Failed, NotOfTheWorld, WasmError, shared};
use super::limits::{Account, Charge};
use super::manager::{Shared, Version};
use super::stats::Counts;
use super::world::{Held, World};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use wasmtime::{AsContextMut as _, Store, StoreContextMut};

/// An instance of a component, with a store of its own.
///
/// The first call that fails is its last: its memory may be in any state, so it is not entered again, and ends at its return.
pub struct WasmInstance<W: World> {
    live: Option<Live<W>>,
    version: Arc<Version<W>>,
    shared: Arc<Shared<W>>,
    state: State,
    /// It is to be renewed before its next use.
    owes: bool,
    /// Uses since it was made, and when the last call began.
    uses: u64,
    last: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As it was made.
    Fresh,
    /// Called, and sound.
    Called,
    /// In a call, or a call failed: what ends otherwise than by a result stays so, a panic too.
    Spent,
}

/// What there is of an instance. The functions are indices into the store.
pub(super) struct Live<W: World> {
    exports: W::Exports,
    store: Store<Held<W::Host>>,
    /// Bytes of memory it was made with.
    initial: usize,
}

impl<W: World> WasmInstance<W> {
    /// Calls it: `f` is given its functions and its store, and runs under all limits. Several calls in one `f` share one deadline.
    ///
    /// What `f` gives back as an error spends the instance; a result of the component's own that says "error" is none. `f` has to give
    /// back any error of a call: an instance that trapped is of no use to whoever has it next.
    ///
    /// # Errors
    /// Which limit ended it, or how it failed.
    pub fn call<T>(
        &mut self,
        f: impl FnOnce(&W::Exports, StoreContextMut<'_, Held<W::Host>>) -> wasmtime::Result<T>,
    ) -> Result<T, WasmError> {
        if self.state == State::Spent || self.owes {
            return Err(WasmError::Spent);
        }
        let Some(live) = &mut self.live else { return Err(WasmError::Spent) };
        Counts::one(&self.shared.counts.calls);
        self.last = Instant::now();
        self.state = State::Spent;
        let result = live.run(&self.shared, self.last, f);
        match &result {
            // What failed may have been kept from us.
            Ok(_) if live.store.data().account.has_failed() => {}
            Ok(_) => self.state = State::Called,
            Err(error) => self.shared.counts.call_failed(error),
        }
        result
    }

    /// Bytes that its memories have.
    pub fn memory(&self) -> u64 {
        self.live.as_ref().map_or(0, |live| live.store.data().memory())
    }

    /// The number of the component it is an instance of: 1 for the first, one more with each
    /// [swap](super::WasmPool::swap).
    pub fn version(&self) -> u64 {
        self.version.number
    }

    pub(super) fn new(shared: &Arc<Shared<W>>) -> Result<Self, WasmError> {
        let version = shared.current();
        let live = Some(shared.spare().map_or_else(|| Live::make(shared, &version, None), Ok)?);
        Ok(Self {
            live,
            version,
            shared: Arc::clone(shared),
            state: State::Fresh,
            owes: false,
            uses: 0,
            last: Instant::now(),
        })
    }

    pub(super) fn is_spent(&self) -> bool {
        self.state == State::Spent
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.state == State::Fresh
    }

    pub(super) fn is_outdated(&self) -> bool {
        self.version.number != self.shared.number()
    }

    pub(super) fn is_owed(&self) -> bool {
        self.owes
    }

    /// Leaves it to the next check to renew it.
    pub(super) fn owes_renewal(&mut self) {
        self.owes = true;
    }

    /// Counts a use that ended, and says how many there were.
    pub(super) fn used(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    /// Whether it has more memory than it was made with.
    pub(super) fn has_grown(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.store.data().account.memory() > live.initial)
    }

    pub(super) fn last(&self) -> Instant {
        self.last
    }

    /// Puts a new instance of the present version in the place of this one. The old one ends first: its memory is free for the new.
    pub(super) fn renew(&mut self) -> Result<(), WasmError> {
        // What the new one begins with stays in the account meanwhile: nobody else can grow into it.
        let charge = self.live.take().map(|live| live.store.into_data().account.into_charge(live.initial));
        self.state = State::Spent;
        self.version = self.shared.current();
        self.live = Some(Live::make(&self.shared, &self.version, charge)?);
        (self.state, self.owes, self.uses) = (State::Fresh, false, 0);
        Counts::one(&self.shared.counts.renewed);
        Ok(())
    }
}

impl<W: World> Live<W> {
    /// Makes an instance: what of it runs at its start runs under the same limits as a call.
    pub(super) fn make(to: &Shared<W>, version: &Version<W>, charge: Option<Charge>) -> Result<Self, WasmError> {
        let charge = charge.unwrap_or_else(|| Charge::new(&to.together));
        let account = Account::new(to.options.limits, charge);
        let mut store = Store::new(version.pre.engine(), Held { account, host: to.world.host() });
        store.limiter(|held| &mut held.account);
        let made = limited(to, &mut store, (Instant::now(), true), |mut store| {
            let instance = version.pre.instantiate(&mut store)?;
            Ok(to.world.bind(&instance, store))
        });
        let exports = match made {
            Ok(Ok(exports)) => exports,
            Ok(Err(cause)) => {
                return Err(WasmError::Instantiate { cause: Arc::new(NotOfTheWorld(shared(cause))) });
            }
            Err(WasmError::Failed { cause }) => return Err(WasmError::Instantiate { cause }),
            Err(error) => return Err(error),
        };
        Counts::one(&to.counts.made);
        let initial = store.data().account.memory();
        Ok(Self { exports, store, initial })
    }

    fn run<T>(
        &mut self,
        shared: &Shared<W>,
        began: Instant,
        f: impl FnOnce(&W::Exports, StoreContextMut<'_, Held<W::Host>>) -> wasmtime::Result<T>,
    ) -> Result<T, WasmError> {
        let Self { exports, store, .. } = self;
        limited(shared, store, (began, false), |store| f(exports, store))
    }
}

/// Runs `f` with a deadline, and names what it fails of. `starts` is whether the instance is being made.
fn limited<W: World, T>(
    shared: &Shared<W>,
    store: &mut Store<Held<W::Host>>,
    (began, starts): (Instant, bool),
    f: impl FnOnce(StoreContextMut<'_, Held<W::Host>>) -> wasmtime::Result<T>,
) -> Result<T, WasmError> {
    let limits = &shared.options.limits;
    let (deadline, running) =
        shared.engine.run(limits.timeout).map_err(|cause| WasmError::Ticker { cause: cause.into() })?;
    let ticks = shared.engine.ticks();
    // Reckoned from now: what was set before was for another call.
    store.set_epoch_deadline(deadline);
    store.set_hostcall_fuel(limits.result);
    store.data_mut().account.call_begins();
    let result = f(store.as_context_mut());
    let ticks = shared.engine.ticks() - ticks;
    drop(running);
    result.map_err(|error| {
        let (denied, stack) = (store.data().account.denied(), shared.engine.inner.stack);
        let failed = Failed {
            denied,
            ran: began.elapsed(),
            ticks,
            timeout: limits.timeout,
            result: limits.result,
            stack,
            starts,
        };
        failed.name(error)
    })
}

impl<W: World> fmt::Debug for WasmInstance<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("WasmInstance");
        it.field("version", &self.version()).field("memory", &self.memory()).field("uses", &self.uses);
        it.field("state", &self.state).finish_non_exhaustive()
    }
}
