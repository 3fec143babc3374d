//! What a run did over time, in memory that does not grow with it.

use std::time::Duration;

/// Stretches a series has at most. Twice what a plot can show, so that halving never shows.
const MOST: usize = 256;

/// How long the stretches of a run are that has just begun.
const FIRST_WIDTH: u64 = 1_000_000;

/// Counts pages by when they were done, in stretches of equal length. When there are too many, neighbours are put together and
/// all get twice as long: a run of ten million pages, or of a day, takes as much memory as one of a second.
pub struct Series {
    /// Of each stretch, in nanoseconds.
    width: u64,
    stretches: Vec<Counts>,
}

/// What was done in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub pages: u64,
    pub failures: u64,
    pub bytes: u64,
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.pages += other.pages;
        self.failures += other.failures;
        self.bytes += other.bytes;
    }
}

/// A stretch of the run, from its beginning, and what was done in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    pub from: Duration,
    pub to: Duration,
    pub counts: Counts,
}

impl Stretch {
    /// Of something that was counted in it, so many a second.
    pub fn rate(&self, count: u64) -> f64 {
        count as f64 / (self.to.saturating_sub(self.from)).as_secs_f64().max(1e-9)
    }
}

impl Series {
    pub fn new() -> Self {
        Self { width: FIRST_WIDTH, stretches: Vec::with_capacity(MOST) }
    }

    /// Something was done so long after the beginning. Pages may come in any order.
    pub fn add(&mut self, at: Duration, counts: Counts) {
        let at = nanoseconds(at);
        while at / self.width >= MOST as u64 {
            self.halve();
        }
        let place = (at / self.width) as usize;
        if self.stretches.len() <= place {
            self.stretches.resize_with(place + 1, Counts::default);
        }
        self.stretches[place].add(counts);
    }

    fn halve(&mut self) {
        let halved = self.stretches.len().div_ceil(2);
        for place in 0..halved {
            let mut both = self.stretches[2 * place];
            both.add(self.stretches.get(2 * place + 1).copied().unwrap_or_default());
            self.stretches[place] = both;
        }
        self.stretches.truncate(halved);
        self.width = self.width.saturating_mul(2);
    }

    /// The run from its beginning to `end`, in no more than `most` stretches without gaps. The last one may be shorter or longer than
    /// the others, by half. None for a run that took no time.
    pub fn stretches(&self, end: Duration, most: usize) -> Vec<Stretch> {
        let counted = (self.stretches.len() as u64 - u64::from(!self.stretches.is_empty())).saturating_mul(self.width);
        // Nothing is done after the end; but a clock is a clock.
        let end = nanoseconds(end).max(counted + u64::from(counted > 0));
        if end == 0 {
            return Vec::new();
        }
        let group = end.div_ceil(self.width).div_ceil(most.max(1) as u64);
        let length = group.saturating_mul(self.width);
        // What is left over is a stretch of its own only if it is half as long as the others: a rate over a moment is noise.
        let stretches = ((end + length / 2) / length).clamp(1, most.max(1) as u64);
        let stretch = |n: u64| {
            let is_last = n + 1 == stretches;
            let (from, to) = (n * group, if is_last { u64::MAX } else { (n + 1) * group });
            let mut counts = Counts::default();
            let places = self.stretches.iter().zip(0..).filter(|&(_, place)| (from..to).contains(&place));
            places.for_each(|(each, _)| counts.add(*each));
            let to = if is_last { end } else { (n + 1) * length };
            Stretch { from: Duration::from_nanos(n * length), to: Duration::from_nanos(to), counts }
        };
        (0..stretches).map(stretch).collect()
    }
}

/// At most 146 years, so that nothing that is reckoned with it runs over.
fn nanoseconds(at: Duration) -> u64 {
    u64::try_from(at.as_nanos()).map_or(1 << 62, |at| at.min(1 << 62))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn page(bytes: u64) -> Counts {
        Counts { pages: 1, failures: 0, bytes }
    }

    fn all(stretches: &[Stretch]) -> Counts {
        let mut sum = Counts::default();
        stretches.iter().for_each(|each| sum.add(each.counts));
        sum
    }

    /// Promise: every page is in the stretch in which it was done, none is lost, and there are no gaps. Provoked: runs from
    /// nothing to a day, pages backwards as well.
    #[test]
    fn each_page_is_counted_where_it_was_done() {
        for end in [MS / 7, MS, 37 * MS, 256 * MS, 257 * MS, 10_000 * MS, 86_400_000 * MS] {
            for backwards in [false, true] {
                let mut series = Series::new();
                let times = (0..1_000_u32).map(|n| end / 1_000 * if backwards { 999 - n } else { n });
                times.clone().for_each(|at| series.add(at, page(u64::try_from(at.as_micros()).unwrap())));
                for most in [1, 2, 7, 128, 1_000] {
                    let stretches = series.stretches(end, most);
                    assert!(!stretches.is_empty() && stretches.len() <= most);
                    assert_eq!((stretches[0].from, stretches[stretches.len() - 1].to), (Duration::ZERO, end));
                    assert!(stretches.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].from < pair[0].to));
                    assert_eq!(all(&stretches).pages, 1_000, "{end:?} {most}");
                    for each in &stretches {
                        let here = times.clone().filter(|at| *at >= each.from && *at < each.to).count() as u64;
                        assert_eq!(each.counts.pages, here, "{each:?} of {end:?} in {most}");
                    }
                }
            }
        }
    }

    /// Promise: memory does not grow with the run. Provoked: a page a second for 300 years.
    #[test]
    fn a_series_never_holds_more_than_its_stretches() {
        let mut series = Series::new();
        for second in 0..2_000_u64 {
            series.add(Duration::from_secs(second * second * 2_000), page(1));
            assert!(series.stretches.len() <= MOST && series.stretches.capacity() <= 2 * MOST);
        }
        series.add(Duration::MAX, page(1));
        assert_eq!(all(&series.stretches(Duration::MAX, 128)).pages, 2_001);
    }

    /// Promise: a rate is over at least half the usual time. Provoked: ends just after, and just before, a stretch.
    #[test]
    fn the_last_stretch_is_not_a_splinter() {
        let mut series = Series::new();
        (0..100).for_each(|ms| series.add(ms * MS, page(1)));
        for micros in (99_001..140_000).step_by(333) {
            let stretches = series.stretches(Duration::from_micros(micros), 10);
            let length = |each: &Stretch| each.to - each.from;
            let (first, last) = (length(&stretches[0]), length(&stretches[stretches.len() - 1]));
            assert!(last * 2 >= first && last * 2 <= first * 3, "{first:?} {last:?}");
        }
    }

    /// Promise: nothing gives nothing, and never a division by it. Provoked: no pages, no time, a clock that went backwards.
    #[test]
    fn a_run_without_pages_has_a_series_too() {
        assert!(Series::new().stretches(Duration::ZERO, 10).is_empty());
        let idle = Series::new().stretches(3 * MS, 10);
        assert_eq!((all(&idle), idle[idle.len() - 1].to), (Counts::default(), 3 * MS));
        let mut late = Series::new();
        late.add(50 * MS, page(1));
        let stretches = late.stretches(MS, 10);
        assert_eq!(all(&stretches).pages, 1);
        assert!(stretches.iter().all(|each| each.rate(each.counts.pages).is_finite()));
    }
}
