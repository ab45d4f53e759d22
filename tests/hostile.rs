//! Attacks on the host, each by a function of `components/hostile`. Every one
//! ends by its own code, and a neighbour's calls never notice.

mod bombs;
mod cancel;
mod compile;
mod crashes;
mod crowd;
mod growth;
mod host_calls;
mod imports;
mod limits;
mod overshoot;
mod starving;
mod table;

use patinox::{Host, Loaded};
use serde_json::{Value, json};

use crate::support::{self, Neighbour};

/// The hostile component, and its neighbour, in one host.
struct Arena {
    host: Host,
    hostile: Loaded,
    neighbour: Neighbour,
}

impl Arena {
    async fn new() -> Self {
        let host = support::host();
        Self {
            hostile: support::hostile(&host).await,
            neighbour: Neighbour::of(&host).await,
            host,
        }
    }
}

/// A `u64` as a tool gives it: beyond 2^53 a string.
fn wide(number: u64) -> Value {
    if number <= 1 << 53 {
        json!(number)
    } else {
        json!(number.to_string())
    }
}

/// The checksum that `spin` answers with.
fn spun(rounds: u64) -> Value {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    for round in 0..rounds {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state = state.wrapping_add(round);
    }
    wide(state)
}
