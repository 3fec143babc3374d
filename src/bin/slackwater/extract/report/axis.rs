//! Where the lines of a plot's grid go, and what stands at them.

use std::time::Duration;

use super::text;

/// An axis: the greatest value on it, and its marks as value and label.
pub struct Axis {
    pub most: f64,
    pub marks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to a round number that is no less than `most`, with at most `marks` steps.
    pub fn of_counts(most: f64, marks: usize) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let step = round_up(most / marks.max(1) as f64);
        let steps = (most / step).ceil().max(1.0);
        let marks = (0..=steps as u32).map(|n| f64::from(n) * step);
        let decimals = (-step.log10() - 1e-9).ceil().clamp(0.0, 12.0) as usize;
        let label =
            |value: f64| if decimals > 0 { format!("{value:.decimals$}") } else { text::count(value.round() as u64) };
        Self { most: steps * step, marks: marks.map(|value| (value, label(value))).collect() }
    }

    /// From 0 to `most` seconds, with at most `marks` steps of a length that people count in.
    pub fn of_time(most: Duration, marks: usize) -> Self {
        let most = most.as_secs_f64().max(1e-9);
        let (least, marks) = (most / marks.max(1) as f64, marks.max(1) as u32);
        let known = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0];
        let longer = [60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0];
        let day = 86_400.0;
        let step = if least < 1.0 {
            round_up(least)
        } else {
            let fits = |step: &f64| *step >= least;
            known.into_iter().chain(longer).find(fits).unwrap_or_else(|| day * round_up((least / day).max(1.0)))
        };
        let (unit, name) = match step {
            _ if most < 1e-6 => (1e-9, "ns"),
            _ if most < 1e-3 => (1e-6, "µs"),
            _ if most < 1.0 => (1e-3, "ms"),
            step if step < 60.0 => (1.0, "s"),
            step if step < 3_600.0 => (60.0, "min"),
            step if step < day => (3_600.0, "h"),
            _ => (day, "d"),
        };
        let label = |value: f64| if value == 0.0 { "0".to_owned() } else { format!("{} {name}", round(value / unit)) };
        let values = (0..=marks).map(|n| f64::from(n) * step).take_while(|value| *value <= most * (1.0 + 1e-9));
        Self { most, marks: values.map(|value| (value, label(value))).collect() }
    }
}

/// 1, 2 or 5 times a power of ten: the least that is no less.
fn round_up(least: f64) -> f64 {
    let power = 10_f64.powi(least.log10().floor() as i32);
    [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(least)
}

/// Without the digits that come of counting in halves of tenths.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.marks.iter().map(|(_, label)| label.as_str()).collect()
    }

    /// Promise: marks are round, ascend, differ, and lie on the axis. Provoked: every size of number, and what is none.
    #[test]
    fn marks_are_round_and_on_the_axis() {
        let sizes = (-60..180).map(|n| 10_f64.powf(f64::from(n) / 10.0)).chain([0.0, f64::NAN, f64::INFINITY, 1.0]);
        for most in sizes {
            let time = Duration::try_from_secs_f64(most).unwrap_or(Duration::MAX);
            for (axis, fits) in [(Axis::of_counts(most, 5), true), (Axis::of_time(time, 8), false)] {
                assert!(axis.most.is_finite() && axis.most > 0.0);
                assert!(!most.is_finite() || !fits || axis.most >= most * 0.999_999);
                assert!(axis.marks.len() <= 10, "{most}: {:?}", labels(&axis));
                assert!(axis.marks.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1), "{most}");
                assert!(axis.marks.iter().all(|(value, _)| (0.0..=axis.most * 1.000_001).contains(value)));
            }
        }
    }

    /// Promise: time is marked in steps that people count in. Provoked: a moment, seconds, minutes, hours, days.
    #[test]
    fn time_is_marked_in_steps_that_people_count_in() {
        let of = |seconds| labels(&Axis::of_time(Duration::from_secs_f64(seconds), 4)).join(" ");
        assert_eq!(of(0.035), "0 10 ms 20 ms 30 ms");
        assert_eq!(of(1.3), "0 0.5 s 1 s");
        assert_eq!(of(3.5), "0 1 s 2 s 3 s");
        assert_eq!(of(100.0), "0 30 s 60 s 90 s");
        assert_eq!(of(900.0), "0 5 min 10 min 15 min");
        assert_eq!(of(86_400.0), "0 6 h 12 h 18 h 24 h");
        assert_eq!(of(864_000.0), "0 5 d 10 d");
        assert_eq!(labels(&Axis::of_counts(1_234.0, 4)), ["0", "500", "1,000", "1,500"]);
        assert_eq!(labels(&Axis::of_counts(0.7, 4)), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
    }
}
