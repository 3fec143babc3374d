//! `slackwater extract --report` and `--dashboard` from the outside, read by a parser that is not the writer's.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

/// A folder of its own for one test, emptied first.
fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract_report").join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn command(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.arg("extract").args(args).current_dir(folder).stdin(Stdio::null());
    command
}

fn extract(args: &[&str], folder: &Path) -> Output {
    command(args, folder).output().unwrap()
}

fn told(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A report that was parsed, and found to be one.
struct Report {
    source: String,
    html: Html,
}

impl Report {
    /// Reads it, and looks at what holds for every report: an element for each tag, nothing fetched, nothing that runs, each plot with its
    /// text, each table with its caption and as many cells in each row, numbers that are numbers, within their drawings.
    fn read(path: &Path) -> Report {
        let source = fs::read_to_string(path).unwrap();
        let report = Report { html: Html::parse_document(&source), source };
        let written = report
            .source
            .match_indices('<')
            .filter(|(at, _)| report.source[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic()));
        assert_eq!(report.all("*").count(), written.count(), "the parser added elements, or dropped some");
        for element in report.all("*") {
            let name = element.value().name();
            let fetches = [
                "script", "img", "iframe", "object", "embed", "link", "audio", "video", "base", "form", "image", "use",
            ];
            assert!(!fetches.contains(&name), "a <{name}>");
            for (attribute, value) in element.value().attrs() {
                assert!(
                    !attribute.starts_with("on") && !["src", "href", "srcset", "action"].contains(&attribute),
                    "{value}"
                );
                assert!(!value.contains("url("), "{value}");
                assert!(!value.contains("NaN") && !value.contains("inf "), "{attribute}={value}");
            }
        }
        let style = report.all("style").next().unwrap().text().collect::<String>();
        assert!(!style.contains("url(") && !style.contains("@import"));
        for part in ["prefers-color-scheme: dark", "@media print", "max-width: 620px"] {
            assert!(style.contains(part), "{part}");
        }
        for plot in report.all("svg") {
            assert!(plot.attr("aria-label").unwrap().len() > 20);
            stays_within(plot);
        }
        for table in report.all("table") {
            assert!(table.select(&css("caption")).next().is_some());
            let rows: Vec<usize> = table.select(&css("tr")).map(|row| row.select(&css("th, td")).count()).collect();
            assert!(rows.len() > 1 && rows.iter().all(|cells| *cells == rows[0]), "{rows:?}");
        }
        report
    }

    fn all(&self, selector: &str) -> impl Iterator<Item = ElementRef<'_>> + use<'_> {
        self.html.select(&css(selector)).collect::<Vec<_>>().into_iter()
    }

    fn text(&self, selector: &str) -> String {
        self.all(selector).map(|element| element.text().collect::<String>()).collect()
    }

    /// The number behind an element.
    fn value(&self, selector: &str) -> f64 {
        let element = self.all(selector).next().unwrap_or_else(|| panic!("no {selector}"));
        element.attr("value").unwrap().parse().unwrap()
    }

    /// The cells of the row with this head.
    fn row(&self, table: &str, head: &str) -> Vec<String> {
        let text = |element: ElementRef<'_>| element.text().collect::<String>().trim().to_owned();
        let rows = self.all(&format!("{table} tbody tr"));
        let cells = rows.map(|row| row.select(&css("th, td")).map(text).collect::<Vec<_>>());
        cells.into_iter().find(|cells| cells[0] == head).unwrap_or_else(|| panic!("no {head} in {table}"))[1..].to_vec()
    }
}

fn css(selector: &str) -> Selector {
    Selector::parse(selector).unwrap()
}

/// Every place in a drawing is in the drawing.
fn stays_within(plot: ElementRef<'_>) {
    let size: Vec<f64> = plot.attr("viewBox").unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
    for path in plot.select(&css("path")) {
        let numbers =
            path.attr("d").unwrap().split(|c: char| c.is_ascii_alphabetic() || c == ' ').filter(|n| !n.is_empty());
        assert!(
            numbers.map(|n| n.parse::<f64>().unwrap()).all(|n| (0.0..=size[2]).contains(&n)),
            "{:?}",
            path.attr("d")
        );
    }
    for other in plot.select(&css("text, rect, circle")) {
        for (name, most) in [("x", size[2]), ("cx", size[2]), ("y", size[3]), ("cy", size[3])] {
            let Some(place) = other.attr(name) else { continue };
            assert!((0.0..=most).contains(&place.parse::<f64>().unwrap()), "{name}={place}");
        }
    }
}

/// Promise: a report on a sound run has its plots and tables, needs nothing else, and its numbers are those of the lines and of the
/// summary. Provoked: the bundled pages, fields of both kinds.
#[test]
fn a_report_agrees_with_the_lines_and_the_summary() {
    let dir = folder("agrees");
    let output = extract(&["--threads", "2", "--report", "r.html", "--css", "t=title", "--regex", "e=E[0-9]+"], &dir);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let report = Report::read(&dir.join("r.html"));
    assert_eq!(report.text("#end"), "Complete");
    assert_eq!(report.value("#pages"), 12.0);
    assert_eq!((report.value("#bytes"), report.value("#failed")), (541_593.0, 0.0));
    assert!(told(&output).contains("(541593 bytes)"));
    let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(report.value("#pages"), lines as f64);

    assert_eq!(report.row("#percentiles", "times"), ["12", "12", "12", "24"]);
    assert!(told(&output).contains("24 checkouts"));
    let rates: f64 =
        report.all("#rates td:nth-child(3) data").map(|n| n.attr("value").unwrap().parse::<f64>().unwrap()).sum();
    assert_eq!(rates, 12.0);
    assert_eq!(report.all("#rates-plot svg").count(), 2, "one for a wide page, one for a phone");
    assert_eq!(report.all("#percentiles-plot svg").count(), 2);
    assert_eq!(report.all("#percentiles-plot svg.wide path.curve").count(), 4);
    assert_eq!(report.row("#pools", "created"), ["2", "2"]);
    assert_eq!(report.row("#pools", "checkouts"), ["12", "12"]);
    assert_eq!(report.row("#pools", "destroyed"), ["0", "0"]);
    assert!(report.row("#pools", "health").iter().all(|health| health.starts_with("healthy 100 of 100")));
    assert!(report.text("#failures").is_empty() && report.source.contains("No page failed."));
    assert_eq!(report.all("#slowest tbody tr").count(), 10);
    let slowest: Vec<u64> =
        report.all("#slowest td:nth-child(2) data").map(|took| took.attr("value").unwrap().parse().unwrap()).collect();
    assert!(slowest.is_sorted_by(|one, next| one >= next), "{slowest:?}");
    assert!(
        report.text("#command").ends_with(" extract --threads 2 --report r.html --css t=title --regex 'e=E[0-9]+'")
    );
    assert!(report.text(".facts").contains(concat!("slackwater ", env!("CARGO_PKG_VERSION"))));
    let times: Vec<&str> = report.all(".facts time").map(|time| time.attr("datetime").unwrap()).collect();
    assert!(times.len() == 2 && times[0] <= times[1] && times[0] > "2025", "{times:?}");
}

/// Promise: percentiles rise, and so do the curves, also where a thousand pages were timed. Provoked: many pages, fewer extractors
/// than threads.
#[test]
fn curves_and_percentiles_rise() {
    let dir = folder("rise");
    for n in 0..1_000 {
        fs::write(dir.join(format!("{n}.html")), "<p>x".repeat(1 + n % 97)).unwrap();
    }
    let output = extract(&["--threads", "4", "--pool-size", "1", "--report", "r.html", "--css", "p=p", "."], &dir);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let report = Report::read(&dir.join("r.html"));
    for column in 2..=4 {
        let cells = report.all(&format!("#percentiles tbody tr:not(:nth-child(-n+2)) td:nth-child({column}) data"));
        let times: Vec<u64> = cells.map(|cell| cell.attr("value").unwrap().parse().unwrap()).collect();
        assert!(times.len() >= 5 && times.is_sorted(), "{times:?}");
    }
    for curve in report.all("path.curve") {
        let corners: Vec<(f64, f64)> = curve.attr("d").unwrap()[1..]
            .split('L')
            .map(|corner| corner.split_once(' ').unwrap())
            .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
            .collect();
        assert!(corners.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 >= pair[1].1), "up and to the right");
    }
}

