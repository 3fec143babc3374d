//! What is known of each resource over its life, beside who uses it.
//!
//! Not on the slot's own line: the fast path never comes here. Written by the right-holder or by the keeper, each field
//! by one of them; readers take fields as they are.

use crate::core::Word;
use crate::observe::{DestroyReason, ResourceState};
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// Never, or not known.
pub(crate) const NEVER: u64 = u64::MAX;

/// One slot's present resource. Times are the pool's nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Life {
    /// How many creations the pool had begun before this one.
    birth: AtomicU64,
    born: AtomicU64,
    expires: AtomicU64,
    /// Checkouts of the slot before this life.
    uses_before: AtomicU64,
    /// Errors over the life: failed checks, and those that holders reported.
    errors: AtomicU64,
    /// Failures in a row.
    failures: AtomicU64,
    /// The use that failed last, by its holder's report, and what is to become of the resource for it.
    failed_use: AtomicU64,
    verdict: AtomicU64,
    last_check: AtomicU64,
    weight: AtomicU64,
    /// The least weight of the present window of returns, that of the one before, the weight after the first use, and how
    /// many windows in a row were heavier than their predecessor: see [`Life::floor`].
    least: AtomicU64,
    least_before: AtomicU64,
    baseline: AtomicU64,
    rises: AtomicU64,
    /// The state last noted, and since when it has been in it.
    state: AtomicU64,
    entered: AtomicU64,
    /// The keeper's: since when the resource has idled, and the slot's checkouts then.
    idle_since: AtomicU64,
    /// Since when it has been in use, in the use that `checkouts_seen` counted last.
    busy_since: AtomicU64,
    checkouts_seen: AtomicU64,
    /// Why it is to end at its return, and for which generation: see [`Wish`].
    wish: AtomicU64,
    /// 1 if it came back from its last use to be checked, and no check has passed since.
    doubted: AtomicU64,
    /// When the timed use began that is under way, and of how many uses it tells.
    timed_since: AtomicU64,
    timed_weight: AtomicU64,
    /// Of the slot's checkouts, over all its lives: those that were not the thread's own last one, and those that waited.
    misses: AtomicU64,
    waits: AtomicU64,
    /// Of those with a key: those whose key is bound to the resource.
    session_hits: AtomicU64,
}

/// What a resource begins its life with.
pub(crate) struct Birth {
    pub(crate) now: u64,
    pub(crate) expires: u64,
    pub(crate) checkouts: u64,
    pub(crate) weight: u64,
}

impl Life {
    pub(crate) fn begin(&self, birth: &Birth) {
        self.born.store(birth.now, Relaxed);
        // Who finds this time and draws another reckons from this birth, not from that of the life before.
        self.expires.store(birth.expires, Release);
        self.uses_before.store(birth.checkouts, Relaxed);
        self.errors.store(0, Relaxed);
        self.failures.store(0, Relaxed);
        self.failed_use.store(0, Relaxed);
        self.verdict.store(0, Relaxed);
        self.doubted.store(0, Relaxed);
        self.last_check.store(birth.now, Relaxed);
        self.weight.store(birth.weight, Relaxed);
        self.least.store(NEVER, Relaxed);
        self.least_before.store(NEVER, Relaxed);
        self.baseline.store(NEVER, Relaxed);
        self.rises.store(0, Relaxed);
        self.idle_since.store(birth.now, Relaxed);
        self.busy_since.store(NEVER, Relaxed);
        self.checkouts_seen.store(birth.checkouts, Relaxed);
    }

    /// Creation begins.
    pub(crate) fn conceived(&self, number: u64, now: u64) {
        self.birth.store(number, Relaxed);
        self.state.store(ResourceState::Initializing as u64, Relaxed);
        self.entered.store(now, Relaxed);
    }

    /// Notes the step to `to`, and returns the state before and since when it was.
    pub(crate) fn moved(&self, to: ResourceState, now: u64) -> (ResourceState, u64) {
        let state = self.state.swap(to as u64, Relaxed) as usize;
        let from = ResourceState::ALL.get(state).copied().unwrap_or(ResourceState::Terminated);
        let since = if from == to { self.entered.load(Relaxed) } else { self.entered.swap(now, Relaxed) };
        (from, since)
    }

