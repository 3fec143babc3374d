//! Items in parallel on rayon, each with a resource in hand.

mod first;
mod rest;

use super::Pool;
use crate::error::CheckoutError;
use crate::guard::Checkout;
use crate::manager::Manager;
use first::Below;
use parking_lot::{Mutex, MutexGuard};
use rayon::Scope;
use rayon::iter::plumbing::{Producer, ProducerCallback};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator};
use rest::{Piece, Rest};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Feature `rayon`.
impl<M: Manager> Pool<M> {
    /// Maps items in parallel on rayon's threads, each with a resource in hand. The results are in the items' order.
    ///
    /// ```
    /// use slackwater::Pool;
    ///
    /// let buffers = Pool::builder(|| Ok::<_, std::io::Error>(String::new())).max_size(2).build()?;
    /// let squares = buffers.par_map(0..1000_u32, |buffer, number| {
    ///     use std::fmt::Write;
    ///     buffer.clear();
    ///     write!(buffer, "{}", number * number).map(|()| buffer.len())
    /// })?;
    /// assert_eq!(squares[999], Ok(6));
    /// assert!(buffers.stats().checkouts < 1000); // One a split, not one an item.
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Takes what rayon can index: slices, vectors, ranges, and these with `map`, `zip`, `enumerate`, `with_min_len`. The items are split
    /// into runs that become shorter towards the end, and each run's resource is checked out once. The thread that leads
    /// keeps its resource for the whole call; the others give theirs back after each run, so that other users of the pool get
    /// their turn.
    ///
    /// At most as many threads work as the pool has resources. To choose the threads, call it inside
    /// [`install`](rayon::ThreadPool::install).
    ///
    /// # It does not deadlock
    /// `f` may use rayon: `join`, `scope`, parallel iterators, another pool's `par_map`. A thread that waits in there does other
    /// work meanwhile, perhaps of this very call, on top of the resource it holds. With `map_init` and a checkout, that work
    /// would wait for a resource which only the frame below it can give back. Here only the call itself ever waits,
    /// for the one resource it leads with, before it begins. A thread that joins in takes a resource that is free, or leaves
    /// at once and its items to those who have one. So a call that has begun ends, whatever the size of the pool.
    ///
    /// Called on one of rayon's threads, it does other work of rayon's while it waits for its first resource. A call inside `f` on the
    /// *same* pool needs a second one. If all the pool may have are held further down on this very stack, it is refused at
    /// once. If some are held elsewhere it waits for these, and its patience ends as that of any checkout, after the job that it is at. Whether their
    /// holders wait for this thread nobody can know.
    ///
    /// # Blocking
    /// Until all items are done. For its first resource as long as [`checkout`](Self::checkout) would.
    ///
    /// # Errors
    /// As [`checkout`](Self::checkout), of the first resource, and then `f` has not run at all:
    /// [`WouldDeadlock`](CheckoutError::WouldDeadlock) in the case above. From then on there are none: not if the pool is closed meanwhile, and
    /// not if no further resource can be created.
    ///
    /// # Panics
    /// If `f` panics, with its panic, as rayon does, once those at work have finished the item they are at. No further one is begun. The resource
    /// that `f` had is discarded, and no other.
    #[track_caller]
    pub fn par_map<I, F, T>(&self, items: I, f: F) -> Result<Vec<T>, CheckoutError>
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        F: Fn(&mut M::Resource, I::Item) -> T + Sync,
        T: Send,
    {
        let (site, items) = (Location::caller(), items.into_par_iter());
        let len = items.len();
        if len == 0 {
            return Ok(Vec::new());
        }
        let first = first::checkout(self, site)?;
        Ok(items.with_producer(Call { pool: self, site, len, first, f: &f }))
    }

    /// As [`par_map`](Self::par_map), for closures that give nothing.
    ///
    /// # Blocking
    /// As `par_map`.
    ///
    /// # Errors
    /// As `par_map`.
    ///
    /// # Panics
    /// As `par_map`.
    #[track_caller]
    pub fn par_for_each<I, F>(&self, items: I, f: F) -> Result<(), CheckoutError>
    where
        I: IntoParallelIterator<Iter: IndexedParallelIterator>,
        F: Fn(&mut M::Resource, I::Item) + Sync,
    {
        self.par_map(items, f).map(|units: Vec<()>| drop(units))
    }
}

/// Looks at what is left before whoever joins in gives up: some microseconds, and dividing plain items takes nanoseconds.
const GLANCES: usize = 100;

/// A call that has its first resource.
struct Call<'c, M: Manager, F> {
    pool: &'c Pool<M>,
    site: &'static Location<'static>,
    len: usize,
    first: Checkout<'c, M>,
    f: &'c F,
}