/// Promise: failures are counted by kind with examples, and nothing of a name or of an error is markup. Provoked: every kind that
/// files can have, names of markup, quotes, line ends, and of letters that turn the others around.
#[cfg(unix)]
#[test]
fn failures_are_counted_and_hostile_names_are_text() {
    let dir = folder("hostile");
    let hostile = "<img src=x onerror=alert(1)>\"'&amp;\u{202e}\n.html";
    let markup = "<p>fine</p>";
    for (name, bytes) in [
        (hostile, &b"no tags"[..]),
        ("</code></table><script>alert(2)<!--.html", b""),
        ("picture.html", b"\x89PNG\r\n\x1a\n\0\0"),
        ("large.html", &b"<p>".repeat(999)),
        ("fine.html", markup.as_bytes()),
    ] {
        fs::create_dir_all(dir.join("site")).unwrap();
        fs::write(dir.join("site").join(name.replace('/', "\u{2215}")), bytes).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", dir.join("site/link<b>.html")).unwrap();
    let field = "x=p</code><i title='\">";
    let args = ["--max-bytes", "1000", "--report", "r.html", "--regex", field, "site", "missing<u>.html"];
    let output = extract(&args, &dir);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let report = Report::read(&dir.join("r.html"));
    assert_eq!(report.text("#end"), "Complete, 6 failed");
    assert_eq!((report.value("#pages"), report.value("#failed")), (7.0, 6.0));
    for kind in ["text without HTML tags", "empty", "binary data", "larger than --max-bytes", "cannot be read"] {
        assert_eq!(report.row("#failures", kind)[0], "1", "{kind}");
    }
    assert_eq!(report.row("#failures", "folder or link that leads nowhere")[0], "1");
    let lines: Vec<Value> =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let mut failed = 0;
    for line in lines.iter().filter(|line| !line["error"].is_null()) {
        // What cannot be seen in a line is shown by name.
        let source = line["source"].as_str().unwrap().replace('\n', "␊").replace('\u{202e}', "\\u{202e}");
        assert!(report.all(".examples code").any(|code| code.text().collect::<String>() == source), "{source}");
        let error = line["error"].as_str().unwrap();
        assert!(report.text(".why").contains(error) || report.text(".examples").contains(error), "{error}");
        failed += 1;
    }
    assert_eq!(failed, 6);
    assert_eq!(report.text(".facts .plain code"), field);
    assert!(report.text(".notable").contains("6 of 7 pages failed (86 %)"));
}

/// Promise: a run without pages, and one in which all fail, has a report too. Provoked: an empty folder, a file that is not there.
#[test]
fn nothing_and_nothing_but_failures_are_worth_a_report() {
    let dir = folder("nothing");
    fs::create_dir(dir.join("empty")).unwrap();
    assert_eq!(extract(&["--report", "r.html", "empty"], &dir).status.code(), Some(0));
    let report = Report::read(&dir.join("r.html"));
    assert_eq!((report.value("#pages"), report.value("#rate"), report.value("#failed")), (0.0, 0.0, 0.0));
    assert_eq!(report.all("svg").count(), 0);
    assert!(report.source.contains("No page was finished.") && report.source.contains("Nothing was timed."));

    assert_eq!(extract(&["--report", "r.html", "missing.html"], &dir).status.code(), Some(1));
    let report = Report::read(&dir.join("r.html"));
    assert_eq!((report.value("#pages"), report.value("#failed")), (1.0, 1.0));
    assert_eq!(report.row("#percentiles", "times"), ["1"], "there was no extractor to wait for");
}

/// Promise: a report replaces its file at the end, leaves nothing else behind, and is refused before the run where it cannot be.
/// Provoked: an old file, a folder that is not there, a folder of that name, the name of the lines, no name.
#[test]
fn a_report_is_written_like_the_lines() {
    let dir = folder("places");
    fs::write(dir.join("r.html"), "old").unwrap();
    assert_eq!(extract(&["-q", "--report", "r.html"], &dir).status.code(), Some(0));
    assert_eq!(Report::read(&dir.join("r.html")).value("#pages"), 12.0);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    fs::create_dir(dir.join("folder")).unwrap();
    for (args, code, why) in [
        (&["--report", "no/such/r.html"][..], 3, "cannot write the report no/such/r.html: No such file"),
        (&["--report", "folder"], 3, "another place with --report"),
        (&["--report", "-"], 2, "give it a name"),
        (&["--report", "folder/../lines", "-o", "./lines"], 2, "give it another name"),
    ] {
        let output = extract(args, &dir);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        assert!(told(&output).contains(why), "{}", told(&output));
        assert!(output.stdout.is_empty(), "{args:?}: the run began");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "{args:?} left something behind");
    }
}

