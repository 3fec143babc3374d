//! A worker's thread as others see it: where it is woken, and where it gets its mail.

use super::board::Sleeper;
use super::job::Late;
use crate::core::sync::around::{AtomicU64, Mutex, thread_local};
use crate::core::sync::{AtomicBool, Thread, current, park};
use crate::core::thread_number;
use crate::error::{dropped, let_go};
use crate::observe::ResourceId;
use crate::pool::NEVER;
use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::{Arc, OnceLock};

thread_local! {
    /// The resource of the worker whose thread this is.
    static HELD: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// Something to be done on the worker's thread between two jobs.
pub(super) type Mail = Box<dyn FnOnce() + Send>;

pub(super) struct Desk {
    pub(super) number: u64,
    thread: Thread,
    mail: Mutex<Post>,
    has_mail: AtomicBool,
    called: AtomicBool,
    aside: AtomicBool,
    seat: OnceLock<ResourceId>,
    /// When the job that runs is to be done.
    due: AtomicU64,
    /// The job that runs, if it has a deadline, and the number of that use. `due` is written under this lock alone: who ends one use must
    /// not forget the deadline of the next.
    late: Mutex<Option<(Arc<dyn Late>, u64)>>,
}

#[derive(Default)]
struct Post {
    letters: VecDeque<Mail>,
    /// Nobody reads them any more.
    ended: bool,
}

impl Desk {
    /// The desk of the calling thread.
    pub(super) fn here() -> Arc<Desk> {
        Arc::new(Desk {
            number: thread_number(),
            thread: current(),
            mail: Mutex::default(),
            has_mail: AtomicBool::new(false),
            called: AtomicBool::new(false),
            aside: AtomicBool::new(false),
            seat: OnceLock::new(),
            due: AtomicU64::new(NEVER),
            late: Mutex::new(None),
        })
    }

    /// Whether this is the calling thread's.
    #[inline]
    pub(super) fn is_here(&self) -> bool {
        self.number == thread_number()
    }

    /// Has the thread do something between two jobs. False if it never will.
    pub(super) fn post(&self, letter: Mail) -> bool {
        {
            let mut mail = self.mail.lock();
            if mail.ended {
                return false;
            }
            mail.letters.push_back(letter);
            self.has_mail.store(true, SeqCst);
        }
        self.thread.unpark();
        true
    }

    #[inline]
    pub(super) fn has_mail(&self) -> bool {
        self.has_mail.load(Relaxed)
    }

    /// Does what was asked for. On the desk's own thread.
    pub(super) fn read_mail(&self) {
        loop {
            let letter = {
                let mut mail = self.mail.lock();
                let letter = mail.letters.pop_front();
                self.has_mail.store(!mail.letters.is_empty(), SeqCst);
                letter
            };
            match letter {
                Some(letter) => letter(),
                None => return,
            }
        }
    }

    /// The thread reads no mail from now on: whoever waits for an answer learns that there is none.
    pub(super) fn end(&self) {
        let unread = {
            let mut mail = self.mail.lock();
            mail.ended = true;
            std::mem::take(&mut mail.letters)
        };
        drop(unread);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.mail.lock().ended
    }

    /// Parks until somebody calls, writes, or opens the slot; or for no reason.
    pub(super) fn rest(&self) {
        if !self.has_mail.load(SeqCst) && !self.called.load(Acquire) {
            park();
        }
        // Whether it was called, the board knows: this only keeps it from parking.
        self.called.store(false, Relaxed);
    }

    /// Where the pool has it.
    pub(super) fn sits_at(&self, id: ResourceId) {
        self.seat.get_or_init(|| id);
    }

    pub(super) fn due(&self) -> u64 {
        self.due.load(SeqCst)
    }

    /// A job begins, as the `uses`th use of the resource, that is to be done by `due`.
    pub(super) fn begins(&self, job: Arc<dyn Late>, uses: u64, due: u64) {
        let mut late = self.late.lock();
        *late = Some((job, uses));
        self.due.store(due, SeqCst);
    }

    /// It has ended.
    pub(super) fn has_ended(&self) {
        let job = {
            let mut late = self.late.lock();
            self.due.store(NEVER, SeqCst);
            late.take()
        };
        drop(job);
    }

    /// Answers the job that runs, if it is late at `now`. Returns the resource that it may never give back, and which of its uses that is.
    pub(super) fn end_late(&self, now: u64) -> Option<(ResourceId, u64)> {
        let (job, uses) = {
            let late = self.late.lock();
            let (job, uses) = late.as_ref().filter(|_| self.due() <= now)?;
            self.due.store(NEVER, SeqCst);
            (Arc::clone(job), *uses)
        };
        // Its ticket may have found out by itself.
        job.expire(now);
        if let Err(payload) = dropped(job) {
            let_go(payload);
        }
        self.seat.get().map(|id| (*id, uses))
    }

    /// The thread cannot use its own slot, and wants to be told when it is opened.
    pub(super) fn stand_aside(&self, aside: bool) {
        self.aside.store(aside, SeqCst);
    }

    /// The slot was opened.
    pub(super) fn opened(&self) {
        if self.aside.load(SeqCst) {
            self.thread.unpark();
        }
    }
}

impl Sleeper for Arc<Desk> {
    fn call(&self) {
        self.called.store(true, Release);
        self.thread.unpark();
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other)
    }
}

/// Puts the calling thread's resource where its uses find it.
pub(super) fn hold<R: 'static>(resource: R) {
    HELD.with(|held| *held.borrow_mut() = Some(Box::new(resource)));
}

/// The calling thread's resource. None if it has none, or is at it further up.
#[inline]
pub(super) fn with_held<R: 'static, T>(f: impl FnOnce(&mut R) -> T) -> Option<T> {
    HELD.with(|held| held.try_borrow_mut().ok()?.as_mut()?.downcast_mut().map(f))
}

/// Takes the calling thread's resource for good.
pub(super) fn take_held<R: 'static>() -> Option<R> {
    let held = HELD.with(|held| held.try_borrow_mut().ok()?.take())?;
    held.downcast().ok().map(|resource| *resource)
}
