//! What recipes find.

use slackwater::Manager;
use slackwater::extract::{Extractor, Recipe, Shape, Values};

/// The values of each field, and the field that is missing.
fn ask(recipe: &Recipe, page: &str) -> (Vec<Vec<String>>, Option<String>) {
    let mut values = Values::new(recipe.names().len());
    let css = recipe.css_manager().map(|manager| (manager.create().unwrap(), manager));
    let regex = recipe.regex_manager().map(|manager| (manager.create().unwrap(), manager));
    let (mut css, mut regex) = (css.map(|(css, _)| css), regex.map(|(regex, _)| regex));
    let mut last = None;
    // The second time everything is reused.
    for _ in 0..2 {
        values.clear();
        css.iter_mut().for_each(|css| css.extract(page, &mut values));
        regex.iter_mut().for_each(|regex| regex.extract(page, &mut values));
        let found: Vec<Vec<String>> =
            (0..values.fields()).map(|field| values.of(field).map(str::to_owned).collect()).collect();
        let missing = values.missing().map(ToString::to_string);
        if let Some(last) = last.replace((found.clone(), missing.clone())) {
            assert_eq!(last, (found, missing), "the second time is as the first");
        }
    }
    last.unwrap()
}

fn toml(text: &str, page: &str) -> Vec<Vec<String>> {
    let recipe = Recipe::from_toml(text).unwrap_or_else(|errors| panic!("{errors}"));
    ask(&recipe, page).0
}

