//! What `slackwater extract` writes, read back by parsers that are not its own; and what it says of itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

mod outputs;
#[path = "support/skipped.rs"]
mod skipped;

use outputs::{Line, command, extract, folder, names, of_json, of_parquet, of_table, records, told};

/// Values that have something in them that means something to some format.
fn hostile() -> Vec<Vec<String>> {
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    vec![
        list(&[]),
        list(&[""]),
        list(&["", ""]),
        list(&["\"", "\"\"", "a\"b"]),
        list(&["line\nend", "\r", "\r\n", "\n"]),
        list(&[",", "\t", ";", "|", "||", "a|b|", "\\", "\\|", "\\e", "e"]),
        list(&["=1+1", " leading", "trailing ", "null", "NULL", "[]", "{}", "#", "-"]),
        list(&["ä€𝄞\u{202e}x", "\u{feff}", "\u{2028}", "\u{7f}", "\u{1}"]),
        vec!["long|\\\"\n".repeat(30_000), "end".to_owned()],
        (0..5_000).map(|n| format!("v{n}")).collect(),
    ]
}

/// Pages with these values, and what any format has to say of them.
fn site(dir: &Path) -> Vec<Line> {
    fs::create_dir_all(dir.join("site")).unwrap();
    let mut lines = Vec::new();
    for (n, values) in hostile().into_iter().enumerate() {
        let mut page = String::from("<!doctype html><title>x</title>");
        for value in &values {
            let escaped: String = value.chars().map(|sign| format!("&#{};", u32::from(sign))).collect();
            // A reference to CR gives one, to 0x7f and 0x01 too, as the standard has it.
            page += &format!("<a title=\"{escaped}\"></a>");
        }
        // What is binary at the beginning of a page is let through later on.
        page += &format!("{}N\0N", " ".repeat(2_000));
        let source = format!("site/{n:02}.html");
        fs::write(dir.join(&source), page).unwrap();
        lines.push(Line { source, fields: Some(vec![values, vec!["N\0N".to_owned()]]), error: None, note: None });
    }
    fs::write(dir.join("site/90.html"), b"<title>caf\xe9</title>").unwrap();
    let note = Some("decoded as windows-1252".to_owned());
    lines.push(Line { source: "site/90.html".into(), fields: Some(vec![vec![], vec![]]), error: None, note });
    fs::write(dir.join("site/91, \"x\".html"), "").unwrap();
    lines.push(Line { source: "site/91, \"x\".html".into(), fields: None, error: Some(String::new()), note: None });
    lines
}

const FIELDS: [&str; 5] = ["--css", "v=a@title", "--regex", r"n=N\x00N", "site"];

fn run(dir: &Path, options: &[&str]) {
    let args: Vec<&str> = options.iter().chain(&FIELDS).copied().chain(["--ordered", "--quiet"]).collect();
    let output = extract(&args, dir);
    assert_eq!(output.status.code(), Some(1), "{options:?}: {}", told(&output));
}

/// `lines` but for the words of errors, which are none of a format's business; that there are some is.
fn without_words(mut lines: Vec<Line>) -> Vec<Line> {
    for line in &mut lines {
        if let Some(error) = &mut line.error {
            error.clear();
        }
    }
    lines
}

/// Promise: every format gives back every value as it was, empty lists and empty values apart. Provoked: what each format has a
/// meaning for, long values, many values, pages that failed.
#[test]
fn every_format_gives_back_every_value() {
    let dir = folder("formats");
    let wanted = site(&dir);
    run(&dir, &["-o", "out.jsonl"]);
    assert!(without_words(of_json(&dir.join("out.jsonl"), &["v", "n"])) == wanted);
    for (file, delimiter) in [("out.csv", b','), ("out.tsv", b'\t')] {
        for separator in ['|', ',', '\n', '…'] {
            let list = format!("join={separator}");
            run(&dir, &["-o", file, "--list", &list]);
            assert!(without_words(of_table(&dir.join(file), delimiter, separator)) == wanted, "{file} {list:?}");
        }
    }
    run(&dir, &["-o", "out.parquet"]);
    assert!(without_words(of_parquet(&dir.join("out.parquet"))) == wanted);
    run(&dir, &["-o", "resumable.parquet", "--resume"]);
    assert!(without_words(of_parquet(&dir.join("resumable.parquet"))) == wanted);
}

