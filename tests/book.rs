//! The pages of `docs/` are a book: each has its place in it, no link leads nowhere, and no example is left uncompiled unseen.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// No chapters: what the crate's documentation begins with, and the list of chapters itself.
const NO_CHAPTERS: [&str; 2] = ["crate.md", "SUMMARY.md"];

/// Pages whose examples are not compiled with the crate, and what does it in place of that.
const COMPILED_ELSEWHERE: [(&str, &str); 2] = [
    ("databases.md", "tests/databases has the drivers, and compiles them"),
    ("first-pool.md", "`.ci/run guide` builds and runs them"),
];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn page(name: &str) -> String {
    fs::read_to_string(docs().join(name)).unwrap_or_else(|error| panic!("docs/{name}: {error}"))
}

fn pages() -> BTreeSet<String> {
    let entries = fs::read_dir(docs()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name.ends_with(".md")).collect()
}

/// The text without blocks of code, and without code between backticks: what a reader of Markdown takes for text.
fn prose(text: &str) -> String {
    let outside = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    outside.split('`').step_by(2).collect()
}

/// Where the links of a page lead, those within the repository.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let ours = targets.filter(|target| !target.contains("://") && !target.contains("::"));
    ours.map(str::to_owned).collect()
}

/// The names by which headings are linked to, as mdBook and the repository's host make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let outside = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    let headings = outside.lines().filter(|line| line.starts_with('#'));
    let name = |heading: &str| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|each| each.is_alphanumeric() || matches!(each, ' ' | '-' | '_'));
        kept.map(|each| if each == ' ' { '-' } else { each }).collect()
    };
    headings.map(name).collect()
}

#[test]
fn each_page_is_one_chapter() {
    let summary = page("SUMMARY.md");
    let mut chapters = links(&summary);
    chapters.sort();
    let mut expected = pages();
    NO_CHAPTERS.iter().for_each(|name| assert!(expected.remove(*name), "{name}"));
    assert_eq!(chapters, expected.into_iter().collect::<Vec<_>>(), "chapters in docs/SUMMARY.md, and pages in docs");
}

#[test]
fn no_link_leads_nowhere() {
    let mut dead = vec![];
    let mut seen = 0;
    for name in pages().iter().filter(|name| *name != "crate.md") {
        let text = page(name);
        for link in links(&text) {
            seen += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { docs().join(name) } else { docs().join(path) };
            let leads = target.exists()
                && (anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !leads {
                dead.push(format!("docs/{name}: {link}"));
            }
        }
    }
    println!("{seen} links");
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
}

/// Whether each line of a block stands in the component that is its example, which `.ci/run examples` compiles. What is left out is `...`.
fn is_of_the_guest(block: &str) -> bool {
    let guest = fs::read_to_string(docs().join("../guest/examples/rust/src/lib.rs")).unwrap();
    let mut lines = block.lines().skip(1).map(|line| line.trim().trim_end_matches(" ... }"));
    lines.all(|line| guest.lines().any(|its| its.trim() == line || its.trim() == format!("{line}{{")))
}

#[test]
fn every_example_in_rust_is_compiled() {
    let root = fs::read_to_string(docs().join("../src/lib.rs")).unwrap();
    let mut compiled = 0;
    for name in pages() {
        let text = page(&name);
        let blocks: Vec<_> = text.split("\n```").skip(1).step_by(2).collect();
        let kinds = blocks.iter().map(|block| block.lines().next().unwrap_or_default());
        let rust: Vec<_> = kinds.filter(|kind| kind.is_empty() || kind.starts_with("rust")).collect();
        if rust.is_empty() || COMPILED_ELSEWHERE.iter().any(|(page, _)| *page == name) {
            continue;
        }
        assert!(
            root.contains(&format!("include_str!(\"../docs/{name}\")")),
            "src/lib.rs compiles nothing of docs/{name}"
        );
        let ignored = blocks.iter().filter(|block| block.lines().next().is_some_and(|kind| kind.contains("ignore")));
        for block in ignored {
            assert!(is_of_the_guest(block), "docs/{name} has a block that nobody compiles:{block}");
        }
        compiled += rust.len();
    }
    println!("{compiled} examples");
    assert!(compiled > 0);
}
