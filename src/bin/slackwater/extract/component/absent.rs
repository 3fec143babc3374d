//! A command that was built without the feature `wasm`.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use slackwater::Snapshot;
use slackwater::extract::{Recipe, Values};
use slackwater::http::Server;

use super::Options;
use crate::extract::failure::Failure;
use crate::extract::work::Visit;

/// There is none.
pub enum Component {}

impl Component {
    /// # Errors
    /// Always.
    pub fn build(_: &Options, _: Option<&Path>, _: &Recipe, _: usize, _: Duration) -> Result<Self, String> {
        Err("this command was built without it; build it with --features cli,wasm".to_owned())
    }

    pub fn visit(&self, _: &str, _: &mut Values, _: &mut Option<Visit>) -> Result<(), Failure> {
        match *self {}
    }

    pub fn served_by(&self, _: Server) -> Server {
        match *self {}
    }

    pub fn snapshot(&self) -> Snapshot {
        match *self {}
    }

    pub fn digest(&self) -> String {
        match *self {}
    }

    pub fn json(&self) -> Value {
        match *self {}
    }
}
