//! The whole page.

use std::fmt::Write;

use slackwater::Distribution;

use super::super::record::Details;
use super::notable::{self, Figures};
use super::percentiles::{self, Curve};
use super::text::{self, Foreign};
use super::{Outcome, Setting, rates, run};
use crate::run::ending::End;
use crate::run::series::Counts;
use crate::run::terminal::peak_memory;

/// Nothing may be fetched and nothing may run, whatever a name or an error text tries.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub fn page(setting: &Setting, outcome: &Outcome, details: &Details) -> String {
    let mut html = String::with_capacity(128 << 10);
    let tally = outcome.record.sums.tally;
    let (class, ended) = how_it_ended(outcome);
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{}, {} · slackwater extract</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n",
        text::counted(tally.pages, "page", "pages"),
        text::span(outcome.took),
        include_str!("style.css"),
    );
    let _ = write!(
        html,
        "<header>\n<p class=\"note\">slackwater extract · {}</p>\n<h1>{} in {}</h1>\n\
         <p id=\"end\" class=\"pill {class}\">{ended}</p>\n</header>\n",
        text::moment(setting.begun),
        text::counted(tally.pages, "page", "pages"),
        text::span(outcome.took)
    );
    tiles(&mut html, outcome);
    let (times, waits) = (details.pages.distribution(), outcome.record.sums.times.distribution());
    notables(&mut html, setting, outcome, details, (&times, &waits));
    over_time(&mut html, outcome, details);
    latencies(&mut html, details, times, waits);
    failures(&mut html, details, tally);
    slowest(&mut html, details);
    let _ = write!(html, "<section>\n<h2>Extractors</h2>\n{}</section>\n", run::pools(&outcome.pools));
    let _ = write!(html, "<section>\n<h2>What was run</h2>\n{}</section>\n", run::setting(setting, outcome));
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

/// In words, and how good that is.
fn how_it_ended(outcome: &Outcome) -> (&'static str, String) {
    let Counts { pages, failures, .. } = outcome.record.sums.tally;
    let left = format!("{} of at least {} pages found", text::count(pages), text::count(outcome.found));
    match outcome.end {
        End::Complete if failures == 0 => ("good", "Complete".to_owned()),
        End::Complete => ("fair", format!("Complete, {} failed", text::count(failures))),
        End::Closed => ("fair", "Cut short: whoever read the output closed it".to_owned()),
        End::Interrupted(signal) => ("fair", format!("Cut short: {signal} after {left}")),
        End::NoOutput(why) | End::Refused(why) | End::GaveUp(why) => ("bad", format!("Failed: {}", Foreign(why))),
        End::Lost => ("bad", format!("Failed: {left} were written; please report this bug")),
    }
}

fn tiles(html: &mut String, outcome: &Outcome) {
    let Counts { pages, bytes, failures } = outcome.record.sums.tally;
    let seconds = outcome.took.as_secs_f64().max(1e-9);
    let skipped = match outcome.skipped {
        0 => String::new(),
        n => format!("<data id=\"skipped\" value=\"{n}\">{}</data> other files skipped", text::count(n)),
    };
    html.push_str("<dl class=\"tiles\">\n");
    let mut tile = |class: &str, name: &str, value: &str, note: &str| {
        let _ = writeln!(
            html,
            "<div class=\"{class}\"><dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>"
        );
    };
    tile("", "pages", &format!("<data id=\"pages\" value=\"{pages}\">{}</data>", text::count(pages)), &skipped);
    let rate = pages as f64 / seconds;
    tile("", "pages a second", &format!("<data id=\"rate\" value=\"{rate:.3}\">{}</data>", text::digits(rate)), "");
    let (class, share) = match failures {
        0 => ("", "none".to_owned()),
        _ => ("alarm", format!("{} of all", text::percent(failures as f64, pages as f64))),
    };
    tile(
        class,
        "failed",
        &format!("<data id=\"failed\" value=\"{failures}\">{}</data>", text::count(failures)),
        &share,
    );
    let speed = format!("{} a second", text::bytes((bytes as f64 / seconds) as u64));
    tile("", "read", &format!("<data id=\"bytes\" value=\"{bytes}\">{}</data>", text::bytes(bytes)), &speed);
    if let Some(peak) = peak_memory() {
        tile(
            "",
            "peak memory",
            &format!("<data id=\"memory\" value=\"{peak}\">{}</data>", text::bytes(peak)),
            "resident",
        );
    }
    html.push_str("</dl>\n");
}

