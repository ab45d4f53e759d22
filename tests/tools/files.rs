//! `files`, in Rust: the folders that were granted, and nothing else.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Shipped;

/// A project of some files, with something beside it.
fn project() -> tempfile::TempDir {
    let whole = tempfile::tempdir().expect("a folder");
    let data = whole.path().join("data");
    fs::create_dir_all(data.join("notes")).expect("a folder");
    fs::write(data.join("readme.md"), "# Fox\nA quick fox.\n").expect("a file");
    fs::write(data.join("notes/a.txt"), "no\nTODO: a fox\n").expect("a file");
    fs::write(whole.path().join("secret.txt"), "a secret fox").expect("a file");
    std::os::unix::fs::symlink("../secret.txt", data.join("out")).expect("a link");
    whole
}

fn grant(whole: &Path, mode: &str) -> Vec<String> {
    vec![format!("fs={}:{mode}@/data", whole.join("data").display())]
}

#[tokio::test]
async fn what_is_granted_is_listed_read_and_searched() {
    let whole = project();
    let Some(tool) = Shipped::granted("files", &grant(whole.path(), "ro")).await else {
        return;
    };
    assert_eq!(tool.answer("folders", json!({})).await, json!(["/data"]));
    let arguments = json!({ "path": "/data", "options": { "depth": 2 } });
    let listing = tool.answer("list", arguments).await;
    let entry = |path: &str, kind: &str, bytes: u64| -> Value {
        json!({ "path": path, "kind": kind, "bytes": bytes })
    };
    let expected = json!([
        entry("/data/notes", "folder", 0),
        entry("/data/notes/a.txt", "file", 15),
        entry("/data/out", "link", 0),
        entry("/data/readme.md", "file", 19),
    ]);
    assert_eq!(listing, json!({ "entries": expected, "complete": true }));
    let arguments = json!({ "path": "/data/readme.md", "options": { "from-line": 2 } });
    let content = tool.answer("read", arguments).await;
    assert_eq!(content["text"], "A quick fox.\n");
    let arguments = json!({ "path": "/data", "pattern": "(?i)fox" });
    let matches = tool.answer("search", arguments).await;
    let lines = matches["found"].as_array().expect("matches").iter();
    let lines: Vec<_> = lines.map(|found| found["text"].clone()).collect();
    assert_eq!(lines, ["# Fox", "A quick fox.", "TODO: a fox"]);
    assert_eq!(
        (&matches["files"], &matches["skipped"]),
        (&json!(2), &json!(0))
    );
}

#[tokio::test]
async fn it_is_denied_and_told_what_would_allow_it() {
    let whole = project();
    let Some(tool) = Shipped::granted("files", &grant(whole.path(), "ro")).await else {
        return;
    };
    let arguments = json!({ "path": "/data/new.txt", "text": "x" });
    let error = tool.error("write", arguments).await;
    assert!(
        error.starts_with("policy/denied: writing `/data` is not granted"),
        "{error}"
    );
    let error = tool.error("read", json!({ "path": "/other/a.txt" })).await;
    assert!(
        error.starts_with("policy/denied: reading `/other` is not granted"),
        "{error}"
    );
    let error = tool.error("read", json!({ "path": "/data/out" })).await;
    assert!(error.starts_with("component/error: "), "{error}");
    let error = tool.error("read", json!({ "path": "/data/none" })).await;
    assert_eq!(
        error,
        "component/error: the tool failed: /data/none: No such file or directory (os error 44)"
    );
}

#[tokio::test]
async fn what_is_granted_is_written() {
    let whole = project();
    let Some(tool) = Shipped::granted("files", &grant(whole.path(), "rw")).await else {
        return;
    };
    let write = |text: &str, existing: &str| json!({ "path": "/data/log/today.txt", "text": text, "existing": existing });
    assert_eq!(tool.answer("write", write("one", "fail")).await, 3);
    assert_eq!(tool.answer("write", write("+two", "append")).await, 7);
    let file = whole.path().join("data/log/today.txt");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "one+two");
    let error = tool.error("write", write("x", "fail")).await;
    assert!(
        error.starts_with("component/error: the tool failed: /data/log/today.txt: "),
        "{error}"
    );
    assert_eq!(tool.answer("write", write("3", "replace")).await, 1);
    assert_eq!(fs::read_to_string(&file).expect("a file"), "3");
}

#[tokio::test]
async fn a_typical_job_is_far_from_every_limit() {
    let whole = project();
    let line = "the quick brown fox jumps over the lazy dog, call 0123456789 in 2024\n";
    let folder = whole.path().join("data/many");
    fs::create_dir(&folder).expect("a folder");
    for number in 0..100 {
        let text = line.repeat(10_000 / line.len());
        fs::write(folder.join(format!("{number}.txt")), text).expect("a file");
    }
    let Some(tool) = Shipped::granted("files", &grant(whole.path(), "rw")).await else {
        return;
    };
    let arguments = json!({ "path": "/data/many", "pattern": "19[0-9][0-9]" });
    let found = tool.typical("search", arguments).await;
    assert_eq!(
        (&found["files"], &found["complete"]),
        (&json!(100), &json!(true))
    );
    let text = line.repeat(300 << 10 >> 6);
    let arguments = json!({ "path": "/data/large.txt", "text": text });
    assert_eq!(tool.typical("write", arguments).await, text.len());
    let content = tool
        .typical("read", json!({ "path": "/data/large.txt" }))
        .await;
    assert_eq!(content["complete"], true);
}
