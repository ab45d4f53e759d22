//! Storms of calls into the host: they cost fuel and time like any other work.

use patinox::{Called, Limits};
use serde_json::json;

use super::Arena;
use crate::support::{call_within, code};

/// The least fuel that one call into the host costs.
const FUEL_PER_CALL: u64 = 1_000;

async fn storm(arena: &Arena, calls: u64, limits: Limits) -> Called {
    let call = ("rounds-of-calls", json!({ "n": calls }));
    let neighbour = tokio::spawn(arena.neighbour.still_answers(2_000));
    let called = call_within(&arena.host, &arena.hostile, call, limits).await;
    neighbour.await.expect("the neighbour beside the attack");
    called
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_is_counted_and_charged() {
    let arena = Arena::new().await;
    let called = storm(&arena, 1_000, Limits::default()).await;
    assert_eq!(called.result.as_ref().ok(), Some(&json!(1_000)));
    let usage = called.usage;
    assert!((1_000..1_100).contains(&usage.host_calls), "{usage:?}");
    assert!(1_000 * FUEL_PER_CALL <= usage.fuel, "{usage:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fuel_stops_a_storm() {
    let arena = Arena::new().await;
    let limits = Limits {
        fuel: 20_000_000,
        host_calls: u64::MAX,
        ..Limits::default()
    };
    let called = storm(&arena, 1_000_000, limits).await;
    assert_eq!(code(&called), "limit/fuel");
    let usage = called.usage;
    let most = limits.fuel / FUEL_PER_CALL;
    assert!((most / 2..=most).contains(&usage.host_calls), "{usage:?}");
    assert_eq!(usage.fuel, limits.fuel);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wall_stops_a_storm() {
    let arena = Arena::new().await;
    let limits = Limits {
        fuel: u64::MAX >> 1,
        host_calls: u64::MAX,
        wall_ms: 100,
        ..Limits::default()
    };
    let called = storm(&arena, u64::MAX, limits).await;
    assert_eq!(code(&called), "limit/wall");
    assert!(0 < called.usage.host_calls);
}

/// On one thread the neighbour gets its turns only because the storm gives
/// them.
#[tokio::test]
async fn a_storm_leaves_turns_to_others() {
    let arena = Arena::new().await;
    let limits = Limits {
        fuel: u64::MAX >> 1,
        host_calls: u64::MAX,
        wall_ms: 1_000,
        ..Limits::default()
    };
    let storm = call_within(
        &arena.host,
        &arena.hostile,
        ("rounds-of-calls", json!({ "n": u64::MAX.to_string() })),
        limits,
    );
    tokio::select! {
        called = storm => panic!("the storm ended first: {called:?}"),
        () = arena.neighbour.still_answers(10) => {}
    }
}
