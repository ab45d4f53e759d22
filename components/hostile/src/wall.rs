//! `wall`: waiting in the host.

use std::thread;
use std::time::Duration;

/// Waits so long.
pub(crate) fn sleep(ms: u64) -> u64 {
    thread::sleep(Duration::from_millis(ms));
    ms
}
