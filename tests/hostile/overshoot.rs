//! How far past its deadline a call can get.

use std::time::Duration;

use patinox::Limits;
use serde_json::json;

use super::Arena;
use crate::support::{self, call_within, code, forge};

const WALL: Duration = Duration::from_millis(200);
const OVERSHOOT: Duration = Duration::from_millis(200);

/// Best of three: the machine may be busy with something else.
#[tokio::test]
async fn a_guest_that_computes_ends_at_its_deadline() {
    let arena = Arena::new().await;
    let limits = Limits {
        wall_ms: u64::try_from(WALL.as_millis()).unwrap(),
        ..Limits::default()
    };
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let call = ("spin", json!({}));
        let called = call_within(&arena.host, &arena.hostile, call, limits).await;
        assert_eq!(code(&called), "limit/wall");
        assert!(WALL <= called.usage.wall, "{:?}", called.usage);
        best = best.min(called.usage.wall);
    }
    assert!(best < WALL + OVERSHOOT, "{best:?}");
    arena.neighbour.still_answers(10).await;
}

/// Fuel does not see what the engine copies between two guests; the strict
/// profile does.
#[tokio::test]
async fn guests_that_pass_text_to_each_other_end_at_their_deadline() {
    let arena = Arena::new().await;
    let component = support::load(&arena.host, &forge::passes_text_for_ever()).await;
    assert_eq!(
        component
            .component()
            .expect("a component")
            .profile()
            .as_str(),
        "strict"
    );
    assert_eq!(
        arena
            .hostile
            .component()
            .expect("a component")
            .profile()
            .as_str(),
        "lean"
    );
    let limits = Limits {
        wall_ms: u64::try_from(WALL.as_millis()).unwrap(),
        ..Limits::default()
    };
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let called = call_within(&arena.host, &component, ("run", json!({})), limits).await;
        assert_eq!(code(&called), "limit/wall");
        best = best.min(called.usage.wall);
    }
    assert!(best < WALL + OVERSHOOT, "{best:?}");
    arena.neighbour.still_answers(10).await;
}
