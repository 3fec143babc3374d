//! `slackwater extract` on whatever pages come in: lists, globs, JSON Lines, archives.
#![cfg(feature = "cli")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// A folder of its own for one test, emptied first.
fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract_inputs").join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/input/data").join(name)
}

fn extract(args: &[&str], folder: &Path, stdin: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.args(["extract", "--ordered"]).args(args).current_dir(folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // Who refuses its command line reads nothing.
        scope.spawn(move || drop(pipe.write_all(stdin)));
        child.wait_with_output().unwrap()
    })
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sources(output: &Output) -> Vec<String> {
    lines(output).iter().map(|line| line["source"].as_str().unwrap().to_owned()).collect()
}

/// Promise: paths come from a list too, folders among them, in its order. Provoked: line ends and NULs, from a file and from standard
/// input, names with line ends and blanks, empty entries, one that is not there.
#[test]
fn paths_come_from_a_list() {
    let dir = folder("list");
    for name in ["b c.html", "a\nb.html", "sub.html"] {
        fs::write(dir.join(name), "<p>x</p>").unwrap();
    }
    fs::create_dir(dir.join("d")).unwrap();
    fs::write(dir.join("d/1.html"), "<p>x</p>").unwrap();
    let output = extract(&["--files-from", "-", "-0"], &dir, b"b c.html\0a\nb.html\0\0d\0*.html");
    assert_eq!(sources(&output), ["b c.html", "a\nb.html", "d/1.html", "*.html"]);
    assert_eq!(output.status.code(), Some(1));
    fs::write(dir.join("list"), "b c.html\n\nd\n").unwrap();
    let output = extract(&["--files-from", "list", "sub.html"], &dir, b"");
    assert_eq!(sources(&output), ["sub.html", "b c.html", "d/1.html"]);
    assert_eq!(output.status.code(), Some(0));
    for (args, code, why) in [
        (&["--files-from", "none"][..], 3, "cannot read none"),
        (&["--files-from", "-", "-"], 2, "standard input can be read only once"),
        (&["-0"], 2, "--files-from"),
        (&["--name-field", "x"], 2, "--json-lines"),
    ] {
        let output = extract(args, &dir, b"");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && told.contains(why), "{args:?}: {told}");
    }
    let output = extract(&["--files-from", "-"], &dir, &[b'x'; 70_000]);
    assert!(lines(&output)[0]["error"].as_str().unwrap().contains("longer than any path"));
}

/// Promise: a glob in quotes gives the files that match, sorted; a file of that name goes first. Provoked: each kind of glob, folders
/// that match, nothing that does, a glob that is none.
#[test]
fn globs_give_files() {
    let dir = folder("glob");
    fs::create_dir_all(dir.join("s/t.html")).unwrap();
    for name in ["a.html", "s/b.html", "s/c.htm", "s/t.html/d.html", "[x].html", "x.html"] {
        fs::write(dir.join(name), "<p>x</p>").unwrap();
    }
    let given = |glob: &str| sources(&extract(&[glob], &dir, b""));
    assert_eq!(given("*.html"), ["[x].html", "a.html", "x.html"]);
    assert_eq!(given("s/*"), ["s/b.html", "s/c.htm"]);
    assert_eq!(given("./s/**/*.html"), ["./s/b.html", "./s/t.html/d.html"]);
    assert_eq!(given("**/{b,d}.html"), ["s/b.html", "s/t.html/d.html"]);
    assert_eq!(given("[x].html"), ["[x].html"]);
    assert_eq!(given("[ax].html"), ["a.html", "x.html"]);
    let absolute = format!("{}/s/?.htm", dir.display());
    assert_eq!(given(&absolute), [absolute.replace('?', "c")]);
    for (glob, why) in [("*.css", "no file matches"), ("[a.html", "unclosed character class")] {
        let output = extract(&[glob], &dir, b"");
        assert_eq!(output.status.code(), Some(1));
        assert!(lines(&output)[0]["error"].as_str().unwrap().contains(why), "{output:?}");
    }
}

