//! `slackwater extract` from the outside: what it writes, what it refuses, how it ends.
#![cfg(feature = "cli")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

#[path = "support/skipped.rs"]
mod skipped;

/// A folder of its own for one test, emptied first.
fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract_cli").join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn extract(args: &[&str], folder: &Path) -> Output {
    command(args, folder).output().unwrap()
}

fn command(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.arg("extract").args(args).current_dir(folder).stdin(Stdio::null());
    command
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn told(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn error_of<'a>(lines: &'a [Value], source: &str) -> &'a str {
    let line = lines.iter().find(|line| line["source"] == source).unwrap_or_else(|| panic!("no line for {source}"));
    assert_eq!(line["fields"], json!({}), "{source}");
    line["error"].as_str().unwrap_or_else(|| panic!("{source} has no error"))
}

/// Promise: text of all descendants untouched, attributes, group 1 or the whole match, fields in the order typed.
/// Provoked: white space, nesting, an element without the attribute, an `@` inside a selector's brackets.
#[test]
fn each_kind_of_field_gives_its_values() {
    let dir = folder("fields");
    let page = "<!doctype html><title>T</title><p>  one <b>two\n</b>&amp;</p><p></p>\
                <a href='x@y'>m</a><a>none</a><a HREF=/z>n</a> k=1; k=22;";
    fs::write(dir.join("p.html"), page).unwrap();
    let args = [
        "--regex",
        "whole=k=[0-9]+",
        "--css",
        "text=p",
        "--regex",
        "group=k=([0-9]+)",
        "--css",
        "href=a@href",
        "--css",
        "at=a[href='x@y']",
        "p.html",
    ];
    let output = extract(&args, &dir);
    let raw = std::str::from_utf8(&output.stdout).unwrap();
    let wanted = "{\"source\":\"p.html\",\"fields\":{\"whole\":[\"k=1\",\"k=22\"],\"text\":[\"  one two\\n&\",\"\"],\
                  \"group\":[\"1\",\"22\"],\"href\":[\"x@y\",\"/z\"],\"at\":[\"m\"]},\"error\":null}\n";
    assert_eq!(raw, wanted);
    assert_eq!(output.status.code(), Some(0));
}

/// Promise: regex fields see the page's source, not its tree. Provoked: markup the parser would mend.
#[test]
fn patterns_run_over_the_source() {
    let dir = folder("source");
    fs::write(dir.join("p.html"), "<p><i>a</p></i><!-- hidden -->").unwrap();
    let output = extract(&["--regex", "r=</p></i>|hidden", "p.html"], &dir);
    assert_eq!(lines(&output)[0]["fields"], json!({"r": ["</p></i>", "hidden"]}));
}

/// Promise: `--ordered` writes in input order: paths as given, folders sorted. Provoked: a first page that takes far longer
/// than all others, more threads than cores.
#[test]
fn ordered_lines_come_in_input_order() {
    let dir = folder("ordered");
    fs::create_dir_all(dir.join("many/b")).unwrap();
    fs::write(dir.join("many/a.html"), "<p>x".repeat(100_000)).unwrap();
    let mut want = vec!["many/a.html".to_owned()];
    for n in 0..500 {
        want.push(format!("many/b/{n:03}.html"));
        fs::write(dir.join(&want[n + 1]), format!("<p>{n}</p>")).unwrap();
    }
    fs::write(dir.join("0.html"), "<p>last</p>").unwrap();
    want.push("0.html".to_owned());
    let output = extract(&["--ordered", "--threads", "4", "--css", "p=p", "many", "0.html"], &dir);
    let got: Vec<_> = lines(&output).iter().map(|line| line["source"].as_str().unwrap().to_owned()).collect();
    assert_eq!(got, want);
}

