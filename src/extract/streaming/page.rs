//! One page through `lol_html`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::mem;
use std::ops::Range;
use std::rc::Rc;

use lol_html::html_content::{Element, TextChunk, TextType};
use lol_html::{ElementContentHandlers, HtmlRewriter, Selector, Settings};

use super::super::dom::not_plain::NotPlain;
use super::super::dom::tags::decode_value;
use super::super::{CssField, Values};
use super::WhyNot;
use super::choice::selector;
use super::text::decode;

/// Room kept from page to page, in bytes of each kind.
const KEEP: usize = 1 << 20;

/// What is to be taken, in `lol_html`'s terms. It compiles these anew for every page; they are parsed once.
#[derive(Debug)]
pub(super) struct Plan {
    fields: Vec<Field>,
    /// Elements whose first newline is no text, if anybody asks for text.
    newlines: Option<Selector>,
}

#[derive(Debug)]
struct Field {
    index: usize,
    selector: Selector,
    attribute: Option<Box<str>>,
}

/// Lists that are reused from page to page.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The text of all open elements, once, however many of them it is in.
    text: String,
    attributes: String,
    found: Vec<Found>,
    /// A text that is not whole yet.
    pending: String,
}

impl Room {
    pub(super) fn weight(&self) -> usize {
        self.text.capacity()
            + self.attributes.capacity()
            + self.pending.capacity()
            + self.found.capacity() * size_of::<Found>()
    }

    fn clear(&mut self) {
        for text in [&mut self.text, &mut self.attributes, &mut self.pending] {
            text.clear();
            text.shrink_to(KEEP);
        }
        self.found.clear();
        self.found.shrink_to(KEEP / size_of::<Found>());
    }
}

/// A value, in the order of the start tags.
#[derive(Debug)]
struct Found {
    field: usize,
    is_text: bool,
    range: Range<usize>,
}

/// The end of a text whose element is open.
const OPEN: usize = usize::MAX;

/// A page at work.
#[derive(Debug)]
struct Page {
    room: Room,
    /// Texts whose elements are open.
    open: usize,
    /// Every field's handler is given every piece of text; this is the last that was taken.
    taken: (Range<usize>, bool),
    /// Where the text starts that is pending, and where the last tag ended after which a newline is no text.
    pending_from: usize,
    newline_at: usize,
    /// Somebody asks for the text of `html`, `head` or `body`.
    asks_for_root: bool,
}

type Shared = Rc<RefCell<Page>>;

impl Plan {
    pub(super) fn new(fields: &[(usize, CssField)]) -> Result<Self, WhyNot> {
        let takes_text = fields.iter().any(|(_, field)| field.attribute().is_none());
        let newlines = takes_text.then(|| "pre, textarea, listing".parse().expect("three names are a selector"));
        let fields = fields.iter().map(|(index, field)| {
            Ok(Field { index: *index, selector: selector(field)?, attribute: field.attribute().map(Into::into) })
        });
        Ok(Self { fields: fields.collect::<Result<_, _>>()?, newlines })
    }

    /// Takes all fields from a page without carriage returns. If it is `watched`, then not the text of `html`, `head` or `body`.
    pub(super) fn run(&self, room: &mut Room, page: &str, watched: bool, values: &mut Values) -> Result<(), NotPlain> {
        let shared: Shared = Rc::new(RefCell::new(Page::with(mem::take(room))));
        let mut settings = Settings::new().with_strict(false);
        // In front of the fields, so that a newline is known of when its text comes.
        if let Some(selector) = &self.newlines {
            let page = &shared;
            settings = settings.append_element_content_handler((
                Cow::Borrowed(selector),
                ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| {
                    page.borrow_mut().newline_at = element.source_location().bytes().end;
                    Ok(())
                }),
            ));
        }
        for field in &self.fields {
            settings =
                settings.append_element_content_handler((Cow::Borrowed(&field.selector), field.handlers(&shared)));
        }
        let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
        // Neither a limit of its memory nor a handler can fail, and it is not strict.
        let done = rewriter.write(page.as_bytes()).and_then(|()| rewriter.end());
        let mut page = shared.replace(Page::with(Room::default()));
        page.flush();
        if let Err(why) = done {
            panic!("lol_html gave up: {why}");
        }
        let is_refused = watched && page.asks_for_root;
        if !is_refused {
            page.give(values);
        }
        *room = page.room;
        room.clear();
        if is_refused { Err(NotPlain::Root) } else { Ok(()) }
    }
}

