//! The state machine of a breaker in one word, which is the only authority. Times are nanoseconds of whatever clock it
//! is given.
//!
//! ```text
//! CLOSED    -> OPEN         `threshold` failures in a row, or too many of a window's calls; trip
//! OPEN      -> HALF_OPEN    the first acquire whose time has come: it is the first probe
//! HALF_OPEN -> CLOSED       `success_threshold` probes succeeded; reset
//! HALF_OPEN -> OPEN         a probe failed: for twice as long as before; trip
//! OPEN      -> CLOSED       reset
//! CLOSED    -> HALF_OPEN    suspect
//! ```
//! State and time of the word are a *period*. Each step into OPEN or CLOSED goes to a later time, whatever the clock
//! says, and every way back to a state leads through one of these: no two periods are the same. A [`Ticket`] names the
//! period its call was let through in; what it tells counts while the word still names the same. Every step is one
//! exchange of the whole word, so each has one winner, who alone learns of the [`Change`]; whoever loses looks at the
//! new word and starts over.
//!
//! Runs that would go wrong elsewhere, and how they end here:
//!
//! - *A success from the closed period arrives in half-open.* It knows nothing of the backend's recovery. Its period is
//!   over; it changes nothing. The same for a failure of back then, which would open the circuit on old news.
//! - *Two probes end at once, one well and one badly.* Who exchanges first decides. If the success closed the circuit,
//!   or the failure opened it, the other one's period is over. If the success was not the last one needed, it is
//!   counted, and then the failure opens.
//! - *A probe of an earlier half-open period ends in a later one.* Another time, another period.
//! - *k + 1 calls come when the time does, for k places.* The first to exchange makes it half-open with one place
//!   taken, k - 1 more take theirs, each from the count it exchanged; the last finds none left.
//! - *A thread is held up after it read the clock.* It is refused although the time has come meanwhile, or opens the
//!   circuit for as long as it would have then. Whoever changes the word reads the clock after the word it changes, so
//!   time never runs back in it.
//! - *A trip or reset beside anything.* They end the period, and with it all that was under way.
//! - *A call is let through in the closed period just before the circuit opens.* That is not ruled out: it began before.
//!
//! **Probes that hang.** A place belongs to a probe until that is heard of, and a probe that hangs would keep it for
//! ever. If no place is free, and nobody was let through or heard of for as long as the circuit was open last, those
//! under way are written off: their places are given anew, and the span doubles as when it opens. What a probe written
//! off has to say still counts, for it was let through in this period: else a backend whose calls take longer than the
//! span could never close the circuit, because every success would be of the round before. It gives a place back too,
//! so no more are under way than `probes` and those written off.
//!
//! The time of the last news stands beside the word (`heard`), for want of room in it. It is written before the
//! exchange that makes it true, so whoever finds the word full knows of everyone who filled it. A place that is given
//! back and taken anew, while somebody is about to write it off, changes the word: that keeps the last two bits of the
//! number of the span it happened in. Only who is held up between load and exchange for four spans, while it happens,
//! lets one round of probes too many through.
//!
//! **Orderings.** Outcomes and admissions exchange with Release, and acquires load with Acquire: what a probe did comes
//! before every call that is let through because of it, and what a failed call did before every refusal because of it.
//! (All stores are exchanges, so each continues the release sequences of those before it.) `heard` relies on that, and
//! the number of failures, which is for texts alone: failures at the same instant may be one more or less in it. The
//! word itself needs no ordering, because an exchange reads and writes all of it. All this costs nothing on x86, and a
//! call that succeeds in an untroubled circuit writes nothing.

mod by_hand;
mod look;
mod word;

use super::breaker::{BreakerConfig, Trip};
use super::window::Window;
use crate::core::sync::{AtomicU32, AtomicU64};
// Numbers to compare with; not part of the protocol.
use crate::keeper::nanos;
pub(crate) use look::Look;
use std::fmt;
use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32 as Plain32, AtomicU64 as Plain64};
pub(super) use word::Period;
pub(super) use word::{MOST_FAILURES, MOST_OPENINGS, MOST_PROBES, MOST_SUCCESSES, MS};
use word::{View, Word, after, closed_since, not_before};

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Lets them through.
    Closed,
    /// Refuses them.
    Open,
    /// Lets a few through, to see whether they succeed.
    HalfOpen,
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half-open",
        })
    }
}

/// A step from one state to another. Whoever is given it has made it, and is the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) from: BreakerState,
    pub(crate) to: BreakerState,
}

/// A call that was let through. To be told how it ended: a probe that is never heard of keeps its place for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Ticket {
    period: Period,
    /// Open to half-open, if letting this one through made it so.
    pub(crate) change: Option<Change>,
}

impl Ticket {
    /// What of it is needed to tell how the call ended: one word, where it would be four.
    pub(super) fn period(self) -> Period {
        self.period
    }

    pub(super) fn of(period: Period) -> Self {
        Self { period, change: None }
    }

    /// Whether the call was let through by a half-open circuit.
    pub(crate) fn is_probe(&self) -> bool {
        !self.period.is_closed()
    }
}

