//! The items that are ahead of the answers taken.

use crate::core::sync::around::thread::yield_now;
use crate::core::sync::{park, park_timeout};
use crate::pool::Priority;
use crate::workers::circle::is_inside;
use crate::workers::{Job, JobError, LocalManager, SubmitError, Ticket, Workers};
use std::collections::VecDeque;
use std::fmt::{self, DebugStruct};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// Items under way for each worker there may be, unless told otherwise: one that it is at, one that follows at once, and two for a
/// consumer that takes several answers in a row.
const FOR_EACH_WORKER: usize = 4;

/// Looks at an answer that may come at once, before the thread parks: as a worker looks for a job. A job of a microsecond is worth no
/// wake-up.
const LOOKS: u32 = CLOSE_LOOKS + 8;
const CLOSE_LOOKS: u32 = 20;

pub(super) struct Ahead<'w, M: LocalManager, I: Iterator, F, T> {
    workers: &'w Workers<M>,
    /// None once it has no more, or panicked.
    items: Option<I>,
    work: Arc<F>,
    site: &'static Location<'static>,
    pub(super) limit: usize,
    pub(super) timeout: Option<Duration>,
    pub(super) priority: Priority,
    /// By their items' places. Only the last one may be `Held`.
    due: VecDeque<(usize, Due<M::Resource, T>)>,
    /// Answers found beside the one that was taken: a look at all tickets finds several.
    ready: VecDeque<(usize, Result<T, JobError>)>,
    pulled: usize,
}

/// An item that was taken from the source and whose answer was not taken yet.
enum Due<R, T> {
    Job(Ticket<T>),
    /// The queue was full, of other people's jobs or of ours.
    Held(Boxed<R, T>),
    Refused(SubmitError),
}

type Boxed<R, T> = Box<dyn FnOnce(&mut R) -> T + Send>;

impl<'w, M: LocalManager, I: Iterator, F, T> Ahead<'w, M, I, F, T> {
    pub(super) fn new(workers: &'w Workers<M>, items: I, work: F, site: &'static Location<'static>) -> Self {
        let config = workers.pool().config();
        Self {
            workers,
            items: Some(items),
            work: Arc::new(work),
            site,
            limit: FOR_EACH_WORKER * (config.max_size + config.max_overflow),
            timeout: None,
            priority: Priority::default(),
            due: VecDeque::new(),
            ready: VecDeque::new(),
            pulled: 0,
        }
    }

    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.items.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        let due = self.due.len() + self.ready.len();
        (least.saturating_add(due), most.and_then(|most| most.checked_add(due)))
    }

    pub(super) fn describe(&self, mut text: DebugStruct<'_, '_>) -> fmt::Result {
        let Self { limit, due, ready, pulled, .. } = self;
        text.field("look_ahead", limit)
            .field("pulled", pulled)
            .field("taken", &(pulled - due.len() - ready.len()))
            .finish_non_exhaustive()
    }
}