    pub(crate) fn birth(&self) -> u64 {
        self.birth.load(Relaxed)
    }

    pub(crate) fn born(&self) -> u64 {
        self.born.load(Relaxed)
    }

    pub(crate) fn expires(&self) -> u64 {
        self.expires.load(Acquire)
    }

    /// Sets when it expires, if that is still `before`.
    pub(super) fn expires_instead(&self, before: u64, expires: u64) {
        let _ = self.expires.compare_exchange(before, expires, Relaxed, Relaxed);
    }

    /// Uses of the present resource, of the slot's `checkouts` in all.
    pub(crate) fn uses(&self, checkouts: u64) -> u64 {
        checkouts.saturating_sub(self.uses_before.load(Relaxed))
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Relaxed)
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Its holder's: a use begins that tells of `weight` uses.
    pub(crate) fn use_began(&self, now: u64, weight: u32) {
        self.timed_since.store(now, Relaxed);
        self.timed_weight.store(u64::from(weight), Relaxed);
    }

    /// When the timed use under way began, and its weight.
    pub(crate) fn timed_use(&self) -> (u64, u64) {
        (self.timed_since.load(Relaxed), self.timed_weight.load(Relaxed))
    }

    /// Its holder's, who is alone with it: a plain store, no read-modify-write.
    pub(crate) fn missed(&self) {
        self.misses.store(self.misses() + 1, Relaxed);
    }

    pub(crate) fn session_hit(&self) {
        self.session_hits.store(self.session_hits() + 1, Relaxed);
    }

    pub(crate) fn session_hits(&self) -> u64 {
        self.session_hits.load(Relaxed)
    }

    pub(crate) fn waited(&self) {
        self.waits.store(self.waits() + 1, Relaxed);
    }

    pub(crate) fn misses(&self) -> u64 {
        self.misses.load(Relaxed)
    }

    pub(crate) fn waits(&self) -> u64 {
        self.waits.load(Relaxed)
    }

    /// Notes one more failure and says how many there were in a row.
    pub(crate) fn failed(&self) -> u64 {
        self.errors.fetch_add(1, Relaxed);
        self.failures.fetch_add(1, Relaxed) + 1
    }

