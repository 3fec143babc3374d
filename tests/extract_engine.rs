//! `slackwater extract --engine`: the same lines, and what is said of who made them.
#![cfg(feature = "cli")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// A folder of its own for one test, emptied first.
fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract_engine").join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn extract(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.arg("extract").args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

fn told(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The engine's part of `--stats json`.
fn engine(output: &Output) -> Value {
    let stats: Value = serde_json::from_str(told(output)).unwrap_or_else(|_| panic!("{}", told(output)));
    stats["engine"].clone()
}

/// A page of more than a megabyte.
fn large(body: &str) -> String {
    let rows = "<p>A row with a <a href='/r?a&amp;b'>link &lt;x&gt;</a>.</p>\n".repeat(20_000);
    format!("<!doctype html><html><head><title>T</title></head><body>{rows}{body}</body></html>")
}

const FIELDS: [&str; 6] = ["--css", "title=title", "--css", "links=a@href", "--css", "texts=p"];

/// Promise: `auto` writes what `dom` writes, and says how many pages went which way and why. Provoked: a large page that is
/// plain, one that is not, a small one.
#[test]
fn auto_writes_what_dom_writes_and_says_how() {
    let dir = folder("auto");
    fs::write(dir.join("plain.html"), large("")).unwrap();
    fs::write(dir.join("open.html"), large("<p>one<p>two")).unwrap();
    fs::write(dir.join("small.html"), "<title>S</title><p>x<p>y").unwrap();
    let run = |extra: &[&str]| {
        extract(&[&FIELDS[..], &["--ordered", "plain.html", "open.html", "small.html"], extra].concat(), &dir)
    };
    let dom = run(&[]);
    let auto = run(&["--engine", "auto", "--stats", "json"]);
    assert!(dom.status.success() && auto.status.success());
    assert!(dom.stdout == auto.stdout, "the lines differ");
    let said = json!({"asked": "auto", "streamed": 1, "fell_back": {"implied": 2}, "why_not": null});
    assert_eq!(engine(&auto), said);
    let summary = run(&["--engine", "auto"]);
    assert!(told(&summary).contains("engine streaming: 1 pages without a tree"), "{}", told(&summary));
    assert!(told(&summary).contains("2 are not plain\n  2: a start tag closes"), "{}", told(&summary));
    assert!(!told(&dom).contains("engine"), "{}", told(&dom));
}

/// Promise: where most pages are not plain, `auto` no longer tries every one of them, and says of how many. Provoked: three hundred such pages.
#[test]
fn auto_stops_trying_where_most_pages_are_not_plain() {
    let dir = folder("untried");
    (0..300).for_each(|n| fs::write(dir.join(format!("{n}.html")), format!("<title>{n}</title><p>x<p>y")).unwrap());
    let run = |extra: &[&str]| extract(&[&FIELDS[..], &["--ordered", "."], extra].concat(), &dir);
    let auto = run(&["--engine", "auto", "--stats", "json"]);
    assert!(run(&[]).stdout == auto.stdout, "the lines differ");
    let engine = engine(&auto);
    let tried = engine["fell_back"]["implied"].as_u64().unwrap();
    assert!((64..150).contains(&tried), "{engine}");
    let summary = run(&["--engine", "auto"]);
    assert!(told(&summary).contains("of at most 1 MiB were not tried, as most are not"), "{}", told(&summary));
}

/// Promise: `auto` takes the tree where the recipe needs one, and names the field. Provoked: `:last-child`.
#[test]
fn auto_says_why_it_takes_the_tree() {
    let dir = folder("why_not");
    fs::write(dir.join("p.html"), large("")).unwrap();
    let args = ["--css", "last=p:last-child", "--engine", "auto", "p.html"];
    let output = extract(&args, &dir);
    assert!(output.status.success());
    assert!(
        told(&output).contains("engine dom: field \"last\" asks for what comes after an element"),
        "{}",
        told(&output)
    );
    let output = extract(&[&args[..], &["--stats", "json"]].concat(), &dir);
    let engine = engine(&output);
    assert_eq!((&engine["asked"], &engine["streamed"]), (&json!("auto"), &json!(0)));
    assert!(engine["why_not"].as_str().unwrap().contains("\"last\""), "{engine}");
}

/// Promise: `streaming` takes every page without a tree, with its own answers, and refuses what it has no selector for before
/// anything starts. Provoked: a page without end tags; `:has`.
#[test]
fn streaming_takes_every_page_or_refuses_the_recipe() {
    let dir = folder("streaming");
    fs::write(dir.join("p.html"), "<title>T</title><p>one<p>two").unwrap();
    let output = extract(&["--css", "p=p", "--engine", "streaming", "--stats", "json", "p.html"], &dir);
    assert!(output.status.success());
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["fields"], json!({"p": ["onetwo", "two"]}));
    assert_eq!(engine(&output)["streamed"], json!(1));
    let refused = extract(&["--css", "p=p:has(a)", "--engine", "streaming", "p.html"], &dir);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0));
    assert!(told(&refused).contains("--engine streaming: field \"p\" asks for what comes after"), "{}", told(&refused));
}

