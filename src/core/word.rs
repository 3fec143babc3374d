//! One slot's phase and generation in 64 bits.
//!
//! ```text
//! VACANT   -> CREATING
//! CREATING -> READY | BUSY (for its creator, or handed to a waiter) | RETIRING (its pool closed meanwhile) | VACANT (failed)
//! READY    -> BUSY | CHECKING | RETIRING
//! STALE    -> CHECKING | RETIRING
//! DEGRADED -> BUSY (last resort) | CHECKING | RETIRING
//! BUSY     -> READY | DEGRADED | CHECKING | RETIRING | VACANT (detached) | BUSY (handed to a waiter)
//! CHECKING -> READY | STALE | DEGRADED | BUSY (handed to a waiter) | RETIRING
//! RETIRING -> VACANT (generation + 1)
//! SHUT     -> CREATING            a place beyond the pool's present capacity; wherever VACANT stands on the right
//!                                 above, SHUT may stand too
//! ```
//!
//! | phase                            | who may write the word and touch the resource                   |
//! |----------------------------------|-----------------------------------------------------------------|
//! | VACANT, READY, STALE, DEGRADED, SHUT | nobody; winning the compare-exchange is what grants the right   |
//! | CREATING, BUSY, CHECKING, RETIRING | the one holder of the slot's [`Right`](super::Right), by plain store |

use std::fmt;

/// What a slot is doing. The public name of each phase is in [`crate::ResourceState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Vacant = 0,
    Creating = 1,
    Ready = 2,
    Busy = 3,
    Degraded = 4,
    Checking = 5,
    Retiring = 6,
    /// READY, but idle for so long that it is to be checked before its next use.
    Stale = 7,
    /// No place for a resource at present: capacity that is not in use.
    Shut = 8,
}

impl Phase {
    pub(crate) const ALL: [Phase; 9] = [
        Phase::Vacant,
        Phase::Creating,
        Phase::Ready,
        Phase::Busy,
        Phase::Degraded,
        Phase::Checking,
        Phase::Retiring,
        Phase::Stale,
        Phase::Shut,
    ];

    /// Whether the drawing above has an edge from here to `to`.
    pub(crate) const fn may_become(self, to: Phase) -> bool {
        use Phase::*;
        matches!(
            (self, to),
            (Vacant | Shut, Creating)
                | (Creating, Ready | Busy | Retiring | Vacant | Shut)
                | (Ready, Busy | Checking | Retiring)
                | (Stale, Checking | Retiring)
                | (Degraded, Busy | Checking | Retiring)
                | (Busy, Ready | Degraded | Checking | Retiring | Vacant | Shut | Busy)
                | (Checking, Ready | Stale | Degraded | Busy | Retiring)
                | (Retiring, Vacant | Shut)
        )
    }

    /// Whether anyone may try to claim a slot in this phase.
    pub(crate) const fn is_open(self) -> bool {
        self.is_free() || self.is_empty()
    }

    /// Whether a slot in this phase holds a resource that nobody has.
    pub(crate) const fn is_free(self) -> bool {
        matches!(self, Phase::Ready | Phase::Stale | Phase::Degraded)
    }

    /// Whether a slot in this phase is without a resource, and without anybody who makes one.
    pub(crate) const fn is_empty(self) -> bool {
        matches!(self, Phase::Vacant | Phase::Shut)
    }

    /// Whether a slot in this phase holds, or is about to hold, a resource that counts as alive.
    pub(crate) const fn is_live(self) -> bool {
        !self.is_empty() && !matches!(self, Phase::Creating)
    }
}

const PHASE_BITS: u32 = 4;
const MARK_BITS: u32 = 4;
const GENERATION_BITS: u32 = 56;
const _: () = assert!(PHASE_BITS + MARK_BITS + GENERATION_BITS == u64::BITS);
const _: () = assert!(Phase::Busy as u8 == Phase::Ready as u8 | 1 && Phase::Ready as u8 & 1 == 0);
const PHASE_MASK: u64 = (1 << PHASE_BITS) - 1;
const MARK_MASK: u64 = ((1 << MARK_BITS) - 1) << PHASE_BITS;

