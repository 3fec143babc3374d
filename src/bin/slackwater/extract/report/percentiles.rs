//! Percentiles of times, on an axis that gives the rare ones room: each nine as much as the one before.

use std::fmt::Write;
use std::time::Duration;

use slackwater::Distribution;

use super::plot::{NARROW, Plot, WIDE};
use super::text;

/// One curve.
pub struct Curve {
    /// The name of its colour.
    pub class: &'static str,
    pub name: &'static str,
    /// What was timed.
    pub meaning: &'static str,
    pub times: Distribution,
}

/// What a table has rows for, as far as there are enough times for it.
const ROWS: [f64; 7] = [50.0, 75.0, 90.0, 99.0, 99.9, 99.99, 99.999];

/// Marks of the axis: where they are in `nines`, and what stands there.
const MARKS: [(f64, &str); 9] = [
    (0.0, "0"),
    (50.0, "50"),
    (90.0, "90"),
    (99.0, "99"),
    (99.9, "99.9"),
    (99.99, "99.99"),
    (99.999, "99.999"),
    (99.999_9, "99.9999"),
    (99.999_99, "99.99999"),
];

/// How many nines a percentile has: 90 has one, 99 two. HdrHistogram's axis, 1 over the share of those above, as a logarithm.
fn nines(percent: f64) -> f64 {
    -(1.0 - percent / 100.0).log10()
}

/// Corners of a curve, from the left: how many nines, and the time in nanoseconds up to there. The last time stands for what is
/// above all percentiles that so many times can have, so it ends a little after them.
fn corners(times: &Distribution) -> Vec<(f64, f64)> {
    let (count, mut passed) = (times.count(), 0_u64);
    let mut corners = Vec::new();
    let mut from = 0.0;
    for (most, here) in times.buckets() {
        passed = passed.saturating_add(here);
        let above = count.saturating_sub(passed) as f64;
        let to = (count as f64 / above.max(0.5)).log10();
        let time = most.as_nanos().max(1) as f64;
        corners.extend([(from, time), (to, time)]);
        from = to;
    }
    corners
}

/// The plot in both sizes. Empty if there is nothing to show.
pub fn plots(curves: &[Curve]) -> String {
    let shown: Vec<_> = curves.iter().filter(|curve| !curve.times.is_empty()).collect();
    let Some(most) = shown.iter().map(|curve| curve.times.max()).max() else { return String::new() };
    let corners: Vec<_> = shown.iter().map(|curve| corners(&curve.times)).collect();
    let least = corners.iter().flatten().map(|(_, time)| *time).fold(f64::MAX, f64::min);
    let far = corners.iter().flatten().map(|(nines, _)| *nines).fold(1.0, f64::max);
    let low = least.log10().floor();
    let high = (most.as_nanos().max(1) as f64).log10().ceil().max(low + 1.0);
    let share = |time: f64| (time.log10() - low) / (high - low);
    let mut svg = String::new();
    for plot in [WIDE, NARROW] {
        plot.begin(&mut svg, &words(&shown));
        for decade in low as i32..=high as i32 {
            plot.level(&mut svg, share(10_f64.powi(decade)), &decade_name(decade));
        }
        for (percent, label) in MARKS.iter().filter(|(percent, _)| nines(*percent) <= far) {
            plot.place(&mut svg, nines(*percent) / far, label);
        }
        plot.caption(&mut svg, "percentile");
        for (curve, corners) in shown.iter().zip(&corners) {
            draw(&mut svg, &plot, curve, corners, &|(nines, time)| (plot.x(nines / far), plot.y(share(time))));
        }
        svg.push_str("</svg>\n");
    }
    svg
}

fn draw(svg: &mut String, plot: &Plot, curve: &Curve, corners: &[(f64, f64)], at: &dyn Fn((f64, f64)) -> (f64, f64)) {
    let _ = write!(svg, "<path class=\"curve {}\" d=\"", curve.class);
    for (n, corner) in corners.iter().enumerate() {
        let (x, y) = at(*corner);
        let _ = write!(svg, "{}{x} {y}", if n == 0 { 'M' } else { 'L' });
    }
    svg.push_str("\"/>");
    if !plot.is_wide() {
        return;
    }
    // What a pointer finds.
    for percent in rows(&curve.times) {
        let time = curve.times.percentile(percent);
        let (x, y) = at((nines(percent), time.as_nanos().max(1) as f64));
        let _ = write!(svg, "<circle class=\"dot {}\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\">", curve.class);
        let _ = write!(svg, "<title>{}, p{percent}: {}</title></circle>", curve.name, text::span(time));
    }
}

/// The percentiles that so many times have: of ten times there is no p99.
fn rows(times: &Distribution) -> impl Iterator<Item = f64> {
    let count = times.count() as f64;
    ROWS.into_iter().filter(move |percent| count * (100.0 - percent) / 100.0 > 1.0 - 1e-9)
}

