//! `slackwater map`: lines in, answers out, by workers that are real children.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

mod mapping;

use mapping::{Folder, PYTHON, answers, fed, has, has_python, numbers, signal, told, until};

const DOUBLE: &str = "@worker.operation\ndef double(value): return 2 * value\n";

/// Promise: answers come in the order of the input, whatever takes how long. Provoked: a first line that waits for the last one.
#[test]
fn answers_come_in_the_order_of_the_input() {
    if !has_python() {
        return;
    }
    let operations = "
@worker.operation
def turn(n):
    if n == 50: open('last', 'w').close()
    while n == 1 and not os.path.exists('last'): time.sleep(0.001)
    return [n]
";
    let folder = Folder::with_worker("order", operations);
    for options in [&["--size", "3"][..], &["--size", "3", "--ordered"]] {
        let output = fed(folder.map(options), numbers(50));
        assert_eq!(answers(&output), (1..=50).map(|n| json!([n])).collect::<Vec<_>>(), "{}", told(&output));
        assert_eq!(output.status.code(), Some(0));
        fs::remove_file(folder.path("last")).unwrap();
    }
    let output = fed(folder.map(&["--size", "3", "--as-completed"]), numbers(50));
    let mut found = answers(&output);
    // When the last line lets it go, one of the other two workers may still have the line before.
    let place = found.iter().position(|answer| *answer == json!([1]));
    assert!(place >= Some(47), "{place:?}: {}", told(&output));
    found.sort_by_key(|answer| answer[0].as_u64());
    assert_eq!(found, (1..=50).map(|n| json!([n])).collect::<Vec<_>>());
}

/// Promise: values go and come as JSON has them, each answer a line. Provoked: every kind of value, numbers that no float holds, white
/// space, line ends of another system, blank lines, an answer spread over lines, noise on standard output.
#[test]
fn values_go_and_come_as_they_are() {
    if !has_python() {
        return;
    }
    let folder =
        Folder::with_worker("values", "@worker.operation\ndef same(value):\n    print('noise')\n    return value\n");
    let input =
        "\u{feff}null\r\n\n  {\"b\": [1, -2.5, 123456789012345678901234567890], \"a\": \"\\u00e4\\n\"} \n\t\n\"x\"";
    let output = fed(folder.map(&["--size", "1"]), input);
    let expected = "null\n{\"b\":[1,-2.5,123456789012345678901234567890],\"a\":\"ä\\n\"}\n\"x\"\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    let pretty = r#"
import json, os, struct
def send(text): os.write(1, struct.pack(">I", len(text)) + text)
send(b'{"ready": {"protocol": 1, "operations": ["pretty"]}}')
os.read(0, 4)
request = json.loads(os.read(0, 1000))
send(b'{"id": %d, "epoch": %d, "ok": {\n  "a":\r\n  "\\n"\n}\n}' % (request["id"], request["epoch"]))
os.read(0, 1000)
"#;
    folder.write("pretty.py", pretty);
    let mut command = folder.map_by("python3 pretty.py");
    command.args(["--channel", "stdio", "--size", "1"]);
    let output = fed(command, "1\n");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{   \"a\":    \"\\n\" }\n", "{}", told(&output));
}

const TROUBLE: &str = "
@worker.operation
def trouble(what):
    if what == 'crash':
        print('these are my last words')
        os._exit(7)
    if what == 'raise': raise ValueError('no such luck')
    if what == 'hang': time.sleep(600)
    if what == 'large': return 'x' * 10_000
    if what == 'fork': os.kill(os.getpid(), 9)
    return what
";

