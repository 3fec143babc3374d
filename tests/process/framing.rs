//! What workers write that is no answer. Each kind has its own error and costs that worker.

use super::support::{closes_balanced, until};
use super::workers::{has_python, pool_of, python, runs, server};
use serde_json::{Value, json};
use slackwater::DestroyReason;
use slackwater::process::{ChannelKind, Codec, FrameError, ProcessError};
use std::time::Duration;

/// The error of a call whose worker writes what `script` does with `request`. The worker is replaced, and the next one is as good as new.
#[track_caller]
fn error_of(script: &str) -> ProcessError {
    let pool = pool_of(python(&format!("ready()\nrequest = asked()\n{script}\ntime.sleep(60)"))).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let pid = worker.pid();
    let error = worker.call_within::<_, Value>("any", &(), Duration::from_secs(5)).unwrap_err();
    assert!(!error.leaves_worker(), "{error}");
    assert!(matches!(worker.call::<_, Value>("any", &()), Err(ProcessError::Spent)), "{error}");
    drop(worker);
    assert_ne!(pool.checkout().unwrap().pid(), pid);
    closes_balanced(&pool);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Broken), 1);
    assert!(!runs(pid));
    error
}

#[test]
fn what_is_no_frame_has_an_error_of_its_kind() {
    if !has_python() {
        return;
    }
    let frame_error = |script| match error_of(script) {
        ProcessError::Frame { cause, .. } => cause,
        other => panic!("{other}"),
    };
    assert_eq!(frame_error("put(bytes(4))"), FrameError::Empty);
    assert_eq!(
        frame_error(r"put(b'\x7f\xff\xff\xff')"),
        FrameError::TooLarge { length: 0x7fff_ffff, max: 64 << 20, text: None }
    );
    assert_eq!(frame_error(r"put(b'\x00\x00'); sys.exit(0)"), FrameError::TornHeader { got: 2 });
    assert_eq!(frame_error(r"put(b'\x00\x00\x00\x09abc'); sys.exit(0)"), FrameError::Torn { got: 3, length: 9 });
    let text = frame_error("put(b'Error: something')").to_string();
    assert!(text.contains("\"Erro\"") && text.contains("printed into the channel"), "{text}");
}

#[test]
fn a_frame_that_is_no_answer_is_malformed_and_one_to_something_else_is_stray() {
    if !has_python() {
        return;
    }
    assert!(matches!(error_of("send('hello')"), ProcessError::Malformed { .. }));
    assert!(matches!(
        error_of("send({'id': request['id'], 'epoch': request['epoch']})"),
        ProcessError::Malformed { .. }
    ));
    let stray = error_of("send({'id': request['id'] + 1, 'epoch': request['epoch'], 'ok': 1})");
    assert!(
        matches!(stray, ProcessError::Stray { sent: true, .. }) && stray.to_string().contains("request 2 of epoch 1"),
        "{stray}"
    );
    assert!(matches!(error_of("send({'id': request['id'], 'epoch': 9, 'ok': 1})"), ProcessError::Stray { .. }));
}

#[test]
fn a_channel_that_is_closed_by_a_living_worker_is_no_death() {
    if !has_python() {
        return;
    }
    assert!(matches!(error_of("os.close(reads); os.close(writes)"), ProcessError::Closed { .. }));
}

#[test]
fn a_second_answer_ends_the_worker_at_its_return() {
    if !has_python() {
        return;
    }
    // Both in one write, so that they come together.
    let twice = "
ready()
while True:
    request = asked()
    body = json.dumps({'id': request['id'], 'epoch': request['epoch'], 'ok': 1}).encode()
    put(2 * (struct.pack('>I', len(body)) + body))";
    let pool = pool_of(python(twice)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    assert_eq!(worker.call::<_, u32>("any", &()).unwrap(), 1, "the first is the answer");
    let error = worker.call::<_, u32>("any", &()).unwrap_err();
    assert!(matches!(error, ProcessError::Stray { sent: false, .. }) && error.was_not_sent(), "{error}");
    drop(worker);
    let mut worker = pool.checkout().unwrap();
    assert_eq!(worker.call::<_, u32>("any", &()).unwrap(), 1);
    drop(worker);
    closes_balanced(&pool);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Broken), 2);
}

