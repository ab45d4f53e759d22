//! What goes wrong in C ends its own call, by the right code.

use serde_json::json;

use super::Shipped;
use crate::support::Neighbour;

#[tokio::test]
async fn a_crash_in_c_ends_its_own_call() {
    let Some(crash) = Shipped::new("crash").await else {
        return;
    };
    let eight = crash
        .answer("divide", json!({ "dividend": 17, "divisor": 2 }))
        .await;
    assert_eq!(eight, 8);
    for (tool, arguments, expected) in [
        (
            "divide",
            json!({ "dividend": 1, "divisor": 0 }),
            "component/trap: the tool crashed: integer divide by zero",
        ),
        (
            "peek",
            json!({ "address": u32::MAX }),
            "component/trap: the tool crashed: out of bounds memory access",
        ),
        (
            "give-up",
            json!({}),
            "component/trap: the tool crashed: wasm `unreachable` instruction executed",
        ),
        (
            "refuse",
            json!({ "why": "no\u{1b}[2J" }),
            "component/error: the tool failed: no\\u{1b}[2J",
        ),
    ] {
        assert_eq!(crash.error(tool, arguments).await, expected);
    }
    Neighbour::of(&crash.host).await.still_answers(4).await;
}