/// Promise: fields come in the order of the file. Provoked: names that sort otherwise, tables that are opened again, both languages.
#[test]
fn fields_come_in_the_order_of_the_file() {
    let toml = "[fields.z]\ncss = 'a'\n[fields.m]\ncss = 'li'\n[fields.m.fields.y]\ncss = 'a'\n[fields.m.fields.x]\ncss = 'b'\n\
                [fields.a]\nregex = 'x'\n";
    let json = r#"{"fields": {"z": {"css": "a"}, "m": {"css": "li", "fields": {"y": {"css": "a"}, "x": {"css": "b"}}},
                  "a": {"regex": "x"}}}"#;
    for recipe in [Recipe::from_toml(toml).unwrap(), Recipe::from_json(json).unwrap()] {
        assert_eq!(recipe.names(), ["z", "m", "a"]);
        assert_eq!(recipe.shapes(), [Shape::List, Shape::Records, Shape::List]);
        assert_eq!(ask(&recipe, "<li><b>1</b><a>2</a>").0[1], [r#"{"y":["2"],"x":["1"]}"#]);
    }
}

/// Promise: text comes as it stands, without its ends, or with single spaces. Provoked: white space in, between and around elements,
/// no-break spaces, text that is nothing else.
#[test]
fn text_is_raw_trimmed_or_normalised() {
    let page = "<p> \n a <b> b</b>c\u{a0}\n<i> </i> d </p><p> </p><p></p><p>x</p>";
    for (how, expected) in [
        ("", [" \n a  bc\u{a0}\n  d ", " ", "", "x"]),
        ("text = 'raw'", [" \n a  bc\u{a0}\n  d ", " ", "", "x"]),
        ("text = 'trimmed'", ["a  bc\u{a0}\n  d", "", "", "x"]),
        ("text = 'normalised'", ["a bc d", "", "", "x"]),
    ] {
        assert_eq!(toml(&format!("[fields.a]\ncss = 'p'\n{how}"), page), [expected]);
    }
    let split = "<p>a<b>b</b> <b> </b>c</p>";
    assert_eq!(toml("[fields.a]\ncss = 'p'\ntext = 'normalised'", split), [["ab c"]]);
}

/// Promise: all, the first one or their number. Provoked: several matches, none, elements without the attribute, patterns.
#[test]
fn take_is_all_the_first_or_their_number() {
    let page = "<a>1</a><a href=x>2</a><a href=y>3</a>";
    for (field, all, first, count) in [
        ("css = 'a'", &["1", "2", "3"][..], &["1"][..], "3"),
        ("css = 'a'\nattribute = 'href'", &["x", "y"], &["x"], "2"),
        ("css = 'b'", &[], &[], "0"),
        ("css = 'b, a'\nhtml = 'inner'", &["1", "2", "3"], &["1"], "3"),
        ("regex = 'href=(.)'", &["x", "y"], &["x"], "2"),
        ("regex = '[0-9]'\nover = 'text'", &["1", "2", "3"], &["1"], "3"),
    ] {
        let take = |take: &str| toml(&format!("[fields.a]\n{field}\ntake = '{take}'"), page).remove(0);
        assert_eq!(take("all"), all, "{field}");
        assert_eq!(take("first"), first, "{field}");
        assert_eq!(take("count"), [count], "{field}");
    }
}

/// Promise: a record has the fields below its row, in lists, ones, counts and records of their own. Provoked: all of them, rows in rows,
/// `:scope`, a name that needs escapes nowhere and values that do.
#[test]
fn records_have_the_fields_below_their_row() {
    let recipe = "[fields.p]\ncss = 'li.p'\n[fields.p.fields.name]\ncss = 'h3'\ntake = 'first'\n[fields.p.fields.links]\ncss = 'a'\n\
                  attribute = 'href'\n[fields.p.fields.n]\ncss = 'a'\ntake = 'count'\n[fields.p.fields.id]\ncss = ':scope'\n\
                  attribute = 'id'\ntake = 'first'\n[fields.p.fields.direct]\ncss = ':scope > b'\n[fields.p.fields.sub]\ncss = 'li'\n\
                  [fields.p.fields.sub.fields.t]\ncss = ':scope'\ntext = 'trimmed'\n[fields.p.fields.year]\nregex = '[0-9]+'\nover = 'text'\n\
                  [fields.p.fields.last]\nregex = '.$'\nover = 'fields.name'\n";
    let page = "<ul><li class=p id=q><h3>A \"b\"\n</h3><i><b>no</b></i><b>yes</b><a href=1>7</a><a href='\\'>8</a>\
                <ul><li> s <li>t</ul><li class=p></ul><h3>outside</h3>";
    let found = toml(recipe, page);
    let expected = [
        r#"{"name":"A \"b\"\n","links":["1","\\"],"n":2,"id":"q","direct":["yes"],"sub":[{"t":["s"]},{"t":["t"]}],"year":["78"],"last":[]}"#,
        r#"{"name":null,"links":[],"n":0,"id":null,"direct":[],"sub":[],"year":[],"last":[]}"#,
    ];
    assert_eq!(found, [expected]);
    for record in &found[0] {
        serde_json::from_str::<serde_json::Value>(record).unwrap();
    }
}

/// Promise: selectors within a record see what is above the row, as `querySelectorAll` does, and find only what is below it. Provoked: a
/// selector that begins above the row, one that would match the row itself.
#[test]
fn a_records_selectors_look_up_and_take_from_below() {
    let recipe = "[fields.r]\ncss = 'div'\ntake = 'first'\n[fields.r.fields.a]\ncss = 'main p'\n[fields.r.fields.b]\ncss = 'div'\n";
    assert_eq!(toml(recipe, "<main><div><p>1</p><div>2</div></div><p>3</p></main>"), [[r#"{"a":["1"],"b":["2"]}"#]]);
}

/// Promise: `:scope` is the row, in `:has(...)` too. Provoked: a row within a row, and an element below both with another answer in each.
#[test]
fn has_means_its_own_row_by_scope() {
    let recipe = "[fields.r]\ncss = 'div'\n[fields.r.fields.p]\ncss = 'p:has(b:not(:scope i b))'\n";
    let rows = toml(recipe, "<div><i><div><p><b>x</b></p></div></i></div>").remove(0);
    assert_eq!(rows, [r#"{"p":[]}"#, r#"{"p":["x"]}"#]);
}

/// Promise: named groups make records, null where a group took no part. Provoked: an optional group, each way to search.
#[test]
fn named_groups_make_records() {
    let pattern = "regex = '(?<year>\\d{4})(?:-(?<month>\\d\\d))?'";
    let page = "<p title=2001-02>1994 1995-12</p>";
    let all = [r#"{"year":"1994","month":null}"#, r#"{"year":"1995","month":"12"}"#];
    let own = r#"{"year":"2001","month":"02"}"#;
    let text = format!(
        "[fields.s]\n{pattern}\n[fields.t]\n{pattern}\nover = 'text'\n[fields.f]\n{pattern}\nover = 'fields.p'\ntake = 'first'\n[fields.p]\ncss = 'p'\n"
    );
    let recipe = Recipe::from_toml(&text).unwrap();
    assert_eq!(recipe.shapes(), [Shape::Records, Shape::Records, Shape::Record, Shape::List]);
    let found = ask(&recipe, page).0;
    assert_eq!(found[0], [own, all[0], all[1]]);
    assert_eq!((&found[1], &found[2]), (&all.map(str::to_owned).to_vec(), &vec![all[0].to_owned()]));
}

/// Promise: a pattern searches the source, the text without scripts and styles, or each value of another field, however far the way. Provoked:
/// a chain against the order of the file, hidden text, a match that would span two values.
#[test]
fn patterns_search_what_they_are_told_to() {
    let recipe = "[fields.c]\nregex = '[a-z]'\nover = 'fields.b'\n[fields.b]\nregex = '[a-z]+[0-9]'\nover = 'fields.a'\n[fields.a]\ncss = 'p'\n\
                  [fields.t]\nregex = '[a-z]+[0-9]'\nover = 'text'\n[fields.s]\nregex = '[a-z]+[0-9]'\n";
    let page = "<style>st1</style><p>ab1</p><p>c</p><p>2</p><script>sc1</script><template>te1</template>";
    let found = toml(recipe, page);
    assert_eq!(found[0], ["a", "b"]);
    assert_eq!(found[1], ["ab1"]);
    assert_eq!(found[3], ["ab1", "c2"], "text is joined without anything between, as everywhere");
    assert_eq!(found[4], ["st1", "ab1", "sc1", "te1"]);
}

/// Promise: a required field that finds nothing is named, within a record with the record. Provoked: each kind of field, on pages with and
/// without; empty text, which is something.
#[test]
fn a_required_field_that_finds_nothing_is_named() {
    for (field, with, without) in [
        ("css = 'p'", "<p></p>", "<b></b>"),
        ("css = 'p'\ntake = 'first'", "<p></p>", "<b></b>"),
        ("css = 'p'\ntake = 'count'", "<p></p>", "<b></b>"),
        ("css = 'p'\nattribute = 'a'", "<p a>", "<p>"),
        ("regex = 'b+'", "<b>", "<i>"),
        ("regex = 'b+'\nover = 'text'\ntake = 'count'", "<i>b", "<b>"),
    ] {
        let recipe = Recipe::from_toml(&format!("[fields.a]\n{field}\nrequired = true")).unwrap();
        assert_eq!(ask(&recipe, with).1, None, "{field}");
        assert_eq!(ask(&recipe, without).1.unwrap(), "the field a is required and found nothing", "{field}");
    }
    let recipe = "[fields.r]\ncss = 'li'\n[fields.r.fields.name]\ncss = 'b'\nrequired = true\n";
    let recipe = Recipe::from_toml(recipe).unwrap();
    assert_eq!(ask(&recipe, "<li><b></b><li><b>").1, None);
    assert_eq!(ask(&recipe, "<p>").1, None, "no record lacks anything");
    let missing = "the field r.name is required and found nothing in record 2";
    assert_eq!(ask(&recipe, "<li><b></b><li><i>").1.as_deref(), Some(missing));
}
