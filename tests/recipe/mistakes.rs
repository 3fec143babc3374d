//! Every mistake with its line, its column and a hint.

use slackwater::extract::{Recipe, RecipeErrors};

fn toml(text: &str) -> RecipeErrors {
    Recipe::from_toml(text).expect_err(text)
}

/// Line, column and parts of what is said, of each mistake.
fn expect(errors: &RecipeErrors, expected: &[(usize, usize, &str, &str)]) {
    let got: Vec<_> = errors
        .mistakes()
        .iter()
        .map(|mistake| (mistake.line(), mistake.column(), mistake.what(), mistake.hint()))
        .collect();
    assert_eq!(got.len(), expected.len(), "{errors}");
    for (got, expected) in got.iter().zip(expected) {
        assert_eq!((got.0, got.1), (expected.0, expected.1), "{errors}");
        assert!(got.2.contains(expected.2), "{:?} does not say {:?}", got.2, expected.2);
        assert!(got.3.contains(expected.3), "{:?} does not say {:?}", got.3, expected.3);
    }
}

/// Promise: a mistake has its line, its column and a hint. Provoked: each kind of mistake alone.
#[test]
fn each_mistake_is_told_with_its_place_and_a_hint() {
    for (text, line, column, what, hint) in [
        ("", 1, 1, "no \"fields\"", "[fields.title]"),
        ("[fields]", 1, 1, "is empty", "[fields.title]"),
        ("fields = 1", 1, 10, "this is a number", "table"),
        ("[feilds.a]\ncss = 'a'\n[fields.a]\ncss = 'a'", 1, 2, "\"feilds\" means nothing", "did you mean \"fields\"?"),
        (
            "[fields.a]\ncss = 'p'\ntake = 'firts'",
            3,
            8,
            "\"firts\" means nothing for \"take\"",
            "did you mean \"first\"?",
        ),
        ("[fields.a]\ncss = 'p'\ntext = 'upper'", 3, 8, "\"upper\"", "\"raw\", \"trimmed\" and \"normalised\""),
        ("[fields.a]\ncss = 'p'\nhtml = 'whole'", 3, 8, "\"whole\"", "\"inner\" and \"outer\""),
        ("[fields.a]\ncss = 'p'\natribute = 'x'", 3, 1, "\"atribute\" means nothing", "did you mean \"attribute\"?"),
        ("[fields.a]\ncss = 'p'\nselector = 'x'", 3, 1, "\"selector\"", "\"css\", \"regex\""),
        ("[fields.a]\ncss = 'p >> b'", 2, 11, "\">\" cannot stand here", "correct the selector"),
        ("[fields.a]\ncss = \"\"\"\np[a\"\"\"", 3, 2, "never closed", "close it"),
        ("[fields.a]\ncss = 'a@href'", 2, 9, "cannot stand here", "attribute = \"href\""),
        ("[fields.a]\nregex = 'a(b'", 2, 11, "unclosed group", "correct the pattern"),
        ("[fields.a]\nregex = \"\\\\d(b\"", 2, 13, "unclosed group", "correct the pattern"),
        ("[fields.a]\nregex = '(?<y>a)(b)'", 2, 9, "with a name and groups without", "(?:"),
        ("[fields.a]\nregex = 'a'\ncss = 'b'", 2, 1, "both", "two fields"),
        ("[fields.a]\ntake = 'all'", 1, 9, "neither", "css = "),
        ("[fields.a]\ncss = 1", 2, 7, "\"css\" is a string, and this is a number", "quotes"),
        ("[fields.a]\ncss = 'a'\nrequired = 'yes'", 3, 12, "true or false", "required = true"),
        ("[fields.a]\ncss = 'a'\nattribute = 'h ref'", 3, 15, "' ' cannot stand", "attribute = "),
        ("[fields.a]\ncss = 'a'\nattribute = ''", 3, 13, "empty", "attribute = "),
        ("[fields.a]\ncss = 'a'\nattribute = 'x'\nhtml = 'inner'", 4, 1, "do not go together", "two fields"),
        (
            "[fields.a]\ncss = 'a'\ntext = 'raw'\n[fields.a.fields.b]\ncss = 'c'",
            4,
            11,
            "do not go together",
            "two fields",
        ),
        ("[fields.a]\ncss = 'a'\nover = 'text'", 3, 1, "for patterns", "the page"),
        ("[fields.a]\nregex = 'a'\ntext = 'trimmed'", 3, 1, "for selectors", "group 1"),
        ("[fields.a]\nregex = 'a'\n[fields.a.fields.b]\ncss = 'c'", 3, 11, "for selectors", "named groups"),
        ("[fields.a]\nregex = 'a'\nover = 'txt'", 3, 8, "nothing can be searched", "did you mean \"text\"?"),
        (
            "[fields.a]\nregex = 'a'\nover = 'fields.tilte'\n[fields.title]\ncss='a'",
            3,
            8,
            "no field \"tilte\"",
            "fields.title",
        ),
        ("[fields.a]\nregex = 'a'\nover = 'fields.a'", 3, 8, "in a circle: a, a", "source"),
        (
            "[fields.r]\ncss = 'a'\n[fields.r.fields.b]\ncss = 'c'\n[fields.a]\nregex = 'a'\nover = 'fields.r'",
            7,
            8,
            "records",
            "patterns of its own",
        ),
        (
            "[fields.r]\ncss = 'a'\ntake = 'count'\n[fields.a]\nregex = 'a'\nover = 'fields.r'",
            6,
            8,
            "is a count",
            "count",
        ),
        ("[fields.r]\ncss = 'a'\n[fields.r.fields.b]\nregex = 'c'", 4, 1, "needs \"over\"", "over = \"text\""),
        ("[fields.r]\ncss = 'a'\n[fields.r.fields.b]\nregex = 'c'\nover = 'source'", 5, 8, "no source", "\"text\""),
        ("[fields.'a b']\ncss = 'a'", 1, 9, "cannot be a field's name", "letters"),
        ("[fields.r]\ncss = 'a'\nfields = {}", 3, 10, "is empty", "[fields.title]"),
        ("[fields.a]\ncss = 'a", 2, 9, "", "correct the TOML"),
    ] {
        expect(&toml(text), &[(line, column, what, hint)]);
    }
}

