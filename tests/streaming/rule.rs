//! Which recipes may run without a tree.

use slackwater::extract::{CssField, Engine, NeedsTree, Recipe, StreamingManager, WhyNot};

fn chosen(field: &str) -> Result<(), NeedsTree> {
    let mut recipe = Recipe::new();
    assert!(recipe.css("first=a").is_ok());
    assert!(recipe.css(&format!("x={field}")).is_ok(), "{field}");
    match Engine::choose(&recipe) {
        Ok(_) => Ok(()),
        Err(WhyNot::Field { name, needs }) => {
            assert_eq!(name, "x", "{field}");
            Err(needs)
        }
        Err(other) => panic!("{field}: {other}"),
    }
}

/// Promise: whatever needs the tree is refused, with the field and what it asks for. Provoked: each kind of selector there is.
#[test]
fn what_needs_a_tree_is_refused() {
    for (field, needs) in [
        ("div:has(> p)", NeedsTree::Ahead),
        ("p:empty", NeedsTree::Ahead),
        ("p:last-child", NeedsTree::Ahead),
        ("p:only-of-type", NeedsTree::Ahead),
        ("p:nth-of-type(2n+1)", NeedsTree::Types),
        ("a:not(:first-of-type)", NeedsTree::Types),
        (":nth-last-child(2)", NeedsTree::Ahead),
        (":is(p, div a)", NeedsTree::PseudoClass),
        (":where(ul > li) a", NeedsTree::PseudoClass),
        (":scope > p", NeedsTree::PseudoClass),
        ("p:not(div a)", NeedsTree::PseudoClass),
        ("a:not(:is(P))", NeedsTree::Case),
        ("|a", NeedsTree::Namespace),
        ("[*|href]", NeedsTree::Namespace),
        ("a@xlink:href", NeedsTree::Namespace),
        ("svg@xmlns", NeedsTree::Namespace),
        ("svg@xlink", NeedsTree::Namespace),
        ("P", NeedsTree::Case),
        ("linearGradient", NeedsTree::Case),
        ("[HREF]", NeedsTree::Case),
        ("svg@viewBox", NeedsTree::Case),
        ("svg@viewbox", NeedsTree::Case),
        ("[viewbox='0']", NeedsTree::Case),
    ] {
        assert_eq!(chosen(field), Err(needs), "{field}");
    }
}

/// Promise: ordinary recipes are not. Provoked: each kind of selector that the rule knows.
#[test]
fn ordinary_selectors_are_chosen() {
    for field in [
        "h1, h2",
        "a@href",
        "a[href]",
        ".c",
        "#i",
        "p.c#i[lang|=en]",
        "div p",
        "div > p",
        "*",
        "p:first-child",
        "p:nth-child(2n+1)",
        "a:not([href], .c)",
        "[type=radio i]",
        "html@lang",
        "*|a",
        "p + p",
        "h1 ~ p > a",
        ":is(p, a.c)",
        ":where(p) a",
        ":root@lang",
        "p:not(.c.d)",
        "p:not(:not(a))",
        "[class^='']",
    ] {
        assert_eq!(chosen(field), Ok(()), "{field}");
    }
}

/// Promise: no CSS field is nothing to choose for, and what tags cannot tell is refused by name. Provoked: both.
#[test]
fn other_refusals_say_why() {
    let mut recipe = Recipe::new();
    assert!(recipe.regex("x=y").is_ok());
    assert_eq!(Engine::choose(&recipe).err(), Some(WhyNot::NoCss));
    // Without the rule too.
    let counts = CssField::parse("x=p:not(:nth-of-type(2))").expect("sound");
    let refused = WhyNot::Field { name: "x".to_owned(), needs: NeedsTree::Types };
    assert_eq!(StreamingManager::unwatched([(0, counts)]).err(), Some(refused));
    let field = CssField::parse("x=p:has(a)").expect("sound");
    let refused = WhyNot::Field { name: "x".to_owned(), needs: NeedsTree::Ahead };
    assert_eq!(StreamingManager::unwatched([(0, field)]).err(), Some(refused));
}
