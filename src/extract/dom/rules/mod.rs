//! The rules of tree construction, by insertion mode.
//!
//! They follow the HTML standard as html5ever 0.40 has it, with scripting on: `tests/dom` compares the two. What html5ever does
//! differently from the standard is done the same way here, since a page's answers must not depend on the engine.

mod body;
mod foreign;
mod head;
mod table;

use super::build::{Builder, Place, Tag};
use super::names::{self, BODY, BR, FRAME, FRAMESET, HEAD, HTML, NOFRAMES, NameId, TEMPLATE};
use super::stack::Scope;
use super::tree::{DOCUMENT, NONE, Space, Span};

/// The standard's insertion modes. `in select` is no longer one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Initial,
    BeforeHtml,
    BeforeHead,
    InHead,
    AfterHead,
    InBody,
    Text,
    InTable,
    InTableText,
    InCaption,
    InColumnGroup,
    InTableBody,
    InRow,
    InCell,
    InTemplate,
    AfterBody,
    InFrameset,
    AfterFrameset,
    AfterAfterBody,
    AfterAfterFrameset,
}

/// What becomes of a token.
pub(super) enum Flow {
    Done,
    /// It is processed once more, in this mode.
    Again(Mode),
}

use Flow::{Again, Done};

impl Builder<'_> {
    pub(super) fn start_tag(&mut self, mut tag: Tag) {
        self.ignore_newline = false;
        loop {
            let flow = if self.is_foreign_to_start(tag.name) {
                self.start_in_foreign(&mut tag)
            } else {
                self.start_by(self.mode, &tag)
            };
            match flow {
                Done => return,
                Again(mode) => self.mode = mode,
            }
        }
    }

    pub(super) fn end_tag(&mut self, name: NameId) {
        self.ignore_newline = false;
        loop {
            let flow = if self.is_foreign() { self.end_in_foreign(name) } else { self.end_by(self.mode, name) };
            match flow {
                Done => return,
                Again(mode) => self.mode = mode,
            }
        }
    }

    pub(super) fn start_by(&mut self, mode: Mode, tag: &Tag) -> Flow {
        match mode {
            Mode::InBody => self.start_in_body(tag),
            Mode::InTable => self.start_in_table(tag),
            Mode::InTableText => self.end_table_text(),
            Mode::InCaption => self.start_in_caption(tag),
            Mode::InColumnGroup => self.start_in_column_group(tag),
            Mode::InTableBody => self.start_in_table_body(tag),
            Mode::InRow => self.start_in_row(tag),
            Mode::InCell => self.start_in_cell(tag),
            Mode::InTemplate => self.start_in_template(tag),
            Mode::InHead => self.start_in_head(tag),
            // The tokenizer gives no start tags there.
            Mode::Text => Done,
            Mode::BeforeHtml if tag.name == HTML => {
                self.create_root(tag);
                self.mode = Mode::BeforeHead;
                Done
            }
            Mode::BeforeHead if tag.name == HEAD => {
                self.head = self.insert_html(tag);
                self.mode = Mode::InHead;
                Done
            }
            Mode::AfterHead => self.start_after_head(tag),
            Mode::BeforeHead | Mode::AfterBody | Mode::AfterAfterBody if tag.name == HTML => self.start_in_body(tag),
            Mode::Initial | Mode::BeforeHtml | Mode::BeforeHead | Mode::AfterBody | Mode::AfterAfterBody => {
                self.move_on();
                Again(self.mode)
            }
            Mode::InFrameset | Mode::AfterFrameset | Mode::AfterAfterFrameset => {
                match tag.name {
                    HTML => return self.start_in_body(tag),
                    NOFRAMES => return self.start_in_head(tag),
                    FRAMESET if mode == Mode::InFrameset => {
                        self.insert_html(tag);
                    }
                    FRAME if mode == Mode::InFrameset => {
                        self.insert_closed(tag, Space::Html);
                    }
                    _ => {}
                }
                Done
            }
        }
    }

    pub(super) fn end_by(&mut self, mode: Mode, name: NameId) -> Flow {
        match mode {
            Mode::InBody => self.end_in_body(name),
            Mode::Text => {
                self.pop();
                self.mode = self.original;
                Done
            }
            Mode::InTable => self.end_in_table(name),
            Mode::InTableText => self.end_table_text(),
            Mode::InCaption => self.end_in_caption(name),
            Mode::InColumnGroup => self.end_in_column_group(name),
            Mode::InTableBody => self.end_in_table_body(name),
            Mode::InRow => self.end_in_row(name),
            Mode::InCell => self.end_in_cell(name),
            Mode::InTemplate => {
                if name == TEMPLATE {
                    self.end_in_head(name)
                } else {
                    Done
                }
            }
            Mode::InHead => self.end_in_head(name),
            Mode::AfterHead if name == TEMPLATE => self.end_in_head(name),
            Mode::BeforeHtml | Mode::BeforeHead | Mode::AfterHead if !matches!(name, HEAD | BODY | HTML | BR) => Done,
            Mode::AfterHead if name == HEAD => Done,
            Mode::AfterBody if name == HTML => {
                self.mode = Mode::AfterAfterBody;
                Done
            }
            Mode::Initial
            | Mode::BeforeHtml
            | Mode::BeforeHead
            | Mode::AfterHead
            | Mode::AfterBody
            | Mode::AfterAfterBody => {
                self.move_on();
                Again(self.mode)
            }
            Mode::InFrameset => {
                if name == FRAMESET && self.lists.stack.len() > 1 {
                    self.pop();
                    if !self.is_current(FRAMESET) {
                        self.mode = Mode::AfterFrameset;
                    }
                }
                Done
            }
            Mode::AfterFrameset => {
                if name == HTML {
                    self.mode = Mode::AfterAfterFrameset;
                }
                Done
            }
            Mode::AfterAfterFrameset => Done,
        }
    }

    /// What the modes before and after the body do with a token they have no rule for.
    fn move_on(&mut self) {
        self.mode = match self.mode {
            Mode::Initial => {
                self.quirks = true;
                Mode::BeforeHtml
            }
            Mode::BeforeHtml => {
                self.create_root(&Tag::bare(HTML));
                Mode::BeforeHead
            }
            Mode::BeforeHead => {
                self.head = self.insert_html(&Tag::bare(HEAD));
                Mode::InHead
            }
            Mode::InHead => {
                self.pop();
                Mode::AfterHead
            }
            Mode::AfterHead => {
                self.insert_html(&Tag::bare(BODY));
                Mode::InBody
            }
            _ => Mode::InBody,
        };
    }

    /// A piece of text, without NULs.
    pub(super) fn characters(&mut self, span: Span) {
        let mut span = span;
        if span.is_empty() {
            return;
        }
        if std::mem::take(&mut self.ignore_newline) && self.text(span).starts_with('\n') {
            span = span.without(1);
        }
        while !span.is_empty() {
            if self.is_foreign_to_text() {
                self.mark_text(span);
                return self.append_text(span);
            }
            match self.mode {
                Mode::InBody | Mode::InCaption | Mode::InCell | Mode::InTemplate => return self.text_in_body(span),
                Mode::Text => return self.append_text(span),
                Mode::InTable | Mode::InTableBody | Mode::InRow => {
                    if self.is_current_of(names::FOSTERS) {
                        self.original = self.mode;
                        self.mode = Mode::InTableText;
                    } else {
                        self.fosters = true;
                        self.text_in_body(span);
                        self.fosters = false;
                        return;
                    }
                }
                Mode::InTableText => return self.lists.table_text.push(span),
                _ => span = self.text_elsewhere(span),
            }
        }
    }

    /// Text in a mode where white space has a rule of its own. Takes the first run of either, and gives what is left.
    fn text_elsewhere(&mut self, span: Span) -> Span {
        let text = self.text(span).as_bytes();
        let is_space = text[0].is_ascii_whitespace();
        let len = text.iter().position(|byte| byte.is_ascii_whitespace() != is_space).unwrap_or(text.len());
        let (run, rest) = (span.first(len), span.without(len));
        match (self.mode, is_space) {
            (Mode::Initial | Mode::BeforeHtml | Mode::BeforeHead, true) => rest,
            (Mode::AfterBody | Mode::AfterAfterBody | Mode::AfterAfterFrameset, true) => {
                self.text_in_body(run);
                rest
            }
            (_, true) => {
                self.append_text(run);
                rest
            }
            (Mode::InFrameset | Mode::AfterFrameset | Mode::AfterAfterFrameset, false) => rest,
            (Mode::InColumnGroup, false) => match self.leave_column_group() {
                Again(mode) => {
                    self.mode = mode;
                    span
                }
                Done => rest,
            },
            (_, false) => {
                self.move_on();
                span
            }
        }
    }

    pub(super) fn text_in_body(&mut self, span: Span) {
        self.reconstruct_formatting();
        self.mark_text(span);
        self.append_text(span);
    }

    /// Text that is not white space means that no frameset may follow.
    fn mark_text(&mut self, span: Span) {
        if self.is_frameset_ok && !self.is_all_space(span) {
            self.is_frameset_ok = false;
        }
    }

    /// A NUL in text.
    pub(super) fn null(&mut self) {
        self.ignore_newline = false;
        loop {
            if self.is_foreign_to_text() {
                let span = self.tree.put_aside("\u{FFFD}");
                return self.append_text(span);
            }
            match self.mode {
                Mode::InTable | Mode::InTableBody | Mode::InRow => {
                    if self.is_current_of(names::FOSTERS) {
                        self.original = self.mode;
                        self.mode = Mode::InTableText;
                    }
                    return;
                }
                Mode::InColumnGroup => match self.leave_column_group() {
                    Again(mode) => self.mode = mode,
                    Done => return,
                },
                Mode::Initial
                | Mode::BeforeHtml
                | Mode::BeforeHead
                | Mode::InHead
                | Mode::AfterHead
                | Mode::AfterBody
                | Mode::AfterAfterBody => self.move_on(),
                _ => return,
            }
        }
    }

    /// A comment, whose text stands there. It is kept only for HTML, but it always ends the text of a table.
    pub(super) fn comment(&mut self, start: usize, end: usize) {
        self.ignore_newline = false;
        if self.mode == Mode::InTableText
            && !self.is_foreign()
            && let Again(mode) = self.end_table_text()
        {
            self.mode = mode;
        }
        if self.keeps_markup {
            self.keep_comment(start, end);
        }
    }

    fn keep_comment(&mut self, start: usize, end: usize) {
        let text = &self.page[start..end];
        let span = match memchr::memchr(0, text.as_bytes()) {
            None => Span::of_page(start, end),
            Some(_) => self.tree.put_aside(&text.replace('\0', "\u{FFFD}")),
        };
        let place = match self.mode {
            _ if self.is_foreign() => self.place(None),
            Mode::Initial | Mode::BeforeHtml | Mode::AfterAfterBody | Mode::AfterAfterFrameset => {
                Place::Within(DOCUMENT)
            }
            Mode::AfterBody => Place::Within(self.lists.stack.at(0).node),
            _ => self.place(None),
        };
        let comment = self.tree.add_comment(span);
        self.put(place, comment);
    }

    pub(super) fn end_of_file(&mut self) {
        loop {
            match self.mode {
                Mode::Text => {
                    self.pop();
                    self.mode = self.original;
                }
                Mode::InTableText => {
                    if let Again(mode) = self.end_table_text() {
                        self.mode = mode;
                    }
                }
                Mode::Initial | Mode::BeforeHtml | Mode::BeforeHead | Mode::InHead | Mode::AfterHead => self.move_on(),
                Mode::AfterBody
                | Mode::InFrameset
                | Mode::AfterFrameset
                | Mode::AfterAfterBody
                | Mode::AfterAfterFrameset => return,
                // A template that is still open is closed, and then there may be a body to insert.
                _ if !self.lists.template_modes.is_empty() && self.has_template() => {
                    self.pop_through(TEMPLATE);
                    self.clear_to_marker();
                    self.lists.template_modes.pop();
                    self.reset_mode();
                }
                _ => return,
            }
        }
    }

    /// The mode that fits the stack of open elements.
    pub(super) fn reset_mode(&mut self) {
        use names::{CAPTION, COLGROUP, TABLE, TBODY, TD, TFOOT, TH, THEAD, TR};
        const MODES: [(NameId, Mode); 12] = [
            (TD, Mode::InCell),
            (TH, Mode::InCell),
            (TR, Mode::InRow),
            (TBODY, Mode::InTableBody),
            (THEAD, Mode::InTableBody),
            (TFOOT, Mode::InTableBody),
            (CAPTION, Mode::InCaption),
            (COLGROUP, Mode::InColumnGroup),
            (TABLE, Mode::InTable),
            (HEAD, Mode::InHead),
            (BODY, Mode::InBody),
            (FRAMESET, Mode::InFrameset),
        ];
        let stack = &self.lists.stack;
        let topmost = MODES.iter().filter_map(|&(name, mode)| Some((stack.topmost(name)?, mode)));
        let template = stack.topmost(TEMPLATE).and_then(|at| Some((at, *self.lists.template_modes.last()?)));
        let root = if self.head == NONE { Mode::BeforeHead } else { Mode::AfterHead };
        self.mode = topmost.chain(template).max_by_key(|&(at, _)| at).map_or(root, |(_, mode)| mode);
    }

    /// Reads what follows as text, up to the end tag.
    pub(super) fn read_as_text(&mut self, raw: super::raw::Raw) {
        self.raw = Some(raw);
        self.original = self.mode;
        self.mode = Mode::Text;
    }

    pub(super) fn insert_raw(&mut self, tag: &Tag, raw: super::raw::Raw) -> Flow {
        self.insert_html(tag);
        self.read_as_text(raw);
        Done
    }

    /// Whether an element of this name is in scope.
    pub(super) fn has_in_scope(&self, name: NameId) -> bool {
        self.in_scope(Scope::Default, name)
    }
}