/// Promise: what a worker does between two requests fails the next one before it is sent, so that it may be made again. Provoked: a second answer,
/// or the end of the channel, is there before that request is made.
#[test]
fn what_comes_between_two_requests_fails_the_next_one_unsent() {
    if !has_python() {
        return;
    }
    for what in ["answer(request, 2)", "os.close(reads); os.close(writes)"] {
        let done = std::env::temp_dir().join(format!("slackwater-between-{}", std::process::id()));
        let _ = std::fs::remove_file(&done);
        let script = format!(
            "ready()\nrequest = asked()\nanswer(request, 1)\n{what}\nopen({done:?}, 'w').close()\ntime.sleep(60)"
        );
        let pool = pool_of(python(&script)).build().unwrap();
        let mut worker = pool.checkout().unwrap();
        assert_eq!(worker.call::<_, u32>("any", &()).unwrap(), 1);
        until(|| done.exists());
        let error = worker.call::<_, u32>("any", &()).unwrap_err();
        match (&error, what.starts_with("answer")) {
            (ProcessError::Stray { sent: false, .. }, true) | (ProcessError::Closed { sent: false, .. }, false) => {}
            _ => panic!("{what}: {error}"),
        }
        assert!(error.was_not_sent());
        drop(worker);
        closes_balanced(&pool);
        assert!(pool.stats().destroyed.by(DestroyReason::Broken) >= 1);
        std::fs::remove_file(&done).unwrap();
    }
}

#[test]
fn an_answer_that_comes_late_answers_nobody() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).max_size(2).build().unwrap();
    let mut late = pool.checkout().unwrap();
    let pid = late.pid();
    let error = late.call_within::<_, Value>("sleep", &0.2, Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, ProcessError::Timeout { sent: true, .. }), "{error}");
    // By now there is, or will be, an answer; nobody asks this worker again.
    assert!(matches!(late.call::<_, Value>("echo", &1), Err(ProcessError::Spent)));
    drop(late);
    for number in 0..50 {
        let mut worker = pool.checkout().unwrap();
        assert_ne!(worker.pid(), pid);
        assert_eq!(worker.call::<_, u32>("echo", &number).unwrap(), number);
    }
    closes_balanced(&pool);
}

#[test]
fn each_checkout_has_an_epoch_of_its_own_and_each_request_an_id() {
    if !has_python() {
        return;
    }
    let told = "ready()\nwhile True:\n    request = asked()\n    answer(request, [request['epoch'], request['id']])";
    let pool = pool_of(python(told)).build().unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut worker = pool.checkout().unwrap();
        seen.extend((0..2).map(|_| worker.call::<_, (u32, u32)>("any", &()).unwrap()));
    }
    assert_eq!(seen, [(1, 1), (1, 2), (2, 3), (2, 4)]);
    closes_balanced(&pool);
}

#[test]
fn megabytes_pass_in_both_directions_and_more_than_a_frame_holds_is_refused_here() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server().max_frame(6 << 20)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let long = "x".repeat(5 << 20);
    assert!(worker.call::<_, String>("echo", &long).unwrap() == long);
    let error = worker.call::<_, String>("echo", &"x".repeat(7 << 20)).unwrap_err();
    assert!(matches!(error, ProcessError::RequestTooLarge { max: 0x60_0000, .. }) && error.was_not_sent(), "{error}");
    assert_eq!(worker.call::<_, u32>("echo", &1).unwrap(), 1);
    drop(worker);
    closes_balanced(&pool);
}

#[test]
fn raw_workers_get_bytes_and_answer_with_bytes() {
    if !has_python() {
        return;
    }
    let raw = r"
def head(kind, tag=bytes(8)): return tag + bytes([kind])
def put_raw(body): put(struct.pack('>I', len(body)) + body)
put_raw(head(3))
while True:
    body = exactly(struct.unpack('>I', exactly(4))[0])
    tag, kind, payload = body[:8], body[8], body[9:]
    if kind == 6: sys.exit(0)
    elif kind == 5: put_raw(head(1, tag))
    elif payload == b'fail': put_raw(head(2, tag) + b'no')
    else: put_raw(head(1, tag) + payload[::-1])";
    let pool = pool_of(python(raw).codec(Codec::Raw)).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    assert_eq!(worker.call_raw(b"abc\0\xff").unwrap(), b"\xff\0cba");
    assert_eq!(worker.call_raw(b"fail").unwrap_err().application().unwrap().message, "no");
    worker.ping().unwrap();
    assert!(matches!(worker.call::<_, Value>("any", &()), Err(ProcessError::OtherCodec { with: "call_raw", .. })));
    assert_eq!(worker.call_raw(b"").unwrap(), b"");
    drop(worker);
    closes_balanced(&pool);
}

#[test]
fn a_worker_can_have_its_channel_on_stdin_and_stdout() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server().channel(ChannelKind::Stdio)).build().unwrap();
    let value = json!(["a", 1]);
    let mut worker = pool.checkout().unwrap();
    assert_eq!(worker.call::<_, Value>("echo", &value).unwrap(), value);
    let environment: Value = worker.call("environment", &()).unwrap();
    assert!(environment.get("SLACKWATER_IN").is_none());
    drop(worker);
    closes_balanced(&pool);
}
