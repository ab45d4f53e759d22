//! O09: a storm of traps, where the environment asks for backtraces: it is the
//! first of them that the system's symbols would be read for.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::field::Field;
use super::on_two_cores;
use super::said::assert_ours;
use crate::support::{call, code, process};

const TRAPS: u32 = 10_000;

/// What a trap may take, ten times: a guard against hangs.
const AT_ONCE: Duration = Duration::from_millis(10);

/// It runs itself once more, as nothing changes the environment of a process
/// that runs.
#[test]
fn a_storm_of_traps_leaves_nothing() {
    if asks_for_backtraces() {
        return on_two_cores(storm());
    }
    let name = concat!(module_path!(), "::a_storm_of_traps_leaves_nothing");
    let (_, name) = name.split_once("::").expect("a crate's name");
    let itself = std::env::current_exe().expect("the program of the tests");
    let mut again = Command::new(itself);
    again.args(["--exact", name, "--nocapture"]);
    let ended = again.env("RUST_BACKTRACE", "1").output();
    let ended = ended.expect("the program of the tests");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let also = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}\n{also}");
    assert!(said.contains("1 passed"), "{said}");
    eprint!("{also}");
}

fn asks_for_backtraces() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment is what this is about"
    )]
    let backtraces = std::env::var("RUST_BACKTRACE");
    backtraces.is_ok_and(|value| value == "1")
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
