//! `result`: a long text as a result.

use crate::length;

/// Makes a text of so many bytes.
pub(crate) fn flood(bytes: u64) -> String {
    "x".repeat(length(bytes))
}
