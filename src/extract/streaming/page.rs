//! One page at work: what was found of it so far.

use std::cell::RefCell;
use std::error::Error;
use std::ops::Range;
use std::rc::Rc;

use lol_html::HandlerResult;
use lol_html::html_content::{TextChunk, TextType};

use super::super::Values;
use super::super::bounds::Clock;
use super::super::dom::tags::decode_value;
use super::super::search::BYTES;
use super::field::Field;
use super::room::{Found, Room};
use super::text::decode;

/// The end of a text whose element is open.
const OPEN: usize = usize::MAX;

/// A page at work.
#[derive(Debug)]
pub(super) struct Page {
    room: Room,
    clock: Clock,
    /// The bytes that values may still take, as far as they are known.
    left: usize,
    is_full: bool,
    /// Texts whose elements are open.
    open: usize,
    /// Every field's handler is given every piece of text; this is the last that was taken.
    taken: (Range<usize>, bool),
    /// Where the text starts that is pending, and where the last tag ended after which a newline is no text.
    pending_from: usize,
    pub(super) newline_at: usize,
    /// The text of `html`, `head` or `body` is not to be had.
    is_watched: bool,
    /// Somebody asks for it.
    pub(super) asks_for_root: bool,
}

pub(super) type Shared = Rc<RefCell<Page>>;

/// Why `lol_html` is told to stop: nobody hears of it but [`Page::is_over`].
#[derive(Debug, thiserror::Error)]
#[error("the page is over its bounds")]
struct Stop;

/// What a handler fails with.
pub(super) type Refused = Box<dyn Error + Send + Sync>;

impl Page {
    /// A page of which so many fields are to be taken, with so many bytes of values.
    pub(super) fn new(mut room: Room, (fields, left): (usize, usize), is_watched: bool, clock: Clock) -> Self {
        room.any.clear();
        room.any.resize(fields, false);
        Self {
            room,
            clock,
            left,
            is_full: false,
            open: 0,
            taken: (0..0, false),
            pending_from: 0,
            newline_at: OPEN,
            is_watched,
            asks_for_root: false,
        }
    }

    pub(super) fn nothing() -> Self {
        Self::new(Room::default(), (0, 0), false, Clock::new(None))
    }

    pub(super) fn into_room(mut self) -> Room {
        self.room.clear();
        self.room
    }

    /// Whether it took more than it may.
    pub(super) fn is_over(&self) -> bool {
        self.is_full || self.clock.was_over()
    }

    /// Whether there is time for so many bytes.
    pub(super) fn goes_on(&self, bytes: usize) -> HandlerResult {
        self.clock.spend(bytes / BYTES);
        if self.is_full || self.clock.is_over() { Err(Stop.into()) } else { Ok(()) }
    }

    /// Takes bytes of a value off what is left. They are counted again when values are given, so that to count some of them twice
    /// would be wrong, and to forget some costs memory alone.
    fn takes(&mut self, bytes: usize) -> HandlerResult {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => self.is_full = true,
        }
        self.goes_on(bytes)
    }

    fn found(&mut self, field: usize, range: Range<usize>) -> HandlerResult {
        self.room.any[field] = true;
        self.room.found.push(Found { field, start: range.start, end: range.end });
        self.takes(size_of::<Range<usize>>())
    }

    pub(super) fn has_found(&self, field: usize) -> bool {
        self.room.any[field]
    }

    /// An element that is counted.
    pub(super) fn element(&mut self, field: usize) -> HandlerResult {
        self.found(field, 0..0)
    }

    pub(super) fn attribute(&mut self, field: usize, value: &str) -> HandlerResult {
        let attributes = &mut self.room.attributes;
        let start = attributes.len();
        decode_value(value, attributes);
        let range = start..attributes.len();
        self.takes(range.len())?;
        self.found(field, range)
    }

    /// An element whose text is wanted. Gives which one it is, if it may have any.
    pub(super) fn open(&mut self, field: usize, has_content: bool, is_root: bool) -> Result<Option<usize>, Refused> {
        self.flush();
        self.asks_for_root |= is_root;
        if is_root && self.is_watched {
            return Err(Stop.into());
        }
        let (start, at) = (self.room.text.len(), self.room.found.len());
        self.found(field, start..if has_content { OPEN } else { start })?;
        self.open += usize::from(has_content);
        Ok(has_content.then_some(at))
    }

    pub(super) fn close(&mut self, at: usize) -> HandlerResult {
        self.flush();
        self.open -= 1;
        let end = self.room.text.len();
        self.room.found[at].end = end;
        Ok(())
    }

    pub(super) fn text(&mut self, chunk: &TextChunk<'_>) -> HandlerResult {
        let taken = (chunk.source_location().bytes(), chunk.last_in_text_node());
        if self.open == 0 || taken == self.taken {
            return Ok(());
        }
        let start = taken.0.start;
        let is_last = taken.1;
        self.taken = taken;
        if !matches!(chunk.text_type(), TextType::Data | TextType::RCData) {
            self.room.text.push_str(chunk.as_str());
        } else if is_last && self.room.pending.is_empty() {
            decode(chunk.as_str(), start == self.newline_at, &mut self.room.text);
        } else {
            if self.room.pending.is_empty() {
                self.pending_from = start;
            }
            self.room.pending.push_str(chunk.as_str());
            if is_last {
                self.flush();
            }
        }
        self.goes_on(chunk.as_str().len())
    }

    /// What is pending is whole.
    pub(super) fn flush(&mut self) {
        if !self.room.pending.is_empty() {
            decode(&self.room.pending, self.pending_from == self.newline_at, &mut self.room.text);
            self.room.pending.clear();
        }
    }

    /// Adds what was found to the values, as far as there is time and room.
    pub(super) fn give(&self, fields: &[Field], values: &mut Values) {
        let Room { text, attributes, found, .. } = &self.room;
        if self.is_full {
            values.exceed_room();
        }
        for &Found { field, start, end } in found {
            if values.exceeded().is_some() || self.goes_on(0).is_err() {
                break;
            }
            let field = &fields[field];
            let from = if field.is_attribute() { attributes } else { text };
            let value = &from[start..end.min(from.len())];
            self.clock.spend(value.len() / BYTES);
            field.give(value, values);
        }
        values.heed(&self.clock);
        if values.exceeded().is_none() {
            fields.iter().for_each(|field| field.finish(values));
        }
    }
}
