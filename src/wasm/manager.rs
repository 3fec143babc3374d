//! The manager of instances: what a pool is told about them.

use super::component::WasmComponent;
use super::engine::{Claim, WasmEngine};
use super::error::{NotOfTheWorld, WasmBuildError, WasmError, shared};
use super::instance::{Live, WasmInstance};
use super::limits::{MIB, Together, WasmLimits};
use super::stats::{Counts, WasmStats};
use super::world::{Held, World};
use crate::config::within;
use crate::error::ConfigError;
use crate::manager::{Manager, ReturnOutcome};
use crate::observe::say;
use parking_lot::{Mutex, RwLock};
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use wasmtime::component::{InstancePre, Linker};

/// Renewing that has measured cheaper than this many nanoseconds happens where it is found necessary, as destroying does in any
/// pool: about what waking another thread for it would cost, and then that thread still has to do it.
const CHEAP: u64 = 100_000;

/// What becomes of an instance between two uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isolation {
    /// Each use has a new one, and nothing of a use can be seen by the next.
    #[default]
    Fresh,
    /// It is used again: for a component that warms up, and whose callers trust each other. Whatever it keeps in its memory, its
    /// globals and its tables, crosses from use to use.
    Reuse {
        /// Uses after which there is a new one all the same.
        max_uses: NonZeroU64,
    },
}

/// How a pool treats its instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasmOptions {
    /// What an instance may take.
    pub limits: WasmLimits,
    /// What becomes of one between two uses. Default: [`Isolation::Fresh`].
    pub isolation: Isolation,
    /// Bytes of memory above which an instance is not used again, because it never gives any back while it lives. Default: 16 MiB.
    pub retire_above: u64,
    /// How long an instance that has grown may idle before a new one takes its place, with [`Isolation::Reuse`]: looked at when the
    /// pool checks it, so its `check_interval` has to be set. Default: not.
    pub gc_interval: Option<Duration>,
}

impl Default for WasmOptions {
    fn default() -> Self {
        let (limits, isolation) = (WasmLimits::default(), Isolation::default());
        Self { limits, isolation, retire_above: 16 * MIB as u64, gc_interval: None }
    }
}

impl WasmOptions {
    /// Checks each option.
    ///
    /// # Errors
    /// The first that is out of its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.limits.validate()?;
        within("retire_above", self.retire_above, 64 * 1024..=u64::MAX / 2)?;
        let interval = Duration::from_millis(1)..=crate::MAX_SPAN;
        self.gc_interval.map_or(Ok(()), |gc| within("gc_interval", gc, interval))
    }
}

/// Makes instances of a component and renews them between uses. [`WasmPool`](super::WasmPool) builds pools with it.
pub struct WasmManager<W: World> {
    pub(super) shared: Arc<Shared<W>>,
}

/// What a manager shares with its instances.
pub(super) struct Shared<W: World> {
    /// What the first component was tried out with, if that was cheap, until the first instance is wanted: that one need not be made twice.
    /// First of all fields, so that it ends before its world, and before its slot is given up.
    spare: Mutex<Option<Live<W>>>,
    pub(super) engine: WasmEngine,
    pub(super) world: W,
    pub(super) options: WasmOptions,
    pub(super) together: Arc<Together>,
    pub(super) counts: Counts,
    current: RwLock<Arc<Version<W>>>,
    /// The number of the current version, for those who only want to know whether theirs is it.
    number: AtomicU64,
    /// Nanoseconds that renewing takes.
    renewal: AtomicU64,
    /// Slots of the engine: for as long as there is an instance, wherever it is.
    pub(super) claim: OnceLock<Claim>,
    /// One component at a time is tried out.
    switching: Mutex<()>,
}

/// A component with all its imports resolved.
pub(super) struct Version<W: World> {
    pub(super) number: u64,
    pub(super) pre: InstancePre<Held<W::Host>>,
    pub(super) component: WasmComponent,
}

