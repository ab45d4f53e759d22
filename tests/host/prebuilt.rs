//! The components that the program carries are what `components` builds.

use std::path::Path;

use patinox::{Host, Loaded};
use serde_json::{Value, json};

use crate::support::{self, guests};

/// Both forms of a component, where the guests are built.
async fn both(host: &Host, name: &str, prebuilt: &Path) -> Option<[Loaded; 2]> {
    let built = guests::built(name)?;
    let prebuilt = std::fs::read(prebuilt).unwrap();
    Some([
        support::load(host, &prebuilt).await,
        support::load(host, &built).await,
    ])
}

/// Checks that both export the same, import the same, and answer the same.
async fn check(name: &str, prebuilt: &Path, calls: &[(&str, Value)]) {
    let host = support::host();
    let Some([prebuilt, built]) = both(&host, name, prebuilt).await else {
        return;
    };
    let tools = |component: &Loaded| -> Vec<_> {
        let tools = component.tools().iter();
        tools
            .map(|tool| (tool.signature(), tool.spec().clone()))
            .collect()
    };
    assert_eq!(tools(&prebuilt), tools(&built), "{name}");
    assert_eq!(
        prebuilt.component().expect("a component").docs(),
        built.component().expect("a component").docs()
    );
    let imports =
        [&prebuilt, &built].map(|component| component.component().expect("a component").imports());
    let [first, second] = imports.map(without_versions);
    assert_eq!(first, second, "{name}");
    for (tool, arguments) in calls {
        let mut answers = Vec::new();
        for component in [&prebuilt, &built] {
            let called = support::call(&host, component, tool, arguments.clone()).await;
            let answer = called.result.map_err(|error| error.to_string());
            answers.push((answer, called.output));
        }
        assert_eq!(answers[0], answers[1], "{name}#{tool}");
    }
}

/// Another standard library may import another patch version of WASI.
fn without_versions(imports: &[String]) -> Vec<&str> {
    let names = imports.iter().map(|import| import.split('@').next());
    names.flatten().collect()
}

#[tokio::test]
async fn text_is_what_is_built() {
    let text = "The cat sat.\nThe dog, too, sat down.\n";
    let calls = [
        ("count", json!({ "text": text, "options": { "top": 2 } })),
        (
            "diff",
            json!({ "old": text, "new": "The cat sat.\nNo dog.\n" }),
        ),
        (
            "diff",
            json!({ "old": "", "new": text, "options": { "form": "hunks" } }),
        ),
        (
            "extract",
            json!({ "text": text, "pattern": r"(?<who>cat|dog)\b" }),
        ),
        ("extract", json!({ "text": text, "pattern": "(" })),
    ];
    check("text", patinox_artifacts::prebuilt::text(), &calls).await;
}

#[tokio::test]
async fn files_is_what_is_built() {
    let calls = [
        ("folders", json!({})),
        ("read", json!({ "path": "/a.txt" })),
        ("search", json!({ "path": "/", "pattern": "(" })),
        ("list", json!({ "path": "/" })),
    ];
    check("files", patinox_artifacts::prebuilt::files(), &calls).await;
}

#[tokio::test]
async fn hostile_is_what_is_built() {
    let calls = [
        ("spin", json!({ "rounds": 1_000 })),
        ("hoard", json!({ "bytes": 1 << 20 })),
        ("fail", json!({ "bytes": 200 })),
        ("flood-log", json!({ "bytes": 3_000 })),
        ("flood-stdout", json!({ "bytes": 5_000 })),
        ("recurse", json!({ "depth": 100 })),
        ("trap", json!({})),
        ("exit-with", json!({ "code": 7 })),
        ("remember", json!({ "text": "a" })),
    ];
    check("hostile", patinox_artifacts::prebuilt::hostile(), &calls).await;
}
