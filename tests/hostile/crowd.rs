//! Many calls at once, half of them attacks: every honest one is right.

use patinox::{Limits, Request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Arena;
use crate::support::{code, soon};

const CALLS: u32 = 64;

/// Attacks, and how each ends under the crowd's limits.
fn attacks() -> [(&'static str, Value, &'static str); 8] {
    [
        ("spin", json!({}), "limit/fuel"),
        ("sleep", json!({ "ms": 60_000 }), "limit/wall"),
        ("hoard", json!({ "bytes": 64 << 20 }), "limit/memory"),
        ("trap", json!({}), "component/trap"),
        ("recurse", json!({}), "component/stack"),
        ("exit-with", json!({ "code": 3 }), "component/exit"),
        ("flood-stdout", json!({ "bytes": 1 << 20 }), "ok"),
        ("rounds-of-calls", json!({ "n": 1 << 30 }), "limit/fuel"),
    ]
}

fn limits(function: &str) -> Limits {
    let defaults = Limits::default();
    Limits {
        fuel: 20_000_000,
        // What waits for its deadline has a short one, nothing else.
        wall_ms: if function == "sleep" {
            300
        } else {
            defaults.wall_ms
        },
        memory_bytes: 8 << 20,
        ..defaults
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn among_attackers_every_honest_call_is_right() {
    let arena = Arena::new().await;
    let mut calls = JoinSet::new();
    for n in 0..CALLS / 2 {
        calls.spawn(arena.neighbour.still_answers(2 * n));
        let all = attacks();
        let (function, arguments, ends) = all[n as usize % all.len()].clone();
        let request = Request::new(function, arguments).limits(limits(function));
        let (host, hostile) = (arena.host.clone(), arena.hostile.clone());
        calls.spawn(async move {
            let called = soon(host.call(&hostile, request)).await;
            assert_eq!(code(&called), ends, "{function}: {called:?}");
        });
    }
    while let Some(done) = calls.join_next().await {
        done.expect("a call");
    }
}
