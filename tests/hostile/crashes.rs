//! Guests that end themselves, one way or another, and take nothing with them.

use patinox::{Called, PatinoxError};
use patinox_sandbox::Error as Sandbox;
use patinox_tools::Error as Tools;
use serde_json::{Value, json};

use super::{Arena, wide};
use crate::support::{call, code, forge, load};

async fn attack(arena: &Arena, function: &str, arguments: Value) -> Called {
    let called = call(&arena.host, &arena.hostile, function, arguments).await;
    arena.neighbour.still_answers(10).await;
    called
}

#[tokio::test]
async fn a_trap_ends_one_call() {
    let arena = Arena::new().await;
    let called = attack(&arena, "trap", json!({})).await;
    assert_eq!(code(&called), "component/trap");
    assert!(0 < called.usage.fuel, "{:?}", called.usage);
    let text = called.result.unwrap_err().to_string();
    insta::assert_snapshot!(text, @"the tool crashed: wasm `unreachable` instruction executed");
}

#[tokio::test]
async fn a_stack_that_overflows_ends_one_call() {
    let arena = Arena::new().await;
    let called = attack(&arena, "recurse", json!({})).await;
    assert_eq!(code(&called), "component/stack");
    let called = attack(&arena, "recurse", json!({ "depth": 1_000 })).await;
    assert_eq!(called.result.unwrap(), dived(1_000));
}

/// What `recurse` answers.
fn dived(depth: u64) -> Value {
    let step = |inner: u64, depth: u64| inner.rotate_left(7).wrapping_mul(31) ^ depth;
    wide((1..=depth).fold(1, step))
}

#[tokio::test]
async fn the_status_of_an_exit_is_data() {
    let arena = Arena::new().await;
    // WASI 0.2 tells success from failure and no more.
    for (given, told) in [(0, 0), (1, 1), (77, 1)] {
        let called = attack(&arena, "exit-with", json!({ "code": given })).await;
        assert_eq!(code(&called), "component/exit");
        match called.result {
            Err(PatinoxError::Tools(Tools::Sandbox(Sandbox::Exit { status }))) => {
                assert_eq!(status, told);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_status_of_an_exit_is_never_that_of_the_program() {
    let home = tempfile::tempdir().unwrap();
    for given in ["0", "1", "77"] {
        let mut patinox = std::process::Command::new(env!("CARGO_BIN_EXE_patinox"));
        patinox.args(["call", "demo:hostile#exit-with"]);
        patinox.env_clear().env("HOME", home.path());
        let output = patinox.arg(format!("code={given}")).output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{output:?}");
    }
}

#[tokio::test]
async fn no_state_survives_a_call() {
    let arena = Arena::new().await;
    for text in ["a secret of the first caller", "a secret of the second"] {
        let called = attack(&arena, "remember", json!({ "text": text })).await;
        assert_eq!(called.result.unwrap(), json!(""));
        assert!(!format!("{:?}", called.output).contains("secret"));
    }
}

#[tokio::test]
async fn a_crash_leaves_nothing_for_the_next_call() {
    let arena = Arena::new().await;
    for _ in 0..20 {
        attack(&arena, "trap", json!({})).await;
        let called = attack(&arena, "remember", json!({ "text": "x" })).await;
        assert_eq!(called.result.unwrap(), json!(""));
    }
}

/// What a component asks for at its start is its own fault, never the host's.
#[tokio::test]
async fn a_component_that_asks_for_too_much_is_to_blame() {
    let arena = Arena::new().await;
    for (module, ends) in [
        ("(memory 1)".repeat(20), "limit/memories"),
        ("(table 20000 funcref)".to_owned(), "limit/table-elements"),
        ("(table 1 funcref)".repeat(90), "limit/tables"),
    ] {
        let text = format!(
            r#"(component
                (core module $m {module} (func (export "run")))
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "run"))))"#
        );
        let component = load(&arena.host, &forge::component(&text)).await;
        let called = call(&arena.host, &component, "run", json!({})).await;
        assert_eq!(code(&called), ends, "{called:?}");
    }
    arena.neighbour.still_answers(10).await;
}
