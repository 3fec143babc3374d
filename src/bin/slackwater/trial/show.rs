//! What was found, for a person at a terminal.

use std::fmt::Write;
use std::ops::Range;

use slackwater::extract::{Recipe, Shape, Sighting, Trial};

/// Signs of a line of the page, and of a value, that are shown.
const WIDTH: usize = 100;

pub fn all(recipe: &Recipe, trial: &Trial, matches: usize, colours: bool) -> String {
    let mut show = Show { out: String::new(), colours };
    for (field, name) in recipe.names().iter().enumerate() {
        show.field(recipe, trial, field, name, matches);
    }
    if let Some(exceeded) = trial.values().exceeded() {
        let _ = writeln!(show.out, "this is not all: {exceeded}");
    }
    if let Some(missing) = trial.values().missing() {
        let _ = writeln!(show.out, "this page would fail: {missing}");
    }
    show.out
}

struct Show {
    out: String,
    colours: bool,
}

impl Show {
    fn field(&mut self, recipe: &Recipe, trial: &Trial, field: usize, name: &str, matches: usize) {
        let seen = trial.sightings(field);
        let count = match seen.len() {
            1 => "1 match".to_owned(),
            n => format!("{n} matches"),
        };
        let name = self.painted("1", &visible(name));
        let _ = writeln!(self.out, "{name}: {count}");
        let is_counted = recipe.shapes()[field] == Shape::Count;
        let mut values = trial.values().of(field);
        // What is counted and stands nowhere has nothing to be shown.
        let has_something = |sighting: &&Sighting| !is_counted || sighting.start.is_some();
        let shown: Vec<&Sighting> = seen.iter().filter(has_something).take(matches).collect();
        let places: Vec<String> = shown.iter().map(|sighting| place(trial, sighting)).collect();
        let width = places.iter().map(String::len).max().unwrap_or(0);
        for (sighting, place) in shown.into_iter().zip(places) {
            let _ = write!(self.out, "  {place:>width$}  ");
            let value = if is_counted { None } else { values.next() };
            match (sighting.start, &sighting.found) {
                (Some(start), Some(found)) => self.excerpt(trial.page(), start, found.clone()),
                // Only its value is there to be shown.
                _ => {
                    let value = self.painted("7", &shortened(value.unwrap_or_default()));
                    self.out += &value;
                }
            }
            self.out.push('\n');
        }
        let more = seen.iter().filter(has_something).count().saturating_sub(matches);
        if more > 0 {
            let _ = writeln!(self.out, "  and {more} more");
        }
        // What was stopped says nothing about what is not there.
        if seen.is_empty() && trial.values().exceeded().is_none() {
            self.hint(recipe, trial, field);
        }
    }

    /// The page from the match on, with what was taken highlighted. Line ends and runs of space are shown as one.
    fn excerpt(&mut self, page: &str, start: usize, found: Range<usize>) {
        let line = page[..start].rfind('\n').map_or(0, |end| end + 1);
        let before = page[line..start].trim_start();
        // A little of what stands before a match within its line.
        let from = before.char_indices().rev().nth(19).map_or(0, |(at, _)| at);
        let end = page[found.end..].find('\n').map_or(page.len(), |n| found.end + n);
        let mut room = WIDTH;
        let mut part = |text: &str| {
            let (shown, used) = cut(text, room);
            room -= used;
            shown
        };
        let parts = [
            part(&before[from..]),
            part(&page[start..found.start.max(start)]),
            part(&page[found.clone()]),
            part(&page[found.end..end]),
        ];
        let highlighted = self.painted("7", &parts[2]);
        let _ = write!(self.out, "{}{}{highlighted}{}", parts[0], parts[1], parts[3]);
    }

    fn hint(&mut self, recipe: &Recipe, trial: &Trial, field: usize) {
        for steps in trial.reach(recipe, field) {
            let reached = steps.iter().rev().find(|(_, matches)| *matches > 0);
            let stopped = steps.iter().find(|(_, matches)| *matches == 0);
            let said = match (reached, stopped) {
                (Some((last, n)), Some((next, _))) => {
                    format!("{last} matches {n} element{}, {next} none", if *n == 1 { "" } else { "s" })
                }
                (None, Some((first, _))) => format!("there is no {first} on this page"),
                // The elements are there, what was asked of them is not.
                (Some((all, n)), None) => format!("{all} matches {n}, and none has the attribute"),
                (None, None) => continue,
            };
            let _ = writeln!(self.out, "  hint: {}", visible(&said));
        }
        if recipe.regex_fields().iter().any(|(index, _)| *index == field) {
            self.out.push_str(
                "  hint: letters count as they are typed, (?i) before a pattern lets capitals match small ones\n",
            );
        }
    }

    fn painted(&self, code: &str, text: &str) -> String {
        match (self.colours, code) {
            (true, _) => format!("\x1b[{code}m{text}\x1b[0m"),
            // Without colours what is taken still has to be seen.
            (false, "7") => format!("«{text}»"),
            _ => text.to_owned(),
        }
    }
}

fn place(trial: &Trial, sighting: &Sighting) -> String {
    match sighting.start {
        Some(at) => {
            let (line, column) = trial.place(at);
            format!("{line}:{column}")
        }
        None => "-".to_owned(),
    }
}

/// At most so many signs, white space as one space each, nothing that moves a cursor; and how many they are.
fn cut(text: &str, room: usize) -> (String, usize) {
    let mut shown = String::new();
    let (mut used, mut was_space) = (0, false);
    for sign in text.chars() {
        let is_space = sign.is_whitespace();
        if is_space && was_space {
            continue;
        }
        if used + 1 >= room {
            if room > 0 {
                shown.push('…');
                used = room;
            }
            break;
        }
        shown.push(if is_space { ' ' } else { safe(sign) });
        used += 1;
        was_space = is_space;
    }
    (shown, used)
}

/// A page is somebody else's: what would act on the terminal is shown as a sign of its own.
fn safe(sign: char) -> char {
    let turns = matches!(sign, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    if sign.is_control() || turns { '\u{FFFD}' } else { sign }
}

fn visible(text: &str) -> String {
    text.chars().map(safe).collect()
}

fn shortened(value: &str) -> String {
    cut(value, WIDTH).0
}
