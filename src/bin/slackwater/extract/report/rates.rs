//! Pages a second over the run.

use std::fmt::Write;
use std::time::Duration;

use super::axis::Axis;
use super::plot::{NARROW, Plot, WIDE};
use super::text;
use crate::run::series::{Counts, Stretch};

/// Most stretches in a plot, and rows in a table.
pub const MOST: usize = 120;
pub const ROWS: usize = 20;

/// Pages a stretch should have on average: with fewer the plot shows chance.
pub const PAGES_EACH: u64 = 8;

/// The plot in both sizes.
pub fn plots(stretches: &[Stretch], tally: Counts, took: Duration) -> String {
    let mut svg = String::new();
    if stretches.is_empty() {
        return svg;
    }
    let most = stretches.iter().map(|each| each.rate(each.counts.pages)).fold(0.0, f64::max);
    let mean = tally.pages as f64 / took.as_secs_f64().max(1e-9);
    let words = words(stretches, mean, most);
    for plot in [WIDE, NARROW] {
        let up = Axis::of_counts(most, 5);
        let along = Axis::of_time(took, if plot.is_wide() { 10 } else { 4 });
        plot.begin(&mut svg, &words);
        up.marks.iter().for_each(|(value, label)| plot.level(&mut svg, value / up.most, label));
        along.marks.iter().for_each(|(value, label)| plot.place(&mut svg, value / along.most, label));
        plot.caption(&mut svg, "time since the start");
        let x = |at: Duration| plot.x(at.as_secs_f64() / along.most);
        let y = |rate: f64| plot.y(rate / up.most);
        area(&mut svg, &plot, "rate", stretches, |each| (x(each.from), x(each.to), y(each.rate(each.counts.pages))));
        if tally.failures > 0 {
            let failed = |each: &Stretch| (x(each.from), x(each.to), y(each.rate(each.counts.failures)));
            area(&mut svg, &plot, "failed", stretches, failed);
        }
        let _ = write!(svg, "<path class=\"mean\" d=\"M{} {}H{}\"/>", plot.x(0.0), y(mean), plot.x(1.0));
        if plot.is_wide() {
            stretches.iter().for_each(|each| tip(&mut svg, &plot, each, x(each.from), x(each.to)));
        }
        svg.push_str("</svg>\n");
    }
    svg
}

/// A stepped area: each stretch as high as what was done in it.
fn area(
    svg: &mut String,
    plot: &Plot,
    class: &str,
    stretches: &[Stretch],
    place: impl Fn(&Stretch) -> (f64, f64, f64),
) {
    let _ = write!(svg, "<path class=\"{class}\" d=\"M{} {}", plot.x(0.0), plot.y(0.0));
    for each in stretches {
        let (from, to, y) = place(each);
        let _ = write!(svg, "L{from} {y}H{to}");
    }
    let _ = write!(svg, "V{}Z\"/>", plot.y(0.0));
}

/// What a pointer finds.
fn tip(svg: &mut String, plot: &Plot, each: &Stretch, from: f64, to: f64) {
    let (top, height) = (plot.y(1.0), plot.y(0.0) - plot.y(1.0));
    let width = ((to - from) * 10.0).round() / 10.0;
    let _ = write!(svg, "<rect class=\"tip\" x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"{height}\">");
    let _ = write!(
        svg,
        "<title>{} to {}: {} pages/s, {}, {} failed</title></rect>",
        text::span(each.from),
        text::span(each.to),
        text::digits(each.rate(each.counts.pages)),
        text::counted(each.counts.pages, "page", "pages"),
        text::count(each.counts.failures)
    );
}

fn words(stretches: &[Stretch], mean: f64, most: f64) -> String {
    let least = stretches.iter().map(|each| each.rate(each.counts.pages)).fold(f64::MAX, f64::min);
    format!(
        "Pages a second over the run: {} on average, between {} and {}. The table below has the numbers.",
        text::digits(mean),
        text::digits(least),
        text::digits(most)
    )
}

/// The same as a table, coarser.
pub fn table(stretches: &[Stretch]) -> String {
    let mut html = String::from(
        "<details><summary>Pages over time as a table</summary><div class=\"scroll\"><table id=\"rates\">\
         <caption>Pages over time</caption><thead><tr><th scope=\"col\">from</th><th scope=\"col\">to</th>\
         <th scope=\"col\">pages</th><th scope=\"col\">pages/s</th><th scope=\"col\">failed</th><th scope=\"col\">read</th></tr>\
         </thead><tbody>\n",
    );
    for each in stretches {
        let Counts { pages, failures, bytes } = each.counts;
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td><data value=\"{pages}\">{}</data></td><td>{}</td>\
             <td><data value=\"{failures}\">{}</data></td><td>{}</td></tr>",
            text::span(each.from),
            text::span(each.to),
            text::count(pages),
            text::digits(each.rate(pages)),
            text::count(failures),
            text::bytes(bytes)
        );
    }
    html.push_str("</tbody></table></div></details>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::series::Series;

    /// Promise: a plot holds numbers only, in both sizes, and nothing of nothing. Provoked: no pages, one, all in the last
    /// moment, all failed.
    #[test]
    fn a_plot_holds_numbers_only() {
        assert_eq!(plots(&[], Counts::default(), Duration::ZERO), "");
        for (pages, took) in [(0, 1), (1, 1), (900, 1_000_000_007), (70_000, 90_000_000_000_000)] {
            let (mut series, mut tally) = (Series::new(), Counts::default());
            let took = Duration::from_nanos(took);
            for n in 0..pages {
                let page = Counts { pages: 1, failures: 1, bytes: u64::MAX / 100_000 };
                series.add(took.saturating_sub(Duration::from_nanos(n)), page);
                tally.add(page);
            }
            let stretches = series.stretches(took, MOST);
            let svg = plots(&stretches, tally, took);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert_eq!(svg.matches("<svg").count(), 2);
            assert_eq!(table(&stretches).matches("<tr>").count(), stretches.len() + 1);
        }
    }
}
