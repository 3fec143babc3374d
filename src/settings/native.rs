//! Variables that deployments of extractor pools have had for long, under their own names.

use super::layers::Settings;
use super::options::find;
use super::origin::{Origin, SettingsError};
use super::scalar::{Given, Scalar};
use std::ffi::OsString;
use std::time::Duration;

/// What a variable's value becomes.
enum Becomes {
    /// It is the setting's.
    Same,
    /// Milliseconds.
    Time,
    /// Off, if it is false.
    Off,
}

const NAMES: [(&str, &str, Becomes); 8] = [
    ("NATIVE_POOL_SIZE", "min_idle", Becomes::Same),
    ("NATIVE_MAX_INSTANCES", "max_size", Becomes::Same),
    ("NATIVE_IDLE_TIMEOUT_MS", "idle_timeout", Becomes::Time),
    ("CB_FAILURE_THRESHOLD", "breaker.failure_threshold", Becomes::Same),
    ("CB_SUCCESS_THRESHOLD", "breaker.success_threshold", Becomes::Same),
    ("CB_TIMEOUT_MS", "breaker.open_for", Becomes::Time),
    ("HEALTH_CHECK_INTERVAL_MS", "check_interval", Becomes::Time),
    // Last: what is off has no interval, whatever is said of that.
    ("HEALTH_CHECK_ENABLED", "check_interval", Becomes::Off),
];

/// Who begins so is meant for this.
const PREFIXES: [&str; 3] = ["NATIVE_", "CB_", "HEALTH_CHECK_"];

impl Settings {
    /// Variables of the process's environment under the names they have in deployments of extractor pools, over what is there:
    ///
    /// | variable | setting |
    /// |---|---|
    /// | `NATIVE_POOL_SIZE` | `min_idle` |
    /// | `NATIVE_MAX_INSTANCES` | `max_size` |
    /// | `NATIVE_IDLE_TIMEOUT_MS` | `idle_timeout` |
    /// | `CB_FAILURE_THRESHOLD` | `breaker.failure_threshold`: failures in a row |
    /// | `CB_SUCCESS_THRESHOLD` | `breaker.success_threshold` |
    /// | `CB_TIMEOUT_MS` | `breaker.open_for` |
    /// | `HEALTH_CHECK_INTERVAL_MS` | `check_interval` |
    /// | `HEALTH_CHECK_ENABLED` | `check_interval`: off, if it is `false` |
    ///
    /// Those of components, `WASM_POOL_SIZE` and so on, are `wasm::WasmConfig`'s.
    ///
    /// # Errors
    /// For a variable that begins with `NATIVE_`, `CB_` or `HEALTH_CHECK_` and is none of these, and for a value that cannot be.
    pub fn native_env(self) -> Result<Self, SettingsError> {
        self.native_vars(std::env::vars_os())
    }

    /// As [`native_env`](Self::native_env), with these variables.
    ///
    /// # Errors
    /// As there.
    pub fn native_vars<N: Into<OsString>, V: Into<OsString>>(
        self,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, SettingsError> {
        let mut found = Vec::new();
        for (name, value) in vars {
            let name = name.into().to_string_lossy().into_owned();
            match NAMES.iter().position(|(known, ..)| *known == name) {
                Some(place) => found.push((place, value.into().to_string_lossy().into_owned())),
                None if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => {
                    let known = NAMES.map(|(known, ..)| known).join(", ");
                    let origin = Origin::Variable(name.clone());
                    return Err(SettingsError::Unknown { origin, name, hint: format!("known are {known}") });
                }
                None => {}
            }
        }
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().try_fold(self.layer(), |settings, (place, value)| {
            let (variable, setting, becomes) = &NAMES[place];
            settings.variable(variable, setting, becomes, value)
        })
    }

    fn variable(
        self,
        variable: &str,
        setting: &'static str,
        becomes: &Becomes,
        value: String,
    ) -> Result<Self, SettingsError> {
        let origin = Origin::Variable(variable.to_owned());
        let refused = |value: String, what: &str| {
            Err(SettingsError::Value { origin: origin.clone(), name: setting, value, what: what.to_owned() })
        };
        let given = match becomes {
            Becomes::Same => Given::Word(value),
            Becomes::Time => match value.parse() {
                Ok(milliseconds) => Duration::from_millis(milliseconds).show(),
                Err(_) => return refused(value, "a whole number of milliseconds"),
            },
            Becomes::Off => match value.as_str() {
                "true" => return Ok(self),
                "false" => Given::Word("off".to_owned()),
                _ => return refused(value, "true or false"),
            },
        };
        let row = find(setting).expect("each of these is a setting");
        self.give(row, given, origin)
    }
}
