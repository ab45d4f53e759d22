//! A trap.

/// Ends by the instruction `unreachable`, which is what an abort is in Wasm.
pub(crate) fn trap() {
    std::process::abort()
}