impl<M, I, F, T> Ahead<'_, M, I, F, T>
where
    M: LocalManager,
    I: Iterator<Item: Send + 'static>,
    F: Fn(&mut M::Resource, I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    /// The next answer among those of the first `among` items, with its item's place.
    pub(super) fn next_of(&mut self, among: usize) -> Option<(usize, Result<T, JobError>)> {
        loop {
            if let Some(answer) = self.take(among, false) {
                return Some(answer);
            }
            self.offer_held();
            let is_held = matches!(self.due.back(), Some((_, Due::Held(_))));
            if self.due.len() < self.limit && !is_held && self.pull() {
                continue;
            }
            if is_held && self.due.len() == 1 {
                self.submit_held();
                continue;
            }
            return if self.due.is_empty() { None } else { Some(self.wait(among)) };
        }
    }

    /// Submits the next item. False if there is none.
    fn pull(&mut self) -> bool {
        // Put back only if it has an item: a source that panics, or is at its end, is not asked again.
        let Some(mut items) = self.items.take() else { return false };
        let Some(item) = items.next() else { return false };
        self.items = Some(items);
        let work = self.work.clone();
        let due = self.try_submit(move |resource: &mut M::Resource| work(resource, item), |job| Box::new(job));
        self.due.push_back((self.pulled, due));
        self.pulled += 1;
        true
    }

    fn try_submit<J>(&self, job: J, hold: impl FnOnce(J) -> Boxed<M::Resource, T>) -> Due<M::Resource, T>
    where
        J: FnOnce(&mut M::Resource) -> T + Send + 'static,
    {
        if is_inside(self.workers.shared.hall.circle.number) {
            // The only worker that could answer may be the one that waits here.
            return Due::Refused(SubmitError::OnWorker);
        }
        match self.request().try_submit_from(self.site, job) {
            Ok(ticket) => Due::Job(ticket),
            Err(refused) if refused.reason.is_retryable() => Due::Held(hold(refused.job)),
            Err(refused) => Due::Refused(refused.reason),
        }
    }

    /// Tries whether there is room by now.
    fn offer_held(&mut self) {
        if let Some(job) = self.take_held() {
            let due = self.try_submit(job, |job| job);
            self.due.push_back((self.pulled - 1, due));
        }
    }

    /// Waits for room: nothing of ours is under way that could be waited for.
    fn submit_held(&mut self) {
        if let Some(job) = self.take_held() {
            let due = self.request().submit_from(self.site, job).map_or_else(Due::Refused, Due::Job);
            self.due.push_back((self.pulled - 1, due));
        }
    }

    fn take_held(&mut self) -> Option<Boxed<M::Resource, T>> {
        match self.due.pop_back()? {
            (_, Due::Held(job)) => Some(job),
            other => {
                self.due.push_back(other);
                None
            }
        }
    }

    fn request(&self) -> Job<'_, M> {
        let request = self.workers.job().priority(self.priority);
        match self.timeout {
            Some(timeout) => request.timeout(timeout),
            None => request,
        }
    }

    /// An answer that is there. If none is, and `or_unpark`, this thread is unparked when one comes.
    fn take(&mut self, among: usize, or_unpark: bool) -> Option<(usize, Result<T, JobError>)> {
        if among == 1 {
            let (place, due) = self.due.front_mut()?;
            let found = (*place, answer(due, or_unpark)?);
            self.due.pop_front();
            return Some(found);
        }
        if self.ready.is_empty() {
            let ready = &mut self.ready;
            self.due.retain_mut(|(place, due)| {
                let answer = answer(due, or_unpark);
                let stays = answer.is_none();
                ready.extend(answer.map(|answer| (*place, answer)));
                stays
            });
        }
        self.ready.pop_front()
    }

    fn wait(&mut self, among: usize) -> (usize, Result<T, JobError>) {
        // A look at many tickets takes its time by itself.
        let looks = if among == 1 { LOOKS } else { LOOKS / (1 + self.due.len() as u32 / 16) };
        for look in 0..looks {
            if let Some(answer) = self.take(among, false) {
                return answer;
            }
            if look < CLOSE_LOOKS {
                (0..1 << (look / 4)).for_each(|_| std::hint::spin_loop());
            } else {
                yield_now();
            }
        }
        loop {
            if let Some(answer) = self.take(among, true) {
                return answer;
            }
            let tickets = self.due.iter().take(among).filter_map(|(_, due)| match due {
                Due::Job(ticket) => ticket.patience(),
                Due::Held(_) | Due::Refused(_) => None,
            });
            match tickets.min() {
                Some(patience) => park_timeout(patience),
                None => park(),
            }
        }
    }
}

fn answer<R, T>(due: &mut Due<R, T>, or_unpark: bool) -> Option<Result<T, JobError>> {
    match due {
        Due::Job(ticket) if or_unpark => ticket.poll_or_unpark(),
        Due::Job(ticket) => ticket.poll(),
        Due::Held(_) => None,
        Due::Refused(reason) => Some(Err(JobError::Refused(Box::new(reason.clone())))),
    }
}

impl<M: LocalManager, I: Iterator, F, T> Drop for Ahead<'_, M, I, F, T> {
    /// What has not begun is not wanted any more.
    fn drop(&mut self) {
        for (_, due) in &self.due {
            if let Due::Job(ticket) = due {
                ticket.cancel();
            }
        }
    }
}