fn decade_name(decade: i32) -> String {
    match decade {
        ..3 => format!("{} ns", 10_u64.pow(decade.max(0) as u32)),
        3..6 => format!("{} µs", 10_u64.pow(decade as u32 - 3)),
        6..9 => format!("{} ms", 10_u64.pow(decade as u32 - 6)),
        _ => format!("{} s", text::count(10_u64.saturating_pow(decade as u32 - 9))),
    }
}

fn words(curves: &[&Curve]) -> String {
    let mut words = "Times by percentile.".to_owned();
    for Curve { name, times, .. } in curves {
        let [half, most] = [50.0, 99.0].map(|percent| text::span(times.percentile(percent)));
        let _ = write!(words, " {name}: median {half}, 99th percentile {most}, longest {}.", text::span(times.max()));
    }
    words.push_str(" The table below has the numbers.");
    words
}

/// The same as a table, with counts and means.
pub fn table(curves: &[Curve]) -> String {
    let shown: Vec<_> = curves.iter().filter(|curve| !curve.times.is_empty()).collect();
    let mut html = String::from(
        "<div class=\"scroll\"><table id=\"percentiles\"><caption>Times by percentile</caption><thead><tr><th scope=\"col\"></th>",
    );
    for Curve { class, name, meaning, .. } in &shown {
        let _ = write!(
            html,
            "<th scope=\"col\"><i class=\"line {class}\"></i>{name}<br><span class=\"note\">{meaning}</span></th>"
        );
    }
    html.push_str("</tr></thead><tbody>\n");
    let mut row = |name: &str, cell: &dyn Fn(&Distribution) -> String| {
        let _ = write!(html, "<tr><th scope=\"row\">{name}</th>");
        shown.iter().for_each(|curve| html += &format!("<td>{}</td>", cell(&curve.times)));
        html.push_str("</tr>\n");
    };
    row("times", &|times| value(times.count()));
    row("mean", &|times| time(times.mean()));
    for percent in ROWS {
        if shown.iter().any(|curve| rows(&curve.times).any(|each| each == percent)) {
            let has = |times: &Distribution| rows(times).any(|each| each == percent);
            row(&format!("p{percent}"), &|times| {
                if has(times) { time(times.percentile(percent)) } else { "–".to_owned() }
            });
        }
    }
    row("longest", &|times| time(times.max()));
    html.push_str("</tbody></table></div>\n");
    html
}

fn value(count: u64) -> String {
    format!("<data value=\"{count}\">{}</data>", text::count(count))
}

fn time(span: Duration) -> String {
    format!("<data value=\"{}\">{}</data>", span.as_nanos(), text::span(span))
}

#[cfg(test)]
mod tests {
    use super::*;
    use slackwater::Histogram;

    fn counted(times: impl IntoIterator<Item = u64>) -> Distribution {
        let histogram = Histogram::new();
        times.into_iter().for_each(|time| histogram.record(Duration::from_nanos(time)));
        histogram.distribution()
    }

    /// Promise: a curve goes up and to the right, begins at the left, holds numbers only, and agrees with the percentiles.
    /// Provoked: one time, equal ones, zero, the longest there is, many.
    #[test]
    fn curves_rise_and_agree_with_the_percentiles() {
        let many: Vec<u64> = (1..100_000_u64).map(|n| n * n % 9_973_000 + 80).collect();
        for times in [vec![0], vec![7], vec![5; 1_000], vec![0, u64::MAX], many] {
            let times = counted(times);
            let corners = corners(&times);
            assert_eq!(corners[0].0, 0.0);
            assert!(corners.iter().all(|(nines, time)| nines.is_finite() && time.is_finite() && *time >= 1.0));
            assert!(corners.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
            for percent in rows(&times) {
                let wanted = times.percentile(percent).as_nanos().max(1) as f64;
                let here = corners.iter().find(|(most, _)| *most >= nines(percent) - 1e-9).unwrap();
                assert!((here.1 - wanted).abs() <= 1e-9 * wanted, "p{percent}: {here:?}, not {wanted}");
            }
        }
    }

    /// Promise: only percentiles that there are times for. Provoked: 1, 2, 10 and 100 of them.
    #[test]
    fn ten_times_have_no_99th_percentile() {
        let last = |count: u64| rows(&counted(0..count)).last();
        assert_eq!([1, 2, 10, 100].map(last), [None, Some(50.0), Some(90.0), Some(99.0)]);
    }

    /// Promise: a plot of nothing is no plot, and of anything else holds no number that is none. Provoked: no curves, empty
    /// ones, a single time of nothing.
    #[test]
    fn a_plot_holds_numbers_only() {
        let curve = |times| Curve { class: "page", name: "page", meaning: "", times };
        assert_eq!(plots(&[]), "");
        assert_eq!(plots(&[curve(Distribution::default())]), "");
        for times in [counted([0]), counted([3, u64::MAX]), counted(0..5_000)] {
            let svg = plots(&[curve(times), curve(Distribution::default())]);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert_eq!(svg.matches("<svg").count(), 2);
        }
    }
}
