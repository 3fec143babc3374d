//! Requests and answers.

use super::support::closes_balanced;
use super::workers::{has_python, pool_of, server};
use serde_json::{Value, json};
use slackwater::process::ProcessError;

#[test]
fn a_worker_answers_what_it_is_asked() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).max_size(2).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    assert_eq!(worker.operations(), ["echo", "pid"]);
    let value = json!({"a": [1, null, "ü"], "b": 2.5});
    assert_eq!(worker.call::<_, Value>("echo", &value).unwrap(), value);
    assert_eq!(worker.call::<_, u32>("pid", &()).unwrap(), worker.pid());
    drop(worker);
    closes_balanced(&pool);
}

#[test]
fn an_error_of_the_program_leaves_the_worker_in_service() {
    if !has_python() {
        return;
    }
    let pool = pool_of(server()).build().unwrap();
    let mut worker = pool.checkout().unwrap();
    let pid = worker.pid();
    let error = worker.call::<_, Value>("fail", "because").unwrap_err();
    let told = error.application().unwrap();
    assert_eq!(
        (told.kind.as_str(), told.message.as_str(), told.traceback.as_str()),
        ("ValueError", "because", "where")
    );
    assert!(error.leaves_worker());
    // An answer of another type than was asked for says nothing of the worker either.
    assert!(matches!(worker.call::<_, Vec<String>>("pid", &()), Err(ProcessError::Decode(_))));
    drop(worker);
    assert_eq!(pool.checkout().unwrap().call::<_, u32>("pid", &()).unwrap(), pid);
    closes_balanced(&pool);
}
