//! The schema for editors, as a validator takes it that is somebody else's.

use super::every::{EACH, beside};
use serde_json::{Value, json};
use slackwater::{PoolConfig, Settings};
use std::io::Write;
use std::process::{Command, Stdio};

/// Says what is wrong with the schema, with what it should take, and with what it should not.
const VALIDATES: &str = "
import json, sys
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
Draft202012Validator.check_schema(given['schema'])
validator = Draft202012Validator(given['schema'])
for file in given['good']:
    for error in validator.iter_errors(file):
        print('refused', file, error.message)
for file in given['bad']:
    if validator.is_valid(file):
        print('taken', file)
";

/// What a file has that sets this.
fn file(config: &PoolConfig) -> Value {
    serde_json::to_value(config).unwrap()
}

/// Promise: an editor that checks a file by the schema has nothing to say of one that the library takes, and underlines what no file may have.
/// Provoked: a file for each setting; names and types that there are not.
#[test]
#[ignore = "wants a Python with jsonschema, named by SLACKWATER_PYTHON: `.ci/run outputs` has one"]
fn python_validates_by_the_schema_what_the_library_takes() {
    let mut good = vec![file(&PoolConfig::default())];
    good.extend(EACH.iter().map(|(name, value, _, others)| {
        let settings = beside(others).set(name, value).unwrap();
        file(&settings.config().unwrap())
    }));
    let bad = [
        json!({ "max_sise": 8 }),
        json!({ "max_size": "eight" }),
        json!({ "max_size": -1 }),
        json!({ "checkout_timeout": true }),
        json!({ "strategy": "newest" }),
        json!({ "breaker": { "failure_treshold": 3 } }),
        json!({ "refuse_unservable": "yes" }),
        json!([]),
    ];
    for bad in &bad {
        assert!(Settings::new().json("bad.json", &bad.to_string()).and_then(|read| read.config()).is_err(), "{bad}");
    }
    let python = std::env::var("SLACKWATER_PYTHON").unwrap();
    let mut child = Command::new(python);
    let child = child.args(["-c", VALIDATES]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let given = json!({ "schema": Settings::schema(), "good": good, "bad": bad });
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}
