//! The same recipe by extractors that are kept in pools, kept by hand, and not kept.

use std::convert::Infallible;

use slackwater::extract::{
    CssExtractor, CssManager, Extractor, Recipe, RegexExtractor, RegexManager, Values, extract_page,
};
use slackwater::{Manager, Pool};

/// What somebody wants to know of a page of documentation: 20 selectors and 10 patterns.
const CSS: [&str; 20] = [
    "title=title",
    "h1=h1",
    "headings=h2, h3",
    "description=meta[name=description]@content",
    "language=html@lang",
    "stylesheets=link[rel~=stylesheet]@href",
    "canonical=link[rel=canonical]@href",
    "links=a[href]@href",
    "outside=a[href^='http']@href",
    "anchors=[id]@id",
    "images=img[src]@src",
    "code=pre > code",
    "signatures=.item-decl code, .code-header",
    "summary=.docblock > p:first-child",
    "crumbs=nav ul li > a",
    "sidebar=.sidebar-elems h3 a",
    "notes=.stab, .since",
    "tables=table td:first-child",
    "items=dl.item-table > dt a[title]@title",
    "source=a.src@href",
];
const PATTERNS: [&str; 10] = [
    r"codes=\bE[0-9]{4}\b",
    r"versions=\b[0-9]+\.[0-9]+\.[0-9]+\b",
    r"years=\b(?:19|20)[0-9]{2}\b",
    r"issues=/issues/([0-9]+)",
    r#"hosts=https?://([a-z0-9.-]+)"#,
    r#"generator=<meta name="generator" content="([^"]*)""#,
    r"functions=\bfn ([a-z_][a-z0-9_]*)",
    r"lifetimes=&#39;([a-z]+)\b",
    r"mails=[A-Za-z0-9._]+@[A-Za-z0-9-]+\.[a-z]{2,}",
    r"features=\bfeature\(([a-z_, ]+)\)",
];

pub fn recipe() -> Recipe {
    let mut recipe = Recipe::new();
    for field in CSS {
        recipe.css(field).expect("sound");
    }
    for field in PATTERNS {
        recipe.regex(field).expect("sound");
    }
    recipe
}

/// Whoever takes the recipe from a page.
pub trait Contestant {
    fn page(&mut self, page: &str, values: &mut Values);
}

/// As the command has it: a pool for each kind, extractors made and warm before the first page.
pub struct Pooled {
    css: Pool<CssManager>,
    regex: Pool<RegexManager>,
}

impl Pooled {
    pub fn new() -> Self {
        let recipe = recipe();
        let (css, regex) = managers(&recipe);
        Self {
            css: Pool::builder(css).max_size(1).build().expect("a pool"),
            regex: Pool::builder(regex).max_size(1).build().expect("a pool"),
        }
    }
}

impl Contestant for Pooled {
    fn page(&mut self, page: &str, values: &mut Values) {
        extract_page(&self.css, page, values).1.expect("an answer");
        extract_page(&self.regex, page, values).1.expect("an answer");
    }
}

/// An extractor of each kind in hand: what pages cost without a pool's checkouts, for who has one thread.
pub struct Kept {
    css: CssExtractor,
    regex: RegexExtractor,
}

impl Kept {
    pub fn new() -> Self {
        let (css, regex) = managers(&recipe());
        Self { css: made(&css), regex: made(&regex) }
    }
}

impl Contestant for Kept {
    fn page(&mut self, page: &str, values: &mut Values) {
        self.css.extract(page, values);
        self.regex.extract(page, values);
    }
}

/// Extractors made for each page out of fields that were compiled once.
pub struct MadeForEach {
    css: CssManager,
    regex: RegexManager,
}

impl MadeForEach {
    pub fn new() -> Self {
        let (css, regex) = managers(&recipe());
        Self { css, regex }
    }
}

impl Contestant for MadeForEach {
    fn page(&mut self, page: &str, values: &mut Values) {
        made(&self.css).extract(page, values);
        made(&self.regex).extract(page, values);
    }
}

/// Nothing kept: each page compiles the recipe, as a function that takes selectors and patterns as text does.
pub struct CompiledForEach;

impl Contestant for CompiledForEach {
    fn page(&mut self, page: &str, values: &mut Values) {
        Kept::new().page(page, values);
    }
}

fn managers(recipe: &Recipe) -> (CssManager, RegexManager) {
    (recipe.css_manager().expect("selectors"), recipe.regex_manager().expect("patterns"))
}

fn made<M: Manager<Error = Infallible>>(manager: &M) -> M::Resource {
    let Ok(resource) = manager.create();
    resource
}
