//! The circuit's word: what it does, since when, and the counts that decide what comes next.

use super::BreakerState;

/// Nanoseconds in the word's unit of time.
pub(in crate::resilience) const MS: u64 = 1_000_000;

const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const HALF_OPEN: u64 = 2;

const STATE_BITS: u32 = 2;
const TIME_BITS: u32 = 44;
const COUNT_BITS: u32 = 18;
const _: () = assert!(STATE_BITS + TIME_BITS + COUNT_BITS == u64::BITS);

// The counts of a half-open circuit, low to high.
const OPENINGS_BITS: u32 = 5;
const PROBING_BITS: u32 = 5;
const SUCCESSES_BITS: u32 = 6;
const SPAN_BITS: u32 = 2;
const _: () = assert!(OPENINGS_BITS + PROBING_BITS + SUCCESSES_BITS + SPAN_BITS == COUNT_BITS);

pub(in crate::resilience) const MOST_FAILURES: u32 = (1 << COUNT_BITS) - 1;
pub(in crate::resilience) const MOST_OPENINGS: u32 = (1 << OPENINGS_BITS) - 1;
pub(in crate::resilience) const MOST_PROBES: u32 = (1 << PROBING_BITS) - 1;
pub(in crate::resilience) const MOST_SUCCESSES: u32 = (1 << SUCCESSES_BITS) - 1;

/// Where the word's time ends: 557 years in milliseconds, past the end of virtual time (292 years) and next to that of
/// 64 bits of nanoseconds. In nanoseconds it still fits.
const LATEST: u64 = (1 << TIME_BITS) - 1;
const _: () = assert!(LATEST.checked_mul(MS).is_some());

/// The first millisecond that is not before `nanos`: what it is noted for never comes early.
pub(super) fn not_before(nanos: u64) -> u64 {
    nanos.div_ceil(MS).min(LATEST)
}

/// The time of a period that follows one of `time`, and is not to be taken for another of its state: later, whatever
/// the clock says.
pub(super) fn after(time: u64, nanos: u64) -> u64 {
    let earliest = if left_out!("circuit_later") { 0 } else { time + 1 };
    not_before(nanos).max(earliest).min(LATEST)
}

/// When a closed period begins at `now`, after one of `time`: later than anything told up to now.
pub(super) fn closed_since(time: u64, now: u64) -> u64 {
    after(time, now.saturating_add(1))
}

/// One word, high to low: state, time, counts. State and time together are a *period*; what changes a count stays in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word(u64);

/// The period that a call was let through in: the word without its counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::resilience) struct Period(u64);

/// What a word says. Times are milliseconds of the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum View {
    Closed {
        since: u64,
        /// Failures in a row; none if the circuit trips at a rate.
        failures: u32,
    },
    Open {
        until: u64,
        /// How often in a row it opened, or wrote probes off: 0 only in half-open, if it was never open.
        openings: u32,
    },
    HalfOpen {
        since: u64,
        openings: u32,
        /// Probes under way that are not written off.
        probing: u32,
        successes: u32,
        /// The span of it in which a probe was let through or heard of last. The word keeps its last two bits.
        span: u64,
    },
}

impl View {
    pub(super) fn state(self) -> BreakerState {
        match self {
            View::Closed { .. } => BreakerState::Closed,
            View::Open { .. } => BreakerState::Open,
            View::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// What the next period has to be later than.
    pub(super) fn time(self) -> u64 {
        match self {
            View::Closed { since, .. } | View::HalfOpen { since, .. } => since,
            View::Open { until, .. } => until,
        }
    }
}

impl Word {
    pub(super) const fn from_bits(bits: u64) -> Word {
        Word(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn period(self) -> Period {
        Period(self.0 >> COUNT_BITS)
    }

    pub(super) fn view(self) -> View {
        let mut rest = self.0;
        let mut take = |bits: u32| {
            let field = rest & ((1 << bits) - 1);
            rest >>= bits;
            field
        };
        match self.0 >> (TIME_BITS + COUNT_BITS) {
            CLOSED => {
                let failures = take(COUNT_BITS) as u32;
                View::Closed { since: take(TIME_BITS), failures }
            }
            OPEN => {
                let openings = take(COUNT_BITS) as u32;
                View::Open { until: take(TIME_BITS), openings }
            }
            _ => {
                let openings = take(OPENINGS_BITS) as u32;
                let probing = take(PROBING_BITS) as u32;
                let successes = take(SUCCESSES_BITS) as u32;
                let span = take(SPAN_BITS);
                View::HalfOpen { since: take(TIME_BITS), openings, probing, successes, span }
            }
        }
    }
}

impl From<View> for Word {
    fn from(view: View) -> Word {
        let word = |state: u64, time: u64, counts: u32| {
            debug_assert!(time <= LATEST && counts <= MOST_FAILURES, "{view:?}");
            Word((state << TIME_BITS | time) << COUNT_BITS | u64::from(counts))
        };
        match view {
            View::Closed { since, failures } => word(CLOSED, since, failures),
            View::Open { until, openings } => word(OPEN, until, openings),
            View::HalfOpen { since, openings, probing, successes, span } => {
                debug_assert!(openings <= MOST_OPENINGS && probing <= MOST_PROBES && successes <= MOST_SUCCESSES);
                let span = (span & ((1 << SPAN_BITS) - 1)) as u32;
                let counts =
                    ((span << SUCCESSES_BITS | successes) << PROBING_BITS | probing) << OPENINGS_BITS | openings;
                word(HALF_OPEN, since, counts)
            }
        }
    }
}

impl Period {
    /// Its word while all counts are zero.
    pub(super) const fn without_counts(self) -> u64 {
        self.0 << COUNT_BITS
    }

    pub(in crate::resilience) const fn is_closed(self) -> bool {
        self.0 >> TIME_BITS == CLOSED
    }
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_gives_back_what_was_put_in_it_up_to_every_limit() {
        for time in [0, 1, 1_000, LATEST] {
            for failures in [0, 1, MOST_FAILURES] {
                let view = View::Closed { since: time, failures };
                assert_eq!(Word::from(view).view(), view);
                assert!(Word::from(view).period().is_closed());
            }
            for openings in [0, 1, MOST_OPENINGS] {
                let view = View::Open { until: time, openings };
                assert_eq!(Word::from(view).view(), view);
                for (probing, successes, span) in [(0, 0, 0), (1, 2, 3), (MOST_PROBES, 0, 0), (0, MOST_SUCCESSES, 1)] {
                    let view = View::HalfOpen { since: time, openings, probing, successes, span };
                    assert_eq!(Word::from(view).view(), view);
                    assert!(!Word::from(view).period().is_closed());
                }
            }
        }
    }

    #[test]
    fn counts_belong_to_no_period_and_every_period_comes_later_than_the_one_before() {
        let closed = |since, failures| Word::from(View::Closed { since, failures }).period();
        assert_eq!(closed(7, 0), closed(7, MOST_FAILURES));
        assert_ne!(closed(7, 0), closed(8, 0));
        assert_ne!(closed(7, 1), Word::from(View::Open { until: 7, openings: 1 }).period());
        assert_eq!(after(7, 0), 8, "the clock may be behind");
        assert_eq!(after(7, 9 * MS + 1), 10, "never early");
        assert_eq!(after(7, u64::MAX), LATEST);
        assert_eq!(
            (closed_since(7, 9 * MS - 1), closed_since(7, 9 * MS)),
            (9, 10),
            "what is told at 9 ms may be in a bucket of 9 ms"
        );
    }
}
