//! What a reader should not miss, in sentences that say what would help.

use std::time::Duration;

use slackwater::{Distribution, Health, Snapshot};

use super::super::record::SlowPage;
use super::text;

/// The numbers the sentences are made of.
pub struct Figures<'a> {
    pub pages: u64,
    pub failures: u64,
    /// The most frequent kind of failure, in words.
    pub worst: Option<String>,
    pub took: Duration,
    pub threads: usize,
    pub pool_size: usize,
    /// Whole pages, and checkouts.
    pub times: &'a Distribution,
    pub waits: &'a Distribution,
    pub slowest: Option<&'a SlowPage>,
    pub pools: &'a [Snapshot],
}

/// From this share of the pages' time on, waiting is worth a sentence.
const MUCH: f64 = 0.05;

/// From this share of the run on, a single page is.
const LONG: f64 = 0.25;
const LONG_ENOUGH: Duration = Duration::from_millis(500);

/// A page of so many bytes may well be slow for its size.
const LARGE: u64 = 1 << 20;

/// The sentences, as HTML. None if all is as it should be.
pub fn sentences(figures: &Figures) -> Vec<String> {
    let mut all = Vec::new();
    let Figures { pages, failures, took, threads, pool_size, .. } = *figures;
    if let Some(worst) = figures.worst.as_ref().filter(|_| failures > 0) {
        let share = text::percent(failures as f64, pages as f64);
        all.push(format!(
            "{} of {} pages failed ({share}), most often: {worst}.",
            text::count(failures),
            text::count(pages)
        ));
    }
    let (worked, waited) = (figures.times.sum().as_secs_f64(), figures.waits.sum().as_secs_f64());
    if worked > 0.0 && waited / worked >= MUCH {
        let advice = if pool_size < threads {
            let are = if pool_size == 1 { "is" } else { "are" };
            format!("there {are} {pool_size} of each kind for {threads} threads; raise --pool-size to {threads}")
        } else {
            "there are as many as threads, so the machine was busy with something else, or lower --threads".to_owned()
        };
        all.push(format!("Pages waited for extractors for {} of their time: {advice}.", text::percent(waited, worked)));
    }
    if let Some(SlowPage { took: longest, source, bytes }) = figures.slowest
        && pages > 1
        && longest.as_secs_f64() >= LONG * took.as_secs_f64()
        && *longest >= LONG_ENOUGH
    {
        let share = text::percent(longest.as_secs_f64(), took.as_secs_f64());
        let source = text::Foreign(source);
        let advice = if *bytes >= LARGE {
            "lower --max-bytes to leave such pages out"
        } else {
            "it is not large, so it is deeply nested, or slow to read; leave it out if it is not worth that"
        };
        all.push(format!(
            "One page, <code>{source}</code>, took {}, {share} of the run; {advice}.",
            text::span(*longest)
        ));
    }
    for pool in figures.pools {
        let name = pool.name.as_deref().unwrap_or("");
        let discarded = pool.stats.destroyed.total();
        if discarded > 0 {
            let lost = text::counted(discarded, "extractor was", "extractors were");
            all.push(format!("{lost} replaced in the pool {name}: pages made them panic."));
        }
        let health = Health::of(pool);
        if !health.is_well() {
            all.push(format!("The pool {name} is {}: see below.", health.level));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use slackwater::Histogram;

    fn of(time: Duration) -> Distribution {
        let histogram = Histogram::new();
        histogram.record(time);
        histogram.distribution()
    }

    /// Promise: a sentence for each thing that stands out and none otherwise. Provoked: a sound run, then failures, waits with
    /// few and with enough extractors, and a page that takes most of the run under a hostile name.
    #[test]
    fn what_stands_out_is_said_and_nothing_else() {
        let (page, short, long) =
            (of(Duration::from_secs(1)), of(Duration::from_nanos(80)), of(Duration::from_millis(60)));
        let slow = |bytes| SlowPage { took: Duration::from_secs(1), bytes, source: "<p>".to_owned() };
        let (small, large) = (slow(300), slow(3 << 20));
        let sound = || Figures {
            pages: 100,
            failures: 0,
            worst: None,
            took: Duration::from_secs(10),
            threads: 8,
            pool_size: 8,
            times: &page,
            waits: &short,
            slowest: Some(&small),
            pools: &[],
        };
        assert_eq!(sentences(&sound()), [""; 0]);
        let only = |figures: Figures| {
            let mut all = sentences(&figures);
            assert_eq!(all.len(), 1, "{all:?}");
            all.remove(0)
        };
        let failed = only(Figures { failures: 7, worst: Some("empty".to_owned()), ..sound() });
        assert_eq!(failed, "7 of 100 pages failed (7.0 %), most often: empty.");
        assert!(only(Figures { waits: &long, pool_size: 2, ..sound() }).contains("raise --pool-size to 8"));
        assert!(only(Figures { waits: &long, ..sound() }).contains("as many as threads"));
        let short_run = || Figures { took: Duration::from_secs(2), ..sound() };
        let slow = only(short_run());
        assert!(slow.contains("<code>&lt;p&gt;</code>, took 1.00 s, 50 %") && slow.contains("deeply nested"), "{slow}");
        assert!(only(Figures { slowest: Some(&large), ..short_run() }).contains("lower --max-bytes"));
        assert_eq!(sentences(&Figures { pages: 1, ..short_run() }), [""; 0]);
    }
}
