//! `slackwater config`.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::process::{Command, Output};

fn config(args: &[&str], vars: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    let Output { status, stdout, stderr } =
        command.arg("config").args(args).envs(vars.iter().copied()).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn what_somebody_said_is_shown_with_its_place() {
    let path = std::env::temp_dir().join(format!("slackwater-config-{}.toml", std::process::id()));
    std::fs::write(&path, "[pools.orders]\nmax_size = 8\nmax_lifetime = \"30m\"\n").unwrap();
    let file = path.to_str().unwrap();
    let said =
        ["show", "--said", "--file", file, "--table", "pools.orders", "--env", "SLACKORDERS", "--set", "surge=2"];
    let (code, out, told) = config(&said, &[("SLACKORDERS_MAX_SIZE", "16")]);
    assert_eq!(code, Some(0), "{told}");
    let words: Vec<Vec<_>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    let line = format!("{file}:3");
    assert_eq!(words[0], ["max_size", "16", "SLACKORDERS_MAX_SIZE"]);
    assert_eq!(words[1], ["max_lifetime", "\"30m\"", line.as_str()]);
    assert_eq!((&words[2], words.len()), (&vec!["surge", "2", "program"], 3));

    // What is printed as JSON is a file of settings.
    let again = path.with_extension("json");
    let (_, json, _) = config(&["show", "--json", "--set", "max_size=3"], &[]);
    std::fs::write(&again, json).unwrap();
    let (code, out, told) = config(&["show", "--file", again.to_str().unwrap()], &[]);
    assert!(code == Some(0) && out.contains("max_size                         3"), "{told}{out}");
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(again).unwrap();
}

/// Promise: the variables that extractor pools are deployed with are told by their names, over a preset. Provoked: one of each kind, beside one
/// that is misspelt.
#[test]
fn variables_of_deployments_are_shown_with_their_names() {
    let show = ["show", "--said", "--preset", "native-medium", "--native", "--set", "breaker.success_threshold=2"];
    let vars = [("NATIVE_MAX_INSTANCES", "40"), ("CB_TIMEOUT_MS", "2500"), ("HEALTH_CHECK_ENABLED", "false")];
    let (code, out, told) = config(&show, &vars);
    assert_eq!(code, Some(0), "{told}");
    let words: Vec<Vec<_>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected: [&[_]; 4] = [
        &["max_size", "40", "NATIVE_MAX_INSTANCES"],
        &["breaker.open_for", "\"2s", "500ms\"", "CB_TIMEOUT_MS"],
        &["breaker.success_threshold", "2", "program"],
        &["check_interval", "\"off\"", "HEALTH_CHECK_ENABLED"],
    ];
    assert_eq!(words, expected);
    let (_, all, _) = config(&["show", "--preset", "native-medium"], &[]);
    assert!(
        all.contains("min_idle                         10 ") && all.contains("max_size                         50 "),
        "{all}"
    );
    let (code, _, told) = config(&["show", "--native"], &[("CB_TIMEOUT", "1")]);
    assert!(code == Some(2) && told.contains("CB_TIMEOUT_MS"), "{told}");
}

#[test]
fn what_is_wrong_ends_with_2_and_says_where() {
    for (args, words) in [
        (&["show", "--set", "max_sise=8"][..], "did you mean max_size?"),
        (&["show", "--set", "max_size"], "there is no '='"),
        (&["show", "--set", "max_size=0"], "program: max_size = 0 is refused"),
        (&["show", "--file", "no such file"], "cannot read no such file"),
        (&["show", "--table", "x"], "--file"),
    ] {
        let (code, out, told) = config(args, &[]);
        assert!(code == Some(2) && out.is_empty() && told.contains(words), "{args:?}: {told}");
    }
}

#[test]
fn the_table_and_the_schema_are_those_of_the_library() {
    assert_eq!(config(&["options"], &[]).1, slackwater::Settings::table());
    let schema: serde_json::Value = serde_json::from_str(&config(&["schema"], &[]).1).unwrap();
    assert_eq!(schema, slackwater::Settings::schema());
}
