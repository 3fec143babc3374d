//! A pool whatever it lends.

use crate::keeper::Deadline;
use crate::manager::Manager;
use crate::observe::{Audit, Dump, Health, Snapshot, Stats};
use crate::pool::{CloseReport, Pool, SessionStats};
use std::any::{Any, type_name};

/// What can be done with a [`Pool`] without knowing what it lends: to look, and to close it. For lists of pools of several types; only pools are it.
pub trait AnyPool: Sealed + Send + Sync {
    /// As [`Pool::name`]: the pool's own.
    fn name(&self) -> Option<&str>;
    /// The name of its manager's type, as the compiler writes it.
    fn manager_type(&self) -> &'static str;
    /// As [`Pool::stats`].
    fn stats(&self) -> Stats;
    /// As [`Pool::session_stats`].
    fn session_stats(&self) -> SessionStats;
    /// As [`Pool::health`].
    fn health(&self) -> Health;
    /// As [`Pool::snapshot`].
    fn snapshot(&self) -> Snapshot;
    /// As [`Pool::dump`].
    fn dump(&self) -> Dump;
    /// As [`Pool::audit`].
    fn audit(&self) -> Audit;
    /// As [`Pool::is_closed`].
    fn is_closed(&self) -> bool;
    /// As [`Pool::close`].
    ///
    /// # Blocking
    /// As there.
    fn close(&self, deadline: Deadline) -> CloseReport;
}

/// What the registry and the server do with a pool beyond that.
pub trait Sealed {
    #[doc(hidden)]
    fn as_any(&self) -> &dyn Any;
    #[cfg(feature = "http")]
    #[doc(hidden)]
    fn look(&self) -> crate::http::Look;
}

impl<M: Manager> Sealed for Pool<M> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    #[cfg(feature = "http")]
    fn look(&self) -> crate::http::Look {
        crate::http::look_at(self)
    }
}

impl<M: Manager> AnyPool for Pool<M> {
    fn name(&self) -> Option<&str> {
        self.name()
    }

    fn manager_type(&self) -> &'static str {
        type_name::<M>()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }

    fn session_stats(&self) -> SessionStats {
        self.session_stats()
    }

    fn health(&self) -> Health {
        self.health()
    }

    fn snapshot(&self) -> Snapshot {
        self.snapshot()
    }

    fn dump(&self) -> Dump {
        self.dump()
    }

    fn audit(&self) -> Audit {
        self.audit()
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn close(&self, deadline: Deadline) -> CloseReport {
        self.close(deadline)
    }
}