impl<W: World> WasmManager<W> {
    /// A manager for instances of `component`, of which it makes one to see that it can be. If that takes no more than a tenth of a millisecond,
    /// it is the first that [`create`](Manager::create) gives, and has a slot of the engine and its memory until then; else it ends at once, so that
    /// a pool does not take creating for cheaper than it is.
    ///
    /// # Errors
    /// For options out of range, imports that nobody links, and a component of another world or with needs beyond its limits.
    pub fn new(component: &WasmComponent, world: W, options: WasmOptions) -> Result<Self, WasmBuildError> {
        options.validate()?;
        let version = Arc::new(Version::new(component, &world, 1)?);
        let shared = Arc::new(Shared {
            engine: component.engine().clone(),
            world,
            options,
            together: Arc::default(),
            counts: Counts::default(),
            current: RwLock::new(version),
            number: AtomicU64::new(1),
            renewal: AtomicU64::new(0),
            claim: OnceLock::new(),
            switching: Mutex::new(()),
            spare: Mutex::new(None),
        });
        let tried = shared.try_out(&shared.current())?;
        *shared.spare.lock() = shared.is_cheap().then_some(tried);
        Ok(Self { shared })
    }

    /// What the instances have done, and what they have.
    pub fn usage(&self) -> WasmStats {
        self.shared.counts.stats(&self.shared.together)
    }

    /// The component that instances are made of now.
    pub fn component(&self) -> WasmComponent {
        self.shared.current().component.clone()
    }

    /// Has instances made of `component` from now on.
    pub(super) fn switch(&self, component: &WasmComponent) -> Result<(), WasmBuildError> {
        let shared = &self.shared;
        if !wasmtime::Engine::same(component.engine().wasmtime(), shared.engine.wasmtime()) {
            return Err(WasmBuildError::OtherEngine);
        }
        if let Some(claim) = shared.claim.get() {
            claim.suffices(component)?;
        }
        let _one_at_a_time = shared.switching.lock();
        // Its slot is for the one that is tried out now.
        let spare = shared.spare.lock().take();
        drop(spare);
        let mut version = Version::new(component, &shared.world, 0)?;
        drop(shared.try_out(&version)?);
        let mut current = shared.current.write();
        version.number = current.number + 1;
        let number = version.number;
        let old = std::mem::replace(&mut *current, Arc::new(version));
        shared.number.store(number, Relaxed);
        drop(current);
        drop(old);
        Ok(())
    }
}

impl<W: World> Version<W> {
    fn new(component: &WasmComponent, world: &W, number: u64) -> Result<Self, WasmBuildError> {
        let mut linker = Linker::new(component.engine().wasmtime());
        world.link(&mut linker).map_err(|cause| WasmBuildError::World { cause: shared(cause) })?;
        let pre = linker
            .instantiate_pre(&component.component)
            .map_err(|cause| WasmBuildError::Imports { names: component.imports().to_vec(), cause: shared(cause) })?;
        Ok(Self { number, pre, component: component.clone() })
    }
}