fn notables(
    html: &mut String,
    setting: &Setting,
    outcome: &Outcome,
    details: &Details,
    (times, waits): (&Distribution, &Distribution),
) {
    let Counts { pages, failures, .. } = outcome.record.sums.tally;
    let figures = Figures {
        pages,
        failures,
        worst: details.failures().first().map(|(kind, _)| kind.to_string()),
        took: outcome.took,
        threads: setting.threads,
        pool_size: setting.pool_size,
        times,
        waits,
        slowest: details.slowest.pages().first(),
        pools: &outcome.pools,
    };
    let sentences = notable::sentences(&figures);
    if sentences.is_empty() {
        return;
    }
    html.push_str(
        "<section class=\"notable\" aria-labelledby=\"notable\">\n<h2 id=\"notable\">What stands out</h2>\n<ul>\n",
    );
    sentences.iter().for_each(|sentence| *html += &format!("<li>{sentence}</li>\n"));
    html.push_str("</ul>\n</section>\n");
}

fn over_time(html: &mut String, outcome: &Outcome, details: &Details) {
    let tally = outcome.record.sums.tally;
    let stretches = |most| details.series.stretches(outcome.took, most);
    let most = usize::try_from(tally.pages / rates::PAGES_EACH).unwrap_or(usize::MAX).clamp(1, rates::MOST);
    html.push_str("<section>\n<h2>Pages a second</h2>\n");
    if tally.pages == 0 {
        html.push_str("<p>No page was finished.</p>\n</section>\n");
        return;
    }
    html.push_str("<p class=\"legend\"><span><i class=\"key page\"></i>pages/s</span>");
    if tally.failures > 0 {
        html.push_str("<span><i class=\"key bad\"></i>of these, failed</span>");
    }
    html.push_str("<span><i class=\"key dashed\"></i>average of the run</span></p>\n");
    let _ =
        writeln!(html, "<figure id=\"rates-plot\">{}</figure>", rates::plots(&stretches(most), tally, outcome.took));
    let _ = writeln!(html, "{}</section>", rates::table(&stretches(most.min(rates::ROWS))));
}

fn latencies(html: &mut String, details: &Details, times: Distribution, waits: Distribution) {
    html.push_str("<section>\n<h2>Times</h2>\n");
    let (css, regex) = (details.css.distribution(), details.regex.distribution());
    let curves = [
        Curve { class: "page", name: "page", meaning: "whole", times },
        Curve { class: "css", name: "css", meaning: "extractor held", times: css },
        Curve { class: "regex", name: "regex", meaning: "extractor held", times: regex },
        Curve { class: "wait", name: "wait", meaning: "for an extractor", times: waits },
    ];
    if curves.iter().all(|curve| curve.times.is_empty()) {
        html.push_str("<p>Nothing was timed.</p>\n</section>\n");
        return;
    }
    shares(html, &curves);
    html.push_str("<h3>By percentile</h3>\n<p class=\"legend\">");
    for Curve { class, name, .. } in curves.iter().filter(|curve| !curve.times.is_empty()) {
        let _ = write!(html, "<span><i class=\"line {class}\"></i>{name}</span>");
    }
    let _ = writeln!(html, "</p>\n<figure id=\"percentiles-plot\">{}</figure>", percentiles::plots(&curves));
    html.push_str(
        "<p class=\"note\">Both axes are logarithmic: each nine of the percentile has as much room as the one before. Up to the 99th \
         percentile is what 99 of 100 pages took at most. Percentiles are never too low and at most a sixteenth too high; means and \
         longest are exact. Checkout times include the clock's own, some 50 ns.</p>\n",
    );
    let _ = writeln!(html, "{}</section>", percentiles::table(&curves));
}

