//! `pollables`: much to wait for.

use crate::length;
use crate::world::wasi::clocks::monotonic_clock::subscribe_duration;
use crate::world::wasi::io::poll::poll;

/// So long that none of them is over before the guest is.
const AN_HOUR: u64 = 3_600_000_000_000;

/// Keeps so many timers until the end.
pub(crate) fn hold(n: u64) -> u64 {
    let held: Vec<_> = (0..n).map(|_| subscribe_duration(AN_HOUR)).collect();
    held.len() as u64
}

/// Names one timer so often.
pub(crate) fn wait_for_many(n: u64) -> u64 {
    let timer = subscribe_duration(0);
    poll(&vec![&timer; length(n)]).len() as u64
}
