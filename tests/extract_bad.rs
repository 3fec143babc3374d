//! `slackwater extract` on pages made to do harm: each gets its line, with an answer or an error, in bounded time and memory, and
//! none of the pages beside it is lost.
#![cfg(feature = "cli")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

/// Nothing here comes near it; what does would take hours.
const FOREVER: Duration = Duration::from_secs(90);

/// Megabytes a run may take at most, whatever the page.
const MEGABYTES: f64 = 700.0;

/// A folder of its own for one test with these pages in it, and a good one before and behind.
fn site(test: &str, pages: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract_bad").join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    for (name, bytes) in pages {
        fs::write(path.join(name), bytes).unwrap();
    }
    for good in ["0.html", "z.html"] {
        fs::write(path.join(good), "<title>tide</title><b>ebb</b>").unwrap();
    }
    path
}

/// A run over a folder; `stdin` is written until nobody reads it.
fn run(args: &[&str], folder: &Path, stdin: impl Iterator<Item = Vec<u8>> + Send) -> (Vec<Value>, Output) {
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.args(["extract", "--ordered"]).args(args).current_dir(folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.map_while(|part| pipe.write_all(&part).ok()).count());
        child.wait_with_output().unwrap()
    });
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{told}");
    assert!(begun.elapsed() < FOREVER, "{told}");
    if let Some(peak) = told.split("peak memory ").nth(1) {
        let peak: f64 = peak.split(' ').next().unwrap().parse().unwrap();
        assert!(peak < MEGABYTES, "{told}");
    }
    let text = std::str::from_utf8(&output.stdout).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output)
}

/// Every page of the folder with these fields: its line, by its name. The good ones are looked at here.
fn all(args: &[&str], folder: &Path) -> impl Fn(&str) -> Value + use<> {
    let of = each(args, folder);
    for good in ["0.html", "z.html"] {
        assert_eq!((&of(good)["error"], &of(good)["fields"]["good"]), (&Value::Null, &json!(["ebb"])));
    }
    of
}

/// The same without a look at the good ones: where the time is so short that they, too, may be too late on a busy machine.
fn each(args: &[&str], folder: &Path) -> impl Fn(&str) -> Value + use<> {
    let (lines, output) = run(&[args, &["--css", "good=b", "."]].concat(), folder, std::iter::empty());
    let files = fs::read_dir(folder).unwrap().count();
    assert_eq!(lines.len(), files, "{}", String::from_utf8_lossy(&output.stderr));
    move |name: &str| {
        let source = format!("./{name}");
        lines.iter().find(|line| line["source"] == *source).unwrap_or_else(|| panic!("no line for {name}")).clone()
    }
}