/// What a return must know of this use. Marks travel with the right and never reach the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The holder was unwinding from a panic when it checked out: its unwinding at return proves nothing.
    Unwinding = 1 << PHASE_BITS,
    /// The resource is to be checked before anyone else gets it.
    Suspect = 2 << PHASE_BITS,
    /// Its holder reported an error.
    Failed = 4 << PHASE_BITS,
    /// When it began is known, and its end is to be told.
    Timed = 8 << PHASE_BITS,
}

/// A slot word, low to high: phase, marks, generation.
///
/// The generation counts the resources that have lived in the slot, so a word remembered from an earlier life never
/// matches a later one: at a billion replacements a second, 2^56 generations last two years.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    pub(crate) const VACANT: Word = Word(0);

    pub(crate) const fn from_bits(bits: u64) -> Word {
        Word(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn phase(self) -> Phase {
        Phase::ALL[(self.0 & PHASE_MASK) as usize]
    }

    pub(crate) const fn generation(self) -> u64 {
        self.0 >> (PHASE_BITS + MARK_BITS)
    }

    #[inline(always)]
    pub(crate) const fn marked(self, mark: Mark) -> Word {
        Word(self.0 | mark as u64)
    }

    #[inline(always)]
    pub(crate) const fn has(self, mark: Mark) -> bool {
        self.0 & mark as u64 != 0
    }

    #[inline(always)]
    pub(crate) const fn is_marked(self) -> bool {
        self.0 & MARK_MASK != 0
    }

    pub(crate) const fn unmarked(self) -> Word {
        Word(self.0 & !MARK_MASK)
    }

    /// The same life in another phase, without marks.
    #[inline(always)]
    pub(crate) const fn to(self, phase: Phase) -> Word {
        Word((self.0 & !(PHASE_MASK | MARK_MASK)) | phase as u64)
    }

    /// READY to BUSY in one instruction: the two differ in one bit.
    #[inline(always)]
    pub(crate) const fn ready_to_busy(self) -> Word {
        Word(self.0 | 1)
    }

    /// BUSY, without marks, to READY.
    #[inline(always)]
    pub(crate) const fn busy_to_ready(self) -> Word {
        Word(self.0 ^ 1)
    }

    /// In `phase`, with the next resource's generation.
    pub(crate) const fn next_life(self, phase: Phase) -> Word {
        Word((self.generation().wrapping_add(1) << (PHASE_BITS + MARK_BITS)) | phase as u64)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}#{}", self.phase(), self.generation())
    }
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_gives_back_its_phase_and_generation() {
        for phase in Phase::ALL {
            let word = Word::from_bits(77 << (PHASE_BITS + MARK_BITS)).to(phase);
            assert_eq!((word.phase(), word.generation()), (phase, 77));
            let marked = word.marked(Mark::Suspect);
            assert!(marked.has(Mark::Suspect) && !marked.has(Mark::Unwinding) && !word.is_marked());
            assert_eq!((marked.phase(), marked.generation(), marked.unmarked()), (phase, 77, word));
            assert_eq!(marked.to(phase), word);
            for next in [Phase::Vacant, Phase::Shut] {
                assert_eq!((word.next_life(next).phase(), word.next_life(next).generation()), (next, 78));
            }
        }
    }

    #[test]
    fn only_a_vacant_slot_starts_a_life_and_only_through_creating() {
        for from in Phase::ALL {
            assert_eq!(from.may_become(Phase::Creating), matches!(from, Phase::Vacant | Phase::Shut));
        }
        for to in Phase::ALL {
            assert_eq!(Phase::Vacant.may_become(to), to == Phase::Creating);
            assert_eq!(Phase::Shut.may_become(to), to == Phase::Creating);
            assert_eq!(Phase::Retiring.may_become(to), matches!(to, Phase::Vacant | Phase::Shut));
        }
    }

    #[test]
    fn no_open_phase_follows_an_open_phase() {
        for from in Phase::ALL.into_iter().filter(|phase| phase.is_open()) {
            for to in Phase::ALL.into_iter().filter(|phase| phase.is_open()) {
                assert!(!from.may_become(to), "{from:?} -> {to:?} would be nobody's act");
            }
        }
    }
}
