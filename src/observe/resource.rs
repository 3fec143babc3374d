//! One resource, as its pool knows it.

use super::{Holder, ResourceId};
use crate::core::Phase;
use crate::manager::Manager;
use crate::pool::{Inner, NEVER};
use std::fmt;
use std::time::Duration;

/// What a resource is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResourceState {
    /// Being created and warmed.
    Initializing,
    /// Free for checkout, or being checked on that account.
    Ready,
    /// Checked out.
    Busy,
    /// Failed lately: lent as a last resort only.
    Degraded,
    /// Being destroyed.
    Terminating,
    /// Destroyed, or taken out of the pool. Never listed: a resource in this state is gone.
    Terminated,
}

impl ResourceState {
    pub(crate) const ALL: [ResourceState; 6] = [
        ResourceState::Initializing,
        ResourceState::Ready,
        ResourceState::Busy,
        ResourceState::Degraded,
        ResourceState::Terminating,
        ResourceState::Terminated,
    ];

    /// The state of a slot in `phase` whose resource failed `failures` times in a row.
    pub(crate) fn of(phase: Phase, failures: u64) -> ResourceState {
        match phase {
            Phase::Vacant | Phase::Shut => ResourceState::Terminated,
            Phase::Creating => ResourceState::Initializing,
            Phase::Checking if failures > 0 => ResourceState::Degraded,
            Phase::Ready | Phase::Stale | Phase::Checking => ResourceState::Ready,
            Phase::Busy => ResourceState::Busy,
            Phase::Degraded => ResourceState::Degraded,
            Phase::Retiring => ResourceState::Terminating,
        }
    }
}

impl fmt::Display for ResourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResourceState::Initializing => "initializing",
            ResourceState::Ready => "ready",
            ResourceState::Busy => "busy",
            ResourceState::Degraded => "degraded",
            ResourceState::Terminating => "terminating",
            ResourceState::Terminated => "terminated",
        })
    }
}

/// One resource of a pool, at one moment. Fields are read one after another while the pool works on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resource {
    /// Which it is.
    pub id: ResourceId,
    /// What it is doing.
    pub state: ResourceState,
    /// Since its creation.
    pub age: Duration,
    /// Times it was checked out.
    pub uses: u64,
    /// Checks that failed, and errors its holders reported.
    pub errors: u64,
    /// Failures in a row, up to now.
    pub failures: u64,
    /// How long it has been free, to about 0.1 s; zero while it is not.
    pub idle: Duration,
    /// Who has it.
    pub holder: Option<Holder>,
    /// How long it has been in use for certain: since the keeper first saw this use, and no longer than its holder says. Zero
    /// while it is not.
    pub in_use: Duration,
    /// How long ago it was last checked, or created.
    pub last_check: Duration,
    /// What it weighs, as [`Manager::weight`] said last.
    pub weight: u64,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resource { id, state, age, uses, errors, .. } = self;
        write!(f, "resource {id} {state}, {age:.1?} old, {uses} uses, {errors} errors")?;
        self.holder.as_ref().map_or(Ok(()), |holder| write!(f, ", {holder}"))
    }
}

impl<M: Manager> Inner<M> {
    pub(crate) fn resources(&self) -> Vec<Resource> {
        let now = self.now();
        let ago = |time: u64| Duration::from_nanos(if time == NEVER { 0 } else { now.saturating_sub(time) });
        let slots = self.shelf.slots().zip(&self.lives);
        let listed = slots.filter_map(|((index, slot), life)| {
            let word = slot.look();
            let phase = word.phase();
            let state = ResourceState::of(phase, life.failures());
            if state == ResourceState::Terminated {
                return None;
            }
            let born = phase.is_live();
            let (holder, in_use) = match Holder::of(index, slot, now) {
                Some((holder, checkouts)) => {
                    let seen = Duration::from_nanos(life.in_use_for(checkouts, now));
                    let in_use = holder.held_for.min(seen);
                    (Some(holder.named()), in_use)
                }
                None => (None, Duration::ZERO),
            };
            Some(Resource {
                id: ResourceId::new(index, word),
                state,
                age: if born { ago(life.born()) } else { Duration::ZERO },
                uses: if born { life.uses(slot.record().checkouts()) } else { 0 },
                errors: if born { life.errors() } else { 0 },
                failures: if born { life.failures() } else { 0 },
                idle: if phase.is_free() { ago(life.idle_since()) } else { Duration::ZERO },
                holder,
                in_use,
                last_check: if born { ago(life.last_check()) } else { Duration::ZERO },
                weight: if born { life.weight() } else { 0 },
            })
        });
        listed.collect()
    }
}
