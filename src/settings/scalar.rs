//! Single values: how they are written, and what they become.

use crate::config::{Creation, Fences, Keeper, OnDeadlock, OnPanic, Strategy};
use crate::resilience::Recovery;
use serde_json::json;
use std::fmt;
use std::time::Duration;

/// A value as somebody gave it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    Flag(bool),
    /// In decimal digits.
    Number(String),
    Text(String),
    /// Out of a variable, which does not say what it is.
    Word(String),
}

impl Given {
    /// A word, or what stands in quotes.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Given::Text(text) | Given::Word(text) => Some(text),
            Given::Flag(_) | Given::Number(_) => None,
        }
    }

    pub(super) fn is_text(&self, text: &str) -> bool {
        self.text() == Some(text)
    }

    fn digits(&self) -> Option<&str> {
        match self {
            Given::Number(digits) | Given::Word(digits) => Some(digits),
            Given::Flag(_) | Given::Text(_) => None,
        }
    }

    fn number<T: std::str::FromStr>(&self) -> Option<T> {
        self.digits()?.parse().ok()
    }
}

impl fmt::Display for Given {
    /// As TOML has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Flag(flag) => flag.fmt(f),
            Given::Number(digits) => f.write_str(digits),
            Given::Text(text) | Given::Word(text) => write!(f, "{text:?}"),
        }
    }
}

/// What a setting's value is.
pub(super) trait Scalar: Sized {
    /// In words, for who gave something else.
    fn what() -> String;
    /// For editors.
    fn schema() -> serde_json::Value;
    fn read(given: &Given) -> Option<Self>;
    fn show(&self) -> Given;
}

impl Scalar for bool {
    fn what() -> String {
        "true or false".to_owned()
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "boolean" })
    }

    fn read(given: &Given) -> Option<Self> {
        match given {
            Given::Flag(flag) => Some(*flag),
            Given::Word(word) => word.parse().ok(),
            Given::Number(_) | Given::Text(_) => None,
        }
    }

    fn show(&self) -> Given {
        Given::Flag(*self)
    }
}

macro_rules! whole {
    ($($type:ty),*) => {$(
        impl Scalar for $type {
            fn what() -> String {
                "a whole number".to_owned()
            }

            fn schema() -> serde_json::Value {
                json!({ "type": "integer", "minimum": 0 })
            }

            fn read(given: &Given) -> Option<Self> {
                given.number()
            }

            fn show(&self) -> Given {
                Given::Number(self.to_string())
            }
        }
    )*};
}

whole!(u32, u64, usize);

impl Scalar for f64 {
    fn what() -> String {
        "a number, like 0.8".to_owned()
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "number" })
    }

    fn read(given: &Given) -> Option<Self> {
        given.number().filter(|number: &f64| number.is_finite())
    }

    fn show(&self) -> Given {
        Given::Number(format!("{self:?}"))
    }
}

impl Scalar for String {
    fn what() -> String {
        "a text".to_owned()
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string" })
    }

    fn read(given: &Given) -> Option<Self> {
        given.text().map(str::to_owned)
    }

    fn show(&self) -> Given {
        Given::Text(self.clone())
    }
}

impl Scalar for Duration {
    fn what() -> String {
        "a time with its unit (ns, us, ms, s, m, h, days), like \"250ms\" or \"1m 30s\"".to_owned()
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^\\s*(\\d+\\s*[a-zA-Zµ]+\\s*)+$|^0$", "examples": ["250ms", "1m 30s"] })
    }

    fn read(given: &Given) -> Option<Self> {
        humantime::parse_duration(given.text()?).ok()
    }

    fn show(&self) -> Given {
        Given::Text(humantime::format_duration(*self).to_string())
    }
}

/// A weight: bytes, mostly. A bare number is as good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Size(pub(super) u64);

impl Scalar for Size {
    fn what() -> String {
        "a size, like \"512MB\" (10^6 bytes each), \"512MiB\" (2^20) or a whole number".to_owned()
    }

    fn schema() -> serde_json::Value {
        json!({ "type": ["string", "integer"], "examples": ["512MB", "2GiB"] })
    }

    fn read(given: &Given) -> Option<Self> {
        let bare = given.number().map(Size);
        bare.or_else(|| Some(Size(given.text()?.parse::<bytesize::ByteSize>().ok()?.as_u64())))
    }

    fn show(&self) -> Given {
        Given::Number(self.0.to_string())
    }
}

