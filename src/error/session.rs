//! What a session is told whose resource is in use.

use super::Named;
use crate::observe::{Holder, ResourceId, ResourceState};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// See [`CheckoutError::SessionBusy`](super::CheckoutError::SessionBusy).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionBusy {
    /// The pool's name.
    pub pool: Option<Arc<str>>,
    /// The session's resource.
    pub id: ResourceId,
    /// What that was doing.
    pub state: ResourceState,
    /// Who has it, if it is checked out.
    pub holder: Option<Holder>,
    /// How long the caller waited for it.
    pub waited: Duration,
    /// Whether it is held by the caller's own thread, or by one that waits here for what is held by another, and so on round to the caller:
    /// waiting would almost certainly never end. Looked for only with [`OnDeadlock::Refuse`](crate::OnDeadlock::Refuse): without it a guard may be
    /// given back by another thread than the one that took it.
    pub deadlock: bool,
}

impl fmt::Display for SessionBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SessionBusy { pool, id, state, holder, waited, deadlock } = self;
        write!(f, "{}: the session's resource was not free within {waited:.1?}: ", Named(pool))?;
        match holder {
            Some(holder) => write!(f, "held by {holder}; ")?,
            None => write!(f, "resource {id} is {state}, or being checked; ")?,
        }
        f.write_str(if *deadlock {
            "its holder waits for this caller, or is it: return the first resource before asking for another"
        } else {
            "try again, wait longer with SessionMode::Wait, or take another with SessionMode::Hint"
        })
    }
}

impl Error for SessionBusy {}
