//! Code of others that may panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what may panic; `None` if it did. What it had borrowed is as it left it.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(payload) => {
            // The payload's own destructor may panic too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            None
        }
    }
}