/// Promise: a mistake is refused before anything starts, with its place. Provoked: every way to get a field wrong, an input
/// and an output that would show a start.
#[test]
fn a_wrong_field_is_refused_before_the_start() {
    let dir = folder("refused");
    fs::write(dir.join("p.html"), "<p>x</p>").unwrap();
    for (option, field, column) in [
        ("--css", "x=h1 >> b", 7),
        ("--css", "x=p:hover", 5),
        ("--css", "x=a[href", 4),
        ("--css", "x=p >", 6),
        ("--css", "h1", 3),
        ("--css", "=h1", 1),
        ("--css", "a b=h1", 2),
        ("--css", "x=a@", 5),
        ("--regex", "x=a(b", 4),
        ("--regex", "x=ä[z-a]", 5),
        ("--regex", r"x=(\w{1000}){1000}", 3),
        ("--css", "good=h1", 1),
    ] {
        let output = extract(&["--css", "good=p", option, field, "-o", "out", "p.html"], &dir);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{field}: {told}");
        assert!(
            told.contains(&format!(" at column {column}\n    {field}\n{}^", " ".repeat(column + 3))),
            "{field}: {told}"
        );
        assert!(told.contains(option), "{told}");
        assert!(output.stdout.is_empty());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "{field} left something behind");
    }
}