/// Promise: what goes wrong with a line costs that line, is told with its input, and the exit code says so. Provoked: a crash, a kill, an
/// exception, a hang, an answer and a line that are too long, what is no JSON.
#[test]
fn trouble_costs_its_line() {
    if !has_python() {
        return;
    }
    let folder = Folder::with_worker("trouble", TROUBLE);
    let long = format!("\"{}\"", "y".repeat(6_000));
    let lines = [
        "\"a\"",
        "\"crash\"",
        "\"b\"",
        "\"raise\"",
        "{bad",
        "\"c\"",
        "",
        "\"hang\"",
        &long,
        "\"fork\"",
        "\"large\"",
        "\"d\"",
    ];
    let options = ["--size", "2", "--timeout", "1s", "--max-bytes", "5000", "--failures", "failed.jsonl"];
    let output = fed(folder.map(&options), lines.join("\n"));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert_eq!(answers(&output), ["a", "b", "c", "d"]);
    let failed = folder.lines("failed.jsonl");
    let told_of = |n: usize| (failed[n]["line"].as_u64().unwrap(), failed[n]["kind"].as_str().unwrap());
    let all: Vec<_> = (0..failed.len()).map(told_of).collect();
    let expected = [
        (2, "crashed"),
        (4, "error"),
        (5, "bad_json"),
        (8, "timed_out"),
        (9, "too_large"),
        (10, "crashed"),
        (11, "error"),
    ];
    assert_eq!(all, expected);
    let reason = |n: usize| failed[n]["reason"].as_str().unwrap();
    assert!(reason(0).contains("code 7") && reason(0).contains("these are my last words"), "{}", reason(0));
    assert_eq!(reason(1), "ValueError: no such luck");
    assert!(failed[1]["traceback"].as_str().unwrap().contains("in trouble"));
    assert!(reason(3).contains("--timeout") && reason(4).contains("--max-bytes") && reason(6).contains("max_frame"));
    assert_eq!((&failed[0]["input"], &failed[2]["input_text"]), (&json!("crash"), &json!("{bad")));
    assert_eq!(failed[4]["input_text"].as_str().unwrap().len(), 400);
    assert!(told(&output).contains("11 lines") && told(&output).contains("7 failed"), "{}", told(&output));

    // Without a file of their own they stand in their places.
    let output = fed(folder.map(&["--size", "2"]), "\"a\"\n\"raise\"\n\"b\"\n");
    let found = answers(&output);
    assert_eq!((&found[0], &found[2]), (&json!("a"), &json!("b")));
    assert_eq!((&found[1]["error"]["line"], &found[1]["error"]["kind"]), (&json!(2), &json!("error")));
}

/// Promise: a line is tried again only if that does no harm, and errors of the operation never. Provoked: an operation that crashes and one
/// that raises the first time, with and without `--idempotent`.
#[test]
fn only_idempotent_operations_are_tried_again() {
    if !has_python() {
        return;
    }
    let operations = "
@worker.operation
def first_time(what):
    with open('log', 'a') as log: log.write(what + '\\n')
    again = os.path.exists(what)
    open(what, 'w').close()
    if not again and what == 'crash': os._exit(1)
    if not again: raise ValueError(what)
    return what
";
    let cases: [(&[&str], Value, &str); 3] = [
        (&[], json!("crashed"), "crash\n"),
        (&["--idempotent"], json!("crashed"), "crash\n"),
        (&["--idempotent", "--retries", "2"], Value::Null, "crash\ncrash\n"),
    ];
    for (options, kind, log) in cases {
        let folder = Folder::with_worker("again", operations);
        let output = fed(folder.map(options), "\"crash\"\n");
        assert_eq!(answers(&output)[0]["error"]["kind"], kind, "{options:?}: {}", told(&output));
        assert_eq!(folder.read("log"), log);
    }
    let folder = Folder::with_worker("again", operations);
    let output = fed(folder.map(&["--idempotent", "--retries", "2"]), "\"raise\"\n");
    assert_eq!((&answers(&output)[0]["error"]["kind"], folder.read("log").as_str()), (&json!("error"), "raise\n"));
    let refused = fed(folder.map(&["--retries", "2"]), "");
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).contains("--idempotent"), "{}", told(&refused));
}