/// Promise: `--list json` has lists as JSON, `first` the first value, both as documented where there is none. Provoked: hostile
/// values.
#[test]
fn lists_can_be_json_or_their_first_value() {
    let dir = folder("lists");
    let wanted = site(&dir);
    for rule in ["json", "first"] {
        run(&dir, &["-o", "out.csv", "--list", rule]);
        let records = records(&fs::read(dir.join("out.csv")).unwrap(), b',');
        assert_eq!(records[0], ["source", "v", "n", "error", "note"]);
        for (record, line) in records[1..].iter().zip(&wanted) {
            let Some(fields) = &line.fields else {
                assert_eq!(record[1..3], ["", ""], "a page that failed has no lists, and not empty ones");
                continue;
            };
            match rule {
                "json" => assert!(serde_json::from_str::<Vec<String>>(&record[1]).unwrap() == fields[0]),
                _ => assert!(record[1] == fields[0].first().cloned().unwrap_or_default()),
            }
        }
        assert_eq!(records.len(), wanted.len() + 1);
    }
}

/// Reads what was written and prints it as the JSON lines of the same run, fields by name.
const PYTHON: &str = r#"
import csv, json, sys
csv.field_size_limit(1 << 30)
def values(cell):
    if cell == "": return []
    out, now, signs = [], [], iter(cell)
    for sign in signs:
        if sign == "\\":
            sign = next(signs)
            if sign != "e": now.append(sign)
        elif sign == "|": out.append("".join(now)); now = []
        else: now.append(sign)
    return out + ["".join(now)]
def table(path, delimiter):
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter=delimiter, strict=True):
            failed = row["error"] != ""
            yield (row["source"], None if failed else [values(row[n]) for n in "vn"], row["error"] or None, row["note"] or None)
def lines(path):
    for line in open(path, encoding="utf-8", newline="\n"):
        line = json.loads(line)
        failed = line["error"] is not None
        yield (line["source"], None if failed else [line["fields"][n] for n in "vn"], line["error"], line.get("note"))
def columns(path):
    import pyarrow.parquet
    table = pyarrow.parquet.read_table(path)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["source"] == kinds["error"] == kinds["note"] == "string", kinds
    assert all(kinds[n].startswith("list<element: string") for n in "vn"), kinds
    for row in table.to_pylist():
        yield (row["source"], None if row["v"] is None else [row[n] for n in "vn"], row["error"], row["note"])
wanted = list(lines("out.jsonl"))
assert len(wanted) == 12, len(wanted)
if "csv" in sys.argv:
    assert list(table("out.csv", ",")) == wanted
    assert list(table("out.tsv", "\t")) == wanted
if "parquet" in sys.argv:
    assert list(columns("out.parquet")) == wanted
    assert list(columns("resumable.parquet")) == wanted
print("the same", len(wanted))
"#;

