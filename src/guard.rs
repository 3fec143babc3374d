//! The guards: a resource in the hands of its user.

mod lent;

pub use lent::Lent;

use crate::core::{Lease, Mark, Right, Settle};
use crate::manager::Manager;
use crate::observe::ResourceId;
use crate::pool::Inner;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Dropping a guard gives its resource back.
pub(crate) struct GiveBack;

impl<M: Manager> Settle<Inner<M>> for GiveBack {
    #[inline(always)]
    fn settle(pool: &Inner<M>, right: Right<'_, M::Resource>) {
        pool.give_back(right);
    }
}

macro_rules! guard {
    ($(#[$doc:meta])* $name:ident<$($life:lifetime,)? M>, $pool:ty) => {
        $(#[$doc])*
        ///
        /// Dereferences to the resource. Dropping the guard gives the resource back, on whatever thread that happens;
        /// if that thread is unwinding from a panic which began after the checkout, the resource is discarded
        /// (see [`OnPanic`](crate::OnPanic)). A guard that is forgotten leaks its slot, visibly.
        #[must_use = "dropping the guard gives the resource back at once"]
        pub struct $name<$($life,)? M: Manager>(Lease<$pool, GiveBack>);

        impl<$($life,)? M: Manager> $name<$($life,)? M> {
            pub(crate) fn new(lease: Lease<$pool, GiveBack>) -> Self {
                Self(lease)
            }

            /// Gives the resource up instead of back: it is destroyed, and its slot is free for a new one once that is
            /// done. `reason` goes to the log.
            pub fn discard(self, reason: impl fmt::Display) {
                self.0.pool().log(log::Level::Debug, format_args!("resource {} discarded: {reason}", self.id()));
                self.0.end(|pool, right| pool.discard(right));
            }

            /// Takes the resource out of the pool for good: it is yours, no callback will see it again, and its slot is
            /// free for a new one at once.
            pub fn detach(self) -> M::Resource {
                self.0.end(|pool, right| pool.detach(right))
            }

            /// Which resource this is.
            pub fn id(&self) -> ResourceId {
                let (slot, word) = self.0.place();
                ResourceId::new(slot, word)
            }

            /// Reports an error with the resource: what follows is the [`RecoveryTable`](crate::RecoveryTable)'s. By default
            /// after `degrade_after` failures in a row it is lent as a last resort only, after `remove_after`, or a permanent one, it is
            /// destroyed, both at its return; a check that passes ends the row.
            pub fn on_error(&mut self, error: &M::Error) {
                let id = self.id();
                if self.0.pool().failed_in_use(id, error) {
                    self.0.mark(Mark::Failed);
                }
            }

            /// Has the resource checked after its return, before anyone else gets it.
            pub fn mark_suspect(&mut self) {
                self.0.mark(Mark::Suspect);
            }
        }

        impl<$($life,)? M: Manager> Deref for $name<$($life,)? M> {
            type Target = M::Resource;

            #[inline(always)]
            fn deref(&self) -> &M::Resource {
                self.0.resource()
            }
        }

        impl<$($life,)? M: Manager> DerefMut for $name<$($life,)? M> {
            #[inline(always)]
            fn deref_mut(&mut self) -> &mut M::Resource {
                self.0.resource_mut()
            }
        }

        impl<$($life,)? M: Manager<Resource: fmt::Debug>> fmt::Debug for $name<$($life,)? M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.id()).field(&**self).finish()
            }
        }
    };
}

guard! {
    /// A resource checked out of a pool it borrows.
    Checkout<'p, M>, &'p Inner<M>
}

guard! {
    /// A resource checked out of a pool it keeps alive.
    OwnedCheckout<M>, Arc<Inner<M>>
}
