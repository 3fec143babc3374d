//! Words and numbers for a page: escaped, and in units that suit them.

use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

/// Text that somebody else wrote, such as a file name: nothing in it is markup, and everything in it shows.
pub struct Foreign<'a>(pub &'a str);

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // The pictures of control characters, in their order.
                '\0'..='\x1f' => f.write_char(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'))?,
                '\x7f' => f.write_char('\u{2421}')?,
                // What cannot be seen, or turns around what can: a name must not look like another one.
                '\u{80}'..='\u{9f}'
                | '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}' => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A time in the unit that suits it, to three digits.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    match span.as_nanos() {
        0 => "0".to_owned(),
        n @ 1..1_000 => format!("{n} ns"),
        1_000..1_000_000 => format!("{} µs", digits(seconds * 1e6)),
        1_000_000..1_000_000_000 => format!("{} ms", digits(seconds * 1e3)),
        _ if seconds < 120.0 => format!("{} s", digits(seconds)),
        _ if seconds < 7_200.0 => format!("{} min {:02} s", (seconds / 60.0) as u64, seconds as u64 % 60),
        _ => format!("{} h {:02} min", (seconds / 3_600.0) as u64, (seconds / 60.0) as u64 % 60),
    }
}

/// A number to three digits, without noise behind the point.
pub fn digits(number: f64) -> String {
    match number {
        n if !n.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        n if n < 0.01 => "under 0.01".to_owned(),
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => count(n.round() as u64),
    }
}

/// A whole number with its thousands apart.
pub fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// So many of what has this name for one and that for more.
pub fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

pub fn bytes(number: u64) -> String {
    indicatif::HumanBytes(number).to_string()
}

/// A share of a whole, as a percentage; nothing of nothing is nothing.
pub fn percent(part: f64, whole: f64) -> String {
    let share = if whole > 0.0 { 100.0 * part / whole } else { 0.0 };
    match share {
        0.0 => "0 %".to_owned(),
        share if share < 0.1 => "under 0.1 %".to_owned(),
        share if share < 9.95 => format!("{share:.1} %"),
        share => format!("{share:.0} %"),
    }
}

/// Year, month, day, hour, minute, second of a moment, in UTC.
fn calendar(moment: SystemTime) -> [u64; 6] {
    let seconds = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    // Years that begin in March have their odd day at the end: H. Hinnant's way, for days after 1970.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    [year, month, day - (153 * march + 2) / 5 + 1, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60]
}

/// A moment as an element for people and programs.
pub fn moment(moment: SystemTime) -> String {
    let [year, month, day, hour, minute, second] = calendar(moment);
    let (date, time) = (format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"));
    format!("<time datetime=\"{date}T{time}Z\">{date} {time} UTC</time>")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: nothing of a foreign text is markup, and nothing of it is invisible. Provoked: markup, quotes, control
    /// characters, a name that is written backwards.
    #[test]
    fn foreign_text_shows_and_does_nothing() {
        let shown = Foreign("<b a='\"'>&amp;\n\0\x7f\u{202e}lmth.\u{200b}ä").to_string();
        assert_eq!(shown, "&lt;b a=&#39;&quot;&#39;&gt;&amp;amp;␊␀␡\\u{202e}lmth.\\u{200b}ä");
    }

    /// Promise: three digits and a unit that suits. Provoked: each unit, its ends, and what is no number.
    #[test]
    fn numbers_are_short() {
        let spans = [0, 999, 1_000, 999_999, 12_345_678, 119_000_000_000, 120_000_000_000, 90_061_000_000_000];
        let shown = spans.map(|n| span(Duration::from_nanos(n)));
        assert_eq!(shown, ["0", "999 ns", "1.00 µs", "1,000 µs", "12.3 ms", "119 s", "2 min 00 s", "25 h 01 min"]);
        assert_eq!([f64::NAN, 0.0, 9.999, 99.96, 1e6].map(digits), ["–", "0", "10.0", "100", "1,000,000"]);
        let shares = [(0.0, 0.0), (0.0, 9.0), (1.0, 9_999.0), (1.0, 3.0), (1.0, 11.0), (7.0, 7.0)];
        let shown = shares.map(|(part, whole)| percent(part, whole));
        assert_eq!(shown, ["0 %", "0 %", "under 0.1 %", "33 %", "9.1 %", "100 %"]);
    }

    /// Promise: dates are those of the calendar. Provoked: the epoch, leap days, a century that is one and one that is none.
    #[test]
    fn dates_are_right() {
        for (seconds, want) in [
            (0, [1970, 1, 1, 0, 0, 0]),
            (951_782_399, [2000, 2, 28, 23, 59, 59]),
            (951_782_400, [2000, 2, 29, 0, 0, 0]),
            (1_709_251_199, [2024, 2, 29, 23, 59, 59]),
            (1_767_225_599, [2025, 12, 31, 23, 59, 59]),
            (4_107_542_400, [2100, 3, 1, 0, 0, 0]),
        ] {
            assert_eq!(calendar(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), want);
        }
    }
}
