//! What a selector can see of a page that has no tree: whether its answer is that of the tree on every plain page.

use selectors::parser::{Combinator, Component, NthType, Selector as One};

use super::names;
use super::selector::{Dialect, Name, Selector};
use super::wanted::is_renamed;

/// What a recipe can see of a page beyond the elements it has tags for.
#[derive(Debug, Default)]
pub(in super::super) struct Sight {
    /// Whether it can tell that elements were opened without a tag.
    pub(in super::super) implied: bool,
    /// Whether it looks at what is around an element: within a `template` the tree has nothing there.
    pub(in super::super) around: bool,
}

/// A part of a selector that has an answer only with a tree, or not surely the same one without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NeedsTree {
    /// `:has`, `:empty`, `:last-child` and the like.
    #[error("what comes after an element's start tag, as :has, :empty and :last-child ask")]
    Ahead,
    /// `:nth-of-type` and the like: open elements would have to count each name by itself.
    #[error("how many of its own name come before an element (:nth-of-type)")]
    Types,
    /// `:scope`, `:nth-child(n of S)`, or more than one element in `:is`, `:where` or `:not`.
    #[error("a pseudo class that is asked of the tree only")]
    PseudoClass,
    /// `svg|a`, `*|a`, `|a`.
    #[error("a name space")]
    Namespace,
    /// A name with capitals, which foreign elements keep and others do not, or one that SVG or MathML renames.
    #[error("a name whose case counts within SVG and MathML")]
    Case,
}

impl Selector {
    /// Adds to what the recipe sees what this selector does.
    pub(in super::super) fn sees(&self, sight: &mut Sight) -> Result<(), NeedsTree> {
        self.0.slice().iter().try_for_each(|selector| one(selector, sight))
    }
}

/// Whether an attribute of this name is the same on every element.
pub(in super::super) fn attribute(name: &str) -> Result<(), NeedsTree> {
    let lower = name.to_ascii_lowercase();
    // `xmlns:xlink` is an `xlink` to those who know name spaces.
    if lower.contains(':') || lower == "xmlns" || lower == "xlink" {
        return Err(NeedsTree::Namespace);
    }
    if lower != name || is_renamed(&lower) || !lower.is_ascii() { Err(NeedsTree::Case) } else { Ok(()) }
}

fn one(selector: &One<Dialect>, sight: &mut Sight) -> Result<(), NeedsTree> {
    // What was opened without a tag has no attributes, and few names.
    let mut is_told_apart = false;
    for part in selector.iter_raw_match_order() {
        if let Component::Combinator(combinator) = part {
            match combinator {
                Combinator::Descendant => {}
                Combinator::Child | Combinator::NextSibling | Combinator::LaterSibling => sight.implied = true,
                _ => return Err(NeedsTree::PseudoClass),
            }
            sight.around = true;
            sight.implied |= !is_told_apart;
            is_told_apart = false;
            continue;
        }
        is_told_apart |= simple(part, sight)?;
    }
    sight.implied |= !is_told_apart;
    Ok(())
}

/// Looks at one simple selector. Gives whether it never matches what was opened without a tag.
fn simple(part: &Component<Dialect>, sight: &mut Sight) -> Result<bool, NeedsTree> {
    match part {
        Component::LocalName(name) => {
            if name.name != name.lower_name || !name.name.text.is_ascii() {
                return Err(NeedsTree::Case);
            }
            let known = name.name.known;
            Ok(!known.is_some_and(|name| matches!(name, names::HTML | names::HEAD | names::BODY | names::TBODY)))
        }
        Component::ExplicitUniversalType => Ok(false),
        Component::ID(_) | Component::Class(_) => Ok(true),
        Component::AttributeInNoNamespaceExists { local_name, local_name_lower } => {
            same(local_name, local_name_lower).map(|()| true)
        }
        Component::AttributeInNoNamespace { local_name, .. } => attribute(&local_name.text).map(|()| true),
        Component::Root => {
            sight.implied = true;
            Ok(false)
        }
        // Those of a type are refused with the rule or without.
        Component::Nth(data) if matches!(data.ty, NthType::Child | NthType::OfType) => {
            (sight.implied, sight.around) = (true, true);
            Ok(false)
        }
        Component::Nth(_) | Component::Empty | Component::Has(_) => Err(NeedsTree::Ahead),
        Component::Negation(list) => each(list.slice(), sight).map(|_| false),
        Component::Is(list) | Component::Where(list) => each(list.slice(), sight),
        Component::AttributeOther(_)
        | Component::Namespace(..)
        | Component::DefaultNamespace(_)
        | Component::ExplicitAnyNamespace
        | Component::ExplicitNoNamespace => Err(NeedsTree::Namespace),
        _ => Err(NeedsTree::PseudoClass),
    }
}

/// Looks at selectors of one element each. Gives whether none of them matches what was opened without a tag.
fn each(list: &[One<Dialect>], sight: &mut Sight) -> Result<bool, NeedsTree> {
    list.iter().try_fold(true, |all, selector| {
        // A combinator is none of the parts that are known.
        let mut parts = selector.iter_raw_match_order();
        parts.try_fold(false, |told, part| Ok(simple(part, sight)? || told)).map(|told| all && told)
    })
}

fn same(name: &Name, lower: &Name) -> Result<(), NeedsTree> {
    if name == lower { attribute(&name.text) } else { Err(NeedsTree::Case) }
}
