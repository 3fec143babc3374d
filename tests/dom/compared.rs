//! One page, many selectors, two engines.

use std::collections::HashMap;
use std::convert::Infallible;

use scraper::{ElementRef, Html, Selector};
use slackwater::extract::{CssExtractor, CssField, CssManager, Extractor, Values};
use slackwater::{Manager, Pool};

/// Selectors of every kind, each asked for text and for some attributes.
const SELECTORS: &[&str] = &[
    "*",
    "html",
    "head",
    "body",
    "title",
    "p",
    "a",
    "b",
    "i",
    "div",
    "span",
    "table",
    "tbody",
    "tr",
    "td",
    "li",
    "form",
    "select",
    "option",
    "template",
    "svg",
    "svg *",
    "math *",
    "foreignObject",
    "foreignobject",
    "linearGradient",
    "x-y",
    "P",
    "h1, h2, a",
    "a, a",
    ".c",
    "p.c",
    "#i",
    "a#i.c",
    "[class]",
    "[href]",
    "[HREF]",
    "a[href^='/']",
    "a[href$='x' i]",
    "[class~=c]",
    "[class|=c]",
    "[class*='c']",
    "[class='c d' s]",
    "[id=i]",
    "[viewBox]",
    "[viewbox]",
    "[*|href]",
    "[xlink\\:href]",
    "[title]:not([href])",
    "div p",
    "div > p",
    "p + p",
    "p ~ a",
    "body > *",
    "table td > *",
    "p:first-child",
    "p:last-child",
    ":only-child",
    ":nth-child(2n+1)",
    ":nth-last-child(2)",
    "a:nth-of-type(2)",
    ":nth-last-of-type(2n)",
    ":first-of-type",
    ":only-of-type",
    ":empty",
    "p:not(.c)",
    ":is(p, a):not(:empty)",
    ":where(div, table) b",
    "div:has(> p)",
    "p:has(a[href])",
    ":has(+ p)",
    ":root",
    ":root > *",
    ":scope > body",
    "*|p",
    "|p",
    "*|*",
    "b b",
    "a a",
    "p p",
    "nobr, font, code, em",
    "frameset, frame, noframes, noscript",
    "script, style, textarea, xmp, plaintext",
];
const ATTRIBUTES: &[&str] = &["class", "href", "id", "title", "viewBox", "type", "HREF"];

/// Asks both engines the same, page after page, with the same extractor.
pub struct Compared {
    manager: CssManager,
    extractor: CssExtractor,
    asked: Vec<(&'static str, Selector, Option<&'static str>)>,
    values: Values,
}

impl Compared {
    pub fn new() -> Self {
        let mut asked = Vec::new();
        let mut fields = Vec::new();
        for &selector in SELECTORS {
            for attribute in std::iter::once(None).chain(ATTRIBUTES.iter().copied().map(Some)) {
                if attribute.is_some() && selector.len() > 3 && !selector.contains('*') {
                    continue;
                }
                let text = attribute.map_or(format!("x={selector}"), |name| format!("x={selector}@{name}"));
                fields.push((asked.len(), CssField::parse(&text).unwrap_or_else(|mistake| panic!("{mistake}"))));
                asked.push((selector, Selector::parse(selector).expect("scraper takes it"), attribute));
            }
        }
        let manager = CssManager::new(fields);
        let Ok::<_, Infallible>(extractor) = manager.create();
        let values = Values::new(asked.len());
        Self { manager, extractor, asked, values }
    }

    /// Fails if any answer differs.
    pub fn check(&mut self, page: &str) {
        if let Some(difference) = self.difference(page) {
            panic!("{difference}\nin {:?}", &page[..page.floor_char_boundary(2000)]);
        }
    }

    pub fn difference(&mut self, page: &str) -> Option<String> {
        self.values.clear();
        self.extractor.extract(page, &mut self.values);
        let html = Html::parse_document(page);
        let mut elements: HashMap<&str, Vec<ElementRef>> = HashMap::new();
        for (index, (text, selector, attribute)) in self.asked.iter().enumerate() {
            let elements = elements.entry(text).or_insert_with(|| html.select(selector).collect());
            let theirs: Vec<String> = match attribute {
                None => elements.iter().map(|element| element.text().collect()).collect(),
                Some(name) => elements.iter().filter_map(|&element| attribute_of(element, name)).collect(),
            };
            let ours: Vec<&str> = self.values.of(index).collect();
            if ours != theirs {
                let at = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
                let at = at.unwrap_or(ours.len().min(theirs.len()));
                let (have, want) = (ours.get(at), theirs.get(at));
                return Some(format!(
                    "{text} @{attribute:?}: {} values for {}, at {at} {have:.200?} for {want:.200?}",
                    ours.len(),
                    theirs.len(),
                ));
            }
        }
        None
    }

    /// What the extractor holds.
    pub fn weight(&self) -> u64 {
        self.manager.weight(&self.extractor)
    }
}

/// As the extractor took it from scraper's tree before it had its own.
fn attribute_of(element: ElementRef, name: &str) -> Option<String> {
    let alike = || element.value().attrs().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    element.attr(name).or_else(alike).map(str::to_owned)
}

/// A pool of extractors, for the promise about its weight.
pub fn pool(field: &str) -> Pool<CssManager> {
    let manager = CssManager::new([(0, CssField::parse(field).expect("sound"))]);
    Pool::builder(manager).max_size(1).build().expect("a pool")
}