fn python(dir: &Path, python: &str, what: &str) {
    fs::write(dir.join("read.py"), PYTHON).unwrap();
    let output = Command::new(python).args(["read.py", what]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(output.stdout, b"the same 12\n");
}

/// Promise: Python's csv module reads the tables as they were meant. Provoked: hostile values, both delimiters.
#[test]
fn python_reads_the_tables() {
    if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_err() {
        skipped::skipped("there is no python3, whose csv module was to be asked");
        return;
    }
    let dir = folder("python");
    site(&dir);
    for file in ["out.jsonl", "out.csv", "out.tsv"] {
        run(&dir, &["-o", file]);
    }
    python(&dir, "python3", "csv");
}

/// Promise: pyarrow reads what was written as Parquet, in one go and gone on with. Provoked: hostile values.
#[test]
#[ignore = "needs pyarrow: .ci/run outputs"]
fn pyarrow_reads_parquet() {
    let dir = folder("pyarrow");
    site(&dir);
    run(&dir, &["-o", "out.jsonl"]);
    run(&dir, &["-o", "out.parquet"]);
    run(&dir, &["-o", "resumable.parquet", "--resume"]);
    python(&dir, &std::env::var("SLACKWATER_PYTHON").unwrap(), "parquet");
}

/// Promise: shards have the names that are documented, are as full as was asked for, and hold each page once; what could be taken
/// for one is not left among them. Provoked: each kind of division, in each format.
#[test]
fn shards_divide_the_pages() {
    let dir = folder("shards");
    fs::create_dir(dir.join("site")).unwrap();
    for n in 0..25 {
        fs::write(dir.join(format!("site/{n:02}.html")), format!("<p>{}</p>", "x".repeat(n * 40))).unwrap();
    }
    let read = |file: &str| match file.rsplit('.').next().unwrap() {
        "parquet" => of_parquet(&dir.join(file)),
        "csv" => of_table(&dir.join(file), b',', '|'),
        _ => of_json(&dir.join(file), &["p"]),
    };
    for ending in ["jsonl", "csv", "parquet"] {
        for (options, count) in [(["--shards", "4"], 4), (["--shard-pages", "10"], 3), (["--shard-bytes", "1500"], 0)] {
            let name = format!("out.{ending}");
            let mut args = vec!["-o", name.as_str(), "--css", "p=p", "--ordered", "site"];
            args.extend(options);
            let output = extract(&args, &dir);
            assert_eq!(output.status.code(), Some(0), "{}", told(&output));
            let files: Vec<_> = names(&dir).into_iter().filter(|name| name != "site").collect();
            let shards: Vec<_> = files.iter().map(|file| read(file)).collect();
            let mut sources: Vec<_> = shards.iter().flatten().map(|line| line.source.clone()).collect();
            sources.sort();
            assert_eq!(sources.len(), 25);
            sources.dedup();
            assert_eq!(sources.len(), 25);
            for (n, file) in files.iter().enumerate() {
                match options[0] {
                    "--shards" => assert_eq!(*file, format!("out-{n:05}-of-00004.{ending}")),
                    _ => assert_eq!(*file, format!("out-{n:05}.{ending}")),
                }
            }
            match options[0] {
                "--shards" => assert!(shards.iter().all(|shard| [6, 7].contains(&shard.len()))),
                "--shard-pages" => assert_eq!(shards.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]),
                _ if ending == "parquet" => assert!(files.len() > 5),
                _ => assert!(files.iter().all(|file| fs::metadata(dir.join(file)).unwrap().len() <= 1500)),
            }
            assert!(count == 0 || files.len() == count);

            let again = extract(&args, &dir);
            assert_eq!(again.status.code(), Some(2));
            assert!(told(&again).contains("is there already"), "{}", told(&again));
            files.iter().for_each(|file| fs::remove_file(dir.join(file)).unwrap());
        }
    }
}

