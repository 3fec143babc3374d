//! Crash loops: resources that are created well and fail at once, one after another.
//!
//! Creation that fails pauses by itself. This is for what starts, says that it is ready, and dies of its first request: made
//! anew as fast as it dies, it would cost a processor and help nobody.
//!
//! It is a loop only if what is made *in place* of the dead dies as well. Of those that were there when the first died, as many as were
//! free when their backend was started anew, one counts; and of those that were there when a pause began, none lengthens it.

use super::Inner;
use crate::core::{Phase, Right};
use crate::manager::Manager;
use crate::observe::{DestroyReason, PoolEvent};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
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
    in_a_row: AtomicU32,
    /// One more than the highest birth number among them.
    last: AtomicU64,
    /// When the last of them ended.
    ended: AtomicU64,
    /// The birth number from which on a short life counts: of what was begun after the first of the row, or after the last pause was set.
    counts_from: AtomicU64,
    not_before: AtomicU64,
}

impl ShortLives {
    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row.load(Relaxed)
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
    /// Notes the end of a resource.
    pub(super) fn lived(&self, right: &Right<'_, M::Resource>, reason: DestroyReason) {
        let short_lives = &self.short_lives;
        let (life, now) = (self.life(right), self.now());
        let failed =
            matches!(reason, DestroyReason::Broken | DestroyReason::CheckFailed | DestroyReason::CallbackPanicked);
        // What died of age while nobody wanted it says nothing of what is made now, nor does what died free with its first use behind it.
        let in_first_use = life.uses(right.record().checkouts()) == 1 && !life.died_free();
        let short = now.saturating_sub(life.born()) < SHORT || in_first_use;
        if !failed || !short {
            return;
        }
        if self.first_proof().is_some_and(|proven| proven <= now) {
            short_lives.in_a_row.store(0, Relaxed);
        }
        if short_lives.in_a_row() > 0 && life.birth() < short_lives.counts_from.load(Relaxed) {
            return;
        }
        short_lives.last.fetch_max(life.birth() + 1, Relaxed);
        short_lives.ended.fetch_max(now, Relaxed);
        let in_a_row = short_lives.in_a_row.fetch_add(1, Relaxed).saturating_add(1);
        if in_a_row == 1 || in_a_row >= LOOP {
            short_lives.counts_from.store(self.births.load(Relaxed), Relaxed);
        }
        if in_a_row < LOOP {
            return;
        }
        let doubled = (in_a_row - LOOP).min(PAUSE_MOST.ilog2());
        let pause = PAUSE.saturating_mul(1 << doubled).min(PAUSE_MOST);
        short_lives.not_before.store(now.saturating_add(pause), Relaxed);
        let pause = Duration::from_nanos(pause);
        self.subscribers.tell_subscribers(|| PoolEvent::CrashLoop { in_a_row, pause });
        self.log(
            log::Level::Error,
            format_args!("{in_a_row} resources in a row failed right after their creation; the next is made in {pause:?}, or on demand"),
        );
    }

    /// When the last of those in a row ended.
    pub(crate) fn last_short_life(&self) -> Option<u64> {
        (self.short_lives.in_a_row() > 0).then(|| self.short_lives.ended.load(Relaxed))
    }

    /// What the keeper may make now. One resource that outlives the short-lived ones ends the loop.
    pub(crate) fn supply(&self, now: u64) -> Supply {
        let short_lives = &self.short_lives;
        if short_lives.in_a_row() < LOOP {
            return Supply::Any;
        }
        match self.first_proof() {
            Some(proven) if proven <= now => {
                short_lives.in_a_row.store(0, Relaxed);
                self.log(log::Level::Info, format_args!("resources live again after their creation"));
                Supply::Any
            }
            Some(proven) => Supply::After(proven),
            None if short_lives.not_before.load(Relaxed) > now => Supply::After(short_lives.not_before.load(Relaxed)),
            None => Supply::One,
        }
    }

    /// When the first of the resources born after the last short-lived one has outlived it, or will have.
    fn first_proof(&self) -> Option<u64> {
        let last = self.short_lives.last.load(Relaxed);
        let proves = |phase: Phase| phase.is_live() && phase != Phase::Retiring;
        let later =
            self.shelf.slots().zip(&self.lives).filter(|((_, slot), life)| {
                proves(slot.look().phase()) && life.birth() >= last && life.failures() == 0
            });
        later.map(|(_, life)| life.born().saturating_add(SHORT)).min()
    }
}
