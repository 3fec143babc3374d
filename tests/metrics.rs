//! What goes through the `metrics` facade, and what Prometheus is given: names, units, and numbers that balance with `Stats`.
#![cfg(feature = "metrics")]

mod support;

#[path = "metrics/dashboard.rs"]
mod dashboard;
#[path = "metrics/flushes.rs"]
mod flushes;
#[path = "metrics/listener.rs"]
mod listener;
#[path = "metrics/names.rs"]
mod names;
#[path = "metrics/reports.rs"]
mod reports;
#[cfg(feature = "http")]
#[path = "metrics/scrape.rs"]
mod scrape;
