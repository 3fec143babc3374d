//! All mutants of a file woven into it, each behind a question whether it is the one that is on.

use proc_macro2::LineColumn;
use std::collections::BTreeMap;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Asks, in the copy, whether the mutant of a number is on.
pub const ON: &str = "crate::mutant::on";

/// A mutant, as cargo-mutants lists it.
pub struct Mutant {
    pub id: usize,
    pub name: String,
    pub file: String,
    pub genre: String,
    pub replacement: String,
    /// Lines from 1 and columns from 0.
    pub begins: LineColumn,
    pub ends: LineColumn,
}

/// A change to the text between two offsets.
struct Edit {
    from: usize,
    to: usize,
    change: Change,
}

enum Change {
    /// Returns early, before what follows.
    Return(Vec<(usize, String)>),
    /// Another operator between two operands.
    Binary { operator: (usize, usize), others: Vec<(usize, String)> },
    /// Without the operator before it.
    Unary { operand: usize, id: usize },
    /// Never taken: a guard where there is none, or a further one.
    Arm { id: usize, has_guard: bool },
    /// Another guard.
    Guard(Vec<(usize, String)>),
}

pub struct Offsets(Vec<usize>);

impl Offsets {
    pub fn of(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Self(starts)
    }

    /// Columns count characters; the sources are ASCII.
    pub fn at(&self, place: LineColumn) -> usize {
        self.0[place.line - 1] + place.column
    }
}

struct Finder<'m> {
    offsets: Offsets,
    /// By where they begin.
    operators: BTreeMap<usize, Vec<&'m Mutant>>,
    arms: BTreeMap<usize, Vec<&'m Mutant>>,
    guards: BTreeMap<usize, Vec<&'m Mutant>>,
    edits: Vec<Edit>,
}

impl Finder<'_> {
    fn range(&self, of: &impl Spanned) -> (usize, usize) {
        let span = of.span();
        (self.offsets.at(span.start()), self.offsets.at(span.end()))
    }
}

fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

fn all(of: &[&Mutant]) -> Vec<(usize, String)> {
    of.iter().map(|mutant| (mutant.id, mutant.replacement.clone())).collect()
}

