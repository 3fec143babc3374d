//! Who extracts: the same fields by different means.

use std::num::NonZeroU64;
use std::path::PathBuf;

use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use slackwater::Manager;
use slackwater::extract::{CssExtractor, Extractor, Recipe, RegexExtractor, Values};
use slackwater::wasm::{Isolation, Query, WasmComponent, WasmEngine, WasmEngineBuilder, WasmExtractor, WasmOptions};

/// The fields of the command without any, which are of every kind there is.
const CSS: [(&str, Option<&str>); 3] = [("title", None), ("h1, h2", None), ("a", Some("href"))];
const PATTERN: &str = r"\bE[0-9]{4}\b";

pub type Answer = Vec<Vec<String>>;

pub fn queries() -> Vec<Query> {
    let css = CSS.iter().map(|&(selector, attribute)| match attribute {
        Some(name) => Query::attribute(selector, name),
        None => Query::css(selector),
    });
    css.chain([Query::pattern(PATTERN)]).collect()
}

/// slackwater's own extractors.
pub struct Own {
    css: CssExtractor,
    pattern: RegexExtractor,
    values: Values,
}

impl Own {
    pub fn new() -> Self {
        let mut recipe = Recipe::new();
        for (n, (selector, attribute)) in CSS.iter().enumerate() {
            let attribute = attribute.map(|name| format!("@{name}")).unwrap_or_default();
            recipe.css(&format!("f{n}={selector}{attribute}")).expect("sound");
        }
        recipe.regex(&format!("f{}={PATTERN}", CSS.len())).expect("sound");
        let css = recipe.css_manager().expect("it has selectors").create().expect("it cannot fail");
        let pattern = recipe.regex_manager().expect("it has a pattern").create().expect("it cannot fail");
        Self { css, pattern, values: Values::new(CSS.len() + 1) }
    }

    pub fn page(&mut self, page: &str) -> &Values {
        self.values.clear();
        self.css.extract(page, &mut self.values);
        self.pattern.extract(page, &mut self.values);
        &self.values
    }

    pub fn answer(&mut self, page: &str) -> Answer {
        let values = self.page(page);
        (0..values.fields()).map(|field| values.of(field).map(str::to_owned).collect()).collect()
    }
}

/// What the bundled component does, outside of one.
pub struct Native {
    css: Vec<(Selector, Option<&'static str>)>,
    pattern: Regex,
}

impl Native {
    pub fn new() -> Self {
        let css = CSS.iter().map(|&(selector, attribute)| (Selector::parse(selector).expect("sound"), attribute));
        Self { css: css.collect(), pattern: Regex::new(PATTERN).expect("sound") }
    }

    pub fn answer(&self, page: &str) -> Answer {
        let html = Html::parse_document(page);
        let css = self.css.iter().map(|(selector, attribute)| {
            let matches = html.select(selector);
            match attribute {
                None => matches.map(|element| element.text().collect()).collect(),
                Some(name) => matches.filter_map(|element| attribute_of(element, name)).collect(),
            }
        });
        let found = self.pattern.find_iter(page).map(|found| found.as_str().to_owned()).collect();
        css.chain([found]).collect()
    }
}

fn attribute_of(element: ElementRef, name: &str) -> Option<String> {
    let alike = || element.value().attrs().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    element.attr(name).or_else(alike).map(str::to_owned)
}

/// The component that is measured, if not the bundled one.
pub fn own_component() -> Option<PathBuf> {
    std::env::var_os("WASM_COMPONENT").map(PathBuf::from)
}

pub fn component(engine: &WasmEngine) -> WasmComponent {
    match own_component() {
        Some(path) => engine.component_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        None => engine.bundled_extractor().expect("it comes with the crate"),
    }
}

/// An engine that keeps what it compiles where it is built, and no time is lost from run to run.
pub fn engine(set: impl FnOnce(WasmEngineBuilder) -> WasmEngineBuilder) -> WasmEngine {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/wasm-bench-artifacts");
    let cache = slackwater::wasm::ArtifactCache::open(folder).expect("the target folder is the user's own");
    set(WasmEngine::builder().slots(64)).cache(cache).build().expect("an engine")
}

pub fn fresh() -> WasmOptions {
    WasmOptions { limits: limits(), ..WasmOptions::default() }
}

pub fn reused() -> WasmOptions {
    let isolation = Isolation::Reuse { max_uses: NonZeroU64::MAX };
    // Heavy components begin above the usual bound.
    WasmOptions { limits: limits(), isolation, retire_above: 256 << 20, ..WasmOptions::default() }
}

/// Room for the largest page, and for heavy components.
fn limits() -> slackwater::wasm::WasmLimits {
    slackwater::wasm::WasmLimits {
        memory: 512 << 20,
        timeout: std::time::Duration::from_secs(20),
        ..slackwater::wasm::WasmLimits::default()
    }
}

pub fn extractor(engine: &WasmEngine, options: WasmOptions, size: usize) -> WasmExtractor {
    WasmExtractor::build(&component(engine), options, |pool| pool.max_size(size)).expect("a pool")
}
