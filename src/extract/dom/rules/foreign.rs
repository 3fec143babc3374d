//! SVG and MathML within HTML.

use super::super::build::{Builder, Tag};
use super::super::names::{self, BR, FONT, MALIGNMARK, MGLYPH, NameId, P, SVG};
use super::super::stack::{is_html_within_svg, is_mathml_text};
use super::super::tree::Space;
use super::super::wanted;
use super::Flow::{self, Done};

impl Builder<'_> {
    /// Whether the current node is no HTML element.
    pub(in super::super) fn is_foreign(&self) -> bool {
        !self.lists.stack.is_empty() && self.lists.stack.top().space != Space::Html
    }

    pub(super) fn is_foreign_to_text(&self) -> bool {
        self.is_foreign() && {
            let top = self.lists.stack.top();
            !is_mathml_text(top.space, top.name) && !is_html_within_svg(top.space, top.name)
        }
    }

    pub(super) fn is_foreign_to_start(&self, name: NameId) -> bool {
        if !self.is_foreign() {
            return false;
        }
        let top = self.lists.stack.top();
        if is_mathml_text(top.space, top.name) {
            return matches!(name, MGLYPH | MALIGNMARK);
        }
        if is_html_within_svg(top.space, top.name) {
            return false;
        }
        !(name == SVG && top.space == Space::MathMl && self.names.text(top.name) == "annotation-xml")
    }

    pub(super) fn start_in_foreign(&mut self, tag: &mut Tag) -> Flow {
        let breaks_out = names::groups(tag.name) & names::BREAKS_OUT != 0
            || tag.name == FONT && ["color", "face", "size"].iter().any(|name| self.attribute(tag, name).is_some());
        if breaks_out {
            self.leave_foreign();
            return self.start_by(self.mode, tag);
        }
        let space = self.lists.stack.top().space;
        if space == Space::Svg
            && let Some(name) = wanted::svg_element(self.names.text(tag.name))
        {
            tag.name = self.names.id(name);
        }
        self.insert_foreign(tag, space);
        Done
    }

    /// Inserts an element that is closed at once if its tag says so.
    pub(super) fn insert_foreign(&mut self, tag: &Tag, space: Space) {
        if tag.is_self_closing {
            self.insert_closed(tag, space);
        } else {
            self.insert(tag, space);
        }
    }

    fn leave_foreign(&mut self) {
        loop {
            let top = self.lists.stack.top();
            if top.space == Space::Html
                || is_mathml_text(top.space, top.name)
                || is_html_within_svg(top.space, top.name)
            {
                return;
            }
            self.pop();
        }
    }

    pub(super) fn end_in_foreign(&mut self, name: NameId) -> Flow {
        if matches!(name, BR | P) {
            self.leave_foreign();
            return self.end_by(self.mode, name);
        }
        // Case does not count, and a foreign element's name has capitals only if SVG gave it some.
        let adjusted = wanted::svg_element(self.names.text(name)).map(|adjusted| self.names.id(adjusted));
        let stack = &self.lists.stack;
        let html = stack.topmost_html();
        match stack.topmost_foreign(name).max(adjusted.and_then(|name| stack.topmost_foreign(name))) {
            Some(index) if index > html => {
                self.truncate(index);
                Done
            }
            _ if html == 0 => Done,
            _ => self.end_by(self.mode, name),
        }
    }
}
