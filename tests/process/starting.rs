//! Workers that do not become ready.

use super::support::closes_balanced;
use super::workers::{has_python, pool_of, python};
use slackwater::process::{ChannelKind, Exit, ProcessBuilder, ProcessError, ProcessManager};
use slackwater::{Manager, Severity};
use std::time::{Duration, Instant};

#[track_caller]
fn start(workers: ProcessBuilder) -> (ProcessManager, ProcessError) {
    let manager = workers.build().unwrap();
    let error = manager.create().unwrap_err();
    (manager, error)
}

#[test]
fn a_worker_that_says_why_it_cannot_start_is_quoted() {
    if !has_python() {
        return;
    }
    let failing =
        python("send({'failed': {'type': 'ImportError', 'message': 'no numpy', 'traceback': 't'}})\nsys.exit(1)");
    let (_, error) = start(failing);
    let ProcessError::StartFailed { error: told, in_a_row: 1, .. } = &error else { panic!("{error}") };
    assert!(error.was_not_sent());
    assert_eq!(told.kind, "ImportError");
    assert!(error.to_string().contains("could not start: ImportError: no numpy"), "{error}");
}

#[test]
fn a_worker_that_dies_before_it_is_ready_is_quoted_and_after_five_alike_callers_are_told_at_once() {
    if !has_python() {
        return;
    }
    // What it says last is never the same twice.
    let manager = python("raise SystemExit('no licence for ' + str(os.getpid()))").build().unwrap();
    for time in 1..=5 {
        let error = manager.create().unwrap_err();
        let ProcessError::DiedStarting { exit: Exit::Code(1), in_a_row, words, .. } = &error else { panic!("{error}") };
        assert!(words.as_str().starts_with("no licence for "), "{words}");
        assert_eq!(*in_a_row, time);
        assert!(error.was_not_sent());
        assert_eq!(manager.classify(&error), if time < 5 { Severity::Transient } else { Severity::Permanent });
        assert!(time == 1 || error.to_string().contains(&format!("as {time} in a row have")), "{error}");
    }
}

#[test]
fn the_pool_tells_callers_what_workers_say_who_cannot_start() {
    if !has_python() {
        return;
    }
    let pool = pool_of(python("raise SystemExit('no licence')")).min_idle(0).build().unwrap();
    let began = Instant::now();
    let error = pool.checkout().unwrap_err();
    assert!(format!("{error}").contains("no licence"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(15), "told at once: {:?}", began.elapsed());
    closes_balanced(&pool);
}

#[test]
fn a_worker_that_is_not_ready_in_time_is_ended() {
    if !has_python() {
        return;
    }
    // Before the prelude, whose modules take their time where others want the processor.
    let says = "echo still thinking >&2; exec sleep 60";
    let hung = ProcessManager::builder("sh").arg("-c").arg(says).ready_within(Duration::from_secs(2));
    let began = Instant::now();
    let (_, error) = start(hung);
    assert!(
        matches!(&error, ProcessError::NotReady { words, .. } if words.as_str().contains("still thinking")),
        "{error}"
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_first_message_that_is_no_readiness_is_refused() {
    if !has_python() {
        return;
    }
    assert!(matches!(start(python("send({'ok': 1})")).1, ProcessError::Handshake { .. }));
    let old = start(python("send({'ready': {'protocol': 9}})")).1;
    assert!(old.to_string().contains("protocol 9"), "{old}");
    assert!(matches!(start(python("put(b'hello, world')\ntime.sleep(9)")).1, ProcessError::Frame { .. }));
    assert!(matches!(
        start(python("os.close(reads); os.close(writes); time.sleep(60)")).1,
        ProcessError::Closed { .. }
    ));
}

#[test]
fn of_eight_workers_one_that_fails_and_one_that_hangs_hold_up_nobody() {
    if !has_python() {
        return;
    }
    // Which one a worker is, it finds out by the file it can make.
    let place = std::env::temp_dir().join(format!("slackwater-eight-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir(&place).unwrap();
    let script = "
for number in range(100):
    try:
        os.close(os.open(PLACE + '/' + str(number), os.O_CREAT | os.O_EXCL))
        break
    except FileExistsError:
        pass
if number == 0:
    sys.exit('one fails')
if number == 1:
    time.sleep(60)
serve()"
        .replace("PLACE", &format!("{:?}", place.display().to_string()));
    let workers = python(&script).ready_within(Duration::from_secs(5));
    let pool = pool_of(workers).max_size(8).create_parallelism(8).build().unwrap();
    let report = pool.warm_up();
    assert!(report.ready >= 6 && report.failed >= 1, "{report:?}");
    assert!(report.first_failure.as_ref().is_some_and(|error| error.to_string().contains("one fails")), "{report:?}");
    let held: Vec<_> = (0..report.ready).map(|_| pool.checkout().unwrap()).collect();
    drop(held);
    closes_balanced(&pool);
    let _ = std::fs::remove_dir_all(&place);
}

#[test]
fn a_shell_can_be_a_worker() {
    // It says that it is ready, and reads what it is asked without ever answering.
    let script = r#"printf '\000\000\000\030{"ready":{"protocol":1}}'; exec cat >/dev/null"#;
    let shell = ProcessManager::builder("sh").arg("-c").arg(script).channel(ChannelKind::Stdio);
    let pool = pool_of(shell).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    assert!(worker.operations().is_empty());
    let error = worker.call_within::<_, u8>("any", &(), Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, ProcessError::Timeout { sent: true, .. }), "{error}");
    drop(worker);
    closes_balanced(&pool);
}