impl<W: World> Shared<W> {
    pub(super) fn current(&self) -> Arc<Version<W>> {
        Arc::clone(&self.current.read())
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Relaxed)
    }

    /// The one that was tried out, if nobody has taken it. It is of the first version: there is none by the time there is another.
    pub(super) fn spare(&self) -> Option<Live<W>> {
        self.spare.lock().take()
    }

    /// Makes an instance: what goes wrong with every one is better known before there is a pool of them.
    fn try_out(&self, version: &Version<W>) -> Result<Live<W>, WasmBuildError> {
        let began = Instant::now();
        let made = Live::make(self, version, None).map_err(|error| match error {
            WasmError::MemoryLimitExceeded { wanted: needs, limit, .. } => {
                WasmBuildError::Needs { what: "bytes of memory", needs, limit }
            }
            WasmError::TableLimitExceeded { wanted: needs, limit, .. } => {
                WasmBuildError::Needs { what: "table entries", needs, limit }
            }
            WasmError::Instantiate { cause } if cause.is::<NotOfTheWorld>() => WasmBuildError::World { cause },
            cause => WasmBuildError::Start { cause },
        })?;
        self.renewal.store(nanos(began.elapsed()), Relaxed);
        Ok(made)
    }

    /// Renews an instance, and notes how long that took: a single slow one, whose thread was halted, counts for twice what is
    /// known at most.
    fn renew(&self, instance: &mut WasmInstance<W>) -> Result<(), WasmError> {
        let began = Instant::now();
        instance.renew()?;
        let (took, known) = (nanos(began.elapsed()), self.renewal.load(Relaxed));
        // Lost updates only make it a little older.
        self.renewal.store(if took > known { took.min(2 * known.max(1)) } else { known - (known - took) / 8 }, Relaxed);
        Ok(())
    }

    fn is_cheap(&self) -> bool {
        self.renewal.load(Relaxed) <= CHEAP
    }

    /// Whether the next user is to have another instance than the one that is back.
    fn is_due(&self, instance: &mut WasmInstance<W>) -> bool {
        if instance.is_outdated() {
            return true;
        }
        if instance.is_fresh() {
            return false;
        }
        if instance.memory() > self.options.retire_above {
            Counts::one(&self.counts.renewed_grown);
            return true;
        }
        match self.options.isolation {
            Isolation::Fresh => true,
            Isolation::Reuse { max_uses } => instance.used() >= max_uses.get(),
        }
    }

    fn is_garbage(&self, instance: &WasmInstance<W>) -> bool {
        let rests = |interval| instance.has_grown() && instance.last().elapsed() >= interval;
        self.options.gc_interval.is_some_and(rests)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX / 2)
}

impl<W: World> Manager for WasmManager<W> {
    type Resource = WasmInstance<W>;
    type Error = WasmError;

    fn create(&self) -> Result<WasmInstance<W>, WasmError> {
        WasmInstance::new(&self.shared)
    }

    /// Renews what was left to be renewed here, and what has grown and idled; then asks the world.
    fn check(&self, instance: &mut WasmInstance<W>) -> Result<(), WasmError> {
        let (shared, counts) = (&self.shared, &self.shared.counts);
        if instance.is_owed() || instance.is_outdated() {
            shared.renew(instance)?;
            Counts::one(&counts.renewed_aside);
        } else if shared.is_garbage(instance) {
            shared.renew(instance)?;
            Counts::one(&counts.collected);
        }
        if !W::CHECKS {
            return Ok(());
        }
        instance.call(|exports, store| shared.world.check(exports, store))?;
        if shared.options.isolation == Isolation::Fresh { shared.renew(instance) } else { Ok(()) }
    }

    fn is_broken(&self, instance: &mut WasmInstance<W>) -> bool {
        instance.is_spent()
    }

    fn recycle(&self, instance: &mut WasmInstance<W>) -> ReturnOutcome {
        let shared = &self.shared;
        if !shared.is_due(instance) {
            return ReturnOutcome::Healthy;
        }
        if !shared.is_cheap() {
            instance.owes_renewal();
            return ReturnOutcome::Suspect;
        }
        match shared.renew(instance) {
            Ok(()) => ReturnOutcome::Healthy,
            Err(error) => {
                say(log::Level::Warn, &"wasm pool", format_args!("an instance could not be renewed: {error}"));
                ReturnOutcome::Broken
            }
        }
    }

    /// Bytes of its memory.
    fn weight(&self, instance: &WasmInstance<W>) -> u64 {
        instance.memory()
    }
}

impl<W: World> fmt::Debug for WasmManager<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("WasmManager");
        it.field("component", &self.component()).field("options", &self.shared.options).finish_non_exhaustive()
    }
}