/// What can be switched off.
impl<T: Scalar> Scalar for Option<T> {
    fn what() -> String {
        format!("{}, or \"off\"", T::what())
    }

    fn schema() -> serde_json::Value {
        json!({ "anyOf": [T::schema(), { "const": "off" }] })
    }

    fn read(given: &Given) -> Option<Self> {
        if given.text() == Some("off") { Some(None) } else { T::read(given).map(Some) }
    }

    fn show(&self) -> Given {
        self.as_ref().map_or_else(|| Given::Text("off".to_owned()), Scalar::show)
    }
}

/// Values that are words.
macro_rules! words {
    ($type:ty { $($value:path => $word:literal),+ $(,)? }) => {
        impl Scalar for $type {
            fn what() -> String {
                [$(concat!("\"", $word, "\"")),+].join(", ")
            }

            fn schema() -> serde_json::Value {
                json!({ "enum": [$($word),+] })
            }

            fn read(given: &Given) -> Option<Self> {
                match given.text()? {
                    $($word => Some($value),)+
                    _ => None,
                }
            }

            fn show(&self) -> Given {
                Given::Text(match self { $($value => $word),+ }.to_owned())
            }
        }
    };
}
pub(super) use words;

words!(Strategy { Strategy::Affine => "affine", Strategy::Lifo => "lifo", Strategy::Fifo => "fifo" });
words!(Creation { Creation::Auto => "auto", Creation::Inline => "inline", Creation::Background => "background" });
words!(OnPanic { OnPanic::Discard => "discard", OnPanic::Check => "check", OnPanic::Return => "return" });
words!(OnDeadlock { OnDeadlock::Report => "report", OnDeadlock::Refuse => "refuse" });
words!(Keeper { Keeper::Dedicated => "dedicated", Keeper::Shared => "shared", Keeper::Manual => "manual" });
words!(Fences { Fences::Auto => "auto", Fences::Portable => "portable" });
words!(Recovery {
    Recovery::Retry => "retry",
    Recovery::Refuse => "refuse",
    Recovery::Degrade => "degrade",
    Recovery::Remove => "remove",
    Recovery::Replace => "replace",
    Recovery::Stop => "stop",
});

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    fn word(word: &str) -> Given {
        Given::Word(word.to_owned())
    }

    /// Promise: a time has its unit, in a file as in a variable. Provoked: with and without, several, none.
    #[test]
    fn times_have_units() {
        for (written, nanos) in
            [("250ms", 250_000_000), ("1m 30s", 90_000_000_000), ("7us", 7_000), ("2h", 7_200_000_000_000_u64)]
        {
            for given in [text(written), word(written)] {
                assert_eq!(Duration::read(&given), Some(Duration::from_nanos(nanos)), "{written}");
            }
        }
        for given in [text("250"), word("250"), Given::Number("250".to_owned()), text("-1s"), text(""), text("ms")] {
            assert_eq!(Duration::read(&given), None, "{given:?}");
        }
    }

    #[test]
    fn sizes_are_decimal_or_binary_as_they_say() {
        for (written, bytes) in [("512MB", 512_000_000), ("512MiB", 512 << 20), ("1.5GiB", 3 << 29), ("77", 77)] {
            assert_eq!(Size::read(&word(written)), Some(Size(bytes)), "{written}");
        }
        assert_eq!(Size::read(&Given::Number("77".to_owned())), Some(Size(77)));
        assert_eq!(Size::read(&text("much")), None);
    }

    /// Promise: a file's quotes are looked at. Provoked: numbers and flags in quotes, texts without.
    #[test]
    fn a_number_in_quotes_is_a_text_unless_nobody_can_say_so() {
        assert_eq!((usize::read(&text("8")), usize::read(&word("8"))), (None, Some(8)));
        assert_eq!((bool::read(&text("true")), bool::read(&word("true"))), (None, Some(true)));
        assert_eq!(usize::read(&Given::Number("-8".to_owned())), None);
        assert_eq!(f64::read(&word("inf")), None);
        assert_eq!(Option::<usize>::read(&text("off")), Some(None));
    }

    #[test]
    fn what_is_shown_can_be_read() {
        for nanos in [1, 999, 1_000_000_000, 86_399_123_456_789_u64, 365 * 86_400_000_000_000] {
            let time = Duration::from_nanos(nanos);
            assert_eq!(Duration::read(&time.show()), Some(time), "{}", time.show());
        }
        for number in [0.1, 1e-9, 1e300, 3.0] {
            assert_eq!(f64::read(&number.show()), Some(number));
        }
    }
}