/// Promise: a run whose output cannot be written, or is closed early, has a report that says so. Provoked: a device that is always
/// full, a reader that leaves.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_fails_is_reported() {
    let dir = folder("fails");
    let full = fs::File::create("/dev/full").unwrap();
    let output = command(&["--report", "r.html"], &dir).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let report = Report::read(&dir.join("r.html"));
    assert!(
        report.text("#end").starts_with("Failed: cannot write to standard output: No space left"),
        "{}",
        report.text("#end")
    );

    fs::write(dir.join("p.html"), format!("<p>{}</p>", "x".repeat(50_000))).unwrap();
    let mut args = vec!["--ordered", "--css", "p=p", "--report", "r.html"];
    args.extend(["p.html"; 2_000]);
    let mut child = command(&args, &dir).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 1]).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let report = Report::read(&dir.join("r.html"));
    assert_eq!(report.text("#end"), "Cut short: whoever read the output closed it");
    assert!(report.value("#pages") < 2_000.0);
}

/// Starts a run that does not end by itself: its second page comes from a pipe that stays open. Returns once the first line is there.
#[cfg(unix)]
fn endless(args: &[&str], dir: &Path) -> (std::process::Child, impl BufRead + use<>) {
    fs::write(dir.join("p.html"), "<p>first</p>").unwrap();
    let args = [&["--threads", "1", "--css", "p=p"], args, &["p.html", "-"]].concat();
    let mut command = command(&args, dir);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    (child, lines)
}