/// Promise: archives are recognised by content wherever they are, and each page is a line by its own name, damage included; members
/// that are no pages are counted. Provoked: a folder of them, names that say nothing, standard input, `--no-archives`.
#[test]
fn archives_are_taken_apart() {
    let dir = folder("archives");
    for name in ["crawl.warc.gz", "gnu.tar", "pages.zip", "page.html.gz"] {
        fs::copy(data(name), dir.join(name)).unwrap();
    }
    fs::copy(data("streamed.zip"), dir.join("nameless")).unwrap();
    let output = extract(&["--css", "t=title", ".", "nameless"], &dir, b"");
    let all = lines(&output);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    // 14 of the crawl, 5 of the tar, 1, 6 of the zip, 3 of the other; and nameless itself once, as a file of the folder.
    assert_eq!(all.len(), 14 + 5 + 1 + 6 + 3, "{all:?}");
    assert!(told.contains("12 other files skipped"), "{told}");
    let of = |source: &str| all.iter().find(|line| line["source"] == source).unwrap_or_else(|| panic!("{source}"));
    assert_eq!(of("http://t.example/8")["fields"]["t"], json!(["8"]));
    assert_eq!(of("./pages.zip#site/4.html.gz")["fields"]["t"], json!(["4"]));
    assert_eq!(of("nameless#2.html")["fields"]["t"], json!(["2"]));
    assert!(of("http://t.example/13")["error"].as_str().unwrap().contains("sdch"));
    assert!(of("./gnu.tar#site/5.html")["error"].as_str().unwrap().contains("empty"));
    let latin = of("http://t.example/10");
    assert_eq!(latin["note"], "decoded as windows-1252");
    assert_eq!(latin["encoding"], json!({"name": "windows-1252", "by": "header"}));

    let crawl = fs::read(data("crawl.warc.zst")).unwrap();
    assert_eq!(lines(&extract(&["-"], &dir, &crawl)).len(), 14);
    let output = extract(&["--no-archives", "crawl.warc.gz", "."], &dir, b"");
    assert_eq!(sources(&output), ["crawl.warc.gz"]);
    assert!(lines(&output)[0]["error"].as_str().unwrap().contains("binary"));
}

/// Promise: JSON Lines give a page a line. Provoked: a file and standard input, names from a field and from the line's number.
#[test]
fn json_lines_give_pages() {
    let dir = folder("json");
    fs::copy(data("pages.jsonl.zst"), dir.join("pages.jsonl.zst")).unwrap();
    let output = extract(&["--json-lines", "html", "--name-field", "url", "--css", "p=p", "."], &dir, b"");
    assert_eq!(sources(&output), ["http://t.example/1", "./pages.jsonl.zst#3", "./pages.jsonl.zst#4", "17"]);
    assert_eq!(lines(&output)[0]["fields"]["p"], json!(["café"]));
    let output =
        extract(&["--json-lines", "h", "--css", "p=p", "-"], &dir, b"{\"h\":\"<p>\\u0000\\n1\"}\n{\"h\":\"<p>2\"}");
    assert_eq!(sources(&output), ["-#1", "-#2"]);
}

/// Promise: memory is bounded whatever an archive holds, as the walker waits for the workers; and nothing is lost. Provoked: a
/// WARC many times as large as what may wait, made on the way, with two workers.
#[cfg(target_os = "linux")]
#[test]
fn a_long_crawl_takes_little_memory() {
    let dir = folder("crawl");
    let body =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>t</title>{}", "<!-- tide -->".repeat(20_000));
    let record = format!("WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {}\r\n\r\n{body}\r\n\r\n", body.len());
    // Enough to tell, even where nothing is optimised; more for those who ask: SLACKWATER_WARC_MB=2000.
    let megabytes = std::env::var("SLACKWATER_WARC_MB")
        .map_or(if cfg!(debug_assertions) { 80 } else { 2_000 }, |text| text.parse().unwrap());
    let times = megabytes * 1_000_000 / record.len();
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.args(["extract", "--css", "t=title", "--threads", "2", "-"]).current_dir(&dir);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || (0..times).for_each(|_| pipe.write_all(record.as_bytes()).unwrap()));
        child.wait_with_output().unwrap()
    });
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(lines(&output).len(), times, "{told}");
    let peak = told.split("peak memory ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let peak: f64 = peak.parse().unwrap();
    println!("{megabytes} MB of WARC: {peak} MB at most");
    assert!(peak < 100.0, "{told}");
}