/// Promise: all mistakes are told together, in the order of the file. Provoked: one of the syntax among several of the meaning.
#[test]
fn all_mistakes_are_told_together() {
    let errors = toml(
        "[fields.a]\ncss = 'p >'\ntake = 'frist'\n[fields.b]\n\nregex = '('\nover = \n[fields.c]\nhtml = 'inner'\n",
    );
    let lines: Vec<usize> = errors.mistakes().iter().map(slackwater::extract::Mistake::line).collect();
    assert_eq!(lines, [2, 3, 6, 7, 8], "{errors}");
}

/// Promise: a mistake is shown as an editor's jump list wants it, with the line and a caret. Provoked: wide letters before it, a line
/// that is too long to be shown.
#[test]
fn a_mistake_is_shown_with_its_line_and_a_caret() {
    let shown = toml("[fields.'ä']\ncss = 'é > !b'").named("recipe.toml").to_string();
    assert!(shown.starts_with("recipe.toml:2:12: \"!\" cannot stand here ("), "{shown}");
    assert!(shown.ends_with("\n    css = 'é > !b'\n               ^"), "{shown}");
    let shown = toml(&format!("[fields.a]\ncss = '{} > !b'", "x".repeat(9_999))).to_string();
    let lines: Vec<&str> = shown.lines().collect();
    let caret = lines[2].chars().count();
    assert_eq!((lines.len(), lines[1].chars().nth(caret - 1)), (3, Some('!')), "{shown}");
    assert!(shown.len() < 500, "{shown}");
}

/// Promise: a circle is told once and named. Provoked: three fields that search each other, and one that searches into the circle.
#[test]
fn a_circle_is_told_once() {
    let field = |name, over| format!("[fields.{name}]\nregex = 'x'\nover = 'fields.{over}'\n");
    let text = [field("a", "b"), field("b", "c"), field("c", "a"), field("d", "a")].concat();
    expect(&toml(&text), &[(3, 8, "in a circle: a, b, c, a", "source")]);
}

/// Promise: many fields in a row are refused, once, in no time. Provoked: three thousand, each of which searches the one before it.
#[test]
fn a_chain_without_end_is_refused() {
    let link = |n: usize| format!("[fields.f{n}]\nregex = 'x'\nover = 'fields.f{}'\n", n - 1);
    let text: String = [String::from("[fields.f0]\nregex = 'x'\n")].into_iter().chain((1..3000).map(link)).collect();
    // The sixteenth link is the seventeenth field.
    expect(&toml(&text), &[(3 + 3 * 15 + 2, 8, "more than 16 fields", "one pattern")]);
    assert!(Recipe::from_toml(&text[..text.find("[fields.f16]").unwrap()]).is_ok());
}

