//! What is measured: the same fields by different means, and html5ever's own parts alone.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::rc::Rc;

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use html5ever::{Attribute, QualName};
use scraper::{Html, Selector};
use slackwater::Pool;
use slackwater::extract::{CssManager, Recipe, Values, extract_page};

/// How many values a lap gave, and their length in characters: contestants that take the fields must agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub count: usize,
    pub length: usize,
}

impl Found {
    pub fn add(&mut self, value: &str) {
        self.count += 1;
        self.length += value.chars().count();
    }
}

/// The shortest loop over scraper.
pub struct Bare {
    h1: Selector,
    a: Selector,
}

impl Bare {
    pub fn new() -> Self {
        Self { h1: Selector::parse("h1").expect("sound"), a: Selector::parse("a[href]").expect("sound") }
    }

    pub fn page(&self, page: &str, found: &mut Found) {
        let html = Html::parse_document(page);
        let texts: Vec<String> = html.select(&self.h1).map(|element| element.text().collect()).collect();
        let links: Vec<&str> = html.select(&self.a).filter_map(|element| element.attr("href")).collect();
        texts.iter().for_each(|text| found.add(text));
        links.iter().for_each(|link| found.add(link));
    }
}

/// A pool of our extractors.
pub fn pool(size: usize) -> Pool<CssManager> {
    let mut recipe = Recipe::new();
    recipe.css("h1=h1").and_then(|recipe| recipe.css("links=a[href]@href")).expect("sound");
    Pool::builder(recipe.css_manager().expect("two fields")).max_size(size).build().expect("a pool")
}

/// A page through the pool.
pub fn ours(pool: &Pool<CssManager>, page: &str, values: &mut Values, found: &mut Found) {
    values.clear();
    extract_page(pool, page, values).1.expect("an answer");
    for field in 0..values.fields() {
        values.of(field).for_each(|value| found.add(value));
    }
}

/// html5ever's tokenizer, its tokens dropped.
pub fn tokenizer(page: &str) {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    let tokenizer = Tokenizer::new(Dropped, TokenizerOpts::default());
    // It stops after a script, and after a declaration of the encoding.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
}

struct Dropped;

impl TokenSink for Dropped {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        black_box(&token);
        TokenSinkResult::Continue
    }
}

/// html5ever's tree builder, with a sink that makes no tree: the least that any tree over html5ever costs.
pub fn builder(page: &str) {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    let builder = TreeBuilder::new(NoTree::default(), TreeBuilderOpts::default());
    let tokenizer = Tokenizer::new(builder, TokenizerOpts::default());
    // It stops after a script, and after a declaration of the encoding.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
}

/// Knows the names of the elements, which the builder asks for, and nothing else.
#[derive(Default)]
struct NoTree {
    elements: RefCell<Vec<Rc<QualName>>>,
    names: RefCell<HashMap<QualName, Rc<QualName>>>,
}

#[derive(Debug)]
struct NameOf(Rc<QualName>);

impl html5ever::interface::ElemName for NameOf {
    fn ns(&self) -> &html5ever::Namespace {
        &self.0.ns
    }

    fn local_name(&self) -> &html5ever::LocalName {
        &self.0.local
    }
}

impl TreeSink for NoTree {
    type Handle = usize;
    type Output = ();
    type ElemName<'a> = NameOf;

    fn finish(self) {}
    fn parse_error(&self, _: Cow<'static, str>) {}
    fn get_document(&self) -> usize {
        usize::MAX
    }
    fn elem_name<'a>(&'a self, element: &'a usize) -> NameOf {
        NameOf(Rc::clone(&self.elements.borrow()[*element]))
    }
    fn create_element(&self, name: QualName, _: Vec<Attribute>, _: ElementFlags) -> usize {
        let mut names = self.names.borrow_mut();
        let name = match names.get(&name) {
            Some(name) => Rc::clone(name),
            None => {
                let shared = Rc::new(name.clone());
                names.insert(name, Rc::clone(&shared));
                shared
            }
        };
        let mut elements = self.elements.borrow_mut();
        elements.push(name);
        elements.len() - 1
    }
    fn create_comment(&self, _: StrTendril) -> usize {
        usize::MAX
    }
    fn create_pi(&self, _: StrTendril, _: StrTendril) -> usize {
        usize::MAX
    }
    fn append(&self, _: &usize, _: NodeOrText<usize>) {}
    fn append_based_on_parent_node(&self, _: &usize, _: &usize, _: NodeOrText<usize>) {}
    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}
    fn get_template_contents(&self, _: &usize) -> usize {
        usize::MAX
    }
    fn same_node(&self, one: &usize, two: &usize) -> bool {
        one == two
    }
    fn set_quirks_mode(&self, _: QuirksMode) {}
    fn append_before_sibling(&self, _: &usize, _: NodeOrText<usize>) {}
    fn add_attrs_if_missing(&self, _: &usize, _: Vec<Attribute>) {}
    fn remove_from_parent(&self, _: &usize) {}
    fn reparent_children(&self, _: &usize, _: &usize) {}
}