fn error(line: &Value) -> &str {
    line["error"].as_str().unwrap_or_else(|| panic!("no error for {}", line["source"]))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Promise: elements nested 100,000 deep are an answer for selectors that look up, and an error for `:has(...)`, which looks down.
/// Provoked: a selector of each kind, on elements of several kinds.
#[test]
fn deep_nesting_is_an_answer_or_an_error() {
    let deep = |open: &str| format!("<p>{}<b>ebb</b>", open.repeat(100_000)).into_bytes();
    let dir = site("deep", &[("1.html", deep("<div>")), ("2.html", deep("<ul><li>")), ("3.html", deep("<svg>"))]);
    let of = all(&["--css", "x=b:not(i b)"], &dir);
    for page in ["1.html", "2.html", "3.html"] {
        assert_eq!(of(page)["fields"], json!({"x": ["ebb"], "good": ["ebb"]}), "{page}");
    }
    let of = all(&["--css", "x=:is(h1, :has(i))"], &dir);
    for page in ["1.html", "2.html", "3.html"] {
        assert!(error(&of(page)).contains("nested more than 2000 deep"), "{page}");
    }
}

/// Promise: a selector that matches everything gives everything, and an error where that is far more than the page. Provoked: a
/// text below 20,000 elements, each of which has it all.
#[test]
fn a_selector_that_matches_everything_takes_bounded_memory() {
    let nested = format!("{}{}", "<div>".repeat(20_000), "ebb ".repeat(50_000));
    let flat = "<i>x</i>".repeat(1_000);
    let dir = site("everything", &[("nested.html", nested.into_bytes()), ("flat.html", flat.into_bytes())]);
    let of = all(&["--css", "x=*"], &dir);
    assert!(error(&of("nested.html")).contains("its values take more than"));
    // html, head, body and the others.
    assert_eq!(of("flat.html")["fields"]["x"].as_array().unwrap().len(), 1_003);
}

/// Promise: a page that opens the same elements again and again takes bounded memory. Provoked: 5,000 formatting elements that are
/// never closed, before 120,000 paragraphs: the standard has 600,000,000 elements come of it.
#[test]
fn elements_that_are_never_closed_take_bounded_memory() {
    let formatting: String = (0..5_000).map(|n| format!("<i x={n}>")).collect();
    let page = format!("<p>{formatting}{}", "<p>a".repeat(120_000));
    let dir = site("opened", &[("1.html", page.into_bytes())]);
    assert!(error(&all(&[], &dir)("1.html")).contains("nodes: elements that it never closes"));
}

/// Promise: what takes longer than `--page-timeout` is a line that says so, wherever the time goes. Provoked: a walk up from each of
/// 100,000 nested elements, a look at all siblings before each of 200,000, the texts below each of 100,000 elements, a pattern whose
/// every match reads to the end, and a tree that the standard makes in time that grows with the square.
#[test]
fn a_page_that_takes_too_long_is_given_up() {
    let nested = ["<p>", &*"<u>".repeat(100_000)].concat().into_bytes();
    let siblings = format!("<p>{}", "<br>".repeat(200_000)).into_bytes();
    let formatting = (0..60_000).map(|n| format!("<b x={n}>")).collect::<String>().into_bytes();
    let letters = [b"<p>".to_vec(), b"a".repeat(1_000_000)].concat();
    for (name, field, page) in [
        ("up", "--css=x=i u", &nested),
        ("siblings", "--css=x=i ~ br", &siblings),
        ("below", "--css=x=u", &nested),
        ("matches", "--regex=x=a|a.*z", &letters),
        ("tree", "--css=x=i", &formatting),
    ] {
        let dir = site(name, &[("1.html", page.clone())]);
        let of = all(&[field, "--page-timeout", "0.2"], &dir);
        let why = error(&of("1.html")).to_owned();
        assert!(why.starts_with("extraction took longer than 0.2 seconds"), "{name}: {why}");
    }
}

/// Promise: pages without a tree have the same bounds, under either engine that goes without. Provoked: large pages whose time goes where no
/// field looks, whose values are many times the page, and whose elements or attributes never end.
#[test]
fn pages_without_a_tree_have_the_same_bounds() {
    let names: String = (0..400_000).map(|n| format!("<x{n}></x{n}>")).collect();
    let whole = |body: &str| format!("<html><head></head><body>{body}</body></html>").into_bytes();
    let nested =
        |text: usize| whole(&format!("{}{}{}", "<div>".repeat(350), "ebb ".repeat(text), "</div>".repeat(350)));
    for engine in ["auto", "streaming"] {
        let site_of = |name: &str, page: Vec<u8>| site(&format!("{engine}_{name}"), &[("1.html", page)]);
        let run = |name: &str, page: Vec<u8>, args: &[&str]| {
            all(&[args, &["--engine", engine]].concat(), &site_of(name, page))("1.html")
        };
        let hurried = ["--css", "x=i:nth-child(2)", "--page-timeout", "0.001", "--engine", engine];
        let slow = each(&hurried, &site_of("slow", whole(&names)))("1.html");
        assert!(error(&slow).starts_with("extraction took longer than 0.001 seconds"), "{engine}: {slow}");
        let greedy = run("greedy", nested(1 << 20), &["--css", "x=div"]);
        assert!(error(&greedy).contains("its values take more than"), "{engine}: {greedy}");
        let open = run("open", format!("<p>{}", "<x>".repeat(3_000_000)).into_bytes(), &["--css", "x=i"]);
        let tag = run("tag", whole(&format!("<p{}>x</p>", " a".repeat(4_000_000))), &["--css", "x=p[b]"]);
        // Attributes take no memory.
        assert_eq!(tag["error"], Value::Null);
        match engine {
            // Not plain: the tree has it.
            "auto" => assert_eq!(open["error"], Value::Null),
            _ => assert!(error(&open).contains("the streaming engine needs more than"), "{open}"),
        }
    }
}

/// Promise: patterns take time that grows with the page, also those that take for ever elsewhere. Provoked: nested repetitions.
#[test]
fn patterns_that_backtrack_elsewhere_do_not_here() {
    let dir = site("backtrack", &[("1.html", [b"<p>".to_vec(), b"a".repeat(300_000)].concat())]);
    let fields =
        ["--regex", "x=^<p>(a+)+$x", "--regex", "y=(?:a|aa)+[bc]", "--regex", "z=<p>(?:a*)*b", "--regex", "w=(a+a+)+$"];
    let line = all(&fields, &dir)("1.html");
    let of = |name: &str| line["fields"][name].as_array().unwrap().len();
    assert_eq!((of("x"), of("y"), of("z"), of("w")), (0, 0, 0, 1));
}

/// Promise: NUL bytes are a binary file near its beginning, and elsewhere what the standard makes of them. Provoked: both, in names of
/// tags and attributes, in values, text, comments, scripts and the document type.
#[test]
fn nul_bytes_are_an_answer_or_an_error() {
    let comment = format!("<!--{}-->", "x".repeat(2_000));
    let page =
        format!("{comment}<!doctype\0html><b\0 a=1>\0<i a\0='\0'>x\0y</i><script>\0</script><!--\0--></b\0>&\0amp;");
    let dir = site("nul", &[("1.html", page.into_bytes()), ("2.html", b"<p>\0</p>".to_vec())]);
    let of = all(&["--css", "x=i", "--css", "y=i@a\u{FFFD}", "--css", "z=script"], &dir);
    assert_eq!(of("1.html")["fields"], json!({"x": ["xy"], "y": ["\u{FFFD}"], "z": ["\u{FFFD}"], "good": []}));
    assert!(error(&of("2.html")).contains("binary"));
}

/// Promise: a page whose label lies is read by its bytes, and says so. Provoked: labels of other encodings, and of none.
#[test]
fn wrong_labels_are_seen_through() {
    let page =
        |label: &str, text: &[u8]| [b"<meta charset=".as_slice(), label.as_bytes(), b"><b>", text, b"</b>"].concat();
    let dir = site(
        "labels",
        &[
            ("1.html", page("shift_jis", "ébb".as_bytes())),
            ("2.html", page("utf-16", "ébb".as_bytes())),
            ("3.html", page("utf-8", b"\xE9bb")),
            ("4.html", page("nonsense", b"\xE9bb")),
            ("5.html", page("utf-7", b"+AOk-bb")),
        ],
    );
    let of = all(&[], &dir);
    for (name, text, note) in [
        ("1.html", "ébb", Value::Null),
        ("2.html", "ébb", Value::Null),
        ("3.html", "\u{FFFD}bb", json!("decoded as UTF-8, broken bytes replaced by U+FFFD")),
        ("4.html", "ébb", json!("decoded as windows-1252")),
        ("5.html", "+AOk-bb", Value::Null),
    ] {
        assert_eq!((&of(name)["fields"]["good"], &of(name)["note"]), (&json!([text]), &note), "{name}");
    }
}

/// Promise: what is packed badly costs itself alone. Provoked: gzip that was cut, one that was changed, a bomb, and chunks that lie
/// between good records of a crawl.
#[test]
fn what_is_packed_badly_costs_itself_alone() {
    let whole = gzip("<b>ebb</b> <i>and flow</i>".repeat(500).as_bytes());
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xFF;
    // Unoptimised, the test itself takes long over more.
    let bomb = gzip(&vec![b' '; if cfg!(debug_assertions) { 10 << 20 } else { 200 << 20 }]);
    let dir = site(
        "packed",
        &[("cut.html.gz", whole[..whole.len() / 2].to_vec()), ("flipped.html.gz", flipped), ("bomb.html.gz", bomb)],
    );
    let of = all(&["--max-bytes", "4000000"], &dir);
    assert!(error(&of("cut.html.gz")).contains("gzip ends in the middle"));
    assert!(error(&of("flipped.html.gz")).contains("gzip"));
    assert!(error(&of("bomb.html.gz")).contains("--max-bytes"));

    let record = |body: &str| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n";
        let length = head.len() + body.len();
        format!("WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {length}\r\n\r\n{head}{body}\r\n\r\n").into_bytes()
    };
    let good = record("a\r\n<b>ebb</b>\r\n0\r\n\r\n");
    let bad = ["zz\r\n<b>ebb</b>", "ffffffffffffffffff\r\nx", "3\r\n<b>ebb</b>\r\n0\r\n\r\n", "5\r\n<b>", "9"];
    let crawl: Vec<Vec<u8>> = bad.iter().flat_map(|bad| [good.clone(), record(bad)]).chain([good.clone()]).collect();
    let (lines, _) = run(&["--css", "x=b", "-"], &dir, crawl.into_iter());
    assert_eq!(lines.len(), 2 * bad.len() + 1);
    for (n, line) in lines.iter().enumerate() {
        match n % 2 {
            0 => assert_eq!(line["fields"]["x"], json!(["ebb"]), "{n}"),
            _ => assert!(error(line).contains("chunk"), "{line}"),
        }
    }
}

/// Promise: a line without end is refused in the memory of a page, and the lines beside it are pages. Provoked: a gigabyte in a file
/// and, between two others, in JSON Lines; 100 MB where nothing is optimised.
#[test]
fn a_gigabyte_in_one_line_is_refused_in_bounded_memory() {
    let megabytes = if cfg!(debug_assertions) { 100 } else { 1 << 10 };
    let dir = site("line", &[("1.html", b"<b>".to_vec())]);
    fs::OpenOptions::new().write(true).open(dir.join("1.html")).unwrap().set_len(megabytes << 20).unwrap();
    assert!(error(&all(&[], &dir)("1.html")).contains("--max-bytes"));

    let good = || std::iter::once(b"{\"h\":\"<b>ebb</b>\"}\n".to_vec());
    let long = (0..megabytes).map(|_| vec![b'x'; 1 << 20]);
    let (lines, _) = run(
        &["--json-lines", "h", "--css", "x=b", "-"],
        &dir,
        good().chain(long).chain([b"\n".to_vec()]).chain(good()),
    );
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["fields"]["x"], &lines[2]["fields"]["x"]), (&json!(["ebb"]), &json!(["ebb"])));
    assert!(error(&lines[1]).contains("--max-bytes"));
}