/// Promise: a recipe that needs the tree is refused by `streaming` with the field's name and why, and `auto` says both and takes the tree;
/// `recipe check` says so before. Provoked: HTML, records, a pattern over the text, and a recipe that needs no tree.
#[test]
fn what_a_recipe_asks_of_the_tree_is_named() {
    let dir = folder("recipe");
    fs::write(dir.join("p.html"), "<title>T</title><p> one </p><p>two").unwrap();
    for (name, field, why) in [
        ("html", "css = 'p'\nhtml = 'inner'", "field \"x\" takes HTML"),
        ("rows", "css = 'p'\n[fields.x.fields.b]\ncss = 'b'", "field \"x\" takes records"),
        ("text", "regex = 'e'\nover = 'text'", "field \"x\" searches the text of the page"),
    ] {
        let file = format!("{name}.toml");
        fs::write(dir.join(&file), format!("[fields.t]\ncss = 'title'\n[fields.x]\n{field}\n")).unwrap();
        let args = ["--recipe", &file, "p.html", "--engine"];
        let refused = extract(&[&args[..], &["streaming"]].concat(), &dir);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0), "{name}");
        assert!(told(&refused).contains(&format!("--engine streaming: {why}")), "{}", told(&refused));
        let auto = extract(&[&args[..], &["auto"]].concat(), &dir);
        assert!(auto.status.success() && told(&auto).contains(&format!("engine dom: {why}")), "{}", told(&auto));
        assert_eq!(auto.stdout, extract(&[&args[..], &["dom"]].concat(), &dir).stdout);
        let mut check = Command::new(env!("CARGO_BIN_EXE_slackwater"));
        let check = check.args(["recipe", "check", &file]).current_dir(&dir).output().unwrap();
        let said = String::from_utf8_lossy(&check.stdout);
        assert!(said.starts_with(&format!("{file}: ok, 2 fields; --engine auto takes the tree: {why}")), "{said}");
    }
    let plain = "[fields.x]\ncss = 'p'\ntext = 'trimmed'\ntake = 'first'\n[fields.n]\ncss = 'p'\ntake = 'count'\n";
    fs::write(dir.join("plain.toml"), plain).unwrap();
    let output = extract(&["--recipe", "plain.toml", "--engine", "streaming", "p.html"], &dir);
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["fields"], json!({"x": "one", "n": 2}), "{}", told(&output));
}

/// Promise: a run may be gone on with by another engine if its lines are the same, and not if they may differ. Provoked: each change
/// there is.
#[test]
fn a_run_is_gone_on_with_by_an_engine_of_the_same_answers() {
    for (begun, then, may) in [
        ("dom", "auto", true),
        ("auto", "dom", true),
        ("streaming", "streaming", true),
        ("dom", "streaming", false),
        ("streaming", "auto", false),
    ] {
        let dir = folder(&format!("resume_{begun}_{then}"));
        fs::write(dir.join("p.html"), "<title>T</title><p>one<p>two").unwrap();
        let run =
            |engine| extract(&["-q", "--css", "p=p", "--resume", "-o", "o.jsonl", "--engine", engine, "p.html"], &dir);
        // What a run leaves behind that was cut short at once: its journal.
        fs::create_dir(dir.join(".o.jsonl.part")).unwrap();
        assert_eq!(run(begun).status.code(), Some(3));
        fs::remove_dir(dir.join(".o.jsonl.part")).unwrap();
        let output = run(then);
        assert_eq!(output.status.code(), Some(if may { 0 } else { 2 }), "{begun}, {then}: {}", told(&output));
        assert!(may || told(&output).contains("--engine was"), "{}", told(&output));
    }
}
