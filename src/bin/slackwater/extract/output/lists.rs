//! How the values of a field become one cell of a table.

use super::json;

/// The rule for lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// The first value, or an empty cell. What comes after it is lost.
    First,
    /// A JSON array.
    Json,
    /// All values with this sign between them. Nothing is lost: see [`Lists::join`].
    Join(char),
}

impl Default for Lists {
    fn default() -> Self {
        Self::Join('|')
    }
}

impl Lists {
    /// Reads what was typed after `--list`.
    /// # Errors
    /// What is wrong, with what to try.
    pub fn parse(text: &str) -> Result<Self, String> {
        let separator = match text {
            "first" => return Ok(Self::First),
            "json" => return Ok(Self::Json),
            _ => text.strip_prefix("join=").ok_or("there is first, json and join=SEP, such as join=';'")?,
        };
        let mut signs = separator.chars();
        match (signs.next(), signs.next()) {
            // A letter would turn `\e` into something else.
            (Some(sign), None) if !sign.is_alphanumeric() && !"\\\"\r\0".contains(sign) => Ok(Self::Join(sign)),
            _ => Err("SEP is one sign: no letter or digit, backslash, quote, CR or NUL; such as join=';'".to_owned()),
        }
    }

    /// The cell of a field with these values.
    pub fn cell<'v>(self, cell: &mut Vec<u8>, mut values: impl ExactSizeIterator<Item = &'v str>) {
        match self {
            Self::First => cell.extend_from_slice(values.next().unwrap_or_default().as_bytes()),
            Self::Json => json::list(cell, values),
            Self::Join(separator) => join(cell, separator, values),
        }
    }
}

/// A backslash goes before each backslash and each separator of a value. No value is an empty cell, and so one empty value has
/// to be something else: `\e`. Whoever splits at the separators that have no backslash before them, drops `\e` and then takes
/// each sign after a backslash as it is has the values again.
fn join<'v>(cell: &mut Vec<u8>, separator: char, values: impl ExactSizeIterator<Item = &'v str>) {
    let mut utf8 = [0; 4];
    let separator_bytes = separator.encode_utf8(&mut utf8).as_bytes();
    let alone = values.len() == 1;
    for (n, value) in values.enumerate() {
        if n > 0 {
            cell.extend_from_slice(separator_bytes);
        }
        if alone && value.is_empty() {
            cell.extend_from_slice(br"\e");
        }
        let mut rest = value;
        while let Some(at) = rest.find(['\\', separator]) {
            cell.extend_from_slice(&rest.as_bytes()[..at]);
            cell.push(b'\\');
            let sign = rest[at..].chars().next().map_or(0, char::len_utf8);
            cell.extend_from_slice(&rest.as_bytes()[at..at + sign]);
            rest = &rest[at + sign..];
        }
        cell.extend_from_slice(rest.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the rule as the documentation has it, not by the writer's code.
    fn split(cell: &str, separator: char) -> Vec<String> {
        if cell.is_empty() {
            return Vec::new();
        }
        let mut values = vec![String::new()];
        let mut signs = cell.chars();
        while let Some(sign) = signs.next() {
            match sign {
                '\\' => match signs.next().unwrap() {
                    'e' => {}
                    escaped => values.last_mut().unwrap().push(escaped),
                },
                sign if sign == separator => values.push(String::new()),
                sign => values.last_mut().unwrap().push(sign),
            }
        }
        values
    }

    /// Promise: what was joined can be split again, and each list has a cell of its own. Provoked: all lists of up to three
    /// values made of up to two signs that mean something, for separators of one and more bytes.
    #[test]
    fn a_joined_list_can_be_split_again() {
        for separator in ['|', ';', ' ', '\n', '\t', '¦', '…'] {
            let signs = ['\\', 'e', separator, '"'];
            let mut values = vec![String::new()];
            values.extend(signs.map(String::from));
            values.extend(signs.iter().flat_map(|a| signs.map(|b| format!("{a}{b}"))));
            let mut lists = vec![Vec::new()];
            lists.extend(values.iter().map(|a| vec![a.as_str()]));
            lists.extend(values.iter().flat_map(|a| values.iter().map(|b| vec![a.as_str(), b])));
            let triples = lists.iter().filter(|list| list.len() == 2).flat_map(|two| {
                let with = |third: &'static str| two.iter().copied().chain([third]).collect::<Vec<_>>();
                ["", "\\", "e"].map(with)
            });
            let lists: Vec<_> = lists.iter().cloned().chain(triples.collect::<Vec<_>>()).collect();
            let mut cells = std::collections::BTreeSet::new();
            for list in &lists {
                let mut cell = Vec::new();
                Lists::Join(separator).cell(&mut cell, list.iter().copied());
                let cell = String::from_utf8(cell).unwrap();
                assert_eq!(split(&cell, separator), *list, "{cell:?}");
                cells.insert(cell);
            }
            assert_eq!(cells.len(), lists.len(), "no two lists have the same cell");
        }
    }

    /// Promise: only signs that keep the rule sound separate. Provoked: each kind of wrong one.
    #[test]
    fn separators_that_would_not_do_are_refused() {
        for wrong in ["join=", "join=ab", "join=e", "join=1", "join=\\", "join=\"", "join=\r", "join", "last", ""] {
            assert!(Lists::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Lists::parse("join=="), Ok(Lists::Join('=')));
        assert_eq!(Lists::parse("first"), Ok(Lists::First));
    }
}
