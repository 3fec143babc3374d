//! The head, what comes after it, and templates.

use super::super::build::{Builder, Tag};
use super::super::names::{
    BASE, BASEFONT, BGSOUND, BODY, BR, CAPTION, COL, COLGROUP, FRAMESET, HEAD, HTML, LINK, META, NOFRAMES, NOSCRIPT,
    NameId, SCRIPT, STYLE, TBODY, TD, TEMPLATE, TFOOT, TH, THEAD, THOROUGH_END, TITLE, TR,
};
use super::super::raw::Raw;
use super::super::tree::Space;
use super::Flow::{self, Again, Done};
use super::Mode;

impl Builder<'_> {
    pub(in super::super) fn start_in_head(&mut self, tag: &Tag) -> Flow {
        match tag.name {
            HTML => self.start_in_body(tag),
            BASE | BASEFONT | BGSOUND | LINK | META => {
                self.insert_closed(tag, Space::Html);
                if self.bytes[self.at..].starts_with("\u{FEFF}".as_bytes()) && self.declares_encoding(tag) {
                    self.skip_mark();
                }
                Done
            }
            TITLE => self.insert_raw(tag, Raw::WithReferences(TITLE)),
            NOFRAMES | STYLE | NOSCRIPT => self.insert_raw(tag, Raw::Text(tag.name)),
            SCRIPT => self.insert_raw(tag, Raw::Script),
            TEMPLATE => {
                self.push_marker();
                self.is_frameset_ok = false;
                self.mode = Mode::InTemplate;
                self.lists.template_modes.push(Mode::InTemplate);
                self.insert_html(tag);
                Done
            }
            HEAD => Done,
            _ => {
                self.pop();
                Again(Mode::AfterHead)
            }
        }
    }

    /// Whether html5ever would stop at this tag to report the encoding it declares.
    fn declares_encoding(&self, tag: &Tag) -> bool {
        if self.attribute(tag, "charset").is_some() {
            return true;
        }
        let is_type = self.attribute(tag, "http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("content-type"));
        is_type && self.attribute(tag, "content").is_some_and(|content| names_charset(&content))
    }

    pub(in super::super) fn end_in_head(&mut self, name: NameId) -> Flow {
        match name {
            HEAD => {
                self.pop();
                self.mode = Mode::AfterHead;
                Done
            }
            BODY | HTML | BR => {
                self.pop();
                Again(Mode::AfterHead)
            }
            TEMPLATE if self.has_template() => {
                while self.is_current_of(THOROUGH_END) {
                    self.pop();
                }
                self.pop_through(TEMPLATE);
                self.clear_to_marker();
                self.lists.template_modes.pop();
                self.reset_mode();
                Done
            }
            _ => Done,
        }
    }

    pub(super) fn start_after_head(&mut self, tag: &Tag) -> Flow {
        match tag.name {
            HTML => self.start_in_body(tag),
            BODY => {
                self.insert_html(tag);
                self.is_frameset_ok = false;
                self.mode = Mode::InBody;
                Done
            }
            FRAMESET => {
                self.insert_html(tag);
                self.mode = Mode::InFrameset;
                Done
            }
            BASE | BASEFONT | BGSOUND | LINK | META | NOFRAMES | SCRIPT | STYLE | TEMPLATE | TITLE => {
                let head = self.head;
                self.push(head, Space::Html, HEAD);
                let flow = self.start_in_head(tag);
                self.take_off_stack(head);
                flow
            }
            HEAD => Done,
            _ => {
                self.move_on();
                Again(self.mode)
            }
        }
    }

    pub(super) fn start_in_template(&mut self, tag: &Tag) -> Flow {
        let mode = match tag.name {
            BASE | BASEFONT | BGSOUND | LINK | META | NOFRAMES | SCRIPT | STYLE | TEMPLATE | TITLE => {
                return self.start_in_head(tag);
            }
            CAPTION | COLGROUP | TBODY | TFOOT | THEAD => Mode::InTable,
            COL => Mode::InColumnGroup,
            TR => Mode::InTableBody,
            TD | TH => Mode::InRow,
            _ => Mode::InBody,
        };
        self.lists.template_modes.pop();
        self.lists.template_modes.push(mode);
        Again(mode)
    }
}

/// Whether a `content` names a charset: the word, an equals sign, and something that is no lone quote.
fn names_charset(content: &str) -> bool {
    let lower = content.to_ascii_lowercase();
    let mut rest = lower.as_str();
    while let Some(at) = rest.find("charset") {
        rest = rest[at + "charset".len()..].trim_ascii_start();
        if let Some(value) = rest.strip_prefix('=') {
            let value = value.trim_ascii_start();
            return match value.bytes().next() {
                Some(quote @ (b'"' | b'\'')) => value[1..].contains(char::from(quote)),
                first => first.is_some(),
            };
        }
    }
    false
}
