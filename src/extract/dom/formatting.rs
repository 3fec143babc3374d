//! The list of active formatting elements, and the adoption agency, which mends what is closed in the wrong order.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::build::{Builder, Place, Tag};
use super::names::{self, NameId};
use super::stack::Scope;
use super::tree::{NONE, NodeId, Space, Tree};

/// An entry in the list of active formatting elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Formatting {
    /// `NONE` is a marker.
    node: NodeId,
    tag: Tag,
    /// A hash of its attributes, whatever their order, once somebody asked.
    fingerprint: Option<u64>,
}

const MARKER: Formatting = Formatting { node: NONE, tag: BARE, fingerprint: None };
/// How many entries of a list are looked through in the time of a clock's step.
const STEP: usize = 8;
const BARE: Tag = Tag { name: 0, attributes: 0, count: 0, source: (0, 0), is_self_closing: false };

impl Builder<'_> {
    pub(super) fn push_marker(&mut self) {
        self.lists.formatting.push(MARKER);
    }

    pub(super) fn clear_to_marker(&mut self) {
        while self.lists.formatting.pop().is_some_and(|entry| entry.node != NONE) {}
    }

    /// The entries since the last marker: where they start.
    fn since_marker(&self) -> usize {
        self.lists.formatting.iter().rposition(|entry| entry.node == NONE).map_or(0, |marker| marker + 1)
    }

    /// The last entry of this name since the last marker.
    pub(super) fn formatting_of(&self, name: NameId) -> Option<(usize, NodeId)> {
        let entries = self.lists.formatting.iter().enumerate().rev();
        let mut since = entries.take_while(|(_, entry)| entry.node != NONE);
        since.find(|(_, entry)| entry.tag.name == name).map(|(index, entry)| (index, entry.node))
    }

    pub(super) fn formatting_position(&self, node: NodeId) -> Option<usize> {
        self.lists.formatting.iter().rposition(|entry| entry.node == node)
    }

    pub(super) fn drop_formatting(&mut self, node: NodeId) {
        if let Some(index) = self.formatting_position(node) {
            self.lists.formatting.remove(index);
        }
    }

    /// Inserts a formatting element. Of more than three that are alike, the first is no longer active.
    pub(super) fn insert_formatting(&mut self, tag: &Tag) {
        let since = self.since_marker();
        let of_name = |entry: &&Formatting| entry.tag.name == tag.name;
        let mut fingerprint = None;
        self.clock.spend((self.lists.formatting.len() - since) / STEP);
        if self.lists.formatting[since..].iter().filter(of_name).count() >= 3 {
            fingerprint = Some(self.fingerprint(tag));
            let mut alike = Vec::new();
            for index in since..self.lists.formatting.len() {
                let entry = self.lists.formatting[index];
                if entry.tag.name != tag.name {
                    continue;
                }
                let theirs = entry.fingerprint.unwrap_or_else(|| self.fingerprint(&entry.tag));
                self.lists.formatting[index].fingerprint = Some(theirs);
                if Some(theirs) == fingerprint
                    && self.all_attributes(entry.tag.source) == self.all_attributes(tag.source)
                {
                    alike.push(index);
                }
            }
            if alike.len() >= 3 {
                self.lists.formatting.remove(alike[0]);
            }
        }
        let node = self.insert_html(tag);
        self.lists.formatting.push(Formatting { node, tag: *tag, fingerprint });
    }

    fn fingerprint(&self, tag: &Tag) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.all_attributes(tag.source).hash(&mut hasher);
        hasher.finish()
    }

    /// Opens again what was closed though its own end tag has not come yet.
    pub(super) fn reconstruct_formatting(&mut self) {
        let is_settled = |entry: &Formatting, tree: &Tree| entry.node == NONE || tree.node(entry.node).open;
        match self.lists.formatting.last() {
            None => return,
            Some(entry) if is_settled(entry, self.tree) => return,
            Some(_) => {}
        }
        let settled = self.lists.formatting.iter().rposition(|entry| is_settled(entry, self.tree));
        self.clock.spend(self.lists.formatting.len());
        for index in settled.map_or(0, |settled| settled + 1)..self.lists.formatting.len() {
            let tag = self.lists.formatting[index].tag;
            self.lists.formatting[index].node = self.insert_html(&tag);
        }
    }

    /// The adoption agency: closes a formatting element that may not be the current node.
    pub(super) fn adopt(&mut self, subject: NameId) {
        if self.is_current(subject) && self.formatting_position(self.current()).is_none() {
            self.pop();
            return;
        }
        self.clock.spend((self.lists.stack.len() + self.lists.formatting.len()) / STEP);
        for _ in 0..8 {
            let Some((entry, element)) = self.formatting_of(subject) else {
                return self.end_any_other(subject);
            };
            let stack = &self.lists.stack;
            let Some(stood) = self.tree.node(element).open.then(|| stack.position(element)).flatten() else {
                self.lists.formatting.remove(entry);
                return;
            };
            if !stack.reaches(Scope::Default, stood) {
                return;
            }
            let is_special = |index: &usize| {
                let entry = stack.at(*index);
                entry.space == Space::Html && names::groups(entry.name) & names::SPECIAL != 0
            };
            let Some(furthest) = (stood..stack.len()).find(is_special) else {
                self.truncate(stood);
                self.lists.formatting.remove(entry);
                return;
            };
            self.move_block(element, stood, furthest);
        }
    }

    /// The steps of the adoption agency when there is a furthest block.
    fn move_block(&mut self, element: NodeId, stood: usize, furthest: usize) {
        let tag = self.lists.formatting[self.formatting_position(element).expect("it was just found")].tag;
        let ancestor = self.lists.stack.at(stood - 1);
        let ancestor = (ancestor.node, ancestor.space, ancestor.name);
        let block = self.lists.stack.at(furthest).node;
        // The node after which the new entry belongs in the list; none while it takes the place of the old one.
        let mut bookmark = None;
        let mut last = block;
        let mut index = furthest;
        let mut rounds = 0;
        // What is left of the page does not matter once its time is over, but that the list and the stack are in order does.
        while !self.clock.is_over() {
            rounds += 1;
            index -= 1;
            let node = self.lists.stack.at(index).node;
            if node == element {
                break;
            }
            let active = self.formatting_position(node);
            self.clock.spend(self.lists.formatting.len() / STEP);
            let Some(active) = active.filter(|_| rounds <= 3) else {
                if let Some(active) = active {
                    self.lists.formatting.remove(active);
                }
                self.tree.nodes[node as usize].open = false;
                continue;
            };
            let copy = self.create(&self.lists.formatting[active].tag.clone(), Space::Html);
            self.lists.stack.replace(index, copy);
            self.tree.nodes[node as usize].open = false;
            self.tree.nodes[copy as usize].open = true;
            self.lists.formatting[active].node = copy;
            if last == block {
                bookmark = Some(copy);
            }
            self.put(Place::Within(copy), last);
            last = copy;
        }
        // All at once: one by one would lay what is above them on the stack again for each.
        self.lists.stack.sweep(stood + 1, |node| self.tree.node(node).open);
        self.tree.detach(last);
        let place = self.place(Some(ancestor));
        self.put(place, last);
        let copy = self.create(&tag, Space::Html);
        self.tree.move_children(block, copy);
        self.tree.append(block, copy);
        let entry = Formatting { node: copy, tag, fingerprint: None };
        match bookmark {
            None => {
                let at = self.formatting_position(element).expect("it is still in the list");
                self.lists.formatting[at] = entry;
            }
            Some(previous) => {
                let at = self.formatting_position(previous).expect("it was put there");
                self.lists.formatting.insert(at + 1, entry);
                self.drop_formatting(element);
            }
        }
        self.take_off_stack(element);
        let block = self.lists.stack.position(block).expect("the furthest block stays open");
        self.lists.stack.insert(block + 1, copy, Space::Html, tag.name);
        self.tree.nodes[copy as usize].open = true;
    }

    /// An end tag no rule speaks of: closes the topmost element of its name, unless a special element stands above it.
    pub(super) fn end_any_other(&mut self, name: NameId) {
        let Some(index) = self.lists.stack.in_scope(Scope::Special, name) else { return };
        self.imply_ends(Some(name));
        self.truncate(index);
    }
}