/// Promise: what fails is a line with an error, the run goes on, the exit code says so. Provoked: a file that is not there,
/// a link to nowhere, a link back up, a picture, prose, an empty file, one too large, and a sound page among them.
#[cfg(unix)]
#[test]
fn failures_are_lines_and_the_run_goes_on() {
    let dir = folder("failures");
    fs::create_dir_all(dir.join("site/sub.html")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).unwrap();
    write("site/binary.html", b"\x89PNG\r\n\x1a\n\0\0\0");
    write("site/empty.html", b"");
    write("site/large.html", &b"<p>".repeat(400));
    write("site/prose.html", b"no tags here");
    write("site/sub.html/ok.htm", b"<p>fine</p>");
    write("site/style.css", b"p {}");
    write("named.txt", b"named, but not HTML");
    std::os::unix::fs::symlink("nowhere", dir.join("site/dangling.html")).unwrap();
    std::os::unix::fs::symlink("..", dir.join("site/sub.html/loop")).unwrap();

    let output =
        extract(&["--ordered", "--max-bytes", "1000", "--css", "p=p", "site", "missing.html", "named.txt"], &dir);
    let lines = lines(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(error_of(&lines, "site/binary.html").contains("binary"));
    assert!(error_of(&lines, "site/empty.html").contains("empty"));
    assert!(error_of(&lines, "site/large.html").contains("--max-bytes"));
    assert!(error_of(&lines, "site/prose.html").contains("not HTML"));
    assert!(error_of(&lines, "site/dangling.html").contains("No such file"));
    assert!(error_of(&lines, "site/sub.html/loop").contains("directory loop"));
    assert!(error_of(&lines, "missing.html").contains("cannot read"));
    assert!(error_of(&lines, "named.txt").contains("not HTML"));
    let ok = lines.iter().find(|line| line["source"] == "site/sub.html/ok.htm").unwrap();
    assert_eq!(*ok, json!({"source": "site/sub.html/ok.htm", "fields": {"p": ["fine"]}, "error": null}));
    assert_eq!(lines.len(), 9);
    assert!(told(&output).starts_with("9 pages"), "{}", told(&output));
    assert!(told(&output).contains("8 failed, 1 other files skipped"), "{}", told(&output));
}

/// Promise: bytes that are not UTF-8 are decoded with a note; UTF-8 has none. Provoked: latin-1, a declared encoding,
/// UTF-16 with its mark, broken UTF-8.
#[test]
fn other_encodings_are_decoded_with_a_note() {
    let dir = folder("encodings");
    fs::write(dir.join("1.html"), b"<p>caf\xE9</p>").unwrap();
    fs::write(dir.join("2.html"), b"<meta charset=koi8-r><p>\xC1</p>").unwrap();
    fs::write(dir.join("3.html"), b"\xFF\xFE<\0p\0>\0\xE9\0").unwrap();
    fs::write(dir.join("4.html"), b"<meta charset=utf-8><p>a\xFFb</p>").unwrap();
    fs::write(dir.join("5.html"), "<p>café</p>").unwrap();
    let output = extract(&["--ordered", "--css", "p=p", "."], &dir);
    let got: Vec<_> =
        lines(&output).iter().map(|line| (line["fields"]["p"][0].clone(), line["note"].clone())).collect();
    let want = [
        ("café", json!("decoded as windows-1252")),
        ("а", json!("decoded as KOI8-R")),
        ("é", json!("decoded as UTF-16LE")),
        ("a\u{FFFD}b", json!("decoded as UTF-8, broken bytes replaced by U+FFFD")),
        ("café", Value::Null),
    ];
    assert_eq!(got, want.map(|(text, note)| (json!(text), note)));
    assert_eq!(output.status.code(), Some(0));
}

/// Promise: `-` is one page from standard input. Provoked: it stands between two files.
#[test]
fn a_dash_reads_standard_input() {
    let dir = folder("stdin");
    fs::write(dir.join("a.html"), "<p>a</p>").unwrap();
    fs::write(dir.join("b.html"), "<p>b</p>").unwrap();
    let mut child = command(&["--ordered", "--css", "p=p", "a.html", "-", "b.html"], &dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"<p>from a pipe</p>").unwrap();
    let output = child.wait_with_output().unwrap();
    let got: Vec<_> =
        lines(&output).iter().map(|line| (line["source"].clone(), line["fields"]["p"][0].clone())).collect();
    assert_eq!(got, [("a.html", "a"), ("-", "from a pipe"), ("b.html", "b")].map(|(s, p)| (json!(s), json!(p))));
}

/// Promise: without paths and fields it shows something, from anywhere. Provoked: an empty folder.
#[test]
fn without_arguments_it_runs_on_bundled_pages() {
    let output = extract(&["--ordered"], &folder("bundled"));
    let lines = lines(&output);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(lines.len(), 12);
    for line in &lines {
        assert!(line["source"].as_str().unwrap().starts_with("bundled:"), "{line}");
        assert_eq!(line["fields"]["title"].as_array().unwrap().len(), 1, "{line}");
        assert!(!line["fields"]["links"].as_array().unwrap().is_empty(), "{line}");
    }
    let codes = lines.iter().find(|line| line["source"] == "bundled:error-E0382.html").unwrap();
    assert_eq!(codes["fields"]["codes"][0], "E0382");
}

/// Promise: `-o` replaces the file only when all lines are there, and leaves nothing else. Provoked: an old file, a run with a
/// failed page, a place that cannot be written.
#[test]
fn an_output_file_appears_complete_or_not_at_all() {
    let dir = folder("output");
    fs::write(dir.join("out.jsonl"), "old").unwrap();
    let output = extract(&["-o", "out.jsonl", "--css", "t=title", "missing.html"], &dir);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let written = fs::read_to_string(dir.join("out.jsonl")).unwrap();
    assert!(written.starts_with("{\"source\":\"missing.html\"") && written.ends_with("}\n"), "{written}");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);

    let output = extract(&["-o", "no/such/folder/out"], &dir);
    assert_eq!(output.status.code(), Some(3));
    assert!(told(&output).contains("another place with -o"), "{}", told(&output));
}

/// Promise: an output that breaks is an error of its own, without a panic. Provoked: a device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let output = command(&[], &folder("full")).stdout(fs::File::create("/dev/full").unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(told(&output).contains("cannot write to standard output"), "{}", told(&output));
    assert!(!told(&output).contains("panicked"));
}