impl<M, F, I, T> ProducerCallback<I> for Call<'_, M, F>
where
    M: Manager,
    F: Fn(&mut M::Resource, I) -> T + Sync,
    T: Send,
{
    type Output = Vec<T>;

    fn callback<P: Producer<Item = I>>(self, producer: P) -> Vec<T> {
        let Call { pool, site, len, first, f } = self;
        let most = rayon::current_num_threads().min(pool.inner.capacity());
        let run = Run {
            pool,
            site,
            f,
            most,
            rest: Mutex::new(Rest::new(producer, len, most)),
            done: Mutex::new(Vec::new()),
            at_work: AtomicUsize::new(1),
            stopped: AtomicBool::new(false),
        };
        rayon::scope(|scope| run.lead(scope, first));
        let mut done = run.done.into_inner();
        done.sort_unstable_by_key(|&(number, _)| number);
        let mut all = Vec::with_capacity(len);
        done.into_iter().for_each(|(_, results)| all.extend(results));
        all
    }
}

/// A call at work.
struct Run<'c, M: Manager, P, F, T> {
    pool: &'c Pool<M>,
    site: &'static Location<'static>,
    f: &'c F,
    /// Threads that may be at work at once.
    most: usize,
    rest: Mutex<Rest<P>>,
    /// Results by the number of their piece.
    done: Mutex<Vec<(usize, Vec<T>)>>,
    /// Threads at work, and those asked to come.
    at_work: AtomicUsize,
    /// Something panicked.
    stopped: AtomicBool,
}

impl<'c, M, P, F, T> Run<'c, M, P, F, T>
where
    M: Manager,
    P: Producer,
    F: Fn(&mut M::Resource, P::Item) -> T + Sync,
    T: Send,
{
    /// Works until nothing is left, with the resource that makes sure that the call ends.
    fn lead<'s>(&'s self, scope: &Scope<'s>, mut resource: Checkout<'c, M>) {
        let _leaves = Leaves(&self.at_work);
        // It may wait for the lock: what lies below on this stack is older than the call, and no part of dividing its items.
        while let Some(piece) = self.next() {
            // Many at first. Later one at a time: for those who came while nothing was free, or left.
            while self.ask_another(scope) && piece.number == 0 {}
            self.work(piece, &mut resource);
        }
    }

    /// Works along, while resources are to be had at once.
    fn join_in<'s>(&'s self, scope: &Scope<'s>) {
        let leaves = Leaves(&self.at_work);
        let is_on_top = Below::count(self.pool) > 0;
        while self.is_left() == Some(true) && !self.stopped.load(Relaxed) {
            let Some(mut resource) = first::at_once(self.pool, self.site) else { return };
            let Some(piece) = self.in_passing().and_then(|mut rest| rest.take()) else { return };
            self.ask_another(scope);
            self.work(piece, &mut resource);
            drop(resource);
            if is_on_top {
                // An item further down waits, with its resource, until this thread is back.
                drop(leaves);
                self.ask_another(scope);
                return;
            }
        }
    }

    fn next(&self) -> Option<Piece<P>> {
        if self.stopped.load(Relaxed) {
            return None;
        }
        self.rest.lock().take()
    }

    /// What is left, if nobody is dividing it for long. Who divides holds the lock while the items' own code runs, which may wait for
    /// a job that lies below on this stack: whoever joins in must not wait for that.
    fn in_passing(&self) -> Option<MutexGuard<'_, Rest<P>>> {
        (0..GLANCES).find_map(|_| {
            std::hint::spin_loop();
            self.rest.try_lock()
        })
    }

    /// Whether anything is left, if that is to be had in passing.
    fn is_left(&self) -> Option<bool> {
        self.in_passing().map(|rest| !rest.is_empty())
    }

    /// Asks one more thread to join in, if there is something to do for it.
    fn ask_another<'s>(&'s self, scope: &Scope<'s>) -> bool {
        let one_more = |at_work| (at_work < self.most).then_some(at_work + 1);
        let may_be_over = self.stopped.load(Relaxed) || self.is_left() == Some(false);
        let asks = !may_be_over && self.at_work.fetch_update(Relaxed, Relaxed, one_more).is_ok();
        if asks {
            scope.spawn(|scope| self.join_in(scope));
        }
        asks
    }

    fn work(&self, piece: Piece<P>, resource: &mut M::Resource) {
        let _below = Below::new(self.pool);
        let stops = Stops(&self.stopped);
        let Piece { number, producer, .. } = piece;
        let goes_on = |_: &P::Item| !self.stopped.load(Relaxed);
        let results: Vec<T> = producer.into_iter().take_while(goes_on).map(|item| (self.f)(resource, item)).collect();
        std::mem::forget(stops);
        self.done.lock().push((number, results));
    }
}

/// Notes that a thread is no longer at work, however that came.
struct Leaves<'a>(&'a AtomicUsize);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Stops the call when it is dropped.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
