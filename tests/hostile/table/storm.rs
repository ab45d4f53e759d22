//! O09: a storm of traps, where the environment asks for backtraces: it is the
//! first of them that the system's symbols would be read for.

use std::time::{Duration, Instant};

use serde_json::json;

use super::field::Field;
use super::said::assert_ours;
use super::{again, on_two_cores};
use crate::support::{call, code, process};

const TRAPS: u32 = 10_000;

/// What a trap may take, ten times: a guard against hangs.
const AT_ONCE: Duration = Duration::from_millis(10);

#[test]
fn a_storm_of_traps_leaves_nothing() {
    let test = "storm::a_storm_of_traps_leaves_nothing";
    again::with(("RUST_BACKTRACE", "1"), test, || on_two_cores(storm()));
}

async fn storm() {
    let field = Field::new().await;
    let trap = async || {
        let start = Instant::now();
        let called = call(&field.host, &field.hostile, "trap", json!({})).await;
        assert_eq!(code(&called), "component/trap");
        assert_ours("O09", &called.result.expect_err("a trap"));
        start.elapsed()
    };
    field.neighbour.still_answers(2_000).await;
    let before = process::resident();
    let first = trap().await;
    let mut took = Vec::new();
    for _ in 0..TRAPS {
        took.push(trap().await);
    }
    took.sort_unstable();
    let p99 = took[took.len() - 1 - took.len() / 100];
    let grown = process::resident().saturating_sub(before);
    eprintln!("the first trap {first:.2?}, p99 {p99:.2?}, {grown} bytes more");
    assert!(p99 <= AT_ONCE, "{p99:?}");
    assert!(grown <= 16 << 20, "{grown} bytes");
    field.neighbour.still_answers(10).await;
}
