//! Tables.

use super::super::build::{Builder, Tag};
use super::super::names::{
    BODY, CAPTION, COL, COLGROUP, FORM, HTML, INPUT, NameId, SCRIPT, STYLE, TABLE, TBODY, TD, TEMPLATE, TFOOT, TH,
    THEAD, TR,
};
use super::super::stack::Scope;
use super::super::tree::{NONE, Space};
use super::Flow::{self, Again, Done};
use super::Mode;

const TABLE_CONTEXT: [NameId; 3] = [TABLE, TEMPLATE, HTML];
const BODY_CONTEXT: [NameId; 5] = [TBODY, TFOOT, THEAD, TEMPLATE, HTML];
const ROW_CONTEXT: [NameId; 3] = [TR, TEMPLATE, HTML];

impl Builder<'_> {
    fn in_table_scope(&self, name: NameId) -> bool {
        self.in_scope(Scope::Table, name)
    }

    pub(super) fn start_in_table(&mut self, tag: &Tag) -> Flow {
        match tag.name {
            CAPTION => {
                self.pop_to(&TABLE_CONTEXT);
                self.push_marker();
                self.insert_html(tag);
                self.mode = Mode::InCaption;
                Done
            }
            COLGROUP => {
                self.pop_to(&TABLE_CONTEXT);
                self.insert_html(tag);
                self.mode = Mode::InColumnGroup;
                Done
            }
            COL => {
                self.pop_to(&TABLE_CONTEXT);
                self.insert_html(&Tag::bare(COLGROUP));
                Again(Mode::InColumnGroup)
            }
            TBODY | TFOOT | THEAD => {
                self.pop_to(&TABLE_CONTEXT);
                self.insert_html(tag);
                self.mode = Mode::InTableBody;
                Done
            }
            TD | TH | TR => {
                self.pop_to(&TABLE_CONTEXT);
                self.insert_html(&Tag::bare(TBODY));
                Again(Mode::InTableBody)
            }
            TABLE => {
                if !self.in_table_scope(TABLE) {
                    return Done;
                }
                self.pop_through(TABLE);
                self.reset_mode();
                Again(self.mode)
            }
            STYLE | SCRIPT | TEMPLATE => self.start_in_head(tag),
            INPUT if self.is_hidden(tag) => {
                self.insert_closed(tag, Space::Html);
                Done
            }
            FORM => {
                if !self.has_template() && self.form == NONE {
                    self.form = self.insert_closed(tag, Space::Html);
                }
                Done
            }
            _ => {
                self.fosters = true;
                let flow = self.start_in_body(tag);
                self.fosters = false;
                flow
            }
        }
    }

    pub(super) fn end_in_table(&mut self, name: NameId) -> Flow {
        match name {
            TABLE => {
                if self.in_table_scope(TABLE) {
                    self.pop_through(TABLE);
                    self.reset_mode();
                }
                Done
            }
            BODY | CAPTION | COL | COLGROUP | HTML | TBODY | TD | TFOOT | TH | THEAD | TR => Done,
            TEMPLATE => self.end_in_head(name),
            _ => {
                self.fosters = true;
                let flow = self.end_in_body(name);
                self.fosters = false;
                flow
            }
        }
    }

    /// The text of a table is over. If there is more in it than white space, it belongs before the table.
    pub(super) fn end_table_text(&mut self) -> Flow {
        let pending = std::mem::take(&mut self.lists.table_text);
        let is_space = pending.iter().all(|&span| self.is_all_space(span));
        for &span in &pending {
            if is_space {
                self.append_text(span);
            } else {
                self.fosters = true;
                self.text_in_body(span);
                self.fosters = false;
            }
        }
        self.lists.table_text = pending;
        self.lists.table_text.clear();
        Again(self.original)
    }

    pub(super) fn start_in_caption(&mut self, tag: &Tag) -> Flow {
        match tag.name {
            CAPTION | COL | COLGROUP | TBODY | TD | TFOOT | TH | THEAD | TR => self.close_caption(Again(Mode::InTable)),
            _ => self.start_in_body(tag),
        }
    }

    pub(super) fn end_in_caption(&mut self, name: NameId) -> Flow {
        match name {
            CAPTION => {
                let flow = self.close_caption(Again(Mode::InTable));
                if let Again(mode) = flow {
                    self.mode = mode;
                }
                Done
            }
            TABLE => self.close_caption(Again(Mode::InTable)),
            BODY | COL | COLGROUP | HTML | TBODY | TD | TFOOT | TH | THEAD | TR => Done,
            _ => self.end_in_body(name),
        }
    }

    fn close_caption(&mut self, then: Flow) -> Flow {
        if !self.in_table_scope(CAPTION) {
            return Done;
        }
        self.imply_ends(None);
        self.pop_through(CAPTION);
        self.clear_to_marker();
        then
    }

    pub(super) fn start_in_column_group(&mut self, tag: &Tag) -> Flow {
        match tag.name {
            HTML => self.start_in_body(tag),
            COL => {
                self.insert_closed(tag, Space::Html);
                Done
            }
            TEMPLATE => self.start_in_head(tag),
            _ => self.leave_column_group(),
        }
    }

    pub(super) fn end_in_column_group(&mut self, name: NameId) -> Flow {
        match name {
            COLGROUP => {
                if let Again(mode) = self.leave_column_group() {
                    self.mode = mode;
                }
                Done
            }
            COL => Done,
            TEMPLATE => self.end_in_head(name),
            _ => self.leave_column_group(),
        }
    }

    pub(super) fn leave_column_group(&mut self) -> Flow {
        if !self.is_current(COLGROUP) {
            return Done;
        }
        self.pop();
        Again(Mode::InTable)
    }

    pub(super) fn start_in_table_body(&mut self, tag: &Tag) -> Flow {
        match tag.name {
            TR => {
                self.pop_to(&BODY_CONTEXT);
                self.insert_html(tag);
                self.mode = Mode::InRow;
                Done
            }
            TH | TD => {
                self.pop_to(&BODY_CONTEXT);
                self.insert_html(&Tag::bare(TR));
                Again(Mode::InRow)
            }
            CAPTION | COL | COLGROUP | TBODY | TFOOT | THEAD => self.close_table_body(),
            _ => self.start_in_table(tag),
        }
    }

    pub(super) fn end_in_table_body(&mut self, name: NameId) -> Flow {
        match name {
            TBODY | TFOOT | THEAD => {
                if self.in_table_scope(name) {
                    self.pop_to(&BODY_CONTEXT);
                    self.pop();
                    self.mode = Mode::InTable;
                }
                Done
            }
            TABLE => self.close_table_body(),
            BODY | CAPTION | COL | COLGROUP | HTML | TD | TH | TR => Done,
            _ => self.end_in_table(name),
        }
    }

    fn close_table_body(&mut self) -> Flow {
        // html5ever looks for `table`, where the standard says `thead`.
        if ![TABLE, TBODY, TFOOT].iter().any(|&name| self.in_table_scope(name)) {
            return Done;
        }
        self.pop_to(&BODY_CONTEXT);
        self.pop();
        Again(Mode::InTable)
    }

    pub(super) fn start_in_row(&mut self, tag: &Tag) -> Flow {
        match tag.name {
            TH | TD => {
                self.pop_to(&ROW_CONTEXT);
                self.insert_html(tag);
                self.mode = Mode::InCell;
                self.push_marker();
                Done
            }
            CAPTION | COL | COLGROUP | TBODY | TFOOT | THEAD | TR => self.close_row(Again(Mode::InTableBody)),
            _ => self.start_in_table(tag),
        }
    }

    pub(super) fn end_in_row(&mut self, name: NameId) -> Flow {
        match name {
            TR => {
                if let Again(mode) = self.close_row(Again(Mode::InTableBody)) {
                    self.mode = mode;
                }
                Done
            }
            TABLE => self.close_row(Again(Mode::InTableBody)),
            TBODY | TFOOT | THEAD => {
                if self.in_table_scope(name) {
                    self.close_row(Again(Mode::InTableBody))
                } else {
                    Done
                }
            }
            BODY | CAPTION | COL | COLGROUP | HTML | TD | TH => Done,
            _ => self.end_in_table(name),
        }
    }

    fn close_row(&mut self, then: Flow) -> Flow {
        if !self.in_table_scope(TR) {
            return Done;
        }
        self.pop_to(&ROW_CONTEXT);
        self.pop();
        then
    }

    pub(super) fn start_in_cell(&mut self, tag: &Tag) -> Flow {
        match tag.name {
            CAPTION | COL | COLGROUP | TBODY | TD | TFOOT | TH | THEAD | TR => {
                if !self.in_table_scope(TD) && !self.in_table_scope(TH) {
                    return Done;
                }
                self.close_cell();
                Again(Mode::InRow)
            }
            _ => self.start_in_body(tag),
        }
    }

    pub(super) fn end_in_cell(&mut self, name: NameId) -> Flow {
        match name {
            TD | TH => {
                if self.in_table_scope(name) {
                    self.imply_ends(None);
                    self.pop_through(name);
                    self.clear_to_marker();
                    self.mode = Mode::InRow;
                }
                Done
            }
            BODY | CAPTION | COL | COLGROUP | HTML => Done,
            TABLE | TBODY | TFOOT | THEAD | TR => {
                if !self.in_table_scope(name) {
                    return Done;
                }
                self.close_cell();
                Again(Mode::InRow)
            }
            _ => self.end_in_body(name),
        }
    }

    fn close_cell(&mut self) {
        self.imply_ends(None);
        let stack = &self.lists.stack;
        let name = if stack.topmost(TD) > stack.topmost(TH) { TD } else { TH };
        self.pop_through(name);
        self.clear_to_marker();
    }
}