const LOGGED: &str = "
@worker.operation
def logged(n):
    with open('log', 'a') as log: log.write(f'{n} {os.getpid()}\\n')
    if n % 10 == 3: raise ValueError(n)
    return {'n': n}
";

/// Promise: whatever ends a run, the same command goes on with it, and each line is in the output once and in order. Provoked: SIGKILL of
/// the command after some lines, six times, with failures to a file of their own; its workers are gone each time.
#[test]
#[cfg(target_os = "linux")]
fn a_killed_run_is_gone_on_with() {
    if !has_python() {
        return;
    }
    let folder = Folder::with_worker("resume", LOGGED);
    folder.write("in.jsonl", &numbers(2_000));
    let options =
        ["--resume", "-o", "out.jsonl", "--failures", "failed.jsonl", "--checkpoint", "0", "--size", "2", "in.jsonl"];
    for round in 1..=6 {
        let mut child = folder.map(&options).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(|| folder.read("log").lines().count() >= 100 * round);
        signal(&child, "KILL");
        child.wait().unwrap();
        assert!(!folder.exists("out.jsonl"));
        let log = folder.read("log");
        let pids: Vec<u64> = log.lines().filter_map(|line| line.split(' ').nth(1)?.parse().ok()).collect();
        until(|| pids.iter().all(|pid| !mapping::runs(*pid)));
    }
    let output = folder.map(&options).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("of earlier runs"), "{}", told(&output));
    let expected: Vec<_> = (1..=2_000).filter(|n| n % 10 != 3).map(|n| json!({ "n": n })).collect();
    assert_eq!(folder.lines("out.jsonl"), expected);
    let failed: Vec<_> = folder.lines("failed.jsonl").iter().map(|line| line["input"].clone()).collect();
    assert_eq!(failed, (1..=2_000).filter(|n| n % 10 == 3).map(|n| json!(n)).collect::<Vec<_>>());
    // What was in hand at a kill was done again, and nothing else.
    assert!(folder.read("log").lines().count() < 4_000);
}

