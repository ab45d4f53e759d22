//! `fuel`: computing.

/// Goes round so often. Each round depends on the one before, so no compiler
/// can leave rounds out.
pub(crate) fn spin(rounds: Option<u64>) -> u64 {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    for round in 0..rounds.unwrap_or(u64::MAX) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state = state.wrapping_add(round);
    }
    state
}
