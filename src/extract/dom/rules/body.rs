//! The body.

use super::super::build::{Builder, Tag};
use super::super::names::*;
use super::super::raw::Raw;
use super::super::stack::Scope;
use super::super::tree::{NONE, Space};
use super::Flow::{self, Again, Done};
use super::Mode;

impl Builder<'_> {
    pub(in super::super) fn start_in_body(&mut self, tag: &Tag) -> Flow {
        match tag.name {
            HTML => {
                if !self.has_template() {
                    self.add_missing_attributes(self.lists.stack.at(0).node, tag);
                }
            }
            BASE | BASEFONT | BGSOUND | LINK | META | NOFRAMES | SCRIPT | STYLE | TEMPLATE | TITLE => {
                return self.start_in_head(tag);
            }
            BODY => {
                if let Some(body) = self.body()
                    && !self.has_template()
                {
                    self.is_frameset_ok = false;
                    self.add_missing_attributes(body, tag);
                }
            }
            FRAMESET => {
                if self.is_frameset_ok
                    && let Some(body) = self.body()
                {
                    self.tree.detach(body);
                    self.truncate(1);
                    self.insert_html(tag);
                    self.mode = Mode::InFrameset;
                }
            }
            ADDRESS | ARTICLE | ASIDE | BLOCKQUOTE | CENTER | DETAILS | DIALOG | DIR | DIV | DL | FIELDSET
            | FIGCAPTION | FIGURE | FOOTER | HEADER | HGROUP | MAIN | MENU | NAV | OL | P | SEARCH | SECTION
            | SUMMARY | UL => {
                self.close_paragraph();
                self.insert_html(tag);
            }
            H1 | H2 | H3 | H4 | H5 | H6 => {
                self.close_paragraph();
                if self.is_current_of(HEADING) {
                    self.pop();
                }
                self.insert_html(tag);
            }
            PRE | LISTING => {
                self.close_paragraph();
                self.insert_html(tag);
                self.ignore_newline = true;
                self.is_frameset_ok = false;
            }
            FORM => {
                let has_template = self.has_template();
                if self.form == NONE || has_template {
                    self.close_paragraph();
                    let form = self.insert_html(tag);
                    if !has_template {
                        self.form = form;
                    }
                }
            }
            LI | DD | DT => self.start_item(tag),
            PLAINTEXT => {
                self.close_paragraph();
                self.insert_html(tag);
                self.raw = Some(Raw::Plain);
            }
            BUTTON => {
                if self.has_in_scope(BUTTON) {
                    self.imply_ends(None);
                    self.pop_through(BUTTON);
                }
                self.reconstruct_formatting();
                self.insert_html(tag);
                self.is_frameset_ok = false;
            }
            A => {
                if let Some((_, node)) = self.formatting_of(A) {
                    self.adopt(A);
                    self.drop_formatting(node);
                    self.take_off_stack(node);
                }
                self.reconstruct_formatting();
                self.insert_formatting(tag);
            }
            B | BIG | CODE | EM | FONT | I | S | SMALL | STRIKE | STRONG | TT | U => {
                self.reconstruct_formatting();
                self.insert_formatting(tag);
            }
            NOBR => {
                self.reconstruct_formatting();
                if self.has_in_scope(NOBR) {
                    self.adopt(NOBR);
                    self.reconstruct_formatting();
                }
                self.insert_formatting(tag);
            }
            APPLET | MARQUEE | OBJECT => {
                self.reconstruct_formatting();
                self.insert_html(tag);
                self.push_marker();
                self.is_frameset_ok = false;
            }
            TABLE => {
                if !self.quirks {
                    self.close_paragraph();
                }
                self.insert_html(tag);
                self.is_frameset_ok = false;
                self.mode = Mode::InTable;
            }
            AREA | BR | EMBED | IMG | KEYGEN | WBR => self.insert_void(tag),
            IMAGE => self.insert_void(&Tag { name: IMG, ..*tag }),
            INPUT => {
                if self.has_in_scope(SELECT) {
                    self.pop_through(SELECT);
                }
                self.reconstruct_formatting();
                self.insert_closed(tag, Space::Html);
                if self.is_frameset_ok && !self.is_hidden(tag) {
                    self.is_frameset_ok = false;
                }
            }
            PARAM | SOURCE | TRACK => {
                self.insert_closed(tag, Space::Html);
            }
            HR => {
                self.close_paragraph();
                if self.has_in_scope(SELECT) {
                    self.imply_ends(None);
                }
                self.insert_closed(tag, Space::Html);
                self.is_frameset_ok = false;
            }
            TEXTAREA => {
                self.ignore_newline = true;
                self.is_frameset_ok = false;
                return self.insert_raw(tag, Raw::WithReferences(TEXTAREA));
            }
            XMP => {
                self.close_paragraph();
                self.reconstruct_formatting();
                self.is_frameset_ok = false;
                return self.insert_raw(tag, Raw::Text(XMP));
            }
            IFRAME => {
                self.is_frameset_ok = false;
                return self.insert_raw(tag, Raw::Text(IFRAME));
            }
            NOEMBED | NOSCRIPT => return self.insert_raw(tag, Raw::Text(tag.name)),
            SELECT => {
                if self.has_in_scope(SELECT) {
                    self.pop_through(SELECT);
                } else {
                    self.reconstruct_formatting();
                    self.insert_html(tag);
                    self.is_frameset_ok = false;
                }
            }
            OPTION | OPTGROUP => {
                if self.has_in_scope(SELECT) {
                    self.imply_ends((tag.name == OPTION).then_some(OPTGROUP));
                } else if self.is_current(OPTION) {
                    self.pop();
                }
                self.reconstruct_formatting();
                self.insert_html(tag);
            }
            RB | RTC => {
                if self.has_in_scope(RUBY) {
                    self.imply_ends(None);
                }
                self.insert_html(tag);
            }
            RP | RT => {
                if self.has_in_scope(RUBY) {
                    self.imply_ends(Some(RTC));
                }
                self.insert_html(tag);
            }
            MATH => {
                self.reconstruct_formatting();
                self.insert_foreign(tag, Space::MathMl);
            }
            SVG => {
                self.reconstruct_formatting();
                self.insert_foreign(tag, Space::Svg);
            }
            CAPTION | COL | COLGROUP | FRAME | HEAD | TBODY | TD | TFOOT | TH | THEAD | TR => {}
            _ => {
                self.reconstruct_formatting();
                self.insert_html(tag);
            }
        }
        Done
    }

    fn insert_void(&mut self, tag: &Tag) {
        self.reconstruct_formatting();
        self.insert_closed(tag, Space::Html);
        self.is_frameset_ok = false;
    }

    /// The body, if it is where it belongs on the stack.
    fn body(&self) -> Option<u32> {
        let stack = &self.lists.stack;
        (stack.len() > 1 && stack.at(1).name == BODY && stack.at(1).space == Space::Html).then(|| stack.at(1).node)
    }

    pub(super) fn is_hidden(&self, tag: &Tag) -> bool {
        self.attribute(tag, "type").is_some_and(|value| value.eq_ignore_ascii_case("hidden"))
    }

    /// An item of a list closes the one before it.
    fn start_item(&mut self, tag: &Tag) {
        self.is_frameset_ok = false;
        let stack = &self.lists.stack;
        let open = |name| stack.in_scope(Scope::Items, name).map(|index| (index, name));
        let close = if tag.name == LI { open(LI) } else { open(DD).max(open(DT)) };
        if let Some((_, name)) = close {
            self.imply_ends(Some(name));
            self.pop_through(name);
        }
        self.close_paragraph();
        self.insert_html(tag);
    }

    pub(in super::super) fn end_in_body(&mut self, name: NameId) -> Flow {
        match name {
            TEMPLATE => return self.end_in_head(name),
            BODY => {
                if self.has_in_scope(BODY) {
                    self.mode = Mode::AfterBody;
                }
            }
            HTML => {
                if self.has_in_scope(BODY) {
                    return Again(Mode::AfterBody);
                }
            }
            ADDRESS | ARTICLE | ASIDE | BLOCKQUOTE | BUTTON | CENTER | DETAILS | DIALOG | DIR | DIV | DL | FIELDSET
            | FIGCAPTION | FIGURE | FOOTER | HEADER | HGROUP | LISTING | MAIN | MENU | NAV | OL | PRE | SEARCH
            | SECTION | SELECT | SUMMARY | UL => {
                if self.has_in_scope(name) {
                    self.imply_ends(None);
                    self.pop_through(name);
                }
            }
            FORM => self.end_form(),
            P => {
                if !self.in_scope(Scope::Button, P) {
                    self.insert_html(&Tag::bare(P));
                }
                self.imply_ends(Some(P));
                self.pop_through(P);
            }
            LI | DD | DT => {
                let scope = if name == LI { Scope::ListItem } else { Scope::Default };
                if self.in_scope(scope, name) {
                    self.imply_ends(Some(name));
                    self.pop_through(name);
                }
            }
            H1 | H2 | H3 | H4 | H5 | H6 => {
                let stack = &self.lists.stack;
                let open = [H1, H2, H3, H4, H5, H6].iter().filter_map(|&name| stack.topmost(name)).max();
                if let Some(index) = open.filter(|&index| stack.reaches(Scope::Default, index)) {
                    self.imply_ends(None);
                    self.truncate(index);
                }
            }
            A | B | BIG | CODE | EM | FONT | I | NOBR | S | SMALL | STRIKE | STRONG | TT | U => self.adopt(name),
            APPLET | MARQUEE | OBJECT => {
                if self.has_in_scope(name) {
                    self.imply_ends(None);
                    self.pop_through(name);
                    self.clear_to_marker();
                }
            }
            BR => self.insert_void(&Tag::bare(BR)),
            _ => self.end_any_other(name),
        }
        Done
    }

    fn end_form(&mut self) {
        if self.has_template() {
            if self.has_in_scope(FORM) {
                self.imply_ends(None);
                self.pop_through(FORM);
            }
            return;
        }
        let form = std::mem::replace(&mut self.form, NONE);
        if form == NONE || !self.tree.node(form).open {
            return;
        }
        let stack = &self.lists.stack;
        if stack.position(form).is_some_and(|index| stack.reaches(Scope::Default, index)) {
            self.imply_ends(None);
            self.take_off_stack(form);
        }
    }
}
