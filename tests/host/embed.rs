//! The example for embedders runs as it stands.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::guests;

/// Cargo builds the examples with the tests, beside them.
fn example() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let example = test.parent()?.parent()?.join("examples/embed");
    if !example.exists() {
        guests::left_out("the example `embed`, which this command did not build");
        return None;
    }
    Some(example)
}

fn run(tool: &str, arguments: &str) -> Option<Output> {
    let text = patinox_artifacts::prebuilt::text();
    let mut example = Command::new(example()?);
    Some(example.arg(text).args([tool, arguments]).output().unwrap())
}

#[test]
fn the_example_calls_a_tool_and_tells_what_it_spent() {
    let Some(output) = run("count", r#"{"text": "to be or not to be"}"#) else {
        return;
    };
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.starts_with("spent: Usage { fuel: "), "{stdout}");
    let result = stdout.split_once("\nresult: ").unwrap().1;
    let result: serde_json::Value = serde_json::from_str(result).unwrap();
    assert_eq!(result["words"], 6);
}

#[test]
fn the_example_tells_what_it_spent_of_a_call_that_fails() {
    let Some(output) = run("count", r#"{"text": 7}"#) else {
        return;
    };
    assert!(!output.status.success());
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("spent: Usage { fuel: 0"), "{stdout}");
}

#[test]
fn the_example_is_short() {
    let source = include_str!("../../runtime/examples/embed.rs");
    assert!(source.lines().count() <= 40);
}
