//! `slackwater extract --resume`: whatever ends a run, the next one goes on, and each page is in the output once.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

mod outputs;

use outputs::{Line, command, extract, folder, names, of_json, of_parquet, of_table, told};

/// Pages of all kinds: some with much on them, some that fail, one name twice.
fn site(test: &str, pages: usize) -> PathBuf {
    let dir = folder(test);
    fs::create_dir_all(dir.join("site")).unwrap();
    for n in 0..pages {
        let page = match n % 10 {
            3 => "no page".to_owned(),
            7 => format!("<title>{n}</title>{}", "<p>much|of\\it\"\n</p>".repeat(200)),
            _ => format!("<title>{n}</title><p></p><p>line\r\n{n}</p>"),
        };
        fs::write(dir.join(format!("site/{n:05}.html")), page).unwrap();
    }
    dir
}

const FIELDS: [&str; 4] = ["--css", "t=title", "--css", "p=p"];
const INPUT: [&str; 3] = ["site", "site/00001.html", "missing.html"];

/// Outputs of each kind: the name of `-o`, and further options.
const KINDS: [(&str, &[&str]); 9] = [
    ("out.jsonl", &[]),
    ("out.csv", &["--failures", "failed.jsonl"]),
    ("out.tsv", &["--shard-pages", "37"]),
    ("out.jsonl", &["--shard-bytes", "20k", "--failures", "failed.jsonl"]),
    ("out.csv", &["--shards", "3"]),
    ("out.parquet", &[]),
    ("out.parquet", &["--failures", "failed.jsonl"]),
    ("out.parquet", &["--shard-pages", "101"]),
    ("out.parquet", &["--shards", "2", "--failures", "failed.jsonl"]),
];

fn arguments(output: &'static str, options: &[&'static str]) -> Vec<&'static str> {
    let mut args = vec!["-o", output, "--resume", "--checkpoint", "0", "--quiet"];
    args.extend(FIELDS);
    args.extend(options);
    args.extend(INPUT);
    args
}

/// Everything a finished run left: texts as they are, Parquet by its rows, as its row groups may be divided otherwise.
fn result(dir: &Path) -> Vec<(String, Vec<Line>, Vec<u8>)> {
    let files = names(dir).into_iter().filter(|name| name != "site");
    files
        .map(|name| {
            let path = dir.join(&name);
            if name.ends_with(".parquet") {
                (name, of_parquet(&path), Vec::new())
            } else {
                (name, Vec::new(), fs::read(path).unwrap())
            }
        })
        .collect()
}

/// What a run leaves that nothing disturbs.
fn undisturbed(dir: &Path, output: &'static str, options: &[&'static str]) -> Vec<(String, Vec<Line>, Vec<u8>)> {
    let done = extract(&arguments(output, options), dir);
    assert_eq!(done.status.code(), Some(1), "{}", told(&done));
    let result = result(dir);
    clear(dir);
    result
}

fn clear(dir: &Path) {
    names(dir).iter().filter(|name| *name != "site").for_each(|name| fs::remove_file(dir.join(name)).unwrap());
}

/// Random numbers, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

fn wait_until(moment: Instant, child: &mut Child) {
    while Instant::now() < moment && child.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
}

