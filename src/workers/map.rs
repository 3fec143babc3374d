//! The items of an iterator, each a job; their answers, an iterator again.

mod ahead;

use super::{JobError, LocalManager, Workers};
use crate::pool::Priority;
use ahead::Ahead;
use std::fmt;
use std::iter::FusedIterator;
use std::panic::Location;
use std::time::Duration;

impl<M: LocalManager> Workers<M> {
    /// Maps items on the workers, each with a worker's resource. The answers come in the items' order.
    ///
    /// ```
    /// use slackwater::Workers;
    ///
    /// let workers = Workers::builder(|| Ok::<_, std::io::Error>(String::new())).pool(|pool| pool.max_size(2)).build()?;
    /// let lengths = workers.map(["tide", "slack", ""], |buffer, word| {
    ///     buffer.clear();
    ///     buffer.push_str(word);
    ///     assert!(!word.is_empty(), "nothing to measure");
    ///     buffer.len()
    /// });
    /// let lengths: Vec<Result<usize, _>> = lengths.collect();
    /// assert_eq!(lengths[0].as_ref().ok(), Some(&4));
    /// assert!(lengths[2].is_err()); // That item's panic; the others have their answers.
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// It is driven by whoever takes the answers. Nothing is asked of `items` and no job submitted before the first call of `next`; after
    /// that at most [`look_ahead`](Map::look_ahead) items are under way, or done and not yet taken. So an endless source is one that
    /// can be mapped, and a slow consumer holds it back.
    ///
    /// `items` is asked on the thread that takes the answers, one item at a time, and only while the answer that is due is not there:
    /// an answer that is there never waits for a source that blocks. A source that panics does so in `next`; it is not asked again, and the answers of
    /// the items before come all the same.
    ///
    /// Each item has exactly one answer. One that panics, exceeds its time or is not accepted has an error, and the others are not
    /// concerned; that goes for an item that finds the workers closed, too, and for every one after it.
    ///
    /// Dropping the iterator cancels the jobs that have not begun, and waits for none. Those that have begun run to their end.
    ///
    /// # Blocking
    /// The call itself does not. `next` does until the answer that is due is there, for as long as `items` does, and while the queue is full of other
    /// people's jobs.
    #[track_caller]
    pub fn map<I, F, T>(&self, items: I, f: F) -> Map<'_, M, I::IntoIter, F, T>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(&mut M::Resource, I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        Map(Ahead::new(self, items.into_iter(), f, Location::caller()))
    }
}

/// The answers to items that are mapped on workers, in the items' order. See [`Workers::map`].
#[must_use = "a map is lazy: nothing is submitted before its first answer is asked for"]
pub struct Map<'w, M: LocalManager, I: Iterator, F, T>(Ahead<'w, M, I, F, T>);

impl<'w, M: LocalManager, I: Iterator, F, T> Map<'w, M, I, F, T> {
    /// How many items may be under way, or done and not yet taken, at any time. Default: four for each worker there may be.
    ///
    /// 1 submits an item when the answer to the one before has been taken. More keeps workers busy while the answer that is due takes long, or the
    /// consumer does; each costs the memory of an item or of an answer. More than fit into the queue are no use.
    /// The source is asked for more when the answer that is due is not there yet: who takes answers as fast as they come has workers run dry now
    /// and then.
    ///
    /// # Panics
    /// If it is 0: then there would be no answer to wait for.
    #[track_caller]
    pub fn look_ahead(mut self, items: usize) -> Self {
        assert!(items > 0, "look_ahead: 0 items would never be answered; allow 1 at least");
        self.0.limit = items;
        self
    }

    /// The time that each item has from its submission to its answer. Default: as long as it takes.
    ///
    /// An item that has not begun by then never will; one that runs is answered with [`JobError::Timeout`] while its worker is
    /// replaced.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = Some(timeout);
        self
    }

    /// The lane in which the items wait for a worker. Default: [`Priority::Normal`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.0.priority = priority;
        self
    }

    /// Gives the answers as they come, each with the place of its item among all, from 0.
    pub fn unordered(self) -> Unordered<'w, M, I, F, T> {
        Unordered(self.0)
    }
}

impl<M, I, F, T> Iterator for Map<'_, M, I, F, T>
where
    M: LocalManager,
    I: Iterator<Item: Send + 'static>,
    F: Fn(&mut M::Resource, I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    type Item = Result<T, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_of(1).map(|(_, answer)| answer)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<M, I, F, T> FusedIterator for Map<'_, M, I, F, T>
where
    Self: Iterator,
    M: LocalManager,
    I: Iterator,
{
}

impl<M: LocalManager, I: Iterator, F, T> fmt::Debug for Map<'_, M, I, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f.debug_struct("Map"))
    }
}

/// The answers to items that are mapped on workers, as they come: each with the place of its item among all, from 0. See
/// [`Map::unordered`].
#[must_use = "a map is lazy: nothing is submitted before its first answer is asked for"]
pub struct Unordered<'w, M: LocalManager, I: Iterator, F, T>(Ahead<'w, M, I, F, T>);

impl<M, I, F, T> Iterator for Unordered<'_, M, I, F, T>
where
    M: LocalManager,
    I: Iterator<Item: Send + 'static>,
    F: Fn(&mut M::Resource, I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    type Item = (usize, Result<T, JobError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_of(usize::MAX)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<M, I, F, T> FusedIterator for Unordered<'_, M, I, F, T>
where
    Self: Iterator,
    M: LocalManager,
    I: Iterator,
{
}

impl<M: LocalManager, I: Iterator, F, T> fmt::Debug for Unordered<'_, M, I, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f.debug_struct("Unordered"))
    }
}
