//! `docs/requirements.md` has a row for each thing that was asked for, and what a row names is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/requirements.md";

/// The groups of ids, and how many there are in each.
const PLAIN: [(&str, u32); 7] = [("OB", 21), ("E", 15), ("V", 25), ("M", 13), ("K", 5), ("T", 40), ("C", 14)];
/// The criteria stand in chapters.
const CHAPTERS: [(&str, u32); 7] = [("R1.", 5), ("R2.", 5), ("R3.", 5), ("R4.", 5), ("R5.", 5), ("R6.", 5), ("R7.", 5)];

/// Rows that name nothing say why with one of these at their beginning.
const EXCUSES: [&str; 4] = ["does not apply: ", "missing: ", "not measured: ", "not so: "];

fn ids() -> Vec<String> {
    let groups = PLAIN.iter().chain(&CHAPTERS);
    let all = groups.flat_map(|(group, many)| (1..=*many).map(move |number| format!("{group}{number}")));
    // One id of another text was taken already.
    all.map(|id| if id == "V3" { "V3r".to_owned() } else { id }).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Id and third column of each row.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = cells.map(|line| line.split(" | ").collect::<Vec<_>>());
    rows.filter(|cells| cells[0] != "id").map(|cells| (cells[0], *cells.last().unwrap())).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether `source` has a test of this name: a function with `#[test]` among the attributes and comments above it.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let declared = format!("fn {name}(");
    (0..lines.len()).filter(|at| lines[*at].starts_with(&declared)).any(|at| {
        let above = lines[..at].iter().rev();
        let mut above = above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        above.any(|line| *line == "#[test]")
    })
}

/// The sources of a bench: one file, or those of a folder.
fn bench(name: &str) -> Option<String> {
    if !read("Cargo.toml").contains(&format!("[[bench]]\nname = \"{name}\"\n")) {
        return None;
    }
    let folder = root().join("benches").join(name);
    let mut files = vec![PathBuf::from(format!("benches/{name}.rs"))];
    files.extend(fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path()));
    let sources = files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "rs"));
    Some(sources.filter(|file| root().join(file).exists()).map(read).collect())
}

/// What of a reference is not there. `None` is for what is no reference, but a word of the language or of the pool.
fn missing(reference: &str) -> Option<Vec<String>> {
    let path_of = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
    if let Some((path, names)) = reference.split_once(".rs: ") {
        let source = read(format!("{path}.rs"));
        let gone = names.split(", ").filter(|name| !has_test(&source, name));
        return Some(gone.map(|name| format!("{path}.rs has no test {name}")).collect());
    }
    if let Some(named) = reference.strip_prefix("benches/") {
        let (name, figures) = named.split_once(": ").unwrap_or((named, ""));
        let Some(source) = bench(name) else { return Some(vec![format!("there is no bench {name}")]) };
        let gone =
            figures.split("; ").filter(|figure| !figure.is_empty() && !source.contains(&format!("\"{figure}\"")));
        return Some(gone.map(|figure| format!("the bench {name} has no figure {figure}")).collect());
    }
    if let Some(stage) = reference.strip_prefix(".ci/run ") {
        let script = read(".ci/run");
        let listed = script.lines().find_map(|line| line.strip_prefix("stages=(")?.strip_suffix(')')).unwrap();
        let is_there = listed.split(' ').any(|each| each == stage) && script.contains(&format!("\nstage_{stage}() {{"));
        return Some(if is_there { vec![] } else { vec![format!(".ci/run has no stage {stage}")] });
    }
    if reference.starts_with(".ci/") || [".rs", ".md", ".toml"].iter().any(|kind| reference.ends_with(kind)) {
        let path = path_of(reference);
        return Some(if root().join(&path).exists() { vec![] } else { vec![format!("there is no {path}")] });
    }
    None
}

#[test]
fn each_id_has_one_row() {
    let page = read(PAGE);
    let mut seen = BTreeMap::new();
    for (id, _) in rows(&page) {
        *seen.entry(id.to_owned()).or_insert(0) += 1;
    }
    for id in ids() {
        assert_eq!(seen.remove(&id), Some(1), "rows of {id} in {PAGE}");
    }
    assert!(seen.is_empty(), "{PAGE} has rows of ids that nobody gave: {seen:?}");
}

#[test]
fn what_a_row_names_is_there() {
    let page = read(PAGE);
    let rows = rows(&page);
    assert!(!rows.is_empty());
    let mut mistakes = vec![];
    let (mut references, mut excused) = (0, 0);
    for (id, shown) in rows {
        let found: Vec<_> = quoted(shown).filter_map(missing).collect();
        references += found.len();
        if EXCUSES.iter().any(|excuse| shown.starts_with(excuse)) {
            excused += 1;
        } else if found.is_empty() {
            mistakes.push(format!("{id}: names nothing that shows it"));
        }
        mistakes.extend(found.into_iter().flatten().map(|what| format!("{id}: {what}")));
    }
    println!("{references} references; {excused} rows say why they have none");
    assert!(mistakes.is_empty(), "{PAGE}:\n{}", mistakes.join("\n"));
}

#[test]
fn what_other_pages_name_is_there_too() {
    let mut named = 0;
    let mut mistakes = vec![];
    for page in ["docs/databases.md", "docs/failures.md", "docs/peers.md", "docs/promises.md"] {
        let text = read(page);
        // Blocks of code have other things between backticks.
        let prose = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
        for reference in quoted(&prose).filter(|quoted| quoted.contains(".rs: ")) {
            named += 1;
            mistakes.extend(missing(reference).into_iter().flatten().map(|what| format!("{page}: {what}")));
        }
    }
    assert!(named > 100, "{named} references are fewer than there were");
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn what_is_gone_is_noticed() {
    let source = "#[test]\n// why\n#[ignore]\nfn kept() {\n}\nfn plain() {\n}\n";
    assert!(has_test(source, "kept") && !has_test(source, "plain") && !has_test(source, "kep"));
    let here = "tests/requirements.rs: each_id_has_one_row, no_such_test";
    assert_eq!(missing(here).unwrap(), ["tests/requirements.rs has no test no_such_test"]);
    assert_eq!(missing("benches/none").unwrap(), ["there is no bench none"]);
    assert_eq!(missing("benches/soak: no such figure").unwrap(), ["the bench soak has no figure no such figure"]);
    assert_eq!(missing(".ci/run none").unwrap(), [".ci/run has no stage none"]);
    assert_eq!(missing("docs/none.md").unwrap(), ["there is no docs/none.md"]);
    assert_eq!(missing("recycle"), None);
    assert_eq!(missing(".ci/run tests").unwrap(), Vec::<String>::new());
}
