//! Whether the books balance.

use super::Stats;
use std::fmt;

/// A check of the pool's books: every slot in exactly one phase, and what was created is alive, destroyed or detached.
///
/// Exact while nobody else uses the pool. Under load the slots and counters are read at slightly different moments;
/// [`is_settled`](Self::is_settled) tells whether the numbers stood still during the read.
#[derive(Clone, Debug)]
pub struct Audit {
    pub(crate) slots: usize,
    pub(crate) open: usize,
    /// Slots that are to be open once everything surplus has ended.
    pub(crate) target: usize,
    pub(crate) vacant: usize,
    pub(crate) shut: usize,
    pub(crate) stats: Stats,
    pub(crate) settled: bool,
    pub(crate) closed: bool,
    pub(crate) queued: usize,
}

impl Audit {
    /// Whether everything adds up.
    pub fn is_clean(&self) -> bool {
        self.findings().is_empty()
    }

    /// Whether nothing moved while the books were read. Only then does a finding mean something.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// What does not add up, one sentence each.
    pub fn findings(&self) -> Vec<String> {
        let s = &self.stats;
        let mut findings = Vec::new();
        let mut hold = |holds: bool, finding: String| {
            if !holds {
                findings.push(finding);
            }
        };
        let open = s.in_use + s.available + s.degraded + s.checking + s.retiring + s.creating + self.vacant;
        let phases = open + self.shut;
        hold(phases == self.slots, format!("{phases} slots are in some phase, of {}", self.slots));
        hold(open == self.open, format!("{open} slots are open, of {}", self.open));
        let target = self.target;
        // A closed pool only becomes emptier, whatever its size was to be.
        hold(self.closed || self.open >= target, format!("{} slots are open, {target} should be", self.open));
        let gone = s.destroyed.total() + s.detached;
        // A slot being destroyed is alive until `destroy` has returned and the count is up.
        let alive = s.created.checked_sub(gone);
        hold(
            alive == Some(s.total as u64),
            format!("{} created - {gone} destroyed or detached = {alive:?}, but {} alive", s.created, s.total),
        );
        let most = s.max_overflow + self.open.saturating_sub(target);
        hold(self.closed || s.overflow <= most, format!("{} overflow resources, of {most} allowed", s.overflow));
        hold(s.waiting == self.queued, format!("{} waiters counted, {} in the queue", s.waiting, self.queued));
        findings
    }

    /// The numbers the audit read.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_clean(), self.settled) {
            (true, _) => f.write_str("the books balance"),
            (false, false) => write!(f, "the pool was at work during the audit: {}", self.findings().join("; ")),
            (false, true) => write!(f, "the books do not balance: {}", self.findings().join("; ")),
        }
    }
}
