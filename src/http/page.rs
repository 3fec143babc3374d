//! The page, and what it may do.

use std::sync::LazyLock;

const SCRIPT: &str = include_str!("page/page.js");
const STYLE: &str = include_str!("page/page.css");

/// What the browser holds against the parts of the page before it takes them. After a change, for each of the two:
/// `openssl dgst -sha256 -binary src/http/page/page.js | base64`. The tests check them.
const SCRIPT_IS: &str = "sha256-TODO";
const STYLE_IS: &str = "sha256-TODO";

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