impl Field {
    fn handlers<'h>(&'h self, page: &'h Shared) -> ElementContentHandlers<'h> {
        let Some(name) = &self.attribute else {
            return ElementContentHandlers::default()
                .element(move |element: &mut Element<'_, '_>| {
                    open(page, self.index, element);
                    Ok(())
                })
                .text(move |chunk: &mut TextChunk<'_>| {
                    page.borrow_mut().text(chunk);
                    Ok(())
                });
        };
        ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| {
            if let Some(value) = element.get_attribute(name) {
                page.borrow_mut().attribute(self.index, &value);
            }
            Ok(())
        })
    }
}

/// An element whose text is wanted.
fn open(shared: &Shared, field: usize, element: &mut Element<'_, '_>) {
    let mut page = shared.borrow_mut();
    page.flush();
    let start = page.room.text.len();
    let at = page.room.found.len();
    let name = element.tag_name();
    page.asks_for_root |= matches!(&*name, "html" | "head" | "body");
    if !element.can_have_content() {
        page.room.found.push(Found { field, is_text: true, range: start..start });
        return;
    }
    page.room.found.push(Found { field, is_text: true, range: start..OPEN });
    page.open += 1;
    let shared = Rc::clone(shared);
    // It comes with the end tag that closes the element, be it that of another one. None comes with the end of the page.
    let _ = element.on_end_tag(Box::new(move |_| {
        shared.borrow_mut().close(at);
        Ok(())
    }));
}

impl Page {
    fn with(room: Room) -> Self {
        Self { room, open: 0, taken: (0..0, false), pending_from: 0, newline_at: OPEN, asks_for_root: false }
    }

    fn attribute(&mut self, field: usize, value: &str) {
        let attributes = &mut self.room.attributes;
        let start = attributes.len();
        decode_value(value, attributes);
        let range = start..attributes.len();
        self.room.found.push(Found { field, is_text: false, range });
    }

    fn close(&mut self, at: usize) {
        self.flush();
        self.open -= 1;
        self.room.found[at].range.end = self.room.text.len();
    }

    fn text(&mut self, chunk: &TextChunk<'_>) {
        let taken = (chunk.source_location().bytes(), chunk.last_in_text_node());
        if self.open == 0 || taken == self.taken {
            return;
        }
        let start = taken.0.start;
        let is_last = taken.1;
        self.taken = taken;
        if !matches!(chunk.text_type(), TextType::Data | TextType::RCData) {
            self.room.text.push_str(chunk.as_str());
            return;
        }
        if self.room.pending.is_empty() {
            if is_last {
                return decode(chunk.as_str(), start == self.newline_at, &mut self.room.text);
            }
            self.pending_from = start;
        }
        self.room.pending.push_str(chunk.as_str());
        if is_last {
            self.flush();
        }
    }

    /// What is pending is whole.
    fn flush(&mut self) {
        if !self.room.pending.is_empty() {
            decode(&self.room.pending, self.pending_from == self.newline_at, &mut self.room.text);
            self.room.pending.clear();
        }
    }

    fn give(&self, values: &mut Values) {
        let Room { text, attributes, found, .. } = &self.room;
        for Found { field, is_text, range } in found {
            let from = if *is_text { text } else { attributes };
            values.push(*field, [&from[range.start..range.end.min(from.len())]]);
        }
    }
}
