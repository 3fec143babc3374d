//! What a recipe's file can ask for beyond fields as they are typed.

use slackwater::Manager;
use slackwater::extract::{Engine, Extractor, NeedsTree, Recipe, StreamingManager, Values, WhyNot};

use crate::random;

fn recipe(text: &str) -> Recipe {
    Recipe::from_toml(text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Promise: what needs a tree is refused with the field's name and why, under either engine. Provoked: each thing that a file can ask
/// for, beside a field that needs nothing.
#[test]
fn what_a_file_asks_of_the_tree_is_refused_by_name() {
    let name = || "x".to_owned();
    for (field, why) in [
        ("css = 'p'\nhtml = 'inner'", WhyNot::Html { name: name() }),
        ("css = 'p'\nhtml = 'outer'\ntake = 'first'", WhyNot::Html { name: name() }),
        ("css = 'p'\n[fields.x.fields.y]\ncss = 'a'", WhyNot::Record { name: name() }),
        ("css = 'p'\ntake = 'count'\n[fields.x.fields.y]\ncss = 'a'", WhyNot::Record { name: name() }),
        ("regex = 'a'\nover = 'text'", WhyNot::PageText { name: name() }),
        ("regex = '(?P<n>a)'\nover = 'text'\ntake = 'count'", WhyNot::PageText { name: name() }),
    ] {
        let recipe = recipe(&format!("[fields.first]\ncss = 'a'\n[fields.x]\n{field}\n"));
        assert_eq!(Engine::choose(&recipe).err(), Some(why.clone()), "{field}");
        assert_eq!(recipe.unwatched_manager().err(), Some(why.clone()), "{field}");
        assert!(why.to_string().contains("field \"x\""), "{why}");
    }
    let alone = recipe("[fields.x]\nregex = 'a'\nover = 'text'\n");
    assert_eq!(Engine::choose(&alone).err(), Some(WhyNot::PageText { name: name() }));
    let ahead = recipe("[fields.x]\ncss = 'p:last-child'\ntake = 'count'\nrequired = true\n");
    assert_eq!(Engine::choose(&ahead).err(), Some(WhyNot::Field { name: name(), needs: NeedsTree::Ahead }));
    let fields = recipe("[fields.x]\ncss = 'p'\nhtml = 'inner'\n").css_fields().to_vec();
    assert_eq!(StreamingManager::unwatched(fields).err(), Some(WhyNot::Html { name: name() }));
}

/// Promise: what can be told without a tree is not refused. Provoked: each such thing.
#[test]
fn what_needs_no_tree_is_not_refused() {
    for field in [
        "css = 'p'\ntext = 'trimmed'",
        "css = 'p'\ntext = 'normalised'\ntake = 'first'",
        "css = 'p'\nattribute = 'id'\nrequired = true\ntake = 'first'",
        "css = 'p'\ntake = 'count'",
        "css = 'p'\nhtml = 'outer'\ntake = 'count'",
        "regex = 'a'\nover = 'fields.first'",
        "regex = '(?P<n>a)'",
    ] {
        let recipe = recipe(&format!("[fields.first]\ncss = 'a'\n[fields.x]\n{field}\n"));
        assert!(Engine::choose(&recipe).is_ok() && recipe.unwatched_manager().is_ok(), "{field}");
    }
}

/// Every way to take a value that needs no tree.
const TAKES: &str = "
[fields.first]
css = 'a'
attribute = 'href'
take = 'first'
[fields.links]
css = 'a'
attribute = 'href'
take = 'count'
[fields.counted]
css = 'p, .c'
take = 'count'
[fields.markup]
css = 'li, td'
html = 'inner'
take = 'count'
[fields.trimmed]
css = 'p, div, pre'
text = 'trimmed'
[fields.normalised]
css = 'p, div, td, pre'
text = 'normalised'
[fields.heading]
css = 'h1, h2, title'
text = 'normalised'
take = 'first'
[fields.raw]
css = 'b'
take = 'first'
[fields.letters]
regex = '[a-z]'
over = 'fields.trimmed'
[fields.needed]
css = 'i'
required = true
[fields.classes]
css = '.c'
attribute = 'class'
required = true
take = 'count'
";

/// Promise: however a value is taken, it is the tree's, and so is the field that is missing. Provoked: all ways, on small pages
/// and on random ones.
#[test]
fn however_values_are_taken_they_are_the_trees() {
    let recipe = recipe(TAKES);
    let manager = Engine::choose(&recipe).expect("it needs no tree").manager();
    let (Ok(mut tags), Ok(mut tree)) = (manager.create(), recipe.css_manager().expect("there are fields").create());
    let Ok(mut regex) = recipe.regex_manager().expect("there is one").create();
    let mut pages: Vec<String> = (0..if cfg!(debug_assertions) { 1_500 } else { 20_000 }).map(random::page).collect();
    pages.extend(
        [
            "<p> a <b> b\n</b>\u{a0}c </p><p>\n</p><p></p>",
            "<div>a<p> b</p><p>c </p>d</div><pre>\n\n x </pre>",
            "<a>x</a><a href=>y</a><a href=1>z</a><b></b><b>x</b>",
            "<i></i><p class=c>x</p>",
        ]
        .map(str::to_owned),
    );
    let fields = recipe.names().len();
    for page in &pages {
        let (mut want, mut have) = (Values::new(fields), Values::new(fields));
        for (values, streams) in [(&mut want, false), (&mut have, true)] {
            if streams {
                tags.extract(page, values)
            } else {
                tree.extract(page, values)
            }
            regex.extract(page, values);
        }
        for (n, name) in recipe.names().iter().enumerate() {
            assert!(want.of(n).eq(have.of(n)), "{name} of {page:?}");
        }
        assert_eq!(want.missing(), have.missing(), "{page:?}");
    }
    assert!(manager.pages().streamed > pages.len() as u64 / 6, "{:?}", manager.pages());
}
