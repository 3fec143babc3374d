//! Crash loops: resources that are created well and fail at once, one after another.
//!
//! Creation that fails pauses by itself. This is for what starts, says that it is ready, and dies of its first request: made
//! anew as fast as it dies, it would cost a processor and help nobody.
//!
//! It is a loop only if what is made *in place* of the dead dies as well. Of those that were there when the first died, as many as were
//! free when their backend was started anew, one counts; and of those that were there when a pause began, none lengthens it.

use super::Inner;
use crate::core::sync::around::Mutex;
use crate::core::{Phase, Right};
use crate::manager::Manager;
use crate::observe::{DestroyReason, PoolEvent};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// A resource that fails in its first use, or within this many nanoseconds of its creation, has had a short life: 1 s.
const SHORT: u64 = 1_000_000_000;

/// Short lives in a row that are a crash loop: a restarted backend ends a few, a broken program all.
pub(crate) const LOOP: u32 = 5;

/// Pause before the keeper makes the next one then, in nanoseconds; doubled for each further one, up to `PAUSE_MOST`.
const PAUSE: u64 = 1_000_000_000;
const PAUSE_MOST: u64 = 60_000_000_000;

/// The short lives since the last long one, as far as they count.
#[derive(Default)]
pub(super) struct ShortLives {
    row: Mutex<Row>,
    /// How many. Written under the row's lock; who only looks needs none.
    in_a_row: AtomicU32,
}

#[derive(Default)]
struct Row {
    /// One more than the highest birth number among them.
    last: u64,
    /// When the last of them ended.
    ended: u64,
    /// The birth number from which on a short life counts: of what was begun after the first of the row, or after the last pause was set.
    counts_from: u64,
    not_before: u64,
}

impl ShortLives {
    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row.load(Relaxed)
    }

    /// Who died last: from `birth`, at `now`, when `births` had been begun. Returns how many are in a row now, and for how long the
    /// keeper is to pause.
    fn add(&self, row: &mut Row, birth: u64, now: u64, births: u64) -> Option<(u32, Duration)> {
        if self.in_a_row() > 0 && birth < row.counts_from {
            return None;
        }
        let in_a_row = self.in_a_row().saturating_add(1);
        self.in_a_row.store(in_a_row, Relaxed);
        row.last = row.last.max(birth + 1);
        row.ended = row.ended.max(now);
        if in_a_row == 1 || in_a_row >= LOOP {
            row.counts_from = births;
        }
        let doubled = in_a_row.checked_sub(LOOP)?.min(PAUSE_MOST.ilog2());
        let pause = PAUSE.saturating_mul(1 << doubled).min(PAUSE_MOST);
        row.not_before = now.saturating_add(pause);
        Some((in_a_row, Duration::from_nanos(pause)))
    }

    /// What was made after them lives. True if they were a loop. Called under the row's lock.
    fn are_over(&self) -> bool {
        self.in_a_row.swap(0, Relaxed) >= LOOP
    }
}

/// What the keeper may make for nobody in particular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    /// As much as is missing.
    Any,
    /// One, to see whether it lives; whether it does is known a second later.
    One,
    /// None before this time.
    After(u64),
}

