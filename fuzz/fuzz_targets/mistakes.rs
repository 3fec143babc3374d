//! What every refusal owes whoever typed the text.

use slackwater::extract::Mistake;

/// # Panics
/// If the mistake is not one of `typed`.
pub fn explain(typed: &str, mistake: &Mistake) {
    assert_eq!(mistake.input(), typed);
    assert!(typed.is_char_boundary(mistake.offset()), "{} in {typed:?}", mistake.offset());
    assert!((1..=typed.split('\n').count()).contains(&mistake.line()));
    assert!((1..=typed.chars().count() + 1).contains(&mistake.column()));
    assert!(!mistake.what().is_empty());
    let shown = mistake.to_string();
    let caret = shown.lines().rev().nth(1).expect("a reason, the text, a caret, a hint");
    assert_eq!(caret.chars().count(), 4 + mistake.column(), "{shown}");
    assert!(caret.ends_with('^'));
}