/// Where the time of all pages went: a bar, and its numbers in words beside it.
fn shares(html: &mut String, curves: &[Curve; 4]) {
    let [all, css, regex, wait] = [0, 1, 2, 3].map(|n: usize| curves[n].times.sum());
    // What a clock adds when it is looked at twice must not make the parts more than the whole.
    let rest = all.saturating_sub(css + regex + wait);
    let whole = (css + regex + wait + rest).as_secs_f64();
    if whole <= 0.0 {
        return;
    }
    let parts = [
        ("css", "CSS extractors, with parsing", css),
        ("regex", "regex extractors", regex),
        ("wait", "waiting for extractors", wait),
        ("rest", "reading, decoding, writing the line", rest),
    ];
    html.push_str("<h3>Where the time of a page goes</h3>\n<div class=\"bar\" aria-hidden=\"true\">");
    for (class, _, time) in parts.iter().filter(|(.., time)| !time.is_zero()) {
        let share = 100.0 * time.as_secs_f64() / whole;
        let _ = write!(html, "<i class=\"{class}\" style=\"width:{share:.2}%\"></i>");
    }
    html.push_str("</div>\n<ul class=\"legend shares\">");
    for (class, name, time) in parts.iter().filter(|(.., time)| !time.is_zero()) {
        let share = text::percent(time.as_secs_f64(), whole);
        let _ = write!(html, "<li><i class=\"key {class}\"></i>{name} <b>{share}</b></li>");
    }
    html.push_str("</ul>\n");
}

fn failures(html: &mut String, details: &Details, tally: Counts) {
    html.push_str("<section>\n<h2>Failures</h2>\n");
    let failures = details.failures();
    if failures.is_empty() {
        html.push_str("<p>No page failed.</p>\n</section>\n");
        return;
    }
    let most = failures[0].1.count.max(1) as f64;
    html.push_str(
        "<div class=\"scroll\"><table id=\"failures\"><caption>Failed pages by kind</caption><thead><tr><th scope=\"col\">kind</th>\
         <th scope=\"col\">pages</th><th scope=\"col\">share of all</th><td></td></tr></thead><tbody>\n",
    );
    for (kind, of) in &failures {
        let count = of.count;
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{kind}</th><td><data value=\"{count}\">{}</data></td><td>{}</td>\
             <td class=\"wide-cell meters\" aria-hidden=\"true\"><i class=\"meter\" style=\"width:{:.1}%\"></i></td></tr>",
            text::count(count),
            text::percent(count as f64, tally.pages as f64),
            100.0 * count as f64 / most
        );
    }
    html.push_str("</tbody></table></div>\n");
    for (kind, of) in &failures {
        let first = match of.count - of.examples.len() as u64 {
            0 => String::new(),
            more => format!(" <span class=\"note\">and {} more</span>", text::count(more)),
        };
        let _ = writeln!(html, "<h3>{kind}{first}</h3>");
        // Most kinds have one text for all their pages.
        let common = of.examples.first().filter(|(_, why)| of.examples.iter().all(|(_, each)| each == why));
        if let Some((_, why)) = common {
            let _ = writeln!(html, "<p class=\"note why\">{}</p>", Foreign(why));
        }
        html.push_str("<ul class=\"examples\">\n");
        for (source, why) in &of.examples {
            let why = if common.is_some() { String::new() } else { format!("<br><span>{}</span>", Foreign(why)) };
            let _ = writeln!(html, "<li><code>{}</code>{why}</li>", Foreign(source));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("</section>\n");
}

fn slowest(html: &mut String, details: &Details) {
    let pages = details.slowest.pages();
    if pages.is_empty() {
        return;
    }
    html.push_str(
        "<section>\n<h2>Slowest pages</h2>\n<div class=\"scroll\"><table id=\"slowest\"><caption>Slowest pages</caption><thead><tr>\
         <th scope=\"col\">page</th><th scope=\"col\">took</th><th scope=\"col\">size</th><th scope=\"col\" class=\"wide-cell\">a MiB</th></tr></thead>\
         <tbody>\n",
    );
    for page in pages {
        let mebibytes = page.bytes as f64 / f64::from(1 << 20);
        let each = if page.bytes == 0 { "–".to_owned() } else { text::span(page.took.div_f64(mebibytes)) };
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\"><code>{}</code></th><td><data value=\"{}\">{}</data></td><td>{}</td><td class=\"wide-cell\">{each}</td></tr>",
            Foreign(&page.source),
            page.took.as_nanos(),
            text::span(page.took),
            text::bytes(page.bytes)
        );
    }
    html.push_str("</tbody></table></div>\n</section>\n");
}
