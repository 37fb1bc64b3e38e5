//! Waiting for a condition, never for a time.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Generous: two cores may run many servers.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets a little time pass between two looks at a condition.
pub(crate) fn breathe(time: Duration) {
    // A lock that nobody else has: waiting on it with a limit is a pause.
    let lock = Mutex::new(());
    let held = lock.lock().unwrap();
    let _ = Condvar::new().wait_timeout(held, time).unwrap();
}

/// Asks `condition` until it answers something; panics with `what` after a minute.
pub fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, condition)
}

/// The same with another limit.
pub fn until_within<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            started.elapsed() < limit,
            "waited {limit:?} in vain for: {what}"
        );
        breathe(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(100));
    }
}

/// Holds `what` for `time`: the one way to show that something does *not* happen.
pub fn stays(time: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while started.elapsed() < time {
        assert!(condition(), "no longer so: {what}");
        breathe(Duration::from_millis(50));
    }
}

/// Lets `time` pass: the moment of a kill, never a wait for something.
pub fn pass(time: Duration) {
    breathe(time);
}
