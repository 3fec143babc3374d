//! Workers: threads that own resources which never leave them, and the jobs they run.

#[path = "workers/basic.rs"]
mod basic;
#[path = "support/mod.rs"]
mod support;
