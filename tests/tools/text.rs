//! `text`, in Rust.

use serde_json::json;

use super::Shipped;

/// A megabyte of text in lines.
fn megabyte() -> String {
    let line = "the quick brown fox jumps over the lazy dog, call 0123456789 in 2024\n";
    line.repeat((1 << 20) / line.len())
}

#[tokio::test]
async fn a_typical_job_is_far_from_every_limit() {
    let Some(tool) = Shipped::new("text").await else {
        return;
    };
    let text = megabyte();
    let lines = text.lines().count();
    let counted = tool.typical("count", json!({ "text": text })).await;
    assert_eq!(counted["lines"], lines);
    let arguments = json!({ "text": text, "pattern": "20[0-9][0-9]" });
    let found = tool.typical("extract", arguments).await;
    assert!(!found.is_null(), "{found}");
    let old = text.split_at(100 << 10).0;
    let new = old.replace("lazy", "sleepy");
    let arguments = json!({ "old": old, "new": new });
    let diff = tool.typical("diff", arguments).await;
    assert!(!diff.is_null(), "{diff}");
}
