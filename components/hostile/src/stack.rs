//! The stack: calls inside calls.

/// Calls itself so deep.
pub(crate) fn recurse(depth: Option<u64>) -> u64 {
    dive(depth.unwrap_or(u64::MAX))
}

/// What is done with the answer of the inner call keeps this from becoming a
/// loop. It holds nothing in memory, so the stack that overflows is the
/// engine's and not the guest's own.
#[inline(never)]
fn dive(depth: u64) -> u64 {
    if depth == 0 {
        return 1;
    }
    dive(depth - 1).rotate_left(7).wrapping_mul(31) ^ depth
}
