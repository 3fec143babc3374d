//! The page, and what it may do.

use std::sync::LazyLock;

/// One function in five files: each goes on where the one before it ends.
const SCRIPT: &str = concat!(
    include_str!("page/memory.js"),
    include_str!("page/slots.js"),
    include_str!("page/charts.js"),
    include_str!("page/tables.js"),
    include_str!("page/poll.js"),
);
const STYLE: &str = include_str!("page/page.css");

/// What the browser holds against the parts of the page before it takes them. After a change the tests say what they are.
const SCRIPT_IS: &str = "sha256-XiJEFkjG6uBA1+bq9h6/GqUUmQdCjtCHM/65RAsA27Q=";
const STYLE_IS: &str = "sha256-KsI6PwCccvO3U6Vy6hYJb05DeFvk3YasopXaMXMoOuU=";

static HTML: LazyLock<String> = LazyLock::new(|| {
    let frame = include_str!("page/page.html");
    // Exactly what was hashed stands between the tags.
    frame.replacen("<style></style>", &format!("<style>{STYLE}</style>"), 1).replacen(
        "<script></script>",
        &format!("<script>{SCRIPT}</script>"),
        1,
    )
});

static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{SCRIPT_IS}'; style-src '{STYLE_IS}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The whole page.
pub(super) fn html() -> &'static str {
    &HTML
}

/// Its own script and style run, and it may ask this server. Nothing else.
pub(super) fn policy() -> &'static str {
    &POLICY
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    /// As browsers write it.
    fn hash(part: &str) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::from("sha256-");
        for bytes in Sha256::digest(part).chunks(3) {
            let bits = bytes.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - bytes.len()));
            let digit = |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]);
            text.extend((0..4).map(|at| if at <= bytes.len() { digit(at) } else { '=' }));
        }
        text
    }

    #[test]
    fn the_policy_names_what_the_page_is_made_of() {
        assert_eq!(hash("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert_eq!((hash(SCRIPT), hash(STYLE)), (SCRIPT_IS.to_owned(), STYLE_IS.to_owned()));
    }

    #[test]
    fn the_parts_stand_in_the_page_as_they_were_hashed() {
        let between = |open: &str, close: &str| {
            let (_, rest) = html().split_once(open)?;
            rest.split_once(close).map(|(part, _)| part)
        };
        assert_eq!((between("<script>", "</script>"), between("<style>", "</style>")), (Some(SCRIPT), Some(STYLE)));
        assert!(!SCRIPT.contains("</") && !STYLE.contains("</"), "a part must not end early");
    }
}