    /// Notes an error that is no more than that.
    pub(crate) fn erred(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    /// Notes that use number `uses` failed, once for each use; failures are in a row if no use between them went well. Of
    /// several verdicts in a use the hardest stands.
    pub(crate) fn failed_in_use(&self, uses: u64, verdict: Verdict) {
        self.verdict.fetch_max(verdict as u64, Relaxed);
        let last = self.failed_use.swap(uses, Relaxed);
        if last == uses {
            return;
        }
        if last != 0 && last + 1 < uses {
            self.failures.store(0, Relaxed);
        }
        self.failed();
    }

    /// What the holder's reports make of the resource, at its return from a use that failed.
    pub(crate) fn take_verdict(&self) -> Verdict {
        match self.verdict.swap(0, Relaxed) {
            verdict if verdict == Verdict::Remove as u64 => Verdict::Remove,
            verdict if verdict == Verdict::Replace as u64 => Verdict::Replace,
            _ => Verdict::ByTheRow,
        }
    }

    /// Notes a success. True if there were failures before it.
    pub(crate) fn healed(&self) -> bool {
        self.failures.swap(0, Relaxed) > 0
    }

    /// Whether what is wrong with it may be its last use's doing.
    pub(crate) fn is_doubted(&self) -> bool {
        self.doubted.load(Relaxed) != 0
    }

    pub(crate) fn set_doubted(&self, doubted: bool) {
        self.doubted.store(doubted.into(), Relaxed);
    }

    pub(crate) fn last_check(&self) -> u64 {
        self.last_check.load(Relaxed)
    }

    pub(crate) fn checked(&self, now: u64) {
        self.last_check.store(now, Relaxed);
    }

    pub(crate) fn weight(&self) -> u64 {
        self.weight.load(Relaxed)
    }

    /// Notes what the resource weighs now, and returns what it did.
    pub(crate) fn weighed(&self, weight: u64) -> u64 {
        self.weight.swap(weight, Relaxed)
    }

    /// Notes the weight at the return from use number `uses`; at the end of each `window` of uses, tells how the least
    /// weights of the windows go.
    ///
    /// The least weight leaves bursts out: what grows for a use and shrinks again comes back to it, what leaks does not.
    pub(crate) fn floor(&self, weight: u64, uses: u64, window: u64) -> Option<Floor> {
        // Later, if growth has mattered since then only.
        if uses <= 1 || self.baseline.load(Relaxed) == NEVER {
            self.baseline.store(weight, Relaxed);
        }
        let least = self.least.load(Relaxed).min(weight);
        self.least.store(least, Relaxed);
        if !uses.is_multiple_of(window) {
            return None;
        }
        let rises = if least > self.least_before.load(Relaxed) { self.rises.load(Relaxed) + 1 } else { 0 };
        self.rises.store(rises, Relaxed);
        self.least_before.store(least, Relaxed);
        self.least.store(NEVER, Relaxed);
        Some(Floor { weight: least, baseline: self.baseline.load(Relaxed), rises })
    }

    /// Since when the resource has idled, as far as the keeper has seen; [`NEVER`] while it is in use.
    pub(crate) fn idle_since(&self) -> u64 {
        self.idle_since.load(Relaxed)
    }

    /// The keeper's look at an idle or busy slot: idle time counts from the first look that finds it idle, and the time of a
    /// use from the first look that finds it in that use.
    pub(crate) fn seen(&self, idle: bool, checkouts: u64, now: u64) {
        let used = self.checkouts_seen.swap(checkouts, Relaxed) != checkouts;
        let (goes_on, is_over) =
            if idle { (&self.idle_since, &self.busy_since) } else { (&self.busy_since, &self.idle_since) };
        is_over.store(NEVER, Relaxed);
        if used || goes_on.load(Relaxed) == NEVER {
            goes_on.store(now, Relaxed);
        }
    }

    /// How long the use that is number `checkouts` of its slot has been in sight by `now`; zero if no look has found it yet.
    pub(crate) fn in_use_for(&self, checkouts: u64, now: u64) -> u64 {
        let since = self.busy_since.load(Relaxed);
        if self.checkouts_seen.load(Relaxed) != checkouts { 0 } else { now.saturating_sub(since) }
    }

    /// Has the resource of `word` end when it is returned. That it is held for too long is said once, and outlasts whatever is
    /// wished and taken back again.
    pub(crate) fn wish(&self, word: Word, reason: DestroyReason) {
        if self.wished(word) != Some(DestroyReason::HeldTooLong) {
            self.wish.store(Wish::of(word, reason), Relaxed);
        }
    }

    /// Takes this wish back, unless another came since.
    pub(crate) fn take_back(&self, word: Word, reason: DestroyReason) {
        let _ = self.wish.compare_exchange(Wish::of(word, reason), 0, Relaxed, Relaxed);
    }

    /// Why the resource of `word` is to end, if it is.
    pub(crate) fn wished(&self, word: Word) -> Option<DestroyReason> {
        let wish = self.wish.load(Relaxed);
        DestroyReason::ALL.into_iter().find(|&reason| wish == Wish::of(word, reason))
    }
}

/// What follows for a resource from a check or a use that failed: the harder, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What the failures in a row demand.
    ByTheRow,
    /// It serves until its successor is there.
    Replace,
    /// It ends.
    Remove,
}

/// How a resource's least weights go.
pub(crate) struct Floor {
    pub(crate) weight: u64,
    /// The weight after the first use.
    pub(crate) baseline: u64,
    /// Windows in a row whose least weight was more than that of the one before.
    pub(crate) rises: u64,
}

/// A wish is good for one generation: one that comes too late is never taken for the successor's.
struct Wish;

impl Wish {
    fn of(word: Word, reason: DestroyReason) -> u64 {
        (word.generation() << 8) | (reason as u64 + 1)
    }
}