impl<'a> Visit<'a> for Finder<'_> {
    fn visit_expr_binary(&mut self, binary: &'a syn::ExprBinary) {
        let operator = self.range(&binary.op);
        if !has_let(&binary.left)
            && !has_let(&binary.right)
            && let Some(mutants) = self.operators.remove(&operator.0)
        {
            let (from, to) = self.range(binary);
            self.edits.push(Edit { from, to, change: Change::Binary { operator, others: all(&mutants) } });
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'a syn::ExprUnary) {
        let (from, to) = self.range(unary);
        if let Some(mutants) = self.operators.remove(&from) {
            let operand = self.range(&unary.expr).0;
            self.edits.push(Edit { from, to, change: Change::Unary { operand, id: mutants[0].id } });
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'a syn::Arm) {
        let guard = arm.guard.as_ref().filter(|(_, guard)| !has_let(guard));
        if let Some((_, guard)) = guard {
            let (from, to) = self.range(guard);
            if let Some(mutants) = self.guards.remove(&from) {
                self.edits.push(Edit { from, to, change: Change::Guard(all(&mutants)) });
            }
        }
        if let Some(mutants) = self.arms.remove(&self.range(arm).0) {
            let id = mutants[0].id;
            match (&arm.guard, guard) {
                (None, _) => {
                    let (from, _) = self.range(&arm.fat_arrow_token);
                    self.edits.push(Edit { from, to: from, change: Change::Arm { id, has_guard: false } });
                }
                (Some(_), Some((_, guard))) => {
                    let (from, to) = self.range(guard);
                    self.edits.push(Edit { from, to, change: Change::Arm { id, has_guard: true } });
                }
                _ => {}
            }
        }
        visit::visit_arm(self, arm);
    }
}

/// The text with all `mutants` in it, and the numbers of those for which there is no way.
pub fn weave(text: &str, mutants: &[&Mutant]) -> (String, Vec<usize>) {
    let file = syn::parse_file(text).expect("it compiles");
    let offsets = Offsets::of(text);
    let mut by_place: BTreeMap<&str, BTreeMap<usize, Vec<&Mutant>>> = BTreeMap::new();
    for mutant in mutants {
        let genre = match mutant.genre.as_str() {
            "BinaryOperator" | "UnaryOperator" => "operator",
            other => other,
        };
        by_place.entry(genre).or_default().entry(offsets.at(mutant.begins)).or_default().push(mutant);
    }
    let mut take = |genre| by_place.remove(genre).unwrap_or_default();
    let bodies = take("FnValue");
    let mut finder = Finder {
        offsets,
        operators: take("operator"),
        arms: take("MatchArm"),
        guards: take("MatchArmGuard"),
        edits: Vec::new(),
    };
    finder.visit_file(&file);
    let mut left: Vec<usize> = by_place.into_values().flat_map(BTreeMap::into_values).flatten().map(|m| m.id).collect();
    for rest in [finder.operators, finder.arms, finder.guards] {
        left.extend(rest.into_values().flatten().map(|mutant| mutant.id));
    }
    let mut edits = finder.edits;
    edits.extend(bodies.into_iter().map(|(at, mutants)| Edit {
        from: at,
        to: at,
        change: Change::Return(all(&mutants)),
    }));
    // The widest of those that begin at one place first, and what is put before a place before what is in it.
    edits.sort_by_key(|edit| (edit.from, edit.to != edit.from, std::cmp::Reverse(edit.to)));
    (render(text, &edits, (0, text.len())), left)
}

fn on(id: usize) -> String {
    format!("{ON}({id})")
}

/// The text of a range, with those edits in it that lie within.
fn render(text: &str, edits: &[Edit], (from, to): (usize, usize)) -> String {
    let (mut out, mut at) = (String::new(), from);
    for (index, edit) in edits.iter().enumerate() {
        if edit.from < at || edit.from < from || edit.to > to || (edit.from == to && edit.to == to && to != text.len())
        {
            continue;
        }
        out.push_str(&text[at..edit.from]);
        let inner = |range| render(text, &edits[index + 1..], range);
        match &edit.change {
            Change::Return(others) => {
                for (id, value) in others {
                    out.push_str(&format!("if {} {{ return {value}; }} ", on(*id)));
                }
            }
            Change::Binary { operator, others } => {
                let (left, right) = (inner((edit.from, operator.0)), inner((operator.1, edit.to)));
                out.push('(');
                for (id, other) in others {
                    out.push_str(&format!("if {} {{ {left} {other} {right} }} else ", on(*id)));
                }
                out.push_str(&format!("{{ {left}{}{right} }})", &text[operator.0..operator.1]));
            }
            Change::Unary { operand, id } => {
                let operand_text = inner((*operand, edit.to));
                let operator = &text[edit.from..*operand];
                out.push_str(&format!("(if {} {{ {operand_text} }} else {{ {operator}{operand_text} }})", on(*id)));
            }
            Change::Arm { id, has_guard: false } => out.push_str(&format!("if !{} ", on(*id))),
            Change::Arm { id, has_guard: true } => {
                out.push_str(&format!("!{} && ({})", on(*id), inner((edit.from, edit.to))));
            }
            Change::Guard(others) => {
                out.push('(');
                for (id, other) in others {
                    out.push_str(&format!("if {} {{ {other} }} else ", on(*id)));
                }
                out.push_str(&format!("{{ {} }})", inner((edit.from, edit.to))));
            }
        }
        at = edit.to;
    }
    out.push_str(&text[at..to]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn woven(text: &str, genre: &str, replacements: &[&str], (line, column): (usize, usize)) -> String {
        let mutant = |(id, replacement): (usize, &&str)| Mutant {
            id,
            name: String::new(),
            file: String::new(),
            genre: genre.to_owned(),
            replacement: (*replacement).to_owned(),
            begins: LineColumn { line, column },
            ends: LineColumn { line, column },
        };
        let mutants: Vec<_> = replacements.iter().enumerate().map(mutant).collect();
        let (woven, left) = weave(text, &mutants.iter().collect::<Vec<_>>());
        if left.is_empty() { woven.replace("crate::mutant::", "") } else { format!("left {left:?}") }
    }

    #[test]
    fn each_kind_of_mutant_has_a_question_before_it() {
        let text = "fn f(a: i32) -> bool {\n    a + 1 > 2 && !g(a)\n}\n";
        let line = |text: &str| text.lines().nth(1).expect("a second line").trim().to_owned();
        let of = |genre, replacements: &[&str], column| line(&woven(text, genre, replacements, (2, column)));
        assert_eq!(of("FnValue", &["true"], 4), "if on(0) { return true; } a + 1 > 2 && !g(a)");
        assert_eq!(of("UnaryOperator", &[""], 17), "a + 1 > 2 && (if on(0) { g(a) } else { !g(a) })");
        let both = of("BinaryOperator", &["==", "<"], 10);
        assert_eq!(both, "(if on(0) { a + 1  ==  2 } else if on(1) { a + 1  <  2 } else { a + 1 > 2 }) && !g(a)");
    }

    #[test]
    fn an_arm_is_taken_away_by_its_guard_and_a_guard_by_another() {
        let text = "fn f(a: i32) {\nmatch a {\n1 => g(),\n2 if h() => {}\n_ => {}\n}\n}\n";
        assert!(woven(text, "MatchArm", &[""], (3, 0)).contains("1 if !on(0) => g()"));
        assert!(woven(text, "MatchArm", &[""], (4, 0)).contains("2 if !on(0) && (h()) => {}"));
        assert!(
            woven(text, "MatchArmGuard", &["true"], (4, 5)).contains("2 if (if on(0) { true } else { h() }) => {}")
        );
    }

    #[test]
    fn operands_within_operands_keep_their_own_questions_and_chains_with_let_are_left() {
        let text = "fn f() {\nif a == b && let Some(c) = d {}\n}\n";
        assert!(
            woven(text, "BinaryOperator", &["!="], (2, 5))
                .contains("if (if on(0) { a  !=  b } else { a == b }) && let")
        );
        assert_eq!(woven(text, "BinaryOperator", &["||"], (2, 10)), "left [0]");
    }
}
