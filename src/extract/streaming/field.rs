//! One field: how `lol_html` is asked for it, and what is made of what it finds.

use std::rc::Rc;
use std::sync::Arc;

use lol_html::html_content::{Element, TextChunk};
use lol_html::{ElementContentHandlers, HandlerResult, Selector};

use super::super::dom::text;
use super::super::what::{Take, Text, What};
use super::super::{CssField, Values};
use super::WhyNot;
use super::choice;
use super::page::Shared;

#[derive(Debug)]
pub(super) struct Field {
    index: usize,
    pub(super) selector: Selector,
    take: Take,
    what: Taken,
    required: Option<Arc<str>>,
}

/// What is taken of an element.
#[derive(Debug)]
enum Taken {
    Attribute(Box<str>),
    Text(Text),
    /// It is only counted.
    Nothing,
}

impl Field {
    pub(super) fn new(index: usize, field: &CssField) -> Result<Self, WhyNot> {
        let what = match &field.what {
            What::Attribute(name) => Taken::Attribute(name.as_str().into()),
            What::Text(_) | What::Html(_) if field.take == Take::Count => Taken::Nothing,
            What::Text(how) => Taken::Text(*how),
            What::Html(_) => return Err(WhyNot::Html { name: field.name.clone() }),
            What::Record(_) => return Err(WhyNot::Record { name: field.name.clone() }),
        };
        let selector = choice::selector(field)?;
        Ok(Self { index, selector, take: field.take, what, required: field.required.clone() })
    }

    /// What `lol_html` calls for it, the `field`th.
    pub(super) fn handlers<'h>(&'h self, field: usize, page: &'h Shared) -> ElementContentHandlers<'h> {
        let is_done = move || self.take == Take::First && page.borrow().has_found(field);
        let handlers = ElementContentHandlers::default();
        match &self.what {
            Taken::Attribute(name) => handlers.element(move |element: &mut Element<'_, '_>| -> HandlerResult {
                match element.get_attribute(name) {
                    Some(value) if !is_done() => page.borrow_mut().attribute(field, &value),
                    _ => Ok(()),
                }
            }),
            Taken::Text(_) => handlers
                .element(move |element: &mut Element<'_, '_>| -> HandlerResult {
                    if is_done() { Ok(()) } else { open(page, field, element) }
                })
                .text(move |chunk: &mut TextChunk<'_>| page.borrow_mut().text(chunk)),
            Taken::Nothing => handlers.element(move |_: &mut Element<'_, '_>| page.borrow_mut().element(field)),
        }
    }

    /// Adds one of its values, as it was found.
    pub(super) fn give(&self, found: &str, values: &mut Values) {
        match &self.what {
            Taken::Attribute(_) => values.push(self.index, [found]),
            Taken::Text(Text::Raw) => values.push(self.index, [found]),
            Taken::Text(how) => values.push_with(self.index, |out| text::join([found].into_iter(), *how, out)),
            Taken::Nothing => values.push(self.index, []),
        }
    }

    pub(super) fn takes_text(&self) -> bool {
        matches!(self.what, Taken::Text(_))
    }

    pub(super) fn is_attribute(&self) -> bool {
        matches!(self.what, Taken::Attribute(_))
    }

    /// The page is over.
    pub(super) fn finish(&self, values: &mut Values) {
        values.finish(self.index, self.required.as_ref(), self.take == Take::Count);
    }
}

/// An element whose text is wanted.
fn open(page: &Shared, field: usize, element: &mut Element<'_, '_>) -> HandlerResult {
    let name = element.tag_name();
    let is_root = matches!(&*name, "html" | "head" | "body");
    let Some(at) = page.borrow_mut().open(field, element.can_have_content(), is_root)? else { return Ok(()) };
    let page = Rc::clone(page);
    // It comes with the end tag that closes the element, be it that of another one. None comes with the end of the page.
    let _ = element.on_end_tag(Box::new(move |_| page.borrow_mut().close(at)));
    Ok(())
}
