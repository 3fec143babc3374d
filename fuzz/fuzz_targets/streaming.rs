//! Any bytes as a page, with a tree and by the engine that keeps none where it may: the same values, and the same field missing. And by that
//! engine alone, which has the same on pages that are plain, and something on all.

#![no_main]

use slackwater::Manager;
use slackwater::extract::{
    CssExtractor, Engine, Extractor, Recipe, StreamingExtractor, StreamingManager, Values, decode,
};
use std::cell::RefCell;

/// The first recipe cannot tell what was left out of a page, the second can, the third takes values in every way there is, and the
/// fourth looks at what comes before an element.
const RECIPES: [&str; 4] = [
    "[fields.title]\ncss = 'title'\n[fields.links]\ncss = 'a'\nattribute = 'href'\n[fields.text]\ncss = 'p, li, td, svg'\n\
     [fields.raw]\ncss = 'pre, textarea, script, title, b'\n[fields.class]\ncss = '.c'\nattribute = 'class'\n",
    "[fields.all]\ncss = '*'\nattribute = 'id'\n[fields.child]\ncss = 'div > p'\n[fields.nth]\ncss = ':nth-child(2n)'\nattribute = 'class'\n\
     [fields.even]\ncss = 'a:nth-child(2n)'\n[fields.within]\ncss = 'div a'\n[fields.not]\ncss = 'a:not([href=x])'\n",
    "[fields.first]\ncss = 'p, div'\ntext = 'normalised'\ntake = 'first'\n[fields.count]\ncss = 'a[href]'\ntake = 'count'\n\
     [fields.trimmed]\ncss = 'div, td, svg'\ntext = 'trimmed'\n[fields.needed]\ncss = '#i'\nattribute = 'class'\nrequired = true\n",
    "[fields.next]\ncss = 'p + p, td + td, b + i'\n[fields.later]\ncss = 'p ~ :is(a, div) b, a ~ *'\nattribute = 'id'\n\
     [fields.root]\ncss = ':root > *'\nattribute = 'class'\n[fields.not]\ncss = 'a:not([href].c, :not(.d))'\n",
];

struct Both {
    dom: CssExtractor,
    streaming: StreamingExtractor,
    manager: StreamingManager,
    alone: StreamingExtractor,
    fields: usize,
}

thread_local! {
    static EXTRACTORS: RefCell<Vec<Both>> = RefCell::new(RECIPES.into_iter().map(both).collect());
}

fn both(recipe: &str) -> Both {
    let recipe = Recipe::from_toml(recipe).unwrap();
    let manager = Engine::choose(&recipe).unwrap().manager();
    let (streaming, alone) = (manager.create().unwrap(), recipe.unwatched_manager().unwrap().create().unwrap());
    let dom = recipe.css_manager().unwrap().create().unwrap();
    Both { dom, streaming, manager, alone, fields: recipe.names().len() }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let page = decode(bytes).text;
    EXTRACTORS.with_borrow_mut(|extractors| {
        for Both { dom, streaming, manager, alone, fields } in extractors {
            let (mut tree, mut tags) = (Values::new(*fields), Values::new(*fields));
            dom.extract(&page, &mut tree);
            let before = manager.pages().streamed;
            streaming.extract(&page, &mut tags);
            let mut unwatched = Values::new(*fields);
            alone.extract(&page, &mut unwatched);
            let is_plain = manager.pages().streamed > before;
            for field in 0..*fields {
                assert!(tree.of(field).eq(tags.of(field)), "field {field}");
                assert!(!is_plain || tree.of(field).eq(unwatched.of(field)), "field {field} unwatched");
            }
            assert_eq!(tree.missing(), tags.missing());
        }
    });
});
