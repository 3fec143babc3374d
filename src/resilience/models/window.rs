//! The window's buckets.

use super::super::window::{Told, Window};
use super::*;

/// Buckets of 100 ms, from time zero.
fn window() -> Arc<Window> {
    Arc::new(Window::new(0.5, Duration::from_millis(800), 1))
}

fn tell_at(window: &Arc<Window>, now: u64, failed: bool) -> loom::thread::JoinHandle<()> {
    let window = Arc::clone(window);
    loom::thread::spawn(move || window.tell(0, now * MS, failed))
}

/// Rules out: of two calls that find a bucket to be turned, one is lost.
#[test]
fn two_calls_that_turn_a_bucket_both_count() {
    explore_all("two_calls_that_turn_a_bucket_both_count", || {
        let window = window();
        window.tell(0, 0, true);
        // The same bucket, once around.
        let other = tell_at(&window, 800, true);
        window.tell(0, 810 * MS, false);
        other.join().unwrap();
        assert_eq!(window.told(0, 810 * MS), Told { calls: 2, failures: 1 });
    });
}

/// Rules out: a thread that was held up for longer than the window turns a bucket back, and what is newer is lost.
#[test]
fn a_call_older_than_the_window_takes_nothing_away() {
    explore_all("a_call_older_than_the_window_takes_nothing_away", || {
        let window = window();
        let late = tell_at(&window, 0, true);
        window.tell(0, 800 * MS, false);
        late.join().unwrap();
        assert_eq!(window.told(0, 800 * MS), Told { calls: 1, failures: 0 });
    });
}
