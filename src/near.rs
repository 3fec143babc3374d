//! "Did you mean": the name nearest to one that nobody knows.

/// The one of `known` that is a slip of the fingers away, if any is.
pub(crate) fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = typed.chars().count();
    if length > 64 {
        return None;
    }
    let typed = typed.to_lowercase();
    let slips = |known: &str| distance(&typed, &known.to_lowercase());
    let (slips, nearest) = known.into_iter().map(|known| (slips(known), known)).min_by_key(|(slips, _)| *slips)?;
    (slips <= (length / 3).clamp(1, 3)).then_some(nearest)
}

/// Letters to be put in, taken out, changed or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<_>>()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: slips of the fingers are understood, other words are not. Provoked: each kind of slip.
    #[test]
    fn slips_are_understood() {
        let known = ["css", "regex", "attribute", "required"];
        for (typed, meant) in [
            ("attribut", Some("attribute")),
            ("atribute", Some("attribute")),
            ("reqiured", Some("required")),
            ("CSS", Some("css")),
            ("cs", Some("css")),
            ("selector", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }
}
