//! `random`: much of the host's randomness.

use crate::world::wasi::random::random::get_random_bytes;

const PIECE_BYTES: u64 = 1024;

/// Draws so many bytes in pieces.
pub(crate) fn draw(bytes: u64) -> u64 {
    let mut drawn = 0;
    while drawn < bytes {
        let piece = PIECE_BYTES.min(bytes - drawn);
        drawn += get_random_bytes(piece).len() as u64;
    }
    drawn
}

/// Draws so many bytes at once.
pub(crate) fn draw_at_once(bytes: u64) -> u64 {
    get_random_bytes(bytes).len() as u64
}
