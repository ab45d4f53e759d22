//! `stderr`: much to the standard error.

use std::io;

/// Writes so many bytes.
pub(crate) fn flood(bytes: u64) -> u64 {
    crate::flood(io::stderr().lock(), bytes)
}
