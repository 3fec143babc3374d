//! What is to go wrong, as a test says it.

use super::fault::{Callback, Fault};
use super::handle::ChaosHandle;
use super::manager::ChaosManager;
use super::plan::{Plan, Rates};
use super::state::{Pace, State};
use super::validate;
use crate::error::ConfigError;
use crate::keeper::{Clock, VirtualClock, Watch};
use crate::manager::{Manager, Severity};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What is to go wrong. Nothing does until it is asked for.
///
/// Probabilities are per call, from 0 to 1, and those of one callback add up to at most 1. A setting that is given twice
/// has its last value. [`build`](Self::build) refuses what makes no sense, by name, value and rule, as a pool's builder
/// does: a seed and rates that come from a command line or a fuzzer are no reason to panic.
///
/// ```
/// use slackwater::testing::{Callback, Chaos, Fault};
/// use slackwater::{Keeper, Pool};
///
/// let (manager, chaos) = Chaos::seeded(7)
///     .fail(Callback::Create, 0.1)
///     .panic(Callback::Recycle, 0.01)
///     .on(Callback::IsBroken, 3, Fault::Fail)
///     .build(|| Ok::<_, std::io::Error>(vec![0_u8; 64]))?;
/// let pool = Pool::builder(manager).keeper(Keeper::Manual).build()?;
/// for _ in 0..3 {
///     pool.with(|buffer| buffer.fill(1))?;
/// }
/// assert_eq!(pool.stats().destroyed.total(), 1, "the third return found it broken");
/// # drop(pool);
/// # assert_eq!(chaos.alive(), 0);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing goes wrong until `build`"]
pub struct Chaos {
    pub(super) plan: Plan,
    pub(super) pace: Pace,
    pub(super) scripted: Vec<(Callback, u64, Fault)>,
    pub(super) patterns: Vec<(Option<u64>, String)>,
}

impl Chaos {
    /// No faults, and a seed that decides in which calls those strike that are asked for.
    pub fn seeded(seed: u64) -> Self {
        let plan = Plan {
            seed,
            rates: [Rates::default(); Callback::ALL.len()],
            script: HashMap::new(),
            checks: HashMap::new(),
            die: 0.0,
            die_after: 1..=1,
            leak: 0.0,
            leak_weight: 0,
            severity: Severity::Transient,
        };
        Self { plan, pace: Pace::Sleeps, scripted: Vec::new(), patterns: Vec::new() }
    }

    fn rates(&mut self, callback: Callback) -> &mut Rates {
        &mut self.plan.rates[callback as usize]
    }

    /// How often `callback` fails. Refused for `Destroy`, `Weight` and `Classify`, which cannot.
    pub fn fail(mut self, callback: Callback, probability: f64) -> Self {
        self.rates(callback).fail = probability;
        self
    }

    /// How often `callback` takes `time` longer. Real time that is slept away, unless [`waits_on`](Self::waits_on) or
    /// [`advances`](Self::advances) names another. Up to a year.
    pub fn slow(mut self, callback: Callback, probability: f64, time: Duration) -> Self {
        let rates = self.rates(callback);
        (rates.slow, rates.slow_for) = (probability, time);
        self
    }

    /// How often `callback` hangs until [`ChaosHandle::release_hung`], or until the last handle is dropped.
    ///
    /// `IsBroken` and `Recycle` hang the thread that returns, and `Destroy` may hang the one that drops or closes the pool:
    /// somebody else must be there to release it. With [`Keeper::Manual`](crate::Keeper::Manual) that goes for all.
    pub fn hang(mut self, callback: Callback, probability: f64) -> Self {
        self.rates(callback).hang = probability;
        self
    }

    /// How often `callback` panics. The text names seed, callback and call.
    pub fn panic(mut self, callback: Callback, probability: f64) -> Self {
        self.rates(callback).panic = probability;
        self
    }

    /// Which share of the resources dies, each after a number of uses drawn from `after`: from then on `is_broken` says so,
    /// and `check` fails. A use is a return that was looked at.
    pub fn die(mut self, share: f64, after: RangeInclusive<u64>) -> Self {
        (self.plan.die, self.plan.die_after) = (share, after);
        self
    }

    /// Which share of the resources grows, by `weight` with each use, as far as [`weight`](Manager::weight) tells. Nothing
    /// is allocated.
    pub fn leak(mut self, share: f64, weight: u64) -> Self {
        (self.plan.leak, self.plan.leak_weight) = (share, weight);
        self
    }

    /// Has call number `nth` of `callback`, from 1, suffer `fault`, whatever the seed would have: `on(Callback::Check, 3,
    /// Fault::Fail)` is "the third check fails". Refused twice for the same call.
    pub fn on(mut self, callback: Callback, nth: u64, fault: Fault) -> Self {
        self.scripted.push((callback, nth, fault));
        self
    }

    /// What the checks of one resource do, first to last: `F` fails, `S` succeeds, `P` panics, `H` hangs. After the last one
    /// it is up to the seed. `resource` is its [number](super::ChaosResource::number), from 1. Refused if empty, and twice
    /// for one resource.
    pub fn checks_of(mut self, resource: u64, pattern: &str) -> Self {
        self.patterns.push((Some(resource), pattern.to_owned()));
        self
    }

    /// As [`checks_of`](Self::checks_of), for each resource that has no pattern of its own.
    pub fn checks_of_each(mut self, pattern: &str) -> Self {
        self.patterns.push((None, pattern.to_owned()));
        self
    }

    /// What [`classify`](Manager::classify) says of an injected error. Default: [`Severity::Transient`]. The manager's own
    /// errors it classes itself.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.plan.severity = severity;
        self
    }

    /// Slow calls wait until somebody has moved `clock` so far. They go on at once when the last handle is dropped.
    pub fn waits_on(mut self, clock: &VirtualClock) -> Self {
        self.pace = Pace::WaitsOn(clock.clone());
        self
    }

    /// Slow calls move `clock` themselves and go on at once: for pools with [`Keeper::Manual`](crate::Keeper::Manual), where
    /// nobody else could.
    pub fn advances(mut self, clock: &VirtualClock) -> Self {
        self.pace = Pace::Advances(clock.clone());
        self
    }

    /// Wraps `manager`, which may be a closure. The manager goes to a pool; keep the handle.
    ///
    /// Without any handle nothing hangs.
    ///
    /// ```
    /// use slackwater::testing::{Callback, Chaos};
    ///
    /// let error = Chaos::seeded(1).fail(Callback::Create, 1.5).build(|| Ok::<_, String>(())).unwrap_err();
    /// assert_eq!(error.field, "fail");
    /// assert_eq!(error.to_string(), "fail = 1.5 is refused: of `create`, allowed is 0 to 1");
    /// ```
    ///
    /// # Errors
    /// For a probability or share out of range, probabilities of one callback that add up to more than 1, a fault that the
    /// callback cannot suffer, a call number, resource number or number of uses of 0, an empty range, and a call or
    /// resource that is told twice what to do.
    pub fn build<M: Manager>(self, manager: M) -> Result<(ChaosManager<M>, ChaosHandle), ConfigError> {
        let (plan, pace) = validate::plan(self)?;
        let state = Arc::new(State::new(plan, pace));
        if let Pace::WaitsOn(clock) = &state.pace {
            let watcher: Weak<dyn Watch> = Arc::downgrade(&state) as _;
            Clock::from(clock).watch(watcher);
        }
        Ok((ChaosManager::new(manager, Arc::clone(&state)), ChaosHandle::new(state)))
    }
}