#[cfg(unix)]
fn signal(child: &std::process::Child, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

/// Promise: an interrupted run ends soon, with the pages in hand finished, a report that says so, no file of `-o`, and nothing left
/// behind. Provoked: a signal in the midst of far more pages than it can have done by then.
#[cfg(unix)]
#[test]
fn an_interrupted_run_is_reported_as_far_as_it_came() {
    for (name, code, word) in [("INT", 130, "interrupted"), ("TERM", 143, "terminated")] {
        let dir = folder(&format!("signal-{name}"));
        fs::write(dir.join("p.html"), "<p>x".repeat(20_000)).unwrap();
        let mut args = vec!["--css", "p=p", "--report", "r.html"];
        args.extend(["p.html"; 5_000]);
        let mut child = command(&args, &dir).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut String::new()).unwrap();
        signal(&child, name);
        let rest = lines.lines().map(|line| line.unwrap().ends_with('}')).filter(|whole| *whole).count();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        let report = Report::read(&dir.join("r.html"));
        assert_eq!(report.value("#pages"), (rest + 1) as f64, "a line for each page that was finished");
        assert!(report.value("#pages") < 5_000.0);
        assert!(report.text("#end").starts_with(&format!("Cut short: {word} after ")), "{}", report.text("#end"));
        assert!(told(&output).contains(&format!("error: {word} after {} pages", rest + 1)), "{}", told(&output));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
    }
}

