//! A call ends when its caller wants: by the token, or by dropping it.

use std::time::{Duration, Instant};

use patinox::{Called, Failure as _, Fault, Limits, Request};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Arena;
use crate::support::soon;

/// Long enough for a guest to be in the midst of its work.
const A_WHILE: Duration = Duration::from_millis(50);

/// How soon after the cancel a call has ended.
const PROMPTLY: Duration = Duration::from_millis(500);

fn endless() -> [(&'static str, Value); 3] {
    [
        ("spin", json!({})),
        ("sleep", json!({ "ms": 9_000 })),
        ("rounds-of-calls", json!({ "n": 1_000_000_000_u64 })),
    ]
}

fn request(function: &str, arguments: Value) -> Request {
    Request::new(function, arguments).limits(Limits {
        host_calls: u64::MAX,
        ..Limits::default()
    })
}

/// Runs a call, cancels it in its midst, and tells how long it then took.
async fn cancelled(arena: &Arena, (function, arguments): (&str, Value)) -> (Called, Duration) {
    let token = CancellationToken::new();
    let request = request(function, arguments).cancel(token.clone());
    let call = arena.host.call(&arena.hostile, request);
    tokio::pin!(call);
    let early = tokio::time::timeout(A_WHILE, &mut call).await;
    assert!(early.is_err(), "{function} ended by itself: {early:?}");
    let at = Instant::now();
    token.cancel();
    (soon(call).await, at.elapsed())
}

#[tokio::test]
async fn a_token_ends_a_guest_that_computes_waits_or_calls() {
    let arena = Arena::new().await;
    for attack in endless() {
        let (called, took) = cancelled(&arena, attack.clone()).await;
        let error = called.result.unwrap_err();
        assert_eq!(error.fault(), Fault::Cancelled, "{attack:?}: {error}");
        assert_eq!(error.code().as_str(), "cancelled");
        assert!(took < PROMPTLY, "{attack:?}: {took:?}");
        assert!(0 < called.usage.fuel, "{attack:?}: {:?}", called.usage);
        arena.neighbour.still_answers(10).await;
    }
}

#[tokio::test]
async fn a_token_cancelled_before_the_call_ends_it_at_once() {
    let arena = Arena::new().await;
    let token = CancellationToken::new();
    token.cancel();
    let request = Request::new("spin", json!({})).cancel(token);
    let called = soon(arena.host.call(&arena.hostile, request)).await;
    assert_eq!(called.result.unwrap_err().fault(), Fault::Cancelled);
}

#[tokio::test]
async fn dropping_a_call_frees_the_host() {
    let arena = Arena::new().await;
    for attack in endless() {
        let at = Instant::now();
        let request = request(attack.0, attack.1.clone());
        let dropped = tokio::time::timeout(A_WHILE, arena.host.call(&arena.hostile, request)).await;
        assert!(dropped.is_err(), "{attack:?} ended by itself");
        assert!(at.elapsed() < A_WHILE + PROMPTLY, "{attack:?}");
        arena.neighbour.still_answers(10).await;
    }
}
