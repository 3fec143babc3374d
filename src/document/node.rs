//! A file as what it says and where it says it, whatever it is written in.

use std::ops::Range;

/// How deep tables may stand in each other: more than any sound file, and little for a stack.
pub(crate) const DEEPEST: usize = 32;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Range<usize>,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// In the order of the file.
    Table(Vec<(Key, Node)>),
    Text(String),
    Flag(bool),
    /// In decimal digits.
    #[cfg_attr(not(feature = "config"), allow(dead_code, reason = "settings have numbers, recipes have none"))]
    Number(String),
    /// What nothing can be here, by its name.
    Other(&'static str),
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) at: usize,
}

impl Node {
    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Table(_) => "a table",
            Value::Text(_) => "a string",
            Value::Flag(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Other(kind) => kind,
        }
    }

    #[cfg(feature = "recipes")]
    /// Where in `file` the byte `offset` of this string's value stands. Exact but for escapes that stand for several bytes in
    /// ways that nobody types.
    pub(crate) fn place_of(&self, file: &str, value: &str, offset: usize) -> usize {
        let literal = &file[self.at.clone()];
        if let Some(start) = literal.find(value) {
            return self.at.start + start + offset;
        }
        let quotes = if literal.starts_with("\"\"\"") { 3 } else { 1 };
        let (mut at, mut passed) = (quotes, 0);
        if quotes == 3 {
            at += literal[3..].len() - literal[3..].trim_start_matches(['\r', '\n']).len();
        }
        while passed < offset {
            let Some(sign) = literal.get(at..).and_then(|rest| rest.chars().next()) else { break };
            (at, passed) = match (sign, literal.as_bytes().get(at + 1)) {
                ('\\', Some(b'u')) => {
                    let code = literal.get(at + 2..at + 6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                    (at + 6, passed + code.and_then(char::from_u32).map_or(3, char::len_utf8))
                }
                ('\\', Some(_)) => (at + 2, passed + 1),
                _ => (at + sign.len_utf8(), passed + sign.len_utf8()),
            };
        }
        self.at.start + literal.floor_char_boundary(at.min(literal.len()))
    }
}
