//! What is to be taken from every page, and how `lol_html` is asked for it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::mem;

use lol_html::errors::RewritingError;
use lol_html::html_content::Element;
use lol_html::{ElementContentHandlers, HtmlRewriter, MemorySettings, Selector, Settings};

use super::super::bounds::{Clock, Exceeded};
use super::super::dom::not_plain::NotPlain;
use super::super::{CssField, Values};
use super::WhyNot;
use super::field::Field;
use super::page::{Page, Shared};
use super::room::Room;

/// Bytes that `lol_html` is given at a time. Between two times there is a look at the clock, as it tells nobody of elements that
/// no field asks for.
const PART: usize = 64 << 10;

/// Bytes that `lol_html` may have for the elements that are open, beside what it keeps of the page: a page of tags that are never closed
/// would have forty times its own.
const MOST: usize = 64 << 20;

/// The fields, in `lol_html`'s terms. It compiles these anew for every page; they are parsed once.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) fields: Vec<Field>,
    /// Elements whose first newline is no text, if anybody asks for text.
    newlines: Option<Selector>,
}

impl Plan {
    pub(super) fn new(fields: &[(usize, CssField)]) -> Result<Self, WhyNot> {
        let fields: Vec<Field> =
            fields.iter().map(|(index, field)| Field::new(*index, field)).collect::<Result<_, _>>()?;
        let takes_text = fields.iter().any(|field| field.takes_text());
        let newlines = takes_text.then(|| "pre, textarea, listing".parse().expect("three names are a selector"));
        Ok(Self { fields, newlines })
    }

    /// Takes all fields from a page without carriage returns, as far as its bounds allow. If it is `watched`, then not the text of
    /// `html`, `head` or `body`, and nothing from a page with a tag of too many attributes.
    pub(super) fn run(
        &self,
        room: &mut Room,
        page: &str,
        (watched, clock): (bool, Clock),
        values: &mut Values,
    ) -> Result<(), NotPlain> {
        self.run_by(PART, room, page, (watched, clock), values)
    }

    /// The same, so many bytes at a time.
    fn run_by(
        &self,
        part: usize,
        room: &mut Room,
        page: &str,
        (watched, clock): (bool, Clock),
        values: &mut Values,
    ) -> Result<(), NotPlain> {
        let most = MOST + 2 * page.len();
        let shared =
            Shared::new(RefCell::new(Page::new(mem::take(room), (self.fields.len(), values.room()), watched, clock)));
        let done = self.feed(&shared, page, part, most);
        let mut done_page = shared.replace(Page::nothing());
        done_page.flush();
        let outcome = match done {
            Err(RewritingError::MemoryLimitExceeded(_)) if watched => Err(NotPlain::Attributes),
            _ if watched && done_page.asks_for_root => Err(NotPlain::Root),
            Err(RewritingError::MemoryLimitExceeded(_)) => {
                values.exceed(Exceeded::Streaming(most));
                Ok(())
            }
            // It is not strict, and a handler fails only to stop.
            Err(why) if !done_page.is_over() => panic!("lol_html gave up: {why}"),
            _ => {
                done_page.give(&self.fields, values);
                Ok(())
            }
        };
        *room = done_page.into_room();
        outcome
    }

    fn feed(&self, page: &Shared, source: &str, part: usize, most: usize) -> Result<(), RewritingError> {
        let memory = MemorySettings::new().with_max_allowed_memory_usage(most);
        let mut settings = Settings::new().with_strict(false).with_memory_settings(memory);
        // In front of the fields, so that a newline is known of when its text comes.
        if let Some(selector) = &self.newlines {
            settings = settings.append_element_content_handler((
                Cow::Borrowed(selector),
                ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| {
                    page.borrow_mut().newline_at = element.source_location().bytes().end;
                    Ok(())
                }),
            ));
        }
        for (n, field) in self.fields.iter().enumerate() {
            settings =
                settings.append_element_content_handler((Cow::Borrowed(&field.selector), field.handlers(n, page)));
        }
        let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
        let mut at = 0;
        while at < source.len() {
            let end = source.ceil_char_boundary(at.saturating_add(part));
            page.borrow().goes_on(end - at).map_err(RewritingError::ContentHandlerError)?;
            rewriter.write(&source.as_bytes()[at..end])?;
            at = end;
        }
        page.borrow().goes_on(0).map_err(RewritingError::ContentHandlerError)?;
        rewriter.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: [&str; 8] = [
        "<!doctype html><html lang=en><head><title>a &amp; b &lt</title></head><body class='c d'><p>x</p></body></html>\n",
        "<pre>\n\nx</pre><textarea>\ny &amp; z</textarea><pre>&#10;é日本</pre><pre a=>\nq",
        "<div class=c>a<b>b &nope; &am<!-- c -->p; c</b>&notin; d &#x41;z</div>",
        "<script>if (a < b) '</div>' <!-- <script> </script> --></script><style>a > b {}</style><p>&lt;</p>",
        "<a href='/a?b&amp;c' title=\"x\ny\">1<a href=2 HREF=3>2</a></a><br/><svg><g/><path d=z />w</svg>",
        "<table><tr><td class=c>x</td></tr></table><ul><li>a<li>b</ul><p>c<p>d",
        "a < b <> </> <! x> <!-- é --> <?x> ]]> <p title='>'>é</p title='<'>",
        "<title a= ><b>x</b></title><p>a\u{301}\u{10FFFF}b</p><é>",
    ];

    /// Promise: where a page is cut means nothing. Provoked: parts of a few bytes, on pages with every kind of markup.
    #[test]
    fn parts_of_a_page_give_what_the_whole_gives() {
        let fields = [
            "t=title",
            "p=p, pre, textarea",
            "all=*",
            "b=div, b",
            "a=a@href",
            "c=.c@class",
            "n=:nth-child(2)",
            "r=script, style",
        ];
        let fields: Vec<_> = fields.iter().map(|field| CssField::parse(field).unwrap()).enumerate().collect();
        let plan = Plan::new(&fields).unwrap();
        let mut room = Room::default();
        let mut ask = |page: &str, part: usize| -> Vec<Vec<String>> {
            let mut values = Values::new(fields.len());
            let bounds = (false, values.clock());
            plan.run_by(part, &mut room, page, bounds, &mut values).unwrap();
            (0..fields.len()).map(|field| values.of(field).map(str::to_owned).collect()).collect()
        };
        for page in PAGES {
            let whole = ask(page, page.len());
            for part in 1..page.len() {
                assert_eq!(ask(page, part), whole, "{part} bytes of {page:?}");
            }
        }
    }
}