/// How often each kind of output is made anew under kills; raised for a long search.
fn rounds() -> usize {
    std::env::var("SLACKWATER_KILL_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(2)
}

/// Promise: after kills at any moment the files are those of a run that was never killed: no page lost, none twice, nothing
/// left over. Provoked: SIGKILL at random moments, run after run until one gets through, for each format and division.
#[test]
fn kills_lose_nothing_and_repeat_nothing() {
    let mut random = Random(0x5eed_1234_5678_9abc);
    let (mut kills, mut gone_on) = (0, 0);
    for (n, (output, options)) in KINDS.into_iter().enumerate() {
        let dir = site(&format!("kills-{n}"), 400);
        let begun = Instant::now();
        let wanted = undisturbed(&dir, output, options);
        let time = begun.elapsed();
        for _ in 0..rounds() {
            for attempt in 0.. {
                let mut child = command(&arguments(output, options), &dir).stderr(Stdio::piped()).spawn().unwrap();
                // The later, the more likely to get through: the search ends.
                let limit = time.as_micros() as u64 * (10 + attempt) / 10;
                wait_until(Instant::now() + Duration::from_micros(random.below(limit)), &mut child);
                let _ = child.kill();
                let done = child.wait_with_output().unwrap();
                if done.status.signal().is_none() {
                    assert_eq!(done.status.code(), Some(1), "{output} {options:?}: {}", told(&done));
                    break;
                }
                kills += 1;
                let journal = dir.join(format!(".{output}.resume"));
                gone_on += usize::from(fs::read_to_string(journal).is_ok_and(|text| text.lines().count() > 1));
                // Killed after its last act, it is not to be done again.
                if result_is_there(&dir, output, &wanted) {
                    break;
                }
            }
            assert!(result(&dir) == wanted, "{output} {options:?}");
            clear(&dir);
        }
    }
    println!("{kills} kills, {gone_on} of them with a checkpoint to go on from");
    assert!(gone_on > 0);
}

fn result_is_there(dir: &Path, output: &str, wanted: &[(String, Vec<Line>, Vec<u8>)]) -> bool {
    !dir.join(format!(".{output}.resume")).exists() && names(dir).len() == wanted.len() + 1
}

/// Promise: also a kill between the last page and the last name is made good. Provoked: SIGKILL as soon as the journal says that
/// all pages are there, again and again.
#[test]
fn kills_while_files_get_their_names_are_made_good() {
    let mut hits = 0;
    for (n, (output, options)) in KINDS.into_iter().enumerate() {
        let dir = site(&format!("names-{n}"), 60);
        let wanted = undisturbed(&dir, output, options);
        let journal = dir.join(format!(".{output}.resume"));
        for _ in 0..3 * rounds() {
            let mut child = command(&arguments(output, options), &dir).stderr(Stdio::null()).spawn().unwrap();
            while child.try_wait().unwrap().is_none() {
                if fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"complete\":true")) {
                    break;
                }
            }
            let _ = child.kill();
            child.wait().unwrap();
            if journal.exists() {
                hits += 1;
                let done = extract(&arguments(output, options), &dir);
                assert_eq!(done.status.code(), Some(1), "{output} {options:?}: {}", told(&done));
            }
            assert!(result(&dir) == wanted, "{output} {options:?}");
            clear(&dir);
        }
    }
    println!("{hits} kills between the last page and the last name");
    assert!(hits > 0);
}

/// A run that has done so many pages of `site` at least, and waits for its next page, standard input.
fn waiting(args: &[&str], dir: &Path, pages: u64) -> Child {
    let mut child = command(args, dir).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_through = |text: String| {
        let last: Option<serde_json::Value> = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
        last.is_some_and(|last| last["pages"].as_u64() >= Some(pages))
    };
    while !fs::read_to_string(dir.join(".out.jsonl.resume")).is_ok_and(is_through) {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "no checkpoint");
        thread::yield_now();
    }
    // More than a pipe holds: this returns once it is being read.
    let begin = format!("<p>{}</p>", "late".repeat(20_000));
    child.stdin.as_mut().unwrap().write_all(begin.as_bytes()).unwrap();
    child
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

/// Promise: the exit code is that of the whole output. Provoked: the only page that fails was done by the run that was interrupted.
#[test]
fn failures_of_an_earlier_run_count_in_the_exit_code() {
    let dir = site("failed_before", 20);
    let args = "-o out.jsonl --resume --checkpoint 0 --no-archives --threads 1 --css t=title missing.html site - site/00001.html";
    let args: Vec<&str> = args.split(' ').collect();
    let mut child = waiting(&args, &dir, 19);
    interrupt(&child);
    // The page that comes late ends the run, unless the signal is there before it.
    let mut stopping = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut stopping).unwrap();
    assert!(stopping.starts_with("stopping"), "{stopping}");
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut rest = command(&args, &dir).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    rest.stdin.take().unwrap().write_all(b"<title>stdin</title>").unwrap();
    let rest = rest.wait_with_output().unwrap();
    assert_eq!(rest.status.code(), Some(1), "{}", told(&rest));
    assert_eq!(fs::read_to_string(dir.join("out.jsonl")).unwrap().lines().count(), 23);
}

