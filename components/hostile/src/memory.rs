//! `memory`: allocating.

use std::hint::black_box;

use crate::length;

const STEP_BYTES: u64 = 1024 * 1024;

/// Holds so many bytes at once.
///
/// An allocation that the host refuses ends the guest, as it ends most
/// programs.
pub(crate) fn hoard(bytes: u64) -> u64 {
    let mut held: Vec<Vec<u8>> = Vec::new();
    let mut left = bytes;
    while 0 < left {
        let step = left.min(STEP_BYTES);
        held.push(black_box(vec![0xa5; length(step)]));
        left -= step;
    }
    black_box(&held).iter().map(|part| part.len() as u64).sum()
}