/// Promise: a run is gone on with only by the same command and input. Provoked: another operation's worker, a line that changed, lines
/// that are gone; and what may change, which is the number of workers and the name of the input.
#[test]
fn another_run_is_not_gone_on_with() {
    if !has_python() {
        return;
    }
    let operations = "
@worker.operation
def turn(n):
    while n == 60 and not os.path.exists('go'):
        open('waits', 'w').close()
        time.sleep(0.001)
    return n
";
    let folder = Folder::with_worker("another", operations);
    fs::copy(folder.path("worker.py"), folder.path("other.py")).unwrap();
    let run_on = |input: &str| {
        folder.write("in.jsonl", input);
        folder.map(&["--resume", "-o", "out.jsonl", "--checkpoint", "0", "in.jsonl"])
    };
    let child = run_on(&numbers(80)).args(["--size", "1"]).spawn().unwrap();
    until(|| folder.exists("waits"));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(told(&output).contains("run the same command again"), "{}", told(&output));
    assert!(!folder.exists("out.jsonl"));

    folder.write("go", "");
    let mut other = folder.map_by("python3 other.py");
    let output = other.args(["--resume", "-o", "out.jsonl", "in.jsonl"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("--worker was \"python3 worker.py\""), "{}", told(&output));
    for changed in [numbers(80).replace("\n7\n", "\n70\n"), numbers(20)] {
        let output = run_on(&changed).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains("lines of the input are"), "{}", told(&output));
    }
    let mut command = run_on(&numbers(80));
    command.args(["--size", "2"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!(folder.read("out.jsonl"), numbers(80));
}

/// Promise: Ctrl-C lets lines in hand finish, writes them, and leaves no worker. Provoked: an interruption while a line is in hand that
/// ends after it, and one that never ends.
#[test]
#[cfg(target_os = "linux")]
fn an_interruption_lets_lines_in_hand_finish() {
    if !has_python() {
        return;
    }
    let operations = "
@worker.operation
def slow(n):
    with open('pid', 'w') as file: file.write(str(os.getpid()))
    if n == 3:
        open('waits', 'w').close()
        while not os.path.exists('go'): time.sleep(0.001)
    return n
";
    for finishes in [true, false] {
        let folder = Folder::with_worker(&format!("interrupt-{finishes}"), operations);
        folder.write("in.jsonl", &numbers(9));
        let child = folder.map(&["--size", "1", "in.jsonl"]).spawn().unwrap();
        until(|| folder.exists("waits"));
        signal(&child, "INT");
        if finishes {
            // It holds the signal back until it is told, so the line may go on as soon as it was sent.
            folder.write("go", "");
        }
        let pid: u64 = folder.read("pid").parse().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", told(&output));
        let found = answers(&output);
        assert!(found.starts_with(&[json!(1), json!(2)]), "{found:?}");
        assert!(if finishes { found.len() >= 3 } else { found.len() == 2 }, "{found:?}");
        assert!(told(&output).contains("interrupted after"), "{}", told(&output));
        until(|| !mapping::runs(pid));
    }
}

/// Promise: a worker can be asked to end, though the command takes signals by holding them back. Provoked: what is held back in the worker.
#[test]
#[cfg(target_os = "linux")]
fn signals_reach_the_workers() {
    if !has_python() {
        return;
    }
    let operations = "
@worker.operation
def held_back(name):
    return [line for line in open('/proc/self/status') if line.startswith(name)]
";
    let folder = Folder::with_worker("signals", operations);
    let output = fed(folder.map(&["--size", "1"]), "\"SigBlk\"\n");
    assert_eq!(answers(&output), [json!(["SigBlk:\t0000000000000000\n"])], "{}", told(&output));
}

/// Promise: a run that cannot begin, or has no worker left, says why and what to try. Provoked: no program, no script, a worker that fails
/// as it starts or cannot start again, an operation it does not have, several to choose from, bad commands, places that are taken.
#[test]
fn what_cannot_be_done_is_said() {
    if !has_python() {
        return;
    }
    let two = "@worker.operation\ndef one(n): return n\n@worker.operation\ndef two(n):\n    os.remove('worker.py')\n    os._exit(n)\n";
    let folder = Folder::with_worker("cannot", two);
    folder.write("broken.py", "import no_such_module\n");
    folder.write("cold.py", "from slackwater_worker import worker\n@worker.warm\ndef w(): raise OSError('no model here')\n@worker.operation\ndef f(x): return x\nworker.serve()\n");
    folder.write("script.py", "");
    let said = [
        ("no_such_program", &[][..], 2, "no such program"),
        ("./script.py", &[], 2, "python3 ./script.py"),
        ("python3 'x", &[], 2, "quote is not closed"),
        ("cd x && python3 worker.py", &[], 2, "&& is for a shell"),
        ("python3 none.py", &[], 3, "none.py"),
        ("python3 broken.py", &[], 3, "No module named 'no_such_module'"),
        ("python3 cold.py", &[], 3, "OSError: no model here"),
        ("python3 worker.py", &[], 2, "one, two"),
        ("python3 worker.py", &["--operation", "three"], 2, "the worker has no three; it has one, two"),
        ("python3 worker.py", &["--operation", "two", "--size", "1"], 3, "no worker can be started"),
        ("python3 worker.py", &["none.jsonl"], 3, "cannot read none.jsonl"),
        ("python3 worker.py", &["-o", "script.py", "script.py"], 2, "this is the input"),
        ("python3 worker.py", &["-o", "x", "--failures", "./x"], 2, "already"),
        ("python3 worker.py", &["--resume"], 2, "--output"),
        ("python3 worker.py", &["--timeout", "3x"], 2, "500ms"),
    ];
    for (worker, options, code, words) in said {
        let mut command = folder.map_by(worker);
        command.args(options);
        let output = fed(command, numbers(30));
        assert_eq!(output.status.code(), Some(code), "{worker} {options:?}: {}", told(&output));
        assert!(told(&output).contains(words), "{worker} {options:?}: {}", told(&output));
        assert!(output.stdout.is_empty() || words.contains("no worker"));
    }
}

/// Promise: what was done is said, for people and for programs. Provoked: a summary, statistics on both places, nothing if quiet, the live
/// page's address, progress where there is no terminal.
#[test]
fn what_was_done_is_said() {
    if !has_python() {
        return;
    }
    let folder = Folder::with_worker("said", DOUBLE);
    let output = fed(folder.map(&["--size", "1"]), numbers(3));
    assert!(told(&output).starts_with("3 lines, 6 B (6 bytes), 0 failed\n"), "{}", told(&output));
    assert!(told(&output).contains("workers: 1 started, 0 lost"), "{}", told(&output));
    let output = fed(folder.map(&["--quiet", "--stats", "json", "--stats-to", "stats.json"]), numbers(3));
    let stats: Value = serde_json::from_str(told(&output)).unwrap();
    assert_eq!((&stats["lines"], &stats["failed"], &stats["end"]), (&json!(3), &json!(0), &json!("complete")));
    let in_file = folder.lines("stats.json").remove(0);
    assert_eq!((&in_file["seconds"], &in_file["calls"]), (&stats["seconds"], &stats["calls"]));
    let output = fed(folder.map(&["--quiet"]), numbers(3));
    assert_eq!((told(&output), answers(&output)), ("", vec![json!(2), json!(4), json!(6)]));
    // Where there is no terminal nobody is told of the progress, but for who asks.
    let output = fed(folder.map(&["--progress", "--ordered"]), numbers(64));
    let first = told(&output).lines().next().unwrap();
    assert!(first.contains(" lines  ") && first.ends_with(" lines/s"), "{}", told(&output));
    let output = fed(folder.map(&["--progress", "--quiet"]), numbers(3));
    assert!(output.status.code() == Some(2) && told(&output).contains("--quiet"), "{}", told(&output));
    let output = fed(folder.map(&["--dashboard", "--quiet"]), numbers(3));
    assert!(told(&output).starts_with("live page: http://127.0.0.1:"), "{}", told(&output));
    assert_eq!(fed(folder.map(&[]), "").status.code(), Some(0));
}

/// Promise: workers are replaced after so many requests, and it is said how many were. Provoked: a line is given when the one before is answered, until
/// the third worker answers, which is not started before the first is gone.
#[test]
fn workers_are_replaced_after_so_many_requests_and_counted() {
    if !has_python() {
        return;
    }
    let operations = "
generation = len([name for name in os.listdir('.') if name.startswith('started-')])
open('started-%d' % os.getpid(), 'w').close()
@worker.operation
def which(_): return generation
";
    let folder = Folder::with_worker("replaced", operations);
    let args = ["--size", "1", "--max-requests", "3", "--quiet", "--stats", "json", "--stats-to", "stats.json"];
    let mut child = folder.map(&args).stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let began = Instant::now();
    for number in 0.. {
        assert!(began.elapsed() < Duration::from_secs(100), "no third worker after {number} lines");
        writeln!(stdin, "{number}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        if answer.trim() == "2" {
            break;
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let stats = folder.lines("stats.json").remove(0);
    let workers = &stats["workers"];
    assert!(workers["replaced"].as_u64() >= Some(1) && workers["lost"] == json!(0), "{stats}");
}

/// Promise: memory stays bounded while one line holds up all others. Provoked: an input without end, whose first line is never answered:
/// what is read of it stops.
#[test]
fn what_is_read_ahead_is_bounded() {
    if !has_python() {
        return;
    }
    let operations = "
@worker.operation
def length(text):
    while text == 'first' and not os.path.exists('go'): time.sleep(0.001)
    return len(text)
";
    let folder = Folder::with_worker("ahead", operations);
    let mut child = folder.map(&["--size", "2", "--stats", "json"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = format!("\"{}\"\n", "z".repeat(30_000));
    let written = std::sync::atomic::AtomicU64::new(0);
    let stats = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            stdin.write_all(b"\"first\"\n").unwrap();
            for _ in 0..6_000 {
                stdin.write_all(line.as_bytes()).unwrap();
                written.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
            drop(stdin);
        });
        // More cannot be in it while the first has no answer: the window, what waits, what is in hand, what is in the pipe.
        until(|| written.load(std::sync::atomic::Ordering::SeqCst) >= 4_096);
        folder.write("go", "");
        writer.join().unwrap();
        child.wait_with_output().unwrap()
    });
    let told_stats: Value = serde_json::from_str(told(&stats)).unwrap();
    assert_eq!((&told_stats["lines"], &told_stats["failed"]), (&json!(6_001), &json!(0)));
    let peak = told_stats["peak_memory_bytes"].as_u64().unwrap_or(0);
    assert!(peak < 80 << 20, "{peak} bytes, of 180 MB that went through");
}

/// Promise: the examples work as their heads say. Provoked: each of them with an answer and an error; those whose language is not here are
/// skipped, and that is counted.
#[test]
fn the_examples_work() {
    let workers = concat!(env!("CARGO_MANIFEST_DIR"), "/workers");
    let folder = Folder::new("examples");
    folder.write("three.txt", "one\ntwo\nthree\n");
    let run = |worker: &str, options: &[&str], input: &str| {
        let mut command = folder.map_by(&worker.replace("WORKERS", workers));
        command.args(options).args(["--size", "1"]);
        let output = fed(command, input);
        (answers(&output), told(&output).to_owned())
    };
    if has_python() {
        let (found, told) = run("python3 WORKERS/python/words.py", &[], "\"to be or not to be\"\n7\n");
        assert_eq!(found[0], json!({ "words": 6, "top": [["to", 2], ["be", 2], ["or", 1], ["not", 1]] }), "{told}");
        assert_eq!(found[1]["error"]["reason"], "TypeError: a text is a string, not int");
        let (found, told) = run("python3 WORKERS/python/spectrum.py", &[], "[0, 1, 0, -1, 0, 1, 0, -1]\n\"x\"\n");
        assert_eq!(found[0]["strongest"][0], json!([2, 4.0]), "{told}");
        assert_eq!(found[1]["error"]["kind"], "error");
        let (found, told) = run("python3 -m slackwater_worker json:dumps", &[], "[1]\n");
        assert_eq!(found, ["[1]"], "{told}");
    }
    if has("sh") {
        let (found, told) =
            run("sh WORKERS/shell/sizes.sh", &["--channel", "stdio"], "\"three.txt\"\n\"none.txt\"\n{}\n");
        assert_eq!(found[0], json!({ "lines": 3, "bytes": 14 }), "{told}");
        assert!(found[1]["error"]["reason"].as_str().unwrap().starts_with("NotReadable: cannot read none.txt"));
        assert!(found[2]["error"]["reason"].as_str().unwrap().starts_with("NoName"));
    }
    if has("escript") {
        let worker = "escript WORKERS/erlang/worker.escript";
        let (found, told) = run(worker, &["--channel", "stdio", "--operation", "echo"], "{\"a\": [1, \"ä\"]}\n");
        assert_eq!(found, [json!({ "a": [1, "ä"] })], "{told}");
        let (found, _) = run(worker, &["--channel", "stdio", "--operation", "crash"], "1\n");
        assert_eq!(found[0]["error"]["kind"], "error");
    }
}

/// Promise: the kit for Python keeps its own. Provoked: its own tests, in the Python that is here.
#[test]
fn the_tests_of_the_kit_pass() {
    if !has_python() {
        return;
    }
    let kit = concat!(env!("CARGO_MANIFEST_DIR"), "/workers/python");
    let mut tests = Command::new(PYTHON.as_ref().expect("there is one"));
    tests.args(["-B", "-m", "unittest", "-q"]).current_dir(kit);
    let output = tests.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
}
