//! Programs that were written for r2d2: its documented behaviours, of r2d2 itself and of its names on this crate's pool, under either
//! rules; each rule that can be switched; and its managers as managers of ours.
#![allow(clippy::duplicate_mod, reason = "the same tests for each pool is what this is about")]

#[path = "r2d2/adapter.rs"]
mod adapter;
#[path = "r2d2/beyond.rs"]
mod beyond;
#[path = "r2d2/fake.rs"]
mod fake;
#[path = "support/logger.rs"]
mod logger;
#[path = "r2d2/peer.rs"]
mod peer;
#[path = "r2d2/reaping.rs"]
mod reaping;
#[path = "r2d2/rules.rs"]
mod rules;
mod support;
#[path = "r2d2/transactions.rs"]
mod transactions;
#[path = "r2d2/under_ours.rs"]
mod under_ours;
#[path = "r2d2/under_theirs.rs"]
mod under_theirs;
