//! What is said in the log, while these tests run.

use parking_lot::Mutex;
use std::sync::Once;

static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("slackwater")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            SAID.lock().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

pub fn listen() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        log::set_logger(&Logger).unwrap();
        log::set_max_level(log::LevelFilter::Warn);
    });
}

/// The lines that are such.
pub fn said(is_one: impl Fn(&str) -> bool) -> Vec<String> {
    SAID.lock().iter().filter(|line| is_one(line)).cloned().collect()
}