impl<M: Manager> Inner<M> {
    /// Notes the end of a resource, before it is destroyed: that may take its time. No reason if its holder keeps it. `in_use` if it
    /// came from its holder.
    pub(super) fn lived(&self, right: &Right<'_, M::Resource>, reason: Option<DestroyReason>, in_use: bool) {
        let short_lives = &self.short_lives;
        let (life, now, births) = (self.life(right), self.now(), self.births.load(Relaxed));
        use DestroyReason::{Broken, CallbackPanicked, CheckFailed};
        let failed = matches!(reason, Some(Broken | CheckFailed | CallbackPanicked));
        // What died free says nothing of what is made now, if it was old: neither unused nor with its first use behind it.
        let in_first_use = (in_use || life.is_doubted()) && life.uses(right.record().checkouts()) == 1;
        let is_old = now.saturating_sub(life.born()) >= SHORT;
        let is_short = failed && (!is_old || in_first_use);
        if !is_short && (!is_old || short_lives.in_a_row() == 0) {
            return;
        }
        let mut row = short_lives.row.lock();
        if !is_short {
            let was_a_loop = life.birth() >= row.last && short_lives.are_over();
            drop(row);
            return if was_a_loop {
                self.tell_of_recovery()
            };
        }
        // What dies here proves nothing.
        if self.first_proof(row.last, Some(life.birth())).is_some_and(|proven| proven <= now) {
            short_lives.are_over();
        }
        let added = short_lives.add(&mut row, life.birth(), now, births);
        drop(row);
        if let Some((in_a_row, pause)) = added {
            self.subscribers.tell_subscribers(|| PoolEvent::CrashLoop { in_a_row, pause });
            self.log(
                log::Level::Error,
                format_args!("{in_a_row} resources in a row failed right after their creation; the next is made in {pause:?}, or on demand"),
            );
        }
    }

    /// When the last of those in a row ended.
    pub(crate) fn last_short_life(&self) -> Option<u64> {
        (self.short_lives.in_a_row() > 0).then(|| self.short_lives.row.lock().ended)
    }

    /// What the keeper may make now. One resource that outlives the short-lived ones ends the loop.
    pub(crate) fn supply(&self, now: u64) -> Supply {
        let short_lives = &self.short_lives;
        if short_lives.in_a_row() < LOOP {
            return Supply::Any;
        }
        let row = short_lives.row.lock();
        match self.first_proof(row.last, None) {
            Some(proven) if proven <= now => {
                let was_a_loop = short_lives.are_over();
                drop(row);
                if was_a_loop {
                    self.tell_of_recovery();
                }
                Supply::Any
            }
            Some(proven) => Supply::After(proven),
            None if row.not_before > now => Supply::After(row.not_before),
            // What was made to see whether it lives is in its first use: a second later there may be another.
            None => self.last_trial(row.last).filter(|over| *over > now).map_or(Supply::One, Supply::After),
        }
    }

    fn tell_of_recovery(&self) {
        self.log(log::Level::Info, format_args!("resources live again after their creation"));
    }

    /// When the first of the resources born after the `last` short-lived one, not counting `but`, has outlived it, or will have.
    fn first_proof(&self, last: u64, but: Option<u64>) -> Option<u64> {
        self.born_later(last)
            .filter(|(birth, on_trial, _)| Some(*birth) != but && !on_trial)
            .map(|(.., over)| over)
            .min()
    }

    /// When those of them that are in their first use will be older than a short life, the last of all.
    fn last_trial(&self, last: u64) -> Option<u64> {
        self.born_later(last).filter(|(_, on_trial, _)| *on_trial).map(|(.., over)| over).max()
    }

    /// Those born after the `last` short-lived one: the number of the birth, whether it is in its first use, of which nobody knows yet how
    /// it ends, and when it is older than a short life.
    fn born_later(&self, last: u64) -> impl Iterator<Item = (u64, bool, u64)> {
        self.shelf.slots().zip(&self.lives).filter_map(move |((_, slot), life)| {
            let word = slot.look();
            let (birth, born, failures) = (life.birth(), life.born(), life.failures());
            let uses = life.uses(slot.record().checkouts());
            // Another in its place meanwhile: the number is the one's and the time may be the other's.
            let is_one = slot.look().generation() == word.generation();
            let is_there = word.phase().is_live() && word.phase() != Phase::Retiring;
            let on_trial = match word.phase() {
                Phase::Busy => uses <= 1,
                Phase::Checking => uses == 1,
                _ => false,
            };
            let counts = is_one && is_there && birth >= last && failures == 0;
            counts.then(|| (birth, on_trial, born.saturating_add(SHORT)))
        })
    }
}
