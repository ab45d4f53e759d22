//! `json`, in TypeScript.

use serde_json::{Value, json};

use super::Shipped;

const SHOP: &str = r#"{"items": [
    {"name": "tea", "price": 4, "tags": ["hot"]},
    {"name": "ice", "price": 2.5, "tags": []},
    {"name": "cake", "price": 12, "tags": ["sweet", "new"]}
]}"#;

fn parsed(value: &Value) -> Value {
    serde_json::from_str(value.as_str().expect("a text")).expect("JSON")
}

#[tokio::test]
async fn a_path_finds_values_and_their_places() {
    let Some(tool) = Shipped::new("json").await else {
        return;
    };
    let find = async |path: &str| {
        let found = tool
            .answer("query", json!({ "document": SHOP, "path": path }))
            .await;
        let found = found.as_array().expect("a list").clone();
        let pairs = found
            .iter()
            .map(|found| (found["place"].clone(), parsed(&found["value"])));
        pairs.collect::<Vec<_>>()
    };
    assert_eq!(
        find("$.items[?@.price < 10].name").await,
        [
            (json!("$['items'][0]['name']"), json!("tea")),
            (json!("$['items'][1]['name']"), json!("ice")),
        ]
    );
    assert_eq!(find("$..tags[-1]").await.len(), 2);
    assert_eq!(find("$.nothing").await, []);
    assert_eq!(
        find("$").await[0].1,
        serde_json::from_str::<Value>(SHOP).unwrap()
    );
}

#[tokio::test]
async fn an_expression_makes_another_document() {
    let Some(tool) = Shipped::new("json").await else {
        return;
    };
    let make = async |expression: &str| {
        let arguments = json!({ "document": SHOP, "expression": expression });
        parsed(&tool.answer("transform", arguments).await)
    };
    assert_eq!(make("sum(items[].price)").await, json!(18.5));
    assert_eq!(
        make("sort_by(items, &price)[].{what: name, labels: length(tags)}").await,
        json!([
            { "what": "ice", "labels": 0 },
            { "what": "tea", "labels": 1 },
            { "what": "cake", "labels": 2 },
        ])
    );
    assert_eq!(make("nothing").await, Value::Null);
}

/// What it says, done to the first document, makes the second.
#[tokio::test]
async fn a_difference_says_what_to_do() {
    let Some(tool) = Shipped::new("json").await else {
        return;
    };
    let diff = async |before: &Value, after: &Value| {
        let arguments = json!({ "before": before.to_string(), "after": after.to_string() });
        tool.answer("diff", arguments).await
    };
    let before = json!({ "a": [1, 2], "b": { "c": "x" }, "~/": 1 });
    assert_eq!(diff(&before, &before).await, json!([]));
    let after = json!({ "a": [1], "b": { "c": "y", "d": null }, "~/": 1 });
    let changes = diff(&before, &after).await;
    let changes = changes.as_array().expect("a list");
    assert_eq!(changes.len(), 3, "{changes:?}");
    for change in [
        json!({ "operation": "remove", "pointer": "/a/1", "value": null }),
        json!({ "operation": "replace", "pointer": "/b/c", "value": "\"y\"" }),
        json!({ "operation": "add", "pointer": "/b/d", "value": "null" }),
    ] {
        assert!(changes.contains(&change), "{changes:?}");
    }
}

/// What it throws is the answer, in the tool's own words.
#[tokio::test]
async fn what_is_wrong_is_told_by_its_name() {
    let Some(tool) = Shipped::new("json").await else {
        return;
    };
    let error = async |name: &str, arguments: Value| tool.error(name, arguments).await;
    let cut = json!({ "document": "{\"a\":", "path": "$" });
    insta::assert_snapshot!(error("query", cut).await, @"component/error: the tool failed: `document` is not JSON: Unexpected end of JSON input");
    let path = json!({ "document": "{}", "path": "$.." });
    insta::assert_snapshot!(error("query", path).await, @"component/error: the tool failed: `path` does not work: bald descendant segment ('$..':3)");
    let expression = json!({ "document": "{}", "expression": "a[" });
    insta::assert_snapshot!(error("transform", expression).await, @"component/error: the tool failed: `expression` does not work: Expected Star, got: EOF");
    let deep = json!({ "document": "[".repeat(1_000_000), "path": "$" });
    insta::assert_snapshot!(error("query", deep).await, @"component/stack: the tool crashed: its stack overflowed");
}

#[tokio::test]
async fn half_a_megabyte_is_far_from_every_limit() {
    let Some(tool) = Shipped::new("json").await else {
        return;
    };
    let item = |n: u32| json!({ "id": n, "name": format!("item {n}"), "price": n % 100 });
    let items: Vec<_> = (0..12_000).map(item).collect();
    let document = json!({ "items": items }).to_string();
    assert!(500_000 <= document.len(), "{}", document.len());
    let arguments = json!({ "document": document, "path": "$.items[?@.price == 7].id" });
    let found = tool.typical("query", arguments).await;
    assert_eq!(found.as_array().map(Vec::len), Some(120));
    let arguments = json!({ "document": document, "expression": "max(items[].price)" });
    assert_eq!(tool.typical("transform", arguments).await, "99");
}

/// The interpreter's own helper is none of them.
#[tokio::test]
async fn its_tools_are_what_its_world_exports() {
    let Some(tool) = Shipped::new("json").await else {
        return;
    };
    assert_eq!(
        tool.component.component().expect("a component").imports(),
        [] as [String; 0]
    );
    let tools = tool.component.tools().iter();
    let names: Vec<_> = tools.map(|tool| tool.spec().name.as_str()).collect();
    assert_eq!(names, ["query", "transform", "diff"]);
}
