//! What the pools tell the program's log.

use std::sync::Mutex;

static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            SAID.lock().expect("no panic under it").push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Listens from now on.
pub fn listen() {
    static LISTENER: Listener = Listener;
    if log::set_logger(&LISTENER).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

/// Forgets what was said.
pub fn forget() {
    SAID.lock().expect("no panic under it").clear();
}

/// What was said since.
pub fn all() -> Vec<String> {
    SAID.lock().expect("no panic under it").clone()
}
