//! A pool's numbers for the `metrics` facade: counters and gauges as they stand, times as they came.
//!
//! Everything is read from a [`Snapshot`](crate::Snapshot): nothing is recorded where the pool works.

#[cfg(feature = "http")]
mod prometheus;
mod reporter;
mod table;

#[cfg(feature = "http")]
pub use prometheus::Scrape;
pub use reporter::MetricsReporter;
pub use table::{Metric, MetricKind};
