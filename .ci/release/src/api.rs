//! The public items, one a line.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

/// Compares the items in rustdoc's `json` with those `committed`.
///
/// # Errors
/// What came and went, and what to do about it.
pub fn compare(json: &Path, committed: &Path) -> Result<String, String> {
    let public = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .map_err(|error| format!("{}: {error}; rustdoc of another version writes another format", json.display()))?;
    // In the order of their paths.
    let mut lines: Vec<String> = public.items().map(|item| item.to_string()).collect();
    lines.dedup();
    let now: BTreeSet<String> = lines.iter().cloned().collect();
    if env::var_os("SLACKWATER_ACCEPT").is_some() {
        let text: String = lines.iter().map(|item| format!("{item}\n")).collect();
        fs::write(committed, text).map_err(|error| format!("{}: {error}", committed.display()))?;
        return Ok(format!("{}: {} public items written", committed.display(), now.len()));
    }
    let text = fs::read_to_string(committed).map_err(|error| format!("{}: {error}", committed.display()))?;
    let before: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let gone: Vec<_> = before.difference(&now).collect();
    let new: Vec<_> = now.difference(&before).collect();
    if gone.is_empty() && new.is_empty() {
        return Ok(format!("{}: {} public items, as they were", committed.display(), now.len()));
    }
    let lines = |sign, items: &[&String]| items.iter().map(|item| format!("{sign} {item}\n")).collect::<String>();
    Err(format!(
        "the public items are not those of {}: {} are gone or changed, {} are new\n{}{}\
         what is gone breaks programs: CONTRIBUTING.md says what that means for the version; SLACKWATER_ACCEPT=1 .ci/run release writes the list",
        committed.display(),
        gone.len(),
        new.len(),
        lines('-', &gone),
        lines('+', &new),
    ))
}