/// Promise: a closed output pipe ends the run soon and cleanly. Provoked: a reader that leaves after one line of far more than
/// any pipe holds; if the run did not stop, the count of pages would show it.
#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_it_cleanly() {
    let dir = folder("pipe");
    fs::write(dir.join("p.html"), format!("<p>{}</p>", "x".repeat(50_000))).unwrap();
    let mut args = vec!["--ordered", "--css", "p=p"];
    args.extend(["p.html"; 5_000]);
    let mut child = command(&args, &dir).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    drop(reader);
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{told}");
    assert!(first.starts_with("{\"source\":\"p.html\""));
    assert!(told.contains("the output was closed early") && !told.contains("panicked"), "{told}");
    let pages: u64 = told.split(' ').next().unwrap().replace(',', "").parse().unwrap();
    assert!(pages < 5_000, "{told}");
}

/// Promise: pages in are lines out, also unordered and with fewer extractors than threads; no line is torn. Provoked: many
/// small pages, 8 threads on one extractor, fields of both kinds.
#[test]
fn nothing_is_lost() {
    let dir = folder("complete");
    for n in 0..2_000 {
        fs::write(dir.join(format!("{n}.html")), format!("<p>{n}</p>")).unwrap();
    }
    let output =
        extract(&["--threads", "8", "--pool-size", "1", "--css", "p=p", "--regex", "r=<p>([0-9]+)", "."], &dir);
    let got: BTreeSet<u64> = lines(&output)
        .iter()
        .map(|line| {
            assert_eq!(line["fields"]["p"], line["fields"]["r"]);
            line["fields"]["p"][0].as_str().unwrap().parse().unwrap()
        })
        .collect();
    assert_eq!(lines(&output).len(), 2_000);
    assert_eq!(got, (0..2_000).collect());
    assert_eq!(output.status.code(), Some(0));
}

/// Promise: in a pipe there is no progress, at the end a summary; `--quiet` has neither. Provoked: both ways.
#[test]
fn quiet_in_a_pipe_with_a_summary_at_the_end() {
    let dir = folder("summary");
    let output = extract(&["--css", "t=title", "--regex", "x=E[0-9]+"], &dir);
    let told_ = told(&output);
    assert!(!told_.contains(['\r', '\u{1b}']), "{told_:?}");
    for part in
        ["12 pages", "(541593 bytes)", "0 failed", " s, ", "pages/s", "24 checkouts: p50 ", "p99 ", "p99.9 ", "max "]
    {
        assert!(told_.contains(part), "{part}: {told_}");
    }
    assert_eq!(told(&extract(&["-q"], &dir)), "");
}

/// Promise: progress on a terminal. Provoked: `script` makes one; where it is missing there is nothing to provoke it with.
#[cfg(target_os = "linux")]
#[test]
fn progress_on_a_terminal() {
    let line = format!("{} extract -o /dev/null", env!("CARGO_BIN_EXE_slackwater"));
    let mut script = Command::new("script");
    // Where the tests run there may be no word of a terminal, which is shown no progress.
    script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").stdin(Stdio::null());
    let Ok(output) = script.output() else {
        skipped::skipped("there is no `script`; install util-linux");
        return;
    };
    let shown = String::from_utf8_lossy(&output.stdout);
    let (progress, summary) = shown.split_once("12 pages, ").expect("a summary");
    assert!(progress.contains(" pages "), "{shown:?}");
    assert!(progress.ends_with("\u{1b}[2K"), "the progress is not taken off the screen: {shown:?}");
    assert!(summary.contains("checkouts: p50"), "{shown:?}");
}

/// Promise: `--help` names the exit codes and the default fields. Provoked: asked.
#[test]
fn help_is_worth_reading() {
    let output = extract(&["--help"], &folder("help"));
    let help = std::str::from_utf8(&output.stdout).unwrap();
    for part in [
        "Exit codes:",
        "links=a@href",
        "--pool-size",
        "standard input",
        "Examples:",
        "--report",
        "--dashboard[=<ADDR>]",
    ] {
        assert!(help.contains(part), "{part}");
    }
    assert_eq!(extract(&["--threads", "0"], &folder("help")).status.code(), Some(2));
}
