//! The settings of a pool as people write them: in files, in variables of the environment, on a command line.
//!
//! | file      | what lives there                                                |
//! |-----------|-----------------------------------------------------------------|
//! | `scalar`  | what a single value may look like, and what it becomes          |
//! | `options` | every setting, once: its name, its kind, what it is good for    |
//! | `groups`  | those that stand for several, such as `breaker = "off"`         |
//! | `layers`  | [`Settings`]: one layer over another, and where each came from  |
//! | `native`  | variables under the names they have in older deployments         |
//! | `origin`  | where a value came from, and what was wrong with it             |
//! | `serde`   | [`PoolConfig`](crate::PoolConfig) in a program's own structures |
//! | `tell`    | the table of all settings, and a schema for editors             |

mod groups;
mod layers;
mod native;
mod options;
mod origin;
mod scalar;
mod serde;
mod tell;

pub use layers::{Setting, Settings};
pub use origin::{Origin, SettingsError};
