//! What a pool says to the program's log, and through `tracing`: each event on a line, at a level that fits, whoever listens and
//! whatever that does.

mod support;

#[path = "lines/logged.rs"]
mod logged;
#[cfg(feature = "tracing")]
#[path = "lines/traced.rs"]
mod traced;
