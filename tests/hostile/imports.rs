//! What a guest asks of the host in single calls: much at once, much of the
//! same, for very long.

use std::time::Duration;

use patinox::{Called, Limits};
use serde_json::{Value, json};

use super::Arena;
use crate::support::{call, call_within, code};

async fn ask(arena: &Arena, function: &str, arguments: Value) -> Called {
    let called = call(&arena.host, &arena.hostile, function, arguments).await;
    arena.neighbour.still_answers(10).await;
    called
}

/// The length is the guest's word, and an allocation in the host.
#[tokio::test]
async fn all_the_randomness_there_is() {
    let arena = Arena::new().await;
    for bytes in [(64_u64 << 10) + 1, 1 << 40, u64::MAX] {
        let arguments = json!({ "bytes": bytes.to_string() });
        let called = ask(&arena, "draw-at-once", arguments).await;
        assert_eq!(code(&called), "limit/random", "{called:?}");
        assert!(called.usage.wall < Duration::from_secs(1), "{called:?}");
    }
    let most = json!({ "bytes": 64 << 10 });
    let called = ask(&arena, "draw-at-once", most).await;
    assert_eq!(called.result.ok(), Some(json!(64 << 10)));
}

/// One pollable, named many times.
#[tokio::test]
async fn waiting_for_the_same_many_times() {
    let arena = Arena::new().await;
    let called = ask(&arena, "wait-for-many", json!({ "n": 256 })).await;
    assert_eq!(called.result.ok(), Some(json!(256)));
    let called = ask(&arena, "wait-for-many", json!({ "n": 257 })).await;
    assert_eq!(code(&called), "limit/pollables");
    // Each time it is named is a loan, and a loan takes a handle.
    let called = ask(&arena, "wait-for-many", json!({ "n": 1_000_000 })).await;
    assert_eq!(code(&called), "limit/handles");
}

/// No timer holds centuries; the call's own time ends the wait.
#[tokio::test]
async fn sleeping_for_centuries() {
    let arena = Arena::new().await;
    let limits = Limits {
        wall_ms: 50,
        ..Limits::default()
    };
    for ms in [u64::MAX, 1 << 45, 1 << 40] {
        let sleep = ("sleep", json!({ "ms": ms.to_string() }));
        let called = call_within(&arena.host, &arena.hostile, sleep, limits).await;
        assert_eq!(code(&called), "limit/wall", "{ms}: {called:?}");
    }
    arena.neighbour.still_answers(10).await;
}

/// What goes in and what comes out costs by the byte.
#[tokio::test]
async fn bytes_cost_fuel() {
    let arena = Arena::new().await;
    let fuel = async |function, bytes: u64| {
        let called = ask(&arena, function, json!({ "bytes": bytes })).await;
        assert_eq!(called.result.ok(), Some(json!(bytes)), "{function}");
        called.usage.fuel
    };
    for (function, bytes) in [("log-at-once", 1 << 20), ("draw-at-once", 60_000)] {
        let spent = fuel(function, bytes).await - fuel(function, 1).await;
        assert!(bytes <= spent, "{function}: {spent} for {bytes}");
    }
}
