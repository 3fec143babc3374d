//! The stack of open elements.
//!
//! The rules ask over and over whether an element of some name is "in scope": whether it is found from the top down before an
//! element that ends the search. Walking down makes deep nesting quadratic. Here each entry knows the nearest entry at or
//! below it that ends each kind of search, and the entry below it of the same name, so the answer is two look-ups.

use super::names::{self, BUTTON, DESC, FOREIGN_OBJECT, MI, MN, MO, MS, MTEXT, NameId, TITLE};
use super::tree::{NodeId, Space};

/// What a search for an element in scope ends at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    Default,
    ListItem,
    Button,
    Table,
    Special,
    Items,
    /// Of a foreign element: any HTML element.
    Html,
}

const SCOPES: usize = 7;

/// No entry.
const NOWHERE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) node: NodeId,
    pub(super) name: NameId,
    pub(super) space: Space,
    /// The next entry below of the same name, both HTML or both foreign.
    below: u32,
    /// The nearest entry, from here down, that ends a search of each kind.
    ends: [u32; SCOPES],
}

#[derive(Debug, Default)]
pub(super) struct Stack {
    entries: Vec<Entry>,
    /// The topmost HTML element of each name.
    topmost: Vec<u32>,
    /// The topmost foreign element of each name.
    topmost_foreign: Vec<u32>,
}

/// Whether HTML rules apply to text and start tags within: a MathML text, or an SVG HTML integration point.
pub(super) fn is_mathml_text(space: Space, name: NameId) -> bool {
    space == Space::MathMl && matches!(name, MI | MO | MN | MS | MTEXT)
}

pub(super) fn is_html_within_svg(space: Space, name: NameId) -> bool {
    space == Space::Svg && matches!(name, FOREIGN_OBJECT | DESC | TITLE)
}

fn ends(space: Space, name: NameId) -> [bool; SCOPES] {
    if space != Space::Html {
        let foreign = is_mathml_text(space, name) || is_html_within_svg(space, name);
        return [foreign, foreign, foreign, false, false, false, false];
    }
    let groups = names::groups(name);
    let scope = groups & names::SCOPE != 0;
    [
        scope,
        scope || groups & names::LIST_SCOPE != 0,
        scope || name == BUTTON,
        groups & names::TABLE_SCOPE != 0,
        groups & names::SPECIAL != 0,
        groups & names::BARS_ITEMS != 0,
        true,
    ]
}

impl Stack {
    pub(super) fn clear(&mut self, names: usize) {
        self.entries.clear();
        self.entries.shrink_to(1 << 14);
        self.topmost.clear();
        self.topmost.shrink_to(names.max(1 << 12));
        self.topmost.resize(names, NOWHERE);
        self.topmost_foreign.clear();
        self.topmost_foreign.shrink_to(1 << 12);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn top(&self) -> &Entry {
        self.entries.last().expect("the root is open until the end")
    }

    pub(super) fn at(&self, index: usize) -> &Entry {
        &self.entries[index]
    }

    pub(super) fn push(&mut self, node: NodeId, space: Space, name: NameId) {
        let index = self.entries.len() as u32;
        let mut nearest = self.entries.last().map_or([NOWHERE; SCOPES], |entry| entry.ends);
        if space != Space::Html || names::groups(name) != 0 || name == BUTTON {
            for (nearest, ends) in nearest.iter_mut().zip(ends(space, name)) {
                if ends {
                    *nearest = index;
                }
            }
        }
        let topmost = if space == Space::Html {
            nearest[Scope::Html as usize] = index;
            &mut self.topmost
        } else {
            &mut self.topmost_foreign
        };
        if name as usize >= topmost.len() {
            topmost.resize(name as usize + 1, NOWHERE);
        }
        let below = std::mem::replace(&mut topmost[name as usize], index);
        self.entries.push(Entry { node, name, space, below, ends: nearest });
    }

    pub(super) fn pop(&mut self) -> Entry {
        let entry = self.entries.pop().expect("the root is open until the end");
        let topmost = if entry.space == Space::Html { &mut self.topmost } else { &mut self.topmost_foreign };
        topmost[entry.name as usize] = entry.below;
        entry
    }

    /// Takes an entry out of the middle, or puts one in: what is above is taken off and laid on again.
    pub(super) fn remove(&mut self, index: usize) {
        self.relay(index, index + 1, None);
    }

    pub(super) fn insert(&mut self, index: usize, node: NodeId, space: Space, name: NameId) {
        self.relay(index, index, Some((node, space, name)));
    }

    /// Takes all entries out from this one up that are not to be kept.
    pub(super) fn sweep(&mut self, from: usize, keeps: impl Fn(NodeId) -> bool) {
        if self.entries[from..].iter().all(|entry| keeps(entry.node)) {
            return;
        }
        let above: Vec<Entry> = self.entries[from..].to_vec();
        while self.entries.len() > from {
            self.pop();
        }
        for entry in above.into_iter().filter(|entry| keeps(entry.node)) {
            self.push(entry.node, entry.space, entry.name);
        }
    }

    pub(super) fn replace(&mut self, index: usize, node: NodeId) {
        self.entries[index].node = node;
    }

    fn relay(&mut self, from: usize, to: usize, new: Option<(NodeId, Space, NameId)>) {
        let above: Vec<Entry> = self.entries[to..].to_vec();
        while self.entries.len() > from {
            self.pop();
        }
        if let Some((node, space, name)) = new {
            self.push(node, space, name);
        }
        for entry in above {
            self.push(entry.node, entry.space, entry.name);
        }
    }

    /// The topmost HTML element of this name.
    pub(super) fn topmost(&self, name: NameId) -> Option<usize> {
        let index = *self.topmost.get(name as usize)?;
        (index != NOWHERE).then_some(index as usize)
    }

    /// The topmost foreign element of this name.
    pub(super) fn topmost_foreign(&self, name: NameId) -> Option<usize> {
        let index = *self.topmost_foreign.get(name as usize)?;
        (index != NOWHERE).then_some(index as usize)
    }

    /// The topmost HTML element. The root is one.
    pub(super) fn topmost_html(&self) -> usize {
        self.top().ends[Scope::Html as usize] as usize
    }

    pub(super) fn has(&self, name: NameId) -> bool {
        self.topmost(name).is_some()
    }

    /// The topmost HTML element of this name, unless the search ends before it is found.
    pub(super) fn in_scope(&self, scope: Scope, name: NameId) -> Option<usize> {
        let index = self.topmost(name)?;
        self.reaches(scope, index).then_some(index)
    }

    /// Whether a search from the top comes as far down as this entry.
    pub(super) fn reaches(&self, scope: Scope, index: usize) -> bool {
        let end = self.top().ends[scope as usize];
        end == NOWHERE || index >= end as usize
    }

    /// Where a node stands, looked for from the top.
    pub(super) fn position(&self, node: NodeId) -> Option<usize> {
        self.entries.iter().rposition(|entry| entry.node == node)
    }

    pub(super) fn weight(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + (self.topmost.capacity() + self.topmost_foreign.capacity()) * size_of::<u32>()
    }
}
