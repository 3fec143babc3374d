//! Matches of a pattern: as text, or as records of its named groups.

use std::ops::ControlFlow;

use regex::{CaptureLocations, Regex};

use super::bounds::Clock;
use super::finder::Finder;
use super::what::{Over, Take};
use super::{RegexField, Values, json_text};

/// What a match costs in steps of a clock: a look at it every sixteen matches.
const MATCH: usize = 63;

/// The bytes that are searched, or copied, in the time of a clock's step.
pub(super) const BYTES: usize = 64;

/// Takes all that a field of a recipe asks for, as long as there is time. Text to be searched is in `values` already.
pub(super) fn field(index: usize, field: &RegexField, page: &str, values: &mut Values, clock: &Clock) {
    let first = field.take == Take::First;
    let search = |text: &str, values: &mut Values| {
        let is_over = !has_time(text, clock) || values.exceeded().is_some();
        if is_over || first && values.of(index).len() > 0 {
            return;
        }
        let _ = each(&field.regex, field.is_record, text, clock, |found| {
            values.push_with(index, |out| found.write(out));
            if first || values.exceeded().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    };
    match field.over {
        Over::Source => search(page, values),
        Over::Text => values.with_page_text(search),
        Over::Field(over) => values.with_each(over, search),
    }
    values.finish(index, field.required.as_ref(), field.take == Take::Count);
}

/// Takes what a pattern finds in the page's source, as long as there is time.
pub(super) fn plain(index: usize, finder: &mut Finder, page: &str, values: &mut Values, clock: &Clock) {
    if !has_time(page, clock) {
        return;
    }
    for value in finder.values(page) {
        if goes_on(clock).is_break() || values.exceeded().is_some() {
            return;
        }
        // A match in which group 1 took no part has nothing to give.
        if let Some(value) = value {
            values.push(index, [value]);
        }
    }
}

/// Takes the time of one search off a clock; whether there is any.
pub(super) fn has_time(text: &str, clock: &Clock) -> bool {
    clock.spend(MATCH + text.len() / BYTES);
    !clock.is_over()
}

/// What a match gives.
pub(super) enum Found<'a> {
    Text(&'a str),
    Groups(&'a Regex, &'a str, &'a CaptureLocations),
}

impl Found<'_> {
    /// Text as it is, groups as a JSON object; those that took no part are null.
    pub(super) fn write(&self, out: &mut String) {
        match *self {
            Self::Text(text) => out.push_str(text),
            Self::Groups(regex, text, groups) => {
                let named = regex.capture_names().enumerate().filter_map(|(n, name)| Some((n, name?)));
                json_text::object(out, named, |out, n| match groups.get(n) {
                    Some((start, end)) => json_text::string(out, &text[start..end]),
                    None => out.push_str("null"),
                });
            }
        }
    }
}

/// Each match in turn, until `take` has enough or time is over.
pub(super) fn each(
    regex: &Regex,
    is_record: bool,
    text: &str,
    clock: &Clock,
    mut take: impl FnMut(Found<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if regex.captures_len() == 1 {
        return regex.find_iter(text).try_for_each(|found| {
            goes_on(clock)?;
            take(Found::Text(found.as_str()))
        });
    }
    // As `captures_iter`, but one memory for the groups of all matches.
    let mut groups = regex.capture_locations();
    let (mut at, mut last) = (0, None);
    while let Some(found) = (at <= text.len()).then(|| regex.captures_read_at(&mut groups, text, at)).flatten() {
        // Also where it gives nothing: it may be the end of a search that saw all of the text.
        goes_on(clock)?;
        if found.is_empty() && last == Some(found.end()) {
            at = found.end() + text[found.end()..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        (at, last) = (found.end(), Some(found.end()));
        if is_record {
            take(Found::Groups(regex, text, &groups))?;
        } else if let Some((start, end)) = groups.get(1) {
            take(Found::Text(&text[start..end]))?;
        }
    }
    ControlFlow::Continue(())
}

/// One search takes time that grows with the text alone, but each match may be the end of one that saw all of it.
fn goes_on(clock: &Clock) -> ControlFlow<()> {
    clock.spend(MATCH);
    if clock.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: the matches are those of `captures_iter`. Provoked: empty matches, at ends, beside others, between wide signs.
    #[test]
    fn matches_are_those_of_the_iterator() {
        for pattern in ["(a*)", "(a)|b*", "()", "(é*)", "(?:a|(b))?", "^(.*)$", "(x?)(y?)"] {
            for text in ["", "aa", "baab", "éaé", "ab\nba", "xyyx", "日本a"] {
                let regex = Regex::new(pattern).unwrap();
                let expected: Vec<&str> =
                    regex.captures_iter(text).filter_map(|found| found.get(1)).map(|group| group.as_str()).collect();
                let mut got = Vec::new();
                let _ = each(&regex, false, text, &Clock::new(None), |found| {
                    let Found::Text(found) = found else { unreachable!() };
                    got.push(found.to_owned());
                    ControlFlow::Continue(())
                });
                assert_eq!(got, expected, "{pattern} in {text:?}");
            }
        }
    }
}
