//! A worker's own queue: what its jobs submit, and what it has taken from such a queue of another's. Everybody may take from it.

use super::board::Tally;
use super::chain::Chain;
use super::job::{AnyJob, Next};
use crate::core::sync::around::{Mutex, thread_local};
use crossbeam_deque::{Injector, Steal, Stealer, Worker};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// Jobs taken from another worker's tray at once, at most; half of what is there, if that is less. From the queue that all share they are
/// taken one at a time: those of one submitter lie there side by side, and wait for each other on a worker that has them in advance.
const BATCH: usize = 16;
/// One turn in so many goes to another worker's tray, so that nothing stays with one that is busy for long while all others have jobs.
const TURNS: u32 = 64;
/// Jobs that a worker's own may submit between two looks at how many there are: so many, and no more than an eighth of the room there was.
const BETWEEN_LOOKS: usize = 32;

thread_local! {
    /// Of which workers the calling thread is one: the number of their circle, and one. Apart from the tray, as all who submit look here.
    static WHOSE: Cell<u64> = const { Cell::new(0) };
    static MINE: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// A tray, as others see it. Left to the next worker when its own ends.
pub(super) struct Tray<R> {
    jobs: Stealer<AnyJob<R>>,
    tally: Arc<Tally>,
    /// Its other end, as long as no worker has it.
    left: Mutex<Option<Worker<AnyJob<R>>>>,
}

/// All of them.
pub(super) struct Trays<R>(Chain<Tray<R>>);

/// A worker's own.
pub(super) struct Mine<R> {
    jobs: Worker<AnyJob<R>>,
    tray: Arc<Tray<R>>,
    turn: Cell<u32>,
    /// Jobs that may be pushed before the next look.
    clear: Cell<u32>,
    /// More than the job it gave away has come here from elsewhere, and nobody has been told.
    stocked: Cell<bool>,
}

pub(super) fn until_known<T>(mut steal: impl FnMut() -> Steal<T>) -> Option<T> {
    loop {
        match steal() {
            Steal::Success(job) => return Some(job),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}

impl<R> Trays<R> {
    pub(super) fn new() -> Self {
        Self(Chain::default())
    }

    pub(super) fn has_any(&self) -> bool {
        self.0.iter().any(|tray| !tray.jobs.is_empty())
    }

    /// For those who have none.
    pub(super) fn take(&self, into: &mut Next<R>) -> bool {
        *into = self.0.iter().find_map(|tray| until_known(|| tray.jobs.steal()));
        into.is_some()
    }
}

impl<R: 'static> Trays<R> {
    /// The calling thread is a worker of the circle with this number from now on, until [`leave`](Mine::leave).
    pub(super) fn sit_down(&self, circle: u64, add_tally: impl FnOnce(&Arc<Tally>)) -> Rc<Mine<R>> {
        let left = self.0.iter().find_map(|tray| Some((tray.left.lock().take()?, tray)));
        let (jobs, tray) = left.map(|(jobs, tray)| (jobs, Arc::clone(tray))).unwrap_or_else(|| {
            let (jobs, tally) = (Worker::new_fifo(), Tally::new());
            add_tally(&tally);
            let tray = Arc::new(Tray { jobs: jobs.stealer(), tally, left: Mutex::new(None) });
            self.0.add(Arc::clone(&tray));
            (jobs, tray)
        });
        let mine = Rc::new(Mine { jobs, tray, turn: Cell::new(0), clear: Cell::new(0), stocked: Cell::new(false) });
        WHOSE.with(|whose| whose.set(circle + 1));
        MINE.with(|its| *its.borrow_mut() = Some(Box::new(Rc::clone(&mine))));
        mine
    }
}

/// Whether the calling thread is a worker of this circle.
#[inline(always)]
pub(super) fn has_mine(circle: u64) -> bool {
    // What a thread drops at its very end may ask too.
    WHOSE.try_with(|whose| whose.get() == circle + 1) == Ok(true)
}

/// The calling thread's, if it is a worker of this circle.
#[inline]
pub(super) fn with_mine<R: 'static, T>(circle: u64, f: impl FnOnce(Option<&Mine<R>>) -> T) -> T {
    if !has_mine(circle) {
        return f(None);
    }
    MINE.with(|mine| {
        let mine = mine.borrow();
        f(mine.as_ref().and_then(|mine| mine.downcast_ref::<Rc<Mine<R>>>()).map(|mine| &**mine))
    })
}

impl<R: 'static> Mine<R> {
    /// Leaves it to others, with what is in it.
    pub(super) fn leave(self: Rc<Self>) {
        WHOSE.with(|whose| whose.set(0));
        drop(MINE.with(RefCell::take));
        if let Some(Mine { jobs, tray, .. }) = Rc::into_inner(self) {
            *tray.left.lock() = Some(jobs);
        }
    }

    #[inline]
    pub(super) fn tally(&self) -> &Tally {
        &self.tray.tally
    }

    /// Whether there is no room for what a job of its own wants to submit: `room` says how much there is, and is not asked each time.
    #[inline]
    pub(super) fn is_full(&self, room: impl FnOnce() -> usize) -> bool {
        if self.clear.get() > 0 {
            return false;
        }
        let room = room();
        self.clear.set((room / 8).min(BETWEEN_LOOKS) as u32);
        room == 0
    }

    #[inline]
    pub(super) fn push(&self, job: AnyJob<R>) {
        self.jobs.push(job);
    }

    /// One of its own jobs has submitted another.
    #[inline]
    pub(super) fn has_pushed(&self) {
        self.clear.set(self.clear.get().saturating_sub(1));
    }

    /// Whether jobs have come here from elsewhere since it was last asked. On their way they were nowhere to be seen.
    #[inline]
    pub(super) fn was_stocked(&self) -> bool {
        self.stocked.take()
    }

    /// The next job: the oldest here, then those of `shared`, which came later than these; then those of other trays.
    #[inline]
    pub(super) fn take(&self, shared: &Injector<AnyJob<R>>, others: &Trays<R>, into: &mut Next<R>) -> bool {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        if turn.is_multiple_of(TURNS) && self.steal(others, into) {
            return true;
        }
        *into = self.jobs.pop().or_else(|| until_known(|| shared.steal()));
        into.is_some() || self.steal(others, into)
    }

    #[cold]
    fn steal(&self, others: &Trays<R>, into: &mut Next<R>) -> bool {
        let mut others = others.0.iter().filter(|tray| !Arc::ptr_eq(tray, &self.tray));
        *into = others.find_map(|tray| until_known(|| tray.jobs.steal_batch_with_limit_and_pop(&self.jobs, BATCH)));
        if into.is_some() {
            self.stocked.set(!self.jobs.is_empty());
        }
        into.is_some()
    }
}
