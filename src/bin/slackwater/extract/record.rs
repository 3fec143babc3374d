//! What a run has done so far: counts for everybody, and what a report shows besides.

use std::time::{Duration, Instant};

use slackwater::Histogram;

use super::failure::{Failure, FailureKind};
use super::work::{Line, Visit};
use crate::run::closing::Sums;
use crate::run::series::{Counts, Series};

/// Failures of each kind that a report names, and slowest pages.
const EXAMPLES: usize = 5;
const SLOWEST: usize = 10;

/// Bytes of a name or an error that a report keeps: what a page says of itself must not take the memory.
const LONGEST_TEXT: usize = 400;

/// What was done up to now; the times are of checkouts, of extractors of both kinds. Everything in it comes from lines that were
/// written, so the parts agree.
pub struct Record {
    pub sums: Sums,
    /// Failures by kind, as in `FailureKind::ALL`.
    pub kinds: [u64; FailureKind::ALL.len()],
    /// For a report only.
    pub details: Option<Box<Details>>,
}

/// What a report shows beyond the summary. Takes the same memory however long the run is.
pub struct Details {
    pub series: Series,
    /// From the look at the file to the finished line.
    pub pages: Histogram,
    pub css: Histogram,
    pub regex: Histogram,
    failures: [Failures; FailureKind::ALL.len()],
    pub slowest: Slowest,
}

/// The failures of one kind.
#[derive(Default)]
pub struct Failures {
    pub count: u64,
    /// The first few: source and error.
    pub examples: Vec<(String, String)>,
}

impl Record {
    pub fn new(started: Instant, with_details: bool) -> Self {
        let details = with_details.then(|| Box::new(Details::new()));
        Self { sums: Sums::new(started), kinds: Default::default(), details }
    }

    /// A line was written.
    pub fn line(&mut self, line: Line) {
        let counts = Counts { pages: 1, failures: u64::from(line.failure.is_some()), bytes: line.bytes };
        self.sums.tally.add(counts);
        if let Some(failure) = &line.failure {
            self.kinds[failure.kind as usize] += 1;
        }
        for visit in [line.times.css, line.times.regex].into_iter().flatten() {
            self.sums.times.record(visit.waited);
        }
        if let Some(details) = &mut self.details {
            details.line(line, counts, self.sums.started);
        }
    }
}

impl Details {
    fn new() -> Self {
        Self {
            series: Series::new(),
            pages: Histogram::new(),
            css: Histogram::new(),
            regex: Histogram::new(),
            failures: Default::default(),
            slowest: Slowest::default(),
        }
    }

    fn line(&mut self, line: Line, counts: Counts, started: Instant) {
        let Line { source, failure, times, bytes, .. } = line;
        self.series.add(times.done.saturating_duration_since(started), counts);
        self.pages.record(times.page);
        for (histogram, visit) in [(&self.css, times.css), (&self.regex, times.regex)] {
            if let Some(Visit { worked, .. }) = visit {
                histogram.record(worked);
            }
        }
        if let Some(Failure { kind, why }) = failure {
            let failures = &mut self.failures[kind as usize];
            failures.count += 1;
            if failures.examples.len() < EXAMPLES {
                failures.examples.push((shortened(source.clone()), shortened(why)));
            }
        }
        self.slowest.page(times.page, bytes, source);
    }

    /// The kinds of failures there were, the most frequent first.
    pub fn failures(&self) -> Vec<(FailureKind, &Failures)> {
        let mut all: Vec<_> = FailureKind::ALL.into_iter().zip(&self.failures).filter(|(_, of)| of.count > 0).collect();
        all.sort_by_key(|(_, of)| std::cmp::Reverse(of.count));
        all
    }
}

/// The pages that took longest.
#[derive(Default)]
pub struct Slowest(Vec<SlowPage>);

pub struct SlowPage {
    pub took: Duration,
    pub bytes: u64,
    pub source: String,
}

impl Slowest {
    fn page(&mut self, took: Duration, bytes: u64, source: String) {
        // After the first few pages of a run this look is all there is for nearly every page.
        if self.0.len() == SLOWEST && self.0.last().is_some_and(|last| took <= last.took) {
            return;
        }
        let place = self.0.partition_point(|page| page.took >= took);
        self.0.truncate(SLOWEST - 1);
        self.0.insert(place, SlowPage { took, bytes, source: shortened(source) });
    }

    /// The slowest first.
    pub fn pages(&self) -> &[SlowPage] {
        &self.0
    }
}

/// At most `LONGEST_TEXT` of it, with the middle left out: a path tells most at its ends.
fn shortened(text: String) -> String {
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    let head = text.floor_char_boundary(LONGEST_TEXT / 2);
    let tail = text.ceil_char_boundary(text.len() - LONGEST_TEXT / 2);
    format!("{}[...]{}", &text[..head], &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::work::Times;

    fn line(n: u64, failure: Option<Failure>) -> Line {
        let visit = Some(Visit { waited: Duration::from_nanos(n), worked: Duration::from_micros(n) });
        let times = Times { done: Instant::now(), page: Duration::from_millis(n), css: visit, regex: None };
        Line { row: Vec::new(), size: 0, key: 0, source: format!("{n}.html"), bytes: n, failure, times }
    }

    /// Promise: the slowest pages are the slowest ones, the slowest first, and never more than ten. Provoked: every order of
    /// few, and many pages in a scrambled order, with ties.
    #[test]
    fn the_slowest_pages_are_kept() {
        for pages in [0, 1, 9, 10, 11, 997_u64] {
            let mut record = Record::new(Instant::now(), true);
            let mut times: Vec<u64> = (0..pages).map(|n| n * 7_919 % 500).collect();
            times.iter().for_each(|n| record.line(line(*n, None)));
            times.sort_unstable_by(|one, other| other.cmp(one));
            times.truncate(10);
            let details = record.details.unwrap();
            let kept: Vec<u64> = details.slowest.pages().iter().map(|page| page.bytes).collect();
            assert_eq!(kept, times);
        }
    }

    /// Promise: failures are counted by kind with a few examples, short ones. Provoked: more than are kept, an endless name.
    #[test]
    fn failures_are_counted_by_kind() {
        let mut record = Record::new(Instant::now(), true);
        for n in 0..20 {
            let kind = if n % 4 == 0 { FailureKind::Empty } else { FailureKind::Binary };
            record.line(line(n, Some(kind.because("ä".repeat(9_999)))));
        }
        record.line(line(99, None));
        assert_eq!(
            (record.sums.tally.pages, record.sums.tally.failures, record.sums.times.distribution().count()),
            (21, 20, 21)
        );
        let details = record.details.unwrap();
        let failures = details.failures();
        let counts: Vec<_> = failures.iter().map(|(kind, of)| (*kind, of.count, of.examples.len())).collect();
        assert_eq!(counts, [(FailureKind::Binary, 15, EXAMPLES), (FailureKind::Empty, 5, EXAMPLES)]);
        assert!(failures.iter().flat_map(|(_, of)| &of.examples).all(|(_, why)| why.len() < LONGEST_TEXT + 10));
    }
}
