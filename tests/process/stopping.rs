//! How a worker is asked to end, and how long it is waited for.

use super::support::{closes_balanced, until};
use super::workers::{has_python, is_known, kill, pool_of, python, runs, server};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use slackwater::process::{ProcessError, ProcessManager, StopSignal};
use slackwater::{DestroyReason, Pool};
use std::path::PathBuf;
use std::time::Duration;

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3_600);

fn overruns(pool: &Pool<ProcessManager>) -> u32 {
    let mut worker = pool.checkout().unwrap();
    let error = worker.call_within::<_, Value>("sleep", &3_600, Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, ProcessError::Timeout { sent: true, .. }), "{error}");
    worker.pid()
}

/// A file whose being there says that a worker has got so far, and what it says there.
struct Note(PathBuf);

impl Note {
    fn new(test: &str) -> Self {
        let note = Self(std::env::temp_dir().join(format!("slackwater-{test}-{}", std::process::id())));
        let _ = std::fs::remove_file(&note.0);
        note
    }

    /// It, as Python writes a text.
    fn quoted(&self) -> String {
        format!("{:?}", self.0.display().to_string())
    }

    fn is_there(&self) -> bool {
        self.0.exists()
    }

    fn says(&self) -> Option<String> {
        std::fs::read_to_string(&self.0).ok()
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Promise: a worker past its deadline is asked with the signal that is set. Provoked: each, to one that notes what it got.
#[test]
fn stop_signal_is_what_a_worker_is_asked_with() {
    if !has_python() {
        return;
    }
    let signals = [
        (StopSignal::Terminate, Some(Signal::TERM)),
        (StopSignal::Interrupt, Some(Signal::INT)),
        (StopSignal::Quit, Some(Signal::QUIT)),
        (StopSignal::HangUp, Some(Signal::HUP)),
        (StopSignal::Kill, None),
    ];
    for (asked, got) in signals {
        let note = Note::new(&format!("signal-{asked:?}"));
        let notes = format!(
            "
def noted(number, _):
    with open({}, 'a') as note: note.write(str(number))
    os._exit(0)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP): signal.signal(number, noted)
serve()",
            note.quoted()
        );
        let pool = pool_of(python(&notes).stop_signal(asked).grace(HOUR)).build().unwrap();
        let pid = overruns(&pool);
        until(|| !is_known(pid));
        assert_eq!(note.says(), got.map(|signal| signal.as_raw().to_string()), "{asked:?}");
        closes_balanced(&pool);
    }
}

/// Promise: a worker has its grace before it is killed. Provoked: two that let nothing but SIGKILL end them, one with an hour, which has been
/// signalled, and one with none, which is later.
#[test]
fn grace_is_how_long_a_worker_has_between_the_signal_and_its_death() {
    if !has_python() {
        return;
    }
    let stubborn = |note: &Note, grace| {
        let notes = format!("lambda *_: open({}, 'w').close()", note.quoted());
        let script = format!("signal.signal(signal.SIGTERM, {notes})\nserve()");
        pool_of(python(&script).stop_within(HOUR).grace(grace)).max_size(1).destroy_timeout(HOUR).build().unwrap()
    };
    let (signalled, other) = (Note::new("signalled"), Note::new("killed"));
    let patient = stubborn(&signalled, HOUR);
    let spared = overruns(&patient);
    until(|| signalled.is_there());
    let strict = stubborn(&other, Duration::ZERO);
    let killed = overruns(&strict);
    until(|| strict.stats().destroyed.by(DestroyReason::Broken) == 1);
    assert!(!is_known(killed) && runs(spared), "an hour is not over");
    kill(spared, Signal::KILL);
    until(|| patient.stats().destroyed.by(DestroyReason::Broken) == 1);
    closes_balanced(&patient);
    closes_balanced(&strict);
}

/// Promise: a well worker has its time to end before it is signalled. Provoked: two that hear that they are to stop, and do not, one with an hour, which
/// has heard, and one with no time, which is told later.
#[test]
fn stop_within_is_how_long_a_worker_has_between_the_request_and_the_signal() {
    if !has_python() {
        return;
    }
    let deaf = |note: &Note, limit| {
        let script = format!("ready()\nreceive()\nopen({}, 'w').close()\ntime.sleep(3600)", note.quoted());
        let workers = python(&script).stop_within(limit);
        pool_of(workers).max_size(1).min_idle(0).destroy_timeout(HOUR).build().unwrap()
    };
    let discards = |pool: &Pool<ProcessManager>| {
        let worker = pool.checkout().unwrap();
        let pid = worker.pid();
        worker.discard("it is enough");
        pid
    };
    let (heard, other) = (Note::new("heard"), Note::new("ended"));
    let patient = deaf(&heard, HOUR);
    let spared = discards(&patient);
    until(|| heard.is_there());
    let strict = deaf(&other, Duration::ZERO);
    let ended = discards(&strict);
    until(|| strict.stats().destroyed.by(DestroyReason::Discarded) == 1);
    assert!(!is_known(ended) && runs(spared), "an hour is not over");
    kill(spared, Signal::TERM);
    until(|| patient.stats().destroyed.by(DestroyReason::Discarded) == 1);
    closes_balanced(&patient);
    closes_balanced(&strict);
}

/// Promise: a request without a limit of its own has the manager's. Provoked: one that takes for ever, and a short one that is given longer.
#[test]
fn request_timeout_is_how_long_a_request_may_take_that_names_no_time() {
    if !has_python() {
        return;
    }
    let limit = Duration::from_millis(50);
    let pool = pool_of(server().request_timeout(limit).grace(Duration::ZERO)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let error = worker.call::<_, Value>("sleep", &3_600).unwrap_err();
    let ProcessError::Timeout { limit: told, .. } = error else { panic!("{error}") };
    assert_eq!(told, limit);
    drop(worker);
    let mut worker = pool.checkout().unwrap();
    assert_eq!(worker.call_within::<_, f64>("sleep", &0.1, HOUR).unwrap(), 0.1);
    drop(worker);
    closes_balanced(&pool);
}

/// Promise: a check waits for a ping as long as is set. Provoked: workers that answer none, some with an hour, some with a millisecond, who are asked
/// later.
#[test]
fn ping_timeout_is_how_long_a_free_worker_has_to_answer() {
    if !has_python() {
        return;
    }
    // The last one that is free is not checked.
    let checked = |note: &Note, limit| {
        // Under its last name once it is whole.
        let hangs = format!(
            "ready()\nasked()\nnote = {}\nopen(note + '~', 'w').write(str(os.getpid()))\nos.rename(note + '~', note)\ntime.sleep(3600)",
            note.quoted()
        );
        let workers = python(&hangs).ping_timeout(limit).stop_within(Duration::ZERO).grace(Duration::ZERO);
        let pool = pool_of(workers).max_size(2).remove_after(1).check_timeout(HOUR);
        pool.check_interval(Duration::from_millis(10)).build().unwrap()
    };
    let (asked, other) = (Note::new("pinged"), Note::new("pinged-shortly"));
    let patient = checked(&asked, HOUR);
    let pinged = || asked.says().and_then(|pid| pid.parse::<u32>().ok());
    until(|| pinged().is_some());
    let spared = pinged().unwrap();
    let strict = checked(&other, Duration::from_millis(1));
    until(|| strict.stats().destroyed.by(DestroyReason::CheckFailed) >= 1);
    assert!(runs(spared) && patient.stats().destroyed.total() == 0, "an hour is not over");
    closes_balanced(&strict);
    // Whoever is being asked ends, so that nobody waits an hour for an answer.
    std::thread::scope(|scope| {
        let closing = scope.spawn(|| closes_balanced(&patient));
        until(|| {
            // It may be gone in between.
            let pid = pinged().filter(|pid| runs(*pid)).and_then(|pid| Pid::from_raw(pid.cast_signed()));
            pid.map(|pid| kill_process(pid, Signal::KILL));
            closing.is_finished()
        });
    });
}
