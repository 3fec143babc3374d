//! The settings of a pool of instances out of the environment.

use super::limits::MIB;
use super::manager::WasmOptions;
use crate::config::PoolConfig;
use std::ffi::OsString;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The settings of a pool of instances, as variables of the environment give them.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `WASM_POOL_SIZE` | instances kept ready | 10 |
/// | `WASM_MAX_INSTANCES` | instances there may be | 50 |
/// | `WASM_IDLE_TIMEOUT_MS` | how long one beyond `WASM_POOL_SIZE` idles before it ends | 60000 |
/// | `WASM_HEALTH_CHECK_INTERVAL_MS` | how often free instances are checked | 30000 |
/// | `WASM_MEMORY_LIMIT_MB` | MiB that one instance, and all together, may have | 512 |
/// | `MEMORY_PRESSURE_THRESHOLD` | share of that above which idle instances end, 0.01 to 1 | 0.8 |
/// | `GC_INTERVAL_MS` | how long a reused instance that has grown idles before a new one takes its place | 60000 |
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WasmConfig {
    /// `WASM_POOL_SIZE`.
    pub pool_size: usize,
    /// `WASM_MAX_INSTANCES`.
    pub max_instances: usize,
    /// `WASM_IDLE_TIMEOUT_MS`.
    pub idle_timeout: Duration,
    /// `WASM_HEALTH_CHECK_INTERVAL_MS`.
    pub health_check_interval: Duration,
    /// `WASM_MEMORY_LIMIT_MB`.
    pub memory_limit_mb: usize,
    /// `MEMORY_PRESSURE_THRESHOLD`.
    pub memory_pressure: f64,
    /// `GC_INTERVAL_MS`.
    pub gc_interval: Duration,
}

impl Default for WasmConfig {
    fn default() -> Self {
        Self {
            pool_size: 10,
            max_instances: 50,
            idle_timeout: Duration::from_secs(60),
            health_check_interval: Duration::from_secs(30),
            memory_limit_mb: 512,
            memory_pressure: 0.8,
            gc_interval: Duration::from_secs(60),
        }
    }
}

/// Why the environment is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WasmConfigError {
    /// A variable begins with `WASM_` and is none of those above: most likely one of them, misspelt.
    #[error("there is no setting {name}; known are {}", Known)]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A value that cannot be read, or is out of range.
    #[error("{name} is {value:?}; allowed is {allowed}")]
    Value {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// There are to be more instances ready than there may be.
    #[error(
        "WASM_POOL_SIZE is {pool_size} and WASM_MAX_INSTANCES {max_instances}; raise the second, or lower the first"
    )]
    PoolSize {
        /// Instances to be kept ready.
        pool_size: usize,
        /// Instances there may be.
        max_instances: usize,
    },
}

const NAMES: [&str; 7] = [
    "WASM_POOL_SIZE",
    "WASM_MAX_INSTANCES",
    "WASM_IDLE_TIMEOUT_MS",
    "WASM_HEALTH_CHECK_INTERVAL_MS",
    "WASM_MEMORY_LIMIT_MB",
    "MEMORY_PRESSURE_THRESHOLD",
    "GC_INTERVAL_MS",
];

struct Known;

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&NAMES.join(", "))
    }
}

impl WasmConfig {
    /// The settings in the environment of the process.
    ///
    /// # Errors
    /// For a variable that begins with `WASM_` and is unknown, and for a value that is not understood or not allowed. Others are other
    /// programs': of `MEMORY_PRESSURE_THRESHOLD` and `GC_INTERVAL_MS` a wrong name is passed over.
    pub fn from_env() -> Result<Self, WasmConfigError> {
        Self::from_vars(std::env::vars_os())
    }

    /// The settings in these variables. Of several with one name the last counts.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_vars<N: Into<OsString>, V: Into<OsString>>(
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, WasmConfigError> {
        let mut config = Self::default();
        for (name, value) in vars {
            let name = name.into().to_string_lossy().into_owned();
            let Some(known) = NAMES.into_iter().find(|known| *known == name) else {
                if name.starts_with("WASM_") {
                    return Err(WasmConfigError::Unknown { name });
                }
                continue;
            };
            let value = value.into();
            let value = Value { name: known, text: value.to_string_lossy().into_owned() };
            match known {
                "WASM_POOL_SIZE" => config.pool_size = value.number(1..=10_000)?,
                "WASM_MAX_INSTANCES" => config.max_instances = value.number(1..=10_000)?,
                "WASM_IDLE_TIMEOUT_MS" => config.idle_timeout = value.span()?,
                "WASM_HEALTH_CHECK_INTERVAL_MS" => config.health_check_interval = value.span()?,
                "WASM_MEMORY_LIMIT_MB" => config.memory_limit_mb = value.number(1..=4096)?,
                "MEMORY_PRESSURE_THRESHOLD" => config.memory_pressure = value.share()?,
                _ => config.gc_interval = value.span()?,
            }
        }
        let Self { pool_size, max_instances, .. } = config;
        if pool_size > max_instances {
            return Err(WasmConfigError::PoolSize { pool_size, max_instances });
        }
        Ok(config)
    }

    /// The settings as options of instances, on top of `options`.
    pub fn options(&self, mut options: WasmOptions) -> WasmOptions {
        let limit = self.memory_limit_mb * MIB;
        (options.limits.memory, options.limits.total_memory) = (limit, Some(limit));
        options.gc_interval = Some(self.gc_interval);
        options
    }

    /// The settings as those of a pool, on top of `pool`.
    pub fn pool(&self, mut pool: PoolConfig) -> PoolConfig {
        (pool.min_idle, pool.max_size) = (Some(self.pool_size), self.max_instances);
        // Where all are kept ready, none idles for too long.
        pool.idle_timeout = (self.pool_size < self.max_instances).then_some(self.idle_timeout);
        // An instance that could not be renewed is of no use as a last resort either.
        (pool.check_interval, pool.remove_after) = (Some(self.health_check_interval), 1);
        pool.memory_budget = Some((self.memory_limit_mb * MIB) as u64);
        pool.memory_pressure = Some(self.memory_pressure);
        pool
    }

    /// Slots that an engine needs for one pool with these settings.
    pub fn slots(&self) -> usize {
        // The pool's own surge, and the one that is tried out at a swap.
        self.max_instances + PoolConfig::default().surge + 1
    }
}

struct Value {
    name: &'static str,
    text: String,
}

impl Value {
    fn refused(self, allowed: String) -> WasmConfigError {
        WasmConfigError::Value { name: self.name, value: self.text, allowed }
    }

    fn number(self, allowed: RangeInclusive<usize>) -> Result<usize, WasmConfigError> {
        match self.text.parse() {
            Ok(number) if allowed.contains(&number) => Ok(number),
            _ => Err(self.refused(format!("a whole number from {} to {}", allowed.start(), allowed.end()))),
        }
    }

    fn span(self) -> Result<Duration, WasmConfigError> {
        self.number(1..=365 * 24 * 60 * 60 * 1000).map(|ms| Duration::from_millis(ms as u64))
    }

    fn share(self) -> Result<f64, WasmConfigError> {
        match self.text.parse() {
            Ok(share) if (0.01..=1.0).contains(&share) => Ok(share),
            _ => Err(self.refused("a share from 0.01 to 1, like 0.8".to_owned())),
        }
    }
}
