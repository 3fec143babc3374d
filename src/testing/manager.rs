//! The manager that faults are injected into.

use super::fault::{Callback, ChaosError};
use super::resource::{Census, ChaosResource, Life};
use super::state::State;
use crate::manager::{Manager, ReturnOutcome, Severity};
use crate::pool::Lifeline;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// A manager, or a closure that makes resources, with faults. Made by [`Chaos::build`](super::Chaos::build).
///
/// A fault comes first; what it leaves standing goes on to the wrapped manager's callback.
pub struct ChaosManager<M> {
    manager: M,
    state: Arc<State>,
}

impl<M: Manager> ChaosManager<M> {
    pub(super) fn new(manager: M, state: Arc<State>) -> Self {
        Self { manager, state }
    }

    /// The wrapped manager.
    pub fn get_ref(&self) -> &M {
        &self.manager
    }

    /// For callbacks that cannot fail: `Chaos::build` refuses to have them told to.
    fn strike(&self, callback: Callback, life: Option<&mut Life>) {
        let _ = self.state.strike(callback, life);
    }
}

impl<M: Manager> Manager for ChaosManager<M> {
    type Resource = ChaosResource<M::Resource>;
    type Error = ChaosError<M::Error>;
    const ENDS_SLOWLY: bool = M::ENDS_SLOWLY;

    fn create(&self) -> Result<Self::Resource, Self::Error> {
        self.state.strike(Callback::Create, None)?;
        let inner = self.manager.create().map_err(ChaosError::Own)?;
        let State { plan, made, alive, .. } = &*self.state;
        let number = made.fetch_add(1, SeqCst) + 1;
        let life = Life {
            number,
            uses: 0,
            checks: 0,
            dies_after: plan.dies_after(number),
            leaks: plan.leaks(number),
            dead: false,
            _census: Census::enter(alive),
        };
        Ok(ChaosResource { inner, life })
    }

    fn warm(&self, resource: &mut Self::Resource) -> Result<(), Self::Error> {
        self.state.strike(Callback::Warm, Some(&mut resource.life))?;
        self.manager.warm(&mut resource.inner).map_err(ChaosError::Own)
    }

    fn lifeline(&self, resource: &mut Self::Resource, lifeline: Lifeline) {
        self.manager.lifeline(&mut resource.inner, lifeline);
    }

    fn check(&self, resource: &mut Self::Resource) -> Result<(), Self::Error> {
        self.state.strike(Callback::Check, Some(&mut resource.life))?;
        self.manager.check(&mut resource.inner).map_err(ChaosError::Own)
    }

    fn is_broken(&self, resource: &mut Self::Resource) -> bool {
        let struck = self.state.strike(Callback::IsBroken, Some(&mut resource.life));
        struck.is_err() || self.manager.is_broken(&mut resource.inner)
    }

    fn recycle(&self, resource: &mut Self::Resource) -> ReturnOutcome {
        match self.state.strike(Callback::Recycle, Some(&mut resource.life)) {
            Ok(()) => self.manager.recycle(&mut resource.inner),
            Err(_) => ReturnOutcome::Broken,
        }
    }

    fn destroy(&self, mut resource: Self::Resource) {
        self.strike(Callback::Destroy, Some(&mut resource.life));
        let ChaosResource { inner, life } = resource;
        self.manager.destroy(inner);
        drop(life);
    }

    fn weight(&self, resource: &Self::Resource) -> u64 {
        self.strike(Callback::Weight, None);
        let leaked = resource.life.leaks.saturating_mul(resource.life.uses);
        self.manager.weight(&resource.inner).saturating_add(leaked)
    }

    fn classify(&self, error: &Self::Error) -> Severity {
        self.strike(Callback::Classify, None);
        error.severity(self.state.plan.severity, |own| self.manager.classify(own))
    }
}

impl<M> fmt::Debug for ChaosManager<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosManager").field("seed", &self.state.plan.seed).finish_non_exhaustive()
    }
}
