//! `log`: many messages.

use crate::length;
use crate::world::wasi::logging::logging::{Level, log};

const MESSAGE_BYTES: u64 = 1024;

/// Logs so many bytes.
pub(crate) fn flood(bytes: u64) -> u64 {
    let message = "x".repeat(length(MESSAGE_BYTES));
    for _ in 0..bytes / MESSAGE_BYTES {
        log(Level::Info, "flood", &message);
    }
    let rest = "x".repeat(length(bytes % MESSAGE_BYTES));
    if !rest.is_empty() {
        log(Level::Info, "flood", &rest);
    }
    bytes
}