/// A call that was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Nanoseconds until the next probe is let through: 1 or more.
    pub(crate) retry_after: u64,
    pub(crate) look: Look,
}

pub(crate) struct Circuit {
    word: AtomicU64,
    /// When a probe was let through or heard of last, in nanoseconds.
    heard: AtomicU64,
    /// Failures since it was closed last, for texts alone. Written before the exchange that opens.
    failures: AtomicU32,
    /// Failures in a row that open it.
    threshold: Plain32,
    window: Option<Window>,
    /// Nanoseconds.
    open_for: Plain64,
    open_for_at_first: Plain64,
    probes: Plain32,
    success_threshold: Plain32,
}

impl Circuit {
    /// Closed. The settings have been validated.
    pub(crate) fn new(config: &BreakerConfig) -> Self {
        let (threshold, window) = match config.trip {
            Trip::Consecutive(failures) => (failures, None),
            Trip::Rate { ratio, window, at_least } => (u32::MAX, Some(Window::new(ratio, window, at_least))),
        };
        Self {
            word: AtomicU64::new(Word::from(View::Closed { since: 0, failures: 0 }).bits()),
            heard: AtomicU64::new(0),
            failures: AtomicU32::new(0),
            threshold: Plain32::new(threshold),
            window,
            open_for: Plain64::new(nanos(config.open_for)),
            open_for_at_first: Plain64::new(nanos(config.first_opening())),
            probes: Plain32::new(config.probes),
            success_threshold: Plain32::new(config.success_threshold),
        }
    }

    /// Sets all of it that is a number to compare with, from the next decision on. What trips it stays of its kind.
    pub(crate) fn set(&self, config: &BreakerConfig) {
        if let (Trip::Consecutive(failures), None) = (config.trip, &self.window) {
            self.threshold.store(failures, Relaxed);
        }
        self.open_for.store(nanos(config.open_for), Relaxed);
        self.open_for_at_first.store(nanos(config.first_opening()), Relaxed);
        self.probes.store(config.probes, Relaxed);
        self.success_threshold.store(config.success_threshold, Relaxed);
    }

    /// Lets a call through, or refuses it. Asks for the time only if the circuit is not closed.
    #[inline]
    pub(crate) fn acquire(&self, now: impl Fn() -> u64) -> Result<Ticket, Refused> {
        // Acquire, here and where the exchange is lost: meets the Release of every exchange but that of `cancelled`.
        let seen = Word::from_bits(self.word.load(Acquire));
        if seen.period().is_closed() {
            return Ok(Ticket { period: seen.period(), change: None });
        }
        self.acquire_from(seen, now)
    }

    #[cold]
    fn acquire_from(&self, mut seen: Word, clock: impl Fn() -> u64) -> Result<Ticket, Refused> {
        loop {
            let view = seen.view();
            let now = clock();
            let next = match view {
                View::Closed { .. } => return Ok(Ticket { period: seen.period(), change: None }),
                View::Open { until, openings } if until * MS <= now || left_out!("circuit_time") => {
                    View::HalfOpen { since: not_before(now).max(until), openings, probing: 1, successes: 0, span: 0 }
                }
                View::HalfOpen { since, openings, probing, successes, .. }
                    if probing < self.probes.load(Relaxed) || left_out!("circuit_places") =>
                {
                    let span = self.span_at(since, openings, now);
                    View::HalfOpen { since, openings, probing: probing + 1, successes, span }
                }
                // Nobody is heard of: those under way are written off.
                View::HalfOpen { since, openings, successes, .. } if self.place_at(view, now) <= now => {
                    let openings = more(openings);
                    let span = self.span_at(since, openings, now);
                    View::HalfOpen { since, openings, probing: 1, successes, span }
                }
                View::Open { .. } | View::HalfOpen { .. } => {
                    return Err(Refused {
                        retry_after: self.place_at(view, now).saturating_sub(now).max(1),
                        look: self.look_at(view, now),
                    });
                }
            };
            let next = Word::from(next);
            self.hear(now);
            // Release: meets the Acquire of whoever finds no place left, and must know of this probe.
            match self.exchange(seen, next, Release, Acquire) {
                Ok(change) => return Ok(Ticket { period: next.period(), change }),
                Err(now_there) => seen = now_there,
            }
        }
    }

    /// The call of this ticket went well. Writes nothing, and asks for no time, if the circuit is closed and has no
    /// failures to forget.
    #[inline]
    pub(crate) fn succeeded(&self, ticket: Ticket, now: impl Fn() -> u64) -> Option<Change> {
        // Relaxed: the word says it all. What it said when this thread got its ticket it says, or something newer.
        let seen = self.word.load(Relaxed);
        if seen == ticket.period.without_counts() && ticket.period.is_closed() && self.window.is_none() {
            return None;
        }
        self.tell(ticket, now, false)
    }

    /// The call of this ticket failed.
    pub(crate) fn failed(&self, ticket: Ticket, now: impl Fn() -> u64) -> Option<Change> {
        self.tell(ticket, now, true)
    }