/// Promise: Ctrl-C keeps what is written and says how to go on; with another command or another input nobody goes on; two at
/// once do not meet. Provoked: each of them, at a page that comes late.
#[test]
fn an_interrupted_run_is_gone_on_with() {
    let dir = site("interrupted", 100);
    let with = |more: &[&'static str]| {
        // Not looked into for an archive, standard input is a page like any other, in the hands of a worker while it comes.
        let mut args = vec!["-o", "out.jsonl", "--resume", "--checkpoint", "0", "--no-archives"];
        args.extend(["--css", "t=title", "site", "-"]);
        args.extend(more);
        args
    };
    // One thread: the page behind the one that comes late is not begun.
    let same = with(&["site/00001.html", "--threads", "1"]);
    // The thread that has the last page may have one before it in hand.
    let mut child = waiting(&same, &dir, 98);
    let second = extract(&same, &dir);
    assert_eq!(second.status.code(), Some(2), "{}", told(&second));
    assert!(told(&second).contains("another run is at work"), "{}", told(&second));

    interrupt(&child);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut stopping = String::new();
    stderr.read_line(&mut stopping).unwrap();
    assert!(stopping.starts_with("stopping"), "{stopping}");
    child.stdin.take().unwrap().write_all(b"<title>stdin</title>").unwrap();
    let mut last = String::new();
    stderr.read_to_string(&mut last).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{last}");
    assert!(
        last.contains("interrupted after 101 pages; what was written is kept: run the same command again"),
        "{last}"
    );
    assert_eq!(names(&dir), [".out.jsonl.part", ".out.jsonl.resume", "site"]);

    let journal = dir.join(".out.jsonl.resume");
    let before = fs::read(&journal).unwrap();
    for (args, why) in [
        (with(&["site/00001.html", "--css", "n=p"]), "--css was \"t=title\" and is \"t=title n=p\" now"),
        (with(&["site/00001.html", "--max-bytes", "7"]), "--max-bytes was"),
        (with(&["site/00002.html"]), "paths was"),
    ] {
        let other = extract(&args, &dir);
        assert_eq!(other.status.code(), Some(2), "{}", told(&other));
        assert!(told(&other).contains(why), "{why}: {}", told(&other));
        assert_eq!(fs::read(&journal).unwrap(), before);
    }
    let renamed = [dir.join("site/00000.html"), dir.join("site/0.html")];
    for (from, to) in [(0, 1), (1, 0)] {
        fs::rename(&renamed[from], &renamed[to]).unwrap();
        if from == 0 {
            let changed = extract(&same, &dir);
            assert_eq!(changed.status.code(), Some(2), "{}", told(&changed));
            assert!(told(&changed).contains("the input has changed"), "{}", told(&changed));
        }
    }

    // What may change: how fast, and what is told.
    let done = extract(&with(&["site/00001.html", "--threads", "3", "--stats", "json"]), &dir);
    // Pages of the first run failed, and their lines are there.
    assert_eq!(done.status.code(), Some(1), "{}", told(&done));
    let stats: serde_json::Value = serde_json::from_str(told(&done)).unwrap();
    assert_eq!((&stats["pages_before"], &stats["pages"]), (&101.into(), &1.into()));
    let lines = of_json(&dir.join("out.jsonl"), &["t"]);
    let mut sources: Vec<_> = (0..100).map(|n| format!("site/{n:05}.html")).collect();
    sources.extend(["-".to_owned(), "site/00001.html".to_owned()]);
    assert!(lines.iter().map(|line| &line.source).eq(&sources));
    assert_eq!(lines[100].fields.as_ref().unwrap()[0], ["stdin"], "finished after the signal, and kept");
    assert_eq!(names(&dir), ["out.jsonl", "site"]);
}

/// Promise: also a run that is stuck keeps what it has. Provoked: Ctrl-C, and a page that never comes.
#[test]
fn a_stuck_run_keeps_what_it_has() {
    let dir = site("stuck", 100);
    let args = ["-o", "out.jsonl", "--resume", "--checkpoint", "0", "--css", "t=title", "site", "-"];
    // Whoever waits for standard input has handed on what it found before.
    let mut child = waiting(&args, &dir, 100);
    interrupt(&child);
    let stdin = child.stdin.take();
    let done = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(done.status.code(), Some(130), "{}", told(&done));
    assert!(told(&done).contains("run the same command again"), "{}", told(&done));
    assert_eq!(extract(&args, &dir).status.code(), Some(1), "standard input is empty now");
    assert_eq!(of_json(&dir.join("out.jsonl"), &["t"]).len(), 101);
    assert_eq!(names(&dir), ["out.jsonl", "site"]);
}

