//! Reads a pool's settings, as TOML and as JSON. What is accepted means the same once it has been written and read again; every mistake must
//! point into the text and explain itself.

#![no_main]

use slackwater::{PoolConfig, Settings, SettingsError};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for settings in [Settings::new().toml("file", text), Settings::new().json("file", text)] {
        match settings.and_then(|settings| settings.config()) {
            Ok(config) => {
                let written = serde_json::to_string(&config).unwrap();
                let again: PoolConfig =
                    serde_json::from_str(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
                assert_eq!(format!("{config:?}"), format!("{again:?}"), "{written}");
            }
            Err(SettingsError::File { errors, .. }) => {
                assert!(!errors.mistakes().is_empty());
                for mistake in errors.mistakes() {
                    assert!(mistake.input() == text && mistake.offset() <= text.len());
                    assert!(!mistake.what().is_empty() && !mistake.hint().is_empty());
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