    /// The call of this ticket has no outcome. If it was a probe, its place is free.
    pub(crate) fn cancelled(&self, ticket: Ticket) {
        // Relaxed: a place carries nothing but itself.
        let mut seen = Word::from_bits(self.word.load(Relaxed));
        while let View::HalfOpen { since, openings, probing, successes, span } = seen.view()
            && seen.period() == ticket.period
            && !left_out!("circuit_cancel")
        {
            let probing = probing.saturating_sub(1);
            let next = View::HalfOpen { since, openings, probing, successes, span };
            match self.exchange(seen, next.into(), Relaxed, Relaxed) {
                Ok(_) => return,
                Err(now_there) => seen = now_there,
            }
        }
    }

    #[cold]
    fn tell(&self, ticket: Ticket, clock: impl Fn() -> u64, failed: bool) -> Option<Change> {
        let mut in_window = None;
        let mut heard = None;
        let mut seen = Word::from_bits(self.word.load(Relaxed));
        loop {
            if seen.period() != ticket.period && !left_out!("circuit_period") {
                return None;
            }
            let view = seen.view();
            let now = clock();
            let next = match view {
                View::Closed { since, failures } => {
                    let mut failures_now = if failed { failures + 1 } else { 0 };
                    let mut opens = failures_now >= self.threshold.load(Relaxed);
                    if let Some(window) = &self.window {
                        let told = *in_window.get_or_insert_with(|| {
                            window.tell(since, now, failed);
                            window.told(since, now)
                        });
                        opens = failed && window.is_too_much(told);
                        failures_now = told.failures;
                    }
                    if opens {
                        self.failures.store(failures_now, Relaxed);
                        self.opening(view, now, None)
                    } else if self.window.is_some() || failures_now == failures {
                        return None;
                    } else {
                        View::Closed { since, failures: failures_now }
                    }
                }
                View::HalfOpen { .. } if failed => {
                    let before = *heard.get_or_insert_with(|| self.failures.load(Relaxed));
                    self.failures.store(before.saturating_add(1), Relaxed);
                    self.opening(view, now, None)
                }
                View::HalfOpen { since, successes, .. } if successes + 1 >= self.success_threshold.load(Relaxed) => {
                    View::Closed { since: closed_since(since, now), failures: 0 }
                }
                View::HalfOpen { since, openings, probing, successes, .. } => {
                    self.hear(now);
                    let span = self.span_at(since, openings, now);
                    let (probing, successes) = (probing.saturating_sub(1), successes + 1);
                    View::HalfOpen { since, openings, probing, successes, span }
                }
                // Nobody has a ticket of an open period.
                View::Open { .. } => return None,
            };
            // Release: meets the Acquire of `acquire`.
            match self.exchange(seen, next.into(), Release, Relaxed) {
                Ok(change) => return change,
                Err(now_there) => seen = now_there,
            }
        }
    }

    /// The open period after `view`: for `span`, or for as long as is its turn. One that is open already is never cut
    /// short.
    fn opening(&self, view: View, now: u64, span: Option<u64>) -> View {
        let openings = match view {
            View::Closed { .. } => 1,
            View::Open { openings, .. } => openings,
            View::HalfOpen { openings, .. } => more(openings),
        };
        let end = now.saturating_add(span.unwrap_or_else(|| self.span(openings)));
        let until = match view {
            View::Open { until, .. } => not_before(end).max(until),
            _ => after(view.time(), end),
        };
        View::Open { until, openings }
    }

    /// How long the `openings`th opening in a row lasts, in nanoseconds.
    fn span(&self, openings: u32) -> u64 {
        let at_first = self.open_for_at_first.load(Relaxed);
        at_first.saturating_mul(1 << openings.saturating_sub(1)).min(self.open_for.load(Relaxed))
    }

    /// Which of the spans that a half-open period is divided in it is at `now`, from 0.
    fn span_at(&self, since: u64, openings: u32, now: u64) -> u64 {
        now.saturating_sub(since * MS) / self.span(openings)
    }

    /// Notes that a probe is about to be let through, or was heard of. To be called before the exchange that makes it so.
    fn hear(&self, now: u64) {
        // Relaxed: whoever relies on it comes by the word, which is exchanged with Release after this. The latest, for
        // a thread that was held up must not make it seem longer ago.
        if !left_out!("circuit_hear") {
            self.heard.fetch_max(now, Relaxed);
        }
    }

    fn exchange(&self, seen: Word, next: Word, won: Ordering, lost: Ordering) -> Result<Option<Change>, Word> {
        let change = Change { from: seen.view().state(), to: next.view().state() };
        let change = (change.from != change.to).then_some(change);
        if left_out!("circuit_exchange") {
            self.word.store(next.bits(), won);
            return Ok(change);
        }
        match self.word.compare_exchange_weak(seen.bits(), next.bits(), won, lost) {
            Ok(_) => Ok(change),
            Err(there) => Err(Word::from_bits(there)),
        }
    }
}

fn more(openings: u32) -> u32 {
    (openings + 1).min(MOST_OPENINGS)
}