/// Promise: JSON has the same mistakes at its own places. Provoked: syntax, a key twice, escapes before a pattern's mistake, a member that
/// is nothing.
#[test]
fn json_has_the_same_mistakes_at_its_own_places() {
    for (text, line, column, what, hint) in [
        ("", 1, 1, "EOF", "correct the JSON"),
        ("[]", 1, 1, "this is an array", "at least one field"),
        ("{\"fields\": {\"a\": {\"css\": \"p\",}}}", 1, 30, "key must be a string", "no comma after the last"),
        ("{\"fields\":\n {\"a\": {\"css\": \"p\", \"css\": \"b\"}}}", 2, 21, "twice", "one of the two"),
        ("{\"fields\":\n {\"a\": {\"regex\": \"\\\\d(b\"}}}", 2, 22, "unclosed group", "correct the pattern"),
        ("{\"fields\":\n {\"a\": {\"regex\": \"\\u00e9(b\"}}}", 2, 25, "unclosed group", "correct the pattern"),
        ("{\"fields\": {\"a\": {\"css\": null}}}", 1, 26, "this is null", "quotes"),
        ("{\"fields\": {\"a\": \"h1\"}}", 1, 18, "the field \"a\" is a string", "table"),
    ] {
        expect(&Recipe::from_json(text).expect_err(text), &[(line, column, what, hint)]);
    }
}

/// Promise: depth is bounded, with words for it. Provoked: records nine deep in each other, and tables without end in both languages.
#[test]
fn depth_is_refused_and_not_survived_by_luck() {
    let records = |levels: usize| {
        let mut text = "[fields.a]\ncss = 'p'\n".to_owned();
        for level in 1..=levels {
            text.push_str(&format!("[fields.a{}]\ncss = 'p'\n", ".fields.a".repeat(level)));
        }
        text
    };
    Recipe::from_toml(&records(8)).unwrap();
    let errors = toml(&records(9));
    assert_eq!(errors.mistakes().len(), 1, "{errors}");
    assert!(errors.to_string().contains("more than 8 deep"), "{errors}");
    for levels in [40, 5_000] {
        let json = format!("{}{}{}", "{\"fields\":".repeat(levels), "1", "}".repeat(levels));
        assert!(Recipe::from_json(&json).is_err());
        assert!(Recipe::from_toml(&format!("[{}a]", "a.".repeat(levels))).is_err());
        assert!(Recipe::from_toml(&format!("fields = {}1{}", "{a=".repeat(levels), "}".repeat(levels))).is_err());
    }
}

/// Promise: what nobody would read to its end is cut off, and said to be. Provoked: a thousand mistakes.
#[test]
fn a_thousand_mistakes_are_not_all_told() {
    let text: String = (0..1_000).map(|n| format!("[fields.a{n}]\n")).collect();
    let errors = toml(&text);
    assert_eq!((errors.mistakes().len(), errors.left_out()), (100, 900));
    assert!(errors.to_string().ends_with("\nand 900 more"));
}

/// Promise: whatever is done to a recipe, it is read or refused, with places within its text. Provoked: the seeds of the fuzz target, cut off after
/// each sign, and without each sign, and with each sign twice; and as the other language.
#[test]
fn damaged_recipes_are_read_or_refused() {
    let seeds = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/recipe")).unwrap();
    let mut tried = 0;
    for seed in seeds {
        let text = std::fs::read_to_string(seed.unwrap().path()).unwrap();
        for (at, sign) in text.char_indices() {
            let (before, after) = (&text[..at], &text[at + sign.len_utf8()..]);
            for damaged in [before.to_owned(), format!("{before}{after}"), format!("{before}{sign}{sign}{after}")] {
                for refused in
                    [Recipe::from_toml(&damaged), Recipe::from_json(&damaged)].into_iter().filter_map(Result::err)
                {
                    assert!(!refused.mistakes().is_empty());
                    for mistake in refused.mistakes() {
                        assert!(
                            mistake.offset() <= damaged.len() && !mistake.what().is_empty(),
                            "{damaged:?}: {refused}"
                        );
                    }
                    assert!(refused.to_string().lines().count() >= 3, "{damaged:?}: {refused}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}
