//! One page, several recipes, the tree and the engine without one.

use slackwater::Manager;
use slackwater::extract::{
    CssExtractor, CssManager, Engine, Extractor, NotPlain, Recipe, StreamingExtractor, StreamingManager, Values,
};

/// Recipes that may run without a tree, by what they see. The first cannot tell whether a `tbody` was typed.
const RECIPES: &[&[&str]] = &[
    &[
        "title=title",
        "headings=h1, h2, h3",
        "links=a@href",
        "linked=a[href]",
        "a=a",
        "p=p",
        "li=li",
        "ul=ul",
        "div=div",
        "span=span",
        "b=b, i, u, em, strong, code, font, nobr",
        "table=table",
        "tr=tr",
        "td=td, th",
        "pre=pre, textarea, listing",
        "raw=script, style, xmp, iframe, noscript, noembed, noframes",
        "select=select, option, optgroup",
        "form=form, input, button",
        "types=input@type",
        "ruby=ruby, rt, rp, rb, rtc",
        "svg=svg, g, path",
        "custom=x-y",
        "br=br, hr, img",
        "void=img@src",
        "meta=meta, link, base",
        "object=object, marquee, applet",
        "caption=caption, col, colgroup",
        "dl=dl, dt, dd",
        "titles=a@title",
    ],
    &["c=.c", "id=#i", "pc=p.c", "ids=a#i@href", "exact=[class='c d']@class", "any=[href]@href", "prefix=a[href^='/']"],
    &[
        "child=div > p",
        "all=*@class",
        "rows=table > tbody > tr",
        "first=p:first-child",
        "nth=:nth-child(2n+1)@id",
        "second=a:nth-child(2)",
        "not=a:not([href])",
        "not2=p:not(.c, #i)",
        "within=body > *@class",
        "root=html@lang",
        "tbody=tbody",
    ],
    &[
        "next=h1 + p, li + li, td + td, a + b",
        "later=p ~ p a, dt ~ dd, b ~ *@class",
        "third=p + p + p",
        "is=:is(p, .c, #i)",
        "where=:where(div, td) > :is(a[href], b)",
        "nots=a:not([href].c, .d), p:not(:not(.c))",
        "mixed=div:nth-child(2) ~ div p, tr > td + td",
        "root=:root@lang",
        "inroot=:root > body > *@id",
        "none=[class^=''], [class*='']",
    ],
    &["bb=b b", "deep=div p a", "intable=table td", "svga=svg a@href", "within=div span", "lists=ul li"],
    &["html=html"],
    &["body=body", "class=.c"],
];

struct Run {
    manager: StreamingManager,
    names: Vec<String>,
    dom: CssExtractor,
    streaming: StreamingExtractor,
    unwatched: StreamingExtractor,
}

/// Asks both the same, page after page, with the same extractors.
pub struct Compared {
    runs: Vec<Run>,
}

fn recipe(fields: &[&str]) -> Recipe {
    let mut recipe = Recipe::new();
    fields.iter().for_each(|field| assert!(recipe.css(field).is_ok(), "{field}"));
    recipe
}

/// The managers of both for these fields.
pub fn both(fields: &[&str]) -> (CssManager, StreamingManager) {
    let recipe = recipe(fields);
    let streaming = Engine::choose(&recipe).unwrap_or_else(|why| panic!("{fields:?}: {why}"));
    (recipe.css_manager().expect("there are fields"), streaming.manager())
}

impl Compared {
    pub fn new() -> Self {
        let runs = RECIPES.iter().map(|fields| {
            let (dom, manager) = both(fields);
            let Ok(unwatched) = recipe(fields).unwatched_manager().expect("it needs no tree").create();
            let (Ok(dom), Ok(streaming)) = (dom.create(), manager.create());
            let names = fields.iter().map(|&field| field.to_owned()).collect();
            Run { manager, names, dom, streaming, unwatched }
        });
        Self { runs: runs.collect() }
    }

    pub fn difference(&mut self, page: &str) -> Option<String> {
        self.runs.iter_mut().find_map(|run| {
            let (mut tree, mut tags) = (Values::new(run.names.len()), Values::new(run.names.len()));
            run.dom.extract(page, &mut tree);
            let before = run.manager.pages().streamed;
            run.streaming.extract(page, &mut tags);
            // On a plain page it does not matter whether somebody watches; on others it has answers of its own.
            let mut alone = Values::new(run.names.len());
            run.unwatched.extract(page, &mut alone);
            let is_plain = run.manager.pages().streamed > before;
            let other = (0..run.names.len()).find(|&n| is_plain && !alone.of(n).eq(tags.of(n)));
            if let Some(n) = other {
                return Some(format!("{} is another one unwatched", run.names[n]));
            }
            (0..run.names.len()).find_map(|field| {
                let (want, have): (Vec<&str>, Vec<&str>) = (tree.of(field).collect(), tags.of(field).collect());
                (want != have).then(|| {
                    let at = want.iter().zip(&have).position(|(want, have)| want != have);
                    let at = at.unwrap_or(want.len().min(have.len()));
                    let (have_at, want_at) = (have.get(at), want.get(at));
                    format!(
                        "{}: {} values for {}, at {at} {have_at:.300?} for {want_at:.300?}",
                        run.names[field],
                        have.len(),
                        want.len()
                    )
                })
            })
        })
    }

    /// Fails if any answer differs.
    pub fn check(&mut self, page: &str) {
        if let Some(difference) = self.difference(page) {
            panic!("{difference}\nin {:?}", &page[..page.floor_char_boundary(3000)]);
        }
    }

    /// Pages done without a tree by the recipe that sees least and by the one that sees most, and why others were not.
    pub fn streamed(&self) -> (u64, u64, Vec<(NotPlain, u64)>) {
        let pages = [0, 2].map(|run: usize| self.runs[run].manager.pages());
        let why = pages[0].fell_back.into_iter().filter(|(_, count)| *count > 0).collect();
        (pages[0].streamed, pages[1].streamed, why)
    }
}
