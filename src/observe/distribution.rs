//! What a histogram has counted, to be read.

use super::histogram::{BUCKETS, bucket_of, greatest_of};
use std::fmt;
use std::time::Duration;

/// How spans of time are distributed: how many, their mean, their maximum, their percentiles.
///
/// Count and sum are exact sums of what was counted, so the mean is true. A percentile is the greatest value of its bucket,
/// no more than the maximum: never too low, and at most a sixteenth too high. Beyond 2.4 h it is the maximum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    counts: Box<[u64]>,
    count: u64,
    sum: u64,
    max: u64,
}

impl Distribution {
    pub(super) fn of(counts: Box<[u64]>, sum: u64, max: u64) -> Self {
        let count = counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        Self { counts, count, sum, max }
    }

    /// With `times` more of no time at all.
    pub(super) fn and_at_once(mut self, times: u64) -> Self {
        self.counts[0] = self.counts[0].saturating_add(times);
        self.count = self.count.saturating_add(times);
        self
    }

    /// How many spans.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum)
    }

    /// The average: the sum over the count; zero if there are none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum.checked_div(self.count).unwrap_or(0))
    }

    /// The longest; zero if there are none. Of the difference of two, the greatest value of its bucket, at most the longest
    /// ever.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The span that `percent` of all do not exceed: `percentile(99.9)`. From 0 to 100; zero if there are none.
    pub fn percentile(&self, percent: f64) -> Duration {
        let rank = (self.count as f64 * percent.clamp(0.0, 100.0) / 100.0).ceil().max(1.0) as u64;
        let mut passed = 0_u64;
        let reaches = |count: &u64| {
            passed = passed.saturating_add(*count);
            passed >= rank
        };
        let bucket = self.counts.iter().position(reaches);
        Duration::from_nanos(bucket.map_or(self.max, |bucket| greatest_of(bucket).min(self.max)))
    }

    /// How many spans were at most so long, as far as buckets tell: those in the bucket of `most` count whole.
    pub fn up_to(&self, most: Duration) -> u64 {
        let last = bucket_of(u64::try_from(most.as_nanos()).unwrap_or(u64::MAX));
        self.counts[..=last.min(BUCKETS - 1)].iter().fold(0, |sum: u64, count| sum.saturating_add(*count))
    }

    /// The buckets that hold anything: the greatest span of each, and how many there are. Of the last bucket of all the greatest
    /// span is the maximum.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| (Duration::from_nanos(greatest_of(bucket).min(self.max)), *count))
    }

    /// Goes on to `now`, a later look at the same histogram, and tells what is new: the greatest span of each bucket, and how
    /// many more it holds. A bucket that holds fewer than before stays as it is, and has nothing new until it holds more again: so
    /// that nothing is told twice of looks that were too generous for a moment.
    #[cfg(feature = "metrics")]
    pub(super) fn advance(&mut self, now: &Distribution) -> Vec<(Duration, u64)> {
        let mut news = Vec::new();
        for (bucket, (seen, now_has)) in self.counts.iter_mut().zip(&now.counts).enumerate() {
            if *now_has > *seen {
                news.push((Duration::from_nanos(greatest_of(bucket).min(now.max)), *now_has - *seen));
                *seen = *now_has;
            }
        }
        self.count = self.counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        (self.sum, self.max) = (self.sum.max(now.sum), self.max.max(now.max));
        news
    }

    /// How many spans were at most so long for certain: a bucket that `most` cuts counts as longer. Unlike by
    /// [`up_to`](Self::up_to), percentiles derived from this are never too low.
    #[cfg(feature = "http")]
    pub(super) fn surely_up_to(&self, most: Duration) -> u64 {
        let beyond = bucket_of(u64::try_from(most.as_nanos()).unwrap_or(u64::MAX).saturating_add(1));
        self.counts[..beyond].iter().fold(0, |sum: u64, count| sum.saturating_add(*count))
    }

    /// What came since `earlier`, which was read from the same histogram before.
    pub fn since(&self, earlier: &Distribution) -> Distribution {
        let counts: Box<[u64]> =
            self.counts.iter().zip(&earlier.counts).map(|(now, then)| now.saturating_sub(*then)).collect();
        let longest = counts.iter().rposition(|count| *count > 0);
        let max = longest.map_or(0, |bucket| greatest_of(bucket).min(self.max));
        Distribution::of(counts, self.sum.wrapping_sub(earlier.sum), max)
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self::of(vec![0; BUCKETS].into(), 0, 0)
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let [half, most, nearly_all] = [50.0, 99.0, 99.9].map(|percent| self.percentile(percent));
        write!(f, "{} (mean {:.1?}, p50 {half:.1?}, p99 {most:.1?}, ", self.count, self.mean())?;
        write!(f, "p99.9 {nearly_all:.1?}, max {:.1?})", self.max())
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::super::Histogram;
    use super::*;

    fn counted(values: impl IntoIterator<Item = u64>) -> Distribution {
        let histogram = Histogram::new();
        values.into_iter().for_each(|value| histogram.record(Duration::from_nanos(value)));
        histogram.distribution()
    }

    fn nanoseconds(span: Duration) -> u64 {
        span.as_nanos() as u64
    }

    #[test]
    fn a_percentile_is_never_too_low_and_a_sixteenth_too_high_at_most() {
        let mut values: Vec<u64> = (1..=10_000).map(|each: u64| each.pow(3) % 9_999_991).collect();
        let distribution = counted(values.iter().copied());
        values.sort_unstable();
        for percent in [0.0, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0] {
            let rank = ((values.len() as f64 * percent / 100.0).ceil() as usize).max(1);
            let (exact, told) = (values[rank - 1], nanoseconds(distribution.percentile(percent)));
            assert!(told >= exact && told - exact <= exact / 16 + 1, "p{percent}: {told} for {exact}");
        }
        assert_eq!(nanoseconds(distribution.max()), values[values.len() - 1]);
        assert_eq!(nanoseconds(distribution.mean()), values.iter().sum::<u64>() / 10_000);
    }

    #[test]
    fn nothing_has_no_percentiles_and_no_mean() {
        let nothing = Distribution::default();
        let spans = [nothing.mean(), nothing.max(), nothing.percentile(50.0), nothing.sum()];
        assert!(nothing.is_empty() && spans.iter().all(Duration::is_zero) && nothing.buckets().next().is_none());
    }

    #[test]
    fn a_difference_is_what_came_between() {
        let histogram = Histogram::new();
        histogram.record(Duration::from_secs(9));
        let earlier = histogram.distribution();
        [3, 5].into_iter().for_each(|each| histogram.record(Duration::from_millis(each)));
        let since = histogram.distribution().since(&earlier);
        assert_eq!((since.count(), since.sum()), (2, Duration::from_millis(8)));
        let five = nanoseconds(Duration::from_millis(5));
        assert!(
            (five..five + five / 16 + 1).contains(&nanoseconds(since.max())),
            "the longest of the interval, not of all"
        );
        assert_eq!(since.percentile(100.0), since.max());
        let nothing = histogram.distribution().since(&histogram.distribution());
        assert_eq!((nothing.count(), nothing.max()), (0, Duration::ZERO));
    }

    #[test]
    fn what_is_beyond_the_last_bucket_is_the_maximum() {
        let distribution = counted([1, 1 << 44, 1 << 50]);
        assert_eq!(nanoseconds(distribution.percentile(99.0)), 1 << 50);
        assert_eq!(distribution.buckets().map(|(_, count)| count).collect::<Vec<_>>(), [1, 2]);
        assert_eq!([0, 1, 1 << 44].map(|most| distribution.up_to(Duration::from_nanos(most))), [0, 1, 3]);
    }
}