/// Promise: a disk that is full is told, and costs nothing that was written: with room again the run goes on. Without
/// `--resume` nothing is left of it. Provoked: files that may not grow beyond a limit, which is raised from run to run.
#[test]
fn a_full_disk_costs_nothing() {
    for (n, (output, options)) in KINDS.into_iter().enumerate() {
        let dir = site(&format!("full-{n}"), 400);
        let wanted = undisturbed(&dir, output, options);
        let limited = |blocks: usize, args: &[&str]| {
            let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
            let mut command = Command::new("bash");
            command.args(["-c", &script, "bash", env!("CARGO_BIN_EXE_slackwater"), "extract"]).args(args);
            command.current_dir(&dir).stdin(Stdio::null()).output().unwrap()
        };
        let mut refused = 0;
        for blocks in [1, 2, 3, 4, 8, 16, 64, 256, 10_000] {
            let done = limited(blocks, &arguments(output, options));
            match done.status.code() {
                Some(3) => assert!(told(&done).contains("make room and run the same command again"), "{}", told(&done)),
                code => {
                    assert_eq!(code, Some(1), "{}", told(&done));
                    break;
                }
            }
            refused += 1;
        }
        assert!(refused > 0, "{output} {options:?}");
        assert!(result(&dir) == wanted, "{output} {options:?}");
        clear(&dir);
    }
    let dir = site("full-plain", 400);
    let script = "trap '' XFSZ; ulimit -f 2; exec \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash", env!("CARGO_BIN_EXE_slackwater"), "extract", "-o", "out.csv", "site"]);
    let done = command.current_dir(&dir).output().unwrap();
    assert_eq!(done.status.code(), Some(3), "{}", told(&done));
    assert_eq!(names(&dir), ["site"]);
}

/// Promise: a journal or a part that was torn is cut to what is whole, or refused, never believed. Provoked: a run that is killed,
/// and then each of its ends: a torn last line, bytes after the last checkpoint, a part that is too short.
#[test]
fn what_a_kill_tears_is_cut_off() {
    let dir = site("torn", 400);
    let wanted = undisturbed(&dir, "out.csv", &[]);
    let args = arguments("out.csv", &[]);
    let (journal, part) = (dir.join(".out.csv.resume"), dir.join(".out.csv.part"));
    let killed_in_between = || loop {
        clear(&dir);
        let mut child = command(&args, &dir).stderr(Stdio::null()).spawn().unwrap();
        while child.try_wait().unwrap().is_none()
            && !fs::read_to_string(&journal).is_ok_and(|text| text.lines().count() > 2)
        {
            thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
        if part.exists() {
            return;
        }
    };
    let append = |path: &Path, bytes: &[u8]| {
        fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
    };
    for torn in [&b"{\"pages\":9999"[..], b"{\"pages\":9999}\n", b"\0\0\0\0\n", b"\n\n{}\n"] {
        killed_in_between();
        append(&journal, torn);
        append(&part, b"site/half a li");
        assert_eq!(extract(&args, &dir).status.code(), Some(1));
        assert!(result(&dir) == wanted);
    }
    killed_in_between();
    let first = BufReader::new(fs::File::open(&journal).unwrap()).lines().next().unwrap().unwrap();
    fs::write(&journal, &first[..first.len() / 2]).unwrap();
    assert_eq!(extract(&args, &dir).status.code(), Some(1), "a torn head is no journal, and the run begins anew");
    assert!(result(&dir) == wanted);

    killed_in_between();
    fs::write(&part, "s").unwrap();
    let refused = extract(&args, &dir);
    assert_eq!(refused.status.code(), Some(3));
    assert!(told(&refused).contains("is not as the unfinished run left it"), "{}", told(&refused));
}

/// Promise: what was gone on with is read as any other output. Provoked: a table with its lists.
#[test]
fn tables_of_a_run_that_was_gone_on_with_are_whole() {
    let dir = site("whole", 50);
    assert_eq!(extract(&arguments("out.csv", &[]), &dir).status.code(), Some(1));
    let table = of_table(&dir.join("out.csv"), b',', '|');
    clear(&dir);
    assert_eq!(extract(&arguments("out.jsonl", &[]), &dir).status.code(), Some(1));
    assert_eq!(table, of_json(&dir.join("out.jsonl"), &["t", "p"]));
}
