//! Pools of one resource, and pools that keep none.

use super::{Builder, Inner, Pool};
use crate::config::{Mode, is_kept};
use crate::core::sync::around::Mutex;
use crate::core::{Phase, Right};
use crate::manager::{Manager, Severity};
use crate::observe::DestroyReason;

impl<M: Manager> Pool<M> {
    /// Starts a pool of one resource, which borrowers take turns with: [`Mode::Single`].
    ///
    /// ```
    /// # use slackwater::Pool;
    /// let pool = Pool::single(|| Ok::<_, String>(Vec::new())).build()?;
    /// pool.checkout()?.push("one at a time");
    /// assert_eq!(pool.stats().max_size, 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn single(manager: M) -> Builder<M> {
        Builder::new(manager).mode(Mode::Single)
    }

    /// Starts a pool that keeps nothing: each checkout makes a resource, each return destroys it, and there are no more at once than
    /// [`max_size`](Builder::max_size): [`Mode::Unpooled`].
    ///
    /// ```
    /// # use slackwater::Pool;
    /// let pool = Pool::unpooled(|| Ok::<_, String>(String::new())).max_size(4).build()?;
    /// drop(pool.checkout()?);
    /// drop(pool.checkout()?);
    /// assert_eq!((pool.stats().created, pool.stats().destroyed.total()), (2, 2));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn unpooled(manager: M) -> Builder<M> {
        Builder::new(manager).mode(Mode::Unpooled)
    }
}

impl<T: Send + 'static> Pool<Only<T>> {
    /// Starts a pool of this one resource, of which there is no other: borrowers take turns with it. Once it is broken, discarded or
    /// detached, checkouts are refused with [`Spent`]; whoever can make another has [`Pool::single`].
    ///
    /// ```
    /// # use slackwater::Pool;
    /// let pool = Pool::only(vec![1, 2]).build()?;
    /// pool.checkout()?.push(3);
    /// assert_eq!(pool.checkout()?.len(), 3);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn only(resource: T) -> Builder<Only<T>> {
        Pool::single(Only(Mutex::new(Some(resource))))
    }
}

/// Gives away the one resource it was made of. See [`Pool::only`].
pub struct Only<T>(Mutex<Option<T>>);

/// The one resource that there was is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the only resource of the pool has ended, and there is no way to make another; use Pool::single with a manager"
)]
pub struct Spent;

impl<T: Send + 'static> Manager for Only<T> {
    type Resource = T;
    type Error = Spent;
    const CHECKS: bool = false;
    const WEIGHS: bool = false;

    fn create(&self) -> Result<T, Spent> {
        self.0.lock().take().ok_or(Spent)
    }

    fn classify(&self, _: &Spent) -> Severity {
        Severity::Permanent
    }
}

impl<M: Manager> Builder<M> {
    /// What becomes of resources between two uses. Default: [`Mode::Pooled`]. [`Pool::set_mode`] changes it while the pool is at work.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.config.mode = mode;
        self
    }
}

impl<M: Manager> Inner<M> {
    /// Whether the use that ends here is one after which nothing is kept, if `share` of a hundred leave their resource to the next.
    pub(super) fn is_unpooled(&self, share: u64, right: &Right<'_, M::Resource>) -> bool {
        // Places do not go in step: what the first uses of many come to is the share, too.
        let place = self.shelf.index_of(right.slot()).unwrap_or(0);
        !is_kept(right.record().checkouts().wrapping_add(u64::from(place) * 61), share)
    }

    /// Ends what is free after a use, in a pool that keeps nothing: a return beside the switch has left it.
    pub(crate) fn end_left_over(&self) -> Option<u64> {
        if !self.config().mode.keeps_none() {
            return None;
        }
        for ((_, slot), life) in self.shelf.slots().zip(&self.lives) {
            let seen = slot.look();
            if seen.phase().is_free()
                && life.uses(slot.record().checkouts()) > 0
                && let Some(right) = slot.claim(seen, Phase::Retiring)
            {
                self.send_to_end(right, DestroyReason::Unpooled);
            }
        }
        None
    }
}
