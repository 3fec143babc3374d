//! The command with recipes: every format, runs that go on, `recipe check` and `try`.
#![cfg(feature = "parquet")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};

mod outputs;
use outputs::{extract, folder, of_json, records, told};

const RECIPE: &str = "[fields.title]\ncss = 'title'\ntake = 'first'\n[fields.n]\ncss = 'li'\ntake = 'count'\n[fields.rows]\ncss = 'li'\n\
                      [fields.rows.fields.b]\ncss = 'b'\ntake = 'first'\n[fields.year]\nregex = '(?<y>\\d{4})'\ntake = 'first'\n\
                      [fields.all]\ncss = 'b'\n";

/// A folder with a full page, a bare one, one that is none, and the recipe.
fn pages(test: &str) -> std::path::PathBuf {
    let folder = folder(test);
    fs::create_dir(folder.join("site")).unwrap();
    fs::write(folder.join("site/1.html"), "<title>a \"b\"</title><li><b>x|y</b><li>1999").unwrap();
    fs::write(folder.join("site/2.html"), "<p>").unwrap();
    fs::write(folder.join("site/3.html"), "").unwrap();
    fs::write(folder.join("r.toml"), RECIPE).unwrap();
    folder
}

fn slackwater(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slackwater")).args(args).current_dir(folder).output().unwrap()
}

/// Promise: JSON has what each field is: a string or null, a number, objects, a list. Provoked: a page with all and one with nothing; a field
/// typed beside the file's.
#[test]
fn json_has_each_field_as_what_it_is() {
    let folder = pages("recipe_json");
    let output = extract(&["--recipe", "r.toml", "--css", "p=p", "--ordered", "-q", "site"], &folder);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let lines: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let full = json!({"title": "a \"b\"", "n": 2, "rows": [{"b": "x|y"}, {"b": null}], "year": {"y": "1999"}, "all": ["x|y"], "p": []});
    assert_eq!(lines[0]["fields"], full);
    assert_eq!(lines[1]["fields"], json!({"title": null, "n": 0, "rows": [], "year": null, "all": [], "p": [""]}));
    assert_eq!(lines[2]["fields"], json!({}));
}

