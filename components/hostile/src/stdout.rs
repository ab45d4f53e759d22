//! `stdout`: much to the standard output.

use std::io;

/// Writes so many bytes.
pub(crate) fn flood(bytes: u64) -> u64 {
    crate::flood(io::stdout().lock(), bytes)
}