/// Promise: with `--failures` each page that failed is in that file, with kind and reason, and not in the output; without, it is in
/// the output. Provoked: several kinds, standard output and files.
#[test]
fn failures_have_a_file_of_their_own() {
    let dir = folder("failures");
    fs::write(dir.join("good.html"), "<p>x</p>").unwrap();
    fs::write(dir.join("empty.html"), "").unwrap();
    fs::write(dir.join("text.html"), "no page").unwrap();
    let pages = ["--css", "p=p", "--ordered", "good.html", "empty.html", "text.html", "gone.html"];
    let with = |more: &[&'static str]| more.iter().copied().chain(pages).collect::<Vec<_>>();
    let output = extract(&with(&["--failures", "bad.jsonl"]), &dir);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
    let text = fs::read_to_string(dir.join("bad.jsonl")).unwrap();
    let bad: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = bad.iter().map(|line| (&line["source"], &line["kind"])).map(|it| format!("{it:?}")).collect();
    let wanted = [("empty.html", "empty"), ("text.html", "not_html"), ("gone.html", "unreadable")];
    assert_eq!(kinds, wanted.map(|(source, kind)| format!("(String({source:?}), String({kind:?}))")));
    assert!(bad.iter().all(|line| line["reason"].as_str().is_some_and(|reason| !reason.is_empty())));

    assert_eq!(extract(&with(&["-o", "all.csv"]), &dir).status.code(), Some(1));
    assert_eq!(of_table(&dir.join("all.csv"), b',', '|').len(), 4);
    assert_eq!(extract(&with(&["-o", "some.csv", "--failures", "bad.jsonl"]), &dir).status.code(), Some(1));
    assert_eq!(of_table(&dir.join("some.csv"), b',', '|').len(), 1);
    assert_eq!(fs::read_to_string(dir.join("bad.jsonl")).unwrap(), text);
}

/// Promise: what does not go together is refused before anything is written, with what to do. Provoked: each of them.
#[test]
fn what_does_not_go_together_is_refused() {
    let dir = folder("refused");
    for (args, why) in [
        (&["--resume"][..], "name a file with -o"),
        (&["--shards", "3"], "--shards: several files need a name"),
        (&["--shard-pages", "3"], "--shard-pages: several files need a name"),
        (&["--no-archives", "--json-lines", "h"], "cannot be used with"),
        (&["--shards", "3", "--shard-pages", "4", "-o", "x"], "cannot be used with"),
        (&["--list", "json"], "--format csv"),
        (&["--list", "join=ab", "-o", "x.csv"], "one sign"),
        (&["--format", "xml"], "possible values"),
        (&["--css", "source=p", "-o", "x.csv"], "another name"),
        (&["--css", "note=p", "-o", "x.parquet"], "another name"),
        (&["-o", "x", "--failures", "x"], "give it another name"),
        (&["-o", "x", "--failures", "y", "--stats-to", "./y"], "give it another name"),
        (&["--failures", "-"], "give it a name"),
        (&["--checkpoint", "1"], "--resume"),
        (&["--shard-bytes", "0", "-o", "x"], "no size"),
    ] {
        let output = extract(args, &dir);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(told(&output).contains(why), "{args:?}: {}", told(&output));
        assert_eq!(names(&dir), [""; 0], "{args:?}");
    }
}

/// Promise: `--stats json` says on standard error what is documented, `--stats-to` in a file, both the same of what was done.
/// Provoked: a run with failures, quiet.
#[test]
fn statistics_are_json() {
    let dir = folder("stats");
    fs::write(dir.join("p.html"), "<p>x</p>").unwrap();
    let args = ["--quiet", "--stats", "json", "--stats-to", "stats.json", "p.html", "gone.html"];
    let output = extract(&args, &dir);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_str(told(&output)).unwrap();
    let wanted = serde_json::json!({"stats": 1, "end": "complete", "exit_code": 1, "pages": 2, "failed": 1,
        "failures": {"unreadable": 1}, "bytes": 8, "pages_before": 0, "other_files": 0});
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(told[name], *value, "{name}");
    }
    assert!(told["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(told["checkouts"]["count"], 2);
    let file: Value = serde_json::from_str(&fs::read_to_string(dir.join("stats.json")).unwrap()).unwrap();
    assert_eq!(file["failures"], told["failures"]);
}

/// Promise: each shell gets completions and `man` a page that names every option. Provoked: each of them; bash reads its own.
#[test]
fn shells_and_man_know_the_command() {
    let slackwater = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_slackwater")).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = slackwater(&["completions", shell]);
        assert!(script.contains("resume") && script.contains("parquet"), "{shell}");
    }
    let dir = folder("shells");
    fs::write(dir.join("bash"), slackwater(&["completions", "bash"])).unwrap();
    if let Ok(checked) = Command::new("bash").args(["-n", "bash"]).current_dir(&dir).status() {
        assert!(checked.success());
    }
    assert!(slackwater(&["man"]).starts_with(".ie"));
    let page = slackwater(&["man", "extract"]);
    let help = String::from_utf8(command(&["--help"], &dir).output().unwrap().stdout).unwrap();
    for option in help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2) {
        let option = option
            .trim_end_matches(|sign: char| !sign.is_ascii_lowercase())
            .split(['=', '[', '.', '\''])
            .next()
            .unwrap();
        assert!(page.contains(&option.replace('-', "\\-")), "{option}");
    }
    assert!(page.contains("Exit codes:"));
}
