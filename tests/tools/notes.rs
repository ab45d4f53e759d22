//! `notes`, in Rust: what outlives a call, where that is granted.

use serde_json::{Value, json};

use super::Shipped;

const WRITE: &str = "kv=notes:rw";

/// In a folder of this test's own.
async fn notes(grants: &[&str], folder: &tempfile::TempDir) -> Option<Shipped> {
    let grants: Vec<_> = grants.iter().map(|&grant| grant.to_owned()).collect();
    Shipped::kept_in("notes", &grants, folder.path()).await
}

fn texts(page: &Value) -> Vec<&str> {
    let notes = page["notes"].as_array().expect("notes").iter();
    notes.filter_map(|note| note["text"].as_str()).collect()
}

#[tokio::test]
async fn notes_are_there_for_the_next_call_and_the_next_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(tool) = notes(&[WRITE], &folder).await else {
        return;
    };
    for (text, id) in [("buy milk", 1), ("call Ada", 2), ("buy bread", 3)] {
        assert_eq!(tool.answer("add", json!({ "text": text })).await, id);
    }
    tool.answer("edit", json!({ "id": 2, "text": "call Bob" }))
        .await;
    tool.answer("remove", json!({ "id": 1 })).await;
    drop(tool);
    let next = notes(&["kv=notes:ro"], &folder).await.expect("it is built");
    let page = next.answer("list", json!({})).await;
    assert_eq!(
        (texts(&page), &page["complete"]),
        (vec!["call Bob", "buy bread"], &json!(true))
    );
    let found = next.answer("search", json!({ "words": "BUY" })).await;
    assert_eq!(texts(&found), ["buy bread"]);
    let error = next.error("get", json!({ "id": 1 })).await;
    assert_eq!(
        error,
        "component/error: the tool failed: there is no note 1"
    );
}

#[tokio::test]
async fn it_is_denied_and_told_what_would_allow_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(tool) = notes(&[], &folder).await else {
        return;
    };
    let error = tool.error("add", json!({ "text": "x" })).await;
    assert_eq!(
        error,
        "policy/denied: writing the key-value namespace `notes` is not granted, and then the tool \
         failed: the namespace `notes` is not granted"
    );
    let reads = notes(&["kv=notes:ro"], &folder).await.expect("it is built");
    let error = reads.error("add", json!({ "text": "x" })).await;
    assert_eq!(
        error,
        "policy/denied: writing the key-value namespace `notes` is not granted, and then the tool \
         failed: the namespace `notes` is not granted"
    );
    let page = reads.answer("list", json!({})).await;
    assert!(texts(&page).is_empty(), "{page}");
}

#[tokio::test]
async fn a_typical_job_is_far_from_every_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(tool) = notes(&[WRITE], &folder).await else {
        return;
    };
    for number in 0..120 {
        let text = format!("note {number}: the quick brown fox jumps over the lazy dog");
        tool.typical("add", json!({ "text": text })).await;
    }
    let page = tool
        .typical("list", json!({ "options": { "limit": 1_000 } }))
        .await;
    assert_eq!(texts(&page).len(), 120);
    let found = tool.typical("search", json!({ "words": "note 119" })).await;
    assert_eq!(texts(&found).len(), 1);
}
