//! The command with `--wasm`: a component takes the fields.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pages");
const FIELDS: [&str; 6] = ["--css", "t=title", "--css", "a=a@href", "--regex", "e=E([0-9]{4})"];

/// A folder of its own for one test, emptied first.
fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract_wasm").join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A home for what is compiled, which is that of the other tests: unoptimised, the compiler takes half a minute for the large one.
fn cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (home, kept) = (tmp.join("extract-wasm-cache"), tmp.join("wasm-artifacts"));
        fs::create_dir_all(home.join("slackwater")).unwrap();
        // As the cache makes it.
        drop(slackwater::wasm::ArtifactCache::open(&kept).unwrap());
        let _ = symlink(&kept, home.join("slackwater/components"));
        home
    })
}

fn slackwater(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.args(["extract", "--quiet", "--ordered"]).args(args);
    command.current_dir(folder).env("XDG_CACHE_HOME", cache()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Promise: the component that comes with the command gives what the command gives. Provoked: real pages, text, attributes and a pattern.
#[test]
fn its_answers_are_those_of_our_own_extractors() {
    let folder = folder("wasm_answers");
    let own = slackwater(&[&FIELDS[..], &[PAGES]].concat(), &folder);
    let within = slackwater(&[&["--wasm", "--stats", "json"], &FIELDS[..], &[PAGES]].concat(), &folder);
    assert!(own.status.success() && within.status.success(), "{}", text(&within.stderr));
    assert_eq!(text(&own.stdout), text(&within.stdout));
    let stats: serde_json::Value = serde_json::from_slice(&within.stderr).unwrap();
    let pages = text(&own.stdout).lines().count();
    // And one that tells mistakes before the first page.
    assert_eq!(stats["wasm"]["calls"], pages + 1);
}

/// Promise: what a page asks too much of costs that page alone, with the option to raise. Provoked: nesting that takes the square of its depth, and
/// a page that does not fit.
#[test]
fn a_page_that_asks_too_much_costs_itself_alone() {
    let folder = folder("wasm_limits");
    fs::write(folder.join("1.html"), "<title>one</title>").unwrap();
    fs::write(folder.join("2.html"), "<div>".repeat(60_000)).unwrap();
    fs::write(folder.join("3.html"), "<p>x</p>".repeat(700_000)).unwrap();
    fs::write(folder.join("4.html"), "<title>four</title>").unwrap();
    let options = ["--wasm", "--wasm-timeout", "1", "--wasm-memory", "16", "--stats", "json", "--css", "t=title", "."];
    let output = slackwater(&options, &folder);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let lines = text(&output.stdout);
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[0].contains("one") && lines[3].contains("four"), "{lines:#?}");
    assert!(lines[1].contains("(--wasm-timeout)"), "{lines:#?}");
    assert!(lines[2].contains("(--wasm-memory)"), "{lines:#?}");
    let stats: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(stats["failures"], serde_json::json!({ "timed_out": 1, "too_much": 1 }));
    // What a page may take holds whoever takes its fields.
    let output = slackwater(&["--wasm", "--page-timeout", "1", "--css", "t=title", "2.html"], &folder);
    assert!(text(&output.stdout).contains("(--page-timeout)"), "{output:?}");
}

/// Promise: what cannot be run is refused before the first page, with what is wrong. Provoked: no file, no component, one with imports, one that
/// traps, a field it cannot be asked for, one it does not take, options without it.
#[test]
fn what_cannot_be_run_is_refused_at_once() {
    let folder = folder("wasm_refused");
    fs::write(folder.join("page.html"), "<p>x").unwrap();
    fs::write(folder.join("r.toml"), "[fields.h]\ncss = 'h1'\ntake = 'first'\n").unwrap();
    let guest = |name: &str| format!("--wasm={}/guest/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    for (args, why) in [
        (vec!["--wasm=none.wasm"], "cannot read the component"),
        (vec!["--wasm=page.html"], "not a component, but something else"),
        (vec![&*guest("importing")], "the component imports"),
        (vec![&*guest("misbehaving"), "--css", "x=trap"], "the call trapped"),
        (vec![&*guest("misbehaving"), "--css", "x=fail selector"], "the field \"x\": wrong selector"),
        (vec!["--wasm", "--recipe", "r.toml"], "the field \"h\" asks for more"),
        (vec!["--wasm-memory", "5"], "--wasm"),
        (vec!["--wasm", "--wasm-memory", "0"], "1..=4096"),
        (vec!["--wasm", "--engine", "dom"], "--engine"),
    ] {
        let output = slackwater(&[&args[..], &["page.html"]].concat(), &folder);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(why), "{args:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

/// Promise: a run goes on with the component it began with alone, by its content. Provoked: a run cut short, another component under the name.
#[test]
fn a_run_does_not_go_on_with_another_component() {
    let folder = folder("wasm_resume");
    let guest = |name: &str| format!("{}/guest/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    fs::copy(guest("misbehaving"), folder.join("c.wasm")).unwrap();
    fs::write(folder.join("page.html"), "<p>x").unwrap();
    let args = ["--wasm=c.wasm", "--css", "x=count", "--resume", "-o", "o.jsonl", "page.html"];
    // What a run leaves behind that was cut short at once: its journal.
    fs::create_dir(folder.join(".o.jsonl.part")).unwrap();
    assert_eq!(slackwater(&args, &folder).status.code(), Some(3));
    fs::remove_dir(folder.join(".o.jsonl.part")).unwrap();
    fs::copy(guest("extractor"), folder.join("c.wasm")).unwrap();
    let refused = slackwater(&args, &folder);
    let said = text(&refused.stderr);
    assert!(
        refused.status.code() == Some(2) && said.contains("this is not the run that was begun: the component"),
        "{said}"
    );
    fs::copy(guest("misbehaving"), folder.join("c.wasm")).unwrap();
    assert!(slackwater(&args, &folder).status.success());
    assert_eq!(fs::read_to_string(folder.join("o.jsonl")).unwrap().lines().count(), 1);
}
