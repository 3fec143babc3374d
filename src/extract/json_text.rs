//! Records as JSON, written where values lie.

use std::fmt::Write;

/// A string with its quotes.
pub(super) fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte => write!(out, "\\u{byte:04x}").expect("memory takes every write"),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// An object of these members; `value` writes each.
pub(super) fn object<'n, T>(
    out: &mut String,
    members: impl Iterator<Item = (T, &'n str)>,
    mut value: impl FnMut(&mut String, T),
) {
    out.push('{');
    for (n, (member, name)) in members.enumerate() {
        if n > 0 {
            out.push(',');
        }
        string(out, name);
        out.push(':');
        value(out, member);
    }
    out.push('}');
}