/// Promise: in a table what is one is a plain cell, and records are JSON. Provoked: the same pages, of which one failed.
#[test]
fn tables_have_plain_cells_and_json() {
    let folder = pages("recipe_csv");
    let output = extract(&["--recipe", "r.toml", "--ordered", "-q", "--format", "csv", "site"], &folder);
    let rows = records(&output.stdout, b',');
    assert_eq!(rows[0], ["source", "title", "n", "rows", "year", "all", "error", "note"]);
    assert_eq!(rows[1][1..6], ["a \"b\"", "2", r#"[{"b":"x|y"},{"b":null}]"#, r#"{"y":"1999"}"#, r"x\|y"]);
    assert_eq!(rows[2][1..6], ["", "0", "[]", "", ""]);
    assert_eq!(rows[3][1..6], ["", "", "", "", ""]);
}

/// Promise: Parquet has optional strings, numbers and JSON. Provoked: the same pages.
#[test]
fn parquet_has_strings_numbers_and_json() {
    let folder = pages("recipe_parquet");
    extract(&["--recipe", "r.toml", "--ordered", "-q", "-o", "o.parquet", "site"], &folder);
    let reader = SerializedFileReader::new(fs::File::open(folder.join("o.parquet")).unwrap()).unwrap();
    let rows: Vec<Vec<Field>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect())
        .collect();
    let text = |text: &str| Field::Str(text.to_owned());
    let json = |text: &str| Field::Str(text.to_owned());
    assert_eq!(
        rows[0][1..5],
        [text("a \"b\""), Field::Long(2), json(r#"[{"b":"x|y"},{"b":null}]"#), json(r#"{"y":"1999"}"#)]
    );
    assert_eq!(rows[1][1..5], [Field::Null, Field::Long(0), json("[]"), Field::Null]);
    assert_eq!(rows[2][1..6], [Field::Null, Field::Null, Field::Null, Field::Null, Field::Null]);
}

/// Promise: a required field that finds nothing is a failure of its own kind. Provoked: pages with it and without.
#[test]
fn a_missing_field_is_a_failure_of_its_own_kind() {
    let folder = pages("recipe_required");
    fs::write(folder.join("r.toml"), "[fields.title]\ncss = 'title'\nrequired = true\n").unwrap();
    let args = ["--recipe", "r.toml", "-q", "-o", "o.jsonl", "--failures", "f.jsonl", "--ordered", "site"];
    assert_eq!(extract(&args, &folder).status.code(), Some(1));
    assert_eq!(of_json(&folder.join("o.jsonl"), &["title"]).len(), 1);
    let failures = fs::read_to_string(folder.join("f.jsonl")).unwrap();
    let first: Value = serde_json::from_str(failures.lines().next().unwrap()).unwrap();
    assert_eq!(first["kind"], "missing");
    assert!(first["reason"].as_str().unwrap().starts_with("the field title is required and found nothing;"), "{first}");
}

/// Promise: a run goes on only with what the recipe said, by its content. Provoked: a run cut short, the file changed and changed back.
#[test]
fn a_run_does_not_go_on_with_another_recipe() {
    let folder = pages("recipe_resume");
    let args = ["--recipe", "r.toml", "-q", "--resume", "-o", "o.jsonl", "site"];
    // What a run leaves behind that was cut short at once: its journal.
    let journal = folder.join(".o.jsonl.resume");
    let mut begun = outputs::command(&args, &folder);
    fs::create_dir(folder.join(".o.jsonl.part")).unwrap();
    assert_eq!(begun.output().unwrap().status.code(), Some(3));
    assert!(journal.exists());
    fs::remove_dir(folder.join(".o.jsonl.part")).unwrap();
    fs::write(folder.join("r.toml"), RECIPE.replace("'li'", "'ul'")).unwrap();
    let refused = extract(&args, &folder);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        told(&refused).contains("this is not the run that was begun: the recipe was another text"),
        "{}",
        told(&refused)
    );
    fs::write(folder.join("r.toml"), RECIPE).unwrap();
    assert_eq!(extract(&args, &folder).status.code(), Some(1));
    assert_eq!(fs::read_to_string(folder.join("o.jsonl")).unwrap().lines().count(), 3);
}

/// Promise: `recipe check` and a run say the same of a recipe, all of it, with file, line and column, and code 2. Provoked: a sound one, one with
/// two mistakes, one in JSON, one that is not there.
#[test]
fn all_mistakes_are_told_before_a_run() {
    let folder = pages("recipe_check");
    fs::write(folder.join("wrong.toml"), "[fields.a]\ncss = 'p'\ntake = 'firts'\n[fields.b]\nregex = '('\n").unwrap();
    fs::write(folder.join("r.json"), r#"{"fields": {"a": {"css": "p"}}}"#).unwrap();
    let output = slackwater(&["recipe", "check", "r.toml", "wrong.toml", "r.json", "none.toml"], &folder);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = "r.toml: ok, 5 fields; --engine auto takes the tree: field \"rows\" takes records, whose fields are \
                    looked for below an element\nwrong.toml:3:8: \"firts\" means nothing for \"take\"; did you mean \"first\"?\n    take = 'firts'\n           ^\n\
                    wrong.toml:5:10: unclosed group;";
    assert!(said.starts_with(expected), "{said}");
    assert!(
        said.contains("\nr.json: ok, 1 field; --engine auto can do without a tree\nnone.toml: cannot be read: "),
        "{said}"
    );
    let run = extract(&["--recipe", "wrong.toml", "-o", "o.jsonl", "site"], &folder);
    assert_eq!(run.status.code(), Some(2));
    assert!(told(&run).contains("wrong.toml:3:8: ") && told(&run).contains("wrong.toml:5:10: "), "{}", told(&run));
    assert!(!folder.join("o.jsonl").exists());
    assert_eq!(slackwater(&["recipe", "check", "r.toml"], &folder).status.code(), Some(0));
}

/// Promise: `try` shows each match with line and column, what is taken of it marked, and for what finds nothing how far its selector gets.
/// Provoked: text, an attribute behind others, a value with references, an element that no tag began, a pattern, selectors that stop at each kind
/// of step, line ends of Windows, letters that would act on the terminal.
#[test]
fn a_try_shows_places_and_how_far_selectors_get() {
    let folder = folder("recipe_try");
    let page = "<p>é <a id=x href='/ebb'>Ebb</a></p>\r\n<p class=c>a\x1b[2J\u{202e}b</p>\n<a href='?a&amp;b'>c</a>";
    fs::write(folder.join("page.html"), page).unwrap();
    let args = ["try", "--css", "links=a@href", "--css", "p=p", "--css", "root=html@lang", "--regex", "e=E(b+)"];
    let fields = [
        "--css",
        "n=p.c > b i",
        "--css",
        "m=article",
        "--css",
        "q=a@title",
        "--css",
        "o=p.d",
        "--matches",
        "2",
        "page.html",
    ];
    let output = slackwater(&[&args[..], &fields[..]].concat(), &folder);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = "links: 2 matches\n  1:6  <p>é <a id=x href='«/ebb»'>Ebb</a></p>\n  3:1  «<a href='?a&amp;b'>»c</a>\n\
                    p: 2 matches\n  1:1  <p>«é <a id=x href='/ebb'>Ebb»</a></p>\n  2:1  <p class=c>«a\u{FFFD}[2J\u{FFFD}b»</p>\n\
                    root: 0 matches\n  hint: html matches 1, and none has the attribute\n\
                    e: 1 match\n  1:27  a id=x href='/ebb'>E«bb»</a></p>\n\
                    n: 0 matches\n  hint: p.c matches 1 element, p.c > b none\n\
                    m: 0 matches\n  hint: there is no article on this page\n\
                    q: 0 matches\n  hint: a matches 2, and none has the attribute\n\
                    o: 0 matches\n  hint: p matches 2 elements, p.d none\n";
    assert_eq!(said, expected);
}

/// Promise: colours only where they are asked for, or on a terminal. Provoked: a pipe, each answer to `--color`; a page that would fail, what is no
/// page, a mistake.
#[test]
fn a_try_has_colours_only_where_asked() {
    let folder = folder("recipe_try_colours");
    fs::write(folder.join("page.html"), "<title>a</title>").unwrap();
    fs::write(folder.join("r.toml"), "[fields.h]\ncss = 'h1'\nrequired = true\n").unwrap();
    let said = |args: &[&str]| {
        let output = slackwater(&[&["try"], args].concat(), &folder);
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let plain = (Some(0), "t: 1 match\n  1:1  <title>«a»</title>\n".to_owned());
    assert_eq!(said(&["--css", "t=title", "page.html"]), plain);
    assert_eq!(said(&["--color", "never", "--css", "t=title", "page.html"]), plain);
    let coloured = said(&["--color", "always", "--css", "t=title", "page.html"]).1;
    assert_eq!(coloured, "\x1b[1mt\x1b[0m: 1 match\n  1:1  <title>\x1b[7ma\x1b[0m</title>\n");
    let failing = said(&["--recipe", "r.toml", "page.html"]);
    assert!(failing.1.ends_with("this page would fail: the field h is required and found nothing\n"), "{}", failing.1);
    assert_eq!(said(&["--recipe", "r.toml", "r.toml"]).0, Some(2));
    assert_eq!(said(&["none.html"]).0, Some(2));
    assert_eq!(said(&["--css", "x=>", "page.html"]).0, Some(2));
}

/// Promise: a count tells how many it counted wherever they stand, and what takes too long is stopped and told. Provoked: a count over the text;
/// selectors that look at every pair of ten thousand elements, with a tenth of a second.
#[test]
fn a_try_counts_and_ends_in_time() {
    let folder = folder("recipe_try_time");
    fs::write(folder.join("page.html"), "<p>a<b>b</b>a</p>").unwrap();
    fs::write(folder.join("r.toml"), "[fields.n]\nregex = 'a'\nover = 'text'\ntake = 'count'\n").unwrap();
    let output = slackwater(&["try", "--recipe", "r.toml", "page.html"], &folder);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "n: 2 matches\n");

    fs::write(folder.join("large.html"), "<i></i>".repeat(10_000)).unwrap();
    let pairs = "x=i:has(~ i ~ b)";
    let output = slackwater(&["try", "--page-timeout", "0.1", "--css", pairs, "large.html"], &folder);
    let said = String::from_utf8(output.stdout).unwrap();
    let why = "this is not all: extraction took longer than 0.1 seconds";
    assert!(output.status.success() && said.contains(why) && !said.contains("hint"), "{said}");

    fs::write(folder.join("a.html"), format!("<p>{}", "a".repeat(30_000))).unwrap();
    let quadratic = ["try", "--page-timeout", "0.1", "--matches", "0", "--regex", "x=(?s)a(?:.*z)?", "a.html"];
    let output = slackwater(&quadratic, &folder);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains(why) && !said.contains("30000"), "{said}");
}