/// Promise: also a run that is stuck ends, with its report and without its file of `-o`. Provoked: a page that never comes.
#[cfg(unix)]
#[test]
fn an_interrupted_run_that_is_stuck_is_given_up() {
    let dir = folder("stuck");
    let (child, _lines) = endless(&["--report", "r.html"], &dir);
    signal(&child, "INT");
    let mut child = child;
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert_eq!(Report::read(&dir.join("r.html")).value("#pages"), 1.0);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
}

/// Promise: `-o` of an interrupted run is not written, and what was there before stays. Provoked: an old file.
#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_the_old_file_of_lines() {
    let dir = folder("old-lines");
    fs::write(dir.join("p.html"), "<p>x</p>").unwrap();
    fs::write(dir.join("lines"), "old").unwrap();
    let args = ["--css", "p=p", "-o", "lines", "--dashboard", "p.html", "-"];
    let mut child = command(&args, &dir).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    // Once it serves, signals are held back and the run begins.
    let mut told = BufReader::new(child.stderr.take().unwrap());
    told.read_line(&mut String::new()).unwrap();
    signal(&child, "INT");
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    drop(stdin);
    assert!(rest.contains("the file of -o was not written"), "{rest}");
    assert_eq!(fs::read_to_string(dir.join("lines")).unwrap(), "old");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
}

/// One request to the live page; `None` if nobody is there.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Promise: the live page is served while the run lasts and not longer, shows both pools, and its address is told. Provoked: a run
/// that lasts until it is let go.
#[cfg(unix)]
#[test]
fn the_live_page_lasts_as_long_as_the_run() {
    let dir = folder("live");
    let (mut child, lines) = endless(&["--dashboard", "--regex", "r=f.*t"], &dir);
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    let address =
        line.strip_prefix("live page: http://").and_then(|rest| rest.strip_suffix("/\n")).expect("an address");
    assert!(get(address, "/").unwrap().contains("<!doctype html>"));
    let pools = get(address, "/pools.json").unwrap();
    assert!(pools.contains("\"css\"") && pools.contains("\"regex\""), "{pools}");
    assert!(get(address, "/health").unwrap().starts_with("HTTP/1.1 200"));
    child.stdin.take().unwrap().write_all(b"<p>last</p>").unwrap();
    assert_eq!(lines.lines().count(), 1);
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains(&format!("so is the live page at http://{address}/")), "{rest}");
    assert_eq!(get(address, "/"), None);
}

/// Promise: an address that is taken, open to others or no address is refused before anything is written, with what would help.
/// Provoked: each of them.
#[test]
fn an_address_that_will_not_do_is_refused_before_the_start() {
    let dir = folder("addresses");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("--dashboard={}", taken.local_addr().unwrap());
    for (option, code, why) in [
        (&*taken, 3, "give another port, or 0"),
        ("--dashboard=0.0.0.0:0", 2, "serve on 127.0.0.1"),
        ("--dashboard=9188", 2, "give one like"),
    ] {
        let output = extract(&[option, "-o", "lines", "--report", "r.html"], &dir);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        assert!(told(&output).contains("--dashboard: ") && told(&output).contains(why), "{}", told(&output));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    }
    // A folder after the bare option is a folder, not an address.
    assert_eq!(extract(&["--dashboard", "."], &dir).status.code(), Some(0));
}
