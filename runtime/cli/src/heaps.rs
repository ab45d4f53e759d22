//! One heap for all threads, where address space is short.
//!
//! The C library gives threads heaps of their own and reserves 64 MiB for each,
//! and what a program cannot allocate ends it. It takes the number from its
//! environment alone, so the program begins anew with that.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use patinox_host::Detector;

/// What bounds the number of heaps, in the C library's own words.
const HEAPS: &str = "MALLOC_ARENA_MAX";

/// Below this, in bytes, heaps are shared.
const SHORT_BYTES: u64 = 8 << 30;

/// Begins the program anew with one heap, where the address space is short and
/// nobody has said how many. Where that does not work, it goes on as it is.
pub(crate) fn share(arguments: &[OsString]) {
    let limit = Detector::new().address_space().limit_bytes;
    let is_short = limit.is_some_and(|limit| limit.value < SHORT_BYTES);
    #[expect(
        clippy::disallowed_methods,
        reason = "the C library reads it, and nothing of ours does"
    )]
    let is_said = std::env::var_os(HEAPS).is_some();
    if !is_short || is_said {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut again = Command::new(program);
    if let Some((name, arguments)) = arguments.split_first() {
        again.arg0(name).args(arguments);
    }
    let _ = again.env(HEAPS, "1").exec();
}
