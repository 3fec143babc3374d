//! The test's end of a chaos manager.

use super::fault::Callback;
use super::state::State;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// Counts what a [`ChaosManager`](super::ChaosManager) has done, and steers it while the pool runs. Clones share one state.
///
/// When the last handle is dropped, what hangs is released, and nothing hangs from then on: a test that fails takes its
/// hung threads with it.
///
/// ```
/// use slackwater::testing::{Callback, Chaos};
/// use slackwater::{CheckoutError, Keeper, Pool};
///
/// let (manager, chaos) = Chaos::seeded(42).build(|| Ok::<_, std::io::Error>(String::new()))?;
/// let pool = Pool::builder(manager).min_idle(0).keeper(Keeper::Manual).build()?;
///
/// chaos.backend_down(true);
/// assert!(matches!(pool.try_checkout(), Err(CheckoutError::Create(_))));
/// chaos.backend_down(false);
/// assert!(pool.checkout().is_ok());
///
/// let creates = chaos.counts(Callback::Create);
/// assert_eq!((creates.calls, creates.failed), (2, 1));
/// drop(pool);
/// assert_eq!(chaos.alive(), 0);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ChaosHandle {
    leash: Arc<Leash>,
}

/// What all handles hold and the manager does not.
struct Leash(Arc<State>);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.open(|gate| gate.abandoned = true);
    }
}

impl ChaosHandle {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { leash: Arc::new(Leash(state)) }
    }

    fn state(&self) -> &State {
        &self.leash.0
    }

    /// What [`Chaos::seeded`](super::Chaos::seeded) was given, for the message of a failing test.
    pub fn seed(&self) -> u64 {
        self.state().plan.seed
    }

    /// Calls of `callback` so far, and what they suffered. A call is counted when it begins.
    pub fn counts(&self, callback: Callback) -> Counts {
        let tally = &self.state().tallies[callback as usize];
        Counts {
            calls: tally.calls.load(SeqCst),
            failed: tally.failed.load(SeqCst),
            slowed: tally.slowed.load(SeqCst),
            hung: tally.hung.load(SeqCst),
            panicked: tally.panicked.load(SeqCst),
        }
    }

    /// Resources alive: created, and not yet destroyed, nor dropped by whoever detached them. A resource whose guard was
    /// forgotten lives on until its pool is gone.
    pub fn alive(&self) -> usize {
        self.state().alive.load(SeqCst)
    }

    /// Calls that hang now.
    pub fn hanging(&self) -> usize {
        self.state().gate.lock().hanging
    }

    /// Lets everything go on that hangs now. Later calls hang anew.
    pub fn release_hung(&self) {
        self.state().open(|gate| gate.releases += 1);
    }

    /// Switches faults off, or on again: the drawn, the scripted, and deaths. Calls are counted all the same, so the
    /// 100th call suffers what the 100th call has to whether or not the first 99 were let off. What hangs already hangs on;
    /// what is dead stays dead.
    pub fn set_enabled(&self, enabled: bool) {
        self.state().enabled.store(enabled, SeqCst);
    }

    /// Has every `create` and `check` fail from now on, or no longer. Not subject to [`set_enabled`](Self::set_enabled).
    pub fn backend_down(&self, down: bool) {
        self.state().backend_down.store(down, SeqCst);
    }
}

impl fmt::Debug for ChaosHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosHandle")
            .field("seed", &self.seed())
            .field("alive", &self.alive())
            .field("hanging", &self.hanging())
            .finish_non_exhaustive()
    }
}

/// What one callback has done and suffered. See [`ChaosHandle::counts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Calls.
    pub calls: u64,
    /// Calls that were made to fail, for whatever [`Cause`](super::Cause).
    pub failed: u64,
    /// Calls that were slowed down.
    pub slowed: u64,
    /// Calls that hung, those released since included.
    pub hung: u64,
    /// Calls that panicked.
    pub panicked: u64,
}

impl Counts {
    /// Calls that suffered anything.
    pub fn injected(&self) -> u64 {
        self.failed + self.slowed + self.hung + self.panicked
    }
}
